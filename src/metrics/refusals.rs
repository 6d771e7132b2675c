//! Refused requests of the OAuth endpoints.

use metrics::Counter;

use super::registry::Registry;

/// Refused requests of one OAuth endpoint, by error code and reason.
pub struct Refusals {
    /// `invalid_client`: credentials are missing or malformed.
    pub no_credentials: Counter,
    /// `invalid_client`: the id is unknown.
    pub unknown_client: Counter,
    /// `invalid_client`: the secret is wrong.
    pub wrong_secret: Counter,
    /// `invalid_client`: the secret is right but expired.
    pub expired_secret: Counter,
    /// `invalid_client`: the client is disabled.
    pub disabled: Counter,
    /// `invalid_request`.
    pub invalid_request: Counter,
    /// `invalid_request`: the API key cannot be exchanged.
    pub subject_token: Counter,
    /// `invalid_scope`.
    pub invalid_scope: Counter,
    /// `invalid_target`.
    pub invalid_target: Counter,
    /// `unauthorized_client`.
    pub unauthorized_client: Counter,
    /// `unsupported_grant_type`.
    pub unsupported_grant_type: Counter,
    /// `temporarily_unavailable`: too many wrong secrets came from this address.
    pub too_many_guesses: Counter,
    /// `temporarily_unavailable`: too many secrets wait to be hashed.
    pub busy: Counter,
    /// `temporarily_unavailable`: the client is over its limit.
    pub over_limit: Counter,
    /// `temporarily_unavailable`: the store is unreachable.
    pub unavailable: Counter,
    /// `server_error`.
    pub failed: Counter,
}

impl Refusals {
    pub(super) fn new(registry: &Registry, name: &'static str, help: &'static str) -> Self {
        let refusal = |error, reason| {
            let labels = [("error", error), ("reason", reason)];
            registry.counter(name, help, &labels)
        };
        Self {
            no_credentials: refusal("invalid_client", "no_credentials"),
            unknown_client: refusal("invalid_client", "unknown_client"),
            wrong_secret: refusal("invalid_client", "wrong_secret"),
            expired_secret: refusal("invalid_client", "expired_secret"),
            disabled: refusal("invalid_client", "disabled"),
            invalid_request: refusal("invalid_request", "malformed"),
            subject_token: refusal("invalid_request", "subject_token"),
            invalid_scope: refusal("invalid_scope", "scope"),
            invalid_target: refusal("invalid_target", "resource"),
            unauthorized_client: refusal("unauthorized_client", "grant_type"),
            unsupported_grant_type: refusal("unsupported_grant_type", "grant_type"),
            too_many_guesses: refusal("temporarily_unavailable", "too_many_guesses"),
            busy: refusal("temporarily_unavailable", "busy"),
            over_limit: refusal("temporarily_unavailable", "over_limit"),
            unavailable: refusal("temporarily_unavailable", "store"),
            failed: refusal("server_error", "failed"),
        }
    }
}
