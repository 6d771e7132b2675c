//! An API that is protected with the adapter for actix-web, on a port of its own.

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use mintery_verifier::{Principal, RequireScope, Verifier, protected_resource_metadata};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use serde_json::{Value, json};

pub struct Api {
    pub url: String,
    handle: ServerHandle,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// The way in which the application gets its verifier.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    Plain,
    Data,
    Metadata,
    Forgotten,
}

async fn whoami(caller: Principal) -> HttpResponse {
    HttpResponse::Ok().body(format!("{} {}", caller.subject(), caller.scopes()))
}

async fn open() -> &'static str {
    "open"
}

impl Api {
    pub fn spawn(verifier: &Verifier, setup: Setup) -> Self {
        Self::spawn_nested(verifier, verifier, setup)
    }

    pub fn spawn_nested(verifier: &Verifier, inner: &Verifier, setup: Setup) -> Self {
        let (verifier, inner) = (verifier.clone(), inner.clone());
        let server = HttpServer::new(move || {
            // What the outer verifier recognised is not what the inner one asks for.
            let nested = web::scope("/nested").wrap(RequireScope::all(["read"])).service(
                web::scope("/inner").app_data(inner.clone()).route("", web::get().to(whoami)),
            );
            let app = App::new()
                .service(nested)
                .route("/open", web::get().to(open))
                .route("/whoami", web::get().to(whoami))
                .service(web::resource("/read").wrap(RequireScope::all(["read"])).to(whoami))
                .service(
                    web::resource("/both").wrap(RequireScope::all(["read", "write"])).to(whoami),
                )
                .service(
                    web::resource("/any").wrap(RequireScope::any(["write", "admin"])).to(whoami),
                )
                .service(web::resource("/token").wrap(RequireScope::all::<&str>([])).to(open))
                .service(web::resource("/closed").wrap(RequireScope::all(["no\"scope"])).to(open))
                .service(web::resource("/nobody").wrap(RequireScope::any::<&str>([])).to(open));
            match setup {
                Setup::Plain => app.app_data(verifier.clone()),
                Setup::Data => app.app_data(web::Data::new(verifier.clone())),
                Setup::Metadata => app
                    .app_data(verifier.clone())
                    .service(protected_resource_metadata(&verifier, ["read", "write"])),
                Setup::Forgotten => app,
            }
        });
        let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { url, handle }
    }

    pub async fn get(&self, path: &str, authorization: &[&str]) -> Answer {
        let mut request =
            reqwest::Client::new().request(Method::GET, format!("{}{path}", self.url));
        for value in authorization {
            request = request.header(AUTHORIZATION, *value);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, body: answer.bytes().await.unwrap().to_vec() }
    }

    pub async fn get_with(&self, path: &str, token: &str) -> Answer {
        self.get(path, &[&format!("Bearer {token}")]).await
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A refusal of this status and code, with this challenge.
    pub fn assert_refusal(&self, status: u16, code: &str, challenge: &str) {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(self.header("www-authenticate"), challenge);
        let body = self.json();
        assert_eq!(body["status"], status);
        assert_eq!(body["code"], code);
        assert_eq!(body["message"], body["detail"]);
        assert_eq!(body["error"], json!({ "message": body["detail"], "type": code, "code": code }));
        for member in ["type", "title", "detail"] {
            assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{body}");
        }
    }
}
