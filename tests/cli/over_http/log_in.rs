//! `login`, `logout`, `whoami`: credentials and profiles.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{begin, create_key};
use crate::support::caller::Caller;
use crate::support::{Client, PATIENCE, Server, Workplace, eventually, free_port};

#[test]
fn a_client_logs_in_and_out() {
    let (work, server, caller) = begin();
    let client = work.create_client(&[]);
    let said = caller.login_as(&server, &client).succeeded();
    assert!(said.stdout.is_empty() && said.stderr.contains(&client.id), "{said:?}");
    assert!(!said.stderr.contains(&client.secret), "{said:?}");
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(caller.file()), 0o600);
    assert_eq!(mode(caller.work.path("config/mintery")), 0o700);

    let me = caller.run(&["whoami", "-o", "json"]).succeeded().json();
    assert_eq!(
        (&me["sub"], &me["kind"], &me["name"]),
        (&client.id.as_str().into(), &"client".into(), &"test".into())
    );
    let told = caller.run(&["whoami"]).succeeded().stdout;
    assert!(told.contains(&client.id) && told.contains("read write"), "{told}");

    // A final slash of the URL is ignored.
    let kept = fs::read_to_string(caller.file()).unwrap();
    assert!(kept.contains(&format!("url = \"{}\"", server.url(""))), "{kept}");

    let said = caller.run(&["logout"]).succeeded().stderr;
    assert!(said.contains("still valid"), "{said}");
    assert!(!caller.file().exists());
    caller.run(&["whoami"]).ended_with(3, &["mintery login"]);
    caller.run(&["logout"]).ended_with(3, &["mintery login"]);
    server.token(&client);
}

/// A user's key works as a client's.
#[test]
fn a_user_calls_with_their_key() {
    let (work, server, caller) = begin();
    let create = [
        "user",
        "create",
        "--username",
        "meg",
        "--role",
        "viewer",
        "--password",
        "-",
        "-o",
        "json",
    ];
    let user = work.run_with_input(&create, b"lorry-Umbrella-7-quince").succeeded().json();
    let id = user["id"].as_str().unwrap();
    let scope = "mintery:users:read";
    let create =
        ["key", "create", "--name", "theirs", "--owner", id, "--scope", scope, "-o", "json"];
    let key = work.run(&create).succeeded().json();
    caller.login(&server.url(""), key["key"].as_str().unwrap()).succeeded();
    let me = caller.run(&["whoami", "-o", "json"]).succeeded().json();
    assert_eq!(
        (&me["sub"], &me["kind"], &me["name"]),
        (&id.into(), &"api_key".into(), &"theirs".into())
    );
    assert!(caller.run(&["whoami"]).succeeded().stdout.contains(scope));
    let check = caller.run(&["auth", "check", "--scope", scope, "-o", "json"]).succeeded().json();
    assert_eq!(check["sub"], id);
    let token = caller.run(&["token", "get", "--scope", scope]).succeeded().stdout;
    let me = server.me(token.trim_end()).json();
    assert_eq!((&me["sub"], &me["name"], &me["scope"]), (&id.into(), &"meg".into(), &scope.into()));
    work.run(&["user", "disable", "meg"]).succeeded();
    eventually("the key is refused", PATIENCE, || {
        (caller.run(&["whoami"]).code == Some(3)).then_some(())
    });
    assert_eq!(server.me(token.trim_end()).status, 401);
}

/// A token of one client cannot be revoked by another.
#[test]
fn the_error_of_a_server_is_shown() {
    let (work, server, caller) = begin();
    let (client, other) = (work.create_client(&[]), work.create_client(&[]));
    caller.login_as(&server, &other).succeeded();
    let token = server.token(&client);
    caller
        .work
        .run_with_input(&["token", "revoke"], token.as_bytes())
        .ended_with(4, &["another client"]);
    assert_eq!(server.me(&token).status, 200);
    caller
        .work
        .run_with_input(&["token", "introspect"], token.as_bytes())
        .ended_with(3, &["not active"]);
    caller.run(&["token", "revoke"]).was_misused();
}

#[test]
fn an_access_token_is_a_credential_too() {
    let (work, server, caller) = begin();
    let client = work.create_client(&[]);
    let token = server.token(&client);
    let said = caller.run(&["login", "--url", &server.url(""), "--token", &token]).succeeded();
    assert!(
        said.stderr.contains("on the command line") && !said.stderr.contains(&token),
        "{said:?}"
    );
    assert_eq!(
        caller.run(&["whoami", "-o", "json"]).succeeded().json()["credential"],
        "access_token"
    );
    caller.run(&["token", "get"]).ended_with(1, &["cannot request another"]);
    caller.run(&["token", "revoke", &token]).ended_with(1, &["--client-id"]);
    work.run(&["client", "revoke-tokens", &client.id]).succeeded();
    eventually("the token is refused", PATIENCE, || {
        (caller.run(&["whoami"]).code == Some(3)).then_some(())
    });
}

/// A client that only introspects, or whose tokens are for another API.
#[test]
fn a_client_without_access_to_the_server_itself_logs_in() {
    let (work, server, caller) = begin();
    work.run(&[
        "api",
        "create",
        "--resource",
        "https://stock.example",
        "--name",
        "Stock",
        "--scope",
        "read",
    ])
    .succeeded();
    let asker =
        work.create_client_for("", &["--grant-types", "", "--stands-for", "https://stock.example"]);
    let holder = work.create_client_for("read", &["--resource", "https://stock.example"]);
    for client in [&asker, &holder] {
        caller.login_as(&server, client).succeeded();
        assert_eq!(
            caller.run(&["whoami", "-o", "json"]).succeeded().json()["sub"],
            client.id.as_str()
        );
    }
    caller.run(&["auth", "check"]).ended_with(3, &[]);
    caller
        .run(&["auth", "check", "--resource", "https://stock.example", "--scope", "read"])
        .succeeded();
    let token = caller.run(&["token", "get"]).succeeded().stdout;
    let verify = ["token", "verify", "--audience", "https://stock.example", "--scope", "read"];
    caller.work.run_with_input(&verify, token.as_bytes()).succeeded();
    caller.login_as(&server, &asker).succeeded();
    caller.run(&["token", "get"]).ended_with(4, &["grant"]);
    let told = caller
        .work
        .run_with_input(&["token", "introspect", "-o", "json"], token.as_bytes())
        .succeeded();
    assert_eq!(told.json()["client_id"], holder.id.as_str());
}

/// SEC-5
#[test]
fn a_refused_credential_is_not_stored() {
    let (work, server, caller) = begin();
    let client = work.create_client(&[]);
    let wrong = Client { id: client.id.clone(), secret: "mts_hunter2hunter2".to_owned() };
    let said = caller.login_as(&server, &wrong).ended_with(3, &["invalid_client"]);
    assert!(!said.stderr.contains("hunter2"), "{said:?}");
    let wrong = Client { id: "mc_nobody".to_owned(), secret: client.secret.clone() };
    caller.login_as(&server, &wrong).ended_with(3, &[]);
    let key = create_key(&work, &client, &[])["key"].as_str().unwrap().to_owned();
    let typo = format!("{}{}", &key[..key.len() - 1], if key.ends_with('x') { 'y' } else { 'x' });
    for token in ["hunter2", &typo, "eyJhbGciOiJFUzI1NiJ9.e30.AAAA"] {
        let said = caller.login(&server.url(""), token).ended_with(3, &[]);
        assert!(!said.stderr.contains(token), "{said:?}");
    }
    for token in ["", "\n", "two words", "s\u{1b}[31m", "é", &"x".repeat(20_000)] {
        let said = caller.login(&server.url(""), token).was_misused();
        assert!(token.trim().is_empty() || !said.stderr.contains(token), "{said:?}");
    }
    let url = server.url("");
    for arguments in [
        &["login"][..],
        &["login", "--url", &url],
        &["login", "--url", &url, "--client-id", &client.id],
        &["login", "--url", &url, "--client-id", &client.id, "--secret", "hunter2"],
        &["login", "--url", &url, "--secret", "-"],
        &["login", "--url", &url, "--client-id", &client.id, "--token", "-"],
        &["login", "--url", "127.0.0.1:8080", "--token", "-"],
        &["login", "--url", "http://auth.example.com", "--token", "-"],
        &["login", "--url", "https://user:hunter2@auth.example.com", "--token", "-"],
        &["login", "--url", &url, "--token", "-", "--profile", "../x"],
    ] {
        let said = caller.work.run_with_input(arguments, b"").was_misused();
        assert!(!said.stderr.contains("hunter2"), "{said:?}");
    }
    assert!(!caller.work.path("config").exists());
    // The earlier profiles stay.
    caller.login(&url, &key).succeeded();
    let before = fs::read(caller.file()).unwrap();
    caller.login(&url, &typo).ended_with(3, &[]);
    assert_eq!(fs::read(caller.file()).unwrap(), before);
}

#[test]
fn the_environment_names_server_and_credential() {
    let (work, server, caller) = begin();
    let (client, other) = (work.create_client(&[]), work.create_client(&[]));
    let key = create_key(&work, &client, &["--scope", "read"])["key"].as_str().unwrap().to_owned();
    caller.login_as(&server, &other).succeeded();
    let (url, config) = (server.url("/"), caller.work.path("config").display().to_string());
    let beside =
        || Caller::beside(&work).with("MINTERY_URL", &url).with("XDG_CONFIG_HOME", &config);
    let me = |caller: &Caller, flags: &[&str]| {
        caller.run(&[&["whoami", "-o", "json"], flags].concat()).succeeded().json()["sub"].clone()
    };

    let by_key = beside().with("MINTERY_TOKEN", &format!("{key}\n"));
    assert_eq!(me(&by_key, &[]), client.id.as_str());
    assert_eq!(me(&by_key, &["--profile", "default"]), other.id.as_str());
    let homeless =
        beside().with("MINTERY_TOKEN", &key).with("HOME", "").with("XDG_CONFIG_HOME", "");
    assert_eq!(me(&homeless, &[]), client.id.as_str());
    homeless.run(&["whoami", "--profile", "default"]).ended_with(1, &["HOME"]);
    let by_secret = beside()
        .with("MINTERY_CLIENT_ID", &client.id)
        .with("MINTERY_CLIENT_SECRET", &client.secret);
    assert_eq!(me(&by_secret, &[]), client.id.as_str());
    by_secret.run(&["token", "get"]).succeeded();

    // A credential belongs to one server: no profile's credential goes to the URL of the
    // environment, nor the reverse.
    beside().run(&["whoami"]).was_misused();
    Caller::beside(&work).with("MINTERY_TOKEN", &key).run(&["whoami"]).was_misused();
    beside().with("MINTERY_CLIENT_ID", &client.id).run(&["whoami"]).was_misused();
    by_secret.with("MINTERY_TOKEN", &key).run(&["whoami"]).was_misused();

    // Neither affects commands that read settings.
    let work = work.with("MINTERY_URL", "https://auth.example.com").with("MINTERY_TOKEN", &key);
    let work = work
        .with("MINTERY_CLI_PROFILE", "x")
        .with("MINTERY_CLIENT_ID", "x")
        .with("MINTERY_CLIENT_SECRET", "x");
    work.run(&["client", "list"]).succeeded();
    let settings = work.run(&["config", "show"]).succeeded().stdout;
    assert!(!settings.contains(&key), "{settings}");
}

#[test]
fn an_unreachable_server_is_reported() {
    let caller = Caller::beside(&Workplace::new());
    let url = format!("http://127.0.0.1:{}", free_port());
    caller.login(&url, "mtk_live_x").ended_with(1, &[&url]);
    let caller = caller.with("MINTERY_URL", &url).with("MINTERY_TOKEN", "mtk_live_x");
    for arguments in
        [&["whoami"][..], &["auth", "check"], &["token", "get"], &["token", "verify", "a.b.c"]]
    {
        caller.run(arguments).ended_with(1, &[&url]);
    }
    let verify = ["token", "verify", "--issuer", &url, "a.b.c"];
    caller.run(&verify).ended_with(1, &[&url]);
    caller
        .run(&["token", "verify", "--issuer", "http://auth.example.com", "a.b.c"])
        .ended_with(2, &["https"]);
    caller
        .run(&["token", "verify", "--issuer", &url, "--audience", "a\"b", "a.b.c"])
        .ended_with(2, &[]);
}

#[test]
fn an_issuer_with_a_path_is_called_below_it() {
    let work = Workplace::with_tables().with("MINTERY_ISSUER", "https://example.test/tenant");
    let client = work.create_client(&[]);
    let server = Server::start(&work);
    let caller = Caller::beside(&work);
    let arguments =
        ["login", "--url", &server.url("/tenant/"), "--client-id", &client.id, "--secret", "-"];
    caller.work.run_with_input(&arguments, client.secret.as_bytes()).succeeded();
    let token = caller.run(&["token", "get"]).succeeded().stdout;
    caller.work.run_with_input(&["token", "verify"], token.as_bytes()).succeeded();
    caller.run(&["auth", "check", "--scope", "read"]).succeeded();
}
