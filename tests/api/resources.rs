//! Spellings of an API's identifier, the parameter `audience`, and the size of a token.

use mintery::admin::api::{self, ApiTerms};
use mintery::admin::client::NewClient;
use mintery::model::api::ApiScopes;
use mintery::model::name::DisplayName;
use mintery::model::resource::ResourceUri;
use mintery_verifier::Verifier;
use mintery_verifier::keys::KeySet;
use serde_json::json;

use crate::support::answer::Answer;
use crate::support::app::{ISSUER, TestApp, TestClient, new_client};
use crate::support::doors::JWKS;
use crate::support::forge::part;

fn uri(text: &str) -> ResourceUri {
    ResourceUri::parse(text).unwrap()
}

fn terms(scopes: &[&str]) -> ApiTerms {
    let scopes = scopes.iter().map(|scope| ((*scope).to_owned(), String::new())).collect();
    ApiTerms {
        name: DisplayName::parse("an API").unwrap(),
        scopes: ApiScopes::new(scopes).unwrap(),
        token_alg: None,
        token_ttl: None,
    }
}

async fn client_for(app: &TestApp, scopes: &str, resources: &[&str]) -> TestClient {
    let mut new: NewClient = new_client(scopes);
    new.terms.resources = resources.iter().map(|resource| uri(resource)).collect();
    new.terms.stands_for.clone_from(&new.terms.resources);
    app.create(new).await
}

/// R7, 8707-1: of http and https URIs, an empty path and `/` are the same (RFC 3986 §6.2.3). The
/// token has the registered spelling.
#[actix_web::test]
async fn an_empty_path_and_a_slash_are_one_identifier() {
    for (registered, other) in [
        ("https://mcp.example.com", "https://mcp.example.com/"),
        ("https://mcp.example.com/", "https://mcp.example.com"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000/"),
    ] {
        let app = TestApp::spawn().await;
        api::create(&app.admin, uri(registered), terms(&["read"])).await.unwrap();
        assert!(api::create(&app.admin, uri(other), terms(&[])).await.is_err(), "{other}");
        for of_client in [registered, other] {
            let client = client_for(&app, "read", &[of_client]).await;
            app.caught_up().await;
            let key = app.key(crate::support::api_key::owned_by(&client)).await.key;
            for asked in [registered, other] {
                let what = format!("{registered} {of_client} {asked}");
                let answer = app.token(&client).resource(asked).send().await;
                answer.assert_token(&what);
                let token = answer.text("access_token");
                assert_eq!(part(&token, 1)["aud"], registered, "{what}");
                let both = app.token(&client).resource(registered).resource(other).send().await;
                assert_eq!(part(&both.text("access_token"), 1)["aud"], registered, "{what}");
                let check = format!("/auth/check?scope=read&resource={asked}");
                for credential in [&token, &key] {
                    let answer = app.get_with(&check, credential).await;
                    assert_eq!(answer.status, 200, "{what}: {answer:?}");
                }
                let introspected = app.introspect(&client, &token).await.json();
                assert_eq!(introspected["active"], true, "{what}");
                let keys = KeySet::parse(app.get(JWKS).await.body.as_bytes()).unwrap();
                let library = Verifier::with_keys(ISSUER, keys, app.clock.clone());
                assert!(library.check(&token, asked).is_ok(), "{what}");
            }
            let exchanged = app.exchange(&key).resource(other).send().await;
            assert_eq!(part(&exchanged.text("access_token"), 1)["aud"], registered);
        }
    }
}

/// R7: the issuer and the default audience have two spellings as well; nothing else does.
#[actix_web::test]
async fn the_issuer_has_the_same_two_spellings() {
    let app = TestApp::spawn().await;
    let client = app.client("mintery:clients:read read").await;
    let answer = app.token(&client).resource("https://auth.example.com/").send().await;
    let token = answer.text("access_token");
    assert_eq!(part(&token, 1)["aud"], ISSUER);
    assert_eq!(app.me(&token).await.status, 200);
    let check = "/auth/check?resource=https://auth.example.com/";
    assert_eq!(app.get_with(check, &token).await.status, 200);
    let own = app.token(&client).scope("mintery:clients:read");
    let own = own.resource("https://auth.example.com/").send().await.text("access_token");
    assert_eq!(app.get_with("/api/v1/clients", &own).await.status, 200);
    for other in ["https://auth.example.com//", "https://auth.example.com/?", "urn:x/"] {
        let answer = app.token(&client).resource(other).send().await;
        answer.assert_oauth_error(400, "invalid_target", other);
    }
}

/// R8: `audience` names the API, as clients of other servers expect.
#[actix_web::test]
async fn an_audience_is_a_resource() {
    let app = TestApp::spawn().await;
    let [orders, stock] = ["https://orders.example.com", "https://stock.example.com"];
    for resource in [orders, stock] {
        api::create(&app.admin, uri(resource), terms(&["read"])).await.unwrap();
    }
    let client = client_for(&app, "read", &[orders, stock]).await;
    app.caught_up().await;
    let ask = async |fields: &[(&'static str, &str)]| -> Answer {
        let asking = app.token(&client);
        fields.iter().fold(asking, |asking, (name, value)| asking.field(name, value)).send().await
    };
    for (fields, audience) in [
        (&[("audience", stock)][..], json!(stock)),
        (&[("audience", "https://stock.example.com/")], json!(stock)),
        (&[("audience", "")], json!(orders)),
        (&[("audience", stock), ("resource", stock)], json!(stock)),
        (&[("audience", stock), ("resource", orders), ("resource", stock)], json!([orders, stock])),
        (&[("audience", ISSUER)], json!(ISSUER)),
    ] {
        let answer = ask(fields).await;
        answer.assert_token(&format!("{fields:?}"));
        assert_eq!(part(&answer.text("access_token"), 1)["aud"], audience, "{fields:?}");
    }
    for fields in [
        &[("audience", stock), ("resource", orders)][..],
        &[("audience", "https://unknown.example.com")],
        &[("audience", "stock")],
        &[("audience", "https://orders.example.com https://stock.example.com")],
    ] {
        ask(fields).await.assert_oauth_error(400, "invalid_target", &format!("{fields:?}"));
    }
    let twice = ask(&[("audience", stock), ("audience", orders)]).await;
    twice.assert_oauth_error(400, "invalid_request", "audience twice");
}

/// R9, JOSE-1: a token that this server issues is accepted at every endpoint; a larger one is not
/// issued.
#[actix_web::test]
async fn a_token_is_issued_only_if_it_is_accepted() {
    let app = TestApp::spawn().await;
    let long = |number: usize| format!("https://{number}.example.com/{}", "a".repeat(470));
    let all: Vec<String> = (0..30).map(long).collect();
    for resource in &all {
        api::create(&app.admin, uri(resource), terms(&["read"])).await.unwrap();
    }
    let names: Vec<&str> = all.iter().map(String::as_str).collect();
    let client = client_for(&app, "read", &names).await;
    app.caught_up().await;
    let ask = async |count: usize| {
        let asking = app.token(&client);
        names.iter().take(count).fold(asking, |asking, one| asking.resource(one)).send().await
    };
    let large = ask(22).await;
    large.assert_token("22 APIs");
    let token = large.text("access_token");
    assert!(token.len() > 14_000 && token.len() <= 16 * 1024, "{}", token.len());
    let check = format!("/auth/check?resource={}", names[21]);
    let answer = app.get_with(&check, &token).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(app.introspect(&client, &token).await.json()["active"], true);
    let revoked = app.request(reqwest::Method::POST, "/oauth/revoke");
    let revoked = revoked.header("authorization", client.basic()).form(&[("token", &token)]);
    assert_eq!(Answer::of(revoked).await.status, 200);
    assert_eq!(app.get_with(&check, &token).await.status, 401);
    assert_eq!(app.introspect(&client, &token).await.body, r#"{"active":false}"#);
    let refused = ask(30).await;
    refused.assert_oauth_error(400, "invalid_request", "30 APIs");
    assert!(refused.text("error_description").contains("16 KiB"), "{refused:?}");
}
