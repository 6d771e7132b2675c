//! The signing keys of this node: those that sign, and those that are published.

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

/// The keys as last read. Their states follow from the time.
#[derive(Debug, Default)]
pub struct Ring {
    keys: Vec<RingKey>,
}

/// An opened key.
#[derive(Clone)]
struct RingKey {
    schedule: ScheduledKey,
    signer: Arc<dyn TokenSigner>,
    half: VerifyingHalf,
}

/// The half that verifies.
#[derive(Clone)]
enum VerifyingHalf {
    /// A public key as JSON.
    Public(String),
    /// A secret shared with the verifiers.
    Secret(Arc<zeroize::Zeroizing<Vec<u8>>>),
}

/// An unusable set of keys.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key does not open.
    #[error(transparent)]
    Key(#[from] UnusableKey),
    /// The keys make no valid key set.
    #[error(transparent)]
    KeySet(#[from] KeySetError),
    /// The default algorithm has no key.
    #[error("no signing key for {0}")]
    NoKey(SigningAlgorithm),
}

impl std::fmt::Debug for RingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.schedule.fmt(f)
    }
}

impl Ring {
    /// The signer for `algorithm` at `now`.
    #[must_use]
    pub fn signer(&self, algorithm: SigningAlgorithm, now: Timestamp) -> Option<&dyn TokenSigner> {
        // The clock of the node that created the first key may be ahead of this one's.
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

    /// The algorithms with a published key that signs at `now`, the default first.
    #[must_use]
    pub fn algorithms(&self, default: SigningAlgorithm, now: Timestamp) -> Vec<SigningAlgorithm> {
        let mut algorithms: Vec<_> = SigningAlgorithm::ALL
            .into_iter()
            .filter(|algorithm| !algorithm.is_symmetric() && self.signer(*algorithm, now).is_some())
            .collect();
        algorithms.sort_by_key(|algorithm| *algorithm != default);
        algorithms
    }

    /// The JWKS at `now` (RFC 7517 §5). The default signing key stands first, because some
    /// verifiers take the first that fits.
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

    /// True if the key is a shared secret, whose verifiers can also sign.
    #[must_use]
    pub fn is_secret(&self, kid: &str) -> bool {
        let mut secrets =
            self.keys.iter().filter(|key| matches!(key.half, VerifyingHalf::Secret(_)));
        secrets.any(|key| key.schedule.kid == kid)
    }

    /// The key set for tokens at `now`. A shared secret counts only while the settings sign with
    /// it: its holders could otherwise issue tokens forever.
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

    /// These keys, and those of `other` that are not among them.
    fn and_those_of(&self, other: &Self) -> Self {
        let is_other =
            |key: &&RingKey| self.keys.iter().all(|own| own.schedule.kid != key.schedule.kid);
        Self { keys: self.keys.iter().chain(other.keys.iter().filter(is_other)).cloned().collect() }
    }

    /// True if a key in the ring is gone at `now`.
    fn has_gone(&self, now: Timestamp) -> bool {
        self.keys.iter().any(|key| key.schedule.term.state(now) == KeyState::Gone)
    }

    /// All keys with their terms.
    pub fn schedules(&self) -> impl Iterator<Item = &ScheduledKey> {
        self.keys.iter().map(|key| &key.schedule)
    }
}

/// The current ring, which follows changes of the keys on any node, with the verifier for their
/// public halves.
pub struct KeyRing {
    ring: ArcSwap<Ring>,
    /// Held while keys are read: an older read must not replace a newer one.
    loading: tokio::sync::Mutex<()>,
    verifier: Verifier,
    sealing: SealingKey,
    make_signer: SignerFactory,
    /// The default signing algorithm.
    token_alg: SigningAlgorithm,
    /// The lifetime of the tokens that this node issues.
    token_ttl: Duration,
    /// True if a key does not record that lifetime yet.
    has_to_record: AtomicBool,
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing").field("ring", &self.current()).finish_non_exhaustive()
    }
}

impl KeyRing {
    /// An empty ring, to be loaded. It passes every key that it reads to `verifier`.
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

    /// The current keys.
    #[must_use]
    pub fn current(&self) -> Guard<Arc<Ring>> {
        self.ring.load()
    }

    /// The verifier of these keys.
    #[must_use]
    pub const fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Reads the keys in the store.
    ///
    /// # Errors
    /// When the store fails or a key does not open. The ring is unchanged then.
    pub async fn load(&self, database: &Database, now: Timestamp) -> Result<(), RingError> {
        let _loading = self.loading.lock().await;
        let mut stored = key::signing_keys(database).await?;
        for key in stored.iter_mut().filter(|key| key.term.longest_ttl < self.token_ttl) {
            key.term.longest_ttl = self.token_ttl;
            self.has_to_record.store(true, Ordering::Release);
        }
        let before = self.current();
        // A newer release may use algorithms unknown here.
        let in_use = stored
            .iter()
            .filter(|key| key.term.state(now) != KeyState::Gone && key.schedule().is_ok());
        let keys = in_use.map(|key| self.open(&before, key)).collect::<Result<Vec<_>, _>>()?;
        let ring = Ring { keys };
        let set = ring.key_set(now, self.token_alg)?;
        // A key verifies before it signs, and stops signing before it stops verifying: no token
        // issued meanwhile is rejected.
        self.verifier.replace_keys(ring.and_those_of(&before).key_set(now, self.token_alg)?);
        self.ring.store(Arc::new(ring));
        self.verifier.replace_keys(set);
        Ok(())
    }

    /// Records the token lifetime of this node in the store where it is longer: a key stays
    /// published until its last token has expired, whichever node retires it.
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

    /// Drops keys that are gone.
    ///
    /// # Errors
    /// See [`KeyRing::load`].
    pub async fn expire(&self, database: &Database, now: Timestamp) -> Result<(), RingError> {
        if self.current().has_gone(now) { self.load(database, now).await } else { Ok(()) }
    }

    /// Opens a stored key. A known key is reused: parsing costs as much as many signatures.
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
