//! Every failure of authentication. The reasons are for the log; a response never repeats them.

use std::time::Duration;

use crate::admin::AdminError;
use crate::directory::guesses::TooMany;
use crate::directory::{OverLimit, Unavailable};
use crate::model::scope::ScopeSet;
use crate::model::usage::KeyOutcome;
use crate::secret::pool::Busy;
use mintery_verifier::{PresentError, VerifyError};

/// Refusal of a request to a protected route (RFC 6750 §3.1).
#[derive(Debug)]
pub enum AccessError {
    /// The request has no credential.
    Missing,
    /// The request has two credentials, or one in the query.
    InvalidRequest(&'static str),
    /// The access token is invalid.
    InvalidToken(TokenFailure),
    /// The API key is invalid.
    InvalidKey(KeyFailure),
    /// The session is invalid.
    InvalidSession(SessionFailure),
    /// A page of another site had the browser send the session cookie.
    OtherSite,
    /// The host name of the request is not one of this server.
    OtherHost,
    /// The user must enroll a second factor first.
    MustEnroll,
    /// The credential is valid and lacks these scopes.
    InsufficientScope(ScopeSet),
    /// No credential can meet the demand, with the reason for the log: a proxy is misconfigured.
    ImpossibleDemand(String),
    /// The credential has reached its request limit.
    OverLimit(OverLimit),
    /// The store is needed and unreachable.
    Unavailable(String),
}

/// Reason for rejecting an access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenFailure {
    /// The verifier rejected the token itself.
    #[error("{0}")]
    Token(VerifyError),
    /// The store is unreachable, and a proxy needs yes or no.
    #[error("unknown while the store is unreachable")]
    NotKnownNow,
    /// The subject is not the client, and no API key stands behind the token. Mintery issues no
    /// such token.
    #[error("the subject is not the client")]
    Subject,
    /// The client was deleted.
    #[error("a deleted client")]
    ClientGone,
    /// The client is disabled.
    #[error("a disabled client")]
    ClientDisabled,
    /// The user whose API key was exchanged was deleted.
    #[error("a deleted user")]
    UserGone,
    /// The user whose API key was exchanged is disabled.
    #[error("a disabled user")]
    UserDisabled,
    /// The token was issued before the client's cutoff.
    #[error("revoked")]
    CutOff,
    /// The request is malformed, and a proxy needs yes or no.
    #[error("{0}")]
    Request(&'static str),
}

/// Reason for rejecting an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFailure {
    /// The form or the checksum is wrong.
    #[error("malformed API key")]
    Malformed,
    /// No such key exists, or it was deleted.
    #[error("unknown API key")]
    Unknown,
    /// The key, or its owner, is disabled.
    #[error("a disabled API key, or a disabled owner")]
    Disabled,
    /// The key has expired.
    #[error("an expired API key")]
    Expired,
    /// The key is for another environment.
    #[error("an API key of another environment")]
    Environment,
    /// The key does not allow the caller's address.
    #[error("an API key from a disallowed address")]
    Address,
    /// The key is not for this API.
    #[error("an API key for other APIs")]
    Resource,
    /// The key is bound to addresses, and a token works from everywhere.
    #[error("an API key restricted to addresses")]
    Bound,
}

impl TokenFailure {
    /// True if a change that this node has not applied yet could make the token valid.
    #[must_use]
    pub const fn may_be_outdated(self) -> bool {
        matches!(
            self,
            Self::Token(VerifyError::UnknownKey)
                | Self::ClientGone
                | Self::ClientDisabled
                | Self::UserGone
                | Self::UserDisabled
        )
    }
}

impl KeyFailure {
    /// The outcome that is counted for a known key.
    #[must_use]
    pub const fn outcome(self) -> Option<KeyOutcome> {
        match self {
            Self::Disabled => Some(KeyOutcome::Disabled),
            Self::Expired => Some(KeyOutcome::Expired),
            Self::Environment => Some(KeyOutcome::OtherEnvironment),
            Self::Address | Self::Bound => Some(KeyOutcome::OtherAddress),
            Self::Resource => Some(KeyOutcome::OtherResource),
            Self::Malformed | Self::Unknown => None,
        }
    }
}

/// Reason for rejecting a session cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionFailure {
    /// No such session exists, or it has ended.
    #[error("an unknown or expired session")]
    Over,
    /// The user is disabled.
    #[error("a session of a disabled user")]
    Disabled,
    /// A session is valid at Mintery's own API only.
    #[error("a session at another API")]
    Resource,
}

/// Refusal of a log-in.
#[derive(Debug)]
pub enum LogInError {
    /// The name and the password do not match.
    Wrong(LogInFailure),
    /// The password is right, and a code is needed as well.
    CodeNeeded,
    /// The password is right, and the code is wrong or was used before.
    WrongCode,
    /// Too many attempts failed from this network, for this name or in all; the time until the next
    /// is allowed.
    TooManyGuesses(Duration),
    /// The act failed, or its outcome is unknown.
    Admin(AdminError),
    /// The store is needed and unreachable, or the password checks are overloaded.
    Unavailable(String),
}

/// Reason for rejecting a name and a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LogInFailure {
    /// No user has this name.
    #[error("an unknown user")]
    UnknownUser,
    /// The password is wrong.
    #[error("a wrong password")]
    WrongPassword,
    /// The user is disabled.
    #[error("a disabled user")]
    Disabled,
}

impl From<PresentError> for AccessError {
    fn from(error: PresentError) -> Self {
        match error {
            PresentError::Missing => Self::Missing,
            PresentError::Twice | PresentError::InQuery => Self::InvalidRequest(error.text()),
            PresentError::NoText => VerifyError::Malformed.into(),
        }
    }
}

impl From<VerifyError> for AccessError {
    fn from(error: VerifyError) -> Self {
        Self::InvalidToken(TokenFailure::Token(error))
    }
}

impl From<TokenFailure> for AccessError {
    fn from(failure: TokenFailure) -> Self {
        Self::InvalidToken(failure)
    }
}

impl From<KeyFailure> for AccessError {
    fn from(failure: KeyFailure) -> Self {
        Self::InvalidKey(failure)
    }
}

impl From<SessionFailure> for AccessError {
    fn from(failure: SessionFailure) -> Self {
        Self::InvalidSession(failure)
    }
}

impl From<Unavailable> for AccessError {
    fn from(error: Unavailable) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<LogInFailure> for LogInError {
    fn from(failure: LogInFailure) -> Self {
        Self::Wrong(failure)
    }
}

impl From<TooMany> for LogInError {
    fn from(TooMany(wait): TooMany) -> Self {
        Self::TooManyGuesses(wait)
    }
}

impl From<Busy> for LogInError {
    fn from(busy: Busy) -> Self {
        Self::Unavailable(busy.to_string())
    }
}

impl From<Unavailable> for LogInError {
    fn from(error: Unavailable) -> Self {
        Self::Unavailable(error.to_string())
    }
}
