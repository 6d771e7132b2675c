//! Sessions by the digest of their cookie, as many as fit, each with who is logged in. What is
//! remembered of one goes with any change of its user.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::generations::{Generations, Moment, Stamp};
use super::memory::{Memory, Remembered};
use crate::clock::{Clock, Timestamp};
use crate::model::session::Session;
use crate::model::user::User;
use crate::secret::digest::SecretDigest;
use crate::store::StoreError;

/// The most sessions that are remembered.
const CAPACITY: usize = 4096;

/// The most digests of no session that are remembered.
const UNKNOWN_CAPACITY: usize = 1024;

/// What is remembered of a session.
#[derive(Debug)]
pub struct KnownSession {
    /// The session.
    pub session: Session,
    /// Who is logged in.
    pub user: User,
    /// When this node last saw it, in milliseconds.
    seen_at: AtomicI64,
    /// The sight that the store was told of last.
    told_at: AtomicI64,
    stamp: Stamp,
}

impl KnownSession {
    /// When it was last seen, as far as this node knows.
    #[must_use]
    pub fn seen_at(&self) -> Timestamp {
        Timestamp::from_millis(self.seen_at.load(Ordering::Relaxed))
    }

    /// Notes that it is used. Tells whether the store is to be told, which is so once in each
    /// `every`, however many ask.
    pub fn see(&self, now: Timestamp, every: Duration) -> bool {
        self.seen_at.fetch_max(now.as_millis(), Ordering::Relaxed);
        let told_at = self.told_at.load(Ordering::Relaxed);
        now.minus(every).as_millis() >= told_at
            && self
                .told_at
                .compare_exchange(told_at, now.as_millis(), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

impl Remembered for KnownSession {
    type Key = SecretDigest;

    fn absence(_: &SecretDigest, _: Moment) -> Option<Stamp> {
        // Nobody can have asked for a session that began after that.
        None
    }

    fn is_current(&self, generations: &Generations) -> bool {
        generations.is_current(self.stamp)
    }
}

pub struct Sessions(Memory<KnownSession>);

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sessions({})", self.0.len().0)
    }
}

impl Sessions {
    pub fn new(clock: Arc<dyn Clock>, generations: Arc<Generations>) -> Self {
        Self(Memory::new(CAPACITY, UNKNOWN_CAPACITY, generations, clock))
    }

    /// What is known of the session with this digest: nothing; that there is none; the session.
    #[expect(clippy::option_option, reason = "not known is not the same as known not to exist")]
    pub fn remembered(&self, digest: &SecretDigest) -> Option<Option<Arc<KnownSession>>> {
        self.0.get(digest)
    }

    /// Loads a session, and who is logged in, and remembers it. Callers that ask for the same
    /// meanwhile share the load.
    pub async fn load<F, Loading>(
        &self,
        digest: &SecretDigest,
        load: F,
    ) -> Result<Option<Arc<KnownSession>>, StoreError>
    where
        F: Fn() -> Loading,
        Loading: Future<Output = Result<Option<(Session, User)>, StoreError>>,
    {
        let load = |read_at, _| {
            let loading = load();
            async move {
                let Some((session, user)) = loading.await? else { return Ok(None) };
                let seen_at = session.seen_at.as_millis();
                Ok(Some(KnownSession {
                    seen_at: seen_at.into(),
                    told_at: seen_at.into(),
                    stamp: Generations::stamp(user.id.as_str(), read_at),
                    session,
                    user,
                }))
            }
        };
        self.0.load(digest, load).await
    }

    /// Forgets one session, which another node may have seen more lately.
    pub fn forget(&self, digest: &SecretDigest) {
        self.0.remove(digest);
    }

    /// Frees the room of all that was forgotten.
    pub fn clear(&self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::{Sessions, UNKNOWN_CAPACITY};
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
    async fn what_is_remembered_of_sessions_that_there_are_not_is_bounded() {
        let (sessions, digests) = (sessions(), DigestKey::new(&[1; 32]));
        for number in 0..UNKNOWN_CAPACITY * 2 {
            let digest = digests.digest_text(&number.to_string());
            assert!(sessions.load(&digest, || async { Ok(None) }).await.unwrap().is_none());
        }
        let (known, unknown) = sessions.0.len();
        assert!(known == 0 && unknown <= UNKNOWN_CAPACITY, "{known} {unknown}");
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
        let load = || async { Ok(Some((session.clone(), user.clone()))) };
        let known = sessions.load(&digest, load).await.unwrap().unwrap();
        let told = |secs| known.see(at(secs), Duration::from_secs(10));
        assert_eq!(
            [1, 9, 10, 11, 19, 20, 20].map(told),
            [false, false, true, false, false, true, false]
        );
        assert_eq!(known.seen_at(), at(20));
        sessions.forget(&digest);
        assert!(sessions.remembered(&digest).is_none());
    }
}
