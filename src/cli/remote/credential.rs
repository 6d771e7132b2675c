//! The credential of a command at a server.

use crate::cli::error::CliError;
use crate::cli::secret_input::MAX_EXISTING_LEN;
use crate::secret::Secret;

/// A credential.
#[derive(Debug, Clone)]
pub enum Credential {
    /// An API key.
    ApiKey(Secret),
    /// An access token from elsewhere.
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
    /// Parses an access token or an API key; only an access token has dots.
    ///
    /// # Errors
    /// When `secret` is neither. The message does not repeat it.
    pub fn bearer(secret: Secret) -> Result<Self, CliError> {
        let plain = secret.expose();
        if plain.is_empty() {
            return Err(CliError::Usage("the access token or API key is empty".to_owned()));
        }
        if plain.len() > MAX_EXISTING_LEN || !plain.bytes().all(|byte| byte.is_ascii_graphic()) {
            let reason = "invalid access token or API key: it must be printable ASCII without spaces, at most 16 KiB";
            return Err(CliError::Usage(reason.to_owned()));
        }
        Ok(if is_jwt(plain) { Self::AccessToken(secret) } else { Self::ApiKey(secret) })
    }

    /// Parses the id and the secret of a client.
    ///
    /// # Errors
    /// When the id or the secret is invalid (RFC 6749 Appendix A).
    pub fn client(id: &str, secret: Secret) -> Result<Self, CliError> {
        let is_text = |text: &str| {
            (1..=MAX_EXISTING_LEN).contains(&text.len())
                && text.bytes().all(|byte| matches!(byte, 0x20..=0x7e))
        };
        if !is_text(id) {
            return Err(CliError::Usage(
                "invalid client id: it must be printable ASCII".to_owned(),
            ));
        }
        if secret.expose().is_empty() {
            return Err(CliError::Usage("the secret is empty".to_owned()));
        }
        if !is_text(secret.expose()) {
            return Err(CliError::Usage("invalid secret: it must be printable ASCII".to_owned()));
        }
        Ok(Self::Client { id: id.to_owned(), secret })
    }

    /// The kind of credential, for people.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ApiKey(_) => "API key",
            Self::AccessToken(_) => "access token",
            Self::Client { .. } => "client secret",
        }
    }
}

/// True if `text` has the form of a signed token (RFC 7515 §7.1).
pub fn is_jwt(text: &str) -> bool {
    text.bytes().filter(|byte| *byte == b'.').count() == 2
}
