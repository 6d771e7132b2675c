//! People by id, as many as fit: those whose API keys were made into tokens. What is remembered of
//! one goes with any change of them.

use std::fmt;
use std::sync::Arc;

use super::generations::{Generations, Moment, Stamp};
use super::memory::{Memory, Remembered};
use crate::clock::Clock;
use crate::model::user::{User, UserId};
use crate::store::StoreError;

/// The most people who are remembered.
const CAPACITY: usize = 4096;

/// The most of whom it is remembered that they are gone. Nobody is asked for but by a token that
/// was signed here.
const UNKNOWN_CAPACITY: usize = 1024;

/// What is remembered of somebody.
#[derive(Debug)]
pub struct KnownUser {
    /// The user.
    pub user: User,
    stamp: Stamp,
}

impl KnownUser {
    /// What was read after `read_at`.
    pub(super) fn new(user: User, read_at: Moment) -> Self {
        let stamp = Generations::stamp(user.id.as_str(), read_at);
        Self { user, stamp }
    }
}

impl Remembered for KnownUser {
    type Key = UserId;

    fn absence(_: &UserId, _: Moment) -> Option<Stamp> {
        // Nobody can have asked for somebody who was made known after that.
        None
    }

    fn is_current(&self, generations: &Generations) -> bool {
        generations.is_current(self.stamp)
    }
}

pub struct Users(Memory<KnownUser>);

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Users({})", self.0.len().0)
    }
}

impl Users {
    pub fn new(clock: Arc<dyn Clock>, generations: Arc<Generations>) -> Self {
        Self(Memory::new(CAPACITY, UNKNOWN_CAPACITY, generations, clock))
    }

    /// What is known of the user with this id: nothing; that there is none; the user.
    #[expect(clippy::option_option, reason = "not known is not the same as known not to exist")]
    pub fn remembered(&self, id: &UserId) -> Option<Option<Arc<KnownUser>>> {
        self.0.get(id)
    }

    /// Loads a user, and remembers them. Callers that ask for the same meanwhile share the load.
    pub async fn load<F, Loading>(
        &self,
        id: &UserId,
        load: F,
    ) -> Result<Option<Arc<KnownUser>>, StoreError>
    where
        F: Fn() -> Loading,
        Loading: Future<Output = Result<Option<User>, StoreError>>,
    {
        let load = |read_at, _| {
            let loading = load();
            async move { Ok(loading.await?.map(|user| KnownUser::new(user, read_at))) }
        };
        self.0.load(id, load).await
    }

    /// Frees the room of all that was forgotten.
    pub fn clear(&self) {
        self.0.clear();
    }
}
