//! `mintery serve`: output, addresses, stopping.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::engine::{Engine, engine};
use crate::support::{
    Client, ISSUER, PATIENCE, Server, Workplace, eventually, free_port, http, send,
};

/// The blocks that a reader would paste.
fn blocks_to_paste(welcome: &str) -> Vec<String> {
    let mut blocks: Vec<Vec<&str>> = vec![Vec::new()];
    for line in welcome.lines() {
        match line.strip_prefix("  ") {
            Some(command) if command.starts_with("curl ") || command.starts_with("TOKEN=") => {
                blocks.last_mut().unwrap().push(command);
            }
            _ => blocks.push(Vec::new()),
        }
    }
    blocks.retain(|block| !block.is_empty());
    blocks.into_iter().map(|block| block.join("\n")).collect()
}

/// The terminal output of the commands of a block.
fn paste(work: &Workplace, block: &str) -> String {
    let output = work.program("bash").args(["-c", block]).output().unwrap();
    assert!(output.status.success(), "{block}\n{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// CONTRACT.md, `make run`
#[test]
fn the_first_start_prints_lines_that_can_be_pasted_as_they_are() {
    let work = Workplace::new();
    let server = Server::start_dev(&work);
    let welcome = eventually("the welcome", PATIENCE, || {
        let text = server.process.stdout();
        text.contains("curl -i").then_some(text)
    });
    let blocks = blocks_to_paste(&welcome);
    let [get, call, with_key, with_cookie, refused] = blocks.as_slice() else {
        panic!("five blocks: {blocks:#?}")
    };
    let token: serde_json::Value = serde_json::from_str(&paste(&work, get)).unwrap();
    assert_eq!(token["token_type"], "Bearer");
    assert_eq!(token["scope"], "read write");
    let me: serde_json::Value = serde_json::from_str(&paste(&work, call)).unwrap();
    assert_eq!(me["kind"], "client");
    assert!(get.contains(me["sub"].as_str().unwrap()), "{me}");
    let of_key: serde_json::Value = serde_json::from_str(&paste(&work, with_key)).unwrap();
    assert_eq!((&of_key["kind"], &of_key["sub"]), (&"api_key".into(), &me["sub"]));
    let of_cookie = paste(&work, with_cookie);
    let answers = serde_json::Deserializer::from_str(&of_cookie).into_iter::<serde_json::Value>();
    let answers: Vec<serde_json::Value> = answers.map(Result::unwrap).collect();
    assert_eq!((&answers[0]["kind"], &answers[0]["name"]), (&"user".into(), &"admin".into()));
    assert_eq!(answers[0], answers[1]);
    assert!(paste(&work, refused).starts_with("HTTP/1.1 401"));
    // All at once.
    let all = paste(&work, &blocks.join("\n"));
    assert!(
        all.contains("\"access_token\"") && all.contains("\"sub\"") && all.contains("HTTP/1.1 401"),
        "{all}"
    );
}

#[test]
fn the_secret_is_shown_by_the_first_start_alone() {
    let work = Workplace::new();
    let mut server = Server::start_dev(&work);
    let welcome = eventually("the welcome", PATIENCE, || {
        let text = server.process.stdout();
        text.contains("curl -i").then_some(text)
    });
    let word_after = |name: &str| {
        let rest = welcome.split_once(name).unwrap().1;
        rest.split_whitespace().next().unwrap().to_owned()
    };
    let client = Client { id: word_after("client_id"), secret: word_after("client_secret") };
    let password = word_after("password ");
    let token = server.token(&client);
    assert!(!server.process.stderr().contains(&client.secret));
    assert_eq!(server.stop(), Some(0));

    let address = server.address.to_string();
    let server = Server::spawn(&work, &["--dev", "--listen", &address]).ready();
    let again = eventually("the second welcome", PATIENCE, || {
        let text = server.process.stdout();
        text.contains("mintery client create").then_some(text)
    });
    assert!(!again.contains("mts_") && !server.process.stderr().contains("mts_"), "{again}");
    assert!(!again.contains(&password) && !server.process.stderr().contains(&password), "{again}");
    assert_eq!(server.me(&token).status, 200);
    server.token(&client);
    let list = work.run(&["client", "list", "-o", "json"]).succeeded().json();
    assert_eq!(list.as_array().unwrap().len(), 1);
}

#[test]
fn it_is_up_and_ready() {
    let work = Workplace::new();
    let server = Server::start(&work);
    for path in ["/healthz", "/readyz"] {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.json()["status"].as_str()), (200, Some("ok")), "{path}");
    }
    let metadata = server.get("/.well-known/oauth-authorization-server").json();
    assert_eq!(metadata["issuer"], ISSUER);
}

/// A flag overrides the environment, which overrides the file, which overrides the default.
#[test]
fn settings_come_from_flags_environment_and_file() {
    let work = Workplace::with_tables();
    work.write("mintery.toml", format!("issuer = \"{ISSUER}\"\n[token]\nttl = 60\n"));
    let client = work.create_client(&[]);
    let expires_in = |work: &Workplace, flags: &[&str]| {
        let server = Server::spawn(work, flags).ready();
        let issuer = server.get("/.well-known/oauth-authorization-server").json()["issuer"].clone();
        (issuer, server.ask_for_token(&client).json()["expires_in"].clone())
    };
    assert_eq!(expires_in(&work, &[]), (ISSUER.into(), 60.into()));
    let work =
        work.with("MINTERY_TOKEN__TTL", "61").with("MINTERY_ISSUER", "https://environment.test");
    assert_eq!(expires_in(&work, &[]), ("https://environment.test".into(), 61.into()));
    assert_eq!(
        expires_in(&work, &["--issuer", "https://flag.test"]),
        ("https://flag.test".into(), 61.into())
    );
    let port = free_port();
    work.write("listen.toml", format!("listen = \"127.0.0.1:{port}\"\nworkers = 1\n"));
    let server =
        Server::spawn(&work, &["--config", "listen.toml", "--listen", "127.0.0.1:0"]).ready();
    assert_ne!(server.address.port(), port);
}

#[test]
fn metrics_are_answered_on_the_main_listener_when_it_is_loopback() {
    let work = Workplace::with_tables();
    let server = Server::start(&work);
    server.token(&work.create_client(&[]));
    let metrics = server.get("/metrics");
    assert_eq!(metrics.status, 200);
    assert!(metrics.body.contains("mintery_tokens_issued_total 1"), "{}", metrics.body);
}

#[test]
fn metrics_are_answered_only_where_they_are_told_to_be() {
    let port = free_port();
    let work =
        Workplace::with_tables().with("MINTERY_METRICS__LISTEN", &format!("127.0.0.1:{port}"));
    let server = Server::start(&work);
    assert_eq!(server.get("/metrics").status, 404);
    let answer = send(http().get(format!("http://127.0.0.1:{port}/metrics"))).unwrap();
    assert!(answer.status == 200 && answer.body.contains("mintery_"), "{answer:?}");
    // Nothing else.
    for path in ["/oauth/token", "/.well-known/jwks.json", "/api/v1/users/me"] {
        assert_eq!(send(http().get(format!("http://127.0.0.1:{port}{path}"))).unwrap().status, 404);
    }
}

/// If others can reach the main listener, metrics need one of their own.
#[test]
fn metrics_are_not_answered_to_everybody() {
    let work = Workplace::with_tables().with("MINTERY_LISTEN", "0.0.0.0:0");
    let refused = work.run(&["serve", "--migrate", "--issuer", "https://auth.example.com"]);
    refused.failed(&["metrics.listen"]);
    let work = work.with("MINTERY_METRICS__LISTEN", "127.0.0.1:0");
    let server = Server::start(&work);
    let url = format!("http://127.0.0.1:{}/metrics", server.address.port());
    assert_eq!(send(http().get(url)).unwrap().status, 404);
}

/// A token request whose last bytes are missing.
struct HalfRequest {
    stream: TcpStream,
    rest: &'static str,
}

impl HalfRequest {
    fn begin(server: &Server, client: &Client) -> Self {
        let body =
            format!("client_id={}&client_secret={}&grant_type=client_", client.id, client.secret);
        let rest = "credentials";
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
            body.len() + rest.len()
        )
        .unwrap();
        // The server has the head, and waits.
        let mut interim = [0; 25];
        stream.read_exact(&mut interim).unwrap();
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(body.as_bytes()).unwrap();
        Self { stream, rest }
    }

    fn finish(mut self) -> String {
        self.stream.write_all(self.rest.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = self.stream.read(&mut buffer) {
            answer.extend_from_slice(&buffer[..length]);
        }
        String::from_utf8(answer).unwrap()
    }
}

#[test]
fn running_requests_end_after_a_signal() {
    let work = Workplace::with_tables();
    let client = work.create_client(&[]);
    for signal in ["TERM", "INT"] {
        let mut server = Server::start(&work);
        let half = HalfRequest::begin(&server, &client);
        server.process.signal(signal);
        eventually("no new connections", PATIENCE, || TcpStream::connect(server.address).err());
        assert!(!server.process.has_ended(), "{}", server.process.stderr());
        let answer = half.finish();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("access_token"), "{answer}");
        assert_eq!(
            server.process.ended(Duration::from_secs(10)),
            Some(0),
            "{}",
            server.process.stderr()
        );
    }
}

/// Every client under load gets a complete response, or a refused connection.
#[test]
fn no_answer_is_cut_by_a_stop() {
    let work = Workplace::with_tables();
    let client = work.create_client(&[]);
    let mut server = Server::start(&work);
    server.token(&client);
    let (address, process) = (server.address, &mut server.process);
    let (answered, began) = (std::sync::atomic::AtomicUsize::new(0), Instant::now());
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    while began.elapsed() < PATIENCE {
                        let request = http()
                            .post(format!("http://{address}/oauth/token"))
                            .basic_auth(&client.id, Some(&client.secret))
                            .form(&[("grant_type", "client_credentials")]);
                        match send(request) {
                            Ok(answer) => {
                                assert_eq!(answer.status, 200, "{answer:?}");
                                assert!(answer.json()["access_token"].is_string());
                                answered.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                            }
                            // Never a truncated body.
                            Err(error) => {
                                assert!(error.is_connect() || error.is_request(), "{error:?}");
                                break;
                            }
                        }
                    }
                })
            })
            .collect();
        eventually("some were answered", PATIENCE, || {
            (answered.load(std::sync::atomic::Ordering::SeqCst) > 20).then_some(())
        });
        process.signal("TERM");
        for thread in asking {
            thread.join().unwrap();
        }
    });
    assert_eq!(process.ended(Duration::from_secs(10)), Some(0), "{}", process.stderr());
}

/// An idle connection does not delay a restart.
#[test]
fn an_idle_connection_does_not_delay_the_stop() {
    let work = Workplace::with_tables();
    let mut server = Server::start(&work);
    let mut idle = TcpStream::connect(server.address).unwrap();
    idle.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(idle, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut buffer = [0; 4096];
    assert_ne!(idle.read(&mut buffer).unwrap(), 0);
    let _silent = TcpStream::connect(server.address).unwrap();
    server.process.signal("TERM");
    assert_eq!(
        server.process.ended(Duration::from_secs(10)),
        Some(0),
        "{}",
        server.process.stderr()
    );
}

#[test]
fn a_server_and_the_command_line_work_on_one_database_at_the_same_time() {
    let work = Workplace::with_tables();
    let server = Server::start(&work);
    for _ in 0..5 {
        let client = work.create_client(&[]);
        server.token(&client);
    }
    if engine() == Engine::Sqlite {
        // Only the files of the database, the lock and the key.
        let strange: Vec<String> = work
            .entries()
            .into_iter()
            .filter(|path| !path.starts_with("data") && !path.starts_with("keys"))
            .collect();
        assert!(strange.is_empty(), "{strange:?}");
    }
}

/// Finding 17: pages are served under the names of the loopback address with `--dev` alone.
#[test]
fn pages_are_served_under_loopback_names_with_dev_alone() {
    let page = |server: &Server, host: &str| {
        send(http().get(server.url("/login")).header("host", host)).unwrap().status
    };
    let work = Workplace::new();
    let server = Server::start_dev(&work);
    for (host, status) in
        [("localhost:8080", 200), ("app.localhost", 200), ("rebound.example", 403)]
    {
        assert_eq!(page(&server, host), status, "{host}");
    }
    let work = Workplace::with_tables().with("MINTERY_ALLOWED_HOSTS", "intern.example");
    let server = Server::start(&work);
    for (host, status) in [("localhost", 403), ("intern.example:80", 200), ("127.0.0.1", 200)] {
        assert_eq!(page(&server, host), status, "{host}");
    }
}
