//! What one authenticates with at a server.

use crate::cli::CliError;
use crate::cli::secret_input::MAX_EXISTING_LEN;
use crate::secret::Secret;

/// The credential of a program that calls a server.
#[derive(Debug, Clone)]
pub enum Credential {
    /// An API key.
    ApiKey(Secret),
    /// An access token, which somebody got elsewhere.
    AccessToken(Secret),
    /// A client and its secret.
    Client {
        /// The `client_id`.
        id: String,
        /// The secret.
        secret: Secret,
    },
}

impl Credential {
    /// An access token or an API key, whichever `secret` is: only the former has dots.
    ///
    /// # Errors
    /// When it is neither. What was given is not repeated.
    pub fn bearer(secret: Secret) -> Result<Self, CliError> {
        let plain = secret.expose();
        if plain.is_empty() {
            return Err(CliError::Usage("no access token or API key was given".to_owned()));
        }
        if plain.len() > MAX_EXISTING_LEN || !plain.bytes().all(|byte| byte.is_ascii_graphic()) {
            let reason = "that is no access token or API key: they are printable ASCII without spaces, 16 KiB at most";
            return Err(CliError::Usage(reason.to_owned()));
        }
        Ok(if is_jwt(plain) { Self::AccessToken(secret) } else { Self::ApiKey(secret) })
    }

    /// A client.
    ///
    /// # Errors
    /// When the id or the secret can be none (RFC 6749 Appendix A).
    pub fn client(id: &str, secret: Secret) -> Result<Self, CliError> {
        let is_text = |text: &str| {
            (1..=MAX_EXISTING_LEN).contains(&text.len())
                && text.bytes().all(|byte| matches!(byte, 0x20..=0x7e))
        };
        if !is_text(id) {
            return Err(CliError::Usage("a client id is of printable ASCII characters".to_owned()));
        }
        if secret.expose().is_empty() {
            return Err(CliError::Usage("no secret was given".to_owned()));
        }
        if !is_text(secret.expose()) {
            return Err(CliError::Usage("a secret is of printable ASCII characters".to_owned()));
        }
        Ok(Self::Client { id: id.to_owned(), secret })
    }

    /// What it is, for people.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ApiKey(_) => "API key",
            Self::AccessToken(_) => "access token",
            Self::Client { .. } => "client secret",
        }
    }
}

/// Whether a text has the form of a signed token (RFC 7515 §7.1).
pub fn is_jwt(text: &str) -> bool {
    text.bytes().filter(|byte| *byte == b'.').count() == 2
}
