//! API keys that are exchanged for tokens (RFC 8693): what such a token says and allows, what takes
//! it back, and everything that is not exchanged.

use std::sync::Arc;
use std::time::Duration;

use mintery::admin::api_key::{self, ApiKeyUpdate, NewApiKey, Rotation, Selection};
use mintery::admin::{Admin, client, revocation};
use mintery::model::address::AddressRanges;
use mintery::model::api_key::{ApiKeyId, Environment, KeyFormat, KeyOwner};
use mintery::model::client::{ClientId, ClientUpdate};
use mintery::model::name::DisplayName;
use mintery::model::patch::Patch;
use mintery::model::revocation::{Kind, Mark};
use mintery::model::scope::ScopeSet;
use mintery::random::SystemRandom;
use mintery_verifier::keys::KeySet;
use mintery_verifier::{Verifier, VerifyError};
use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::api_keys::{TestKey, owned_by};
use crate::app::{ISSUER, TestApp, TestClient, TokenRequest, basic, within_a_second};
use crate::database::{TestDatabase, is_postgres};
use crate::forge::{Forgery, part};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const API_KEY: &str = "urn:mintery:token-type:api-key";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const ORDERS: &str = "https://orders.example.com";
const STOCK: &str = "urn:example:stock";

impl TestApp {
    /// A request for a token for this key.
    pub fn exchange<'a>(&'a self, key: &str) -> TokenRequest<'a> {
        self.form(&[
            ("grant_type", EXCHANGE),
            ("subject_token", key),
            ("subject_token_type", API_KEY),
        ])
    }

    pub async fn token_for(&self, key: &TestKey) -> String {
        self.exchange(&key.key).send().await.text("access_token")
    }

    async fn refuses_subject(&self, key: &str, what: &str) {
        let answer = self.exchange(key).send().await;
        answer.assert_oauth_error(400, "invalid_request", what);
        if key.len() > 20 {
            answer.assert_no_echo(key, what);
        }
    }

    pub async fn is_good(&self, token: &str) -> bool {
        let (me, check) = (self.me(token).await, self.get_with("/auth/check", token).await);
        assert_eq!(me.status, check.status, "{me:?} {check:?}");
        assert!([200, 401].contains(&me.status), "{me:?}");
        me.status == 200
    }
}

fn scopes(scopes: &str) -> ScopeSet {
    ScopeSet::parse(scopes).unwrap()
}

fn client_id(client: &TestClient) -> ClientId {
    ClientId::parse(&client.id).unwrap()
}

/// 8693-1, 8693-2: what is answered, what the token says, and who it makes of whoever has it.
#[actix_web::test]
async fn an_api_key_becomes_a_token() {
    let app = TestApp::spawn().await;
    let owner = app.client("read write").await;
    let key = app.key(NewApiKey { scopes: Some(scopes("read")), ..owned_by(&owner) }).await;
    let answer = app.exchange(&key.key).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    let mut body = answer.json();
    let token = body.as_object_mut().unwrap().remove("access_token").unwrap();
    let token = token.as_str().unwrap();
    let expected = json!({
        "issued_token_type": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 3600, "scope": "read"
    });
    assert_eq!(body, expected);
    answer.assert_no_echo(&key.key, "an answer");

    assert_eq!(part(token, 0)["typ"], "at+jwt");
    let mut claims = Value::Object(part(token, 1));
    let jti = claims.as_object_mut().unwrap().remove("jti").unwrap();
    assert_eq!(jti.as_str().unwrap().len(), 43);
    let now = app.now();
    let expected = json!({
        "iss": ISSUER, "sub": owner.id, "client_id": key.id, "aud": ISSUER, "iat": now, "nbf": now, "exp": now + 3600,
        "scope": "read", "environment": "live",
    });
    assert_eq!(claims, expected);

    let me = app.me(token).await.json();
    let expected = json!({
        "sub": owner.id, "kind": "api_key", "name": "tester", "scope": "read", "credential": "access_token",
        "expires_at": now + 3600,
    });
    assert_eq!(me, expected);
    let check = app.get_with("/auth/check?scope=read", token).await;
    assert_eq!(
        (check.status, check.header("x-auth-subject")),
        (200, owner.id.as_str()),
        "{check:?}"
    );
    assert_eq!((check.header("x-auth-kind"), check.header("x-auth-scope")), ("api_key", "read"));
    assert_eq!(app.get_with("/auth/check?scope=write", token).await.status, 403);
    // Its owner is told of it, and nobody else.
    let told = app.introspect(&owner, token).await.json();
    assert_eq!(
        (&told["active"], &told["client_id"], &told["sub"]),
        (&json!(true), &json!(key.id), &me["sub"])
    );
    assert_eq!((&told["environment"], &told["scope"]), (&json!("live"), &json!("read")));
    let other = app.client("read").await;
    assert_eq!(app.introspect(&other, token).await.body, r#"{"active":false}"#);
    let metadata = app.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["grant_types_supported"], json!(["client_credentials", EXCHANGE]));
}

/// 8693-1: whatever is wrong with what is exchanged, it is one answer, and nothing of it comes
/// back.
#[actix_web::test]
async fn a_bad_subject_token_is_refused() {
    const HASHES: &str = "mintery_hashes_total";
    const REFUSED: &str =
        "mintery_token_refusals_total{error=\"invalid_request\",reason=\"subject_token\"}";
    let app = TestApp::spawn().await;
    let owner = app.client("read").await;
    let key = app.key(owned_by(&owner)).await;
    let token = app.token_for(&key).await;
    let (hashes, refused) = (app.metric(HASHES).await, app.metric(REFUSED).await);

    let unknown = KeyFormat::default().generate(Environment::Live, &SystemRandom);
    let mistyped = format!("{}{}", &key.key[..57], if key.key.ends_with('0') { '1' } else { '0' });
    let of_client = app.access_token(&owner).await;
    let long = "x".repeat(10 * 1024);
    let wrong = [
        unknown.expose(),
        &mistyped,
        &key.key[..57],
        &format!("{}0", key.key),
        &format!(" {}", key.key),
        &key.key.replace("live", "test"),
        &key.key.to_uppercase(),
        &token,
        &of_client,
        &owner.secret,
        &long,
        "mtk_live_",
        "é",
    ];
    for wrong in wrong {
        app.refuses_subject(wrong, wrong).await;
    }
    let first = app.exchange(unknown.expose()).send().await.fingerprint();
    assert_eq!(first, app.exchange(&mistyped).send().await.fingerprint());

    // Disabled, enabled; expired; bound to addresses, though it comes from there; of a disabled
    // owner; revoked.
    api_key::set_enabled(&app.admin, &key.id(), false).await.unwrap();
    app.caught_up().await;
    app.refuses_subject(&key.key, "disabled").await;
    api_key::set_enabled(&app.admin, &key.id(), true).await.unwrap();
    app.caught_up().await;
    assert!(app.is_good(&app.token_for(&key).await).await, "enabled again");
    app.disable(&owner).await;
    app.caught_up().await;
    app.refuses_subject(&key.key, "of a disabled owner").await;
    app.enable(&owner).await;
    app.caught_up().await;
    assert!(app.is_good(&app.token_for(&key).await).await, "the owner is enabled again");
    let life = Patch::Set(Duration::from_mins(1));
    let short = app.key(NewApiKey { expires_in: life, ..owned_by(&owner) }).await;
    app.clock.advance(Duration::from_mins(1));
    app.refuses_subject(&short.key, "expired").await;
    let allowed = AddressRanges::parse("127.0.0.0/8").unwrap();
    let bound = app.key(NewApiKey { allowed, ..owned_by(&owner) }).await;
    assert_eq!(app.me(&bound.key).await.status, 200);
    app.refuses_subject(&bound.key, "bound to addresses").await;
    api_key::revoke(&app.admin, &key.id()).await.unwrap();
    app.caught_up().await;
    app.refuses_subject(&key.key, "revoked").await;
    app.delete(&owner).await;
    app.caught_up().await;
    app.refuses_subject(&bound.key, "of a deleted owner").await;

    assert!((app.metric(HASHES).await - hashes).abs() < 0.5, "no hash is spent on keys");
    let counted = app.metric(REFUSED).await - refused;
    assert!((counted - 21.0).abs() < 0.5, "{counted}");
}

/// 8693-1, 6749-2, 6749-3, 6749-4: one credential, each parameter once, nothing in the URI, nothing
/// that is not supported.
#[actix_web::test]
async fn a_request_is_read_strictly() {
    let app = TestApp::spawn().await;
    let owner = app.client("read").await;
    let key = app.key(owned_by(&owner)).await;
    let good = app.exchange(&key.key).send().await;
    assert_eq!(good.status, 200, "{good:?}");
    let refused = async |request: TokenRequest<'_>, what: &str| {
        let answer = request.send().await;
        answer.assert_oauth_error(400, "invalid_request", what);
        answer.assert_no_echo(&key.key, what);
    };
    let exchange = || app.exchange(&key.key);
    for missing in ["subject_token", "subject_token_type"] {
        refused(exchange().without(missing), missing).await;
        refused(exchange().without(missing).field(missing, ""), missing).await;
    }
    for (name, value) in [
        ("subject_token", key.key.as_str()),
        ("subject_token", "x"),
        ("subject_token_type", API_KEY),
        ("grant_type", EXCHANGE),
        ("actor_token", "x"),
        ("actor_token_type", ACCESS_TOKEN),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:id_token"),
        ("requested_token_type", "access_token"),
        ("client_secret", owner.secret.as_str()),
        ("client_assertion", "x"),
        ("client_id", owner.id.as_str()),
        ("client_id", "ak_0000000000000000000000"),
    ] {
        refused(exchange().field(name, value), name).await;
    }
    for kind in [ACCESS_TOKEN, "urn:ietf:params:oauth:token-type:jwt", "", "API_KEY"] {
        refused(exchange().without("subject_token_type").field("subject_token_type", kind), kind)
            .await;
    }
    // What is asked for may be named, and so may the key.
    for kind in [ACCESS_TOKEN, "urn:ietf:params:oauth:token-type:jwt"] {
        let answer =
            exchange().field("requested_token_type", kind).field("client_id", &key.id).send().await;
        assert_eq!((answer.status, answer.text("issued_token_type").as_str()), (200, ACCESS_TOKEN));
    }

    let form =
        [("grant_type", EXCHANGE), ("subject_token", &key.key), ("subject_token_type", API_KEY)];
    let form = serde_urlencoded(&form);
    let content_type = ("content-type", "application/x-www-form-urlencoded");
    for credential in [
        owner.basic(),
        basic("a:b"),
        format!("Bearer {}", key.key),
        format!("Bearer {}", app.access_token(&owner).await),
        "nonsense".to_owned(),
    ] {
        let answer =
            app.post_token(&[content_type, ("authorization", &credential)], form.clone()).await;
        answer.assert_oauth_error(400, "invalid_request", &credential);
    }
    for query in [form.clone(), format!("subject_token={}", key.key), "actor_token=x".to_owned()] {
        let request = app
            .request(Method::POST, &format!("/oauth/token?{query}"))
            .header(content_type.0, content_type.1);
        let answer = Answer::of(request.body(form.clone())).await;
        answer.assert_oauth_error(400, "invalid_request", "in the query");
        answer.assert_no_echo(&key.key, "in the query");
    }
    let answer = app.request(Method::GET, &format!("/oauth/token?{form}")).send().await.unwrap();
    assert_eq!(answer.status(), 405);
    // A client is not registered for it, whatever it sends.
    let answer = app.token(&owner).without("grant_type").field("grant_type", EXCHANGE).send().await;
    answer.assert_oauth_error(400, "invalid_request", "a client");
}

fn serde_urlencoded(fields: &[(&str, &str)]) -> String {
    reqwest::Url::parse_with_params("http://x", fields).unwrap().query().unwrap().to_owned()
}

/// 8693-2, 8707-1, 8707-2: at most the scopes of the key, and the APIs of its owner; named by
/// `resource` or `audience`.
#[actix_web::test]
async fn a_token_allows_no_more_than_the_key() {
    let app = TestApp::spawn().await;
    for api in [ORDERS, STOCK] {
        app.api(api).await;
    }
    let owner = app.client_of(&[ORDERS]).await;
    let key = app.key(NewApiKey { scopes: Some(scopes("read")), ..owned_by(&owner) }).await;
    app.caught_up().await;
    let audience = |answer: &Answer| {
        assert_eq!(answer.status, 200, "{answer:?}");
        part(&answer.text("access_token"), 1)["aud"].clone()
    };
    let exchange = || app.exchange(&key.key);
    // The owner's first API, as when the owner asks for nothing.
    assert_eq!(audience(&exchange().send().await), ORDERS);
    assert_eq!(audience(&exchange().resource(ISSUER).send().await), ISSUER);
    assert_eq!(audience(&exchange().field("audience", ISSUER).send().await), ISSUER);
    let both = exchange().resource(ORDERS).field("audience", ISSUER).send().await;
    assert_eq!(audience(&both), json!([ISSUER, ORDERS]));
    let same = exchange().resource(ORDERS).field("audience", ORDERS).send().await;
    assert_eq!(audience(&same), ORDERS);
    let several = exchange().field("audience", ISSUER).field("audience", ORDERS).send().await;
    assert_eq!(audience(&several), json!([ISSUER, ORDERS]));
    for target in [STOCK, "https://unknown.example.com", "orders", "#"] {
        for name in ["resource", "audience"] {
            let answer = exchange().field(name, target).send().await;
            answer.assert_oauth_error(400, "invalid_target", target);
            exchange().resource(ISSUER).field(name, target).send().await.assert_oauth_error(
                400,
                "invalid_target",
                target,
            );
        }
    }
    assert_eq!(exchange().scope("read").send().await.scope(), "read");
    for beyond in ["write", "read write", "mintery:keys:write", "é", "read  write"] {
        let answer = exchange().scope(beyond).send().await;
        answer.assert_oauth_error(400, "invalid_scope", beyond);
    }
    // What the owner may not do any more, the key may not, and neither may a token that is there.
    let token = exchange().resource(ISSUER).send().await.text("access_token");
    app.update(&owner, ClientUpdate { scopes: Some(scopes("write")), ..ClientUpdate::default() })
        .await;
    exchange().scope("read").send().await.assert_oauth_error(
        400,
        "invalid_scope",
        "the owner lost it",
    );
    assert_eq!(app.me(&token).await.scope(), "");
    let without = exchange().send().await;
    assert!(without.status == 200 && without.json().get("scope").is_none(), "{without:?}");
}

/// SEC-12: scopes of this server itself are never a default; a token with them acts in the name of
/// the key.
#[actix_web::test]
async fn a_key_that_administers_makes_a_token_that_does() {
    let app = TestApp::spawn().await;
    let owner = app.client("mintery:keys:write read").await;
    let all = Some(scopes("mintery:keys:write read"));
    let key = app.key(NewApiKey { scopes: all, ..owned_by(&owner) }).await;
    assert_eq!(app.exchange(&key.key).send().await.scope(), "read");
    let answer = app.exchange(&key.key).scope("mintery:keys:write read").send().await;
    let token = answer.text("access_token");
    let make = app.request(Method::POST, "/api/v1/keys").bearer_auth(&token);
    let make = make
        .header("content-type", "application/json")
        .body(r#"{"name": "made", "scope": "read"}"#);
    let made = Answer::of(make).await;
    assert_eq!((made.status, made.text("owner")), (201, owner.id.clone()), "{made:?}");
    let by_key = format!(
        "SELECT COUNT(*) FROM events WHERE kind = 'api_key.created' AND actor = 'api_key:{}'",
        key.id
    );
    assert_eq!(app.database.number(&by_key).await, 1);
}

/// 8693-2: `environment` is that of the key, and what is for trying out opens nothing that matters:
/// here, and at an API with the library.
#[actix_web::test]
async fn a_token_is_good_in_the_environment_of_its_key() {
    let app = TestApp::spawn().await;
    let owner = app.client("read").await;
    let live = app.key(owned_by(&owner)).await;
    let test = app.key(NewApiKey { environment: Environment::Test, ..owned_by(&owner) }).await;
    let (live, test) = (app.token_for(&live).await, app.token_for(&test).await);
    assert_eq!(
        (&part(&live, 1)["environment"], &part(&test, 1)["environment"]),
        (&json!("live"), &json!("test"))
    );
    assert!(app.is_good(&live).await && !app.is_good(&test).await);
    app.me(&test).await.assert_invalid_token("for trying out");
    let check = async |token: &str, query: &str| {
        app.get_with(&format!("/auth/check{query}"), token).await.status
    };
    assert_eq!((check(&live, "?env=live").await, check(&test, "?env=live").await), (200, 401));
    assert_eq!((check(&live, "?env=test").await, check(&test, "?env=test").await), (401, 200));
    assert_eq!((check(&live, "?env=any").await, check(&test, "?env=any").await), (200, 200));
    let told = app.introspect(&owner, &test).await.json();
    assert_eq!((&told["active"], &told["environment"]), (&json!(true), &json!("test")));
    let keys = KeySet::parse(app.get("/.well-known/jwks.json").await.body.as_bytes()).unwrap();
    let library = Verifier::with_keys(ISSUER, keys, Arc::clone(&app.clock) as _);
    assert_eq!(library.check(&live, ISSUER).unwrap().environment, Some(Environment::Live));
    assert_eq!(library.check(&test, ISSUER).unwrap_err(), VerifyError::Environment);
    assert_eq!(library.check(&app.access_token(&owner).await, ISSUER).unwrap().environment, None);

    let other = TestApp::with(&[("api_keys.environment", "test")]).await;
    let owner = other.client("read").await;
    let live = other.key(owned_by(&owner)).await;
    let test = other.key(NewApiKey { environment: Environment::Test, ..owned_by(&owner) }).await;
    assert!(!other.is_good(&other.token_for(&live).await).await);
    assert!(other.is_good(&other.token_for(&test).await).await);
}

/// What is done with a key, or its owner, and whether the tokens that were made before are void
/// from then on, also when it is undone.
const ACTS: [(&str, bool); 14] = [
    ("revoked", true),
    ("revoked with others", true),
    ("revoked with all of the owner", true),
    ("disabled and enabled", true),
    ("rotated out at once", true),
    ("rotated, for less than the life of a token", true),
    ("rotated, for longer than any token lives", false),
    ("renamed and limited", false),
    ("allowed less, and all again", true),
    ("bound to addresses", true),
    ("ended earlier", true),
    ("the owner's tokens are revoked", true),
    ("the owner is disabled and enabled", true),
    ("the owner is deleted", true),
];

/// Does it at the command line.
async fn act(admin: &Admin, what: &str, key: &ApiKeyId, owner: &ClientId) {
    let update =
        async |update: ApiKeyUpdate| drop(api_key::update(admin, key, update).await.unwrap());
    let usual = ApiKeyUpdate::default;
    let rotate = async |overlap: Option<Duration>| {
        drop(
            api_key::rotate(admin, key, Rotation { overlap, ..Rotation::default() }).await.unwrap(),
        );
    };
    match what {
        "revoked" => api_key::revoke(admin, key).await.unwrap(),
        "revoked with others" => {
            api_key::revoke_all(admin, Selection::Ids(vec![key.clone()])).await.unwrap();
        }
        "revoked with all of the owner" => {
            let all = Selection::Owner(KeyOwner::Client(owner.clone()));
            api_key::revoke_all(admin, all).await.unwrap();
        }
        "disabled and enabled" => {
            api_key::set_enabled(admin, key, false).await.unwrap();
            api_key::set_enabled(admin, key, true).await.unwrap();
        }
        "rotated out at once" => rotate(Some(Duration::ZERO)).await,
        "rotated, for less than the life of a token" => {
            rotate(Some(Duration::from_secs(3599))).await;
        }
        "rotated, for longer than any token lives" => rotate(None).await,
        "renamed and limited" => {
            let name = Some(DisplayName::parse("other").unwrap());
            update(ApiKeyUpdate { name, max_per_minute: Patch::Set(1000), ..usual() }).await;
        }
        "allowed less, and all again" => {
            for some in ["write", "read write"] {
                update(ApiKeyUpdate { scopes: Some(scopes(some)), ..usual() }).await;
            }
        }
        "bound to addresses" => {
            let allowed = Some(AddressRanges::parse("127.0.0.0/8").unwrap());
            update(ApiKeyUpdate { allowed, ..usual() }).await;
        }
        "ended earlier" => {
            let expires_in = Patch::Set(Duration::from_mins(1));
            update(ApiKeyUpdate { expires_in, ..usual() }).await;
        }
        "the owner's tokens are revoked" => {
            revocation::revoke_client_tokens(admin, owner).await.unwrap();
        }
        "the owner is disabled and enabled" => {
            client::set_enabled(admin, owner, false).await.unwrap();
            client::set_enabled(admin, owner, true).await.unwrap();
        }
        "the owner is deleted" => {
            client::delete(admin, owner).await.unwrap();
        }
        other => unreachable!("{other}"),
    }
}

/// 8693-2, 7009-5: whatever takes a key back takes back what was made from it, on this node, at an
/// introspection, and for whoever follows the feed; and nothing else does.
#[actix_web::test]
async fn a_token_does_not_outlive_its_key() {
    let app = TestApp::spawn().await;
    let watcher = app.client("mintery:introspect").await;
    let bystander = app.client("read write").await;
    let other = app.token_for(&app.key(owned_by(&bystander)).await).await;
    for (what, takes_back) in ACTS {
        let owner = app.client("read write").await;
        let key = app.key(owned_by(&owner)).await;
        app.caught_up().await;
        let token = app.token_for(&key).await;
        assert!(app.is_good(&token).await, "{what}: before");
        let position = app.feed(&watcher, "").await["next"].as_str().unwrap().to_owned();
        Box::pin(act(&app.admin, what, &key.id(), &client_id(&owner))).await;
        app.caught_up().await;
        assert_eq!(app.is_good(&token).await, !takes_back, "{what}");
        let told = app.introspect(&watcher, &token).await.json();
        assert_eq!(told["active"], !takes_back, "{what}");
        // By the credential of its `jti`, or by the client that it stands for.
        let news = app.feed(&watcher, &format!("after={position}")).await;
        let has = |list: &str, mark: Mark| {
            let entries = news.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
            entries.iter().any(|entry| entry[0] == mark.digest())
        };
        let is_told = has("credentials", Mark::of(Kind::Credential, &key.id))
            || has("clients", Mark::of(Kind::Client, &owner.id));
        assert_eq!(is_told, takes_back, "{what}: {news:?}");
        // What is still good for it makes new ones.
        let again = app.exchange(&key.key).send().await;
        if again.status == 200 {
            assert!(app.is_good(&again.text("access_token")).await, "{what}: a new one");
        }
    }
    assert!(app.is_good(&other).await, "another key");
}

/// 8693-2: a token ends with its key, to the second, and a key in its last second makes none.
#[actix_web::test]
async fn a_token_ends_with_its_key() {
    let app = TestApp::spawn().await;
    let owner = app.client("read").await;
    let life = Patch::Set(Duration::from_secs(90));
    app.clock.advance(Duration::from_millis(400));
    let key = app.key(NewApiKey { expires_in: life, ..owned_by(&owner) }).await;
    let answer = app.exchange(&key.key).send().await;
    assert_eq!(answer.json()["expires_in"], 90, "{answer:?}");
    let token = answer.text("access_token");
    assert_eq!(part(&token, 1)["exp"], app.now() + 90);
    app.clock.advance(Duration::from_secs(89));
    assert!(app.is_good(&token).await);
    let last = app.exchange(&key.key).send().await;
    assert_eq!(last.json()["expires_in"], 1, "{last:?}");
    // The key is still good, for less than the second that a token would say.
    app.clock.advance(Duration::from_millis(700));
    assert_eq!(app.me(&key.key).await.status, 200);
    assert!(!app.is_good(&token).await);
    app.refuses_subject(&key.key, "its last moment").await;
    // Where the client's tokens live for a shorter time, so do these.
    app.update(
        &owner,
        ClientUpdate { token_ttl: Patch::Set(Duration::from_mins(1)), ..ClientUpdate::default() },
    )
    .await;
    let key = app.key(owned_by(&owner)).await;
    assert_eq!(app.exchange(&key.key).send().await.json()["expires_in"], 60);
}

/// 7009-3: the owner takes a token of its key back, and nobody else.
#[actix_web::test]
async fn the_owner_revokes_a_token_of_its_key() {
    let app = TestApp::spawn().await;
    let (owner, other) = (app.client("read").await, app.client("read").await);
    let key = app.key(owned_by(&owner)).await;
    let (first, second) = (app.token_for(&key).await, app.token_for(&key).await);
    let revoke = async |client: &TestClient, token: &str| {
        let request =
            app.request(Method::POST, "/oauth/revoke").header("authorization", client.basic());
        Answer::of(request.form(&[("token", token)])).await
    };
    revoke(&other, &first).await.assert_oauth_error(400, "unauthorized_client", "another client");
    assert!(app.is_good(&first).await);
    assert_eq!(revoke(&owner, &first).await.status, 200);
    assert!(!app.is_good(&first).await && app.is_good(&second).await);
    assert_eq!(app.me(&key.key).await.status, 200);
}

/// 8693-2: what nobody issued. A client whose id looks like that of a key is a client.
#[actix_web::test]
async fn a_token_is_of_the_key_that_it_names() {
    let app = TestApp::spawn().await;
    let (owner, other) = (app.client("read").await, app.client("read").await);
    let key = app.key(owned_by(&owner)).await;
    let forged = Forgery::of(&app.token_for(&key).await);
    assert!(app.is_good(&forged.sign()).await, "the control");
    assert!(!app.is_good(&forged.clone().without_claim("environment").sign()).await);
    assert!(!app.is_good(&forged.clone().claim("environment", "production").sign()).await);
    assert!(!app.is_good(&forged.clone().claim("environment", json!(["live"])).sign()).await);
    assert!(!app.is_good(&forged.clone().claim("client_id", other.id.as_str()).sign()).await);
    assert!(!app.is_good(&forged.clone().claim("sub", "nobody").sign()).await);

    let namesake = app.client_with_id(&key.id, "read").await;
    app.caught_up().await;
    let token = app.access_token(&namesake).await;
    assert_eq!(app.me(&token).await.text("kind"), "client");
    let of_key = forged.sign();
    assert_eq!(app.me(&of_key).await.text("sub"), owner.id);
    assert_eq!(app.introspect(&namesake, &of_key).await.body, r#"{"active":false}"#);
    let request =
        app.request(Method::POST, "/oauth/revoke").header("authorization", namesake.basic());
    let answer = Answer::of(request.form(&[("token", &of_key)])).await;
    answer.assert_oauth_error(400, "unauthorized_client", "a namesake");
}

/// The limit of the key and that of its owner hold, and what becomes of a key is counted for both.
#[actix_web::test]
async fn exchanges_are_limited_and_counted() {
    let app = TestApp::spawn().await;
    let owner = app.client("read").await;
    let key = app.key(NewApiKey { max_per_minute: Some(2), ..owned_by(&owner) }).await;
    app.caught_up().await;
    for _ in 0..2 {
        assert_eq!(app.exchange(&key.key).send().await.status, 200);
    }
    let over = app.exchange(&key.key).send().await;
    over.assert_oauth_error(429, "temporarily_unavailable", "over the limit of the key");
    assert_eq!(over.header("retry-after"), "31");
    app.exchange(&key.key).scope("write").send().await.assert_oauth_error(
        400,
        "invalid_scope",
        "beyond",
    );
    app.exchange(&key.key).resource(ORDERS).send().await.assert_oauth_error(
        400,
        "invalid_target",
        "other",
    );
    app.flush_usage().await;
    let of_key = async |outcome: &str| {
        let query = format!(
            "SELECT CAST(COALESCE(SUM(times), 0) AS BIGINT) FROM api_key_usage WHERE key_id = '{}' AND outcome = '{outcome}'",
            key.id
        );
        app.database.number(&query).await
    };
    for (outcome, times) in
        [("used", 2), ("over_limit", 1), ("missing_scope", 1), ("other_resource", 1)]
    {
        assert_eq!(of_key(outcome).await, times, "{outcome}");
    }
    let of_owner = async |outcome: &str| {
        let query = format!(
            "SELECT CAST(COALESCE(SUM(times), 0) AS BIGINT) FROM client_usage WHERE client_id = '{}' AND outcome = '{outcome}'",
            owner.id
        );
        app.database.number(&query).await
    };
    for (outcome, times) in [("token", 2), ("invalid_scope", 1), ("invalid_target", 1)] {
        assert_eq!(of_owner(outcome).await, times, "{outcome}");
    }

    let mut new = crate::app::new_client("read");
    new.terms.max_tokens_per_hour = Some(1);
    let owner = app.create(new).await;
    let key = app.key(owned_by(&owner)).await;
    assert_eq!(app.exchange(&key.key).send().await.status, 200);
    let over = app.exchange(&key.key).send().await;
    over.assert_oauth_error(429, "temporarily_unavailable", "over the limit of the owner");
    app.token(&owner).send().await.assert_oauth_error(
        429,
        "temporarily_unavailable",
        "they share it",
    );
}

/// SEC-3: a key that there is not costs one query, a malformed one none, one that is remembered
/// none.
#[actix_web::test]
async fn wrong_keys_cost_little() {
    const LOOKUPS: &str = "mintery_store_queries_total{purpose=\"lookup\"}";
    let app = TestApp::spawn().await;
    let owner = app.client("read").await;
    let key = app.key(owned_by(&owner)).await;
    app.caught_up().await;
    app.token_for(&key).await;
    let before = app.metric(LOOKUPS).await;
    let unknown = KeyFormat::default().generate(Environment::Live, &SystemRandom);
    for _ in 0..5 {
        app.token_for(&key).await;
        app.refuses_subject(unknown.expose(), "unknown").await;
        app.refuses_subject(&key.key[..57], "malformed").await;
    }
    let cost = app.metric(LOOKUPS).await - before;
    assert!((cost - 1.0).abs() < 0.5, "{cost}");
}

/// 8693-2: what one node took back is void on another within a second; and a key that was stopped
/// and let go there makes tokens here that are good from the start.
#[actix_web::test]
async fn other_nodes_take_no_part_in_the_past() {
    if !is_postgres() {
        // One process serves an embedded database.
        return;
    }
    let database = TestDatabase::create().await;
    let one = TestApp::on(Arc::clone(&database), &[]).await.unwrap();
    let other = TestApp::on(database, &[]).await.unwrap();
    let owner = one.client("read").await;
    let key = one.key(owned_by(&owner)).await;
    let token = one.token_for(&key).await;
    within_a_second(200, || other.me(&token)).await;
    api_key::set_enabled(&one.admin, &key.id(), false).await.unwrap();
    within_a_second(401, || one.me(&token)).await;
    within_a_second(401, || other.me(&token)).await;
    // Looked up there before that node has come to what was done with them.
    for _ in 0..5 {
        let key = one.key(owned_by(&owner)).await;
        api_key::set_enabled(&one.admin, &key.id(), false).await.unwrap();
        api_key::set_enabled(&one.admin, &key.id(), true).await.unwrap();
        let token = other.token_for(&key).await;
        for node in [&one, &other] {
            node.caught_up().await;
            assert_eq!(node.me(&token).await.status, 200);
        }
    }
    let key = one.key(owned_by(&owner)).await;
    let token = other.token_for(&key).await;
    api_key::revoke(&one.admin, &key.id()).await.unwrap();
    within_a_second(401, || other.me(&token)).await;
    within_a_second(400, || other.exchange(&key.key).send()).await;
}
