//! Cached users by id: the owners of API keys that were exchanged for access tokens. Any change of
//! a user makes the entry stale.

use super::generations::{Generation, Generations, Stamp};
use super::memory::{Memory, Remembered};
use crate::model::user::{User, UserId};

/// A cached user.
#[derive(Debug)]
pub struct KnownUser {
    /// The user.
    pub user: User,
    stamp: Stamp,
}

impl KnownUser {
    /// An entry that was read after `read_at`.
    pub(super) fn new(user: User, read_at: Generation) -> Self {
        let stamp = Generations::stamp(user.id.as_str(), read_at);
        Self { user, stamp }
    }
}

impl Remembered for KnownUser {
    type Key = UserId;
    const CAPACITY: usize = 4096;
    /// Few: an id is only looked up for a token that was signed here.
    const ABSENT_CAPACITY: usize = 1024;

    fn is_current(&self, generations: &Generations) -> bool {
        generations.is_current(self.stamp)
    }
}

/// The cache of users.
pub type Users = Memory<KnownUser>;
