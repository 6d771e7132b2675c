//! Signing keys: made, named by their thumbprint, sealed, and opened again.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{
    AlgorithmParameters, CommonParameters, EllipticCurve, EllipticCurveKeyParameters, EllipticCurveKeyType,
    Jwk, KeyAlgorithm, PublicKeyUse, RSAKeyParameters, RSAKeyType,
};
use zeroize::Zeroizing;

use super::seal::SealingKey;
use crate::model::signing_key::SigningAlgorithm;
use crate::store::key::SealedSigningKey;

/// A private key in the form that signs, with its public half.
#[derive(Debug)]
pub struct SigningKey {
    /// Its RFC 7638 thumbprint.
    pub kid: String,
    /// The one algorithm it is used with.
    pub algorithm: SigningAlgorithm,
    /// The parsed key.
    pub pair: KeyPair,
    /// Its PKCS#8 form.
    pub pkcs8: Zeroizing<Vec<u8>>,
    /// The public half, as it is published.
    pub public: Jwk,
}

/// A parsed key pair.
#[derive(Debug)]
pub enum KeyPair {
    /// For ES256.
    Ecdsa(Box<EcdsaKeyPair>),
    /// For RS256.
    Rsa(Box<RsaKeyPair>),
}

/// A key cannot be made, sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signing key cannot be made or read")]
pub struct UnusableKey;

/// RSA keys have this size: 112 bits of strength, and what every verifier takes.
const RSA_SIZE: KeySize = KeySize::Rsa2048;

impl SigningKey {
    /// Makes a new key. RSA takes some tenths of a second of one core.
    ///
    /// # Errors
    /// When the library fails.
    pub fn generate(algorithm: SigningAlgorithm) -> Result<Self, UnusableKey> {
        let pkcs8 = match algorithm {
            SigningAlgorithm::Es256 => {
                let pair =
                    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| UnusableKey)?;
                pair.to_pkcs8v1().map_err(|_| UnusableKey)?.as_ref().to_vec()
            }
            SigningAlgorithm::Rs256 => {
                let pair = RsaKeyPair::generate(RSA_SIZE).map_err(|_| UnusableKey)?;
                let document: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().map_err(|_| UnusableKey)?;
                document.as_ref().to_vec()
            }
        };
        Self::from_pkcs8(algorithm, Zeroizing::new(pkcs8))
    }

    /// Parses a private key.
    ///
    /// # Errors
    /// When it is not of the kind that `algorithm` asks for.
    pub fn from_pkcs8(algorithm: SigningAlgorithm, pkcs8: Zeroizing<Vec<u8>>) -> Result<Self, UnusableKey> {
        let (pair, parameters) = match algorithm {
            SigningAlgorithm::Es256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8);
                let pair = pair.map_err(|_| UnusableKey)?;
                let parameters = ec_parameters(pair.public_key().as_ref())?;
                (KeyPair::Ecdsa(Box::new(pair)), parameters)
            }
            SigningAlgorithm::Rs256 => {
                let pair = RsaKeyPair::from_pkcs8(&pkcs8).map_err(|_| UnusableKey)?;
                let public = pair.public_key();
                let parameters = AlgorithmParameters::RSA(RSAKeyParameters {
                    key_type: RSAKeyType::RSA,
                    n: URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
                    e: URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()),
                });
                (KeyPair::Rsa(Box::new(pair)), parameters)
            }
        };
        let kid = thumbprint(&parameters)?;
        let common = CommonParameters {
            public_key_use: Some(PublicKeyUse::Signature),
            key_algorithm: Some(match algorithm {
                SigningAlgorithm::Es256 => KeyAlgorithm::ES256,
                SigningAlgorithm::Rs256 => KeyAlgorithm::RS256,
            }),
            key_id: Some(kid.clone()),
            ..CommonParameters::default()
        };
        Ok(Self { kid, algorithm, pair, pkcs8, public: Jwk { common, algorithm: parameters } })
    }

    /// The key as it is stored.
    ///
    /// # Errors
    /// When the library refuses to seal.
    pub fn seal(&self, sealing: &SealingKey) -> Result<SealedSigningKey, UnusableKey> {
        Ok(SealedSigningKey {
            kid: self.kid.clone(),
            alg: self.algorithm.name().to_owned(),
            sealed_private: sealing.seal(&place(&self.kid), &self.pkcs8).map_err(|_| UnusableKey)?,
        })
    }

    /// A stored key.
    ///
    /// # Errors
    /// When it was sealed under another key, or its algorithm is not known to this release.
    pub fn open(sealing: &SealingKey, stored: &SealedSigningKey) -> Result<Self, UnusableKey> {
        let algorithm = stored.alg.parse().map_err(|_| UnusableKey)?;
        let pkcs8 = sealing.open(&place(&stored.kid), &stored.sealed_private).map_err(|_| UnusableKey)?;
        Self::from_pkcs8(algorithm, pkcs8)
    }
}

fn place(kid: &str) -> String {
    format!("signing-key|{kid}")
}

/// From an uncompressed point: 04, x, y.
fn ec_parameters(point: &[u8]) -> Result<AlgorithmParameters, UnusableKey> {
    let (x, y) = match point.split_first() {
        Some((4, coordinates)) if coordinates.len() == 64 => coordinates.split_at(32),
        _ => return Err(UnusableKey),
    };
    Ok(AlgorithmParameters::EllipticCurve(EllipticCurveKeyParameters {
        key_type: EllipticCurveKeyType::EC,
        curve: EllipticCurve::P256,
        x: URL_SAFE_NO_PAD.encode(x),
        y: URL_SAFE_NO_PAD.encode(y),
    }))
}

/// RFC 7638 §3: SHA-256 over the required members, sorted, without white space. (`Jwk::thumbprint` would use the
/// process-wide crypto provider, which is not ours to choose.)
fn thumbprint(parameters: &AlgorithmParameters) -> Result<String, UnusableKey> {
    let canonical = match parameters {
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, key.x, key.y)
        }
        AlgorithmParameters::RSA(key) => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, key.e, key.n),
        _ => return Err(UnusableKey),
    };
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, canonical.as_bytes());
    Ok(URL_SAFE_NO_PAD.encode(digest))
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::jwk::{AlgorithmParameters, RSAKeyParameters, RSAKeyType};

    use super::{SigningKey, thumbprint};
    use crate::keys::seal::SealingKey;
    use crate::model::signing_key::SigningAlgorithm;

    /// 7517-1: the example of RFC 7638 §3.1.
    #[test]
    fn the_key_id_is_the_thumbprint() {
        let parameters = AlgorithmParameters::RSA(RSAKeyParameters {
            key_type: RSAKeyType::RSA,
            n: "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw".to_owned(),
            e: "AQAB".to_owned(),
        });
        assert_eq!(thumbprint(&parameters).unwrap(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn a_sealed_key_opens_to_the_same_key() {
        let sealing = SealingKey::new(&[1; 32]).unwrap();
        for algorithm in SigningAlgorithm::ALL {
            let key = SigningKey::generate(algorithm).unwrap();
            let opened = SigningKey::open(&sealing, &key.seal(&sealing).unwrap()).unwrap();
            assert_eq!(opened.kid, key.kid);
            assert_eq!(opened.public, key.public);
        }
    }
}
