//! Takes turns at writing to an SQLite file. SQLite has no queue: a process that finds the file
//! locked polls it, at most ten times a second, so a series of transactions by one writer hardly
//! lets others in. Waiting writers therefore hold a shared lock on a file beside the database, and
//! an import waits before each batch until no such lock is held. Best effort: without the file
//! nothing fails.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::file_lock;

/// The queue of writers of one SQLite file.
#[derive(Debug)]
pub struct Turn {
    database: PathBuf,
    /// The file of the waiting writers, and the file of the checking process: a process is one or
    /// the other.
    files: OnceLock<Option<(File, File)>>,
    /// The number of waiting writers in this process, under one lock.
    waiting: Mutex<usize>,
}

/// A waiting writer, until it is dropped.
pub struct Waiting<'a>(&'a Turn);

impl Turn {
    pub fn beside(database: &Path) -> Self {
        Self { database: database.to_owned(), files: OnceLock::new(), waiting: Mutex::new(0) }
    }

    /// Created by the first writer: a reader leaves no files behind.
    fn files(&self) -> Option<&(File, File)> {
        let open = || file_lock::open(&self.database, ".write-lock").ok();
        self.files.get_or_init(|| open().zip(open())).as_ref()
    }

    /// Announces a waiting writer.
    pub fn wait(&self) -> Waiting<'_> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((shared, _)) = self.files().filter(|_| *waiting == 0) {
            // Fails during a check by another process, which needs no announcement.
            shared.try_lock_shared().ok();
        }
        *waiting += 1;
        Waiting(self)
    }

    /// Waits until no other writer waits, with a limit: a busy server always has one.
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
