//! Several real processes on one PostgreSQL, and a node without its database. One process serves a
//! SQLite file, so that these tests do not apply there.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sqlx::Connection as _;

use crate::support::engine::{Engine, only_on};
use crate::support::proxy::Proxy;
use crate::support::{
    Answer, Client, PATIENCE, Process, Server, Workplace, eventually, free_port, http, runtime,
    send,
};

/// The issuer of all nodes: the name of the service, not of one of them.
const SERVICE: &str = "http://127.0.0.1:1";

/// A database without tables, for several nodes with the master key of one directory.
fn cluster() -> Workplace {
    Workplace::new().with("MINTERY_ISSUER", SERVICE)
}

fn start_three(work: &Workplace) -> Vec<Server> {
    let starting: Vec<_> = (0..3).map(|_| Server::spawn(work, &[])).collect();
    starting.into_iter().map(crate::support::Starting::ready).collect()
}

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
        // Made a moment ago by another process, and known everywhere.
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

/// 7009-5: a reader of the feed that asks another node each time misses nothing, wherever the nodes
/// have stopped between.
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
            // And it stays so.
            assert!(nodes.iter().all(|node| node.ask_for_token(&client).status == 401));
            work.run(&["client", "enable", &client.id]).succeeded();
        }
    }
}

/// Nodes add what they counted to the same rows, at once and in the end.
/// SEC-10: a key that was made at one moment is good at all nodes in the next, and revoked within a
/// second.
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
fn what_all_nodes_counted_adds_up() {
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
    eventually("it answers", PATIENCE, || process.stderr().contains("answering on").then_some(()));
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

/// A node that was given no master key makes none beside a database that has one.
#[test]
fn a_node_without_the_master_key_is_refused() {
    only_on!(Engine::Postgres);
    let work = cluster();
    let _first = Server::start(&work);
    let elsewhere = work.beside();
    elsewhere.run(&["serve", "--listen", "127.0.0.1:0"]).failed(&["master key", "restore"]);
    assert_eq!(elsewhere.entries(), Vec::<String>::new());
}

/// Three nodes without a shared master key start at once: one makes its key, and the others leave
/// none behind.
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
            running.iter().filter(|process| process.stderr().contains("answering on")).count();
        let ended =
            running.iter_mut().filter_map(|process| process.has_ended().then_some(())).count();
        (answering == 1 && ended == 2).then_some(())
    });
    for (place, process) in places.iter().zip(&running) {
        let has_key = place.path("keys/master.key").exists();
        assert_eq!(has_key, process.stderr().contains("answering on"), "{}", process.stderr());
    }
}

fn server_of_tests() -> SocketAddr {
    let url = url::Url::parse(&std::env::var("TEST_POSTGRES_URL").unwrap()).unwrap();
    let address = (url.host_str().unwrap_or("127.0.0.1"), url.port().unwrap_or(5432));
    address.to_socket_addrs().unwrap().next().unwrap()
}

/// A database that can be taken away from the nodes that are started here; `here` reaches it in
/// spite of that.
struct Outage {
    here: Workplace,
    nodes: Workplace,
    wire: Proxy,
}

impl Outage {
    fn prepare() -> Self {
        let here = cluster();
        here.run(&["db", "migrate"]).succeeded();
        here.create_client(&[]);
        let wire = Proxy::to(server_of_tests());
        let mut url = url::Url::parse(&here.database_url()).unwrap();
        url.set_host(Some(&wire.address().ip().to_string())).unwrap();
        url.set_port(Some(wire.address().port())).unwrap();
        let key = here.path("keys/master.key");
        let nodes = here
            .beside()
            .with("MINTERY_DATABASE_URL", url.as_str())
            .with("MINTERY_MASTER_KEY_FILE", key.to_str().unwrap());
        Self { here, nodes, wire }
    }
}

/// SEC-10
#[track_caller]
fn assert_unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.json()["error"], "temporarily_unavailable");
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!(seconds >= 1);
}

fn wait_until_degraded(node: &Server) {
    let since = eventually("it is degraded", Duration::from_secs(10), || {
        let answer = node.get("/readyz");
        assert_eq!(answer.status, 200, "{answer:?}");
        let json = answer.json();
        (json["status"] == "degraded").then(|| json["since"].as_str().unwrap().to_owned())
    });
    assert!(since.starts_with("20"), "{since}");
}

fn wait_until_well(node: &Server, client: &Client) {
    eventually("it is well again", Duration::from_secs(15), || {
        let status = node.get("/readyz").json()["status"].clone();
        (status == "ok" && node.ask_for_token(client).status == 200).then_some(())
    });
}

/// Look-ups at the same time, so that the node has several connections that do not know yet what
/// will happen to them.
fn fill_the_pool(node: &Server) {
    std::thread::scope(|scope| {
        for number in 0..8 {
            scope.spawn(move || {
                let id = format!("stranger-{number}");
                let secret = "mts_0".to_owned();
                assert_eq!(node.ask_for_token(&Client { id, secret }).status, 401);
            });
        }
    });
}

/// A node whose database has gone serves what it remembers, and does not guess about the rest.
fn serves_what_it_remembers(outage: &Outage, node: &Server, take_away: impl FnOnce(&Proxy)) {
    let (known, unknown) = (outage.here.create_client(&[]), outage.here.create_client(&[]));
    let token = node.token(&known);
    assert_eq!(node.me(&token).status, 200);
    fill_the_pool(node);
    take_away(&outage.wire);
    wait_until_degraded(node);

    assert_eq!(node.get("/healthz").status, 200);
    let in_outage = node.token(&known);
    assert_eq!(node.me(&token).status, 200);
    assert_eq!(node.me(&in_outage).status, 200);
    let wrong = Client { id: known.id.clone(), secret: unknown.secret.clone() };
    assert_eq!(node.ask_for_token(&wrong).status, 401);
    let nobody = Client { id: "nobody".to_owned(), secret: "mts_0".to_owned() };
    for client in [&unknown, &nobody, &unknown] {
        let began = Instant::now();
        assert_unavailable(&node.ask_for_token(client));
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }

    // What happens elsewhere meanwhile is known afterwards.
    outage.here.run(&["client", "disable", &known.id]).succeeded();
    outage.wire.restore();
    wait_until_well(node, &unknown);
    assert_eq!(node.ask_for_token(&known).status, 401);
    assert_eq!(node.me(&in_outage).status, 401);
    assert_eq!(node.ask_for_token(&nobody).status, 401);
}

#[test]
fn a_node_whose_database_has_stopped_serves_what_it_remembers() {
    only_on!(Engine::Postgres);
    let outage = Outage::prepare();
    let node = Server::start(&outage.nodes);
    serves_what_it_remembers(&outage, &node, Proxy::cut);
    // Told once, not ten times a second.
    let log = node.process.stderr();
    assert_eq!(log.matches("cannot follow the events").count(), 1, "{log}");
    assert_eq!(log.matches("in reach again").count(), 1, "{log}");
}

/// A cable was pulled: nothing comes back, not even a refusal.
#[test]
fn a_node_whose_database_is_silent_serves_what_it_remembers() {
    only_on!(Engine::Postgres);
    let outage = Outage::prepare();
    let node = Server::start(&outage.nodes);
    serves_what_it_remembers(&outage, &node, Proxy::fall_silent);
}

#[test]
fn after_the_grace_nothing_is_served() {
    only_on!(Engine::Postgres);
    let mut outage = Outage::prepare();
    outage.nodes = outage.nodes.with("MINTERY_OUTAGE_GRACE", "1");
    let node = Server::start(&outage.nodes);
    let client = outage.here.create_client(&[]);
    let token = node.token(&client);
    assert_eq!(node.me(&token).status, 200);
    outage.wire.cut();
    eventually("it is not ready", Duration::from_secs(10), || {
        let answer = node.get("/readyz");
        (answer.status == 503).then_some(())
    });
    assert_eq!(node.get("/healthz").status, 200);
    assert_unavailable(&node.ask_for_token(&client));
    let me = node.me(&token);
    assert_eq!((me.status, me.json()["code"].as_str()), (503, Some("err_unavailable")), "{me:?}");
    assert!(me.header("retry-after").is_some());
    // What needs no knowledge is refused as ever.
    assert_eq!(node.get("/api/v1/users/me").status, 401);

    outage.wire.restore();
    wait_until_well(&node, &client);
    assert_eq!(node.me(&token).status, 200);
}

/// A stop is possible without the database.
#[test]
fn a_node_stops_during_an_outage() {
    only_on!(Engine::Postgres);
    let outage = Outage::prepare();
    for take_away in [Proxy::cut, Proxy::fall_silent] {
        let mut node = Server::start(&outage.nodes);
        take_away(&outage.wire);
        wait_until_degraded(&node);
        let began = Instant::now();
        assert_eq!(node.stop(), Some(0), "{}", node.process.stderr());
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        outage.wire.restore();
    }
}

/// A transaction that is never ended keeps changes out, for a while; it keeps nobody from being
/// served.
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

#[test]
fn a_database_out_of_reach_is_told_at_the_start() {
    only_on!(Engine::Postgres);
    let outage = Outage::prepare();
    let address = outage.wire.address().to_string();
    for take_away in [Proxy::cut, Proxy::fall_silent] {
        take_away(&outage.wire);
        for arguments in [
            &["serve", "--listen", "127.0.0.1:0"][..],
            &["client", "list"],
            &["client", "create", "--name", "x"],
        ] {
            let ran = outage.nodes.run(arguments).failed(&[&address]);
            assert!(ran.took < Duration::from_secs(12), "{ran:?}");
        }
    }
    let nowhere = format!("postgres://postgres@127.0.0.1:{}/mintery", free_port());
    let work = outage.nodes.with("MINTERY_DATABASE_URL", &nowhere);
    work.run(&["serve", "--listen", "127.0.0.1:0"]).failed(&["127.0.0.1", "refused"]);
}

/// SEC-10: somebody who logs in at one node is logged in at all, and out at all within a second.
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
