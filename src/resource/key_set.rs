//! The public keys of an issuer, by their id.

use std::collections::HashMap;
use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use jsonwebtoken::crypto::JwtVerifier;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm};

use crate::model::signing_key::SigningAlgorithm;

/// A public key, bound to the one algorithm that it is used with.
pub struct VerifyingKey {
    algorithm: SigningAlgorithm,
    key: ParsedPublicKey,
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.algorithm)
    }
}

impl VerifyingKey {
    /// Parses a published key; nothing when it is of a kind that access tokens are not verified with, or is malformed
    /// (a point off the curve, RSA of less than 2048 bits).
    #[must_use]
    pub fn from_jwk(jwk: &Jwk) -> Option<Self> {
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        match (&jwk.algorithm, jwk.common.key_algorithm?) {
            (AlgorithmParameters::EllipticCurve(ec), KeyAlgorithm::ES256)
                if ec.curve == EllipticCurve::P256 =>
            {
                let (x, y) = (decode(&ec.x)?, decode(&ec.y)?);
                if x.len() != 32 || y.len() != 32 {
                    return None;
                }
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok()?;
                Some(Self { algorithm: SigningAlgorithm::Es256, key })
            }
            (AlgorithmParameters::RSA(rsa), KeyAlgorithm::RS256) => {
                let components = RsaPublicKeyComponents { n: decode(&rsa.n)?, e: decode(&rsa.e)? };
                if components.n.len() < 256 {
                    return None;
                }
                let key = components.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).ok()?;
                Some(Self { algorithm: SigningAlgorithm::Rs256, key })
            }
            _ => None,
        }
    }

    /// The one algorithm that this key is used with.
    #[must_use]
    pub const fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }
}

impl signature::Verifier<Vec<u8>> for VerifyingKey {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        self.key.verify_sig(message, signature).map_err(signature::Error::from_source)
    }
}

impl JwtVerifier for VerifyingKey {
    fn algorithm(&self) -> Algorithm {
        match self.algorithm {
            SigningAlgorithm::Es256 => Algorithm::ES256,
            SigningAlgorithm::Rs256 => Algorithm::RS256,
        }
    }
}

/// The public keys of an issuer.
#[derive(Debug, Default)]
pub struct KeySet(HashMap<Box<str>, VerifyingKey>);

impl KeySet {
    /// The keys of a published set that access tokens can be verified with; the others are left out, as RFC 7517 §5
    /// asks.
    #[must_use]
    pub fn from_jwks(set: &JwkSet) -> Self {
        let usable = |jwk: &Jwk| Some((jwk.common.key_id.as_deref()?.into(), VerifyingKey::from_jwk(jwk)?));
        Self(set.keys.iter().filter_map(usable).collect())
    }

    /// The key with this id.
    #[must_use]
    pub fn get(&self, kid: &str) -> Option<&VerifyingKey> {
        self.0.get(kid)
    }
}
