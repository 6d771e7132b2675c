//! Commands that refuse to start: one line with the reason, code 1, and no changes.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use sqlx::Connection as _;

use crate::support::engine::{Engine, engine, only_on};
use crate::support::{ISSUER, Ran, Server, Workplace, free_port, runtime};

/// `serve` on a free port; it must end by itself.
fn serve(work: &Workplace, flags: &[&str]) -> Ran {
    let mut arguments = vec!["serve"];
    if !flags.contains(&"--listen") {
        arguments.extend(["--listen", "127.0.0.1:0"]);
    }
    arguments.extend(flags);
    work.run(&arguments)
}

/// `serve` with all that it needs.
fn serve_properly(work: &Workplace) -> Ran {
    serve(work, &["--migrate", "--issuer", ISSUER])
}

#[test]
fn without_an_issuer() {
    let work = Workplace::new();
    serve(&work, &[]).failed(&["issuer", "MINTERY_ISSUER", "serve --dev"]);
    assert_eq!(work.entries(), Vec::<String>::new());
}

#[test]
fn with_an_issuer_to_which_secrets_would_travel_in_plain() {
    let work = Workplace::new();
    for issuer in
        ["http://auth.example.com", "http://10.0.0.1:8080", "http://localhost.example.com"]
    {
        serve(&work, &["--issuer", issuer]).failed(&["issuer", "https"]);
        serve(&work, &["--dev", "--issuer", issuer]).failed(&["issuer", "https"]);
    }
    for issuer in ["auth.example.com", "ftp://x", "https://x/?a=b", "https://x/#a", ""] {
        serve(&work, &["--issuer", issuer]).failed(&["issuer"]);
    }
    assert_eq!(work.entries(), Vec::<String>::new());
}

#[test]
fn dev_for_others_than_this_machine() {
    let work = Workplace::new();
    for address in ["0.0.0.0:0", "[::]:0"] {
        serve(&work, &["--dev", "--listen", address]).failed(&["--dev", "loopback"]);
    }
    assert_eq!(work.entries(), Vec::<String>::new());
}

#[test]
fn dev_on_a_database_that_it_did_not_make() {
    let by_command = Workplace::with_tables();
    by_command.create_client(&[]);
    let by_server = Workplace::with_tables();
    assert_eq!(Server::start(&by_server).stop(), Some(0));
    for work in [by_command, by_server] {
        let keys = fs::read(work.path("keys/master.key")).unwrap();
        serve(&work, &["--dev"]).failed(&["--dev", "database"]);
        assert_eq!(fs::read(work.path("keys/master.key")).unwrap(), keys);
        // The database still works.
        assert_eq!(Server::start(&work).get("/readyz").status, 200);
    }
}

#[test]
fn on_a_port_that_is_in_use() {
    let work = Workplace::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flags in [vec!["--issuer", ISSUER, "--migrate"], vec!["--dev", "--migrate"]] {
        let flags = [&flags[..], &["--listen", &address]].concat();
        serve(&work, &flags).failed(&[&address, "in use"]);
    }
    assert_eq!(work.entries(), Vec::<String>::new());
}

/// Nor does `--dev` create its client, whose secret would never be seen.
#[test]
fn on_a_port_for_metrics_that_is_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let work = Workplace::new().with("MINTERY_METRICS__LISTEN", &address);
    serve(&work, &["--dev", "--migrate"]).failed(&[&address, "in use"]);
    assert_eq!(work.entries(), Vec::<String>::new());
}

#[test]
fn with_a_misspelt_setting() {
    for (variable, nearest) in [
        ("MINTERY_TOKEN__TLL", "token.ttl"),
        ("MINTERY_ISUER", "issuer"),
        ("MINTERY_DATABASE", "database_url"),
        ("MINTERY_TOKEN_TTL", "token.ttl"),
    ] {
        let work = Workplace::new().with(variable, "x");
        for ran in
            [serve_properly(&work), work.run(&["client", "list"]), work.run(&["db", "migrate"])]
        {
            ran.failed(&[variable, &format!("`{nearest}`")]);
        }
        assert_eq!(work.entries(), Vec::<String>::new());
    }
    for (file, name, nearest) in [
        ("isuer = \"https://x.test\"", "isuer", "issuer"),
        ("[token]\ntll = 1", "token.tll", "token.ttl"),
        ("[tokens]\nttl = 1", "tokens.ttl", "token.ttl"),
    ] {
        let work = Workplace::new();
        work.write("mintery.toml", file);
        serve_properly(&work).failed(&[
            "mintery.toml",
            &format!("`{name}`"),
            &format!("`{nearest}`"),
        ]);
        assert_eq!(work.entries(), ["mintery.toml"]);
    }
}

#[test]
fn with_a_setting_of_the_wrong_kind() {
    for (variable, value, key) in [
        ("MINTERY_TOKEN__TTL", "1h", "token.ttl"),
        ("MINTERY_WORKERS", "0", "workers"),
        ("MINTERY_LOG_FORMAT", "xml", "log_format"),
        ("MINTERY_LOG", "info,,=x=y", "log"),
        ("MINTERY_TOKEN__ALG", "none", "token.alg"),
        ("MINTERY_DATABASE_URL", "mysql://x", "database_url"),
        ("MINTERY_DATABASE_URL", "sqlite::memory:", "database_url"),
        ("MINTERY_DATABASE_URL", "data/mintery.db", "database_url"),
        ("MINTERY_METRICS__LISTEN", "9090", "metrics.listen"),
    ] {
        let work = Workplace::new().with(variable, value);
        serve_properly(&work).failed(&[&format!("`{key}`")]);
        assert_eq!(work.entries(), Vec::<String>::new());
    }
}

#[test]
fn with_a_file_of_settings_that_cannot_be_read() {
    let work = Workplace::new();
    work.run(&["--config", "missing.toml", "client", "list"]).failed(&["missing.toml"]);
    work.write("broken.toml", "listen = ");
    work.run(&["--config", "broken.toml", "client", "list"]).failed(&["broken.toml", "line 1"]);
    assert_eq!(work.entries(), ["broken.toml"]);
}

#[test]
fn a_second_server_on_the_same_file() {
    only_on!(Engine::Sqlite);
    let work = Workplace::new();
    let client = work.create_client(&[]);
    let mut first = Server::start(&work);
    serve_properly(&work).failed(&["data/mintery.db", "another process"]);
    // By another name too.
    std::os::unix::fs::symlink(work.path("data"), work.path("also")).unwrap();
    serve(&work, &["--issuer", ISSUER, "--database-url", "sqlite://also/mintery.db"])
        .failed(&["another process"]);
    first.token(&client);
    assert_eq!(first.stop(), Some(0));
    Server::start(&work).token(&client);
}

/// Another name of the file is no way around the lock.
#[test]
fn a_second_server_on_the_same_file_by_a_link() {
    only_on!(Engine::Sqlite);
    let work = Workplace::new();
    let _first = Server::start(&work);
    std::os::unix::fs::symlink(work.path("data/mintery.db"), work.path("link.db")).unwrap();
    serve(&work, &["--issuer", ISSUER, "--database-url", "sqlite://link.db"])
        .failed(&["another process"]);
}

#[test]
fn on_a_file_that_is_no_database() {
    only_on!(Engine::Sqlite);
    for garbage in [
        &b"not a database, but a text that is longer than its header\n"[..].repeat(40),
        &vec![0xff; 8192],
    ] {
        let work = Workplace::new();
        let path = work.write("data/mintery.db", garbage);
        for ran in
            [serve_properly(&work), work.run(&["client", "list"]), work.run(&["db", "migrate"])]
        {
            ran.failed(&["data/mintery.db", "not a database"]);
        }
        assert_eq!(&fs::read(path).unwrap(), garbage);
        assert!(!work.path("keys").exists());
    }
}

#[test]
fn on_a_database_that_is_a_directory() {
    only_on!(Engine::Sqlite);
    let work = Workplace::new();
    fs::create_dir_all(work.path("data/mintery.db")).unwrap();
    serve_properly(&work).failed(&["data/mintery.db"]);
    work.run(&["client", "list"]).failed(&["data/mintery.db"]);
    let work = Workplace::new();
    work.write("data", "a file where the folder should be");
    serve_properly(&work).failed(&["data"]);
}

/// A database of another program is left unchanged.
#[test]
fn on_a_database_of_another_program() {
    only_on!(Engine::Sqlite);
    let work = Workplace::new();
    work.write("data/mintery.db", "");
    work.execute("CREATE TABLE clients (x TEXT); INSERT INTO clients VALUES ('theirs')");
    serve_properly(&work).failed(&[]);
    assert_eq!(work.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM clients"), [1]);
}

#[test]
fn on_a_database_that_may_only_be_read() {
    only_on!(Engine::Sqlite);
    let work = Workplace::new();
    let client = work.create_client(&[]);
    let read_only =
        work.beside().with("MINTERY_DATABASE_URL", &format!("{}?mode=ro", work.database_url()));
    let read_only =
        read_only.with("MINTERY_MASTER_KEY_FILE", work.path("keys/master.key").to_str().unwrap());
    for arguments in [&["client", "create", "--name", "x"][..], &["client", "delete", &client.id]] {
        read_only.run(arguments).failed(&["readonly"]);
    }
    read_only.run(&["client", "show", &client.id]).succeeded();
    serve_properly(&read_only).failed(&["readonly"]);
}

#[test]
fn on_a_database_that_may_only_be_read_and_is_empty() {
    only_on!(Engine::Sqlite);
    let work = Workplace::new();
    work.write("data/mintery.db", "");
    let work = work.with("MINTERY_DATABASE_URL", "sqlite://data/mintery.db?mode=ro");
    serve_properly(&work).failed(&["readonly"]);
    assert!(!work.path("keys").exists(), "{:?}", work.entries());
}

/// Long enough for another process's change, short enough to report it.
#[test]
fn on_a_locked_database() {
    only_on!(Engine::Sqlite);
    let work = Workplace::new();
    work.write("data/mintery.db", "");
    let mut locker = work.connect();
    let lock = "BEGIN EXCLUSIVE; CREATE TABLE x (y)";
    runtime().block_on(async { sqlx::raw_sql(lock).execute(&mut locker).await.unwrap() });
    for ran in [serve_properly(&work), work.run(&["client", "create", "--name", "x"])] {
        let ran = ran.failed(&["locked"]);
        assert!(ran.took < Duration::from_secs(12), "{ran:?}");
    }
    assert!(!work.path("keys").exists(), "{:?}", work.entries());
    runtime().block_on(async { locker.close().await.unwrap() });
    work.create_client(&[]);
}

#[test]
fn on_a_locked_database_of_mintery() {
    only_on!(Engine::Sqlite);
    let work = Workplace::new();
    let client = work.create_client(&[]);
    let mut locker = work.connect();
    runtime()
        .block_on(async { sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut locker).await.unwrap() });
    for arguments in [&["client", "create", "--name", "x"][..], &["client", "disable", &client.id]]
    {
        let ran = work.run(arguments).failed(&["locked"]);
        assert!(ran.took < Duration::from_secs(12), "{ran:?}");
    }
    // Commands that only read continue.
    work.run(&["client", "list"]).succeeded();
    let server = Server::start(&work);
    server.token(&client);
    runtime().block_on(async { locker.close().await.unwrap() });
    work.run(&["client", "disable", &client.id]).succeeded();
    work.assert_no_gap_in_events();
}

/// Another process that blocks even readers.
#[test]
fn on_an_exclusively_locked_database() {
    only_on!(Engine::Sqlite);
    let work = Workplace::new();
    work.create_client(&[]);
    let mut locker = work.connect();
    let lock = "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE x (y); COMMIT";
    runtime().block_on(async { sqlx::raw_sql(lock).execute(&mut locker).await.unwrap() });
    for ran in [serve_properly(&work), work.run(&["client", "list"])] {
        let ran = ran.failed(&["locked"]);
        assert!(ran.took < Duration::from_secs(12), "{ran:?}");
    }
    runtime().block_on(async { locker.close().await.unwrap() });
}

#[test]
fn on_a_database_that_is_newer_than_the_program() {
    let work = Workplace::with_tables();
    work.create_client(&[]);
    let checksum = match engine() {
        Engine::Sqlite => "x'00'",
        Engine::Postgres => "'\\x00'",
    };
    work.execute(&format!(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (99990101000000, 'x', true, {checksum}, 0)"
    ));
    for ran in [
        serve_properly(&work),
        serve(&work, &["--issuer", ISSUER]),
        work.run(&["client", "list"]),
        work.run(&["client", "create", "--name", "x"]),
        work.run(&["db", "migrate"]),
    ] {
        ran.failed(&["newer", "99990101000000"]);
    }
    assert_eq!(work.numbers("SELECT number FROM event_head"), [2]);
}

/// Every command reports the same, and none creates a new key.
fn assert_locked(work: &Workplace, words: &[&str]) {
    let keys = |work: &Workplace| {
        let mut found = work.entries();
        found.retain(|path| path.starts_with("keys"));
        found
    };
    let before = keys(work);
    for ran in [
        serve_properly(work),
        work.run(&["client", "list"]),
        work.run(&["client", "create", "--name", "x"]),
        serve(work, &["--dev"]),
    ] {
        ran.failed(words);
    }
    assert_eq!(keys(work), before);
}

#[test]
fn without_the_master_key() {
    let work = Workplace::with_tables();
    let client = work.create_client(&[]);
    let key = fs::read(work.path("keys/master.key")).unwrap();
    fs::remove_file(work.path("keys/master.key")).unwrap();
    assert_locked(&work, &["master key", "keys/master.key", "restore"]);
    fs::remove_dir(work.path("keys")).unwrap();
    assert_locked(&work, &["master key", "keys/master.key", "restore"]);
    // Nothing was lost.
    let path = work.write("keys/master.key", key);
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    Server::start(&work).token(&client);
}

#[test]
fn with_the_master_key_of_another_database() {
    let (work, other) = (Workplace::with_tables(), Workplace::with_tables());
    let client = work.create_client(&[]);
    other.create_client(&[]);
    let key = fs::read(work.path("keys/master.key")).unwrap();
    fs::copy(other.path("keys/master.key"), work.path("keys/master.key")).unwrap();
    assert_locked(&work, &["master key", "wrong master key"]);
    fs::write(work.path("keys/master.key"), key).unwrap();
    Server::start(&work).token(&client);
}

#[test]
fn with_a_master_key_that_everybody_may_read() {
    let work = Workplace::with_tables();
    work.create_client(&[]);
    let path = work.path("keys/master.key");
    for mode in [0o644, 0o604, 0o666, 0o602] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_locked(&work, &["keys/master.key", "chmod 600"]);
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    work.run(&["client", "list"]).succeeded();
}

/// SEC-5
#[test]
fn with_an_invalid_master_key() {
    let work = Workplace::with_tables();
    work.create_client(&[]);
    let path = work.path("keys/master.key");
    let text = String::from_utf8(fs::read(&path).unwrap()).unwrap();
    let short = &text[..20];
    for content in
        [&b""[..], b"\n", short.as_bytes(), b"correct horse battery staple", &[0xff; 32], &[0; 32]]
    {
        fs::write(&path, content).unwrap();
        assert_locked(&work, &["master key"]);
        assert_eq!(fs::read(&path).unwrap(), content);
        let said = work.run(&["client", "list"]).stderr;
        assert!(!said.contains("horse") && !said.contains(short), "{said}");
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_locked(&work, &["master key", "keys/master.key"]);
}

/// An empty database does not excuse a bad key.
#[test]
fn for_the_first_time_with_an_invalid_master_key() {
    let work = Workplace::with_tables();
    let path = work.write("keys/master.key", "correct horse battery staple");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_locked(&work, &["master key", "base64"]);
    assert_eq!(work.numbers("SELECT number FROM event_head"), [0]);
}

/// SEC-5
#[test]
fn a_master_key_may_come_from_the_environment() {
    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let work = Workplace::with_tables().with("MINTERY_MASTER_KEY", KEY);
    let client = work.create_client(&[]);
    assert!(!work.path("keys").exists());
    let server = Server::start(&work);
    server.token(&client);
    assert!(!server.process.stderr().contains(KEY));
    drop(server);
    for (wrong, words) in [
        ("BBECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", ["master key", "wrong master key"]),
        ("AAECAwQFBgcICQoLDA0ODw==", ["master key", "base64"]),
        ("correct horse battery staple", ["master key", "base64"]),
    ] {
        let url = work.database_url();
        let elsewhere =
            work.beside().with("MINTERY_MASTER_KEY", wrong).with("MINTERY_DATABASE_URL", &url);
        let ran = elsewhere.run(&["client", "list"]).failed(&words);
        assert!(!ran.stderr.contains(wrong), "{ran:?}");
    }
}

/// SEC-5
#[test]
fn a_database_out_of_reach_whose_password_is_not_told() {
    let url =
        format!("postgres://mintery:hunter2@127.0.0.1:{}/mintery?sslmode=disable", free_port());
    let work = Workplace::new().with("MINTERY_DATABASE_URL", &url);
    for ran in [serve_properly(&work), work.run(&["client", "list"]), work.run(&["db", "migrate"])]
    {
        let ran = ran.failed(&["127.0.0.1"]);
        assert!(!ran.stderr.contains("hunter2"), "{ran:?}");
        assert!(ran.took < Duration::from_secs(10), "{ran:?}");
    }
    assert!(!work.path("keys").exists());
}
