//! Nodes whose database is out of reach.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use super::cluster;
use crate::support::engine::{Engine, only_on};
use crate::support::proxy::Proxy;
use crate::support::{Answer, Client, Server, Workplace, eventually, free_port};

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
    // R6: the secret may have been added since.
    assert_unavailable(&node.ask_for_token(&wrong));
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
    assert_eq!(log.matches("cannot read new events").count(), 1, "{log}");
    assert_eq!(log.matches("reachable again").count(), 1, "{log}");
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
