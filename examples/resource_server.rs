//! An API that accepts Mintery's access tokens. With a server (`make run`) beside it:
//!
//! ```text
//! cargo run --example resource_server
//! curl http://127.0.0.1:9000/servers -H "Authorization: Bearer $TOKEN"
//! ```
//!
//! `ISSUER` is the issuer of the tokens, `AUDIENCE` the value in their `aud`, and `LISTEN` the address
//! of the API. With `CLIENT_ID` and `CLIENT_SECRET` of a client of its own, the API follows
//! revocations and rejects revoked tokens within a second. `WHEN_STALE` (`refuse`, `accept` or
//! `introspect`) is its policy once its knowledge is older than `MAX_AGE` seconds.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use mintery_verifier::{
    FollowRevocations, Principal, RequireScope, StaleRevocations, Verifier,
    protected_resource_metadata,
};
use serde_json::json;

const SCOPES: [&str; 2] = ["servers:read", "tasks:write"];

async fn list_servers(caller: Principal) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "servers": ["alpha", "beta"], "for": caller.subject() }))
}

/// The state of the feed, for a monitor. Contains no secrets.
async fn health(verifier: web::Data<Verifier>) -> HttpResponse {
    let follower = verifier.follower();
    let error =
        follower.and_then(|follower| follower.status().error).map(|error| error.to_string());
    let age = follower.map(|follower| follower.age().as_secs());
    HttpResponse::Ok().json(json!({ "revocations_age": age, "revocations_error": error }))
}

async fn create_task(caller: Principal) -> HttpResponse {
    HttpResponse::Created().json(json!({ "task": 1, "by": caller.client_id() }))
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

#[actix_web::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn when_stale() -> Result<StaleRevocations, String> {
    match setting("WHEN_STALE", "refuse").as_str() {
        "refuse" => Ok(StaleRevocations::Refuse),
        "accept" => Ok(StaleRevocations::Accept),
        "introspect" => Ok(StaleRevocations::Introspect),
        other => Err(format!("WHEN_STALE is refuse, accept or introspect, not {other:?}")),
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let issuer = setting("ISSUER", "http://127.0.0.1:8080");
    let audience = setting("AUDIENCE", &issuer);
    let listen = setting("LISTEN", "127.0.0.1:9000");

    let mut builder = Verifier::builder(&issuer).audience(audience);
    if let (Ok(client_id), Ok(secret)) =
        (std::env::var("CLIENT_ID"), std::env::var("CLIENT_SECRET"))
    {
        let max_age = Duration::from_secs(setting("MAX_AGE", "10").parse()?);
        let follow = FollowRevocations::with_secret(client_id, secret);
        builder = builder.revocations(follow.when_stale(when_stale()?).max_age(max_age));
    }
    let verifier = builder.build().await?;
    println!("verifying tokens of {issuer} at http://{listen}");
    HttpServer::new(move || {
        App::new()
            .app_data(verifier.clone())
            .app_data(web::Data::new(verifier.clone()))
            .route("/health", web::get().to(health))
            .service(protected_resource_metadata(&verifier, SCOPES))
            .service(
                web::resource("/servers")
                    .wrap(RequireScope::all(["servers:read"]))
                    .get(list_servers),
            )
            .service(
                web::resource("/v1/tasks")
                    .wrap(RequireScope::all(["tasks:write"]))
                    .post(create_task),
            )
    })
    .bind(listen)?
    .run()
    .await?;
    Ok(())
}
