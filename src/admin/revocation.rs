//! Revokes tokens before they expire: single tokens, or all issued so far to a client or for an
//! API. (Revoking a secret or retiring a signing key revokes the tokens issued with it.)

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::{Admin, AdminError};
use crate::model::client::ClientId;
use crate::model::event::{Actor, Event, EventNumber, RevokedToken};
use crate::model::resource::ResourceUri;
use crate::store::{StoreError, api, revocation};

/// Revokes all tokens issued to a client so far. It can request new ones; to prevent that, disable
/// the client or revoke its secrets. Returns the number of the event.
///
/// # Errors
/// [`AdminError::NotFound`] if the client does not exist, [`AdminError::Forbidden`] if the caller may
/// not act for it.
pub async fn revoke_client_tokens(admin: &Admin, id: &ClientId) -> Result<EventNumber, AdminError> {
    let (id, caller) = (id.clone(), admin.clone());
    let change = admin.store.change::<(), AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            caller.acting_for_client(tx, &id).await?;
            Ok(((), Event::ClientTokensRevoked { client: id }))
        })
    });
    change.await.map(|((), number)| number)
}

/// Revokes all tokens issued for an API so far. Returns the number of the event.
///
/// # Errors
/// [`AdminError::NotFound`] if the API does not exist.
pub async fn revoke_api_tokens(
    admin: &Admin,
    resource: &ResourceUri,
) -> Result<EventNumber, AdminError> {
    let resource = resource.clone();
    let change = admin.store.change::<(), AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            if !api::exists(tx, resource.as_str()).await? {
                return Err(super::api::not_found(&resource));
            }
            Ok(((), Event::ApiTokensRevoked { resource }))
        })
    });
    change.await.map(|((), number)| number)
}

/// The reason why a token was not revoked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevokeError {
    /// The client has revoked the maximum number of tokens that have not expired.
    #[error("the client has reached its limit of revoked tokens")]
    TooMany,
    /// The revocation failed, or its outcome is unknown.
    #[error("{0}")]
    Failed(String),
}

/// Revokes single tokens, in batches: one change revokes all tokens that are waiting. Each
/// revocation is on disk before its response, and a thousand a second need far fewer transactions.
#[derive(Debug)]
pub struct Revoker {
    admin: Admin,
    /// The maximum number of revoked tokens stored per client.
    max_per_client: u32,
    waiting: Mutex<Vec<Waiting>>,
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Waiting {
    token: RevokedToken,
    answer: oneshot::Sender<Result<EventNumber, RevokeError>>,
}

/// The maximum number of tokens per change, so that other writers do not wait long.
const BATCH: usize = 200;

/// The maximum number of waiting tokens.
const MAX_WAITING: usize = 10_000;

impl Revoker {
    /// A revoker that stores at most `max_per_client` tokens per client.
    #[must_use]
    pub fn new(admin: Admin, max_per_client: u32) -> Arc<Self> {
        Arc::new(Self {
            admin,
            max_per_client,
            waiting: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        })
    }

    /// Revokes `token`. Returns the number of the event: once this node has applied it, the token
    /// is rejected here.
    ///
    /// # Errors
    /// If the token was not revoked, or the outcome is unknown.
    pub async fn revoke(self: &Arc<Self>, token: RevokedToken) -> Result<EventNumber, RevokeError> {
        let (answer, answered) = oneshot::channel();
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.len() >= MAX_WAITING {
                return Err(RevokeError::Failed("too many revocations are waiting".to_owned()));
            }
            waiting.push(Waiting { token, answer });
        }
        // In a task of its own: a client that disconnects must not cancel the batch of the others.
        let revoker = Arc::clone(self);
        tokio::spawn(async move { revoker.revoke_some().await });
        answered.await.unwrap_or_else(|_| Err(RevokeError::Failed("no answer".to_owned())))
    }

    async fn revoke_some(&self) {
        let _turn = self.turn.lock().await;
        let batch: Vec<Waiting> = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let count = waiting.len().min(BATCH);
            waiting.drain(..count).collect()
        };
        if batch.is_empty() {
            // An earlier batch included it.
            return;
        }
        let mut tokens: Vec<RevokedToken> =
            batch.iter().map(|waiting| waiting.token.clone()).collect();
        // A request may be repeated, or two programs of the client may revoke the same token.
        tokens.sort_unstable_by(|one, other| one.jti.cmp(&other.jti));
        tokens.dedup_by(|one, other| one.jti == other.jti);
        let outcome = self.change(tokens).await;
        for Waiting { token, answer } in batch {
            let outcome = match &outcome {
                Ok((too_many, _)) if too_many.contains(&token.jti) => Err(RevokeError::TooMany),
                Ok((_, number)) => Ok(*number),
                Err(error) => Err(error.clone()),
            };
            // The client may have disconnected.
            answer.send(outcome).ok();
        }
    }

    /// Revokes tokens in one change. Returns the ids of those over the limit, and the number of the
    /// event.
    async fn change(
        &self,
        tokens: Vec<RevokedToken>,
    ) -> Result<(Vec<String>, EventNumber), RevokeError> {
        let (most, now) = (self.max_per_client, self.admin.clock.now());
        let clients: Vec<&ClientId> = tokens.iter().map(|token| &token.client).collect();
        let actor = match clients.as_slice() {
            [first, rest @ ..] if rest.iter().all(|client| client == first) => {
                Actor::Client((*first).clone())
            }
            _ => Actor::System,
        };
        let change = self.admin.store.change::<Vec<String>, Refused, _>(actor, move |tx| {
            Box::pin(async move {
                let mut left: HashMap<ClientId, i64> = HashMap::new();
                let (mut kept, mut too_many) = (Vec::new(), Vec::new());
                for token in tokens {
                    let left = match left.entry(token.client.clone()) {
                        std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
                        std::collections::hash_map::Entry::Vacant(unknown) => {
                            let count =
                                revocation::count(tx, &token.client, now, most.into()).await?;
                            unknown.insert(i64::from(most).saturating_sub(count))
                        }
                    };
                    if *left > 0 {
                        *left -= 1;
                        kept.push(token);
                    } else {
                        too_many.push(token.jti);
                    }
                }
                if kept.is_empty() {
                    return Err(Refused::AllTooMany);
                }
                Ok((too_many, Event::TokensRevoked { tokens: kept }))
            })
        });
        change.await.map_err(|refused| match refused {
            Refused::AllTooMany => RevokeError::TooMany,
            Refused::Store(error) => RevokeError::Failed(error.to_string()),
        })
    }
}

/// The reason why a whole batch was not revoked.
enum Refused {
    AllTooMany,
    Store(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
