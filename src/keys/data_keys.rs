//! Data keys: random, one per purpose and version, wrapped by the master key.

use zeroize::Zeroizing;

use super::seal::{DoesNotOpen, SealingKey};
use crate::random::{self, Random};
use crate::secret::base62;
use crate::secret::digest::DigestKey;
use crate::store::chain_key::ChainKey;
use crate::store::key::SealedDataKey;

/// What a data key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// Sealing private signing keys.
    Sealing,
    /// Digests of generated secrets.
    SecretDigests,
    /// Digests of API keys.
    ApiKeys,
    /// Digests of what people log in with and stay logged in by.
    Sessions,
    /// The chain of events.
    EventLog,
}

impl Purpose {
    const ALL: [Self; 5] =
        [Self::Sealing, Self::SecretDigests, Self::ApiKeys, Self::Sessions, Self::EventLog];

    const fn name(self) -> &'static str {
        match self {
            Self::Sealing => "sealing",
            Self::SecretDigests => "secret-digests",
            Self::ApiKeys => "api-keys",
            Self::Sessions => "sessions",
            Self::EventLog => "event-log",
        }
    }
}

/// The data keys in use.
#[derive(Debug)]
pub struct DataKeys {
    /// Seals private signing keys.
    pub sealing: SealingKey,
    /// Digests generated secrets.
    pub secret_digests: DigestKey,
    /// Digests API keys.
    pub api_keys: DigestKey,
    /// Digests the cookies of sessions, and what belongs to them.
    pub sessions: DigestKey,
    /// Chains events.
    pub event_log: ChainKey,
}

/// New data keys, and how they are to be stored.
///
/// # Errors
/// When the library refuses to seal.
pub fn generate(
    master: &SealingKey,
    random: &dyn Random,
) -> Result<(DataKeys, Vec<SealedDataKey>), DoesNotOpen> {
    let sealed = Purpose::ALL.into_iter().map(|purpose| make(purpose, master, random));
    let sealed = sealed.collect::<Result<Vec<_>, _>>()?;
    Ok((open(master, &sealed)?, sealed))
}

/// New keys for the purposes that there were not when the database was made, or none.
///
/// # Errors
/// When the library refuses to seal.
pub fn missing(
    sealed: &[SealedDataKey],
    master: &SealingKey,
    random: &dyn Random,
) -> Result<Vec<SealedDataKey>, DoesNotOpen> {
    /// What keys were there for later. That one of another purpose is missing is no matter of age.
    const ADDED: [Purpose; 2] = [Purpose::ApiKeys, Purpose::Sessions];
    let is_missing = |purpose: &Purpose| !sealed.iter().any(|row| row.purpose == purpose.name());
    ADDED.into_iter().filter(is_missing).map(|purpose| make(purpose, master, random)).collect()
}

fn make(
    purpose: Purpose,
    master: &SealingKey,
    random: &dyn Random,
) -> Result<SealedDataKey, DoesNotOpen> {
    let mut key = Zeroizing::new([0; 32]);
    random.fill(&mut *key);
    let id = format!("dk_{}", base62::encode(&random::bytes::<16>(random), 22));
    let sealed = master.seal(&place(purpose.name(), &id), &*key)?;
    Ok(SealedDataKey { id, purpose: purpose.name().to_owned(), version: 1, sealed })
}

/// Opens the newest key of each purpose from `sealed`, in which the newest comes first.
///
/// # Errors
/// When one is missing or does not open.
pub fn open(master: &SealingKey, sealed: &[SealedDataKey]) -> Result<DataKeys, DoesNotOpen> {
    let key = |purpose: Purpose| -> Result<Zeroizing<[u8; 32]>, DoesNotOpen> {
        let row = sealed.iter().find(|row| row.purpose == purpose.name()).ok_or(DoesNotOpen)?;
        let plain = master.open(&place(&row.purpose, &row.id), &row.sealed)?;
        plain.as_slice().try_into().map(Zeroizing::new).map_err(|_| DoesNotOpen)
    };
    Ok(DataKeys {
        sealing: SealingKey::new(&*key(Purpose::Sealing)?)?,
        secret_digests: DigestKey::new(&*key(Purpose::SecretDigests)?),
        api_keys: DigestKey::new(&*key(Purpose::ApiKeys)?),
        sessions: DigestKey::new(&*key(Purpose::Sessions)?),
        event_log: ChainKey::new(&*key(Purpose::EventLog)?),
    })
}

fn place(purpose: &str, id: &str) -> String {
    format!("data-key|{purpose}|{id}")
}
