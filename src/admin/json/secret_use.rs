//! The use of a secret, and the verdict on its revocation.

use std::net::IpAddr;

use serde::Serialize;

use super::secret::SecretJson;
use crate::admin::secret_use::{AddressUse, Reason, SecretUse};
use crate::clock::Timestamp;

/// The use of a secret, and the verdict on its revocation.
#[derive(Debug, Serialize)]
pub struct SecretUseJson<'a> {
    client_id: &'a str,
    #[serde(flatten)]
    secret: SecretJson<'a>,
    /// The start of counting. If it equals the creation and there is no use, the secret was never
    /// used.
    uses_counted_since: i64,
    safe_to_revoke: bool,
    reasons: Vec<ReasonJson>,
    /// The required time without use, in seconds.
    unused_for: u64,
    /// The longest lifetime of the client's tokens, in seconds.
    longest_token_ttl: u64,
    /// The earliest time at which it can be safe, if only time is missing.
    not_before: Option<i64>,
    /// Null if no other secret was used after it.
    only_others_since: Option<i64>,
    addresses: Vec<AddressUseJson>,
    /// The other valid secrets, most recently used first.
    other_secrets: Vec<SecretJson<'a>>,
}

/// A reason for or against the revocation.
#[derive(Debug, Serialize)]
struct ReasonJson {
    code: &'static str,
    message: String,
}

/// The last use of a secret from an address.
#[derive(Debug, Serialize)]
struct AddressUseJson {
    /// Null if the address is unknown.
    address: Option<IpAddr>,
    last_used_at: i64,
    /// The last use of another secret from this address.
    other_last_used_at: Option<i64>,
    /// `true` if the secret was used there although another existed, and no other was used since.
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
