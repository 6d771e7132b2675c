//! A database for each test. Keys are generated once for all of them, because an RSA key takes
//! long: the first test creates a template as the command line would, and each test copies it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use mintery::admin::Admin;
use mintery::admin::api_key::ApiKeyPolicy;
use mintery::admin::session::SessionPolicy;
use mintery::clock::{Clock, ManualClock, Timestamp};
use mintery::keys::master::MasterKeySource;
use mintery::keys::unlock::{Mode, unlock};
use mintery::metrics::Metrics;
use mintery::model::event::Actor;
use mintery::random::SystemRandom;
use mintery::store::{Database, DatabaseUrl, Missing};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row as _};
use tempfile::TempDir;

use super::engine::{Engine, engine};

/// A database, and the folder with its master key.
pub struct TestDatabase {
    pub url: String,
    folder: TempDir,
}

/// The time of the clock when a server starts.
pub const START: Timestamp = Timestamp::from_secs(1_767_225_600);

impl TestDatabase {
    /// A database with keys and nothing else.
    pub async fn create() -> Arc<Self> {
        let template = template();
        let folder = tempfile::tempdir().unwrap();
        let url = match &template.contents {
            Contents::Sqlite(bytes) => {
                let path = folder.path().join("mintery.db");
                std::fs::write(&path, bytes).unwrap();
                format!("sqlite://{}", path.display())
            }
            Contents::Postgres(name) => create_postgres(Some(name)).await,
        };
        let database = Self { url, folder };
        write_private(&database.master_key_file(), &template.master_key);
        std::fs::write(database.settings_file(), "").unwrap();
        Arc::new(database)
    }

    pub fn master_key_file(&self) -> PathBuf {
        self.folder.path().join("master.key")
    }

    /// An empty settings file, so that no stray `mintery.toml` is read.
    pub fn settings_file(&self) -> PathBuf {
        self.folder.path().join("mintery.toml")
    }

    /// Runs statements that only a test would.
    pub async fn execute(&self, statements: &[&str]) {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url).await.unwrap();
        for statement in statements {
            execute(&mut connection, (*statement).to_owned()).await;
        }
        connection.close().await.unwrap();
    }

    /// The number returned by a query.
    pub async fn number(&self, query: &str) -> i64 {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url).await.unwrap();
        let query = AssertSqlSafe(query.to_owned());
        let row = sqlx::query(query).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        row.get(0)
    }

    /// Blocks every change until the returned connection is closed.
    pub async fn hold_changes(&self) -> AnyConnection {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url).await.unwrap();
        let hold = match engine() {
            Engine::Sqlite => "BEGIN IMMEDIATE",
            Engine::Postgres => "BEGIN; UPDATE users SET id = id",
        };
        execute(&mut connection, hold.to_owned()).await;
        connection
    }

    /// An administrator at a command line with connections of their own: changes reach the server
    /// only through the database.
    pub async fn administer(&self, clock: Arc<dyn Clock>) -> Admin {
        let url = DatabaseUrl::parse(&self.url).unwrap();
        let database =
            Database::open(&url, Missing::Refuse, Arc::new(Metrics::default())).await.unwrap();
        let source = MasterKeySource::File(self.master_key_file());
        let unlocked =
            unlock(&database, &source, &clock, &SystemRandom, Mode::Normal).await.unwrap();
        Admin {
            store: unlocked.store,
            secret_digests: unlocked.data_keys.secret_digests,
            api_keys: ApiKeyPolicy::usual(unlocked.data_keys.api_keys),
            sessions: SessionPolicy::usual(unlocked.data_keys.sessions),
            sealing: unlocked.data_keys.sealing,
            clock,
            random: Arc::new(SystemRandom),
            actor: Actor::Cli { user: "tester".to_owned(), host: "test".to_owned() },
            grantable: None,
            hashing: mintery::secret::pool::HashPool::default(),
        }
    }
}

struct Template {
    master_key: String,
    contents: Contents,
}

enum Contents {
    /// The file.
    Sqlite(Vec<u8>),
    /// The name of the database.
    Postgres(String),
}

fn template() -> &'static Template {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        // In a runtime of its own: it outlives that of the first test.
        let making = std::thread::spawn(|| actix_web::rt::System::new().block_on(make_template()));
        making.join().unwrap()
    })
}

async fn make_template() -> Template {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mintery.db");
    let url = match engine() {
        Engine::Sqlite => format!("sqlite://{}", file.display()),
        Engine::Postgres => {
            drop_databases_of_ended_runs().await;
            create_postgres(None).await
        }
    };
    let parsed = DatabaseUrl::parse(&url).unwrap();
    let database =
        Database::open(&parsed, Missing::Create, Arc::new(Metrics::default())).await.unwrap();
    database.migrate().await.unwrap();
    let master_key_file = folder.path().join("master.key");
    // As old as the servers of the tests are young.
    let clock: Arc<dyn Clock> = ManualClock::starting_at(START);
    let source = MasterKeySource::File(master_key_file.clone());
    unlock(&database, &source, &clock, &SystemRandom, Mode::Normal).await.unwrap();
    database.close().await;
    let contents = match engine() {
        Engine::Sqlite => Contents::Sqlite(std::fs::read(file).unwrap()),
        Engine::Postgres => Contents::Postgres(url.rsplit_once('/').unwrap().1.to_owned()),
    };
    Template { master_key: std::fs::read_to_string(master_key_file).unwrap(), contents }
}

/// The prefix of the databases of this suite, followed by the id of the process that created them.
const PREFIX: &str = "mintery_api_test_";

async fn connect_postgres() -> (AnyConnection, String) {
    sqlx::any::install_default_drivers();
    let url =
        std::env::var("TEST_POSTGRES_URL").expect("TEST_ENGINE=postgres needs TEST_POSTGRES_URL");
    let connection = AnyConnection::connect(&url).await.unwrap();
    (connection, url)
}

async fn create_postgres(template: Option<&str>) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let (mut connection, url) = connect_postgres().await;
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("{PREFIX}{}_{number}", std::process::id());
    let like = template.map_or_else(String::new, |template| format!(" TEMPLATE {template}"));
    execute(&mut connection, format!("CREATE DATABASE {name}{like}")).await;
    connection.close().await.unwrap();
    let (server, _) = url.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}

/// Drops the databases of earlier runs. A test cannot drop its own: its connections end later.
async fn drop_databases_of_ended_runs() {
    let (mut connection, _) = connect_postgres().await;
    let names =
        sqlx::query("SELECT CAST(datname AS TEXT) AS name FROM pg_database WHERE datname LIKE $1")
            .bind(format!("{PREFIX}%"))
            .fetch_all(&mut connection)
            .await
            .unwrap();
    for row in names {
        let name: String = row.get("name");
        let process = name[PREFIX.len()..].split('_').next().unwrap();
        if !std::path::Path::new("/proc").join(process).exists() {
            execute(&mut connection, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        }
    }
    connection.close().await.unwrap();
}

async fn execute(connection: &mut AnyConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.unwrap();
}

fn write_private(path: &std::path::Path, text: &str) {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}
