//! Requests: authentication and parameters.

use reqwest::Method;
use serde_json::json;

use crate::support::answer::Answer;
use crate::support::api_key::owned_by;
use crate::support::app::{TestApp, basic};
use crate::support::feed::FEED;

#[actix_web::test]
async fn a_reader_authenticates() {
    let app = TestApp::spawn().await;
    let reader = app.client("read").await;
    let token = app.access_token(&reader).await;
    let get = |authorization: Option<String>, query: &str| {
        let request = app.request(Method::GET, &format!("{FEED}{query}"));
        Answer::of(match authorization {
            Some(value) => request.header("authorization", value),
            None => request,
        })
    };
    let bearer = |token: &str| Some(format!("Bearer {token}"));
    assert_eq!(get(bearer(&token), "").await.status, 200);
    assert_eq!(get(Some(format!("bearer {token}")), "?wait=0").await.status, 200);
    get(None, "").await.assert_oauth_error(401, "invalid_client", "nothing");
    get(Some(basic("nobody:nothing")), "").await.assert_oauth_error(
        401,
        "invalid_client",
        "a stranger",
    );
    get(bearer("x.y.z"), "").await.assert_invalid_token("no token");
    let form = |fields: Vec<(&'static str, String)>| {
        Answer::of(app.request(Method::POST, FEED).form(&fields))
    };
    let own = vec![("client_id", reader.id.clone()), ("client_secret", reader.secret.clone())];
    assert_eq!(form(own.clone()).await.status, 200);
    let with_wait = [own.clone(), vec![("wait", "x".to_owned())]].concat();
    form(with_wait).await.assert_oauth_error(400, "invalid_request", "wait");
    form(vec![("client_id", reader.id.clone())]).await.assert_oauth_error(
        401,
        "invalid_client",
        "no secret",
    );
    let by_header = app.request(Method::POST, FEED).header("authorization", reader.basic());
    assert_eq!(Answer::of(by_header.form(&[("nonce", "a")])).await.status, 200);
    let bearer_post =
        app.request(Method::POST, FEED).header("authorization", format!("Bearer {token}"));
    let answer = Answer::of(bearer_post.form(&[("nonce", "a")])).await;
    answer.assert_oauth_error(401, "invalid_client", "a token is no client authentication");
    let in_uri = format!("?client_id={}&client_secret={}", reader.id, reader.secret);
    get(None, &in_uri).await.assert_oauth_error(400, "invalid_request", "a secret in the URI");
    let put = Answer::of(app.request(Method::PUT, FEED)).await;
    assert_eq!((put.status, put.header("allow")), (405, "GET, POST"));

    app.disable(&reader).await;
    app.caught_up().await;
    get(Some(reader.basic()), "").await.assert_oauth_error(401, "invalid_client", "disabled");
    get(bearer(&token), "").await.assert_invalid_token("disabled");
}

/// An API key is as good as a token, in both headers, with any scope: who is enabled may read.
#[actix_web::test]
async fn a_reader_authenticates_with_an_api_key() {
    let app = TestApp::spawn().await;
    let owner = app.client("read").await;
    let key = app.key(owned_by(&owner)).await;
    let get = |query: &str, headers: &[(&'static str, &str)]| {
        let mut request = app.request(Method::GET, &format!("{FEED}{query}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request)
    };
    let bearer = format!("Bearer {}", key.key);
    for header in [("authorization", bearer.as_str()), ("x-api-key", &key.key)] {
        let answer = get("?nonce=abc", &[header]).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, "application/revocations+jwt")
        );
        let query = format!("?api_key={}", key.key);
        get(&query, &[header]).await.assert_problem(400, "err_invalid_request", "a key in the URI");
    }
    let two = get("", &[("authorization", &owner.basic()), ("x-api-key", &key.key)]).await;
    two.assert_problem(400, "err_invalid_request", "two credentials");
    let both = get("", &[("authorization", &bearer), ("x-api-key", &key.key)]).await;
    both.assert_problem(400, "err_invalid_request", "a key twice");
    get("", &[("x-api-key", "mtk_live_x")]).await.assert_invalid_token("no key");
    app.disable(&owner).await;
    app.caught_up().await;
    get("", &[("x-api-key", &key.key)]).await.assert_invalid_token("disabled");
}

#[actix_web::test]
async fn bad_questions_are_refused_and_not_repeated() {
    let app = TestApp::spawn().await;
    let reader = app.client("read").await;
    for query in [
        "after=marker",
        "after=1.marker",
        "after=1.AAAAAAAAAAA.2",
        "after=1.AAAAAAAAAAA.2.token.marker",
        "after=99999999999999999999.AAAAAAAAAAA",
        "wait=marker",
        "wait=31",
        "wait=-1",
        "nonce=marker!",
        "nonce=%00",
        "nonce=a&nonce=b",
        "after=%zz",
    ] {
        let answer = app.ask_feed(&reader, query).await;
        answer.assert_oauth_error(400, "invalid_request", query);
        assert!(!answer.body.contains("marker"), "{answer:?}");
    }
    let long = format!("nonce={}", "a".repeat(65));
    app.ask_feed(&reader, &long).await.assert_oauth_error(400, "invalid_request", "long");
    // Positions that were never given out.
    for after in ["0.AAAAAAAAAAA", "1.AAAAAAAAAAA", "9000000000000000000.AAAAAAAAAAA"] {
        assert_eq!(
            app.feed(&reader, &format!("after={after}")).await["snapshot"],
            json!(true),
            "{after}"
        );
    }
    let part = "after=1.AAAAAAAAAAA.2.token.ungWv48Bz-pBQUDeXa4i";
    assert_eq!(app.feed(&reader, part).await["part"], json!(1));
}
