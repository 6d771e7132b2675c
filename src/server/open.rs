//! Opens the database and its keys: to serve, or to administer at the command line.

use std::sync::Arc;

use super::{ServeMode, StartError, Surroundings};
use crate::admin::Admin;
use crate::admin::api_key::ApiKeyPolicy;
use crate::admin::session::SessionPolicy;
use crate::config::Settings;
use crate::directory::Directory;
use crate::keys::data_keys::DataKeys;
use crate::keys::master::MasterKeySource;
use crate::keys::ring::{KeyRing, RingError};
use crate::keys::unlock::{Mode, Unlocked, unlock};
use crate::metrics::Metrics;
use crate::model::event::Actor;
use crate::secret::pool::HashPool;
use crate::store::change::Store;
use crate::store::file_lock::FileLock;
use crate::store::{Database, DatabaseUrl, Engine, Missing, OpenError, SchemaState, event};

/// Opens the database of the settings.
///
/// # Errors
/// When the URL is invalid or the database cannot be reached.
pub async fn open_database(
    settings: &Settings,
    missing: Missing,
    metrics: Arc<Metrics>,
) -> Result<Database, StartError> {
    let url = DatabaseUrl::parse(settings.database_url.expose())?;
    Ok(Database::open(&url, missing, metrics).await?)
}

/// Opens the keys of `database` and returns the administration in the name of `actor`. Creates the
/// tables and the first keys if `missing` allows it.
///
/// # Errors
/// When the tables or the keys do not fit.
pub async fn open_to_administer(
    settings: &Settings,
    database: &Database,
    missing: Missing,
    actor: Actor,
) -> Result<Admin, StartError> {
    let (may_migrate, mode) = match missing {
        Missing::Create => (database.engine() == Engine::Sqlite, Mode::Normal),
        Missing::Refuse => (false, Mode::Existing),
    };
    check_schema(database, may_migrate).await?;
    let surroundings = Surroundings::default();
    let source = master_key_source(settings);
    let unlocked =
        unlock(database, &source, &surroundings.clock, &*surroundings.random, mode).await?;
    let Unlocked { store, data_keys } = unlocked;
    Ok(administration(settings, store, &data_keys, &surroundings, actor, HashPool::default()))
}

/// Opens the database and its keys to serve, with the lock of an embedded database.
pub(super) async fn open_to_serve(
    settings: &Settings,
    mode: ServeMode,
    surroundings: &Surroundings,
    metrics: &Arc<Metrics>,
) -> Result<(Unlocked, Option<FileLock>), StartError> {
    let database = open_database(settings, Missing::Create, Arc::clone(metrics)).await?;
    let path = DatabaseUrl::parse(settings.database_url.expose())?.path();
    let serve_lock = path.map(|path| FileLock::to_serve(&path)).transpose()?;
    check_schema(&database, mode.migrate || database.engine() == Engine::Sqlite).await?;
    database.check_writable().await?;
    let opened_by = if mode.dev { Mode::Dev } else { Mode::Normal };
    let source = master_key_source(settings);
    let unlocked =
        unlock(&database, &source, &surroundings.clock, &*surroundings.random, opened_by).await?;
    Ok((unlocked, serve_lock))
}

/// Checks that the tables are those of this release, and migrates older ones if allowed.
async fn check_schema(database: &Database, may_migrate: bool) -> Result<(), StartError> {
    match database.schema_state().await? {
        SchemaState::Current => Ok(()),
        SchemaState::Ahead(migration) => Err(OpenError::TooNew(migration).into()),
        SchemaState::Behind if may_migrate => Ok(database.migrate().await?),
        SchemaState::Behind => Err(OpenError::NotMigrated.into()),
    }
}

/// The administration of an opened database.
pub(super) fn administration(
    settings: &Settings,
    store: Store,
    data_keys: &DataKeys,
    surroundings: &Surroundings,
    actor: Actor,
    hashing: HashPool,
) -> Admin {
    Admin {
        store,
        secret_digests: data_keys.secret_digests.clone(),
        api_keys: ApiKeyPolicy {
            digests: data_keys.api_keys.clone(),
            format: settings.api_keys_format.clone(),
            max_ttl: settings.api_keys_max_ttl,
        },
        sessions: SessionPolicy {
            digests: data_keys.sessions.clone(),
            idle: settings.session_idle,
            lifetime: settings.session_lifetime,
            second_factor: settings.users_second_factor,
        },
        sealing: data_keys.sealing.clone(),
        clock: Arc::clone(&surroundings.clock),
        random: Arc::clone(&surroundings.random),
        actor,
        grantable: None,
        hashing,
    }
}

/// The source of the master key.
#[must_use]
pub fn master_key_source(settings: &Settings) -> MasterKeySource {
    match &settings.master_key {
        Some(key) => MasterKeySource::Given(key.clone()),
        None => MasterKeySource::File(settings.master_key_file.clone()),
    }
}

/// Loads the signing keys into `ring`, and the directory of this node with nothing else in it.
pub(super) async fn load_directory(
    store: &Store,
    ring: &Arc<KeyRing>,
    settings: &Settings,
    surroundings: &Surroundings,
    metrics: &Arc<Metrics>,
) -> Result<Arc<Directory>, StartError> {
    // Read the head first: the follower then sees every later change of the keys.
    let (head, _) = event::head(store.database()).await?;
    let now = surroundings.clock.now();
    ring.load(store.database(), now).await?;
    ring.current().signer(settings.token_alg, now).ok_or(RingError::NoKey(settings.token_alg))?;
    let directory = Arc::new(Directory::new(
        store.database().clone(),
        Arc::clone(ring),
        head,
        settings.outage_grace,
        Arc::clone(&surroundings.clock),
        surroundings.store_clock.clone(),
        Arc::clone(metrics),
    ));
    directory.load_apis().await?;
    directory.load_revocations().await?;
    directory.check_clock().await?;
    Ok(directory)
}
