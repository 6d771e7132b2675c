//! Limit of concurrent snapshot reads: one per client, since a read costs as much as thousands of
//! tokens.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The clients with a snapshot read in progress.
#[derive(Debug, Default)]
pub struct SnapshotReads(Mutex<HashSet<Box<str>>>);

/// A snapshot read in progress, until it is dropped.
#[derive(Debug)]
pub struct SnapshotRead<'a> {
    snapshots: &'a SnapshotReads,
    client: Box<str>,
}

impl SnapshotReads {
    /// Begins a read; `None` if another of this client is in progress.
    pub fn begin(&self, client: &str) -> Option<SnapshotRead<'_>> {
        self.clients()
            .insert(client.into())
            .then(|| SnapshotRead { snapshots: self, client: client.into() })
    }

    fn clients(&self) -> MutexGuard<'_, HashSet<Box<str>>> {
        // The set stays consistent at every step, so a panic while it is held does no harm.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SnapshotRead<'_> {
    fn drop(&mut self) {
        self.snapshots.clients().remove(&self.client);
    }
}

#[cfg(test)]
mod tests {
    use super::SnapshotReads;

    #[test]
    fn each_client_has_one_at_a_time() {
        let snapshots = SnapshotReads::default();
        let own = snapshots.begin("a").unwrap();
        assert!(snapshots.begin("a").is_none());
        assert!(snapshots.begin("b").is_some());
        drop(own);
        assert!(snapshots.begin("a").is_some());
    }
}
