//! What a node remembers of one kind of things, as many as fit, by what they are asked for with;
//! and of which it knows that there are none. Loads of the same thing are shared.
//!
//! Something that was forgotten stays until the next load, which may take over what is still true
//! of it.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quick_cache::Equivalent;
use quick_cache::sync::Cache;

use super::generations::{Generations, Moment, Stamp};
use crate::clock::Clock;
use crate::store::StoreError;

/// How long it is remembered that there is nothing. That something is made is an event, and this
/// forgotten at once.
pub const ABSENT_FOR: Duration = Duration::from_mins(1);

/// Something that is remembered.
pub trait Remembered {
    /// What it is asked for with.
    type Key: Hash + Eq + Clone;

    /// Of what the absence of something with this key is to be believed; nothing when it cannot
    /// come into being unasked for.
    fn absence(key: &Self::Key, read_at: Moment) -> Option<Stamp>;

    /// Whether nothing that it was made of has changed since.
    fn is_current(&self, generations: &Generations) -> bool;
}

/// That there was nothing, and when. Beside that of its shard it carries the generation of all
/// absences.
#[derive(Clone, Copy)]
struct Absence {
    stamp: Option<Stamp>,
    era: u64,
    since: Duration,
}

/// Why a load brought nothing.
enum NotLoaded {
    /// There is no such thing.
    Absent,
    /// The store failed.
    Failed(StoreError),
}

pub struct Memory<V: Remembered> {
    known: Cache<V::Key, Arc<V>>,
    /// Apart from those that there are, so that guessing pushes out guesses alone.
    absent: Cache<V::Key, Absence>,
    generations: Arc<Generations>,
    /// The generation of all absences.
    era: AtomicU64,
    clock: Arc<dyn Clock>,
}

impl<V: Remembered> Memory<V> {
    /// Nothing is remembered yet; at most so many things are, and so many absences.
    pub fn new(
        capacity: usize,
        absent_capacity: usize,
        generations: Arc<Generations>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            known: Cache::new(capacity),
            absent: Cache::new(absent_capacity),
            generations,
            era: AtomicU64::default(),
            clock,
        }
    }

    /// How many things are remembered, and how many absences.
    pub fn len(&self) -> (usize, usize) {
        (self.known.len(), self.absent.len())
    }

    /// What is known with `key`: nothing; that there is no such thing; the thing.
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

    /// Loads something and remembers it. Callers that ask for the same meanwhile share the load,
    /// unless it changed since the load began. `load` is given the moment before it reads, and
    /// what was known before.
    pub async fn load<F, Loading>(
        &self,
        key: &V::Key,
        load: F,
    ) -> Result<Option<Arc<V>>, StoreError>
    where
        F: Fn(Moment, Option<Arc<V>>) -> Loading,
        Loading: Future<Output = Result<Option<V>, StoreError>>,
    {
        /// What changes this often while it is looked up is served from the store directly.
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
            // This very one: another caller may have brought in a newer one.
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
        F: Fn(Moment, Option<Arc<V>>) -> Loading,
        Loading: Future<Output = Result<Option<V>, StoreError>>,
    {
        // Somebody who waited for another's load finds here that it found nothing.
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

    /// Forgets one thing.
    pub fn remove(&self, key: &V::Key) {
        self.known.remove(key);
    }

    /// Forgets what there is not: many were made at once. What is known stays known, or every
    /// thousand of a million new ones would send all the others to the store.
    pub fn forget_absences(&self) {
        self.era.fetch_add(1, Ordering::AcqRel);
    }

    /// Frees the room of all that is remembered, after all of it was forgotten.
    pub fn clear(&self) {
        self.forget_absences();
        self.known.clear();
    }
}
