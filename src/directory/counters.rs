//! What is counted of those that are remembered, and of those that are not any more and have
//! something to tell.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts by the id of what they are of. Who is remembered holds its own, so that a request looks
/// nothing up here.
#[derive(Debug)]
pub struct Counters<K, C>(Mutex<HashMap<K, Arc<C>>>);

impl<K, C> Default for Counters<K, C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq + Ord + Clone, C: Default> Counters<K, C> {
    /// The counts of what is being remembered.
    pub fn of(&self, id: &K) -> Arc<C> {
        Arc::clone(self.lock().entry(id.clone()).or_default())
    }

    /// The same, if there are any.
    pub fn known<Q>(&self, id: &Q) -> Option<Arc<C>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.lock().get(id).cloned()
    }

    /// What `take` takes out of all of them. Those that have nothing to tell, and that nobody
    /// holds, are forgotten.
    pub fn take<T>(&self, mut take: impl FnMut(&K, &C) -> Option<T>) -> Vec<T> {
        let mut taken = Vec::new();
        let mut counters = self.lock();
        // Whoever else holds one is remembered, or is being answered.
        counters.retain(|id, own| {
            let something = take(id, own);
            let is_kept = something.is_some() || Arc::strong_count(own) > 1;
            taken.extend(something);
            is_kept
        });
        taken
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Arc<C>>> {
        // Nobody panics while they hold it; and counts are counts.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
