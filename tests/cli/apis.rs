//! `mintery api …`, `mintery client update` and `mintery client secret …`, beside a running server.

use serde_json::{Value, json};

use crate::support::{Answer, Client, Server, Workplace, eventually, http, send};

const ORDERS: &str = "https://orders.example.com";

fn ask(server: &Server, client: &Client, fields: &[(&str, &str)]) -> Answer {
    let form = [("grant_type", "client_credentials")].into_iter().chain(fields.iter().copied());
    let request =
        http().post(server.url("/oauth/token")).basic_auth(&client.id, Some(&client.secret));
    send(request.form(&form.collect::<Vec<_>>())).unwrap()
}

fn within_a_second(what: &str, is_so: impl Fn() -> bool) {
    eventually(what, std::time::Duration::from_secs(1), || is_so().then_some(()));
}

#[test]
fn an_api_is_made_shown_changed_and_deleted() {
    let work = Workplace::with_tables();
    let create = [
        "api",
        "create",
        "--resource",
        ORDERS,
        "--name",
        "Orders",
        "--scope",
        "read write",
        "-o",
        "json",
    ];
    let made = work.run(&create).succeeded().json();
    assert_eq!((&made["resource"], &made["scope"]), (&json!(ORDERS), &json!("read write")));
    work.run(&create).failed(&["already", ORDERS]);
    // R23: the API is the result.
    let other = ["api", "create", "--resource", "urn:stock", "--name", "Stock"];
    let made = work.run(&other).succeeded();
    assert!(made.stdout.contains("urn:stock") && made.stderr.is_empty(), "{made:?}");
    let bare = ["api", "create", "--resource", "rabbitmq", "--name", "Queue"];
    assert!(work.run(&bare).was_misused().stderr.contains("urn:NAME"));
    work.run(&["api", "delete", "urn:stock"]).succeeded();
    let changed =
        ["api", "update", ORDERS, "--describe", "read=Reads orders.", "--ttl", "60", "-o", "json"];
    let changed = work.run(&changed).succeeded().json();
    assert_eq!(
        (&changed["scopes"], &changed["access_token_ttl"]),
        (&json!({ "read": "Reads orders." }), &json!(60))
    );
    let shown = work.run(&["api", "show", ORDERS]).succeeded().stdout;
    for expected in ["Orders", "read", "Reads orders.", "60 s"] {
        assert!(shown.contains(expected), "{shown}");
    }
    assert!(work.run(&["api", "list"]).succeeded().stdout.contains(ORDERS));
    assert_eq!(work.run(&["api", "list", "-o", "json"]).json().as_array().unwrap().len(), 1);
    let reset =
        work.run(&["api", "update", ORDERS, "--ttl", "default", "-o", "json"]).succeeded().json();
    assert_eq!(reset.get("access_token_ttl"), None);
    assert_eq!(reset["name"], "Orders");
    work.run(&["api", "delete", ORDERS]).succeeded();
    work.run(&["api", "show", ORDERS]).failed(&[ORDERS]);
    work.run(&["api", "delete", ORDERS]).failed(&[ORDERS]);
    work.run(&["api", "update", ORDERS]).failed(&[ORDERS]);
    assert_eq!(work.run(&["api", "list", "-o", "json"]).json(), Value::Array(Vec::new()));
    for bad in [
        &["api", "create", "--resource", "/relative", "--name", "x"][..],
        &["api", "create", "--resource", "https://a#b", "--name", "x"],
        &["api", "create", "--resource", ORDERS, "--name", "x", "--scope", "mintery:clients:read"],
        &["api", "create", "--resource", ORDERS, "--name", "x", "--describe", "read"],
        &["api", "create", "--resource", ORDERS, "--name", "x", "--alg", "HS256"],
        &["api", "create", "--resource", ORDERS, "--name", "x", "--ttl", "1h"],
        &["api", "create", "--resource", ORDERS, "--name", ""],
        &["api", "create", "--name", "x"],
    ] {
        work.run(bad).was_misused();
    }
    work.run(&["db", "check"]).succeeded();
}

/// 8707-1: a running server sees an API, and what becomes of a client, within a second.
#[test]
fn a_running_server_follows_apis_and_clients() {
    let work = Workplace::with_tables();
    let server = Server::start(&work);
    let client = work.create_client(&[]);
    work.run(&["client", "update", &client.id, "--resource", ORDERS]).failed(&[ORDERS]);
    work.run(&["api", "create", "--resource", ORDERS, "--name", "Orders", "--scope", "read"])
        .succeeded();
    let updated =
        ["client", "update", &client.id, "--resource", ORDERS, "--name", "renamed", "-o", "json"];
    let updated = work.run(&updated).succeeded().json();
    assert_eq!(
        (&updated["resources"], &updated["client_name"]),
        (&json!([ORDERS]), &json!("renamed"))
    );
    assert_eq!(updated["scope"], "read write");
    within_a_second("tokens are for the API", || {
        ask(&server, &client, &[]).json()["scope"] == "read"
    });
    assert_eq!(
        ask(&server, &client, &[("resource", ORDERS), ("scope", "write")]).json()["error"],
        "invalid_scope"
    );

    work.run(&["client", "update", &client.id, "--resource", "", "--default-scope", "write"])
        .succeeded();
    within_a_second("the default is another", || {
        ask(&server, &client, &[]).json()["scope"] == "write"
    });
    assert_eq!(ask(&server, &client, &[("resource", ORDERS)]).json()["error"], "invalid_target");
    work.run(&[
        "client",
        "update",
        &client.id,
        "--default-scope",
        "all",
        "--ttl",
        "7",
        "--alg",
        "EdDSA",
    ])
    .succeeded();
    within_a_second("tokens live as long", || ask(&server, &client, &[]).json()["expires_in"] == 7);
    assert_eq!(ask(&server, &client, &[]).json()["scope"], "read write");
    let shown = work.run(&["client", "show", &client.id]).succeeded().stdout;
    assert!(shown.contains("7 s") && shown.contains("EdDSA"), "{shown}");
    work.run(&[
        "client", "update", &client.id, "--ttl", "default", "--alg", "default", "--scope", "",
    ])
    .succeeded();
    within_a_second("nothing is left", || ask(&server, &client, &[]).json().get("scope").is_none());

    work.run(&["client", "update", "nobody", "--name", "x"]).failed(&["nobody"]);
    for bad in [
        &["client", "update", &client.id, "--default-scope", "other"][..],
        &["client", "update", &client.id, "--ttl", "0"],
        &["client", "update", &client.id, "--ttl", "99999999"],
        &["client", "update", &client.id, "--alg", "HS256"],
        &["client", "update", &client.id, "--introspection-alg", "HS256"],
        &["client", "update", &client.id, "--introspection-alg", "none"],
        &["client", "update", &client.id, "--stands-for", "relative"],
        &["client", "update", &client.id, "--max-tokens-per-hour", "0"],
        &["client", "update", &client.id, "--max-tokens-per-hour", "many"],
        &["client", "update", &client.id, "--resource", "relative"],
        &["client", "update", &client.id, "--scope", "a  b"],
        &["client", "update", &client.id, "--name", " "],
        &["client", "update"],
    ] {
        work.run(bad).was_misused();
    }
}

/// 7662-1, 9701-1: which APIs a client stands for is given and taken away at the command line.
#[test]
fn a_client_stands_for_apis() {
    let work = Workplace::with_tables();
    let server = Server::start(&work);
    let (holder, unknown) = (work.create_client(&[]), "https://unknown.example.com");
    work.run(&["api", "create", "--resource", ORDERS, "--name", "Orders", "--scope", "read"])
        .succeeded();
    work.run(&["client", "update", &holder.id, "--resource", ORDERS]).succeeded();
    let watcher = work.create_client_for("", &["--grant-types", "", "--stands-for", ORDERS]);
    work.run(&["client", "create", "--name", "x", "--stands-for", unknown]).failed(&[unknown]);
    let token = || {
        ask(&server, &holder, &[]).json()["access_token"].as_str().unwrap_or_default().to_owned()
    };
    let introspect = || {
        let request = http()
            .post(server.url("/oauth/introspect"))
            .basic_auth(&watcher.id, Some(&watcher.secret));
        send(request.form(&[("token", token())])).unwrap().json()
    };
    within_a_second("the API is told of its tokens", || introspect()["aud"] == ORDERS);
    let flags = ["--introspection-alg", "EdDSA", "-o", "json"];
    let update =
        work.run(&[&["client", "update", &watcher.id][..], &flags].concat()).succeeded().json();
    assert_eq!(update["introspection_signed_response_alg"], "EdDSA");
    let shown = work.run(&["client", "show", &watcher.id]).succeeded().stdout;
    assert!(
        shown.contains("stands for") && shown.contains(ORDERS) && shown.contains("EdDSA"),
        "{shown}"
    );
    work.run(&["api", "delete", ORDERS]).failed(&[&watcher.id, "--stands-for"]);

    let exported = work.run(&["client", "export"]).succeeded().stdout;
    let line = exported.lines().find(|line| line.contains(&watcher.id)).unwrap();
    work.run(&["client", "delete", &watcher.id]).succeeded();
    work.run_with_input(&["client", "import", "-"], line.as_bytes()).succeeded();
    let again = work.run(&["client", "show", &watcher.id, "-o", "json"]).succeeded().json();
    assert_eq!(
        (&again["stands_for"], &again["introspection_signed_response_alg"]),
        (&json!([ORDERS]), &json!("EdDSA"))
    );
    within_a_second("it is told of them again", || introspect()["active"] == true);
    let reset = [
        "client",
        "update",
        &watcher.id,
        "--stands-for",
        "",
        "--introspection-alg",
        "default",
        "-o",
        "json",
    ];
    let reset = work.run(&reset).succeeded().json();
    assert_eq!(
        (&reset["stands_for"], reset.get("introspection_signed_response_alg")),
        (&json!([]), None)
    );
    within_a_second("it is told no more", || introspect() == json!({ "active": false }));
    work.run(&["api", "delete", ORDERS]).succeeded();
    let renamed = line.replace(&watcher.id, "another");
    let refused = work.run_with_input(&["client", "import", "-"], renamed.as_bytes());
    assert!(
        refused.code == Some(1) && refused.stderr.contains(&format!("no API {ORDERS}")),
        "{refused:?}"
    );
}

#[test]
fn secrets_overlap_and_are_revoked() {
    let work = Workplace::with_tables();
    let server = Server::start(&work);
    let old = work.create_client(&[]);
    let add = [
        "client",
        "secret",
        "add",
        &old.id,
        "--label",
        "spring",
        "--secret-expires",
        "3600",
        "-o",
        "json",
    ];
    let ran = work.run(&add).succeeded();
    let new = Client::of(&ran.json());
    assert!(new.secret.starts_with("mts_") && !ran.stderr.contains(&new.secret), "{ran:?}");
    within_a_second("the new secret is good", || ask(&server, &new, &[]).status == 200);
    assert_eq!(ask(&server, &old, &[]).status, 200);
    // As `client create` does: the secret alone on standard output.
    let plain = work.run(&["client", "secret", "add", &old.id]).succeeded().stdout;
    assert_eq!(plain.trim_end().len(), 4 + 43 + 6);

    let list = work.run(&["client", "secret", "list", &old.id, "-o", "json"]).succeeded();
    assert!(!list.stdout.contains(&new.secret), "{list:?}");
    let secrets = list.json().as_array().unwrap().clone();
    assert_eq!(secrets.len(), 3);
    assert!(work.run(&["client", "secret", "list", &old.id]).stdout.contains("spring"));
    let first = secrets
        .iter()
        .find(|secret| old.secret.contains(secret["hint"].as_str().unwrap()))
        .unwrap();
    let first = first["id"].as_str().unwrap();
    work.run(&["client", "secret", "revoke", &old.id, first]).succeeded();
    within_a_second("the old secret is refused", || ask(&server, &old, &[]).status == 401);
    assert_eq!(ask(&server, &new, &[]).status, 200);
    work.run(&["client", "secret", "revoke", &old.id, first]).failed(&[first]);
    work.run(&["client", "secret", "revoke", "nobody", first]).failed(&["nobody"]);
    work.run(&["client", "secret", "add", "nobody"]).failed(&["nobody"]);
    for _ in 2..10 {
        work.run(&["client", "secret", "add", &old.id, "--label", "more"]);
    }
    let full = work.run(&["client", "secret", "add", &old.id]).was_misused();
    assert!(full.stderr.contains("10"), "{full:?}");
}

/// R9: a token that many proxies would refuse is announced when its size is decided.
#[test]
fn a_large_token_is_announced() {
    let work = Workplace::with_tables();
    let client = work.create_client(&[]);
    let scopes = |count: usize| {
        let scopes: Vec<String> = (0..count).map(|number| format!("scope-{number:050}")).collect();
        scopes.join(" ")
    };
    let create =
        ["api", "create", "--resource", ORDERS, "--name", "Orders", "--scope", &scopes(100)];
    let made = work.run(&create).succeeded();
    assert!(made.stderr.contains("8 KiB"), "{made:?}");
    let long = [1, 2, 3].map(|number| format!("urn:stock-{number}{}", "a".repeat(900)));
    for resource in &long {
        let create = ["api", "create", "--resource", resource, "--name", "Stock"];
        assert!(work.run(&create).succeeded().stderr.is_empty());
    }
    let some = scopes(60);
    let mut update = vec!["client", "update", &client.id, "--scope", &some];
    let small = work.run(&update).succeeded();
    assert!(small.stderr.is_empty(), "{small:?}");
    update.extend(long.iter().flat_map(|resource| ["--resource", resource]));
    let updated = work.run(&update).succeeded();
    assert!(updated.stderr.contains("8 KiB"), "{updated:?}");
}
