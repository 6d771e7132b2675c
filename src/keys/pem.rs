//! A private key that was made elsewhere, in PEM (RFC 7468): PKCS#8, or the older forms that openssl writes.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair};
use zeroize::Zeroizing;

use super::pair::PrivateBytes;
use super::signing::SigningKey;
use crate::model::signing_key::SigningAlgorithm;

/// Why a file is not imported; each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// Not PEM.
    #[error("there is no PEM in it (a text that begins with -----BEGIN PRIVATE KEY-----)")]
    NoPem,
    /// More than one thing stands in it.
    #[error("it holds {0} PEM blocks; import one private key at a time")]
    Several(usize),
    /// A passphrase protects it.
    #[error(
        "it is protected by a passphrase; `openssl pkey -in FILE | mintery signing-key import -` asks for it and passes the key on"
    )]
    Encrypted,
    /// Something else than a private key.
    #[error("it is a {0}, not a private key")]
    NotPrivate(String),
    /// A private key that nothing is signed with here.
    #[error("it is no key for signing: EC on P-256 or P-384, RSA of 2048 to 8192 bits, or Ed25519{0}")]
    Unusable(&'static str),
    /// Of another kind than was asked for.
    #[error("it is no key for {0}")]
    OtherAlgorithm(SigningAlgorithm),
}

/// Reads a private key. `algorithm` is needed for RSA keys alone, which serve two; RS256 without it.
///
/// # Errors
/// See [`PemError`].
pub fn read(text: &str, algorithm: Option<SigningAlgorithm>) -> Result<SigningKey, PemError> {
    let private = private_key(text)?;
    let found = candidates().into_iter().filter_map(|candidate| {
        let pkcs8 = to_pkcs8(candidate, &private)?;
        SigningKey::from_private(candidate, pkcs8).ok()
    });
    let mut found = found.peekable();
    if found.peek().is_none() {
        return Err(PemError::Unusable(hint(&private)));
    }
    match algorithm {
        None => found.next().ok_or(PemError::Unusable("")),
        Some(wanted) => found.find(|key| key.algorithm() == wanted).ok_or(PemError::OtherAlgorithm(wanted)),
    }
}

/// The algorithms whose keys have a PEM form; of two for one kind of key, the usual one first.
const fn candidates() -> [SigningAlgorithm; 5] {
    [
        SigningAlgorithm::Es256,
        SigningAlgorithm::Es384,
        SigningAlgorithm::EdDsa,
        SigningAlgorithm::Rs256,
        SigningAlgorithm::Ps256,
    ]
}

fn private_key(text: &str) -> Result<PrivateBytes, PemError> {
    let mut blocks = pem::parse_many(text).map_err(|_| PemError::NoPem)?;
    // `openssl ecparam -genkey` puts the name of the curve before the key.
    blocks.retain(|block| block.tag() != "EC PARAMETERS");
    let count = blocks.len();
    let block = blocks.pop().ok_or(PemError::NoPem)?;
    if count > 1 {
        return Err(PemError::Several(count));
    }
    let tag = block.tag().to_owned();
    let is_encrypted = block.headers().iter().any(|(name, _)| name == "DEK-Info" || name == "Proc-Type");
    let bytes = Zeroizing::new(block.into_contents());
    match tag.as_str() {
        "ENCRYPTED PRIVATE KEY" => Err(PemError::Encrypted),
        _ if is_encrypted => Err(PemError::Encrypted),
        "PRIVATE KEY" | "EC PRIVATE KEY" | "RSA PRIVATE KEY" => Ok(bytes),
        other => Err(PemError::NotPrivate(other.to_ascii_lowercase())),
    }
}

/// PKCS#8, from that, from RFC 5915 or from RFC 8017; nothing when it is no key of this kind.
fn to_pkcs8(algorithm: SigningAlgorithm, bytes: &[u8]) -> Option<PrivateBytes> {
    let ec = |curve| {
        let pair = EcdsaKeyPair::from_private_key_der(curve, bytes).ok()?;
        Some(pair.to_pkcs8v1().ok()?.as_ref().to_vec())
    };
    let pkcs8 = match algorithm {
        SigningAlgorithm::Es256 => ec(&ECDSA_P256_SHA256_FIXED_SIGNING)?,
        SigningAlgorithm::Es384 => ec(&ECDSA_P384_SHA384_FIXED_SIGNING)?,
        SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256 => {
            let pair = RsaKeyPair::from_pkcs8(bytes).or_else(|_| RsaKeyPair::from_der(bytes)).ok()?;
            let document: Pkcs8V1Der<'_> = pair.as_der().ok()?;
            document.as_ref().to_vec()
        }
        SigningAlgorithm::EdDsa => bytes.to_vec(),
        SigningAlgorithm::Hs256 => return None,
    };
    Some(Zeroizing::new(pkcs8))
}

/// What is probably wrong with a key that none of the algorithms takes.
fn hint(bytes: &[u8]) -> &'static str {
    // An RSA key of 1024 bits has some 600 bytes in either form, one of 2048 twice that; EC and Ed25519 have fewer.
    if (300..1000).contains(&bytes.len()) {
        "; this looks like an RSA key of fewer than 2048 bits"
    } else {
        ""
    }
}
