//! `POST /oauth/token`: malformed requests, down to single bytes.

use reqwest::Method;

use crate::support::answer::Answer;
use crate::support::app::TestApp;

const FORM: &str = "application/x-www-form-urlencoded";

/// The maximum size of a body.
const MAX_BODY: usize = 64 * 1024;

/// 6749-1
#[actix_web::test]
async fn anything_but_post_is_405() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    for method in [
        Method::GET,
        Method::HEAD,
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
        Method::OPTIONS,
        Method::TRACE,
        Method::from_bytes(b"BREW").unwrap(),
    ] {
        let request = app
            .request(method.clone(), "/oauth/token")
            .header("authorization", client.basic())
            .form(&[("grant_type", "client_credentials")]);
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, 405, "{method}: {answer:?}");
        assert_eq!(answer.header("allow"), "POST", "{method}");
        if method != Method::HEAD {
            answer.assert_oauth_error(405, "invalid_request", method.as_str());
        }
    }
    // Nor with the parameters in the query, as for GET.
    let path = format!(
        "/oauth/token?grant_type=client_credentials&client_id={}&client_secret={}",
        client.id, client.secret
    );
    assert_eq!(app.get(&path).await.status, 405);
}

/// 6749-4
#[actix_web::test]
async fn a_parameter_given_twice_is_refused() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    for (name, value) in [
        ("grant_type", "client_credentials"),
        ("grant_type", "MARKER"),
        ("grant_type", ""),
        ("scope", "read"),
        ("unknown", "x"),
        ("client_id", client.id.as_str()),
    ] {
        let mut asking = app.token(&client);
        if name != "grant_type" {
            asking = asking.field(name, value);
        }
        let answer = asking.field(name, value).send().await;
        answer.assert_oauth_error(400, "invalid_request", name);
        answer.assert_no_echo("MARKER", name);
    }
    let secret_twice = app
        .form(&[
            ("grant_type", "client_credentials"),
            ("client_id", &client.id),
            ("client_secret", "x"),
            ("client_secret", &client.secret),
        ])
        .send()
        .await;
    secret_twice.assert_oauth_error(400, "invalid_request", "client_secret");
    let headers = [("content-type", FORM), ("authorization", &client.basic())];
    let encoded = app
        .post_token(&headers, "grant_type=client_credentials&grant%5Ftype=client_credentials")
        .await;
    encoded.assert_oauth_error(400, "invalid_request", "the same name, encoded");
}

/// 6749-6
#[actix_web::test]
async fn only_a_form_is_a_form() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let form = "grant_type=client_credentials";
    let basic = client.basic();
    for good in [
        FORM,
        "application/x-www-form-urlencoded;charset=UTF-8",
        "application/x-www-form-urlencoded; charset=utf-8",
        "application/x-www-form-urlencoded ; charset=\"utf-8\"",
        "APPLICATION/X-WWW-FORM-URLENCODED",
        "application/x-www-form-urlencoded;",
    ] {
        app.post_token(&[("content-type", good), ("authorization", &basic)], form)
            .await
            .assert_token(good);
    }
    let json = "{\"grant_type\":\"client_credentials\"}";
    for (bad, body) in [
        ("application/json", json),
        ("application/json", form),
        ("text/plain", form),
        ("multipart/form-data; boundary=x", "--x\r\n\r\n--x--"),
        ("application/x-www-form-urlencodedx", form),
        ("application/x-www-form", form),
        ("x-www-form-urlencoded", form),
        ("text/plain; application/x-www-form-urlencoded", form),
        ("application/x-www-form-urlencoded, application/json", form),
        ("application/jwt", form),
        ("MARKER/MARKER", form),
        ("", form),
        ("application/json", ""),
    ] {
        let answer =
            app.post_token(&[("content-type", bad), ("authorization", &basic)], body).await;
        assert!(matches!(answer.status, 400 | 415), "{bad}: {answer:?}");
        answer.assert_oauth_error(answer.status, "invalid_request", bad);
        answer.assert_no_echo("MARKER", bad);
    }
    let none = app.post_token(&[("authorization", &basic)], form).await;
    none.assert_oauth_error(none.status, "invalid_request", "no Content-Type");
}

/// 6749-6
#[actix_web::test]
async fn no_body_is_no_request() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let basic = client.basic();
    let empty = app.post_token(&[("content-type", FORM), ("authorization", &basic)], "").await;
    empty.assert_oauth_error(400, "invalid_request", "an empty body");
    let nothing = app.post_token(&[], "").await;
    nothing.assert_oauth_error(400, "invalid_request", "nothing at all");
    let without_length = app.raw("POST /oauth/token HTTP/1.1\r\nHost: test\r\n\r\n").await.unwrap();
    without_length.assert_oauth_error(400, "invalid_request", "no Content-Length");
}

/// 6749-6
#[actix_web::test]
async fn a_form_that_no_encoder_writes_is_rejected() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let lines = [format!("Content-Type: {FORM}"), format!("Authorization: {}", client.basic())];
    let lines = lines.each_ref().map(String::as_bytes);
    let good = b"grant_type=client_credentials&x=MARKER%C3%A9";
    app.raw_token(&lines, good).await.assert_token("the control");
    let bad: [&[u8]; 18] = [
        b"%zz",
        b"%",
        b"%4",
        b"%%41",
        b"%u0041",
        b"%00",
        b"\0",
        b"%ff",
        b"\xff",
        b"\xc3\xa9\xc3",
        b"%C3",
        b"%C0%80",
        b"%ED%A0%80",
        b"%F4%90%80%80",
        b"\r\n",
        b"\t",
        b"\x7f",
        b"%E2%82",
    ];
    for bytes in bad {
        for prefix in [&b"x=MARKER"[..], b"scope=", b"client_id=", b"resource=", b"MARKER"] {
            let body = [b"grant_type=client_credentials&", prefix, bytes].concat();
            let input = body.escape_ascii().to_string();
            let answer = app.raw_token(&lines, &body).await;
            answer.assert_oauth_error(400, "invalid_request", &input);
            answer.assert_no_echo("MARKER", &input);
        }
    }
}

/// 6749-6
#[actix_web::test]
async fn at_most_64_parameters() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let headers = [("content-type", FORM), ("authorization", &client.basic())];
    let body = |count: usize| {
        let more: Vec<_> = (1..count).map(|number| format!("&p{number}=x")).collect();
        format!("grant_type=client_credentials{}", more.concat())
    };
    app.post_token(&headers, body(64)).await.assert_token("64");
    for count in [65, 5_000] {
        let answer = app.post_token(&headers, body(count)).await;
        answer.assert_oauth_error(400, "invalid_request", &count.to_string());
    }
    let resources =
        app.post_token(&headers, "resource=https://auth.example.com&".repeat(1000)).await;
    resources.assert_oauth_error(400, "invalid_request", "a thousand resources");
}

/// 6749-6
#[actix_web::test]
async fn a_body_of_64_kib_is_read_and_a_longer_one_is_not() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let headers = [("content-type", FORM), ("authorization", &client.basic())];
    let body = |length: usize| {
        let start = "grant_type=client_credentials&x=";
        format!("{start}{}", "y".repeat(length - start.len()))
    };
    app.post_token(&headers, body(MAX_BODY)).await.assert_token("64 KiB");
    let more = app.post_token(&headers, body(MAX_BODY + 1)).await;
    more.assert_oauth_error(413, "invalid_request", "a byte more");
}

/// 6749-6: a long body is rejected by its announced length, before any byte of it arrives.
#[actix_web::test]
async fn a_body_of_10_mb_is_refused_before_it_is_read() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let head = |length: &str| {
        format!(
            "POST /oauth/token HTTP/1.1\r\nHost: test\r\nContent-Type: {FORM}\r\nAuthorization: {}\r\n\
             Content-Length: {length}\r\n\r\n",
            client.basic()
        )
    };
    for length in ["10000000", "65537", "18446744073709551615"] {
        let answer = app.raw(head(length)).await.unwrap();
        answer.assert_oauth_error(413, "invalid_request", length);
    }
    // The same with the body behind it: the answer is the same, or the connection is gone.
    let whole = [head("10000000").into_bytes(), vec![b'x'; 10_000_000]].concat();
    if let Some(answer) = app.raw(whole).await {
        answer.assert_oauth_error(413, "invalid_request", "10 MB");
    }
    // Invalid lengths never lead to a token or a 500.
    for length in ["-1", "1e3", "99999999999999999999999", "0x10", "+5", "", "5, 5"] {
        if let Some(answer) = app.raw(head(length) + "grant").await {
            assert!((400..500).contains(&answer.status), "{length}: {answer:?}");
        }
    }
    app.token(&client).send().await.assert_token("it still serves");
}

fn chunked_head(authorization: &str) -> String {
    format!(
        "POST /oauth/token HTTP/1.1\r\nHost: test\r\nContent-Type: {FORM}\r\nAuthorization: {authorization}\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    )
}

/// 6749-6: a body of unknown length.
#[actix_web::test]
async fn a_chunked_body_is_read_up_to_the_limit() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let head = chunked_head(&client.basic());
    let chunk = |data: &str| format!("{:x}\r\n{data}\r\n", data.len());
    let small = format!("{head}{}{}0\r\n\r\n", chunk("grant_type=client_"), chunk("credentials"));
    app.raw(small).await.unwrap().assert_token("two chunks");

    // Without an end: the response comes at the limit, not at the end of the request.
    let endless = head.clone()
        + &chunk("grant_type=client_credentials&x=")
        + &chunk(&"y".repeat(4096)).repeat(17);
    let answer = app.raw(endless).await.unwrap();
    answer.assert_oauth_error(413, "invalid_request", "past the limit");
    let one = head.clone() + &chunk(&"y".repeat(MAX_BODY + 1));
    app.raw(one).await.unwrap().assert_oauth_error(
        413,
        "invalid_request",
        "one chunk past the limit",
    );

    for broken in ["zz\r\nabc\r\n0\r\n\r\n", "5\r\nab", "-1\r\n\r\n", "ffffffffffffffffff\r\n"] {
        if let Some(answer) = app.raw_and_hang_up(head.clone() + broken).await {
            assert_eq!(answer.status, 400, "{broken:?}: {answer:?}");
        }
    }
    app.token(&client).send().await.assert_token("it still serves");
}

/// 6749-6: a truncated body is never taken for a complete one.
#[actix_web::test]
async fn a_body_shorter_than_announced_is_no_request() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let body = "grant_type=client_credentials";
    let head = format!(
        "POST /oauth/token HTTP/1.1\r\nHost: test\r\nContent-Type: {FORM}\r\nAuthorization: {}\r\nContent-Length: ",
        client.basic()
    );
    let whole = app.raw(format!("{head}{}\r\n\r\n{body}", body.len())).await.unwrap();
    whole.assert_token("the control");
    let issued = app.metric("mintery_tokens_issued_total").await;
    let answer = app.raw_and_hang_up(format!("{head}100\r\n\r\n{body}")).await;
    if let Some(answer) = answer {
        answer.assert_oauth_error(400, "invalid_request", "a short body");
    }
    let chunked = chunked_head(&client.basic()) + &format!("{:x}\r\n{body}\r\n", body.len());
    if let Some(answer) = app.raw_and_hang_up(chunked).await {
        answer.assert_oauth_error(400, "invalid_request", "a chunked body without its end");
    }
    assert!((app.metric("mintery_tokens_issued_total").await - issued).abs() < 0.5);
}

/// SEC-9: requests that two parsers could read differently.
#[actix_web::test]
async fn ambiguous_framing_is_refused_and_the_connection_closed() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let body = "grant_type=client_credentials";
    let length = body.len();
    let chunked = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
    let head = format!(
        "POST /oauth/token HTTP/1.1\r\nHost: test\r\nContent-Type: {FORM}\r\nAuthorization: {}\r\n",
        client.basic()
    );
    for (what, rest) in [
        (
            "both",
            format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}"),
        ),
        (
            "both, the other way",
            format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n\r\n{chunked}"),
        ),
        ("two lengths", format!("Content-Length: {length}\r\nContent-Length: 5\r\n\r\n{body}")),
        ("folded", format!("X-Folded: a\r\n b\r\nContent-Length: {length}\r\n\r\n{body}")),
        ("a blank before the colon", format!("Content-Length : {length}\r\n\r\n{body}")),
        (
            "an unknown coding",
            format!("Transfer-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n{body}"),
        ),
        ("chunked, but not last", format!("Transfer-Encoding: chunked, gzip\r\n\r\n{chunked}")),
    ] {
        // A second request on the connection must not be answered: it may belong to another client.
        let smuggled = "GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n";
        let (answer, is_closed) = app.raw_to_the_end(format!("{head}{rest}{smuggled}")).await;
        let answer = answer.unwrap_or_else(|| panic!("{what}: no answer"));
        assert_eq!(answer.status, 400, "{what}: {answer:?}");
        assert!(is_closed, "{what}: the connection stays open");
    }
}

/// 6749-13: each response has an id of its own, whatever the caller sends.
#[actix_web::test]
async fn a_request_id_is_never_taken_from_the_caller() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let mut ids = std::collections::BTreeSet::new();
    for path in [
        "/oauth/token",
        "/api/v1/users/me",
        "/auth/check",
        "/healthz",
        "/nothing",
        "/oauth/nothing",
    ] {
        for method in [Method::GET, Method::POST] {
            let request = app
                .request(method, path)
                .header("x-request-id", "00000000000000000000000000000bad")
                .header("x-correlation-id", "bad");
            let answer = Answer::of(request).await;
            answer.assert_request_id(path);
            assert_eq!(answer.headers.get_all("x-request-id").iter().count(), 1, "{path}");
            assert!(!answer.header("x-request-id").ends_with("bad"), "{path}");
            assert!(ids.insert(answer.header("x-request-id").to_owned()), "{path}");
        }
    }
    let good = app.token(&client).send().await;
    assert!(ids.insert(good.header("x-request-id").to_owned()));
}

/// 6749-16, SEC-5
#[actix_web::test]
async fn nothing_that_was_sent_comes_back_in_an_error() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let marker = "ZZMARKERZZ";
    let answers = [
        ("scope", app.token(&client).scope(marker).send().await),
        ("scope with a quote", app.token(&client).scope(&format!("{marker}\"")).send().await),
        ("resource", app.token(&client).resource(&format!("https://{marker}")).send().await),
        (
            "grant_type",
            app.form(&[("grant_type", marker), ("client_id", "x"), ("client_secret", "y")])
                .send()
                .await,
        ),
        (
            "client_id",
            app.form(&[
                ("client_id", marker),
                ("client_secret", marker),
                ("grant_type", "client_credentials"),
            ])
            .send()
            .await,
        ),
        ("parameter names", app.token(&client).field(marker, "a").field(marker, "b").send().await),
        (
            "a header",
            app.post_token(&[("authorization", marker), ("content-type", FORM)], "a=b").await,
        ),
        ("a content type", app.post_token(&[("content-type", marker)], marker).await),
        ("a path", app.get(&format!("/oauth/{marker}")).await),
        ("another path", app.get(&format!("/{marker}")).await),
        ("a query", app.get(&format!("/oauth/token?{marker}={marker}")).await),
        ("a token", app.me(marker).await),
        (
            "a scheme",
            Answer::of(
                app.request(Method::GET, "/api/v1/users/me").header("authorization", marker),
            )
            .await,
        ),
        (
            "a page",
            app.get(&format!("/oauth/authorize?client_id={marker}&redirect_uri=https://{marker}/"))
                .await,
        ),
    ];
    for (what, answer) in answers {
        assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
        answer.assert_no_echo(marker, what);
        answer.assert_no_echo(&client.secret, what);
    }
}
