//! Whose turn it is to write to an SQLite file. SQLite lets no one wait in line: whoever finds the
//! file locked looks again, ten times a second in the end, and somebody who writes one transaction
//! after the other hardly ever lets them in. So all who wait say so, by a shared lock on a file
//! beside the database, and an import, before each of its batches, waits until nobody does. It is a
//! courtesy: where the file cannot be made nothing goes wrong.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::file_lock;

/// The line of writers of one SQLite file.
#[derive(Debug)]
pub struct Turn {
    database: PathBuf,
    /// The file of those who wait, and that of the one who looks whether somebody does: a process
    /// is one of the two.
    files: OnceLock<Option<(File, File)>>,
    /// How many of this process wait: all under one lock.
    waiting: Mutex<usize>,
}

/// Somebody waits to write, as long as this lives.
pub struct Waiting<'a>(&'a Turn);

impl Turn {
    pub fn beside(database: &Path) -> Self {
        Self { database: database.to_owned(), files: OnceLock::new(), waiting: Mutex::new(0) }
    }

    /// Made when somebody writes, not before: whoever only looks leaves nothing behind.
    fn files(&self) -> Option<&(File, File)> {
        let open = || file_lock::open(&self.database, ".write-lock").ok();
        self.files.get_or_init(|| open().zip(open())).as_ref()
    }

    /// Says that somebody waits to write.
    pub fn wait(&self) -> Waiting<'_> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((shared, _)) = self.files().filter(|_| *waiting == 0) {
            // Fails for the moment in which somebody looks: then there is no need to be seen.
            shared.try_lock_shared().ok();
        }
        *waiting += 1;
        Waiting(self)
    }

    /// Waits until nobody waits to write, but not for ever: a busy server always has somebody.
    pub async fn let_others_go_first(&self) {
        const LOOKS: u32 = 250;
        const PAUSE: Duration = Duration::from_millis(2);
        let Some((_, exclusive)) = self.files() else { return };
        for _ in 0..LOOKS {
            if exclusive.try_lock().is_ok() {
                exclusive.unlock().ok();
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        *waiting = waiting.saturating_sub(1);
        if let Some((shared, _)) = self.0.files().filter(|_| *waiting == 0) {
            shared.unlock().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Turn;

    #[tokio::test]
    async fn a_series_waits_for_those_who_wait() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("x.db");
        std::fs::write(&database, "").unwrap();
        let (server, import) = (Turn::beside(&database), Turn::beside(&database));
        import.let_others_go_first().await;
        let (first, second) = (server.wait(), server.wait());
        drop(first);
        let go_on = import.let_others_go_first();
        tokio::pin!(go_on);
        assert!(tokio::time::timeout(Duration::from_millis(50), &mut go_on).await.is_err());
        drop(second);
        tokio::time::timeout(Duration::from_millis(400), &mut go_on).await.unwrap();
    }
}
