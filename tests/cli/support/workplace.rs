//! A directory in which commands are run, with an environment and a database of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use tempfile::TempDir;

use super::engine::{Engine, engine};
use super::postgres::PostgresDatabase;
use super::{Client, PATIENCE, Ran, runtime};

/// A directory to work in, and the environment of the commands that are run there.
pub struct Workplace {
    folder: TempDir,
    environment: BTreeMap<String, String>,
    database: Option<Arc<PostgresDatabase>>,
}

impl Workplace {
    /// An empty directory. On PostgreSQL there is a database, without tables.
    pub fn new() -> Self {
        let mut workplace = Self {
            folder: tempfile::tempdir().unwrap(),
            environment: BTreeMap::new(),
            database: None,
        };
        for name in ["PATH", "HOME"] {
            if let Ok(value) = std::env::var(name) {
                workplace.environment.insert(name.to_owned(), value);
            }
        }
        if engine() == Engine::Postgres {
            let database = PostgresDatabase::create();
            workplace = workplace.with("MINTERY_DATABASE_URL", &database.url());
            workplace.database = Some(Arc::new(database));
        }
        workplace
    }

    /// A directory in which every command works at once: on PostgreSQL the database has its tables.
    pub fn with_tables() -> Self {
        let workplace = Self::new();
        if engine() == Engine::Postgres {
            workplace.run(&["db", "migrate"]).succeeded();
        }
        workplace
    }

    /// Another directory with the settings, and so the PostgreSQL database, of this one.
    pub fn beside(&self) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            environment: self.environment.clone(),
            database: self.database.clone(),
        }
    }

    /// Tests for a variable of the environment.
    pub fn has(&self, name: &str) -> bool {
        self.environment.contains_key(name)
    }

    /// Sets a variable of the environment.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A path in the directory.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Writes a file in the directory.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// All files and folders below the directory.
    pub fn entries(&self) -> Vec<String> {
        fn gather(root: &Path, folder: &Path, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                found.push(path.strip_prefix(root).unwrap().display().to_string());
                if path.is_dir() {
                    gather(root, &path, found);
                }
            }
        }
        let mut found = Vec::new();
        gather(self.folder.path(), self.folder.path(), &mut found);
        found.sort();
        found
    }

    /// A program, in the directory and with its environment alone.
    pub fn program(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.path())
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::null());
        command
    }

    /// Runs openssl in the directory.
    #[track_caller]
    pub fn openssl(&self, arguments: &str) -> Vec<u8> {
        let output = self.program("openssl").args(arguments.split_whitespace()).output().unwrap();
        assert!(
            output.status.success(),
            "{arguments}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    /// `mintery`, to be started.
    pub fn mintery(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_mintery"));
        command.args(arguments);
        command
    }

    /// Runs `mintery` to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with_input(arguments, b"")
    }

    /// The same with something on its standard input.
    pub fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut command = assert_cmd::Command::from_std(self.mintery(arguments));
        let began = Instant::now();
        let output = command.timeout(PATIENCE).write_stdin(input).output().unwrap();
        assert!(began.elapsed() < PATIENCE, "mintery {arguments:?} does not end");
        Ran {
            command: format!("mintery {}", arguments.join(" ")),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            took: began.elapsed(),
        }
    }

    /// Makes a client with the scopes `read` and `write`.
    pub fn create_client(&self, flags: &[&str]) -> Client {
        self.create_client_for("read write", flags)
    }

    /// Makes a client with these scopes.
    pub fn create_client_for(&self, scopes: &str, flags: &[&str]) -> Client {
        let mut arguments =
            vec!["client", "create", "--name", "test", "--scope", scopes, "-o", "json"];
        arguments.extend(flags);
        Client::of(&self.run(&arguments).succeeded().json())
    }

    /// The URL of the database, good from everywhere.
    pub fn database_url(&self) -> String {
        match &self.database {
            Some(database) => database.url(),
            None => format!("sqlite://{}", self.path("data/mintery.db").display()),
        }
    }

    /// A connection of the test's own to the database.
    pub fn connect(&self) -> AnyConnection {
        let url = self.database_url();
        runtime().block_on(async { AnyConnection::connect(&url).await.unwrap() })
    }

    /// Runs a statement in the database.
    pub fn execute(&self, sql: &str) {
        let mut connection = self.connect();
        runtime().block_on(async {
            sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        });
    }

    /// The numbers that a query gives.
    pub fn numbers(&self, sql: &str) -> Vec<i64> {
        self.values(sql)
    }

    /// The texts that a query gives.
    pub fn texts(&self, sql: &str) -> Vec<String> {
        self.values(sql)
    }

    fn values<T>(&self, sql: &str) -> Vec<T>
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Any> + sqlx::Type<sqlx::Any> + Send + Unpin,
    {
        let mut connection = self.connect();
        runtime().block_on(async {
            let rows = sqlx::query_scalar::<_, T>(AssertSqlSafe(sql.to_owned()))
                .fetch_all(&mut connection)
                .await
                .unwrap();
            connection.close().await.unwrap();
            rows
        })
    }

    /// That events are numbered from 1 without gaps, up to the number at their head.
    pub fn assert_no_gap_in_events(&self) {
        let numbers = self.numbers("SELECT number FROM events ORDER BY number");
        let expected: Vec<i64> = (1..).take(numbers.len()).collect();
        assert_eq!(numbers, expected);
        assert_eq!(self.numbers("SELECT number FROM event_head"), [*numbers.last().unwrap()]);
    }
}
