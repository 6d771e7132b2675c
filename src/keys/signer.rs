//! Signs tokens. `jsonwebtoken::encode` parses the private key for every token and takes no signer.
//! This file therefore keeps the parsed key and the encoded header, and assembles the compact form
//! (RFC 7515 §7.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use jsonwebtoken::crypto::JwtSigner;
use serde::Serialize;
use signature::Signer as _;

use super::pair::KeyPair;
use super::signing::SigningKey;
use crate::model::claims::ACCESS_TOKEN_TYPE;

/// A token could not be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot sign the token")]
pub struct SignError;

/// A signer of access tokens and other signed documents.
pub trait TokenSigner: Send + Sync {
    /// Signs serialized claims, and appends the JWT in compact form to `output`. Its `typ` tells it
    /// apart from other documents (RFC 8725 §3.11).
    ///
    /// # Errors
    /// When the key cannot sign.
    fn sign(&self, typ: &'static str, claims: &[u8], output: &mut Vec<u8>)
    -> Result<(), SignError>;
}

/// Makes the signer of a key: [`CachedSigner::from_key`], unless a measurement replaces it.
pub type SignerFactory = fn(SigningKey) -> Box<dyn TokenSigner>;

/// A parsed key and the encoded header of access tokens.
pub struct CachedSigner {
    pair: KeyPair,
    kid: String,
    /// The encoded header of access tokens and its dot.
    prefix: String,
}

#[derive(Serialize)]
struct Header<'a> {
    typ: &'static str,
    alg: &'static str,
    kid: &'a str,
}

impl CachedSigner {
    /// Makes the signer of `key`.
    #[must_use]
    pub fn new(key: SigningKey) -> Self {
        let prefix =
            Header { typ: ACCESS_TOKEN_TYPE, alg: key.algorithm().name(), kid: &key.kid }.encode();
        Self { pair: key.pair, kid: key.kid, prefix }
    }

    /// [`CachedSigner::new`] as a [`SignerFactory`].
    #[must_use]
    pub fn from_key(key: SigningKey) -> Box<dyn TokenSigner> {
        Box::new(Self::new(key))
    }

    /// Assembles the compact form of `claims` behind an encoded header and its dot.
    fn append(&self, prefix: &str, claims: &[u8], output: &mut Vec<u8>) -> Result<(), SignError> {
        let start = output.len();
        output.reserve(prefix.len() + claims.len() * 4 / 3 + 360);
        output.extend_from_slice(prefix.as_bytes());
        push_base64url(output, claims);
        let message = output.get(start..).ok_or(SignError)?;
        let signature = self.try_sign(message).map_err(|_| SignError)?;
        output.push(b'.');
        push_base64url(output, &signature);
        Ok(())
    }
}

/// Appends the base64url of `bytes`, without padding. The encoder of a `String` copies and checks
/// the text in pieces.
fn push_base64url(output: &mut Vec<u8>, bytes: &[u8]) {
    let start = output.len();
    output.resize(start + bytes.len().div_ceil(3) * 4, 0);
    let room = output.get_mut(start..).unwrap_or_default();
    let written = URL_SAFE_NO_PAD.encode_slice(bytes, room).unwrap_or_default();
    output.truncate(start + written);
}

impl Header<'_> {
    /// The encoded header with its dot.
    fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default()) + "."
    }
}

impl TokenSigner for CachedSigner {
    fn sign(
        &self,
        typ: &'static str,
        claims: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<(), SignError> {
        if typ == ACCESS_TOKEN_TYPE {
            return self.append(&self.prefix, claims, output);
        }
        let header = Header { typ, alg: self.pair.algorithm().name(), kid: &self.kid };
        self.append(&header.encode(), claims, output)
    }
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
