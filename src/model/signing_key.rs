//! Signature algorithms and the public half of keys.

use std::fmt;
use std::str::FromStr;

/// An algorithm that access tokens are signed with (RFC 7518 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SigningAlgorithm {
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

/// An algorithm that Mintery does not sign with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an algorithm that tokens are signed with; there are {}", SigningAlgorithm::names())]
pub struct UnknownAlgorithm;

impl SigningAlgorithm {
    /// All of them, the default first.
    pub const ALL: [Self; 2] = [Self::Es256, Self::Rs256];

    /// The name that `alg` has in a header or a key (RFC 7518 §3.1), spelt exactly so.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

impl fmt::Display for SigningAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SigningAlgorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name).ok_or(UnknownAlgorithm)
    }
}
