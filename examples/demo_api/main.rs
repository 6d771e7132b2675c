//! An API for people and programs that accepts both Mintery's API keys and its access tokens. With a
//! server (`make run`) beside it:
//!
//! ```text
//! ISSUER=http://127.0.0.1:8080 SERVICE_KEY=mtk_live_… cargo run --example demo_api
//! curl http://127.0.0.1:9000/servers -H "X-API-Key: $KEY"
//! ```
//!
//! | part | job |
//! | --- | --- |
//! | `caller` | finds the one credential of a request, and verifies it |
//! | `keys` | asks Mintery about API keys; `mintery_verifier` verifies tokens without a question |
//! | `problem` | the responses to rejected requests |
//! | `chat` | a few addresses in the shape that OpenAI clients read |
//!
//! `ISSUER`, `AUDIENCE` and `LISTEN` are as in `resource_server.rs`. `SERVICE_KEY` is an API key of
//! this API's own, with the scope `mintery:keys:verify`: it asks about other keys and follows
//! revocations. Pages of `ALLOWED_ORIGINS` (separated by commas) may call from a browser.
//! `docs/guides/api-keys.md` is the guide.

mod caller;
mod chat;
mod keys;
mod problem;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Mutex;

use actix_cors::Cors;
use actix_web::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, Json, JsonConfig};
use actix_web::{App, HttpResponse, HttpServer, Responder};
use mintery_verifier::{FollowRevocations, Verifier};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::keys::ApiKeys;
use crate::problem::Problem;

/// The longest accepted body, in bytes.
const MAX_BODY_LEN: usize = 64 * 1024;

/// The maximum number of stored tasks; a new one replaces the oldest.
const MAX_TASKS: usize = 1000;

type Tasks = Data<Mutex<Vec<Value>>>;

#[derive(Deserialize)]
struct NewTask {
    title: String,
}

async fn list_servers(caller: Caller) -> Result<impl Responder, Problem> {
    caller.needs("servers:read")?;
    Ok(Json(json!({ "servers": [{ "name": "alpha" }, { "name": "beta" }], "for": caller.sub })))
}

async fn list_tasks(caller: Caller, tasks: Tasks) -> Result<impl Responder, Problem> {
    caller.needs("tasks:read")?;
    let tasks = tasks.lock().map_err(|_| Problem::Unavailable)?;
    let own: Vec<Value> =
        tasks.iter().filter(|task| task["owner"] == *caller.sub).cloned().collect();
    Ok(Json(json!({ "tasks": own })))
}

async fn create_task(
    caller: Caller,
    new: Json<NewTask>,
    tasks: Tasks,
) -> Result<impl Responder, Problem> {
    caller.needs("tasks:write")?;
    let mut tasks = tasks.lock().map_err(|_| Problem::Unavailable)?;
    let id = tasks.last().and_then(|last| last["id"].as_u64()).unwrap_or_default() + 1;
    let task =
        json!({ "id": id, "title": new.title, "owner": caller.sub, "created_by": caller.name });
    if tasks.len() >= MAX_TASKS {
        tasks.remove(0);
    }
    tasks.push(task.clone());
    Ok(HttpResponse::Created().json(task))
}

/// The identity of the caller, which a command line shows after `login`.
async fn check(caller: Caller) -> impl Responder {
    Json(
        json!({ "sub": caller.sub, "name": caller.name, "kind": caller.kind, "scope": caller.scope }),
    )
}

/// Pages send their own key or token in a header; cookies are never accepted.
fn cors(allowed_origins: &str) -> Cors {
    let origins = allowed_origins.split(',').map(str::trim).filter(|origin| !origin.is_empty());
    let cors = Cors::default()
        .allowed_methods(["GET", "POST"])
        .allow_any_header()
        .expose_headers([WWW_AUTHENTICATE, RETRY_AFTER])
        // Without the header a browser blocks the page; other programs are not affected.
        .block_on_origin_mismatch(false)
        .max_age(600);
    origins.fold(cors, Cors::allowed_origin)
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

async fn run() -> Result<(), Box<dyn Error>> {
    let issuer = setting("ISSUER", "http://127.0.0.1:8080");
    let audience = setting("AUDIENCE", &issuer);
    let listen = setting("LISTEN", "127.0.0.1:9000");
    let allowed_origins = setting("ALLOWED_ORIGINS", "");
    let own_key = std::env::var("SERVICE_KEY").map(|key| key.trim().to_owned());
    let own_key = own_key.map_err(|_| "SERVICE_KEY is a key with the scope mintery:keys:verify")?;

    let follow = FollowRevocations::with_api_key(&*own_key);
    let verifier =
        Verifier::builder(&issuer).audience(&*audience).revocations(follow).build().await?;
    let keys = Data::new(ApiKeys::new(&issuer, &audience, own_key)?);
    let tasks: Tasks = Data::default();
    println!("taking keys and tokens of {issuer} at http://{listen}");
    HttpServer::new(move || {
        App::new()
            .wrap(from_fn(caller::known_only))
            // Around it: a browser that asks whether a page may call has no key, and a page may
            // read a refusal.
            .wrap(cors(&allowed_origins))
            .app_data(verifier.clone())
            .app_data(keys.clone())
            .app_data(tasks.clone())
            .app_data(
                JsonConfig::default()
                    .limit(MAX_BODY_LEN)
                    .error_handler(|error, _| problem::bad_json(&error)),
            )
            .route("/servers", web::get().to(list_servers))
            .route("/v4/auth/check", web::get().to(check))
            .service(
                web::scope("/v1")
                    .route("/tasks", web::get().to(list_tasks))
                    .route("/tasks", web::post().to(create_task))
                    .configure(chat::routes),
            )
            .default_service(web::to(|| async { HttpResponse::from_error(Problem::NotFound) }))
    })
    .bind(listen)?
    .run()
    .await?;
    Ok(())
}
