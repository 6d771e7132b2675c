//! A bounded cache of one type of entry, by the key of its look-ups, and of absences: keys without an
//! entry. Concurrent loads of one key are shared.
//!
//! A stale entry stays until the next load, which may take over the parts that are still true.
//!
//! To cache another type, implement [`Remembered`] for it.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quick_cache::Equivalent;
use quick_cache::sync::Cache;

use super::generations::{Generation, Generations, Stamp};
use crate::clock::Clock;
use crate::store::StoreError;

/// The life of an absence. The event that creates the missing object ends it at once.
pub const ABSENT_FOR: Duration = Duration::from_mins(1);

/// An entry of the cache.
pub trait Remembered {
    /// The key of its look-ups.
    type Key: Hash + Eq + Clone;

    /// The maximum number of entries.
    const CAPACITY: usize;

    /// The maximum number of absences.
    const ABSENT_CAPACITY: usize;

    /// The stamp of an absence. `None` if a key is never looked up before its object exists, as
    /// with randomly generated keys.
    fn absence(_: &Self::Key, _: Generation) -> Option<Stamp> {
        None
    }

    /// `true` if no part of the entry has changed since.
    fn is_current(&self, generations: &Generations) -> bool;
}

/// An absence. Besides the generation of its shard it has that of all absences.
#[derive(Clone, Copy)]
struct Absence {
    stamp: Option<Stamp>,
    era: u64,
    since: Duration,
}

/// The reason why a load returned no entry.
enum NotLoaded {
    /// There is no such object.
    Absent,
    /// The store failed.
    Failed(StoreError),
}

/// The cache.
pub struct Memory<V: Remembered> {
    known: Cache<V::Key, Arc<V>>,
    /// Apart from the entries, so that guessed keys evict only other guesses.
    absent: Cache<V::Key, Absence>,
    generations: Arc<Generations>,
    /// The generation of all absences.
    era: AtomicU64,
    clock: Arc<dyn Clock>,
}

impl<V: Remembered> fmt::Debug for Memory<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({})", self.known.len())
    }
}

impl<V: Remembered> Memory<V> {
    /// An empty cache.
    pub fn new(clock: Arc<dyn Clock>, generations: Arc<Generations>) -> Self {
        Self {
            known: Cache::new(V::CAPACITY),
            absent: Cache::new(V::ABSENT_CAPACITY),
            generations,
            era: AtomicU64::default(),
            clock,
        }
    }

    /// The number of entries and of absences.
    #[cfg(test)]
    pub fn len(&self) -> (usize, usize) {
        (self.known.len(), self.absent.len())
    }

    /// The cached entry of `key`: unknown, known to be absent, or the entry.
    #[expect(clippy::option_option, reason = "not known is not the same as known not to exist")]
    pub fn get<Q>(&self, key: &Q) -> Option<Option<Arc<V>>>
    where
        Q: Hash + Equivalent<V::Key> + ?Sized,
    {
        if let Some(known) = self.known.get(key) {
            return known.is_current(&self.generations).then_some(Some(known));
        }
        self.is_absent(key).then_some(None)
    }

    /// Loads an entry and caches it. Concurrent callers share the load, unless the object changed
    /// since the load began. `load` gets the generation before its read, and the stale entry.
    pub async fn load<F, Loading>(
        &self,
        key: &V::Key,
        load: F,
    ) -> Result<Option<Arc<V>>, StoreError>
    where
        F: Fn(Generation, Option<Arc<V>>) -> Loading,
        Loading: Future<Output = Result<Option<V>, StoreError>>,
    {
        /// An object that changes this often during its look-ups is served without the cache.
        const ATTEMPTS: usize = 3;
        let mut before: Option<Arc<V>> = None;
        for _ in 0..ATTEMPTS {
            let loading = self.load_once(key, before.clone(), &load);
            let loaded = match self.known.get_or_insert_async(key, loading).await {
                Ok(loaded) => loaded,
                Err(NotLoaded::Absent) => return Ok(None),
                Err(NotLoaded::Failed(error)) => return Err(error),
            };
            if loaded.is_current(&self.generations) {
                return Ok(Some(loaded));
            }
            // Only this one: another caller may have loaded a newer one.
            self.known.remove_if(key, |stored| Arc::ptr_eq(stored, &loaded));
            before = Some(loaded);
        }
        match self.load_once(key, before, &load).await {
            Ok(loaded) => Ok(Some(loaded)),
            Err(NotLoaded::Absent) => Ok(None),
            Err(NotLoaded::Failed(error)) => Err(error),
        }
    }

    async fn load_once<F, Loading>(
        &self,
        key: &V::Key,
        before: Option<Arc<V>>,
        load: &F,
    ) -> Result<Arc<V>, NotLoaded>
    where
        F: Fn(Generation, Option<Arc<V>>) -> Loading,
        Loading: Future<Output = Result<Option<V>, StoreError>>,
    {
        // A caller that waited for the load of another finds its absence here.
        if self.is_absent(key) {
            return Err(NotLoaded::Absent);
        }
        let (read_at, era) = (self.generations.now(), self.era.load(Ordering::Acquire));
        if let Some(loaded) = load(read_at, before).await.map_err(NotLoaded::Failed)? {
            return Ok(Arc::new(loaded));
        }
        let absence = Absence { stamp: V::absence(key, read_at), era, since: self.clock.elapsed() };
        self.absent.insert(key.clone(), absence);
        Err(NotLoaded::Absent)
    }

    fn is_absent<Q>(&self, key: &Q) -> bool
    where
        Q: Hash + Equivalent<V::Key> + ?Sized,
    {
        self.absent.get(key).is_some_and(|absence| {
            absence.stamp.is_none_or(|stamp| self.generations.is_current(stamp))
                && absence.era == self.era.load(Ordering::Acquire)
                && self.clock.elapsed().saturating_sub(absence.since) < ABSENT_FOR
        })
    }

    /// Removes one entry.
    pub fn remove(&self, key: &V::Key) {
        self.known.remove(key);
    }

    /// Removes all absences, because many objects were created at once. The entries stay: otherwise
    /// every thousand of a million new objects would send all look-ups to the store.
    pub fn forget_absences(&self) {
        self.era.fetch_add(1, Ordering::AcqRel);
    }

    /// Frees the memory of all entries, after all of them became stale.
    pub fn clear(&self) {
        self.forget_absences();
        self.known.clear();
    }
}
