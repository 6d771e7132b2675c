//! The log of `mintery serve`: enough to find a request, without secrets, and safe against text
//! from strangers.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::support::{Client, PATIENCE, Server, Workplace, eventually, http, send};

/// Stops the server, so that its log is complete.
fn log_of(mut server: Server) -> String {
    let id = server.get("/auth/check").header("x-request-id").unwrap().to_owned();
    eventually("the last line", PATIENCE, || server.process.stderr().contains(&id).then_some(()));
    assert_eq!(server.stop(), Some(0));
    eventually("the end of the log", PATIENCE, || {
        server.process.stderr().contains("stopped").then_some(())
    });
    String::from_utf8(server.process.stderr_bytes()).unwrap()
}

/// Sends raw bytes and ignores the response.
fn send_raw(server: &Server, bytes: &[u8]) {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // The server may have answered and closed before it has read all.
    stream.write_all(bytes).ok();
    stream.shutdown(std::net::Shutdown::Write).ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok();
}

fn wrong(client: &Client) -> Client {
    Client { id: client.id.clone(), secret: "mts_wrong".to_owned() }
}

/// Finding 7: the log shows an operator which parameter `/auth/check` rejected.
#[test]
fn a_parameter_that_a_check_does_not_accept_is_logged() {
    let work = Workplace::with_tables();
    let client = work.create_client(&[]);
    let server = Server::start(&work);
    let (token, secret) = (server.token(&client), client.secret.clone());
    for query in ["scopes=admin", "scope=", "env=live&env=test", "x%0Ay=1", &secret] {
        let request = http().get(server.url(&format!("/auth/check?{query}"))).bearer_auth(&token);
        assert_eq!(send(request).unwrap().status, 403, "{query}");
    }
    let log = log_of(server);
    for named in [
        "unknown parameter: scopes",
        "empty parameter: scope",
        "repeated parameter: env",
        "unknown parameter: x\\u{a}y",
        "unknown parameter: (a long name)",
    ] {
        assert!(log.contains(named), "{named}:\n{log}");
    }
    assert!(!log.contains(&secret), "{log}");
}

#[test]
fn a_refused_request_is_found_by_its_id() {
    let work = Workplace::with_tables();
    let client = work.create_client(&[]);
    let server = Server::start(&work);
    let nobody = Client { id: "nobody".to_owned(), secret: "x".to_owned() };
    let form = |body: &'static str| {
        let request =
            http().post(server.url("/oauth/token")).basic_auth(&client.id, Some(&client.secret));
        let request =
            request.header("content-type", "application/x-www-form-urlencoded").body(body);
        send(request).unwrap()
    };
    let refused = [
        server.ask_for_token(&wrong(&client)),
        server.ask_for_token(&nobody),
        form("grant_type=client_credentials&scope=unheard-of"),
        form("grant_type=password"),
        form("grant_type=%zz"),
        server.me("not.a.token"),
        server.get("/api/v1/users/me"),
        server.get("/auth/check?scope=read"),
    ];
    let mut ids: Vec<String> = Vec::new();
    for answer in &refused {
        assert!((400..500).contains(&answer.status), "{answer:?}");
        ids.push(answer.header("x-request-id").unwrap().to_owned());
    }
    let log = log_of(server);
    for (id, answer) in ids.iter().zip(&refused) {
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(id)).collect();
        assert!(
            matches!(lines.as_slice(), [line] if line.contains(&answer.status.to_string())),
            "one line for {answer:?}: {lines:?}\n{log}"
        );
    }
    // Successful requests are not logged, and each request has an id of its own.
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), refused.len());
}

/// The log distinguishes reasons that the response does not.
#[test]
fn the_log_says_what_was_wrong() {
    let work = Workplace::with_tables();
    let client = work.create_client(&[]);
    let server = Server::start(&work);
    let nobody = Client { id: "nobody".to_owned(), secret: "mts_wrong".to_owned() };
    let mut ids = Vec::new();
    for asked in [&wrong(&client), &nobody] {
        ids.push(server.ask_for_token(asked).header("x-request-id").unwrap().to_owned());
    }
    work.run(&["client", "disable", &client.id]).succeeded();
    let id = eventually("it is disabled", PATIENCE, || {
        let answer = server.ask_for_token(&client);
        (answer.status == 401).then(|| answer.header("x-request-id").unwrap().to_owned())
    });
    ids.push(id);
    let log = log_of(server);
    for (id, words) in ids.iter().zip(["wrong secret", "unknown client", "disabled client"]) {
        let line = log.lines().find(|line| line.contains(id)).unwrap();
        assert!(line.contains(words), "{line}");
    }
}

/// Sends everything that a stranger can, with characters that would break lines or color a
/// terminal.
fn send_what_breaks_lines(server: &Server, client: &Client) {
    const EVIL: &str = "%0d%0aforged%1b%5b31mred%e2%80%aeback";
    let plain = "\r\nforged\u{1b}[31mred\u{202e}back";
    for body in [
        format!("grant_type=client_credentials&client_id={EVIL}&client_secret={EVIL}"),
        format!("grant_type={EVIL}&client_id={}&client_secret={}", client.id, client.secret),
        format!("{EVIL}={EVIL}&grant_type=client_credentials"),
        format!(
            "grant_type=client_credentials&scope={EVIL}&resource={EVIL}&client_id={}&client_secret={}",
            client.id, client.secret
        ),
        plain.to_owned(),
    ] {
        let request = http()
            .post(server.url(&format!("/oauth/token?x={EVIL}")))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.clone());
        send(request).unwrap();
        let request = http()
            .post(server.url("/oauth/token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        send(request).unwrap();
    }
    let basic = STANDARD.encode(format!("{plain}:{plain}"));
    for head in [
        format!("POST /oauth/token HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {basic}\r\nContent-Length: 0\r\n\r\n"),
        format!("GET /{EVIL}?{EVIL} HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("GET /oauth/{EVIL} HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("GET /auth/check?scope={EVIL}&resource={EVIL} HTTP/1.1\r\nHost: x\r\n\r\n"),
        "GET /api/v1/users/me HTTP/1.1\r\nHost: x\r\nUser-Agent: \u{1b}[31mred\u{202e}\r\nX-Request-Id: forged\r\n\r\n".to_owned(),
        "GET /api/v1/users/me HTTP/1.1\r\nHost: \u{1b}[31mred\r\nAuthorization: Bearer \u{1b}[31mred\r\n\r\n".to_owned(),
        "\u{1b}[31mGET / HTTP/1.1\r\n\r\n".to_owned(),
        "GET /\u{1b}[31mred HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: x\r\n \u{1b}[31mfolded\r\n\r\n".to_owned(),
    ] {
        send_raw(server, head.replace("HTTP/1.1\r\n", "HTTP/1.1\r\nConnection: close\r\n").as_bytes());
    }
    // Also in a token.
    let part = |json: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json);
    let header = format!("{{\"typ\":\"at+jwt\",\"alg\":\"ES256{plain}\",\"kid\":\"{plain}\"}}");
    for header in [header, plain.to_owned()] {
        server.me(&format!("{}.{}.{}", part(&header), part(plain), part(plain)));
    }
}

/// SEC-6
#[test]
fn strangers_cannot_write_lines_of_the_log() {
    let work = Workplace::with_tables().with("MINTERY_LOG", "trace");
    let client = work.create_client(&["--id", "evil"]);
    let server = Server::start(&work);
    send_what_breaks_lines(&server, &client);
    let log = log_of(server);
    for line in log.split('\n').filter(|line| !line.is_empty()) {
        assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}'), "{line:?}");
        let is_a_line =
            line.len() > 25 && line.as_bytes()[4] == b'-' && line.as_bytes()[10] == b'T';
        assert!(is_a_line, "{line:?}");
    }
}

/// SEC-6
#[test]
fn a_log_in_json_has_an_object_a_line() {
    let work =
        Workplace::with_tables().with("MINTERY_LOG_FORMAT", "json").with("MINTERY_LOG", "trace");
    let client = work.create_client(&["--id", "evil"]);
    let server = Server::start(&work);
    send_what_breaks_lines(&server, &client);
    let id = server.me("not.a.token").header("x-request-id").unwrap().to_owned();
    let log = log_of(server);
    let mut is_found = false;
    for line in log.lines() {
        let object: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        for member in ["time", "level", "target", "message"] {
            assert!(object[member].is_string(), "{line}");
        }
        is_found |= object["message"].as_str().unwrap().contains(&id);
    }
    assert!(is_found, "{log}");
}

/// SEC-5
#[test]
fn no_secret_is_in_the_log() {
    let work = Workplace::with_tables().with("MINTERY_LOG", "trace");
    let client = work.create_client(&[]);
    let server = Server::start(&work);
    let token = server.token(&client);
    server.me(&token);
    let secret = &client.secret;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &client.id),
        ("client_secret", secret),
    ];
    send(http().post(server.url("/oauth/token")).form(&form)).unwrap();
    // Common mistakes of users.
    let query = format!("/oauth/token?client_id={}&client_secret={secret}", client.id);
    send(http().post(server.url(&query)).form(&form)).unwrap();
    server.get(&format!("/api/v1/users/me?access_token={token}"));
    server.get(&format!("/auth/check?access_token={token}&scope={secret}"));
    server.me(secret);
    server.me(&format!("{token}x"));
    let wrong_fields = [
        ("grant_type", secret.as_str()),
        ("client_id", secret),
        ("client_secret", &client.id),
        ("scope", secret),
        (secret, secret),
    ];
    send(http().post(server.url("/oauth/token")).form(&wrong_fields)).unwrap();
    let both =
        http().post(server.url("/oauth/token")).basic_auth(&client.id, Some(secret)).form(&form);
    send(both).unwrap();

    let master_key = std::fs::read_to_string(work.path("keys/master.key")).unwrap();
    let basic = STANDARD.encode(format!("{}:{secret}", client.id));
    let signature = token.rsplit('.').next().unwrap().to_owned();
    let log = log_of(server);
    // The part of the secret that is never shown.
    for (what, hidden) in [
        ("secret", &secret[4..40]),
        ("Basic", &basic[basic.len() - 40..]),
        ("token", &token),
        ("signature", &signature),
        ("master key", master_key.trim()),
    ] {
        let line = log.lines().find(|line| line.contains(hidden));
        assert_eq!(line, None, "{what}");
    }
}

/// SEC-5
#[test]
fn no_secret_in_the_wrong_place_of_an_administrative_request_is_in_the_log() {
    let work = Workplace::with_tables().with("MINTERY_LOG", "trace");
    let scopes = "read mintery:clients:read mintery:keys:write";
    let client = work.create_client_for(scopes, &[]);
    let ran = work
        .run(&["key", "create", "--name", "x", "--owner", &client.id, "--scope", scopes])
        .succeeded();
    let key = ran.stdout.trim_end();
    let server = Server::start(&work);
    for secret in [key, &client.secret] {
        for body in [
            format!(r#"{{"name":"x","owner":"{secret}"}}"#),
            format!(r#"{{"name":"x","scope":"{secret}"}}"#),
        ] {
            let request =
                http().post(server.url("/api/v1/keys")).header("content-type", "application/json");
            assert_eq!(send(request.header("X-API-Key", key).body(body)).unwrap().status, 400);
        }
        let request =
            http().get(server.url(&format!("/api/v1/clients/{secret}"))).header("X-API-Key", key);
        assert_eq!(send(request).unwrap().status, 404);
    }
    let log = log_of(server);
    for secret in [key, &client.secret] {
        let line = log.lines().find(|line| line.contains(&secret[9..45]));
        assert_eq!(line, None);
    }
    assert!(log.contains("mtk_live_…") && log.contains("mts_…"), "{log}");
}

/// SEC-5
#[test]
fn no_secret_in_the_address_of_a_page_is_in_the_log() {
    const PASSWORD: &str = "lorry-Umbrella-7-quince";
    let work = Workplace::with_tables().with("MINTERY_LOG", "trace");
    let client = work.create_client(&[]);
    let create = ["user", "create", "--username", "ann", "--role", "admin", "--password", "-"];
    work.run_with_input(&create, PASSWORD.as_bytes()).succeeded();
    let key = work.run(&["key", "create", "--name", "x", "--owner", &client.id]).succeeded();
    let key = key.stdout.trim_end();
    let server = Server::start(&work);
    let log_in = format!(r#"{{"username":"ann","password":"{PASSWORD}"}}"#);
    let request =
        http().post(server.url("/api/v1/session")).header("content-type", "application/json");
    let answer = send(request.body(log_in)).unwrap();
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let value = &cookie["session=".len()..];
    for secret in [key, &client.secret, value] {
        for place in ["/dashboard/clients", "/api/v1/clients"] {
            let request = http().get(server.url(&format!("{place}/{secret}")));
            let answer = send(request.header("cookie", cookie.as_str())).unwrap();
            assert_eq!(answer.status, 404);
            assert!(!answer.body.contains(secret), "{}", answer.body);
        }
    }
    let log = log_of(server);
    for secret in [key, &client.secret, value, PASSWORD] {
        assert_eq!(log.lines().find(|line| line.contains(secret)), None);
    }
}

/// SEC-5
#[test]
fn no_secret_is_in_what_is_counted() {
    let work = Workplace::with_tables();
    let client = work.create_client(&[]);
    let server = Server::start(&work);
    server.token(&client);
    server.ask_for_token(&wrong(&client));
    let metrics = server.get("/metrics").body;
    assert!(metrics.contains("mintery_"));
    assert!(!metrics.contains("mts_") && !metrics.contains(&client.id), "{metrics}");
}

/// SEC-1: the logged address is that of the connection, unless the settings trust the peer as a
/// proxy.
#[test]
fn forwarded_headers_count_from_trusted_proxies_alone() {
    for (trusted, expected) in
        [("", "127.0.0.1"), ("192.0.2.0/24", "127.0.0.1"), ("127.0.0.1", "198.51.100.7")]
    {
        let work = Workplace::with_tables().with("MINTERY_TRUSTED_PROXIES", trusted);
        let server = Server::start(&work);
        let mut ids = Vec::new();
        for (name, value) in [
            ("x-forwarded-for", "203.0.113.9, 198.51.100.7"),
            ("forwarded", "for=203.0.113.9, for=\"198.51.100.7:4711\";proto=https"),
        ] {
            for path in ["/oauth/token", "/api/v1/users/me", "/auth/check", "/api/v1/clients"] {
                let url = server.url(path);
                let request =
                    if path == "/oauth/token" { http().post(url) } else { http().get(url) };
                let headers =
                    [(name, value), ("x-real-ip", "203.0.113.9"), ("x-original-uri", "/else")];
                let request = headers
                    .iter()
                    .fold(request, |request, (name, value)| request.header(*name, *value));
                ids.push(send(request).unwrap().header("x-request-id").unwrap().to_owned());
            }
        }
        let log = log_of(server);
        for id in ids {
            let line = log.lines().find(|line| line.contains(&id)).unwrap();
            assert!(line.contains(&format!(" from {expected}: ")), "trusted: {trusted}: {line}");
        }
    }
}

/// Finding 2: a proxy that the settings do not name is reported once.
#[test]
fn an_unknown_proxy_is_logged_once() {
    for (trusted, times) in [("", 1), ("192.0.2.1", 1), ("127.0.0.1", 0)] {
        let work = Workplace::with_tables().with("MINTERY_TRUSTED_PROXIES", trusted);
        let server = Server::start(&work);
        for path in ["/api/v1/users/me", "/auth/check", "/api/v1/users/me"] {
            let request = http().get(server.url(path)).bearer_auth("x");
            send(request.header("x-forwarded-for", "198.51.100.7")).unwrap();
        }
        let log = log_of(server);
        let lines = log.lines().filter(|line| line.contains("`trusted_proxies`"));
        assert_eq!(lines.count(), times, "{trusted}: {log}");
    }
}

#[test]
fn starting_and_stopping_is_logged() {
    let work = Workplace::with_tables();
    let server = Server::start(&work);
    let address = server.address;
    let log = log_of(server);
    for words in
        [format!("listening on http://{address}"), "stopping".to_owned(), "stopped".to_owned()]
    {
        assert!(log.contains(&words), "{words}: {log}");
    }
    assert!(!log.contains("panicked"), "{log}");
}
