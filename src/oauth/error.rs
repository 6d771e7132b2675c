//! Refusals of the OAuth endpoints (RFC 6749 §5.2).

use std::time::Duration;

use crate::authn::error::KeyFailure;
use crate::directory::guesses::TooMany;
use crate::directory::{OverLimit, Unavailable};
use crate::keys::signer::SignError;
use crate::model::usage::{KeyOutcome, Outcome};
use crate::secret::pool::Busy;

/// A refusal. Its description is fixed text: a response never repeats the request.
#[derive(Debug)]
pub enum OauthError {
    /// The request is malformed, with the reason.
    InvalidRequest(&'static str),
    /// The body is too large.
    TooLarge,
    /// Client authentication failed; the reason is for the log only.
    InvalidClient(ClientFailure),
    /// The API key may not be exchanged (RFC 8693 §2.2.2); the reason is for the log only.
    InvalidSubjectToken(KeyFailure),
    /// The scope is malformed, unknown, or more than the client may have.
    InvalidScope(&'static str),
    /// The resource is malformed, unknown, or not for this client (RFC 8707 §2).
    InvalidTarget,
    /// The client is not registered for this grant.
    UnauthorizedClient,
    /// The token was issued to another client (RFC 7009 §2.1).
    AnotherClientsToken,
    /// The token is an API key, which has its own endpoint for revocation (RFC 7009 §2.2.1).
    UnsupportedTokenType,
    /// This server does not support the grant.
    UnsupportedGrantType,
    /// The client has reached its token limit of the hour.
    OverLimit {
        /// Seconds until the next token.
        retry_after: u64,
    },
    /// The API key has reached its request limit of the minute.
    KeyOverLimit {
        /// Seconds until the next request.
        retry_after: u64,
    },
    /// The client has reached the limit of revoked tokens that have not expired.
    TooManyRevocations,
    /// Too many secrets were wrong from this network, for this client or in all; the time until the
    /// next attempt.
    TooManyGuesses(Duration),
    /// The queue of secret checks is full.
    Busy,
    /// The store is needed and unreachable.
    Unavailable(String),
    /// A fault of this server.
    Server(String),
}

/// Reason for rejecting a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientFailure {
    /// The request has no credential.
    #[error("no credentials")]
    NothingPresented,
    /// The `Authorization` header has another scheme, or not the form of RFC 7617.
    #[error("a malformed Authorization header")]
    MalformedBasic,
    /// The request authenticates by a method that this server does not support (RFC 6749 §5.2).
    #[error("an unsupported method of client authentication")]
    Unsupported,
    /// No client has this id.
    #[error("an unknown client")]
    UnknownClient,
    /// The client is disabled.
    #[error("a disabled client")]
    Disabled,
    /// The client has no such secret.
    #[error("a wrong secret")]
    WrongSecret,
    /// The secret is right and has expired.
    #[error("an expired secret")]
    ExpiredSecret,
}

impl OauthError {
    /// The `error` of the response.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) | Self::TooLarge | Self::InvalidSubjectToken(_) => {
                "invalid_request"
            }
            Self::InvalidClient(_) => "invalid_client",
            Self::InvalidScope(_) => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::UnauthorizedClient | Self::AnotherClientsToken => "unauthorized_client",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::OverLimit { .. }
            | Self::KeyOverLimit { .. }
            | Self::TooManyRevocations
            | Self::TooManyGuesses(_)
            | Self::Busy
            | Self::Unavailable(_) => "temporarily_unavailable",
            Self::Server(_) => "server_error",
        }
    }

    /// The status of the response.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::InvalidRequest(_)
            | Self::InvalidSubjectToken(_)
            | Self::InvalidScope(_)
            | Self::InvalidTarget
            | Self::UnauthorizedClient
            | Self::AnotherClientsToken
            | Self::UnsupportedTokenType
            | Self::UnsupportedGrantType => 400,
            Self::InvalidClient(_) => 401,
            Self::TooLarge => 413,
            Self::OverLimit { .. }
            | Self::KeyOverLimit { .. }
            | Self::TooManyRevocations
            | Self::TooManyGuesses(_) => 429,
            Self::Server(_) => 500,
            Self::Busy | Self::Unavailable(_) => 503,
        }
    }

    /// The `error_description` of the response.
    #[must_use]
    pub const fn description(&self) -> &'static str {
        match self {
            Self::InvalidRequest(what) | Self::InvalidScope(what) => what,
            Self::TooLarge => "The request body is larger than 64 KiB",
            Self::InvalidClient(_) => "Client authentication failed",
            Self::InvalidSubjectToken(_) => {
                "The subject_token is malformed, expired, revoked or not an exchangeable API key"
            }
            Self::InvalidTarget => "The resource is unknown or not allowed for this client",
            Self::UnauthorizedClient => "The client may not use this grant type",
            Self::AnotherClientsToken => "The token was issued to another client",
            Self::UnsupportedTokenType => "Revoke API keys with DELETE /api/v1/keys/{id}",
            Self::UnsupportedGrantType => {
                "The grant type is not supported; use client_credentials, or token-exchange"
            }
            Self::OverLimit { .. } => "The client has reached its limit of tokens per hour",
            Self::KeyOverLimit { .. } => "The API key has reached its rate limit",
            Self::TooManyRevocations => {
                "The client has reached its limit of revoked tokens; wait until some expire, or have all of its tokens revoked"
            }
            Self::TooManyGuesses(_) => "Too many failed attempts; try again later",
            Self::Busy | Self::Unavailable(_) => "The server is temporarily unavailable; try again",
            Self::Server(_) => "Internal error",
        }
    }

    /// The reason for the log.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::InvalidClient(failure) => failure.to_string(),
            Self::InvalidSubjectToken(failure) => failure.to_string(),
            Self::Busy => Busy.to_string(),
            Self::Unavailable(reason) | Self::Server(reason) => reason.clone(),
            other => other.description().to_owned(),
        }
    }

    /// The outcome that is counted for the client.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::InvalidRequest(_)
            | Self::InvalidSubjectToken(_)
            | Self::TooLarge
            | Self::UnsupportedGrantType
            | Self::UnsupportedTokenType => Outcome::InvalidRequest,
            Self::InvalidClient(ClientFailure::ExpiredSecret) => Outcome::ExpiredSecret,
            Self::InvalidClient(ClientFailure::Disabled) => Outcome::Disabled,
            Self::InvalidClient(_) | Self::TooManyGuesses(_) => Outcome::WrongSecret,
            Self::InvalidScope(_) => Outcome::InvalidScope,
            Self::InvalidTarget => Outcome::InvalidTarget,
            Self::UnauthorizedClient | Self::AnotherClientsToken => Outcome::UnauthorizedClient,
            Self::OverLimit { .. } | Self::KeyOverLimit { .. } | Self::TooManyRevocations => {
                Outcome::OverLimit
            }
            Self::Busy | Self::Unavailable(_) | Self::Server(_) => Outcome::Failed,
        }
    }

    /// The outcome that is counted for the API key in an exchange.
    #[must_use]
    pub const fn key_outcome(&self) -> Option<KeyOutcome> {
        match self {
            Self::InvalidSubjectToken(failure) => failure.outcome(),
            Self::InvalidScope(_) => Some(KeyOutcome::MissingScope),
            Self::InvalidTarget => Some(KeyOutcome::OtherResource),
            _ => None,
        }
    }
}

impl From<ClientFailure> for OauthError {
    fn from(failure: ClientFailure) -> Self {
        Self::InvalidClient(failure)
    }
}

impl From<OverLimit> for OauthError {
    fn from(limit: OverLimit) -> Self {
        Self::OverLimit { retry_after: limit.retry_after }
    }
}

impl From<KeyFailure> for OauthError {
    fn from(failure: KeyFailure) -> Self {
        Self::InvalidSubjectToken(failure)
    }
}

impl From<TooMany> for OauthError {
    fn from(TooMany(wait): TooMany) -> Self {
        Self::TooManyGuesses(wait)
    }
}

impl From<Busy> for OauthError {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}

impl From<Unavailable> for OauthError {
    fn from(error: Unavailable) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<SignError> for OauthError {
    fn from(error: SignError) -> Self {
        Self::Server(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::{ClientFailure, KeyFailure, OauthError};

    /// 6749-16
    #[test]
    fn descriptions_are_of_the_bytes_that_the_rfc_allows() {
        for error in [
            OauthError::TooLarge,
            OauthError::InvalidClient(ClientFailure::WrongSecret),
            OauthError::InvalidTarget,
            OauthError::UnauthorizedClient,
            OauthError::UnsupportedGrantType,
            OauthError::AnotherClientsToken,
            OauthError::UnsupportedTokenType,
            OauthError::TooManyRevocations,
            OauthError::OverLimit { retry_after: 1 },
            OauthError::KeyOverLimit { retry_after: 1 },
            OauthError::InvalidSubjectToken(KeyFailure::Unknown),
            OauthError::TooManyGuesses(std::time::Duration::ZERO),
            OauthError::Busy,
            OauthError::Unavailable("é".to_owned()),
            OauthError::Server("é".to_owned()),
        ] {
            let allowed = |byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            assert!(error.description().bytes().all(allowed), "{}", error.description());
        }
    }
}
