//! Judges if a secret can be revoked safely: from its addresses, the use of the other secrets, and
//! the time that must pass.

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

/// The minimum time without use by default.
const USUALLY: Duration = Duration::from_hours(24);

/// The longest accepted time: ten years.
const LONGEST: Duration = Duration::from_hours(24 * 3653);

/// A question about a secret.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The required time without use. By default a day, or twice the longest lifetime of the
    /// client's tokens if that is more: a program presents its secret only when its token expires.
    pub unused_for: Option<Duration>,
    /// The default lifetime of tokens, for clients and APIs without their own.
    pub usual_ttl: Duration,
}

/// The use of a secret, and the verdict on its revocation.
#[derive(Debug)]
pub struct SecretUse {
    /// The time of the answer. Uses of the last [`KNOWN_AFTER`] may be missing.
    pub as_of: Timestamp,
    /// The client.
    pub client: ClientId,
    /// The secret.
    pub secret: KeptSecret,
    /// The addresses of its uses, most recent first: the last
    /// [`MAX_ADDRESSES`](crate::model::usage::MAX_ADDRESSES) of the last
    /// [`KEPT_FOR`](crate::model::usage::KEPT_FOR), and that of its very last use.
    pub addresses: Vec<AddressUse>,
    /// The client's other valid secrets, most recently used first.
    pub others: Vec<KeptSecret>,
    /// The required time without use.
    pub unused_for: Duration,
    /// The longest lifetime of the client's tokens.
    pub longest_ttl: Duration,
    /// The verdict.
    pub is_safe: bool,
    /// The reasons for the verdict, and caveats.
    pub reasons: Vec<Reason>,
}

/// The last use of a secret from an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressUse {
    /// The address; `None` if it is unknown.
    pub from: Option<IpAddr>,
    /// The last use of the secret from this address.
    pub at: Timestamp,
    /// The last use of another valid secret from this address.
    pub other_at: Option<Timestamp>,
    /// `true` if a program there still needs another secret: it used this one although another
    /// existed, and no other since.
    pub is_behind: bool,
}

impl SecretUse {
    /// The time since which only other secrets were used, and the most recent of them.
    #[must_use]
    pub fn only_others(&self) -> Option<(Timestamp, &SecretId, LastUse)> {
        let since = self.last_seen();
        let other = self.others.first()?;
        other.last_use.filter(|last| last.at > since).map(|last| (since, &other.secret.id, last))
    }

    /// The earliest time at which revocation can be safe, if only time is missing.
    #[must_use]
    pub fn not_before(&self) -> Option<Timestamp> {
        self.reasons.iter().find_map(Reason::waits_until)
    }

    /// The last moment of a possible use: the last use, or the start of counting.
    fn last_seen(&self) -> Timestamp {
        self.secret.last_use.map_or(self.secret.counted_since, |last| last.at)
    }

    /// The obstacles to revocation.
    fn obstacles(&self, client: &Client) -> Vec<Reason> {
        let mut found = Vec::new();
        if let Some(since) = client.disabled_at {
            found.push(Reason::ClientDisabled { since });
        }
        // In whole seconds, as in the JSON.
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
            // A secret that was never used needs no replacement.
            Some(_) if self.secret.is_known_unused() || self.only_others().is_some() => {}
            Some(KeptSecret { secret, last_use: Some(last), .. }) => {
                found.push(Reason::NotReplaced { other: secret.id.clone(), last: *last });
            }
        }
        found
    }

    /// The reasons for revocation, if nothing speaks against it.
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

/// Judges if a secret of a client can be revoked, by the uses that the store knows.
///
/// # Errors
/// [`AdminError::NotFound`] if the client or secret does not exist, [`AdminError::Invalid`] if
/// `unused_for` is shorter than uses need to arrive, or longer than ten years.
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
    // Read later and together, so that the uses of all secrets are of the same moment.
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

/// The longest lifetime of a token that the client can get.
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

/// The addresses that used `secret`, most recent first, with the uses of the other secrets there.
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
    // The only known address if a node of the previous release wrote it, or if the others have been
    // deleted since.
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
