//! A database at the command line: opened with the rights of whoever calls, and named so in events.

use std::sync::Arc;

use super::{CliError, Shared};
use crate::admin::Admin;
use crate::clock::{Clock, SystemClock};
use crate::config::Settings;
use crate::keys::unlock::{Mode, Unlocked, unlock};
use crate::logging;
use crate::metrics::Metrics;
use crate::model::event::Actor;
use crate::random::{Random, SystemRandom};
use crate::server::{api_key_policy, master_key_source, session_policy};
use crate::store::{Database, DatabaseUrl, Engine, Missing, OpenError, SchemaState};

/// Reaches the database that the settings name.
pub async fn open(settings: &Settings, missing: Missing) -> Result<Database, CliError> {
    logging::start("warn", settings.log_format);
    let url = DatabaseUrl::parse(settings.database_url.expose())?;
    Ok(Database::open(&url, missing, Arc::new(Metrics::default())).await?)
}

/// Opens the database to administer it. Only a verb that makes something makes a database too: a
/// list from a database that a misspelt path has just created would be a lie.
pub async fn admin(shared: &Shared, missing: Missing) -> Result<Admin, CliError> {
    administer(&shared.settings(Vec::new())?, missing).await
}

/// The same with settings that were read already.
pub async fn administer(settings: &Settings, missing: Missing) -> Result<Admin, CliError> {
    let database = open(settings, missing).await?;
    match database.schema_state().await? {
        SchemaState::Current => {}
        SchemaState::Ahead(migration) => return Err(OpenError::TooNew(migration).into()),
        SchemaState::Behind
            if missing == Missing::Create && database.engine() == Engine::Sqlite =>
        {
            database.migrate().await?;
        }
        SchemaState::Behind => return Err(OpenError::NotMigrated.into()),
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let source = master_key_source(settings);
    let mode = match missing {
        Missing::Create => Mode::Normal,
        Missing::Refuse => Mode::Existing,
    };
    let Unlocked { store, data_keys } = unlock(&database, &source, &clock, &*random, mode).await?;
    Ok(Admin {
        store,
        secret_digests: data_keys.secret_digests,
        api_keys: api_key_policy(settings, data_keys.api_keys),
        sessions: session_policy(settings, data_keys.sessions),
        sealing: data_keys.sealing,
        clock,
        random,
        actor: actor(),
        grantable: None,
        hashing: crate::secret::pool::HashPool::default(),
    })
}

/// Whoever the operating system says it is; a variable of the environment can say anything.
fn actor() -> Actor {
    let uid = nix::unistd::geteuid();
    let user = nix::unistd::User::from_uid(uid)
        .ok()
        .flatten()
        .map_or_else(|| uid.to_string(), |user| user.name);
    let host = nix::unistd::gethostname()
        .map_or_else(|_| "?".to_owned(), |host| host.to_string_lossy().into_owned());
    Actor::Cli { user, host }
}
