//! Signature algorithms.

use std::fmt;
use std::str::FromStr;

/// A signature algorithm of access tokens (RFC 7518 §3, RFC 8037).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SigningAlgorithm {
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// ECDSA with P-384 and SHA-384.
    Es384,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// Ed25519.
    EdDsa,
    /// HMAC with SHA-256. Every verifier of such tokens can also make them.
    Hs256,
}

/// The error for an algorithm that is not supported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unsupported signing algorithm; supported: {}", SigningAlgorithm::names())]
pub struct UnknownAlgorithm;

impl SigningAlgorithm {
    /// All of them, the default first.
    pub const ALL: [Self; 6] =
        [Self::Es256, Self::Es384, Self::Ps256, Self::Rs256, Self::EdDsa, Self::Hs256];

    /// The exact value of `alg` in a header or a key (RFC 7518 §3.1, RFC 8037 §3.1).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
        }
    }

    /// Returns true if one secret both signs and verifies, so that it is never published.
    #[must_use]
    pub const fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256)
    }

    fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

/// The name in `jsonwebtoken`.
impl From<SigningAlgorithm> for jsonwebtoken::Algorithm {
    fn from(algorithm: SigningAlgorithm) -> Self {
        match algorithm {
            SigningAlgorithm::Es256 => Self::ES256,
            SigningAlgorithm::Es384 => Self::ES384,
            SigningAlgorithm::Ps256 => Self::PS256,
            SigningAlgorithm::Rs256 => Self::RS256,
            SigningAlgorithm::EdDsa => Self::EdDSA,
            SigningAlgorithm::Hs256 => Self::HS256,
        }
    }
}

impl fmt::Display for SigningAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SigningAlgorithm {
    type Err = UnknownAlgorithm;

    /// `Ed25519` is the newer name of what RFC 8037 calls `EdDSA` (RFC 9864 §2.2).
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let is_named = |algorithm: &Self| {
            algorithm.name() == name || (*algorithm == Self::EdDsa && name == "Ed25519")
        };
        Self::ALL.into_iter().find(is_named).ok_or(UnknownAlgorithm)
    }
}
