//! One public key: its JSON (RFC 7517 §4), parsed into a verifier of signatures.

use std::fmt;

use aws_lc_rs::digest::{self, SHA256};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use jsonwebtoken::crypto::JwtVerifier;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::model::signing_key::SigningAlgorithm;

/// The accepted lengths of a modulus.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The longest accepted `kid`, in bytes.
pub const MAX_KID_LEN: usize = 256;

/// A key, bound to its one algorithm.
#[derive(Clone)]
pub struct VerifyingKey {
    algorithm: SigningAlgorithm,
    material: Material,
    /// SHA-256 of the key material, by which keys are compared.
    fingerprint: [u8; 32],
}

#[derive(Clone)]
enum Material {
    Public(ParsedPublicKey),
    Shared(Box<hmac::Key>),
}

/// The reason why a published key is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeftOutReason {
    /// It is not an object, or a required member is missing, repeated or of the wrong type.
    #[error("it is malformed")]
    Malformed,
    /// It has no `kid`, so no token can name it, or one of over 256 bytes.
    #[error("it has no usable kid")]
    NoId,
    /// `use` is not `sig`, or `key_ops` does not list `verify`.
    #[error("it is not for verifying signatures")]
    OtherUse,
    /// Its `kty`, `crv` or `alg` is not supported, or `alg` does not fit `kty`.
    #[error("its type or algorithm is not supported")]
    UnknownType,
    /// RSA with less than 2048 or more than 8192 bits or with impossible numbers, a point that is not
    /// on the curve, or a point that verifies forged signatures.
    #[error("its parameters are not acceptable")]
    BadParameters,
    /// Its private members are published with it: every reader can sign. Replace the key.
    #[error("its private key is published: it is compromised and must be replaced")]
    Private,
    /// Two different keys have this `kid`.
    #[error("another key has the same kid")]
    Ambiguous,
}

/// The members of a published key that matter here. A repeated member is an error.
#[derive(Deserialize)]
struct Members {
    kty: String,
    kid: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    // RFC 7518 §6.2.2, §6.3.2, §6.4.1.
    d: Option<IgnoredAny>,
    p: Option<IgnoredAny>,
    q: Option<IgnoredAny>,
    dp: Option<IgnoredAny>,
    dq: Option<IgnoredAny>,
    qi: Option<IgnoredAny>,
    oth: Option<IgnoredAny>,
    k: Option<IgnoredAny>,
}

/// The id of a key, and the key or the reason why it is not used.
pub type Parsed = (Option<String>, Result<VerifyingKey, LeftOutReason>);

/// Parses a published key.
pub fn parse(json: &str) -> Parsed {
    match serde_json::from_str::<Members>(json) {
        Ok(mut members) => {
            let kid = members.kid.take().filter(|kid| !kid.is_empty() && kid.len() <= MAX_KID_LEN);
            let key = members.check(kid.is_some());
            (kid, key)
        }
        Err(_) => (None, Err(LeftOutReason::Malformed)),
    }
}

impl Members {
    fn check(&self, has_id: bool) -> Result<VerifyingKey, LeftOutReason> {
        if self.is_private() {
            return Err(LeftOutReason::Private);
        }
        let verifies = self.r#use.as_deref().is_none_or(|purpose| purpose == "sig")
            && self
                .key_ops
                .as_ref()
                .is_none_or(|uses| uses.iter().any(|purpose| purpose == "verify"));
        if !verifies {
            return Err(LeftOutReason::OtherUse);
        }
        let algorithm = self.algorithm()?;
        if !has_id {
            return Err(LeftOutReason::NoId);
        }
        self.key(algorithm)
    }

    const fn is_private(&self) -> bool {
        self.d.is_some()
            || self.p.is_some()
            || self.q.is_some()
            || self.dp.is_some()
            || self.dq.is_some()
            || self.qi.is_some()
            || self.oth.is_some()
            || self.k.is_some()
    }

    /// The algorithm in `alg`, or the usual one for the key. It fits the key in either case.
    fn algorithm(&self) -> Result<SigningAlgorithm, LeftOutReason> {
        use SigningAlgorithm::{EdDsa, Es256, Es384, Ps256, Rs256};
        let fitting: &[SigningAlgorithm] = match (self.kty.as_str(), self.crv.as_deref()) {
            ("EC", Some("P-256")) => &[Es256],
            ("EC", Some("P-384")) => &[Es384],
            ("OKP", Some("Ed25519")) => &[EdDsa],
            ("RSA", _) => &[Rs256, Ps256],
            _ => return Err(LeftOutReason::UnknownType),
        };
        let algorithm = match &self.alg {
            Some(name) => name.parse().ok(),
            None => fitting.first().copied(),
        };
        algorithm.filter(|algorithm| fitting.contains(algorithm)).ok_or(LeftOutReason::UnknownType)
    }

    fn key(&self, algorithm: SigningAlgorithm) -> Result<VerifyingKey, LeftOutReason> {
        let (x, y) = (self.x.as_ref(), self.y.as_ref());
        let bad = |_| LeftOutReason::BadParameters;
        let (parsed, bytes) = match algorithm {
            SigningAlgorithm::Es256 => {
                let point = [&[4], &*coordinate(x, 32)?, &*coordinate(y, 32)?].concat();
                (ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point).map_err(bad)?, point)
            }
            SigningAlgorithm::Es384 => {
                let point = [&[4], &*coordinate(x, 48)?, &*coordinate(y, 48)?].concat();
                (ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, &point).map_err(bad)?, point)
            }
            SigningAlgorithm::EdDsa => {
                let point = coordinate(x, 32)?;
                if has_small_order(&point) {
                    return Err(LeftOutReason::BadParameters);
                }
                (ParsedPublicKey::new(&ED25519, &point).map_err(bad)?, point)
            }
            SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256 => {
                let (modulus, exponent) = (number(self.n.as_ref())?, number(self.e.as_ref())?);
                let is_odd = modulus.last().is_some_and(|last| last % 2 == 1);
                if !RSA_BITS.contains(&bits(&modulus)) || !is_odd || !is_exponent(&exponent) {
                    return Err(LeftOutReason::BadParameters);
                }
                let bytes = [modulus.as_slice(), &exponent].concat();
                let components = RsaPublicKeyComponents { n: modulus, e: exponent };
                let parameters = if algorithm == SigningAlgorithm::Ps256 {
                    &RSA_PSS_2048_8192_SHA256
                } else {
                    &RSA_PKCS1_2048_8192_SHA256
                };
                (
                    components
                        .to_parsed_public_key(parameters)
                        .map_err(|_| LeftOutReason::BadParameters)?,
                    bytes,
                )
            }
            SigningAlgorithm::Hs256 => return Err(LeftOutReason::UnknownType),
        };
        Ok(VerifyingKey::from_parts(algorithm, Material::Public(parsed), &bytes))
    }
}

fn bytes(member: Option<&String>) -> Result<Vec<u8>, LeftOutReason> {
    let text = member.ok_or(LeftOutReason::Malformed)?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| LeftOutReason::Malformed)
}

/// A coordinate of full length, leading zeros included (RFC 7518 §6.2.1.2).
fn coordinate(member: Option<&String>, len: usize) -> Result<Vec<u8>, LeftOutReason> {
    bytes(member).and_then(|bytes| {
        if bytes.len() == len { Ok(bytes) } else { Err(LeftOutReason::BadParameters) }
    })
}

/// A number without leading zeros, which some encoders add (RFC 7518 §6.3.1.1).
fn number(member: Option<&String>) -> Result<Vec<u8>, LeftOutReason> {
    bytes(member).map(|bytes| bytes.into_iter().skip_while(|byte| *byte == 0).collect())
}

/// The length in bits of a number without leading zeros.
fn bits(number: &[u8]) -> usize {
    let unused = number.first().map_or(0, |first| first.leading_zeros() as usize);
    number.len() * 8 - unused
}

/// Returns true for a public exponent that is odd, above 1, and at most 32 bits long. aws-lc-rs
/// would accept 1, under which every message is its own signature.
const fn is_exponent(number: &[u8]) -> bool {
    match number {
        [only] => *only % 2 == 1 && *only > 1,
        [.., last] => *last % 2 == 1 && number.len() <= 4,
        [] => false,
    }
}

/// Returns true for an Ed25519 point of order 8 or less, the neutral element included, in any
/// encoding. Such a key verifies forged signatures, and aws-lc-rs would accept it. (A point that is
/// not on the curve needs no check here: no signature verifies with it.)
fn has_small_order(point: &[u8]) -> bool {
    // y of these points modulo p = 2^255 - 19; the highest bit holds the sign of x.
    const ORDER_8: [[u8; 32]; 2] = [
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef,
            0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88,
            0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10,
            0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77,
            0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    let [first, middle @ .., last] = point else { return true };
    let last = last & 0x7f;
    match first {
        // 0 and 1.
        0 | 1 if last == 0 && middle.iter().all(|byte| *byte == 0) => true,
        // p - 1, p and p + 1.
        0xec..=0xee if last == 0x7f && middle.iter().all(|byte| *byte == 0xff) => true,
        _ => ORDER_8.iter().any(|[own_first, own_middle @ .., own_last]| {
            (own_first, own_middle.as_slice(), *own_last) == (first, middle, last)
        }),
    }
}

impl VerifyingKey {
    /// A shared secret for HS256.
    pub(crate) fn shared(secret: &[u8]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        Self::from_parts(SigningAlgorithm::Hs256, Material::Shared(Box::new(key)), secret)
    }

    fn from_parts(algorithm: SigningAlgorithm, material: Material, bytes: &[u8]) -> Self {
        let digest = digest::digest(&SHA256, bytes);
        let fingerprint = digest.as_ref().first_chunk().copied().unwrap_or_default();
        Self { algorithm, material, fingerprint }
    }

    /// The one algorithm of this key.
    #[must_use]
    pub const fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }
}

impl PartialEq for VerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        self.algorithm == other.algorithm && self.fingerprint == other.fingerprint
    }
}

impl Eq for VerifyingKey {}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.algorithm)
    }
}

impl signature::Verifier<Vec<u8>> for VerifyingKey {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let verified = match &self.material {
            Material::Public(key) => key.verify_sig(message, signature),
            Material::Shared(key) => hmac::verify(key, message, signature),
        };
        verified.map_err(signature::Error::from_source)
    }
}

impl JwtVerifier for VerifyingKey {
    fn algorithm(&self) -> Algorithm {
        self.algorithm.into()
    }
}
