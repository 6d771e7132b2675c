//! Signing a token. `jsonwebtoken::encode` parses the private key anew for every token and takes no signer, so the
//! parsed key and the encoded header are kept, and the compact form (RFC 7515 §7.1) is assembled here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use jsonwebtoken::crypto::JwtSigner;
use serde::Serialize;
use signature::Signer as _;

use super::pair::KeyPair;
use super::signing::SigningKey;
use crate::model::claims::ACCESS_TOKEN_TYPE;
use crate::model::claims::AccessTokenClaims;
use crate::model::signing_key::SigningAlgorithm;

/// A token could not be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token could not be signed")]
pub struct SignError;

/// What makes an access token of claims.
pub trait TokenSigner: Send + Sync {
    /// The token in compact form.
    ///
    /// # Errors
    /// When the key does not sign.
    fn sign(&self, claims: &AccessTokenClaims<'_>) -> Result<String, SignError>;

    /// Something else that is signed, in compact form: `claims` are a JSON object, `typ` says of what kind they are, so that
    /// nobody takes it for an access token (RFC 8725 §3.11).
    ///
    /// # Errors
    /// When the key does not sign.
    fn sign_as(&self, typ: &str, claims: &[u8]) -> Result<String, SignError>;
}

/// How a signer is made of a key: [`CachedSigner::from_key`], unless a measurement wants another.
pub type SignerFactory = fn(SigningKey) -> Box<dyn TokenSigner>;

/// A parsed key and its encoded header.
pub struct CachedSigner {
    pair: KeyPair,
    /// The encoded header and the dot behind it.
    prefix: String,
    kid: String,
}

#[derive(Serialize)]
struct Header<'a> {
    typ: &'a str,
    alg: &'static str,
    kid: &'a str,
}

impl CachedSigner {
    /// A signer with `key`.
    #[must_use]
    pub fn new(key: SigningKey) -> Self {
        let prefix = prefix(ACCESS_TOKEN_TYPE, key.algorithm(), &key.kid);
        Self { pair: key.pair, prefix, kid: key.kid }
    }

    fn assemble(&self, prefix: &str, json: &[u8]) -> Result<String, SignError> {
        let mut token = String::with_capacity(prefix.len() + json.len() * 4 / 3 + 360);
        token.push_str(prefix);
        URL_SAFE_NO_PAD.encode_string(json, &mut token);
        let signature = self.try_sign(token.as_bytes()).map_err(|_| SignError)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    /// [`CachedSigner::new`] as a [`SignerFactory`].
    #[must_use]
    pub fn from_key(key: SigningKey) -> Box<dyn TokenSigner> {
        Box::new(Self::new(key))
    }
}

impl TokenSigner for CachedSigner {
    fn sign(&self, claims: &AccessTokenClaims<'_>) -> Result<String, SignError> {
        // Most claims fit, so that nothing is copied while they are written.
        let mut json = Vec::with_capacity(512);
        serde_json::to_writer(&mut json, claims).map_err(|_| SignError)?;
        self.assemble(&self.prefix, &json)
    }

    fn sign_as(&self, typ: &str, claims: &[u8]) -> Result<String, SignError> {
        self.assemble(&prefix(typ, self.pair.algorithm(), &self.kid), claims)
    }
}

/// The encoded header, and the dot behind it.
fn prefix(typ: &str, algorithm: SigningAlgorithm, kid: &str) -> String {
    let header = serde_json::to_vec(&Header { typ, alg: algorithm.name(), kid }).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(header) + "."
}

impl signature::Signer<Vec<u8>> for CachedSigner {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        self.pair.sign(message).map_err(signature::Error::from_source)
    }
}

impl JwtSigner for CachedSigner {
    fn algorithm(&self) -> Algorithm {
        self.pair.algorithm().into()
    }
}
