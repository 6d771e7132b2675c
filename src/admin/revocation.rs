//! What is taken back before it expires: tokens, one by one, or all of a client or for an API that
//! were issued so far. (Those that were asked for with a secret are void once the secret is
//! revoked, those that a key signed once it is retired.)

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::{Admin, AdminError};
use crate::model::client::ClientId;
use crate::model::event::{Actor, Event, EventNumber, RevokedToken};
use crate::model::resource::ResourceUri;
use crate::store::{StoreError, api, client, revocation};

/// Makes all tokens of a client void that were issued so far. It gets new ones as before: who does
/// not want that disables the client, or revokes its secrets. Gives the number of the event.
///
/// # Errors
/// [`AdminError::NotFound`] when there is no such client.
pub async fn revoke_client_tokens(admin: &Admin, id: &ClientId) -> Result<EventNumber, AdminError> {
    let id = id.clone();
    let change = admin.store.change::<(), AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            client::lock(tx, &id).await?.ok_or_else(|| super::client::not_found(&id))?;
            Ok(((), Event::ClientTokensRevoked { client: id }))
        })
    });
    change.await.map(|((), number)| number)
}

/// Makes all tokens for an API void that were issued so far. Gives the number of the event.
///
/// # Errors
/// [`AdminError::NotFound`] when there is no such API.
pub async fn revoke_api_tokens(
    admin: &Admin,
    resource: &ResourceUri,
) -> Result<EventNumber, AdminError> {
    let resource = resource.clone();
    let change = admin.store.change::<(), AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            if !api::exists(tx, &resource).await? {
                return Err(super::api::not_found(&resource));
            }
            Ok(((), Event::ApiTokensRevoked { resource }))
        })
    });
    change.await.map(|((), number)| number)
}

/// Why a token was not taken back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevokeError {
    /// The client has taken back as many that have not expired yet as are remembered of one.
    #[error("the client has reached its limit of revoked tokens")]
    TooMany,
    /// It could not be done, or it is not known whether it was.
    #[error("{0}")]
    Failed(String),
}

/// Takes tokens back, one by one for those who ask, and all that wait at a moment in one change:
/// each of them is on disk before its answer, and a thousand a second do not become a thousand
/// transactions.
#[derive(Debug)]
pub struct Revoker {
    admin: Admin,
    /// The most tokens of one client that are remembered.
    max_per_client: u32,
    waiting: Mutex<Vec<Waiting>>,
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Waiting {
    token: RevokedToken,
    answer: oneshot::Sender<Result<EventNumber, RevokeError>>,
}

/// The most tokens that are taken back in one change, so that no other waits long.
const BATCH: usize = 200;

/// The most that wait.
const MAX_WAITING: usize = 10_000;

impl Revoker {
    /// One that remembers at most `max_per_client` tokens of a client.
    #[must_use]
    pub fn new(admin: Admin, max_per_client: u32) -> Arc<Self> {
        Arc::new(Self {
            admin,
            max_per_client,
            waiting: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        })
    }

    /// Takes `token` back. Gives the number of the event; who waits until this node has applied
    /// that knows that the token is refused here.
    ///
    /// # Errors
    /// When it was not taken back, or it is not known whether it was.
    pub async fn revoke(self: &Arc<Self>, token: RevokedToken) -> Result<EventNumber, RevokeError> {
        let (answer, answered) = oneshot::channel();
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.len() >= MAX_WAITING {
                return Err(RevokeError::Failed("too many revocations are waiting".to_owned()));
            }
            waiting.push(Waiting { token, answer });
        }
        // In a task of its own: whoever hangs up must not take others down with them.
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
            // Somebody before has taken it along.
            return;
        }
        let mut tokens: Vec<RevokedToken> =
            batch.iter().map(|waiting| waiting.token.clone()).collect();
        // Somebody may ask twice, or two of the client's programs at once.
        tokens.sort_unstable_by(|one, other| one.jti.cmp(&other.jti));
        tokens.dedup_by(|one, other| one.jti == other.jti);
        let outcome = self.change(tokens).await;
        for Waiting { token, answer } in batch {
            let outcome = match &outcome {
                Ok((too_many, _)) if too_many.contains(&token.jti) => Err(RevokeError::TooMany),
                Ok((_, number)) => Ok(*number),
                Err(error) => Err(error.clone()),
            };
            // Who has hung up is not told.
            answer.send(outcome).ok();
        }
    }

    /// Takes tokens back in one change. Gives the ids of those that were too many, and the number
    /// of the event.
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

/// Why nothing of a batch was taken back.
enum Refused {
    AllTooMany,
    Store(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
