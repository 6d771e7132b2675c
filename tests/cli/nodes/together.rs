//! Nodes that share a database.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sqlx::Connection as _;

use super::{cluster, start_three};
use crate::support::engine::{Engine, only_on};
use crate::support::{Client, PATIENCE, Process, Server, eventually, http, runtime, send};

#[test]
fn nodes_that_start_at_once_on_an_empty_database_have_the_same_keys() {
    only_on!(Engine::Postgres);
    let work = cluster();
    let nodes = start_three(&work);
    let keys: Vec<String> =
        nodes.iter().map(|node| node.get("/.well-known/jwks.json").body).collect();
    assert!(keys.iter().all(|of_one| *of_one == keys[0]), "{keys:#?}");
    assert_eq!(work.entries(), ["keys", "keys/master.key"]);
    assert_eq!(work.numbers("SELECT number FROM events"), [1]);
}

#[test]
fn a_token_of_one_node_is_good_at_all() {
    only_on!(Engine::Postgres);
    let work = cluster();
    let nodes = start_three(&work);
    let client = work.create_client(&[]);
    for issuing in &nodes {
        // Created a moment ago by another process, and known everywhere.
        let token = issuing.token(&client);
        for accepting in &nodes {
            let me = accepting.me(&token);
            assert_eq!(
                (me.status, me.json()["sub"].as_str()),
                (200, Some(client.id.as_str())),
                "{me:?}"
            );
        }
    }
}

/// 7009-5: a reader of the feed that alternates between nodes misses nothing, wherever they have
/// stopped in between.
#[test]
fn a_reader_of_the_feed_misses_nothing_whichever_node_it_asks() {
    const TOKENS: usize = 60;
    only_on!(Engine::Postgres);
    let work = cluster();
    let nodes = start_three(&work);
    let (client, reader) = (work.create_client(&[]), work.create_client(&[]));
    let tokens: Vec<String> = (0..TOKENS).map(|_| nodes[0].token(&client)).collect();
    let read = |node: &Server, after: Option<&str>| {
        let after = after.map(|after| format!("?after={after}")).unwrap_or_default();
        let path = format!("/oauth/revocations{after}");
        let request = http().get(node.url(&path)).basic_auth(&reader.id, Some(&reader.secret));
        let answer = send(request).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        let claims = answer.body.split('.').nth(1).unwrap();
        serde_json::from_slice::<serde_json::Value>(&URL_SAFE_NO_PAD.decode(claims).unwrap())
            .unwrap()
    };
    let mut next = read(&nodes[1], None)["next"].as_str().unwrap().to_owned();
    let mut told = std::collections::HashSet::new();
    let (nodes, client) = (&nodes, &client);
    std::thread::scope(|scope| {
        let revoking = scope.spawn(move || {
            for token in &tokens {
                let request = http().post(nodes[2].url("/oauth/revoke"));
                let request =
                    request.basic_auth(&client.id, Some(&client.secret)).form(&[("token", token)]);
                assert_eq!(send(request).unwrap().status, 200);
            }
        });
        let begun = Instant::now();
        for node in nodes.iter().take(2).cycle() {
            let document = read(node, Some(&next));
            assert!(document["snapshot"].is_null(), "{document}");
            for entry in document["tokens"].as_array().into_iter().flatten() {
                told.insert(entry[0].as_str().unwrap().to_owned());
            }
            document["next"].as_str().unwrap().clone_into(&mut next);
            if told.len() == TOKENS || begun.elapsed() > Duration::from_secs(10) {
                break;
            }
        }
        revoking.join().unwrap();
    });
    assert_eq!(told.len(), TOKENS);
}

/// SEC-10
#[test]
fn a_client_that_was_disabled_is_refused_by_all_nodes_within_a_second() {
    only_on!(Engine::Postgres);
    let work = cluster();
    let nodes = start_three(&work);
    let client = work.create_client(&[]);
    let tokens: Vec<String> = nodes.iter().map(|node| node.token(&client)).collect();
    for (node, token) in nodes.iter().zip(&tokens) {
        assert_eq!(node.me(token).status, 200);
    }
    work.run(&["client", "disable", &client.id]).succeeded();
    let acknowledged = Instant::now();
    for verb in ["disabled", "enabled"] {
        let expected = if verb == "disabled" { 401 } else { 200 };
        for (number, node) in nodes.iter().enumerate() {
            eventually(
                &format!("node {number} knows that it is {verb}"),
                Duration::from_secs(1),
                || {
                    let is_known = node.ask_for_token(&client).status == expected
                        && (expected == 200
                            || tokens.iter().all(|token| node.me(token).status == 401));
                    is_known.then_some(())
                },
            );
        }
        if verb == "disabled" {
            let took = acknowledged.elapsed();
            println!("refused by all nodes {took:?} after the command had ended");
            assert!(took < Duration::from_secs(1), "{took:?}");
            // It stays so.
            assert!(nodes.iter().all(|node| node.ask_for_token(&client).status == 401));
            work.run(&["client", "enable", &client.id]).succeeded();
        }
    }
}

/// Nodes add their counts to the same rows, during the run and at the end. SEC-10: a new key works
/// immediately at all nodes, and a revocation holds within a second.
#[test]
fn a_key_is_good_or_not_at_all_nodes() {
    only_on!(Engine::Postgres);
    let work = cluster();
    let nodes = start_three(&work);
    let owner = work.create_client(&[]);
    let made =
        work.run(&["key", "create", "--name", "x", "--owner", &owner.id, "-o", "json"]).json();
    let (key, id) = (made["key"].as_str().unwrap(), made["id"].as_str().unwrap());
    for node in &nodes {
        assert_eq!(node.me(key).status, 200);
    }
    let within_a_second = |status: u16| {
        eventually("all know of it", Duration::from_secs(1), || {
            nodes.iter().all(|node| node.me(key).status == status).then_some(())
        });
    };
    work.run(&["client", "disable", &owner.id]).succeeded();
    within_a_second(401);
    work.run(&["client", "enable", &owner.id]).succeeded();
    within_a_second(200);
    work.run(&["key", "revoke", id]).succeeded();
    within_a_second(401);
}

#[test]
fn the_counts_of_all_nodes_add_up() {
    const EACH: i64 = 20;
    only_on!(Engine::Postgres);
    let work = cluster();
    let mut nodes = start_three(&work);
    let clients: Vec<Client> = (0..3).map(|_| work.create_client(&[])).collect();
    for _ in 0..EACH {
        for (node, client) in
            nodes.iter().flat_map(|node| clients.iter().map(move |client| (node, client)))
        {
            node.token(client);
        }
    }
    for node in &nodes {
        node.process.signal("TERM");
    }
    for node in &mut nodes {
        assert_eq!(node.process.ended(PATIENCE), Some(0), "{}", node.process.stderr());
    }
    let counted = "SELECT CAST(SUM(times) AS BIGINT) FROM client_usage WHERE outcome = 'token' \
                   GROUP BY client_id ORDER BY client_id";
    assert_eq!(work.numbers(counted), [3 * EACH; 3]);
    assert_eq!(work.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM secret_usage"), [3]);
}

#[test]
fn a_database_without_tables_is_refused_until_it_is_migrated() {
    only_on!(Engine::Postgres);
    let work = cluster();
    for arguments in
        [&["serve", "--listen", "127.0.0.1:0"][..], &["client", "create", "--name", "x"]]
    {
        work.run(arguments).failed(&["mintery db migrate"]);
    }
    assert_eq!(work.entries(), Vec::<String>::new());
    work.run(&["db", "migrate"]).succeeded();
    work.run(&["db", "migrate"]).succeeded();
    let mut serve = work.mintery(&["serve", "--listen", "127.0.0.1:0"]);
    serve.env("MINTERY_LOG", "info");
    let process = Process::start(serve);
    eventually("it answers", PATIENCE, || process.stderr().contains("listening on").then_some(()));
}

#[test]
fn migrations_that_run_at_once_do_not_trip_over_each_other() {
    only_on!(Engine::Postgres);
    let work = cluster();
    let mut running: Vec<_> =
        (0..3).map(|_| Process::start(work.mintery(&["db", "migrate"]))).collect();
    for process in &mut running {
        assert_eq!(process.ended(PATIENCE), Some(0), "{}", process.stderr());
    }
    work.create_client(&[]);
}

/// A node without a master key creates none beside a database that has one.
#[test]
fn a_node_without_the_master_key_is_refused() {
    only_on!(Engine::Postgres);
    let work = cluster();
    let _first = Server::start(&work);
    let elsewhere = work.beside();
    elsewhere.run(&["serve", "--listen", "127.0.0.1:0"]).failed(&["master key", "restore"]);
    assert_eq!(elsewhere.entries(), Vec::<String>::new());
}

/// Three nodes without a shared master key start together: one creates the key, and the others
/// leave none behind.
#[test]
fn of_nodes_that_make_keys_of_their_own_one_wins() {
    only_on!(Engine::Postgres);
    let first = cluster();
    first.run(&["db", "migrate"]).succeeded();
    let places = [first.beside(), first.beside(), first];
    let mut running: Vec<_> = places
        .iter()
        .map(|place| Process::start(place.mintery(&["serve", "--listen", "127.0.0.1:0"])))
        .collect();
    eventually("one answers, the others end", PATIENCE, || {
        let answering =
            running.iter().filter(|process| process.stderr().contains("listening on")).count();
        let ended =
            running.iter_mut().filter_map(|process| process.has_ended().then_some(())).count();
        (answering == 1 && ended == 2).then_some(())
    });
    for (place, process) in places.iter().zip(&running) {
        let has_key = place.path("keys/master.key").exists();
        assert_eq!(has_key, process.stderr().contains("listening on"), "{}", process.stderr());
    }
}

/// A transaction that never ends blocks changes for a while, but never requests.
#[test]
fn a_transaction_that_holds_up_all_changes_is_told() {
    only_on!(Engine::Postgres);
    let work = cluster();
    let node = Server::start(&work);
    let client = work.create_client(&[]);
    let mut holder = work.connect();
    let hold = "BEGIN; UPDATE event_head SET number = number";
    runtime().block_on(async { sqlx::raw_sql(hold).execute(&mut holder).await.unwrap() });
    let ran = work.run(&["client", "disable", &client.id]).failed(&["lock"]);
    assert!(ran.took < Duration::from_secs(12), "{ran:?}");
    node.token(&client);
    assert_eq!(node.get("/readyz").json()["status"], "ok");
    runtime().block_on(async { holder.close().await.unwrap() });
    work.run(&["client", "disable", &client.id]).succeeded();
    work.assert_no_gap_in_events();
}

/// SEC-10: a log-in at one node holds at all nodes, and a log-out within a second.
#[test]
fn a_session_of_one_node_is_good_at_all() {
    only_on!(Engine::Postgres);
    let work = cluster();
    let nodes = start_three(&work);
    let password = "lorry-Umbrella-7-quince";
    let arguments = ["user", "create", "--username", "ann", "--role", "viewer", "--password", "-"];
    work.run_with_input(&arguments, password.as_bytes()).succeeded();
    let body = serde_json::json!({ "username": "ann", "password": password }).to_string();
    let request =
        http().post(nodes[0].url("/api/v1/session")).header("content-type", "application/json");
    let answer = send(request.body(body)).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let me = |node: &Server| {
        send(http().get(node.url("/api/v1/users/me")).header("cookie", cookie.clone()))
            .unwrap()
            .status
    };
    for node in &nodes {
        assert_eq!(me(node), 200);
    }
    let out = http().delete(nodes[1].url("/api/v1/session")).header("cookie", cookie.clone());
    assert_eq!(send(out).unwrap().status, 204);
    assert_eq!(me(&nodes[1]), 401);
    for node in &nodes {
        eventually("logged out everywhere", Duration::from_secs(1), || {
            (me(node) == 401).then_some(())
        });
    }
}
