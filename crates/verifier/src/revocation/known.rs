//! The known revocations in memory: found in a fraction of a microsecond among millions, and bounded,
//! since each entry expires with the last token that it could revoke.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::collections::hash_map::Entry as Place;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::clock::Timestamp;
use crate::model::revocation::{CutOffs, Kind, Mark, Revocation, TokenNames};

/// The number of parts, each with a lock and a table of its own, so that no table grows by much at
/// once.
const SHARDS: usize = 64;

/// The known revocations. Verification reads them; a follower of the issuer writes them, and on
/// Mintery's own nodes the follower of the database.
pub struct Revocations {
    shards: [RwLock<Shard>; SHARDS],
    hasher: RandomState,
    /// Incremented with each new revocation: a check at the same version need not be repeated.
    version: AtomicU64,
    next_to_clean: AtomicUsize,
    /// The number of entries of each kind.
    counts: [AtomicUsize; Kind::ALL.len()],
}

type Shard = HashMap<Mark, Entry>;

/// 32 bytes with its mark.
#[derive(Debug, Clone, Copy)]
struct Entry {
    number: u64,
    /// Seconds since the epoch, rounded up.
    until: u32,
}

impl Default for Revocations {
    fn default() -> Self {
        Self {
            shards: std::array::from_fn(|_| RwLock::default()),
            hasher: RandomState::new(),
            version: AtomicU64::new(1),
            next_to_clean: AtomicUsize::new(0),
            counts: std::array::from_fn(|_| AtomicUsize::default()),
        }
    }
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Revocations({})", self.len())
    }
}

impl Revocations {
    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Returns true if there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A number that changes whenever a token may have been revoked.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Returns true if the token with these names is revoked.
    #[must_use]
    pub fn voids(&self, token: &TokenNames<'_>) -> bool {
        token.are_void(self)
    }

    /// Adds revocations. Of two with one mark the later event counts, until the later expiry.
    pub fn add(&self, revocations: impl IntoIterator<Item = Revocation>) {
        for revocation in revocations {
            self.put(&mut write(self.shard(revocation.mark)), &revocation);
        }
        // Last: a reader that sees the number sees the entries.
        self.version.fetch_add(1, Ordering::AcqRel);
    }

    /// Replaces all entries by `revocations`, after the issuer's history changed.
    pub fn replace(&self, revocations: impl IntoIterator<Item = Revocation>) {
        let mut shards: Vec<Shard> = std::iter::repeat_with(Shard::new).take(SHARDS).collect();
        for revocation in revocations {
            if let Some(shard) = shards.get_mut(self.shard_number(revocation.mark)) {
                // Counted before it is visible, so that no reader skips it.
                self.put(shard, &revocation);
            }
        }
        for (old, new) in self.shards.iter().zip(shards) {
            let old = std::mem::replace(&mut *write(old), new);
            self.uncount(old.keys());
        }
        self.version.fetch_add(1, Ordering::AcqRel);
    }

    /// Removes the entries that are expired at `now` from one part; the next call cleans the next.
    pub fn clean_some(&self, now: Timestamp) {
        let number = self.next_to_clean.fetch_add(1, Ordering::Relaxed);
        let Some(shard) = self.shards.get(number.checked_rem(SHARDS).unwrap_or(0)) else { return };
        let is_live = |entry: &Entry| i64::from(entry.until) > now.as_secs();
        if read(shard).values().all(is_live) {
            return;
        }
        let mut shard = write(shard);
        self.uncount(shard.extract_if(|_, entry| !is_live(entry)).map(|(mark, _)| mark));
        let live = shard.len();
        if shard.capacity() > live.saturating_mul(4) {
            shard.shrink_to(live.saturating_mul(2));
        }
    }

    fn put(&self, shard: &mut Shard, revocation: &Revocation) {
        let entry = Entry::of(revocation);
        match shard.entry(revocation.mark) {
            Place::Vacant(place) => {
                place.insert(entry);
                self.count(revocation.mark.kind()).fetch_add(1, Ordering::Relaxed);
            }
            Place::Occupied(mut place) => {
                let known = place.get_mut();
                known.number = known.number.max(entry.number);
                known.until = known.until.max(entry.until);
            }
        }
    }

    fn count(&self, kind: Kind) -> &AtomicUsize {
        let [first, ..] = &self.counts;
        Kind::ALL
            .iter()
            .zip(&self.counts)
            .find(|(own, _)| **own == kind)
            .map_or(first, |(_, count)| count)
    }

    fn uncount<M: Borrow<Mark>>(&self, gone: impl Iterator<Item = M>) {
        for mark in gone {
            self.count(mark.borrow().kind()).fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn shard(&self, mark: Mark) -> &RwLock<Shard> {
        // The number is always in range; the first part is a fallback for the type checker.
        let [first, ..] = &self.shards;
        self.shards.get(self.shard_number(mark)).unwrap_or(first)
    }

    fn shard_number(&self, mark: Mark) -> usize {
        // The upper bits, since the tables use the lower ones.
        usize::try_from(self.hasher.hash_one(mark) >> 40).unwrap_or(0) % SHARDS
    }
}

impl CutOffs for Revocations {
    fn has(&self, kind: Kind) -> bool {
        self.count(kind).load(Ordering::Relaxed) > 0
    }

    fn number(&self, mark: Mark) -> Option<u64> {
        Some(read(self.shard(mark)).get(&mark)?.number)
    }
}

impl Entry {
    fn of(revocation: &Revocation) -> Self {
        let until = revocation.until.as_secs().saturating_add(1);
        Self { number: revocation.number, until: u32::try_from(until.max(0)).unwrap_or(u32::MAX) }
    }
}

/// No code panics while it holds the lock.
fn read(shard: &RwLock<Shard>) -> RwLockReadGuard<'_, Shard> {
    shard.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(shard: &RwLock<Shard>) -> RwLockWriteGuard<'_, Shard> {
    shard.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{Revocations, SHARDS};
    use crate::clock::Timestamp;
    use crate::model::revocation::{CutOffs as _, Kind, Mark, Revocation, TokenNames};

    fn revocation(name: &str, number: u64, until: i64) -> Revocation {
        Revocation {
            mark: Mark::of(Kind::Client, name),
            number,
            until: Timestamp::from_secs(until),
        }
    }

    fn is_void(revocations: &Revocations, client: &str) -> bool {
        let (subject, client_id) = (client, client);
        revocations.voids(&TokenNames {
            jti: "x",
            id: None,
            subject,
            client_id,
            kid: "kid",
            audience: &[],
        })
    }

    #[test]
    fn the_later_one_holds_for_as_long_as_the_longer() {
        let revocations = Revocations::default();
        let before = revocations.version();
        revocations.add([revocation("a", 5, 100), revocation("b", 5, 10)]);
        assert_ne!(revocations.version(), before);
        revocations.add([revocation("a", 3, 50)]);
        assert_eq!(revocations.number(Mark::of(Kind::Client, "a")), Some(5));
        for _ in 0..SHARDS {
            revocations.clean_some(Timestamp::from_secs(99));
        }
        assert!(is_void(&revocations, "a") && !is_void(&revocations, "b"));
        for _ in 0..SHARDS {
            revocations.clean_some(Timestamp::from_secs(102));
        }
        assert!(revocations.is_empty());
    }

    #[test]
    fn another_history_replaces_what_was_known() {
        let revocations = Revocations::default();
        revocations.add([revocation("a", 5, 100)]);
        let before = revocations.version();
        revocations.replace([revocation("b", 1, 100)]);
        assert_ne!(revocations.version(), before);
        assert!(!is_void(&revocations, "a") && is_void(&revocations, "b"));
        assert_eq!(revocations.len(), 1);
    }
}
