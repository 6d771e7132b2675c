//! Key pairs, one kind for each algorithm: made, parsed, and signing.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaEncoding,
};
use zeroize::Zeroizing;

use super::error::UnusableKey;
use super::jwk::PublicKey;
use crate::model::signing_key::SigningAlgorithm;

/// A parsed private key, bound to the one algorithm that it is used with.
#[derive(Debug)]
pub struct KeyPair {
    algorithm: SigningAlgorithm,
    material: Material,
}

enum Material {
    Ecdsa(Box<EcdsaKeyPair>),
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
    Ed25519(Box<Ed25519KeyPair>),
    Hmac(Box<hmac::Key>),
}

impl std::fmt::Debug for Material {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(…)")
    }
}

/// The bytes of a private key: PKCS#8, or with HS256 the secret itself.
pub type PrivateBytes = Zeroizing<Vec<u8>>;

/// RSA keys have this size: 112 bits of strength, and what every verifier takes.
const RSA_SIZE: KeySize = KeySize::Rsa2048;

/// The bytes of a secret for HS256 (RFC 7518 §3.2: at least as many as the hash has).
const HMAC_LEN: usize = 32;

impl KeyPair {
    /// The bytes of a new private key. RSA takes some tenths of a second of one core.
    ///
    /// # Errors
    /// When the library fails.
    pub fn generate(algorithm: SigningAlgorithm) -> Result<PrivateBytes, UnusableKey> {
        let bytes = match algorithm {
            SigningAlgorithm::Es256 | SigningAlgorithm::Es384 => {
                let pair = EcdsaKeyPair::generate(curve(algorithm)).map_err(unusable)?;
                pair.to_pkcs8v1().map_err(unusable)?.as_ref().to_vec()
            }
            SigningAlgorithm::Ps256 | SigningAlgorithm::Rs256 => {
                let pair = RsaKeyPair::generate(RSA_SIZE).map_err(unusable)?;
                let document: Pkcs8V1Der<'_> = pair.as_der().map_err(unusable)?;
                document.as_ref().to_vec()
            }
            SigningAlgorithm::EdDsa => {
                let pair = Ed25519KeyPair::generate().map_err(unusable)?;
                pair.to_pkcs8v1().map_err(unusable)?.as_ref().to_vec()
            }
            SigningAlgorithm::Hs256 => {
                let mut secret = vec![0; HMAC_LEN];
                aws_lc_rs::rand::fill(&mut secret).map_err(unusable)?;
                secret
            }
        };
        Ok(Zeroizing::new(bytes))
    }

    /// Parses the bytes of a private key.
    ///
    /// # Errors
    /// When it is not of the kind that `algorithm` asks for: another type, another curve, RSA of
    /// less than 2048 bits.
    pub fn parse(algorithm: SigningAlgorithm, bytes: &[u8]) -> Result<Self, UnusableKey> {
        let material = match algorithm {
            SigningAlgorithm::Es256 | SigningAlgorithm::Es384 => Material::Ecdsa(Box::new(
                EcdsaKeyPair::from_pkcs8(curve(algorithm), bytes).map_err(unusable)?,
            )),
            SigningAlgorithm::Ps256 => rsa(bytes, &RSA_PSS_SHA256)?,
            SigningAlgorithm::Rs256 => rsa(bytes, &RSA_PKCS1_SHA256)?,
            SigningAlgorithm::EdDsa => {
                Material::Ed25519(Box::new(Ed25519KeyPair::from_pkcs8(bytes).map_err(unusable)?))
            }
            SigningAlgorithm::Hs256 if bytes.len() >= HMAC_LEN => {
                Material::Hmac(Box::new(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
            }
            SigningAlgorithm::Hs256 => return Err(UnusableKey),
        };
        Ok(Self { algorithm, material })
    }

    /// The one algorithm that it is used with.
    #[must_use]
    pub const fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    /// The signature over `message`, in the form that a JWS has (RFC 7518 §3).
    ///
    /// # Errors
    /// When the library fails.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, UnusableKey> {
        match &self.material {
            Material::Ecdsa(pair) => {
                Ok(pair.sign(&SystemRandom::new(), message).map_err(unusable)?.as_ref().to_vec())
            }
            Material::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &SystemRandom::new(), message, &mut signature)
                    .map_err(unusable)?;
                Ok(signature)
            }
            Material::Ed25519(pair) => {
                Ok(pair.try_sign(message).map_err(unusable)?.as_ref().to_vec())
            }
            Material::Hmac(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
        }
    }

    /// The public half; nothing where there is none.
    ///
    /// # Errors
    /// When the library gives a form that is not known here.
    pub fn public(&self) -> Result<Option<PublicKey>, UnusableKey> {
        let key = match &self.material {
            Material::Ecdsa(pair) => {
                let public = pair.public_key();
                let der: PublicKeyX509Der<'_> = public.as_der().map_err(unusable)?;
                PublicKey::ec(self.algorithm, public.as_ref(), der.as_ref())?
            }
            Material::Rsa(pair, _) => {
                let public = pair.public_key();
                let der: PublicKeyX509Der<'_> = public.as_der().map_err(unusable)?;
                PublicKey::rsa(
                    self.algorithm,
                    public.modulus().big_endian_without_leading_zero(),
                    public.exponent().big_endian_without_leading_zero(),
                    der.as_ref(),
                )
            }
            Material::Ed25519(pair) => {
                let public = pair.public_key();
                let der: PublicKeyX509Der<'_> = public.as_der().map_err(unusable)?;
                PublicKey::ed25519(public.as_ref(), der.as_ref())
            }
            Material::Hmac(_) => return Ok(None),
        };
        Ok(Some(key))
    }

    /// An id for a secret that has no public half to make one of. It says nothing about the secret
    /// to whoever does not have it.
    #[must_use]
    pub fn secret_id(bytes: &[u8]) -> Vec<u8> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, bytes);
        hmac::sign(&key, b"mintery signing key id").as_ref().to_vec()
    }
}

fn rsa(bytes: &[u8], encoding: &'static dyn RsaEncoding) -> Result<Material, UnusableKey> {
    let pair = RsaKeyPair::from_pkcs8(bytes).map_err(unusable)?;
    // The library looks at the length too; it is what is promised here. It takes an exponent of 1,
    // with which every message would be its own signature, and those over 32 bits, which not
    // every verifier takes.
    let public = pair.public_key();
    let is_sound = match public.exponent().big_endian_without_leading_zero() {
        [] | [1] => false,
        bytes => bytes.len() <= 4 && bytes.last().is_some_and(|last| last % 2 == 1),
    };
    if pair.public_modulus_len() < 256 || !is_sound {
        return Err(UnusableKey);
    }
    Ok(Material::Rsa(Box::new(pair), encoding))
}

const fn curve(algorithm: SigningAlgorithm) -> &'static EcdsaSigningAlgorithm {
    match algorithm {
        SigningAlgorithm::Es384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        _ => &ECDSA_P256_SHA256_FIXED_SIGNING,
    }
}

fn unusable<E>(_: E) -> UnusableKey {
    UnusableKey
}
