//! `auth check` and `token …`.

use super::{begin, create_key};
use crate::support::caller::{Caller, Stranger};
use crate::support::{ISSUER, PATIENCE, Server, Workplace, eventually};

#[test]
fn a_check_reports_the_validity_of_a_credential() {
    let (work, server, caller) = begin();
    let client = work.create_client(&[]);
    caller.login_as(&server, &client).succeeded();
    for command in [&["auth", "check"][..], &["auth/check"]] {
        let run = |more: &[&str]| caller.run(&[command, more].concat());
        assert!(run(&[]).succeeded().stdout.contains("OK"));
        assert!(run(&["--scope", "write read"]).succeeded().stdout.contains("OK"));
        let json = run(&["--scope", "read", "-o", "json"]).succeeded().json();
        assert_eq!(
            (&json["sub"], &json["kind"], &json["scope"]),
            (&client.id.as_str().into(), &"client".into(), &"read".into())
        );
        run(&["--scope", "read delete"]).ended_with(4, &["scope"]);
        run(&["--resource", "https://other.example"]).ended_with(4, &["resource"]);
        run(&["--scope", "a  b"]).was_misused();
        run(&["--resource", "/x"]).was_misused();
    }
    let key = create_key(&work, &client, &["--scope", "read"]);
    caller.login(&server.url(""), key["key"].as_str().unwrap()).succeeded();
    let json = caller.run(&["auth", "check", "--scope", "read", "-o", "json"]).succeeded().json();
    assert_eq!(json["kind"], "api_key");
    caller.run(&["auth", "check", "--scope", "read write"]).ended_with(4, &["write"]);
    caller.run(&["auth", "check", "--resource", "https://other.example"]).ended_with(3, &[]);
    work.run(&["key", "revoke", key["id"].as_str().unwrap()]).succeeded();
    let refused = |arguments: &[&str]| caller.run(arguments);
    eventually("the key is refused", PATIENCE, || {
        (refused(&["auth", "check"]).code == Some(3)).then_some(())
    });
    refused(&["whoami"]).ended_with(3, &["API key", "request "]);
}

#[test]
fn a_client_gets_a_token_and_looks_at_it() {
    let (work, server, caller) = begin();
    let client = work.create_client(&[]);
    caller.login_as(&server, &client).succeeded();
    let got = caller.run(&["token", "get", "--scope", "read"]).succeeded();
    let token = got.stdout.trim_end().to_owned();
    assert_eq!(got.stdout, format!("{token}\n"));
    assert_eq!(server.me(&token).json()["scope"], "read");
    let whole = caller.run(&["token", "get", "-o", "json"]).succeeded().json();
    assert_eq!((&whole["token_type"], &whole["expires_in"]), (&"Bearer".into(), &3600.into()));
    caller
        .run(&["token", "get", "--scope", "mintery:clients:read"])
        .ended_with(4, &["invalid_scope"]);

    let with_token = |arguments: &[&str]| {
        caller.work.run_with_input(arguments, format!(" {token}\n").as_bytes())
    };
    let told = with_token(&["token", "introspect", "-", "-o", "json"]).succeeded().json();
    assert_eq!((&told["active"], &told["scope"]), (&true.into(), &"read".into()));
    let told = with_token(&["token", "introspect"]).succeeded().stdout;
    assert!(told.contains(&client.id) && told.contains("UTC"), "{told}");

    let said = with_token(&["token", "decode", "-o", "json"]).succeeded();
    let json = said.json();
    assert_eq!(
        (&json["header"]["typ"], &json["claims"]["iss"]),
        (&"at+jwt".into(), &ISSUER.into())
    );
    assert!(said.stderr.contains("not verified"), "{said:?}");
    let said = with_token(&["token", "decode"]).succeeded();
    assert!(said.stdout.contains("at+jwt") && said.stdout.contains("UTC"), "{said:?}");

    let good = with_token(&["token", "verify", "-o", "json", "--scope", "read"]).succeeded().json();
    assert_eq!((&good["sub"], &good["iss"]), (&client.id.as_str().into(), &ISSUER.into()));
    assert!(with_token(&["token", "verify"]).succeeded().stdout.contains("VALID"));
    with_token(&["token", "verify", "--scope", "read write"]).ended_with(4, &["write"]);
    with_token(&["token", "verify", "--audience", "https://other.example"])
        .ended_with(3, &["audience"]);
    let (body, signature) = token.rsplit_once('.').unwrap();
    let forged = format!("{body}.{}", signature.chars().rev().collect::<String>());
    caller.run(&["token", "verify", &forged]).ended_with(3, &["the token is invalid"]);
    caller.run(&["token", "verify", "nonsense"]).ended_with(3, &["malformed"]);

    with_token(&["token", "revoke"]).succeeded();
    assert_eq!(server.me(&token).status, 401);
    with_token(&["token", "introspect"]).ended_with(3, &["not active"]);
    let told = with_token(&["token", "introspect", "-o", "json"]);
    assert_eq!((told.code, told.stdout.as_str()), (Some(3), "{\n  \"active\": false\n}\n"));
}

#[test]
fn an_expired_credential_is_refused() {
    let (work, server, caller) = begin();
    let client = work.create_client(&["--ttl", "1"]);
    let key = create_key(&work, &client, &["--expires", "1"])["key"].as_str().unwrap().to_owned();
    caller.login_as(&server, &client).succeeded();
    let token = server.token(&client);
    eventually("the token expires", PATIENCE, || {
        let ran = caller.work.run_with_input(&["token", "verify"], token.as_bytes());
        (ran.code == Some(3)).then(|| ran.ended_with(3, &["invalid: expired"]))
    });
    caller
        .work
        .run_with_input(&["token", "introspect"], token.as_bytes())
        .ended_with(3, &["not active"]);
    caller.login(&server.url(""), &token).ended_with(3, &["expired"]);
    eventually("the key expires", PATIENCE, || {
        (caller.login(&server.url(""), &key).code == Some(3)).then_some(())
    });
}

#[test]
fn a_token_of_anybody_is_decoded_and_nothing_else() {
    let caller = Caller::beside(&Workplace::new());
    // {"alg":"none"}, {"exp":1,"name":"\u001b[31m\u009b31m\u202e","big":99999999999999999999}
    let token = "eyJhbGciOiJub25lIn0.eyJleHAiOjEsIm5hbWUiOiJcdTAwMWJbMzFtXHUwMDliMzFtXHUyMDJlIiwiYmlnIjo5OTk5OTk5OTk5OTk5OTk5OTk5OX0.";
    let said = caller.run(&["token", "decode", token]).succeeded().shows_no_control_characters();
    assert!(said.stdout.contains("1970-01-01"), "{said:?}");
    let said = caller
        .run(&["token", "decode", "-o", "json", token])
        .succeeded()
        .shows_no_control_characters();
    assert_eq!(said.json()["claims"]["name"], "\u{1b}[31m\u{9b}31m\u{202e}");
    for nonsense in [
        "mtk_live_x",
        "a.b",
        "a.b.c",
        "e30.e30",
        "e30.W10.",
        "e30.e30=.",
        "a.b.c.d.e",
        "..",
        "é.e30.",
    ] {
        caller.run(&["token", "decode", nonsense]).ended_with(1, &[]);
    }
    caller.work.run_with_input(&["token", "decode"], &[0xff, b'.', b'.']).was_misused();
    caller.work.run_with_input(&["token", "decode"], &vec![b'x'; 1_000_000]).was_misused();
    caller.run(&["token", "decode"]).was_misused();
}

/// 8693-2
#[test]
fn a_token_for_an_api_key_is_good_where_the_key_is() {
    let work = Workplace::with_tables().with("MINTERY_API_KEYS__ENVIRONMENT", "any");
    work.create_client(&[]);
    let (server, caller) = (Server::start(&work), Caller::beside(&work));
    let owner = work.create_client(&[]);
    for (environment, elsewhere) in [("live", "test"), ("test", "live")] {
        let made = create_key(&work, &owner, &["--env", environment, "--scope", "read"]);
        caller.login(&server.url(""), made["key"].as_str().unwrap()).succeeded();
        let token = caller.run(&["token", "get"]).succeeded().stdout;
        let verify = |environment: &str| {
            let arguments = ["token", "verify", "-", "--env", environment, "-o", "json"];
            caller.work.run_with_input(&arguments, token.as_bytes())
        };
        let good = verify(environment).succeeded().json();
        assert_eq!(good["environment"], environment);
        assert_eq!(
            (good["sub"].as_str(), &good["client_id"], &good["scope"]),
            (Some(&*owner.id), &made["id"], &"read".into())
        );
        verify("any").succeeded();
        verify(elsewhere).ended_with(3, &["the token is invalid"]);
        caller.run(&["auth", "check", "--env", environment]).succeeded();
        caller.run(&["auth", "check", "--env", elsewhere]).ended_with(3, &["API key"]);
    }
    caller.run(&["auth", "check", "--env", "LIVE"]).ended_with(2, &["LIVE"]);
}

/// 8693-1
#[test]
fn an_api_key_is_sent_for_exchange() {
    let body = br#"{"access_token":"e30.e30.AAAA","token_type":"Bearer","expires_in":60,"issued_token_type":"urn:ietf:params:oauth:token-type:access_token"}"#;
    let server = Stranger::answering("200 OK", "Content-Type: application/json\r\n", body);
    let caller = Caller::beside(&Workplace::new())
        .with("MINTERY_URL", &server.url)
        .with("MINTERY_TOKEN", "mtk_live_x");
    let got = caller.run(&[
        "token",
        "get",
        "--scope",
        "read",
        "--resource",
        "https://a.example",
        "--resource",
        "https://b.example",
    ]);
    assert_eq!(got.succeeded().stdout, "e30.e30.AAAA\n");
    let requests = server.requests();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    let (head, form) = request.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("POST /oauth/token ")
            && !head.to_ascii_lowercase().contains("authorization"),
        "{head}"
    );
    assert_eq!(
        form,
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=mtk_live_x\
         &subject_token_type=urn%3Amintery%3Atoken-type%3Aapi-key&scope=read\
         &resource=https%3A%2F%2Fa.example&resource=https%3A%2F%2Fb.example"
    );
}
