//! Signing keys: made, named, sealed, and opened again.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::error::UnusableKey;
use super::jwk::PublicKey;
use super::pair::{KeyPair, PrivateBytes};
use super::seal::SealingKey;
use crate::clock::Timestamp;
use crate::model::key_schedule::Term;
use crate::model::signing_key::SigningAlgorithm;
use crate::store::key::StoredSigningKey;

/// A private key in the form that signs, with its public half.
#[derive(Debug)]
pub struct SigningKey {
    /// Its RFC 7638 thumbprint; for a secret, which has none that may be told, another digest.
    pub kid: String,
    /// The parsed key.
    pub pair: KeyPair,
    /// Its PKCS#8 form, or the secret.
    pub private: PrivateBytes,
    /// The public half; none of a secret.
    pub public: Option<PublicKey>,
}

impl SigningKey {
    /// Makes a new key. RSA takes some tenths of a second of one core.
    ///
    /// # Errors
    /// When the library fails.
    pub fn generate(algorithm: SigningAlgorithm) -> Result<Self, UnusableKey> {
        Self::from_private(algorithm, KeyPair::generate(algorithm)?)
    }

    /// Parses a private key.
    ///
    /// # Errors
    /// When it is not of the kind that `algorithm` asks for.
    pub fn from_private(
        algorithm: SigningAlgorithm,
        private: PrivateBytes,
    ) -> Result<Self, UnusableKey> {
        let pair = KeyPair::parse(algorithm, &private)?;
        let public = pair.public()?;
        let kid = public.as_ref().map_or_else(
            || URL_SAFE_NO_PAD.encode(KeyPair::secret_id(&private)),
            |public| public.kid().to_owned(),
        );
        Ok(Self { kid, pair, private, public })
    }

    /// The one algorithm that it is used with.
    #[must_use]
    pub const fn algorithm(&self) -> SigningAlgorithm {
        self.pair.algorithm()
    }

    /// The bytes of a secret in base64url, for whoever is to verify with it.
    #[must_use]
    pub fn secret_text(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(&*self.private))
    }

    /// The key as it is stored, made at `now`.
    ///
    /// # Errors
    /// When the library refuses to seal.
    pub fn seal(
        &self,
        sealing: &SealingKey,
        term: Term,
        now: Timestamp,
    ) -> Result<StoredSigningKey, UnusableKey> {
        Ok(StoredSigningKey {
            kid: self.kid.clone(),
            alg: self.algorithm().name().to_owned(),
            sealed_private: sealing
                .seal(&place(&self.kid), &self.private)
                .map_err(|_| UnusableKey)?,
            created_at: now,
            term,
        })
    }

    /// A stored key.
    ///
    /// # Errors
    /// When it was sealed under another key, or its algorithm is not known to this release.
    pub fn open(sealing: &SealingKey, stored: &StoredSigningKey) -> Result<Self, UnusableKey> {
        let algorithm = stored.alg.parse()?;
        let private =
            sealing.open(&place(&stored.kid), &stored.sealed_private).map_err(|_| UnusableKey)?;
        Self::from_private(algorithm, private)
    }
}

fn place(kid: &str) -> String {
    format!("signing-key|{kid}")
}

#[cfg(test)]
mod tests {
    use super::SigningKey;
    use crate::clock::Timestamp;
    use crate::keys::seal::SealingKey;
    use crate::model::key_schedule::Term;
    use crate::model::signing_key::SigningAlgorithm;

    #[test]
    fn a_sealed_key_opens_to_the_same_key() {
        let sealing = SealingKey::new(&[1; 32]).unwrap();
        let now = Timestamp::from_secs(0);
        for algorithm in SigningAlgorithm::ALL {
            let key = SigningKey::generate(algorithm).unwrap();
            let opened =
                SigningKey::open(&sealing, &key.seal(&sealing, Term::from(now), now).unwrap())
                    .unwrap();
            assert_eq!(opened.kid, key.kid);
            assert_eq!(opened.algorithm(), algorithm);
            let json = |key: &SigningKey| key.public.as_ref().map(super::PublicKey::to_json);
            assert_eq!(json(&opened), json(&key));
            assert_eq!(json(&key).is_none(), algorithm.is_symmetric());
        }
    }

    /// JOSE-2: a key is bound to its algorithm.
    #[test]
    fn a_key_of_another_kind_is_refused() {
        for algorithm in SigningAlgorithm::ALL {
            let private = SigningKey::generate(algorithm).unwrap().private;
            for other in SigningAlgorithm::ALL {
                let is_rsa = |algorithm| {
                    matches!(algorithm, SigningAlgorithm::Ps256 | SigningAlgorithm::Rs256)
                };
                // Any bytes are a secret.
                let fits = algorithm == other
                    || (is_rsa(algorithm) && is_rsa(other))
                    || other.is_symmetric();
                let parsed = SigningKey::from_private(other, private.clone());
                assert_eq!(parsed.is_ok(), fits, "{algorithm} as {other}");
            }
        }
    }
}
