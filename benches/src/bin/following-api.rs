//! An API in a process of its own that verifies offline and follows the issuer's revocations:
//!
//! ```text
//! following-api LISTEN ISSUER CLIENT_ID CLIENT_SECRET
//! ```
//!
//! `GET /` answers 204 to a valid token for the issuer, and 401 to any other; `GET /ready` answers
//! 200.

use std::error::Error;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use mintery_verifier::{FollowRevocations, Verifier};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [listen, issuer, id, secret] = arguments.as_slice() else {
        return Err("LISTEN ISSUER CLIENT_ID CLIENT_SECRET".into());
    };
    let follow = FollowRevocations::with_secret(id, secret.clone());
    let verifier = Verifier::builder(issuer).audience(issuer).revocations(follow).build().await?;
    HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(verifier.clone()))
            .route("/", web::get().to(show))
            .route("/ready", web::get().to(HttpResponse::Ok))
    })
    .workers(1)
    .bind(listen)?
    .run()
    .await?;
    Ok(())
}

async fn show(request: HttpRequest, verifier: web::Data<Verifier>) -> HttpResponse {
    let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    let token = header.and_then(|header| header.strip_prefix("Bearer "));
    match token {
        Some(token) if verifier.verify(token).await.is_ok() => HttpResponse::NoContent().finish(),
        _ => HttpResponse::Unauthorized().finish(),
    }
}
