//! The yardstick for Mintery: the minimum of work in actix-web that answers the same bytes.
//!
//! One worker, no client, no check, no database. `POST /oauth/token` reads the form and signs with
//! a parsed key (ES256; RS256 or EdDSA by the second argument), `GET /seen` answers as `GET
//! /api/v1/users/me`, and `GET /verify` does so after one signature check. `GET /granted` answers
//! as `GET /auth/check`. `POST /introspect` reads the form and answers as `POST /oauth/introspect`.
//! A token for `/verify` comes from `/oauth/token` of the same process, whose key lives as long as
//! it does.

use std::{
    borrow::Cow,
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpResponseBuilder, HttpServer, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    web,
};
use aws_lc_rs::{
    digest, rand,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
        Ed25519KeyPair, KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256,
        RsaKeyPair,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

const CLIENT_ID: &str = "mc_0123456789abcdef0123456789abcdef";
const TTL_SECS: u64 = 3600;
const ME: &str = r#"{"sub":"mc_0123456789abcdef0123456789abcdef","kind":"client","name":"bench","scope":"read write","credential":"access_token","expires_at":1234567890}"#;

const INTROSPECTED: &str = r#"{"active":true,"scope":"read write","client_id":"mc_0123456789abcdefghijkl","sub":"mc_0123456789abcdefghijkl","aud":"http://127.0.0.1:12345","iss":"http://127.0.0.1:12345","exp":1234567890,"iat":1234567890,"nbf":1234567890,"jti":"0123456789abcdefghijklmnopqrstuvwxyzABCDEFG","token_type":"Bearer"}"#;

const GRANTED: [(&str, &str); 5] = [
    ("cache-control", "no-store"),
    ("x-request-id", "0123456789abcdef0123456789abcdef"),
    ("x-auth-subject", "mc_0123456789abcdefghijkl"),
    ("x-auth-kind", "client"),
    ("x-auth-scope", "read write"),
];

/// The maximum length of a signature: RS256 with a key of 2048 bits.
const MAX_SIGNATURE_LEN: usize = 256;

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().ok_or("usage: yardstick ADDRESS [ES256|RS256|EdDSA]")?;
    let algorithm = arguments.next().unwrap_or_else(|| "ES256".to_owned());
    let yardstick = web::Data::new(Yardstick::new(format!("http://{address}"), &algorithm)?);
    HttpServer::new(move || {
        App::new()
            .app_data(yardstick.clone())
            .route("/oauth/token", web::post().to(token))
            .route("/seen", web::get().to(seen))
            .route("/granted", web::get().to(granted))
            .route("/introspect", web::post().to(introspect))
            .route("/verify", web::get().to(verify))
    })
    .workers(1)
    .bind(address)?
    .run()
    .await?;
    Ok(())
}

async fn token(yardstick: web::Data<Yardstick>, body: web::Bytes) -> Result<HttpResponse, Refused> {
    let form: Form<'_> = serde_urlencoded::from_bytes(&body).map_err(|_| Refused)?;
    if form.grant_type != "client_credentials" {
        return Err(Refused);
    }
    let answer = serde_json::to_vec(&Answer {
        access_token: &yardstick.sign(&form.scope)?,
        token_type: "Bearer",
        expires_in: TTL_SECS,
        scope: &form.scope,
    })
    .map_err(|_| Refused)?;
    Ok(ok().insert_header((header::PRAGMA, HeaderValue::from_static("no-cache"))).body(answer))
}

async fn seen() -> HttpResponse {
    ok().body(ME)
}

async fn granted() -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    for (name, value) in GRANTED {
        answer.insert_header((HeaderName::from_static(name), HeaderValue::from_static(value)));
    }
    answer.finish()
}

async fn introspect(body: web::Bytes) -> Result<HttpResponse, Refused> {
    let form: Presented<'_> = serde_urlencoded::from_bytes(&body).map_err(|_| Refused)?;
    if form.token.is_empty() {
        return Err(Refused);
    }
    Ok(ok()
        .insert_header((header::PRAGMA, HeaderValue::from_static("no-cache")))
        .body(INTROSPECTED))
}

async fn verify(
    yardstick: web::Data<Yardstick>,
    request: HttpRequest,
) -> Result<HttpResponse, Refused> {
    let token = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or(Refused)?;
    yardstick.verify(token)?;
    Ok(ok().body(ME))
}

/// The status and the headers of every response of Mintery.
fn ok() -> HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::CONTENT_TYPE, HeaderValue::from_static("application/json")))
        .insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .insert_header((
            HeaderName::from_static("x-request-id"),
            HeaderValue::from_static("0123456789abcdef0123456789abcdef"),
        ));
    answer
}

/// The keys, parsed once.
struct Yardstick {
    issuer: String,
    pair: Pair,
    public: ParsedPublicKey,
    random: SystemRandom,
    /// The JOSE header, encoded, with its dot.
    header: String,
}

/// The signing key.
enum Pair {
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Pair {
    fn sign(&self, random: &SystemRandom, message: &[u8]) -> Result<Vec<u8>, Refused> {
        match self {
            Self::Ecdsa(pair) => {
                Ok(pair.sign(random, message).map_err(|_| Refused)?.as_ref().to_vec())
            }
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, random, message, &mut signature)
                    .map_err(|_| Refused)?;
                Ok(signature)
            }
            Self::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }
}

impl Yardstick {
    fn new(issuer: String, algorithm: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let (pair, public) = match algorithm {
            "ES256" => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
                let public = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key())?;
                (Pair::Ecdsa(pair), public)
            }
            "RS256" => {
                let pair = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048)?;
                let public = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key())?;
                (Pair::Rsa(pair), public)
            }
            "EdDSA" => {
                let pair = Ed25519KeyPair::generate()?;
                let public = ParsedPublicKey::new(&ED25519, pair.public_key())?;
                (Pair::Ed25519(pair), public)
            }
            other => return Err(format!("no such algorithm: {other}").into()),
        };
        let mut kid = [0; 32];
        rand::fill(&mut kid)?;
        let kid = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &kid));
        let mut header = URL_SAFE_NO_PAD
            .encode(format!(r#"{{"typ":"at+jwt","alg":"{algorithm}","kid":"{kid}"}}"#));
        header.push('.');
        Ok(Self { issuer, pair, public, random: SystemRandom::new(), header })
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the yardstick reads the time as simply as a program can"
    )]
    fn sign(&self, scope: &str) -> Result<String, Refused> {
        let mut id = [0; 32];
        rand::fill(&mut id).map_err(|_| Refused)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| Refused)?.as_secs();
        let claims = serde_json::to_vec(&Claims {
            iss: &self.issuer,
            sub: CLIENT_ID,
            client_id: CLIENT_ID,
            aud: &self.issuer,
            iat: now,
            nbf: now,
            exp: now + TTL_SECS,
            jti: &URL_SAFE_NO_PAD.encode(id),
            scope,
        })
        .map_err(|_| Refused)?;

        let mut token = String::with_capacity(
            self.header.len() + (claims.len() + MAX_SIGNATURE_LEN) * 4 / 3 + 4,
        );
        token.push_str(&self.header);
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.pair.sign(&self.random, token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    fn verify(&self, token: &str) -> Result<(), Refused> {
        let (message, encoded) = token.rsplit_once('.').ok_or(Refused)?;
        let mut signature = [0; MAX_SIGNATURE_LEN + 2];
        let length = URL_SAFE_NO_PAD.decode_slice(encoded, &mut signature).map_err(|_| Refused)?;
        let signature = signature.get(..length).ok_or(Refused)?;
        self.public.verify_sig(message.as_bytes(), signature).map_err(|_| Refused)
    }
}

#[derive(Deserialize)]
struct Presented<'a> {
    #[serde(borrow)]
    token: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Form<'a> {
    #[serde(borrow)]
    grant_type: Cow<'a, str>,
    #[serde(borrow)]
    scope: Cow<'a, str>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    client_id: &'a str,
    aud: &'a str,
    iat: u64,
    nbf: u64,
    exp: u64,
    jti: &'a str,
    scope: &'a str,
}

#[derive(Serialize)]
struct Answer<'a> {
    access_token: &'a str,
    token_type: &'a str,
    expires_in: u64,
    scope: &'a str,
}

/// A request that the driver never sends: its appearance invalidates the measurement.
#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a request of this benchmark")
    }
}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        StatusCode::BAD_REQUEST
    }
}
