//! `/api/v1/clients/{client_id}/secrets/{id}/safe-to-revoke`

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use super::administration::{Outcome, answer, authorize, json};
use super::clients::{READ, parse, parse_secret};
use crate::admin::AdminError;
use crate::admin::json::SecretUseJson;
use crate::admin::secret_use::{self, Asked};
use crate::oauth::AuthorizationServer;

/// `GET /api/v1/clients/{client_id}/secrets/{id}/safe-to-revoke`
pub async fn safe_to_revoke(
    request: HttpRequest,
    server: Data<AuthorizationServer>,
    ids: Path<(String, String)>,
) -> HttpResponse {
    answer(&request, &server, do_safe_to_revoke(&request, &server, &ids.0, &ids.1).await)
}

async fn do_safe_to_revoke(
    request: &HttpRequest,
    server: &AuthorizationServer,
    id: &str,
    secret: &str,
) -> Outcome {
    let admin = authorize(request, server, READ).await?;
    let unused_for = unused_for(request.query_string())?;
    let asked = Asked { unused_for, usual_ttl: server.token_ttl };
    let found =
        secret_use::safe_to_revoke(&admin, &parse(id)?, &parse_secret(secret)?, asked).await?;
    Ok(json(StatusCode::OK, &SecretUseJson::from(&found)))
}

/// What the query says of how long the secret must not have been used.
fn unused_for(query: &str) -> Result<Option<Duration>, AdminError> {
    let invalid = |reason: &str| AdminError::Invalid(reason.to_owned());
    let parameters = serde_urlencoded::from_str::<Vec<(String, String)>>(query)
        .map_err(|_| invalid("the query is malformed"))?;
    match parameters.as_slice() {
        [] => Ok(None),
        [(name, value)] if name == "unused_for" => {
            let secs = value.parse().map_err(|_| invalid("unused_for is a number of seconds"))?;
            Ok(Some(Duration::from_secs(secs)))
        }
        _ => Err(invalid("the query may have unused_for, once")),
    }
}
