//! Whether something has changed since it was read. Everything that can change has an id, and each
//! id a shard; forgetting it writes the present number into the shard, and raises it. What was read
//! at an earlier number is not believed any more: so an old row that a slow load brings in after a
//! change is not, whoever stores it when.

use std::sync::atomic::{AtomicU64, Ordering};

/// Which ids share a shard does not matter: what is read of one of them is read once more than need
/// be.
const SHARDS: usize = 4096;

/// Of whom something was read, and when.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    shard: usize,
    read_at: Moment,
}

/// A moment before something was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

/// When each shard was last forgotten.
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
    /// Before something is read.
    pub fn now(&self) -> Moment {
        Moment(self.now.load(Ordering::Acquire))
    }

    /// What is read of `id` was asked for after `read_at`.
    pub fn stamp(id: &str, read_at: Moment) -> Stamp {
        Stamp { shard: shard(id), read_at }
    }

    /// Whether nothing of the shard was forgotten since.
    pub fn is_current(&self, stamp: Stamp) -> bool {
        let forgotten_at = self.forgotten_at.get(stamp.shard);
        forgotten_at.is_none_or(|at| at.load(Ordering::Acquire) <= stamp.read_at.0)
    }

    /// What was read of `id` is not true any more.
    pub fn forget(&self, id: &str) {
        // First the number: whoever reads after this sees what was changed before.
        let now = self.now.fetch_add(1, Ordering::AcqRel).saturating_add(1);
        if let Some(shard) = self.forgotten_at.get(shard(id)) {
            shard.fetch_max(now, Ordering::AcqRel);
        }
    }

    /// Nothing of what was read is true any more.
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
