//! Requests that may be repeated (`Idempotency-Key`, the hidden field of a form) and take effect
//! once. An act that creates something runs in `run` and calls `keep` in its transaction.

use std::time::Duration;

use super::{Admin, AdminError};
use crate::clock::Timestamp;
use crate::store::StoreError;
use crate::store::idempotency::{self, Earlier};
use crate::store::transaction::Tx;

/// The time in which a request may be repeated.
pub const REPEATABLE_FOR: Duration = Duration::from_hours(24);

/// A request that may be repeated.
#[derive(Debug, Clone)]
pub struct Repeatable {
    /// The key that identifies it, among requests of one caller.
    pub key: String,
    /// The digest of its content.
    pub request_digest: String,
}

/// The result of a request that creates something.
#[derive(Debug)]
pub enum Once<T> {
    /// This request created it.
    Now(T),
    /// An earlier identical request created it: its id.
    Before(String),
}

/// Runs `create` unless an identical request did so before. The future must call [`keep`] with the
/// same `repeatable`.
///
/// # Errors
/// Those of `create`; [`AdminError::Conflict`] if an earlier request with the same key had another
/// content.
pub(super) async fn run<T>(
    admin: &Admin,
    repeatable: Option<&Repeatable>,
    create: impl Future<Output = Result<T, AdminError>>,
) -> Result<Once<T>, AdminError> {
    if let Some(id) = before(admin, repeatable).await? {
        return Ok(Once::Before(id));
    }
    match create.await {
        // Two identical requests arrived at once, and the other one was first.
        Err(AdminError::Store(StoreError::Conflict)) if repeatable.is_some() => {
            let id = before(admin, repeatable).await?;
            id.map(Once::Before).ok_or(AdminError::Store(StoreError::Conflict))
        }
        created => created.map(Once::Now),
    }
}

/// The id of what an earlier identical request created.
async fn before(
    admin: &Admin,
    repeatable: Option<&Repeatable>,
) -> Result<Option<String>, AdminError> {
    let Some(repeatable) = repeatable else { return Ok(None) };
    let (caller, now) = (admin.actor.to_string(), admin.clock.now());
    let earlier =
        idempotency::earlier(admin.store.database(), &caller, &repeatable.key, now).await?;
    let Some(earlier) = earlier else { return Ok(None) };
    if earlier.request_digest != repeatable.request_digest {
        let reason = "another request was sent with this Idempotency-Key before";
        return Err(AdminError::Conflict(reason.to_owned()));
    }
    Ok(Some(earlier.subject))
}

/// Records, in the same transaction, that the request created `subject`.
///
/// # Errors
/// [`StoreError::Conflict`] if an identical request at the same moment was first.
pub(super) async fn keep(
    tx: &mut Tx,
    admin: &Admin,
    repeatable: Option<Repeatable>,
    subject: &str,
    now: Timestamp,
) -> Result<(), AdminError> {
    let Some(Repeatable { key, request_digest }) = repeatable else { return Ok(()) };
    let made = Earlier { request_digest, subject: subject.to_owned() };
    let (by, until) = (admin.actor.to_string(), now.plus(REPEATABLE_FOR));
    Ok(idempotency::insert(tx, &by, &key, &made, now, until).await?)
}
