//! `/api/v1/signing-keys…`. Importing a key is limited to the command line: the holder of a private
//! key can sign any token, and so act as anyone without being granted a scope.

use actix_web::HttpRequest;
use actix_web::web::{Data, Path, Payload};
use serde::{Deserialize, Serialize};

use super::answer::{complete_list, ok};
use super::authorize::authorize;
use super::input::authorize_and_read;
use crate::admin::json::signing_key::SigningKeyJson;
use crate::admin::{AdminError, signing_key};
use crate::http::act::{Outcome, applied};
use crate::model::own_scope::OwnScope;
use crate::model::signing_key::{SigningAlgorithm, UnknownAlgorithm};
use crate::oauth::AuthorizationServer;

type Server = Data<AuthorizationServer>;

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    key: SigningKeyJson<'a>,
    /// In PEM; absent for a symmetric key or a revoked one.
    public_key: Option<String>,
}

/// The parameters of a rotation.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// The algorithm; the one of the settings if absent.
    alg: Option<String>,
    /// Sign immediately, without publishing the key first.
    #[serde(default)]
    now: bool,
}

/// `GET /api/v1/signing-keys`
pub async fn list(request: HttpRequest, server: Server) -> Outcome {
    let admin = authorize(&request, &server, OwnScope::SigningKeysRead).await?;
    let keys = signing_key::schedules(&admin).await?;
    let now = server.context.clock.now();
    Ok(complete_list(keys.iter().map(|key| SigningKeyJson::at(key, now))))
}

/// `GET /api/v1/signing-keys/{kid}`
pub async fn show(request: HttpRequest, server: Server, kid: Path<String>) -> Outcome {
    let admin = authorize(&request, &server, OwnScope::SigningKeysRead).await?;
    let (key, public_key) = signing_key::show(&admin, checked(&kid)?).await?;
    let key = SigningKeyJson::at(&key, server.context.clock.now());
    Ok(ok(&Shown { key, public_key }))
}

/// `POST /api/v1/signing-keys/rotate`
pub async fn rotate(request: HttpRequest, server: Server, payload: Payload) -> Outcome {
    let (admin, rotation) =
        authorize_and_read::<Rotation>(&request, &server, OwnScope::SigningKeysWrite, payload)
            .await?;
    let invalid = |error: UnknownAlgorithm| AdminError::Invalid(error.to_string());
    let algorithm =
        rotation.alg.as_deref().map(str::parse::<SigningAlgorithm>).transpose().map_err(invalid)?;
    let ahead = (!rotation.now).then_some(server.publication.ahead);
    let change =
        signing_key::rotate(&admin, algorithm.unwrap_or(server.tokens.algorithm), ahead).await?;
    applied(&server, &admin).await?;
    Ok(ok(&SigningKeyJson::at(&change.key, server.context.clock.now())))
}

/// `POST /api/v1/signing-keys/{kid}/retire`
pub async fn retire(request: HttpRequest, server: Server, kid: Path<String>) -> Outcome {
    let admin = authorize(&request, &server, OwnScope::SigningKeysWrite).await?;
    let change = signing_key::retire(&admin, checked(&kid)?, server.tokens.algorithm).await?;
    applied(&server, &admin).await?;
    Ok(ok(&SigningKeyJson::at(&change.key, server.context.clock.now())))
}

/// Parses a key id. An invalid one is not found and not repeated.
fn checked(kid: &str) -> Result<&str, AdminError> {
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if kid.bytes().all(is_id) {
        Ok(kid)
    } else {
        Err(AdminError::NotFound("signing key of this id".to_owned()))
    }
}
