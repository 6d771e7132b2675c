//! Clients.

use std::sync::Arc;
use std::time::Duration;

use super::api::{added, must_exist};
use super::once::{Once, Repeatable};
use super::{Admin, AdminError, once, signing_key, version};
use crate::clock::Timestamp;
use crate::model::client::{
    AuthMethod, Client, ClientId, ClientSecret, ClientTerms, ClientUpdate, MAX_CHOSEN_SECRETS,
    MAX_SECRETS, SecretId,
};
use crate::model::event::{Event, EventNumber};
use crate::model::usage::LastUse;
use crate::model::user::UserId;
use crate::secret::Secret;
use crate::secret::chosen::ChosenSecret;
use crate::secret::generated::{CLIENT_SECRET_PREFIX, generate, hint};
use crate::secret::hash::SecretHash;
use crate::secret::pool::{Busy, Lane};
pub use crate::store::client::Filter;
use crate::store::{StoreError, client, event, key, usage};

/// What a client is made of.
#[derive(Debug)]
pub struct NewClient {
    /// An id that exists elsewhere; a new one when absent.
    pub id: Option<ClientId>,
    /// What it may do.
    pub terms: ClientTerms,
    /// A secret that somebody chose; a new one is made when it is absent.
    pub secret: Option<ChosenSecret>,
    /// After how long its secret expires.
    pub secret_expires_in: Option<Duration>,
}

/// Checks terms on their own, then against the store: the APIs must exist, and a key for each
/// algorithm.
async fn check(
    admin: &Admin,
    terms: &ClientTerms,
    before: Option<&ClientTerms>,
) -> Result<(), AdminError> {
    terms.validate()?;
    let (resources, stood_for) =
        before.map_or((&[][..], &[][..]), |before| (&before.resources, &before.stands_for));
    let added = added(&terms.resources, resources).chain(added(&terms.stands_for, stood_for));
    must_exist(admin, added).await?;
    for algorithm in [terms.token_alg, terms.introspection_alg].into_iter().flatten() {
        signing_key::ensure(admin, algorithm).await?;
    }
    Ok(())
}

/// A client that was made, and its secret, which is shown this once.
#[derive(Debug)]
pub struct CreatedClient {
    /// The client.
    pub client: Client,
    /// Its secret, as it is kept.
    pub secret: ClientSecret,
    /// Its secret in plain.
    pub plain: Secret,
}

/// Makes a client with a secret.
///
/// # Errors
/// [`AdminError::Exists`] when the id is taken, [`AdminError::Forbidden`] when the caller does not
/// hold the scopes.
pub async fn create(admin: &Admin, new: NewClient) -> Result<CreatedClient, AdminError> {
    make(admin, new, None).await
}

/// The same by a request that may be sent again, and makes one client.
///
/// # Errors
/// As [`create`]; [`AdminError::Conflict`] when the request was sent before and asked for something
/// else.
pub async fn create_once(
    admin: &Admin,
    new: NewClient,
    repeatable: Option<Repeatable>,
) -> Result<Once<CreatedClient>, AdminError> {
    if let Some(id) = once::before(admin, repeatable.as_ref()).await? {
        return Ok(Once::Before(id));
    }
    made_once(admin, repeatable.clone(), make(admin, new, repeatable).await).await
}

/// What came of a request that may have been sent twice at once.
async fn made_once<T>(
    admin: &Admin,
    repeatable: Option<Repeatable>,
    made: Result<T, AdminError>,
) -> Result<Once<T>, AdminError> {
    match made {
        Err(AdminError::Store(StoreError::Conflict)) if repeatable.is_some() => {
            let before = once::before(admin, repeatable.as_ref()).await?;
            before.map(Once::Before).ok_or(AdminError::Store(StoreError::Conflict))
        }
        made => made.map(Once::Now),
    }
}

async fn make(
    admin: &Admin,
    new: NewClient,
    repeatable: Option<Repeatable>,
) -> Result<CreatedClient, AdminError> {
    admin.may_grant(&new.terms.scopes)?;
    admin.may_give_apis(&new.terms.resources, &[])?;
    admin.may_give_apis(&new.terms.stands_for, &[])?;
    if let Some(id) = &new.id {
        check_id(id)?;
    }
    check(admin, &new.terms, None).await?;
    let now = admin.clock.now();
    let made = make_secret(
        admin,
        NewSecret { label: None, expires_in: new.secret_expires_in, chosen: new.secret },
    )
    .await?;
    let mut client = Client {
        id: new.id.unwrap_or_else(|| ClientId::generate(&*admin.random)),
        terms: new.terms,
        auth_method: AuthMethod::ClientSecret,
        cut_off: EventNumber::default(),
        created_at: now,
        disabled_at: None,
    };
    let (row, secret_row, caller) = (client.clone(), made.secret.clone(), admin.clone());
    let change = admin.store.change::<EventNumber, AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            if caller.grantable.is_some() && event::is_known(tx, row.id.as_str()).await? {
                // Whoever trusts this id trusts somebody else.
                return Err(AdminError::Exists(format!("client {}, or was one", row.id)));
            }
            client::insert(tx, &row).await.map_err(|error| match error {
                StoreError::Conflict => AdminError::Exists(format!("client {}", row.id)),
                other => other.into(),
            })?;
            // There may have been a client of this id before. Its deletion was committed before the
            // row above could be written, so every token of it has a smaller number
            // than what comes next.
            let cut_off = event::last_number(tx).await?.next();
            client::set_cut_off(tx, &row.id, cut_off).await?;
            client::insert_secret(tx, &row.id, &secret_row).await?;
            key::raise_longest_ttl_in(tx, row.terms.token_ttl).await?;
            once::keep(tx, &caller, repeatable, row.id.as_str(), now).await?;
            Ok((cut_off, Event::ClientCreated { client: row.id, name: row.terms.name }))
        })
    });
    (client.cut_off, _) = change.await?;
    Ok(CreatedClient { client, secret: made.secret, plain: made.plain })
}

/// Changes what a client may do. Tokens that were issued stay as they are until they expire.
///
/// # Errors
/// [`AdminError::NotFound`] when there is none, [`AdminError::Forbidden`] when the caller does not
/// hold all scopes that it has or gets.
pub async fn update(
    admin: &Admin,
    id: &ClientId,
    update: ClientUpdate,
) -> Result<Client, AdminError> {
    let before = find(admin, id).await?;
    let wanted = update.clone().apply(before.terms.clone());
    check(admin, &wanted, Some(&before.terms)).await?;
    let (id, caller) = (id.clone(), admin.clone());
    let change = admin.store.change::<Client, AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let (mut client, _) = client::lock(tx, &id).await?.ok_or_else(|| not_found(&id))?;
            // Whoever changes a client decides what it is from now on: as much as making it anew.
            caller.may_grant(&client.terms.scopes)?;
            version::check(update.seen.as_deref(), &version(&client), "client")?;
            let terms = update.apply(client.terms.clone());
            caller.may_grant(&terms.scopes)?;
            caller.may_give_apis(&terms.resources, &client.terms.resources)?;
            caller.may_give_apis(&terms.stands_for, &client.terms.stands_for)?;
            terms.validate()?;
            client.terms = terms;
            client::update(tx, &client).await?;
            key::raise_longest_ttl_in(tx, client.terms.token_ttl).await?;
            Ok((client, Event::ClientUpdated { client: id }))
        })
    });
    change.await.map(|(client, _)| client)
}

/// What tells what a client may do from what it could do before a change.
#[must_use]
pub fn version(client: &Client) -> String {
    version::of(&client.terms)
}

/// Gives a client another secret, so that a new one can be brought out before the old one is taken
/// back.
///
/// # Errors
/// [`AdminError::NotFound`] when there is no such client, [`AdminError::Invalid`] when it has as
/// many as it may, [`AdminError::TooManyChosen`] when it has as many that somebody chose,
/// [`AdminError::Forbidden`] when the caller does not hold all of the client's scopes.
pub async fn add_secret(
    admin: &Admin,
    id: &ClientId,
    new: NewSecret,
) -> Result<MadeSecret, AdminError> {
    add(admin, id, new, None).await
}

/// The same by a request that may be sent again, and adds one secret.
///
/// # Errors
/// As [`add_secret`]; [`AdminError::Conflict`] when the request was sent before and asked for
/// something else.
pub async fn add_secret_once(
    admin: &Admin,
    id: &ClientId,
    new: NewSecret,
    repeatable: Option<Repeatable>,
) -> Result<Once<MadeSecret>, AdminError> {
    if let Some(id) = once::before(admin, repeatable.as_ref()).await? {
        return Ok(Once::Before(id));
    }
    made_once(admin, repeatable.clone(), add(admin, id, new, repeatable).await).await
}

async fn add(
    admin: &Admin,
    id: &ClientId,
    new: NewSecret,
    repeatable: Option<Repeatable>,
) -> Result<MadeSecret, AdminError> {
    let label = parse_label(new.label)?;
    // Before the work of a hash.
    let client = find(admin, id).await?;
    admin.may_become(&client)?;
    let made = make_secret(admin, NewSecret { label, ..new }).await?;
    let (id, row, caller) = (id.clone(), made.secret.clone(), admin.clone());
    let change = admin.store.change::<(), AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let (client, secrets) = client::lock(tx, &id).await?.ok_or_else(|| not_found(&id))?;
            caller.may_become(&client)?;
            if secrets.len() >= MAX_SECRETS {
                let reason = format!(
                    "a client has at most {MAX_SECRETS} secrets; revoke one that is not used any more"
                );
                return Err(AdminError::Invalid(reason));
            }
            if row.is_chosen()
                && secrets.iter().filter(|secret| secret.is_chosen()).count() >= MAX_CHOSEN_SECRETS
            {
                return Err(AdminError::TooManyChosen);
            }
            client::insert_secret(tx, &id, &row).await?;
            once::keep(tx, &caller, repeatable, row.id.as_str(), row.created_at).await?;
            Ok(((), Event::ClientSecretAdded { client: id, secret: row.id }))
        })
    });
    change.await?;
    Ok(made)
}

impl Admin {
    /// Whoever has a secret of a client is that client.
    fn may_become(&self, client: &Client) -> Result<(), AdminError> {
        self.may_grant(&client.terms.scopes)?;
        self.may_give_apis(&client.terms.stands_for, &[])
    }
}

/// What people call a secret; a blank label is none.
pub(super) fn parse_label(label: Option<String>) -> Result<Option<String>, AdminError> {
    if label
        .as_ref()
        .is_some_and(|label| label.chars().count() > 100 || label.chars().any(char::is_control))
    {
        let reason = "a label has at most 100 characters, none of them a control character";
        return Err(AdminError::Invalid(reason.to_owned()));
    }
    Ok(label.filter(|label| !label.trim().is_empty()))
}

/// Takes a secret of a client back: from now on it does not authenticate, and the tokens are void
/// that were asked for with it.
///
/// # Errors
/// [`AdminError::NotFound`] when there is no such client or secret, [`AdminError::Forbidden`] when
/// the caller does not hold the client's scopes.
pub async fn revoke_secret(
    admin: &Admin,
    id: &ClientId,
    secret: &SecretId,
) -> Result<EventNumber, AdminError> {
    let (id, secret, caller) = (id.clone(), secret.clone(), admin.clone());
    let change = admin.store.change::<(), AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let (locked, _) = client::lock(tx, &id).await?.ok_or_else(|| not_found(&id))?;
            // Unlike a client that is disabled, this cannot be undone.
            caller.may_grant(&locked.terms.scopes)?;
            if !client::delete_secret(tx, &id, &secret).await? {
                return Err(AdminError::NotFound(format!(
                    "secret {} of client {id}",
                    secret.as_str()
                )));
            }
            Ok(((), Event::ClientSecretRevoked { client: id, secret }))
        })
    });
    change.await.map(|((), number)| number)
}

/// A secret that was made, and its text, which is shown this once.
#[derive(Debug)]
pub struct MadeSecret {
    /// The secret, as it is kept.
    pub secret: ClientSecret,
    /// Its text.
    pub plain: Secret,
}

/// What a secret is made of.
#[derive(Debug, Default)]
pub struct NewSecret {
    /// What people call it.
    pub label: Option<String>,
    /// After how long it expires.
    pub expires_in: Option<Duration>,
    /// The secret, when somebody chose one; a new one is made when it is absent.
    pub chosen: Option<ChosenSecret>,
}

/// The longest life of a secret that ends, in days: a hundred years.
const MAX_LIFE_DAYS: u64 = 36_525;

/// Checks after how long a secret is to expire.
///
/// # Errors
/// [`AdminError::Invalid`] when that is at once, or later than anybody means.
pub fn check_life(life: Option<Duration>) -> Result<(), AdminError> {
    match life {
        Some(Duration::ZERO) => Err(AdminError::Invalid(
            "what expires after 0 s is never good; without an expiry it does not expire".to_owned(),
        )),
        Some(life) if life > Duration::from_secs(MAX_LIFE_DAYS * 24 * 60 * 60) => {
            Err(AdminError::Invalid(
                "an expiry is within a hundred years; what has none does not expire".to_owned(),
            ))
        }
        _ => Ok(()),
    }
}

async fn make_secret(admin: &Admin, new: NewSecret) -> Result<MadeSecret, AdminError> {
    check_life(new.expires_in)?;
    let now = admin.clock.now();
    let id = SecretId::generate(&*admin.random);
    let digests = &admin.secret_digests;
    let (plain, hint, digest) = if let Some(chosen) = new.chosen {
        // What can be guessed is kept in the slow form alone.
        let plain = chosen.secret().clone();
        let tag = digests.tag(id.as_str(), &plain);
        (plain, tag, None)
    } else {
        let plain = generate(CLIENT_SECRET_PREFIX, &*admin.random);
        let (hint, digest) = (hint(&plain), digests.digest(&plain));
        (plain, hint, Some(digest))
    };
    let secret = ClientSecret {
        id,
        hint,
        label: new.label,
        digest,
        hash: hash(admin, &plain).await?,
        created_at: now,
        expires_at: new.expires_in.map(|after| now.plus(after)),
    };
    Ok(MadeSecret { secret, plain })
}

/// A secret as it is kept, and when it was last used, but for the last few seconds.
#[derive(Debug)]
pub struct KeptSecret {
    /// The secret.
    pub secret: ClientSecret,
    /// Nothing when no use is known.
    pub last_use: Option<LastUse>,
    /// Since when its uses are counted: since it was made, unless that was elsewhere, or by a
    /// release that did not count.
    pub counted_since: Timestamp,
}

impl KeptSecret {
    /// Whether it was never used. Of one that may have been used before that was counted, this is
    /// not known.
    #[must_use]
    pub fn is_known_unused(&self) -> bool {
        self.last_use.is_none() && self.counted_since <= self.secret.created_at
    }
}

/// A client with its secrets.
///
/// # Errors
/// [`AdminError::NotFound`] when there is none.
pub async fn show(admin: &Admin, id: &ClientId) -> Result<(Client, Vec<KeptSecret>), AdminError> {
    let (client, secrets) =
        client::by_id(admin.store.database(), id).await?.ok_or_else(|| not_found(id))?;
    let uses = usage::last_uses(admin.store.database(), id).await?;
    // Where nobody can tell, nothing is known yet.
    let counted_since = usage::counted_since(admin.store.database(), id).await?;
    let counted_since = counted_since.unwrap_or_else(|| admin.clock.now());
    let with_use = |secret: ClientSecret| KeptSecret {
        last_use: uses.iter().find(|(used, _)| *used == secret.id).map(|(_, last)| *last),
        counted_since: counted_since.max(secret.created_at),
        secret,
    };
    Ok((client, secrets.into_iter().map(with_use).collect()))
}

/// A client.
async fn find(admin: &Admin, id: &ClientId) -> Result<Client, AdminError> {
    let found = client::by_id(admin.store.database(), id).await?;
    found.map(|(client, _)| client).ok_or_else(|| not_found(id))
}

/// Up to `limit` clients after the one with the id `after`, by id.
///
/// # Errors
/// When the store fails.
pub async fn page(
    admin: &Admin,
    after: &str,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<Client>, AdminError> {
    Ok(client::page(admin.store.database(), after, limit, filter).await?)
}

/// Up to `limit` clients that were made before another one, of which date and id are known, or the
/// last ones that were made; the newest first.
///
/// # Errors
/// When the store fails.
pub async fn newest(
    admin: &Admin,
    before: Option<(Timestamp, ClientId)>,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<Client>, AdminError> {
    Ok(client::newest(admin.store.database(), before, limit, filter).await?)
}

/// Lets a client authenticate, or stops it from doing so; the tokens that it has are then void,
/// also once it is enabled again. It is no error when that is so already. Gives the number of the
/// event.
///
/// # Errors
/// [`AdminError::NotFound`] when there is none.
pub async fn set_enabled(
    admin: &Admin,
    id: &ClientId,
    enabled: bool,
) -> Result<EventNumber, AdminError> {
    let (id, caller) = (id.clone(), admin.clone());
    let since = (!enabled).then(|| admin.clock.now());
    let change = admin.store.change(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let (client, _) = client::lock(tx, &id).await?.ok_or_else(|| not_found(&id))?;
            if enabled {
                // To stop somebody in a hurry takes less.
                caller.may_grant(&client.terms.scopes)?;
            }
            client::set_disabled(tx, &id, since).await?;
            let event = match since {
                None => Event::ClientEnabled { client: id },
                Some(_) => Event::ClientDisabled { client: id },
            };
            Ok(((), event))
        })
    });
    change.await.map(|((), number)| number)
}

/// Deletes a client with its secrets. Gives the number of the event.
///
/// # Errors
/// [`AdminError::NotFound`] when there is none.
pub async fn delete(admin: &Admin, id: &ClientId) -> Result<EventNumber, AdminError> {
    let (id, caller) = (id.clone(), admin.clone());
    let change = admin.store.change(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let (client, _) = client::lock(tx, &id).await?.ok_or_else(|| not_found(&id))?;
            caller.may_grant(&client.terms.scopes)?;
            client::delete(tx, &id).await?;
            Ok(((), Event::ClientDeleted { client: id }))
        })
    });
    change.await.map(|((), number)| number)
}

/// Checks that an id which somebody has chosen is none that a user could have (RFC 9068 §5).
///
/// # Errors
/// [`AdminError::Invalid`] when it is.
pub(super) fn check_id(id: &ClientId) -> Result<(), AdminError> {
    if UserId::parse(id.as_str()).is_ok() {
        let reason =
            "the id of a client does not look like that of a user, mu_ and 22 letters or digits";
        return Err(AdminError::Invalid(reason.to_owned()));
    }
    Ok(())
}

pub(super) fn not_found(id: &ClientId) -> AdminError {
    AdminError::NotFound(format!("client {id}"))
}

/// Where that keeps nobody waiting who does not hash.
async fn hash(admin: &Admin, plain: &Secret) -> Result<SecretHash, AdminError> {
    let (plain, random) = (plain.clone(), Arc::clone(&admin.random));
    let hash = move |memory: &mut _| SecretHash::of(&plain, &*random, memory);
    let outcome = admin.hashing.submit(Lane::Administration, hash)?;
    Ok(outcome.await.map_err(|_| Busy)??)
}
