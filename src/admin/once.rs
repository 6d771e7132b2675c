//! Requests that may be sent again, and are done once.

use std::time::Duration;

use super::{Admin, AdminError};
use crate::clock::Timestamp;
use crate::store::idempotency::{self, Earlier};
use crate::store::transaction::Tx;

/// How long a request may be sent again.
pub const REPEATABLE_FOR: Duration = Duration::from_hours(24);

/// A request that may be sent again, and is done once.
#[derive(Debug, Clone)]
pub struct Repeatable {
    /// By what it is known again.
    pub key: String,
    /// The digest of what it asks for.
    pub request_digest: String,
}

/// What came of a request to make something.
#[derive(Debug)]
pub enum Once<T> {
    /// It was made.
    Now(T),
    /// It was made when the request was sent before: this is its id.
    Before(String),
}

/// The id of what was made when the request was sent before.
///
/// # Errors
/// [`AdminError::Conflict`] when it asked for something else.
pub(super) async fn before(
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

/// Keeps that the request has made `subject`, in the same transaction.
///
/// # Errors
/// [`StoreError::Conflict`](crate::store::StoreError::Conflict) when the same request was sent
/// twice at once, and the other was first.
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
