//! Sessions of users. The password was checked before (`authn::log_in`).

use std::net::IpAddr;
use std::time::Duration;

use super::user::not_found;
use super::{Admin, AdminError, second_factor};
use crate::model::event::{Actor, Event};
use crate::model::session::{self as form, Session, SessionId};
use crate::model::user::{SecondFactorRule, User, UserId};
use crate::secret::Secret;
use crate::secret::digest::DigestKey;
use crate::secret::hash::SecretHash;
use crate::store::{session, user};

/// The policy of sessions.
#[derive(Debug, Clone)]
pub struct SessionPolicy {
    /// The key of their digests.
    pub digests: DigestKey,
    /// The maximum time without use.
    pub idle: Duration,
    /// The maximum lifetime.
    pub lifetime: Duration,
    /// The users who must set up a second factor.
    pub second_factor: SecondFactorRule,
}

impl SessionPolicy {
    /// The default policy: 12 hours without use, a week in total.
    #[must_use]
    pub const fn usual(digests: DigestKey) -> Self {
        Self {
            digests,
            idle: Duration::from_hours(12),
            lifetime: Duration::from_hours(7 * 24),
            second_factor: SecondFactorRule::Nobody,
        }
    }
}

/// The maximum number of sessions of a user: another one ends the oldest.
const MOST: i64 = 50;

/// The origin of a log-in.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The address.
    pub address: Option<IpAddr>,
    /// The User-Agent of the browser.
    pub user_agent: String,
}

/// A new session with the value of its cookie, which is returned only here.
#[derive(Debug)]
pub struct NewSession {
    /// The session.
    pub session: Session,
    /// The user.
    pub user: User,
    /// The value of the cookie.
    pub cookie: Secret,
}

/// Begins a session of a user whose password has the hash `checked`. Returns `None` if the user is
/// disabled, or the password has changed meanwhile. Spends the code of a second factor.
///
/// # Errors
/// [`AdminError::CodeNeeded`] and [`AdminError::WrongCode`].
pub async fn log_in(
    admin: &Admin,
    id: &UserId,
    checked: SecretHash,
    code: Option<Secret>,
    place: Place,
) -> Result<Option<NewSession>, AdminError> {
    let (now, cookie) = (admin.clock.now(), form::new_cookie(&*admin.random));
    let row = Session {
        id: SessionId::generate(&*admin.random),
        user: id.clone(),
        created_at: now,
        expires_at: now.plus(admin.sessions.lifetime),
        seen_at: now,
        address: place.address,
        user_agent: form::user_agent(&place.user_agent),
    };
    let (digest, caller) = (admin.sessions.digests.digest(&cookie), admin.clone());
    let change =
        admin.store.change::<(Session, User), AdminError, _>(Actor::User(id.clone()), move |tx| {
            Box::pin(async move {
                let found = user::lock(tx, &row.user).await?;
                let still_may =
                    |(user, hash): &(User, SecretHash)| user.is_enabled() && *hash == checked;
                let (user, _) = found.filter(still_may).ok_or_else(|| not_found(&row.user))?;
                let code = match (user.second_factor_at, code) {
                    (None, _) => None,
                    (Some(_), None) => return Err(AdminError::CodeNeeded),
                    (Some(_), Some(code)) => {
                        Some(second_factor::spend(&caller, tx, &row.user, &code).await?)
                    }
                };
                session::delete_oldest(tx, &row.user, MOST - 1).await?;
                session::insert(tx, &row, &digest).await?;
                let event =
                    Event::UserLoggedIn { user: row.user.clone(), session: row.id.clone(), code };
                Ok(((row, user), event))
            })
        });
    match change.await {
        Ok(((session, user), _)) => Ok(Some(NewSession { session, user, cookie })),
        Err(AdminError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Ends a session at log-out. Accepts one that has already ended.
///
/// # Errors
/// If the store fails.
pub async fn log_out(admin: &Admin, user: &UserId, id: &SessionId) -> Result<(), AdminError> {
    let event = Event::UserLoggedOut { user: user.clone(), session: id.clone() };
    match end(admin, user, id, event).await {
        Err(AdminError::NotFound(_)) => Ok(()),
        done => done,
    }
}

/// The active sessions of a user, newest first.
///
/// # Errors
/// If the store fails.
pub async fn list(admin: &Admin, user: &UserId) -> Result<Vec<Session>, AdminError> {
    let now = admin.clock.now();
    let sessions = session::of_user(admin.store.database(), user, now).await?;
    let idle = admin.sessions.idle;
    Ok(sessions
        .into_iter()
        .filter(|session| !session.is_over(session.seen_at, now, idle))
        .collect())
}

/// Ends a session of a user from elsewhere.
///
/// # Errors
/// [`AdminError::NotFound`] if the user has no such session; [`AdminError::Forbidden`] if the user
/// is not the caller and has a role with scopes that the caller does not hold.
pub async fn revoke(admin: &Admin, user: &UserId, id: &SessionId) -> Result<(), AdminError> {
    let event = Event::UserSessionRevoked { user: user.clone(), session: id.clone() };
    end(admin, user, id, event).await
}

/// Ends all sessions of a user except `kept`. Returns their number.
///
/// # Errors
/// [`AdminError::NotFound`] if the user does not exist; [`AdminError::Forbidden`] as in [`revoke`].
pub async fn revoke_all(
    admin: &Admin,
    id: &UserId,
    kept: Option<SessionId>,
) -> Result<u64, AdminError> {
    let (caller, id) = (admin.clone(), id.clone());
    let change = admin.store.change::<u64, AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let authority = caller.authority(tx).await?;
            let (user, _) = user::lock(tx, &id).await?.ok_or_else(|| not_found(&id))?;
            authority.to_log_out(&user)?;
            let count = session::delete_all(tx, &id, kept.as_ref()).await?;
            Ok((count, Event::UserSessionsRevoked { user: id, kept, count }))
        })
    });
    change.await.map(|(count, _)| count)
}

async fn end(admin: &Admin, user: &UserId, id: &SessionId, event: Event) -> Result<(), AdminError> {
    let (caller, user, id) = (admin.clone(), user.clone(), id.clone());
    let change = admin.store.change::<(), AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let authority = caller.authority(tx).await?;
            if let Some((user, _)) = user::lock(tx, &user).await? {
                authority.to_log_out(&user)?;
            }
            if !session::delete(tx, &user, &id).await? {
                return Err(AdminError::NotFound(format!("session {id}")));
            }
            Ok(((), event))
        })
    });
    change.await.map(drop)
}
