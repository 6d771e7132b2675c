//! The use of a secret, and the verdict on its revocation.

use std::net::IpAddr;

use serde::Serialize;

use super::secret::SecretJson;
use crate::admin::secret_use::{AddressUse, Reason, SecretUse};
use crate::clock::Timestamp;

/// Who uses a secret, and whether it may be revoked.
#[derive(Debug, Serialize)]
pub struct SecretUseJson<'a> {
    client_id: &'a str,
    #[serde(flatten)]
    secret: SecretJson<'a>,
    /// Since when its uses are counted. Without a use it was never used when this is when it was
    /// made.
    uses_counted_since: i64,
    safe_to_revoke: bool,
    reasons: Vec<ReasonJson>,
    /// How many seconds it must not have been used.
    unused_for: u64,
    /// The longest life of the client's tokens, in seconds.
    longest_token_ttl: u64,
    /// When it could be safe at the earliest, where it must be waited for.
    not_before: Option<i64>,
    /// Null when no other was used after it.
    only_others_since: Option<i64>,
    addresses: Vec<AddressUseJson>,
    /// Those that are good, the one that was used last first.
    other_secrets: Vec<SecretJson<'a>>,
}

/// Why a secret may be revoked, or may not.
#[derive(Debug, Serialize)]
struct ReasonJson {
    code: &'static str,
    message: String,
}

/// The last use of a secret from an address.
#[derive(Debug, Serialize)]
struct AddressUseJson {
    /// Null when the server was not told one.
    address: Option<IpAddr>,
    last_used_at: i64,
    /// When another secret was last used from there.
    other_last_used_at: Option<i64>,
    /// Whether the secret was used there when there was another already, and no other after it.
    to_be_changed: bool,
}

impl<'a> From<&'a SecretUse> for SecretUseJson<'a> {
    fn from(answer: &'a SecretUse) -> Self {
        let reason = |reason: &Reason| ReasonJson {
            code: reason.code(),
            message: reason.message(answer.as_of),
        };
        let address = |used: &AddressUse| AddressUseJson {
            address: used.from,
            last_used_at: used.at.as_secs(),
            other_last_used_at: used.other_at.map(Timestamp::as_secs),
            to_be_changed: used.is_behind,
        };
        Self {
            client_id: answer.client.as_str(),
            secret: SecretJson::from(&answer.secret),
            uses_counted_since: answer.secret.counted_since.as_secs(),
            safe_to_revoke: answer.is_safe,
            reasons: answer.reasons.iter().map(reason).collect(),
            unused_for: answer.unused_for.as_secs(),
            longest_token_ttl: answer.longest_ttl.as_secs(),
            not_before: answer.not_before().map(Timestamp::as_secs),
            only_others_since: answer.only_others().map(|(since, ..)| since.as_secs()),
            addresses: answer.addresses.iter().map(address).collect(),
            other_secrets: answer.others.iter().map(SecretJson::from).collect(),
        }
    }
}
