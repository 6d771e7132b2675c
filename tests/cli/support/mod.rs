//! What the tests are written with: a [`Workplace`] in which commands are run, a [`Server`] that
//! runs in it, and what is asked over HTTP.

pub mod caller;
pub mod proxy;

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// How long anything may take before it counts as hanging.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// An issuer for servers that are reached at another address.
pub const ISSUER: &str = "https://auth.example.test";

/// The engine that the tests run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// As `TEST_ENGINE` says.
pub fn engine() -> Engine {
    match std::env::var("TEST_ENGINE").as_deref() {
        Err(_) | Ok("sqlite") => Engine::Sqlite,
        Ok("postgres") => Engine::Postgres,
        Ok(other) => panic!("TEST_ENGINE is sqlite or postgres, not {other}"),
    }
}

/// Asks until there is an answer. Nothing here waits for a fixed time.
pub fn eventually<T>(what: &str, within: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < within, "not within {within:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Where the tests' own asynchronous work is done.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        sqlx::any::install_default_drivers();
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
    })
}

/// A port that nothing listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A directory to work in, and the environment of the commands that are run there.
pub struct Workplace {
    folder: TempDir,
    environment: BTreeMap<String, String>,
    database: Option<Arc<PostgresDatabase>>,
}

/// A database on the server of the tests, for as long as somebody uses it.
struct PostgresDatabase {
    server: String,
    name: String,
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

impl PostgresDatabase {
    fn create() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let server = std::env::var("TEST_POSTGRES_URL").unwrap_or_else(|_| {
            panic!("TEST_ENGINE=postgres needs TEST_POSTGRES_URL: tests/setup/postgres.sh start gives one")
        });
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let database =
            Self { server, name: format!("mintery_cli_{}_{number}", std::process::id()) };
        database.on_server("DROP DATABASE IF EXISTS");
        database.on_server("CREATE DATABASE");
        database
    }

    fn url(&self) -> String {
        let mut url = url::Url::parse(&self.server).unwrap();
        url.set_path(&self.name);
        url.to_string()
    }

    fn on_server(&self, statement: &str) {
        let sql = format!("{statement} {}", self.name);
        runtime().block_on(async {
            let mut connection = AnyConnection::connect(&self.server).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        });
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        runtime().block_on(async {
            if let Ok(mut connection) = AnyConnection::connect(&self.server).await {
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.ok();
            }
        });
    }
}

/// A command that has ended.
#[derive(Debug)]
pub struct Ran {
    #[expect(dead_code, reason = "shown when an expectation fails")]
    pub command: String,
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Ran {
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self
    }

    /// It was not called as it must be: code 2, nothing on standard output, something on standard
    /// error.
    #[track_caller]
    pub fn was_misused(self) -> Self {
        assert_eq!(self.code, Some(2), "{self:#?}");
        assert!(self.stdout.is_empty() && !self.stderr.is_empty(), "{self:#?}");
        self
    }

    /// It failed with code 1, and said why: nothing on standard output, one line on standard error,
    /// with all `words`.
    #[track_caller]
    pub fn failed(self, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(1), "{self:#?}");
        assert!(self.stdout.is_empty(), "{self:#?}");
        let errors: Vec<&str> =
            self.stderr.lines().filter(|line| !is_less_than_an_error(line)).collect();
        assert!(
            matches!(errors.as_slice(), [line] if line.starts_with("mintery: ")),
            "one line that begins with `mintery: `, please: {self:#?}"
        );
        for word in words {
            assert!(errors[0].contains(word), "does not say `{word}`: {self:#?}");
        }
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// A line of the log that tells of no failure: that a statement took long, say.
fn is_less_than_an_error(line: &str) -> bool {
    line.starts_with("20") && matches!(line.split_whitespace().nth(1), Some("INFO" | "WARN"))
}

/// A client, and its secret.
#[derive(Debug, Clone)]
pub struct Client {
    pub id: String,
    pub secret: String,
}

impl Client {
    #[track_caller]
    pub fn of(json: &Value) -> Self {
        let member =
            |name: &str| json[name].as_str().unwrap_or_else(|| panic!("{name}: {json}")).to_owned();
        Self { id: member("client_id"), secret: member("client_secret") }
    }
}

/// A process whose output is read all the time; killed when it is dropped.
pub struct Process {
    child: Child,
    stdout: Arc<Mutex<Vec<u8>>>,
    stderr: Arc<Mutex<Vec<u8>>>,
}

impl Process {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = keep(child.stdout.take().unwrap());
        let stderr = keep(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout.lock().unwrap()).into_owned()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr_bytes()).into_owned()
    }

    pub fn stderr_bytes(&self) -> Vec<u8> {
        self.stderr.lock().unwrap().clone()
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// `kill -9`, and until it is gone.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The exit code, once it has ended.
    pub fn ended(&mut self, within: Duration) -> Option<i32> {
        let status = eventually("the process ends", within, || self.child.try_wait().unwrap());
        status.code()
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn keep(mut from: impl Read + Send + 'static) -> Arc<Mutex<Vec<u8>>> {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keeper = Arc::clone(&kept);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            keeper.lock().unwrap().extend_from_slice(&buffer[..length]);
        }
    });
    kept
}

/// A server that answers.
pub struct Server {
    pub process: Process,
    pub address: SocketAddr,
}

/// A server that was started and may not answer yet.
pub struct Starting(Process);

impl Starting {
    /// Waits until it answers.
    pub fn ready(self) -> Server {
        let mut process = self.0;
        let address = eventually("the server answers", PATIENCE, || {
            assert!(
                !process.has_ended(),
                "the server ended: {}{}",
                process.stdout(),
                process.stderr()
            );
            address_in(&process.stderr())
        });
        Server { process, address }
    }
}

/// From the line of the log that says where it answers.
fn address_in(log: &str) -> Option<SocketAddr> {
    let (_, rest) = log.split_once("answering on http://")?;
    let end =
        rest.find(|character: char| !character.is_ascii_digit() && !".:".contains(character))?;
    rest[..end].parse().ok()
}

impl Server {
    /// Starts `mintery serve` on a free port.
    pub fn spawn(workplace: &Workplace, flags: &[&str]) -> Starting {
        let mut command = workplace.mintery(&["serve", "--migrate"]);
        command.args(flags);
        if !workplace.environment.contains_key("MINTERY_LISTEN") {
            command.env("MINTERY_LISTEN", "127.0.0.1:0");
        }
        Starting(Process::start(command))
    }

    /// A server that was started in a way of its own.
    pub fn of(process: Process) -> Server {
        Starting(process).ready()
    }

    /// `mintery serve` for [`ISSUER`], unless the workplace says another.
    pub fn start(workplace: &Workplace) -> Server {
        if workplace.environment.contains_key("MINTERY_ISSUER") {
            Self::spawn(workplace, &[]).ready()
        } else {
            Self::spawn(workplace, &["--issuer", ISSUER]).ready()
        }
    }

    /// `mintery serve --dev`.
    pub fn start_dev(workplace: &Workplace) -> Server {
        Self::spawn(workplace, &["--dev"]).ready()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn get(&self, path: &str) -> Answer {
        send(http().get(self.url(path))).unwrap()
    }

    /// Asks for a token with Basic.
    pub fn ask_for_token(&self, client: &Client) -> Answer {
        self.try_token(client).unwrap()
    }

    pub fn try_token(&self, client: &Client) -> Result<Answer, reqwest::Error> {
        let request = http()
            .post(self.url("/oauth/token"))
            .basic_auth(&client.id, Some(&client.secret))
            .form(&[("grant_type", "client_credentials")]);
        send(request)
    }

    /// A token; it must be given.
    #[track_caller]
    pub fn token(&self, client: &Client) -> String {
        let answer = self.ask_for_token(client);
        assert_eq!(answer.status, 200, "{answer:?}\n{}", self.process.stderr());
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// Calls a protected route.
    pub fn me(&self, token: &str) -> Answer {
        send(http().get(self.url("/api/v1/users/me")).bearer_auth(token)).unwrap()
    }

    /// Stops it with SIGTERM; the exit code.
    pub fn stop(&mut self) -> Option<i32> {
        self.process.signal("TERM");
        self.process.ended(PATIENCE)
    }
}

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: reqwest::header::HeaderMap,
    pub body: String,
}

impl Answer {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// What requests are made with: no proxy, no redirects, each on a connection of its own.
pub fn http() -> &'static reqwest::Client {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    CLIENT.get_or_init(|| {
        reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .timeout(PATIENCE)
            .build()
            .unwrap()
    })
}

pub fn send(request: reqwest::RequestBuilder) -> Result<Answer, reqwest::Error> {
    runtime().block_on(async {
        let response = request.send().await?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.text().await?,
        })
    })
}
