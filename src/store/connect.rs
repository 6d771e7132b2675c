//! Connects to a database by its URL.

use std::fmt;
use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};
use std::time::Duration;

use nix::unistd::{AccessFlags, access};
use sqlx::any::AnyPoolOptions;
use sqlx::pool::PoolOptions;
use sqlx::{Any, AnyConnection, AnyPool, Connection as _};

use super::turn::Turn;
use super::{Database, OpenError};
use crate::config::masking;
use crate::metrics::Metrics;

/// The supported engines, which share one set of SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Embedded, for one server.
    Sqlite,
    /// For several servers.
    Postgres,
}

/// The location of the database. Never printed in full: it may contain a password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    engine: Engine,
    url: String,
}

/// An unsupported URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the database must be sqlite://PATH or postgres://USER@HOST/NAME{0}")]
pub struct InvalidDatabaseUrl(&'static str);

/// The handling of a missing database file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Create it.
    Create,
    /// Fail.
    Refuse,
}

impl DatabaseUrl {
    /// Parses a URL.
    ///
    /// # Errors
    /// If the scheme is neither `sqlite` nor `postgres`, or the URL names an SQLite database in
    /// memory (which a restart would lose).
    pub fn parse(url: &str) -> Result<Self, InvalidDatabaseUrl> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self { engine: Engine::Postgres, url: url.to_owned() });
        }
        match url.strip_prefix("sqlite:") {
            Some(path) if path.contains(":memory:") || path.contains("mode=memory") => {
                Err(InvalidDatabaseUrl("; a database in memory would be lost at a restart"))
            }
            Some(path)
                if path
                    .trim_start_matches("//")
                    .split('?')
                    .next()
                    .is_some_and(|path| !path.is_empty()) =>
            {
                Ok(Self { engine: Engine::Sqlite, url: url.to_owned() })
            }
            _ => Err(InvalidDatabaseUrl("")),
        }
    }

    /// The engine.
    #[must_use]
    pub const fn engine(&self) -> Engine {
        self.engine
    }

    /// The parameters that the driver ignores, such as a misspelled `sslmod`, which would leave the
    /// connection unencrypted.
    #[must_use]
    pub fn ignored_parameters(&self) -> Vec<String> {
        let url = url::Url::parse(&self.url).ok().filter(|_| self.engine == Engine::Postgres);
        let names = url.iter().flat_map(url::Url::query_pairs).map(|(name, _)| name.into_owned());
        names
            .filter(|name| !PARAMETERS.contains(&&**name) && !name.starts_with("options["))
            .collect()
    }

    /// The file of an SQLite database.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        let rest = self.url.strip_prefix("sqlite:")?;
        let path = rest.strip_prefix("//").unwrap_or(rest).split('?').next()?;
        let path = percent_encoding::percent_decode_str(path).decode_utf8().ok()?;
        Some(PathBuf::from(path.as_ref()))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let masked = masking::url(&self.url);
        let shown = match self.engine {
            Engine::Sqlite => &*masked,
            // The parameters do not belong in an error.
            Engine::Postgres => masked.split('?').next().unwrap_or_default(),
        };
        f.write_str(shown)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The parameters of a PostgreSQL URL that sqlx knows.
const PARAMETERS: &[&str] = &[
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// The time that a request waits for a connection before the store counts as unreachable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);

/// The time limit of the first connection; longer than SQLite waits for a lock, so that the error
/// names the lock.
const PROBE_TIMEOUT: Duration = Duration::from_secs(8);

impl Database {
    /// Opens the database at `url`.
    ///
    /// # Errors
    /// If it is missing and may not be created, belongs to another user, or does not answer.
    pub async fn open(
        url: &DatabaseUrl,
        missing: Missing,
        metrics: Arc<Metrics>,
    ) -> Result<Self, OpenError> {
        install_drivers();
        if let Some(path) = url.path() {
            prepare_file(&path, missing)?;
            return open_sqlite(url, &path, SQLITE_SETTINGS, metrics).await;
        }
        for name in url.ignored_parameters() {
            log::warn!("`database_url` has a parameter that is ignored: {name}");
        }
        open_postgres(url, POSTGRES_SETTINGS, metrics).await
    }

    /// Opens the database at `url` read-only: nothing is created, and writes fail.
    ///
    /// # Errors
    /// If it is missing, belongs to another user, is not writable, does not answer, or is not a
    /// database.
    pub async fn open_to_look(url: &DatabaseUrl, metrics: Arc<Metrics>) -> Result<Self, OpenError> {
        install_drivers();
        if let Some(path) = url.path() {
            prepare_file(&path, Missing::Refuse)?;
            check_writable(&path)?;
            return open_sqlite(url, &path, SQLITE_LOOK_SETTINGS, metrics).await;
        }
        open_postgres(url, POSTGRES_LOOK_SETTINGS, metrics).await
    }
}

fn install_drivers() {
    static DRIVERS: Once = Once::new();
    DRIVERS.call_once(sqlx::any::install_default_drivers);
}

async fn open_sqlite(
    url: &DatabaseUrl,
    path: &Path,
    settings: &'static str,
    metrics: Arc<Metrics>,
) -> Result<Database, OpenError> {
    let failed = |reason| OpenError::File { path: path.display().to_string(), reason };
    probe(url, settings).await.map_err(failed)?;
    let pool = |connections| {
        let options = AnyPoolOptions::new()
            .max_connections(connections)
            .idle_timeout(None)
            .max_lifetime(None);
        lazy_pool(options, url, settings).map_err(failed)
    };
    Ok(Database {
        engine: Engine::Sqlite,
        read: pool(2)?,
        write: pool(1)?,
        file: Some(path.to_owned()),
        turn: Some(Arc::new(Turn::beside(path))),
        metrics,
    })
}

async fn open_postgres(
    url: &DatabaseUrl,
    settings: &'static str,
    metrics: Arc<Metrics>,
) -> Result<Database, OpenError> {
    let failed = |reason| OpenError::Refused(format!("{url}: {reason}"));
    probe(url, settings).await.map_err(failed)?;
    // Two pools: waiting changes must not delay lookups and the follower.
    let pool =
        || lazy_pool(AnyPoolOptions::new().max_connections(8), url, settings).map_err(failed);
    Ok(Database {
        engine: Engine::Postgres,
        read: pool()?,
        write: pool()?,
        file: None,
        turn: None,
        metrics,
    })
}

const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                               PRAGMA foreign_keys = ON; PRAGMA cache_size = -250;";

/// Without `journal_mode`, which would change a file of another program; with a statement that
/// reads, because the others do not detect a file that is not a database.
const SQLITE_LOOK_SETTINGS: &str = "PRAGMA busy_timeout = 5000; PRAGMA query_only = ON; PRAGMA cache_size = -250; \
                                    SELECT 1 FROM sqlite_schema LIMIT 1;";

const POSTGRES_LOOK_SETTINGS: &str = "SET default_transaction_read_only = on; SET lock_timeout = '5s'; \
                                      SET statement_timeout = '5s'; SET tcp_user_timeout = '10s'; \
                                      SET client_min_messages = 'warning';";

/// Without the timeouts one silent node would block all writers for ever.
const POSTGRES_SETTINGS: &str = "SET idle_in_transaction_session_timeout = '10s'; SET lock_timeout = '5s'; \
                                 SET statement_timeout = '30s'; SET tcp_user_timeout = '10s'; \
                                 SET tcp_keepalives_idle = '10s'; SET client_min_messages = 'warning';";

/// Connects once. A pool would retry, and finally report a timeout instead of the cause.
async fn probe(url: &DatabaseUrl, settings: &'static str) -> Result<(), String> {
    let connecting = async {
        let mut connection = AnyConnection::connect(&url.url).await?;
        sqlx::raw_sql(settings).execute(&mut connection).await?;
        connection.close().await
    };
    match tokio::time::timeout(PROBE_TIMEOUT, connecting).await {
        Ok(done) => done.map_err(|error| reason(&error)),
        Err(_) => Err("it does not answer".to_owned()),
    }
}

fn lazy_pool(
    options: PoolOptions<Any>,
    url: &DatabaseUrl,
    settings: &'static str,
) -> Result<AnyPool, String> {
    options
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            Box::pin(async move { sqlx::raw_sql(settings).execute(connection).await.map(drop) })
        })
        .connect_lazy(&url.url)
        .map_err(|error| reason(&error))
}

/// The actionable part of an error: the message of the engine without its wrappers.
fn reason(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(reason) => reason.message().to_owned(),
        sqlx::Error::Io(reason) => reason.to_string(),
        sqlx::Error::PoolTimedOut => "it did not answer in time".to_owned(),
        other => other.to_string(),
    }
}

/// Creates the file with a private mode, or checks the owner of an existing one.
fn prepare_file(path: &Path, missing: Missing) -> Result<(), OpenError> {
    let shown = || path.display().to_string();
    let file_error =
        |reason: std::io::Error| OpenError::File { path: shown(), reason: reason.to_string() };
    match fs::metadata(path) {
        Ok(metadata) if metadata.uid() != nix::unistd::geteuid().as_raw() => {
            Err(OpenError::Foreign { path: shown(), owner: metadata.uid() })
        }
        Ok(metadata) if !metadata.is_file() => {
            Err(OpenError::File { path: shown(), reason: "it is not a file".to_owned() })
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if missing == Missing::Refuse {
                return Err(OpenError::Missing(shown()));
            }
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                fs::DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(folder)
                    .map_err(file_error)?;
            }
            match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
                // Another process created the file first.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    prepare_file(path, missing)
                }
                made => made.map(drop).map_err(file_error),
            }
        }
        Err(error) => Err(file_error(error)),
    }
}

/// Even a reader makes SQLite create files beside the database, with its mode. Read-only ones would
/// stay behind and block later writers.
fn check_writable(path: &Path) -> Result<(), OpenError> {
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let is_writable = access(path, AccessFlags::W_OK).is_ok()
        && access(folder, AccessFlags::W_OK | AccessFlags::X_OK).is_ok();
    if is_writable {
        return Ok(());
    }
    let reason = "this user may not write to it, or to its folder".to_owned();
    Err(OpenError::File { path: path.display().to_string(), reason })
}

#[cfg(test)]
mod tests {
    use super::{DatabaseUrl, Engine};

    #[test]
    fn knows_the_two_engines() {
        let sqlite = DatabaseUrl::parse("sqlite://data/mintery.db").unwrap();
        assert_eq!(sqlite.engine(), Engine::Sqlite);
        assert_eq!(sqlite.path().unwrap().to_str(), Some("data/mintery.db"));
        assert_eq!(
            DatabaseUrl::parse("sqlite:///var/a b.db").unwrap().path().unwrap().to_str(),
            Some("/var/a b.db")
        );
        assert_eq!(DatabaseUrl::parse("postgres://db/mintery").unwrap().engine(), Engine::Postgres);
        for bad in [
            "",
            "mysql://db",
            "sqlite:",
            "sqlite://",
            "sqlite::memory:",
            "sqlite://x?mode=memory",
            "data/x.db",
        ] {
            assert!(DatabaseUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn parameters_that_are_ignored_are_named() {
        let ignored = |url| DatabaseUrl::parse(url).unwrap().ignored_parameters();
        assert_eq!(
            ignored("postgres://db/m?sslmode=require&sslmod=x&options[a]=b&passwd=c"),
            ["sslmod", "passwd"]
        );
        assert_eq!(ignored("postgres://db/m"), Vec::<String>::new());
        assert_eq!(ignored("sqlite://m.db?mode=ro"), Vec::<String>::new());
    }

    /// SEC-5
    #[test]
    fn a_password_is_not_printed() {
        let url =
            DatabaseUrl::parse("postgres://mintery:hunter2@db/mintery?password=hunter2").unwrap();
        assert_eq!(url.to_string(), "postgres://mintery:…@db/mintery");
        assert!(!format!("{url:?}").contains("hunter2"));
    }
}
