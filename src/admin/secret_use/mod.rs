//! Whether a secret may be revoked: from where it was used, since when only others are used, and
//! what there is to wait for.

mod reason;

use std::cmp::Reverse;
use std::net::IpAddr;
use std::time::Duration;

pub use reason::{Reason, exactly};

use super::client::{self, KeptSecret};
use super::{Admin, AdminError};
use crate::clock::Timestamp;
use crate::model::client::{Client, ClientId, SecretId};
use crate::model::usage::{KNOWN_AFTER, LastUse};
use crate::store::{api, secret_addresses};

/// How long a secret must not have been used, at least, when nobody says.
const USUALLY: Duration = Duration::from_hours(24);

/// The longest time that anybody may ask for: ten years.
const LONGEST: Duration = Duration::from_hours(24 * 3653);

/// What is asked about a secret.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// How long it must not have been used. When absent, a day, or twice the longest life of the
    /// client's tokens where that is more: a program shows its secret only when its token runs
    /// out.
    pub unused_for: Option<Duration>,
    /// How long tokens live where neither the client nor an API says.
    pub usual_ttl: Duration,
}

/// Who uses a secret, and whether it may be revoked.
#[derive(Debug)]
pub struct SecretUse {
    /// When this was asked. Uses of the last [`KNOWN_AFTER`] may be missing.
    pub as_of: Timestamp,
    /// The client.
    pub client: ClientId,
    /// The secret.
    pub secret: KeptSecret,
    /// From where it was used, the latest first: the last
    /// [`MAX_ADDRESSES`](crate::model::usage::MAX_ADDRESSES) addresses of the
    /// last [`KEPT_FOR`](crate::model::usage::KEPT_FOR), and that of its very last use.
    pub addresses: Vec<AddressUse>,
    /// The client's other secrets that are good, the one that was used last first.
    pub others: Vec<KeptSecret>,
    /// How long it must not have been used.
    pub unused_for: Duration,
    /// The longest life of the client's tokens.
    pub longest_ttl: Duration,
    /// Whether it may be revoked.
    pub is_safe: bool,
    /// Why, or why not, and what else there is to think of.
    pub reasons: Vec<Reason>,
}

/// The last use of a secret from an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressUse {
    /// The address; nothing when the server was not told one.
    pub from: Option<IpAddr>,
    /// When the secret was last used from there.
    pub at: Timestamp,
    /// When another secret that is good was last used from there.
    pub other_at: Option<Timestamp>,
    /// Whether somebody there has yet to take another secret: this one was used when there was
    /// another already, and no other one after it.
    pub is_behind: bool,
}

impl SecretUse {
    /// Since when only other secrets were used, and which of them last.
    #[must_use]
    pub fn only_others(&self) -> Option<(Timestamp, &SecretId, LastUse)> {
        let since = self.last_seen();
        let other = self.others.first()?;
        other.last_use.filter(|last| last.at > since).map(|last| (since, &other.secret.id, last))
    }

    /// When it could be safe at the earliest, where it is not and time is what is missing.
    #[must_use]
    pub fn not_before(&self) -> Option<Timestamp> {
        self.reasons.iter().find_map(Reason::waits_until)
    }

    /// The end of the time in which it may have been used: its last use, or when its uses began to
    /// be counted.
    fn last_seen(&self) -> Timestamp {
        self.secret.last_use.map_or(self.secret.counted_since, |last| last.at)
    }

    /// What keeps it from being revoked.
    fn obstacles(&self, client: &Client) -> Vec<Reason> {
        let mut found = Vec::new();
        if let Some(since) = client.disabled_at {
            found.push(Reason::ClientDisabled { since });
        }
        // In whole seconds, as programs are told.
        let until = self.last_seen().plus(self.unused_for).plus(Duration::from_millis(999));
        let until = Timestamp::from_secs(until.as_secs());
        if until > self.as_of {
            let (unused_for, counted_since) = (self.unused_for, self.secret.counted_since);
            found.push(if let Some(last) = self.secret.last_use {
                Reason::UsedLately { last, unused_for, until }
            } else {
                let is_new = self.secret.is_known_unused();
                Reason::UnusedTooShortly { counted_since, is_new, unused_for, until }
            });
        }
        match self.others.first() {
            None => found.push(Reason::NoOther),
            Some(KeptSecret { last_use: None, .. }) => found.push(Reason::OthersUnused),
            // One that was never used needs no other in its place.
            Some(_) if self.secret.is_known_unused() || self.only_others().is_some() => {}
            Some(KeptSecret { secret, last_use: Some(last), .. }) => {
                found.push(Reason::NotReplaced { other: secret.id.clone(), last: *last });
            }
        }
        found
    }

    /// What speaks for revoking it where nothing speaks against it.
    fn grounds(&self) -> Vec<Reason> {
        let mut found = vec![match self.secret.last_use {
            Some(last) => Reason::LastUsed { last },
            None if self.secret.is_known_unused() => Reason::NeverUsed,
            None => Reason::NotSeen { counted_since: self.secret.counted_since },
        }];
        if let Some((since, other, last)) = self.only_others() {
            found.push(Reason::OnlyOthers { since, other: other.clone(), last });
        }
        if self.unused_for < self.longest_ttl && !self.secret.is_known_unused() {
            found.push(Reason::ShorterThanTokens { longest_ttl: self.longest_ttl });
        }
        found
    }

    fn judge(mut self, client: &Client) -> Self {
        if let Some(at) = self.secret.secret.expires_at.filter(|at| *at <= self.as_of) {
            (self.is_safe, self.reasons) = (true, vec![Reason::Expired { at }]);
            return self;
        }
        self.reasons = self.obstacles(client);
        self.is_safe = self.reasons.is_empty();
        if self.is_safe {
            self.reasons = self.grounds();
        }
        let behind = self.addresses.iter().filter(|used| used.is_behind);
        let addresses: Vec<IpAddr> = behind.filter_map(|used| used.from).collect();
        if !addresses.is_empty() {
            self.reasons.push(Reason::ToBeChanged { addresses });
        }
        self
    }
}

/// Whether a secret of a client may be revoked, as far as the store was told of its uses.
///
/// # Errors
/// [`AdminError::NotFound`] when there is no such client or secret, [`AdminError::Invalid`] when
/// `unused_for` is too short to be known, or longer than anybody means.
pub async fn safe_to_revoke(
    admin: &Admin,
    id: &ClientId,
    secret: &SecretId,
    asked: Asked,
) -> Result<SecretUse, AdminError> {
    if let Some(unused_for) = asked.unused_for {
        check(unused_for)?;
    }
    let (client, mut secrets) = client::show(admin, id).await?;
    let place = secrets.iter().position(|kept| kept.secret.id == *secret);
    let place = place.ok_or_else(|| {
        AdminError::NotFound(format!("secret {} of client {id}", secret.as_str()))
    })?;
    let mut secret = secrets.swap_remove(place);
    let uses = secret_addresses::of_client(admin.store.database(), id).await?;
    // Read later, and all at once: what is said of one secret holds for the others too.
    for kept in secrets.iter_mut().chain([&mut secret]) {
        let latest = uses.iter().find(|(own, _)| *own == kept.secret.id).map(|(_, last)| *last);
        kept.last_use = kept.last_use.into_iter().chain(latest).max_by_key(|last| last.at);
    }
    let longest_ttl = longest_ttl(admin, &client, asked.usual_ttl).await?;
    let as_of = admin.clock.now();
    secrets.retain(|kept| kept.secret.expires_at.is_none_or(|at| at > as_of));
    secrets.sort_by_key(|kept| Reverse(kept.last_use.map(|last| last.at)));
    let answer = SecretUse {
        as_of,
        client: id.clone(),
        addresses: addresses(&secret, &secrets, &uses),
        secret,
        others: secrets,
        unused_for: asked.unused_for.unwrap_or_else(|| USUALLY.max(longest_ttl.saturating_mul(2))),
        longest_ttl,
        is_safe: false,
        reasons: Vec::new(),
    };
    Ok(answer.judge(&client))
}

fn check(unused_for: Duration) -> Result<(), AdminError> {
    if (KNOWN_AFTER..=LONGEST).contains(&unused_for) {
        return Ok(());
    }
    let (least, most) = (KNOWN_AFTER.as_secs(), LONGEST.as_secs());
    Err(AdminError::Invalid(format!(
        "unused_for must be from {least} seconds, because later uses may not be counted yet, to {most}"
    )))
}

/// The longest life of a token that the client may get.
async fn longest_ttl(
    admin: &Admin,
    client: &Client,
    usual: Duration,
) -> Result<Duration, AdminError> {
    if let Some(own) = client.terms.token_ttl {
        return Ok(own);
    }
    if client.terms.resources.is_empty() {
        return Ok(usual);
    }
    let apis = api::all(admin.store.database()).await?;
    let its = apis.iter().filter(|api| client.terms.resources.contains(&api.resource));
    Ok(its.filter_map(|api| api.token_ttl).fold(usual, Duration::max))
}

/// From where `secret` was used, the latest first, with what became of its other secrets there.
fn addresses(
    secret: &KeptSecret,
    others: &[KeptSecret],
    uses: &[(SecretId, LastUse)],
) -> Vec<AddressUse> {
    let of_secret = |id: &SecretId| {
        let id = id.clone();
        uses.iter().filter(move |(own, _)| *own == id).map(|(_, last)| *last)
    };
    let mut own: Vec<LastUse> = of_secret(&secret.secret.id).collect();
    // Known alone where a node of the release before wrote it, or it was longer ago than addresses
    // are kept.
    if let Some(last) = secret.last_use {
        own.retain(|known| known.from != last.from);
        own.push(last);
    }
    own.sort_by_key(|last| (Reverse(last.at), last.from));
    let since = others.iter().map(|other| other.secret.created_at).min();
    let of_others = || {
        let kept = others.iter().flat_map(|other| of_secret(&other.secret.id));
        kept.chain(others.iter().filter_map(|other| other.last_use))
    };
    let with_others = |LastUse { at, from }: LastUse| {
        let there = of_others().filter(|other| from.is_some() && other.from == from);
        let other_at = there.map(|other| other.at).max();
        let is_behind =
            since.is_some_and(|since| at >= since) && other_at.is_none_or(|other| other <= at);
        AddressUse { from, at, other_at, is_behind }
    };
    own.into_iter().map(with_others).collect()
}
