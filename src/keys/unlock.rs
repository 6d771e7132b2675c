//! Unlocks a database: the master key opens its data keys. An empty database gets its keys here,
//! once. A database with keys rejects every other master key and never gets new ones.

use std::sync::Arc;

use super::data_keys::{self, DataKeys};
use super::error::UnusableKey;
use super::master::{MasterKeyError, MasterKeySource};
use super::seal::{DoesNotOpen, SealingKey};
use super::signing::SigningKey;
use crate::clock::{Clock, Timestamp};
use crate::model::event::{Actor, Event};
use crate::model::key_schedule::Term;
use crate::model::signing_key::SigningAlgorithm;
use crate::random::Random;
use crate::store::change::Store;
use crate::store::key::SealedDataKey;
use crate::store::{Database, StoreError, key};

/// A database that stays locked. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum UnlockError {
    /// The master key is unusable.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// The master key is missing, but the database was created with one.
    #[error(
        "{0}; restore the master key that the database was created with (a new one cannot open it)"
    )]
    Lost(MasterKeyError),
    /// The master key belongs to another database.
    #[error(
        "wrong master key: the database was created with another one; restore that key, or use the database of this key"
    )]
    WrongMasterKey,
    /// The database is empty and may not get keys.
    #[error("the database is empty; run `mintery serve` or `mintery client create` first")]
    Empty,
    /// A data key does not open with the right master key.
    #[error("a data key in the database is damaged or missing; restore the database from a backup")]
    Damaged,
    /// `serve --dev` found a database of another origin.
    #[error("`serve --dev` only opens a database that is empty or was created by `serve --dev`")]
    NotMadeByDev,
    /// A signing key cannot be generated.
    #[error(transparent)]
    SigningKey(#[from] UnusableKey),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A database whose keys are open.
#[derive(Debug)]
pub struct Unlocked {
    /// The store.
    pub store: Store,
    /// Its data keys.
    pub data_keys: DataKeys,
}

/// The purpose of opening a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `serve --dev`.
    Dev,
    /// `serve` and commands that create records: an empty database gets its first keys.
    Normal,
    /// Commands that read or change records: an empty database stays empty.
    Existing,
    /// A check that the keys open: nothing is written.
    Looking,
}

const CHECK_NAME: &str = "master_key_check";
const CHECK_PLACE: &str = "meta|master_key_check";
const CHECK_VALUE: &[u8] = b"mintery";
const DEV_NAME: &str = "made_by_dev";

/// Opens the keys of `database`, or creates the first ones.
///
/// # Errors
/// See [`UnlockError`].
pub async fn unlock(
    database: &Database,
    source: &MasterKeySource,
    clock: &Arc<dyn Clock>,
    random: &dyn Random,
    mode: Mode,
) -> Result<Unlocked, UnlockError> {
    let mut created = None;
    if key::meta(database, CHECK_NAME).await?.is_none() {
        if matches!(mode, Mode::Existing | Mode::Looking) {
            // A malformed key is an error; a missing one is not.
            return match source.load() {
                Ok(_) | Err(MasterKeyError::Missing(_)) => Err(UnlockError::Empty),
                Err(error) => Err(error.into()),
            };
        }
        let (first_master, new_file) = source.load_or_create(random)?;
        created = new_file;
        match write_first_keys(database, &first_master, clock, random, mode).await {
            // Another node came first; its keys count.
            Err(UnlockError::Store(StoreError::Conflict)) => {}
            done => return done,
        }
    }
    let master = source.load().map_err(|error| match error {
        missing @ MasterKeyError::Missing(_) => UnlockError::Lost(missing),
        other => UnlockError::MasterKey(other),
    })?;
    let check = key::meta(database, CHECK_NAME).await?.ok_or(UnlockError::Damaged)?;
    if let Err(DoesNotOpen) = master.open(CHECK_PLACE, &check) {
        if let Some(path) = created {
            // The new file belongs to no database: another node initialized this one with another
            // key. Left behind, it would hide that the right key is missing here.
            std::fs::remove_file(path).ok();
        }
        return Err(UnlockError::WrongMasterKey);
    }
    if mode == Mode::Dev && !is_made_by_dev(database).await? {
        return Err(UnlockError::NotMadeByDev);
    }
    let damaged = |DoesNotOpen| UnlockError::Damaged;
    let mut sealed = key::data_keys(database).await?;
    let missing = data_keys::missing(&sealed, &master, random).map_err(damaged)?;
    let opened = |sealed: &[SealedDataKey]| {
        let data_keys = data_keys::open(&master, sealed).map_err(damaged)?;
        let store = Store::new(database.clone(), data_keys.event_log.clone(), Arc::clone(clock));
        Ok::<_, UnlockError>(Unlocked { store, data_keys })
    };
    if missing.is_empty() {
        return opened(&sealed);
    }
    let purposes = missing.iter().map(|key| key.purpose.clone()).collect::<Vec<_>>();
    sealed.extend(missing.iter().cloned());
    let unlocked = opened(&sealed)?;
    // A check digests nothing.
    if mode == Mode::Looking
        || add_data_keys(&unlocked.store, missing, purposes, clock.now()).await?
    {
        return Ok(unlocked);
    }
    // Another process came first; its keys count.
    opened(&key::data_keys(database).await?)
}

/// Stores the data keys of purposes newer than the database; returns false if another process came
/// first. Nodes of the previous release ignore them.
async fn add_data_keys(
    store: &Store,
    keys: Vec<SealedDataKey>,
    purposes: Vec<String>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let change = store.change::<(), StoreError, _>(Actor::System, move |tx| {
        Box::pin(async move {
            for data_key in &keys {
                key::insert_data_key(tx, data_key, now).await?;
            }
            Ok(((), Event::InstanceDataKeysAdded { purposes }))
        })
    });
    match change.await {
        Ok(_) => Ok(true),
        Err(StoreError::Conflict) => Ok(false),
        Err(error) => Err(error),
    }
}

/// True if `serve --dev` created the database.
///
/// # Errors
/// When the store fails.
pub async fn is_made_by_dev(database: &Database) -> Result<bool, StoreError> {
    Ok(key::meta(database, DEV_NAME).await?.is_some())
}

/// The algorithms with keys from the first start, so that a switch to one of them needs no
/// preparation.
const FIRST_ALGORITHMS: [SigningAlgorithm; 2] = [SigningAlgorithm::Es256, SigningAlgorithm::Rs256];

async fn write_first_keys(
    database: &Database,
    master: &SealingKey,
    clock: &Arc<dyn Clock>,
    random: &dyn Random,
    mode: Mode,
) -> Result<Unlocked, UnlockError> {
    let damaged = |DoesNotOpen| UnlockError::Damaged;
    let check = master.seal(CHECK_PLACE, CHECK_VALUE).map_err(damaged)?;
    let (data_keys, sealed_data_keys) = data_keys::generate(master, random).map_err(damaged)?;
    let now = clock.now();
    let signing_keys = FIRST_ALGORITHMS
        .iter()
        .map(|algorithm| {
            SigningKey::generate(*algorithm)?.seal(&data_keys.sealing, Term::from(now), now)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let store = Store::new(database.clone(), data_keys.event_log.clone(), Arc::clone(clock));
    let change = store.change::<(), StoreError, _>(Actor::System, move |tx| {
        Box::pin(async move {
            // This comes first, so that the second of two simultaneous starts fails here.
            key::insert_meta(tx, CHECK_NAME, &check).await?;
            if mode == Mode::Dev {
                key::insert_meta(tx, DEV_NAME, "1").await?;
            }
            for data_key in &sealed_data_keys {
                key::insert_data_key(tx, data_key, now).await?;
            }
            for signing_key in &signing_keys {
                key::insert_signing_key(tx, signing_key).await?;
            }
            let kids = signing_keys.into_iter().map(|key| key.kid).collect();
            Ok(((), Event::InstanceInitialised { signing_keys: kids }))
        })
    });
    change.await?;
    Ok(Unlocked { store, data_keys })
}
