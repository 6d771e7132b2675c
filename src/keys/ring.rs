//! The keys that this node signs with, and those that it publishes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};

use super::error::UnusableKey;
use super::seal::SealingKey;
use super::signer::{SignerFactory, TokenSigner};
use super::signing::SigningKey;
use crate::clock::Timestamp;
use crate::model::key_schedule::{KeyState, ScheduledKey};
use crate::model::signing_key::SigningAlgorithm;
use crate::store::key::StoredSigningKey;
use crate::store::{Database, StoreError, key};
use mintery_verifier::Verifier;
use mintery_verifier::keys::{KeySet, KeySetError};

/// The keys as they were last read. What each is doing follows from the time.
#[derive(Debug, Default)]
pub struct Ring {
    keys: Vec<RingKey>,
}

/// A key, opened.
#[derive(Clone)]
struct RingKey {
    schedule: ScheduledKey,
    signer: Arc<dyn TokenSigner>,
    half: VerifyingHalf,
}

/// What verifies.
#[derive(Clone)]
enum VerifyingHalf {
    /// For everybody, as JSON.
    Public(String),
    /// A secret that is shared with whoever verifies.
    Secret(Arc<zeroize::Zeroizing<Vec<u8>>>),
}

/// Why there is no ring.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key does not open.
    #[error(transparent)]
    Key(#[from] UnusableKey),
    /// The keys do not verify.
    #[error(transparent)]
    KeySet(#[from] KeySetError),
    /// No key for the algorithm that tokens are signed with by default.
    #[error("there is no signing key for {0}")]
    NoKey(SigningAlgorithm),
}

impl std::fmt::Debug for RingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.schedule.fmt(f)
    }
}

impl Ring {
    /// What signs with `algorithm` at `now`.
    #[must_use]
    pub fn signer(&self, algorithm: SigningAlgorithm, now: Timestamp) -> Option<&dyn TokenSigner> {
        // The first key of an algorithm was made by a node whose clock may be ahead of this one's.
        let rank = |key: &&RingKey| match key.schedule.term.state(now) {
            KeyState::Active => Some(0),
            KeyState::Next => Some(1),
            KeyState::Retiring | KeyState::Gone => None,
        };
        let of_algorithm = self.keys.iter().filter(|key| key.schedule.algorithm == algorithm);
        let signing =
            of_algorithm.filter_map(|key| Some((rank(&key)?, key.schedule.term.signs_from, key)));
        signing
            .min_by_key(|(rank, signs_from, _)| (*rank, *signs_from))
            .map(|(.., key)| &*key.signer)
    }

    /// The algorithms that something signs with at `now`, those alone whose keys are published, the
    /// default first.
    #[must_use]
    pub fn algorithms(&self, default: SigningAlgorithm, now: Timestamp) -> Vec<SigningAlgorithm> {
        let mut algorithms: Vec<_> = SigningAlgorithm::ALL
            .into_iter()
            .filter(|algorithm| !algorithm.is_symmetric() && self.signer(*algorithm, now).is_some())
            .collect();
        algorithms.sort_by_key(|algorithm| *algorithm != default);
        algorithms
    }

    /// The public halves that are published at `now`, as a JWKS (RFC 7517 §5). The one that signs
    /// by default stands first, because some verifiers take the first that fits.
    #[must_use]
    pub fn jwks(&self, default: SigningAlgorithm, now: Timestamp) -> String {
        let mut published: Vec<(bool, KeyState, &str)> = self
            .published(now)
            .filter_map(|key| match &key.half {
                VerifyingHalf::Public(json) => {
                    let schedule = &key.schedule;
                    Some((schedule.algorithm != default, schedule.term.state(now), json.as_str()))
                }
                VerifyingHalf::Secret(_) => None,
            })
            .collect();
        published.sort_by_key(|(is_other, state, _)| (*is_other, *state));
        let keys: Vec<&str> = published.into_iter().map(|(.., json)| json).collect();
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }

    /// Whether this is a secret, which everybody who verifies with it could sign with.
    #[must_use]
    pub fn is_secret(&self, kid: &str) -> bool {
        let mut secrets =
            self.keys.iter().filter(|key| matches!(key.half, VerifyingHalf::Secret(_)));
        secrets.any(|key| key.schedule.kid == kid)
    }

    /// What verifies the tokens that are good at `now`. Secrets count only while the settings say
    /// that tokens are signed with them: whoever was given one could otherwise make tokens for
    /// ever.
    fn key_set(&self, now: Timestamp, default: SigningAlgorithm) -> Result<KeySet, KeySetError> {
        let mut set = KeySet::parse(self.jwks(default, now).as_bytes())?;
        for key in self.published(now) {
            if let VerifyingHalf::Secret(secret) = &key.half
                && key.schedule.algorithm == default
            {
                set = set.with_shared_key(&key.schedule.kid, secret)?;
            }
        }
        Ok(set)
    }

    fn published(&self, now: Timestamp) -> impl Iterator<Item = &RingKey> {
        self.keys.iter().filter(move |key| key.schedule.term.state(now) != KeyState::Gone)
    }

    /// The same keys, and those of another ring that are not among them.
    fn and_those_of(&self, other: &Self) -> Self {
        let is_other =
            |key: &&RingKey| self.keys.iter().all(|own| own.schedule.kid != key.schedule.kid);
        Self { keys: self.keys.iter().chain(other.keys.iter().filter(is_other)).cloned().collect() }
    }

    /// Whether a key that is in use is gone at `now`.
    fn has_gone(&self, now: Timestamp) -> bool {
        self.keys.iter().any(|key| key.schedule.term.state(now) == KeyState::Gone)
    }

    /// All keys with their terms.
    pub fn schedules(&self) -> impl Iterator<Item = &ScheduledKey> {
        self.keys.iter().map(|key| &key.schedule)
    }
}

/// The ring in use, which follows what is done with the keys, here or on another node; and the
/// verifier that knows the public halves.
pub struct KeyRing {
    ring: ArcSwap<Ring>,
    /// Who reads the keys: what was read first must not be stored last.
    loading: tokio::sync::Mutex<()>,
    verifier: Verifier,
    sealing: SealingKey,
    make_signer: SignerFactory,
    /// What tokens are signed with by default.
    token_alg: SigningAlgorithm,
    /// The life of the tokens that this node issues.
    token_ttl: Duration,
    /// Whether a key was read that does not say so yet.
    has_to_record: AtomicBool,
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing").field("ring", &self.current()).finish_non_exhaustive()
    }
}

impl KeyRing {
    /// A ring that is empty until it is loaded. `verifier` is told of every key that it reads.
    #[must_use]
    pub fn new(
        verifier: Verifier,
        sealing: SealingKey,
        make_signer: SignerFactory,
        token_alg: SigningAlgorithm,
        token_ttl: Duration,
    ) -> Self {
        let has_to_record = AtomicBool::new(false);
        Self {
            ring: ArcSwap::default(),
            loading: tokio::sync::Mutex::default(),
            verifier,
            sealing,
            make_signer,
            token_alg,
            token_ttl,
            has_to_record,
        }
    }

    /// The keys as they are now.
    #[must_use]
    pub fn current(&self) -> Guard<Arc<Ring>> {
        self.ring.load()
    }

    /// The check of tokens that these keys signed.
    #[must_use]
    pub const fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Reads the keys in the store.
    ///
    /// # Errors
    /// When the store fails, or a key does not open. The ring stays as it was.
    pub async fn load(&self, database: &Database, now: Timestamp) -> Result<(), RingError> {
        let _loading = self.loading.lock().await;
        let mut stored = key::signing_keys(database).await?;
        for key in stored.iter_mut().filter(|key| key.term.longest_ttl < self.token_ttl) {
            key.term.longest_ttl = self.token_ttl;
            self.has_to_record.store(true, Ordering::Release);
        }
        let before = self.current();
        // A newer release may sign with what this one does not know.
        let in_use = stored
            .iter()
            .filter(|key| key.term.state(now) != KeyState::Gone && key.schedule().is_ok());
        let keys = in_use.map(|key| self.open(&before, key)).collect::<Result<Vec<_>, _>>()?;
        let ring = Ring { keys };
        let set = ring.key_set(now, self.token_alg)?;
        // A key verifies before it signs, and signs no more before it verifies nothing: no token
        // that is issued meanwhile is refused.
        self.verifier.replace_keys(ring.and_those_of(&before).key_set(now, self.token_alg)?);
        self.ring.store(Arc::new(ring));
        self.verifier.replace_keys(set);
        Ok(())
    }

    /// Records in the store, where that is not known there yet, how long the tokens of this node
    /// live: a key stays published until the last token that it signed has expired, whichever
    /// node retires it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn record_ttl(&self, database: &Database) -> Result<(), StoreError> {
        if self.has_to_record.load(Ordering::Acquire) {
            key::raise_longest_ttl(database, self.token_ttl).await?;
            self.has_to_record.store(false, Ordering::Release);
        }
        Ok(())
    }

    /// Leaves out the keys that are gone by now.
    ///
    /// # Errors
    /// See [`KeyRing::load`].
    pub async fn expire(&self, database: &Database, now: Timestamp) -> Result<(), RingError> {
        if self.current().has_gone(now) { self.load(database, now).await } else { Ok(()) }
    }

    /// A key that was open before stays so: parsing it again would cost as much as many signatures.
    fn open(&self, before: &Ring, stored: &StoredSigningKey) -> Result<RingKey, UnusableKey> {
        let schedule = stored.schedule()?;
        if let Some(known) = before.keys.iter().find(|known| known.schedule.kid == stored.kid) {
            return Ok(RingKey { schedule, ..known.clone() });
        }
        let key = SigningKey::open(&self.sealing, stored)?;
        let half = match &key.public {
            Some(public) => VerifyingHalf::Public(public.to_json()),
            None => VerifyingHalf::Secret(Arc::new(key.private.clone())),
        };
        Ok(RingKey { schedule, half, signer: Arc::from((self.make_signer)(key)) })
    }
}
