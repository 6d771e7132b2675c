//! Cached sessions by the digest of their cookie, each with its user. Any change of the user makes
//! the entry stale.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::generations::{Generation, Generations, Stamp};
use super::memory::{Memory, Remembered};
use crate::clock::Timestamp;
use crate::model::session::Session;
use crate::model::user::User;
use crate::secret::digest::SecretDigest;

/// A cached session.
#[derive(Debug)]
pub struct KnownSession {
    /// The session.
    pub session: Session,
    /// Its user.
    pub user: User,
    /// The last use of the session as this node knows it, in Unix milliseconds.
    seen_at: AtomicI64,
    /// The last use that was written to the store.
    stored_at: AtomicI64,
    stamp: Stamp,
}

impl KnownSession {
    /// An entry that was read after `read_at`.
    pub(super) fn new(session: Session, user: User, read_at: Generation) -> Self {
        let seen_at = session.seen_at.as_millis();
        Self {
            seen_at: seen_at.into(),
            stored_at: seen_at.into(),
            stamp: Generations::stamp(user.id.as_str(), read_at),
            session,
            user,
        }
    }

    /// The last use of the session, as far as this node knows.
    #[must_use]
    pub fn seen_at(&self) -> Timestamp {
        Timestamp::from_millis(self.seen_at.load(Ordering::Relaxed))
    }

    /// Notes a use of the session. Returns whether to write it to the store, which is so once in
    /// each `every`, for one of the callers.
    pub fn see(&self, now: Timestamp, every: Duration) -> bool {
        self.seen_at.fetch_max(now.as_millis(), Ordering::Relaxed);
        let stored_at = self.stored_at.load(Ordering::Relaxed);
        now.minus(every).as_millis() >= stored_at
            && self
                .stored_at
                .compare_exchange(stored_at, now.as_millis(), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

impl Remembered for KnownSession {
    type Key = SecretDigest;
    const CAPACITY: usize = 4096;
    const ABSENT_CAPACITY: usize = 1024;

    fn is_current(&self, generations: &Generations) -> bool {
        generations.is_current(self.stamp)
    }
}

/// The cache of sessions.
pub type Sessions = Memory<KnownSession>;

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::{KnownSession, Remembered as _, Sessions};
    use crate::clock::{Clock, ManualClock, Timestamp};
    use crate::model::scope::ScopeSet;
    use crate::model::session::{Session, SessionId};
    use crate::model::user::{Role, User, UserId, Username};
    use crate::random::SystemRandom;
    use crate::secret::digest::DigestKey;

    fn sessions() -> Sessions {
        Sessions::new(
            ManualClock::starting_at(Timestamp::from_secs(0)) as Arc<dyn Clock>,
            Arc::default(),
        )
    }

    /// SEC-3
    #[tokio::test]
    async fn cached_absences_of_sessions_are_bounded() {
        let (sessions, digests) = (sessions(), DigestKey::new(&[1; 32]));
        for number in 0..KnownSession::ABSENT_CAPACITY * 2 {
            let digest = digests.digest_text(&number.to_string());
            assert!(sessions.load(&digest, |_, _| async { Ok(None) }).await.unwrap().is_none());
        }
        let (known, unknown) = sessions.len();
        assert!(known == 0 && unknown <= KnownSession::ABSENT_CAPACITY, "{known} {unknown}");
    }

    #[tokio::test]
    async fn the_store_is_told_of_a_sight_now_and_then() {
        let (sessions, at) = (sessions(), Timestamp::from_secs);
        let user = User {
            id: UserId::generate(&SystemRandom),
            username: Username::parse("ann").unwrap(),
            role: Role::Member,
            scopes: ScopeSet::default(),
            resources: Vec::new(),
            granted_as_of: crate::model::event::EventNumber::default(),
            created_at: at(0),
            disabled_at: None,
            second_factor_at: None,
        };
        let session = Session {
            id: SessionId::generate(&SystemRandom),
            user: user.id.clone(),
            created_at: at(0),
            expires_at: at(1000),
            seen_at: at(0),
            address: None,
            user_agent: String::new(),
        };
        let digest = DigestKey::new(&[1; 32]).digest_text("a");
        let load = |read_at, _| {
            let known = KnownSession::new(session.clone(), user.clone(), read_at);
            async { Ok(Some(known)) }
        };
        let known = sessions.load(&digest, load).await.unwrap().unwrap();
        let told = |secs| known.see(at(secs), Duration::from_secs(10));
        assert_eq!(
            [1, 9, 10, 11, 19, 20, 20].map(told),
            [false, false, true, false, false, true, false]
        );
        assert_eq!(known.seen_at(), at(20));
        sessions.remove(&digest);
        assert!(sessions.get(&digest).is_none());
    }
}
