//! `POST /oauth/token`: how a client authenticates.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE};

use crate::support::answer::Answer;
use crate::support::app::{TestApp, TestClient, basic, new_client};

const FORM: &str = "application/x-www-form-urlencoded";
const GRANT: &str = "grant_type=client_credentials";

async fn with_header(app: &TestApp, authorization: &str) -> Answer {
    app.post_token(&[("content-type", FORM), ("authorization", authorization)], GRANT).await
}

async fn with_form(app: &TestApp, id: &str, secret: &str) -> Answer {
    app.form(&[("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)])
        .send()
        .await
}

/// A well-formed secret that no client has.
async fn foreign_secret(app: &TestApp) -> String {
    app.client("").await.secret
}

/// 6749-3
#[actix_web::test]
async fn two_ways_of_authenticating_are_refused() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let other = app.client("read").await;

    let same = app.token(&client).field("client_id", &client.id).send().await;
    same.assert_token("an equal client_id beside Basic");

    let both = |id: &str, secret: &str| {
        app.token(&client).field("client_secret", secret).field("client_id", id).send()
    };
    for (what, answer) in [
        ("the same credentials twice", both(&client.id, &client.secret).await),
        ("another client in the form", both(&other.id, &other.secret).await),
        ("a wrong secret in the form", both(&client.id, "x").await),
        (
            "a secret without id",
            app.token(&client).field("client_secret", &client.secret).send().await,
        ),
        ("a different client_id", app.token(&client).field("client_id", &other.id).send().await),
        ("a client_id of nobody", app.token(&client).field("client_id", "MARKER").send().await),
        (
            "a client_id with a blank",
            app.token(&client).field("client_id", &format!("{} ", client.id)).send().await,
        ),
    ] {
        answer.assert_oauth_error(400, "invalid_request", what);
        answer.assert_no_echo("MARKER", what);
    }
    // An assertion is an authentication method, even an unsupported one.
    let assertion = app
        .token(&client)
        .field("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
        .field("client_assertion", "e30.e30.AA")
        .send()
        .await;
    assertion.assert_oauth_error(400, "invalid_request", "an assertion beside Basic");
}

/// R21: an unsupported method of authentication is `invalid_client` (RFC 6749 §5.2).
#[actix_web::test]
async fn an_assertion_alone_fails_the_authentication() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    for path in ["/oauth/token", "/oauth/introspect", "/oauth/revoke", "/oauth/revocations"] {
        for fields in [
            &[("client_assertion_type", kind), ("client_assertion", "e30.e30.AA")][..],
            &[("client_assertion", "e30.e30.AA")],
            &[("client_assertion_type", kind)],
            &[("client_assertion", "e30.e30.AA"), ("client_id", &client.id)],
        ] {
            let fields =
                [("grant_type", "client_credentials"), ("token", "x")].iter().chain(fields);
            let request = app.request(reqwest::Method::POST, path);
            let answer = Answer::of(request.form(&fields.collect::<Vec<_>>())).await;
            answer.assert_oauth_error(401, "invalid_client", path);
        }
        let fields = [("client_assertion", "x"), ("client_id", &client.id)];
        let both = app.request(reqwest::Method::POST, path).form(
            &[
                &[("client_secret", client.secret.as_str()), ("grant_type", "client_credentials")]
                    [..],
                &fields,
            ]
            .concat(),
        );
        Answer::of(both).await.assert_oauth_error(400, "invalid_request", path);
    }
}

/// 6749-3
#[actix_web::test]
async fn two_authorization_headers_are_refused() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let line = format!("Authorization: {}", client.basic());
    let form = b"Content-Type: application/x-www-form-urlencoded";
    let one = app.raw_token(&[form, line.as_bytes()], GRANT.as_bytes()).await;
    one.assert_token("one header");
    // R12: gateways leave an empty header where they remove a credential.
    for empty in ["authorization:", "Authorization:  "] {
        for headers in
            [[form, line.as_bytes(), empty.as_bytes()], [form, empty.as_bytes(), line.as_bytes()]]
        {
            app.raw_token(&headers, GRANT.as_bytes()).await.assert_token(empty);
        }
        let in_form = format!("{GRANT}&client_id={}&client_secret={}", client.id, client.secret);
        app.raw_token(&[form, empty.as_bytes()], in_form.as_bytes()).await.assert_token(empty);
        let nothing = app.raw_token(&[form, empty.as_bytes()], GRANT.as_bytes()).await;
        nothing.assert_oauth_error(401, "invalid_client", empty);
    }
    for second in [line.as_str(), "Authorization: Bearer x", "Authorization: Basic Og=="] {
        let answer =
            app.raw_token(&[form, line.as_bytes(), second.as_bytes()], GRANT.as_bytes()).await;
        answer.assert_oauth_error(400, "invalid_request", second);
    }
}

/// 6749-2
#[actix_web::test]
async fn credentials_in_the_uri_are_refused() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let (id, secret) = (&client.id, &client.secret);
    let post = async |query: &str, body: &str| {
        let path = format!("/oauth/token?{query}");
        let request = app
            .request(reqwest::Method::POST, &path)
            .header("content-type", FORM)
            .body(body.to_owned());
        Answer::of(request).await
    };
    let in_body = format!("{GRANT}&client_id={id}&client_secret={secret}");
    for query in [
        format!("client_id={id}&client_secret={secret}"),
        format!("client_secret={secret}"),
        format!("client%5Fsecret={secret}"),
        format!("client_id={id}"),
        "client_assertion=e30.e30.AA".to_owned(),
        "access_token=e30.e30.AA".to_owned(),
    ] {
        for body in [GRANT, &in_body] {
            let answer = post(&query, body).await;
            answer.assert_oauth_error(400, "invalid_request", &query);
            answer.assert_no_echo(secret, &query);
        }
    }
    let whole = post(&format!("{GRANT}&client_id={id}&client_secret={secret}"), "").await;
    whole.assert_oauth_error(400, "invalid_request", "everything in the URI");
    // Parameters that are not credentials are ignored, as RFC 6749 §3.2 asks.
    post("tenant=7", &in_body).await.assert_token("an unknown parameter in the URI");
    let scope = post("scope=admin", &in_body).await;
    assert_eq!(scope.scope(), "read", "a scope in the URI is not used");
}

/// 6749-7, 6749-14
#[actix_web::test]
async fn a_malformed_basic_header_is_no_authentication() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let pair = format!("{}:{}", client.id, client.secret);
    let good = client.basic();
    let encoded = good.strip_prefix("Basic ").unwrap();
    let bad = [
        String::new(),
        "Basic".to_owned(),
        "Basic ".to_owned(),
        "Basic MARKER".to_owned(),
        "Basic ****".to_owned(),
        format!("Basic {pair}"),
        format!("Basic{encoded}"),
        format!("Basic: {encoded}"),
        format!("Basic {encoded}="),
        format!("Basic {encoded} x"),
        format!("Bearer {encoded}"),
        format!("Bearer {}", client.secret),
        format!("DPoP {encoded}"),
        format!("Digest username=\"{}\"", client.id),
        encoded.to_owned(),
        basic("MARKER"),
        basic(""),
        basic(":"),
        basic(format!(":{}", client.secret)),
        basic(format!("{}:", client.id)),
        basic(format!("{}{}", client.id, client.secret)),
        basic([pair.as_bytes(), b"\xff"].concat()),
        basic([b"\xff", pair.as_bytes()].concat()),
        basic(format!("{pair}\n")),
        basic(format!("{pair}\0")),
        basic(format!("\u{feff}{pair}")),
        basic(format!(" {pair}")),
        basic(format!("{pair} ")),
        basic(format!("{}: {}", client.id, client.secret)),
        basic(format!("{}%00:{}", client.id, client.secret)),
        basic(format!("{}:{}%", client.id, client.secret)),
        basic(format!("{}:{}%zz", client.id, client.secret)),
        basic(format!("{}:{}%ff", client.id, client.secret)),
    ];
    for header in bad {
        let answer = with_header(&app, &header).await;
        answer.assert_oauth_error(401, "invalid_client", &header);
        answer.assert_no_echo("MARKER", &header);
        answer.assert_no_echo(&client.secret, &header);
    }
    // Bytes that are not text.
    let form = format!("Content-Type: {FORM}");
    for line in [&b"Authorization: \xff\xfe"[..], b"Authorization: Basic \xc3\xa9"] {
        let answer = app.raw_token(&[form.as_bytes(), line], GRANT.as_bytes()).await;
        answer.assert_oauth_error(401, "invalid_client", &line.escape_ascii().to_string());
    }
    // The scheme has no case (RFC 9110 §11.1).
    for scheme in ["basic", "BASIC", "bAsIc"] {
        with_header(&app, &format!("{scheme} {encoded}")).await.assert_token(scheme);
    }
}

/// 6749-7: non-canonical but unambiguous base64 may be accepted or rejected; it never causes a 500.
#[actix_web::test]
async fn sloppy_base64_is_taken_or_refused() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let pair = format!("{}:{}", client.id, client.secret);
    for encoded in [STANDARD_NO_PAD.encode(&pair), URL_SAFE.encode(&pair)] {
        let answer = with_header(&app, &format!("Basic {encoded}")).await;
        assert!(matches!(answer.status, 200 | 401), "{answer:?}");
    }
}

/// 6749-7: form-encoded as the RFC asks, and raw as many clients send it.
#[actix_web::test]
async fn special_characters_in_basic_are_read_both_ways() {
    let app = TestApp::spawn().await;
    let table = [
        // The id, then its forms before the colon in the header.
        ("a b:c%+", &["a+b%3Ac%25%2B", "a%20b%3ac%25%2b"][..]),
        ("a b%+c", &["a b%+c", "a+b%25%2Bc", "a%20b%25%2Bc"]),
        ("a+b", &["a+b", "a%2Bb"]),
        ("a%41b", &["a%41b", "a%2541b"]),
        ("plain~id!*'()", &["plain~id!*'()", "plain%7Eid%21%2A%27%28%29"]),
        (
            "https://client.example.com/x?y=z&q",
            &["https%3A%2F%2Fclient.example.com%2Fx%3Fy%3Dz%26q"],
        ),
        ("\"quoted\\", &["\"quoted\\", "%22quoted%5C"]),
    ];
    for (id, spellings) in table {
        let client = app.client_with_id(id, "read").await;
        for spelling in spellings {
            let answer = with_header(&app, &basic(format!("{spelling}:{}", client.secret))).await;
            answer.assert_token(spelling);
            let me = app.me(&answer.text("access_token")).await;
            assert_eq!(me.text("sub"), id, "{spelling}");
        }
        let wrong =
            with_header(&app, &basic(format!("{}:{}", spellings[0], foreign_secret(&app).await)))
                .await;
        wrong.assert_oauth_error(401, "invalid_client", id);
        with_form(&app, id, &client.secret).await.assert_token(id);
        let named =
            app.form(&[("grant_type", "client_credentials"), ("client_id", id)]).send().await;
        named.assert_oauth_error(401, "invalid_client", id);
    }
    // A colon in a raw id splits too early.
    let answer = with_header(&app, &basic("a b:c%+:mts_x")).await;
    answer.assert_oauth_error(401, "invalid_client", "a raw colon");
}

/// 6749-7: two clients whose ids are each other's encoding are never confused.
#[actix_web::test]
async fn the_decoded_reading_comes_first_and_the_raw_one_still_counts() {
    let app = TestApp::spawn().await;
    let decoded = app.client_with_id("a b", "read").await;
    let raw = app.client_with_id("a+b", "write").await;
    let answer = with_header(&app, &basic(format!("a+b:{}", decoded.secret))).await;
    assert_eq!(answer.scope(), "read", "{answer:?}");
    let answer = with_header(&app, &basic(format!("a+b:{}", raw.secret))).await;
    assert_eq!(answer.scope(), "write", "{answer:?}");
}

/// 6749-3, 6749-7: of two readings, the one that authenticates must be the client that is named
/// beside it.
#[actix_web::test]
async fn a_client_that_is_named_is_the_one_that_authenticates() {
    let app = TestApp::spawn().await;
    let decoded = app.client_with_id("p q", "read").await;
    let raw = app.client_with_id("p+q", "write").await;
    for (secret, named, status) in [
        (&decoded.secret, "p q", 200),
        (&raw.secret, "p+q", 200),
        (&decoded.secret, "p+q", 400),
        (&raw.secret, "p q", 400),
    ] {
        let header = basic(format!("p+q:{secret}"));
        let body = format!("{GRANT}&client_id={}", named.replace('+', "%2B").replace(' ', "+"));
        let answer =
            app.post_token(&[("content-type", FORM), ("authorization", &header)], body).await;
        assert_eq!(answer.status, status, "{named}: {answer:?}");
        if status == 400 {
            answer.assert_oauth_error(400, "invalid_request", named);
        }
    }
}

/// 6749-8
#[actix_web::test]
async fn ids_and_secrets_are_of_printable_ascii() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let (id, secret) = (client.id.as_str(), client.secret.as_str());
    for bad in ["\u{1f}", "\u{7f}", "\t", "é", "\u{200b}", "\r\nX-Injected: 1"] {
        for (id, secret) in [
            (format!("{id}{bad}"), secret.to_owned()),
            (id.to_owned(), format!("{secret}{bad}")),
            (format!("MARKER{bad}"), format!("MARKER{bad}")),
        ] {
            let input = format!("{id:?} {secret:?}");
            let answer = with_form(&app, &id, &secret).await;
            assert!(matches!(answer.status, 400 | 401), "{input}: {answer:?}");
            let code = if answer.status == 400 { "invalid_request" } else { "invalid_client" };
            answer.assert_oauth_error(answer.status, code, &input);
            answer.assert_no_echo("MARKER", &input);
            assert!(answer.headers.get("x-injected").is_none(), "{input}");
            let answer = with_header(&app, &basic(format!("{id}:{secret}"))).await;
            answer.assert_oauth_error(401, "invalid_client", &input);
        }
    }
}

/// 6749-12, 6749-14
#[actix_web::test]
async fn only_confidential_clients_are_served() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let nobody = app.form(&[("grant_type", "client_credentials")]).send().await;
    nobody.assert_oauth_error(401, "invalid_client", "no credentials");
    let id_only =
        app.form(&[("grant_type", "client_credentials"), ("client_id", &client.id)]).send().await;
    id_only.assert_oauth_error(401, "invalid_client", "an id alone");
    let empty = with_form(&app, &client.id, "").await;
    empty.assert_oauth_error(401, "invalid_client", "an empty secret");
    assert_eq!(id_only.fingerprint(), empty.fingerprint());
}

/// SEC-4, 6749-14: a rejected client learns nothing about the reason.
#[actix_web::test]
async fn all_refusals_of_a_client_look_alike() {
    let app = TestApp::spawn().await;
    let wrong = foreign_secret(&app).await;
    let client = app.client("read").await;
    let disabled = app.client("read").await;
    app.disable(&disabled).await;
    let deleted = app.client("read").await;
    app.delete(&deleted).await;
    let mut new = new_client("read");
    new.secret_expires_in = Some(Duration::from_mins(1));
    let expired = app.create(new).await;
    app.clock.advance(Duration::from_mins(1));

    let with_secret = |client: &TestClient, secret: &str| TestClient {
        secret: secret.to_owned(),
        ..client.clone()
    };
    let unknown = TestClient { id: "mc_0000000000000000000000".to_owned(), ..client.clone() };
    let mut checksum = client.secret.clone();
    checksum.replace_range(52.., if checksum.ends_with('0') { "1" } else { "0" });
    let table = [
        ("an unknown client", unknown.clone()),
        ("an unknown client, chosen secret", with_secret(&unknown, "hunter2")),
        ("an id of another form", TestClient { id: "x".to_owned(), ..client.clone() }),
        ("a wrong secret", with_secret(&client, &wrong)),
        ("a chosen secret", with_secret(&client, "hunter2")),
        ("a secret with a wrong checksum", with_secret(&client, &checksum)),
        ("a secret in upper case", with_secret(&client, &client.secret.to_uppercase())),
        ("a longer secret", with_secret(&client, &format!("{}0", client.secret))),
        ("a disabled client", disabled.clone()),
        ("a disabled client, wrong secret", with_secret(&disabled, &wrong)),
        ("a deleted client", deleted),
        ("an expired secret", expired.clone()),
    ];
    let first = app.token(&unknown).send().await;
    for (what, client) in &table {
        let answer = app.token(client).send().await;
        answer.assert_oauth_error(401, "invalid_client", what);
        assert_eq!(answer.fingerprint(), first.fingerprint(), "{what}");
        let form = with_form(&app, &client.id, &client.secret).await;
        assert_eq!(form.fingerprint(), first.fingerprint(), "{what}, in the form");
        form.assert_no_echo(&client.secret, what);
    }
    app.token(&client).send().await.assert_token("the client itself");
}

/// A secret is valid until the moment it expires.
#[actix_web::test]
async fn a_secret_expires() {
    let app = TestApp::spawn().await;
    let mut new = new_client("read");
    new.secret_expires_in = Some(Duration::from_mins(1));
    let client = app.create(new).await;
    app.token(&client).send().await.assert_token("at first");
    app.clock.advance(Duration::from_millis(59_999));
    app.token(&client).send().await.assert_token("a millisecond before");
    app.clock.advance(Duration::from_millis(1));
    app.token(&client).send().await.assert_oauth_error(401, "invalid_client", "at the moment");
}
