//! For whom a part of a snapshot is being read: each client one at a time, since each costs as much
//! as thousands of tokens.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The clients for whom one is being read.
#[derive(Debug, Default)]
pub struct Snapshots(Mutex<HashSet<Box<str>>>);

/// One that is being read for as long as this is kept.
#[derive(Debug)]
pub struct Begun<'a> {
    snapshots: &'a Snapshots,
    client: Box<str>,
}

impl Snapshots {
    /// Begins one; nothing when another is being read for this client.
    pub fn begin(&self, client: &str) -> Option<Begun<'_>> {
        self.clients()
            .insert(client.into())
            .then(|| Begun { snapshots: self, client: client.into() })
    }

    fn clients(&self) -> MutexGuard<'_, HashSet<Box<str>>> {
        // The set stays consistent at every step, so a panic while it is held does no harm.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.snapshots.clients().remove(&self.client);
    }
}

#[cfg(test)]
mod tests {
    use super::Snapshots;

    #[test]
    fn each_client_has_one_at_a_time() {
        let snapshots = Snapshots::default();
        let own = snapshots.begin("a").unwrap();
        assert!(snapshots.begin("a").is_none());
        assert!(snapshots.begin("b").is_some());
        drop(own);
        assert!(snapshots.begin("a").is_some());
    }
}
