//! Locks beside an SQLite file. The operating system releases them when their process ends, however
//! it does.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::OpenError;

/// A lock, held until it is dropped.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the right to serve the database at `path`. One server per file: replay ids and counts
    /// live in the memory of its process.
    ///
    /// # Errors
    /// If another process has it.
    pub fn to_serve(path: &Path) -> Result<Self, OpenError> {
        let file = open(path, ".serve-lock")?;
        file.try_lock().map_err(|_| OpenError::ServedElsewhere(path.display().to_string()))?;
        Ok(Self { _file: file })
    }

    /// Takes the right to change the tables of the database at `path`; waits for its holder.
    pub(super) async fn to_migrate(path: &Path) -> Result<Self, OpenError> {
        let failed = |reason: String| OpenError::File { path: path.display().to_string(), reason };
        let file = open(path, ".migrate-lock")?;
        let locking = tokio::task::spawn_blocking(move || file.lock().map(|()| file));
        let locked = locking.await.map_err(|error| failed(error.to_string()))?;
        Ok(Self { _file: locked.map_err(|error| failed(error.to_string()))? })
    }
}

/// Opens the lock file beside the database, by its real path: a link leads to the same file.
pub(super) fn open(database: &Path, suffix: &str) -> Result<File, OpenError> {
    let failed = |path: &Path, error: std::io::Error| OpenError::File {
        path: path.display().to_string(),
        reason: error.to_string(),
    };
    let mut name =
        database.canonicalize().map_err(|error| failed(database, error))?.into_os_string();
    name.push(suffix);
    let path = Path::new(&name);
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    file.map_err(|error| failed(path, error))
}
