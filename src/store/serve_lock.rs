//! One server per SQLite file: replay ids and counts live in the memory of the one process that serves it.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::OpenError;

/// Held as long as this process serves the file; the operating system lets go of it when the process dies, however.
#[derive(Debug)]
pub struct ServeLock {
    _file: File,
}

impl ServeLock {
    /// Takes the lock beside the database at `database`.
    ///
    /// # Errors
    /// When another process has it.
    pub fn take(database: &Path) -> Result<Self, OpenError> {
        let mut name = database.as_os_str().to_owned();
        name.push(".serve-lock");
        let path = Path::new(&name);
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
        let file = file.map_err(|error| OpenError::File {
            path: path.display().to_string(),
            reason: error.to_string(),
        })?;
        file.try_lock().map_err(|_| OpenError::ServedElsewhere(database.display().to_string()))?;
        Ok(Self { _file: file })
    }
}
