//! Invalidation of cached entries. Each id has a shard. Forgetting an id raises the current
//! generation and writes it into the shard; an entry that was read at an earlier generation is then
//! stale. So is an old row that a slow load returns after a change.

use std::sync::atomic::{AtomicU64, Ordering};

/// Ids in the same shard only cost each other a needless read.
const SHARDS: usize = 4096;

/// The shard of a cached entry, and the generation at which the entry was read.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    shard: usize,
    read_at: Generation,
}

/// A generation: it grows with every id that is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(u64);

/// The generation at which each shard was last forgotten.
#[derive(Debug)]
pub struct Generations {
    now: AtomicU64,
    forgotten_at: Vec<AtomicU64>,
}

impl Default for Generations {
    fn default() -> Self {
        let forgotten_at = std::iter::repeat_with(AtomicU64::default).take(SHARDS).collect();
        Self { now: AtomicU64::default(), forgotten_at }
    }
}

impl Generations {
    /// The current generation, to be asked for before a read.
    pub fn now(&self) -> Generation {
        Generation(self.now.load(Ordering::Acquire))
    }

    /// The stamp of an entry of `id` that is read after `read_at`.
    pub fn stamp(id: &str, read_at: Generation) -> Stamp {
        Stamp { shard: shard(id), read_at }
    }

    /// `true` if the shard has not been forgotten since.
    pub fn is_current(&self, stamp: Stamp) -> bool {
        let forgotten_at = self.forgotten_at.get(stamp.shard);
        forgotten_at.is_none_or(|at| at.load(Ordering::Acquire) <= stamp.read_at.0)
    }

    /// Makes all entries of `id` stale.
    pub fn forget(&self, id: &str) {
        // First the generation: a read after this sees what was changed before.
        let now = self.now.fetch_add(1, Ordering::AcqRel).saturating_add(1);
        if let Some(shard) = self.forgotten_at.get(shard(id)) {
            shard.fetch_max(now, Ordering::AcqRel);
        }
    }

    /// Makes all entries stale.
    pub fn forget_all(&self) {
        let now = self.now.fetch_add(1, Ordering::AcqRel).saturating_add(1);
        for shard in &self.forgotten_at {
            shard.fetch_max(now, Ordering::AcqRel);
        }
    }
}

/// FNV-1a.
fn shard(id: &str) -> usize {
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    usize::try_from(hash % SHARDS as u64).unwrap_or(0)
}
