//! Reads clients.

use crate::admin::{Admin, AdminError};
use crate::clock::Timestamp;
use crate::model::client::{Client, ClientId, ClientSecret};
use crate::model::usage::LastUse;
use crate::store::client::{self, Filter};
use crate::store::usage;

/// A secret with its last use, which may lag a few seconds.
#[derive(Debug)]
pub struct KeptSecret {
    /// The secret.
    pub secret: ClientSecret,
    /// The last known use.
    pub last_use: Option<LastUse>,
    /// Start of the count of its uses: its creation, unless that was on another server or in a
    /// release that did not count.
    pub counted_since: Timestamp,
}

impl KeptSecret {
    /// True if the secret was certainly never used. Of uses before `counted_since` nothing is
    /// known.
    #[must_use]
    pub fn is_known_unused(&self) -> bool {
        self.last_use.is_none() && self.counted_since <= self.secret.created_at
    }
}

/// A client with its secrets.
///
/// # Errors
/// [`AdminError::NotFound`] if it does not exist.
pub async fn show(admin: &Admin, id: &ClientId) -> Result<(Client, Vec<KeptSecret>), AdminError> {
    let (client, secrets) =
        client::by_id(admin.store.database(), id).await?.ok_or_else(|| not_found(id))?;
    let uses = usage::last_uses(admin.store.database(), id).await?;
    // Without a recorded start nothing is known yet.
    let counted_since = usage::counted_since(admin.store.database(), id).await?;
    let counted_since = counted_since.unwrap_or_else(|| admin.clock.now());
    let with_use = |secret: ClientSecret| KeptSecret {
        last_use: uses.iter().find(|(used, _)| *used == secret.id).map(|(_, last)| *last),
        counted_since: counted_since.max(secret.created_at),
        secret,
    };
    Ok((client, secrets.into_iter().map(with_use).collect()))
}

/// A client without its secrets.
///
/// # Errors
/// [`AdminError::NotFound`] if it does not exist.
pub(super) async fn find(admin: &Admin, id: &ClientId) -> Result<Client, AdminError> {
    let found = client::by_id(admin.store.database(), id).await?;
    found.map(|(client, _)| client).ok_or_else(|| not_found(id))
}

/// Up to `limit` clients after the id `after`, ordered by id.
///
/// # Errors
/// If the store fails.
pub async fn page(
    admin: &Admin,
    after: &str,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<Client>, AdminError> {
    Ok(client::page(admin.store.database(), after, limit, filter).await?)
}

/// Up to `limit` clients, newest first, older than the one with this creation time and id.
///
/// # Errors
/// If the store fails.
pub async fn newest(
    admin: &Admin,
    before: Option<(Timestamp, ClientId)>,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<Client>, AdminError> {
    Ok(client::newest(admin.store.database(), before, limit, filter).await?)
}

pub(in crate::admin) fn not_found(id: &ClientId) -> AdminError {
    AdminError::NotFound(format!("client {id}"))
}
