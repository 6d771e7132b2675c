//! The reasons to reject a protected request, and their challenges (RFC 6750 §3, RFC 9728 §5.1).
//! Mintery's own routes use them too.

use std::borrow::Cow;

use crate::adapter::problem::Problem;
use crate::token::error::VerifyError;
use crate::token::presented::PresentError;
use crate::token::require_scope::MissingScope;

/// The value of `Retry-After`, in seconds.
pub const RETRY_AFTER_SECS: &str = "1";

/// The reason to reject a protected request. It reveals no more than the caller may know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No credential: 401, with a challenge and no error code.
    Missing,
    /// Two credentials, or one in the query: 400.
    InvalidRequest(&'static str),
    /// The token is invalid: 401.
    InvalidToken,
    /// The token is valid and lacks scopes: 403. Contains the missing scopes, separated by spaces.
    InsufficientScope(String),
    /// No decision is possible now: 503.
    Unavailable,
}

impl Refusal {
    /// The kind of error.
    #[must_use]
    pub const fn problem(&self) -> Problem {
        match self {
            Self::Missing => Problem::MISSING_CREDENTIALS,
            Self::InvalidRequest(_) => Problem::INVALID_REQUEST,
            Self::InvalidToken => Problem::INVALID_CREDENTIALS,
            Self::InsufficientScope(_) => Problem::NO_PERMISSION,
            Self::Unavailable => Problem::UNAVAILABLE,
        }
    }

    /// The text for the caller.
    #[must_use]
    pub fn detail(&self) -> Cow<'static, str> {
        match self {
            Self::Missing => PresentError::Missing.text().into(),
            Self::InvalidRequest(what) => (*what).into(),
            Self::InvalidToken => {
                "The access token is malformed, expired, revoked or not for this API".into()
            }
            Self::InsufficientScope(none) if none.is_empty() => {
                "No access token allows this".into()
            }
            Self::InsufficientScope(scopes) => {
                format!("The access token lacks the scope {scopes}").into()
            }
            Self::Unavailable => "The server is temporarily unavailable; try again".into(),
        }
    }

    /// The value of `WWW-Authenticate`; nothing if the caller can do nothing but wait. `realm` and
    /// `metadata`, the address of the API's metadata, contain neither quote nor backslash, and
    /// neither do scopes.
    #[must_use]
    pub fn challenge(&self, realm: &str, metadata: Option<&str>) -> Option<String> {
        let error = match self {
            Self::Missing => "",
            Self::InvalidRequest(_) => ", error=\"invalid_request\"",
            Self::InvalidToken => ", error=\"invalid_token\"",
            Self::InsufficientScope(_) => ", error=\"insufficient_scope\"",
            Self::Unavailable => return None,
        };
        let metadata =
            metadata.map(|url| format!(", resource_metadata=\"{url}\"")).unwrap_or_default();
        let scope = match self {
            Self::InsufficientScope(scopes) if !scopes.is_empty() => {
                format!(", scope=\"{scopes}\"")
            }
            _ => String::new(),
        };
        Some(format!("Bearer realm=\"{realm}\"{metadata}{error}{scope}"))
    }
}

impl From<PresentError> for Refusal {
    fn from(error: PresentError) -> Self {
        match error {
            PresentError::Missing => Self::Missing,
            PresentError::Twice | PresentError::InQuery => Self::InvalidRequest(error.text()),
            PresentError::NoText => Self::InvalidToken,
        }
    }
}

impl From<VerifyError> for Refusal {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::KeysUnavailable | VerifyError::StaleRevocations => Self::Unavailable,
            _ => Self::InvalidToken,
        }
    }
}

impl From<MissingScope> for Refusal {
    fn from(missing: MissingScope) -> Self {
        Self::InsufficientScope(missing.scopes().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::Refusal;

    /// 6750-1, 6750-3, 6750-4
    #[test]
    fn a_challenge_says_what_is_missing() {
        let challenge =
            |refusal: Refusal| refusal.challenge("api", Some("https://api/m")).unwrap_or_default();
        assert_eq!(
            challenge(Refusal::Missing),
            r#"Bearer realm="api", resource_metadata="https://api/m""#
        );
        assert_eq!(
            challenge(Refusal::InvalidToken),
            r#"Bearer realm="api", resource_metadata="https://api/m", error="invalid_token""#
        );
        assert_eq!(
            challenge(Refusal::InsufficientScope("a b".to_owned())),
            r#"Bearer realm="api", resource_metadata="https://api/m", error="insufficient_scope", scope="a b""#
        );
        assert_eq!(
            Refusal::Missing.challenge("api", None).as_deref(),
            Some(r#"Bearer realm="api""#)
        );
        assert_eq!(challenge(Refusal::Unavailable), "");
    }
}
