//! An API in a process of its own, that Mintery's tokens open. With a server (`make run`) beside it:
//!
//! ```text
//! cargo run --example resource_server --no-default-features --features actix
//! curl http://127.0.0.1:9000/servers -H "Authorization: Bearer $TOKEN"
//! ```
//!
//! `ISSUER`, `AUDIENCE` and `LISTEN` say who issues the tokens, what must stand in their `aud`, and where it listens.

use std::error::Error;
use std::process::ExitCode;

use actix_web::{App, HttpResponse, HttpServer, web};
use mintery::resource::{Principal, RequireScope, Verifier, protected_resource_metadata};
use serde_json::json;

const SCOPES: [&str; 2] = ["servers:read", "tasks:write"];

async fn list_servers(caller: Principal) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "servers": ["alpha", "beta"], "for": caller.subject() }))
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

async fn run() -> Result<(), Box<dyn Error>> {
    let issuer = setting("ISSUER", "http://127.0.0.1:8080");
    let audience = setting("AUDIENCE", &issuer);
    let listen = setting("LISTEN", "127.0.0.1:9000");

    let verifier = Verifier::builder(&issuer).audience(audience).build().await?;
    println!("verifying tokens of {issuer} at http://{listen}");
    HttpServer::new(move || {
        App::new()
            .app_data(verifier.clone())
            .service(protected_resource_metadata(&verifier, SCOPES))
            .service(web::resource("/servers").wrap(RequireScope::all(["servers:read"])).get(list_servers))
            .service(web::resource("/v1/tasks").wrap(RequireScope::all(["tasks:write"])).post(create_task))
    })
    .bind(listen)?
    .run()
    .await?;
    Ok(())
}
