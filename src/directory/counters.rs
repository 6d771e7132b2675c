//! Usage counts by the id of a client or API key: of the cached ones, and of evicted ones until
//! their flush.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The counts by id. A cached entry holds its own, so that a request needs no look-up here.
#[derive(Debug)]
pub struct Counters<K, C>(Mutex<HashMap<K, Arc<C>>>);

impl<K, C> Default for Counters<K, C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq + Ord + Clone, C: Default> Counters<K, C> {
    /// The counts of an id, created if absent.
    pub fn of(&self, id: &K) -> Arc<C> {
        Arc::clone(self.lock().entry(id.clone()).or_default())
    }

    /// The counts of an id, if they exist.
    pub fn known<Q>(&self, id: &Q) -> Option<Arc<C>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.lock().get(id).cloned()
    }

    /// Takes counts out of all ids with `take`. Ids without counts that no cached entry holds are
    /// removed.
    pub fn take<T>(&self, mut take: impl FnMut(&K, &C) -> Option<T>) -> Vec<T> {
        let mut taken = Vec::new();
        let mut counters = self.lock();
        // Another holder is a cached entry, or a request that is being answered.
        counters.retain(|id, own| {
            let something = take(id, own);
            let is_kept = something.is_some() || Arc::strong_count(own) > 1;
            taken.extend(something);
            is_kept
        });
        taken
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Arc<C>>> {
        // No code panics while it holds the lock, and counts cannot be inconsistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
