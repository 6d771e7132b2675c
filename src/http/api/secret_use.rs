//! `/api/v1/clients/{client_id}/secrets/{id}/safe-to-revoke`

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::web::{Data, Path};

use super::answer::ok;
use super::authorize::authorize;
use super::clients::{parse, parse_secret};

use crate::admin::AdminError;
use crate::admin::json::secret_use::SecretUseJson;
use crate::admin::secret_use::{self, Asked};
use crate::http::act::Outcome;
use crate::model::own_scope::OwnScope;
use crate::oauth::AuthorizationServer;

/// `GET /api/v1/clients/{client_id}/secrets/{id}/safe-to-revoke`
pub async fn safe_to_revoke(
    request: HttpRequest,
    server: Data<AuthorizationServer>,
    ids: Path<(String, String)>,
) -> Outcome {
    let admin = authorize(&request, &server, OwnScope::ClientsRead).await?;
    let unused_for = unused_for(request.query_string())?;
    let asked = Asked { unused_for, usual_ttl: server.tokens.ttl };
    let found =
        secret_use::safe_to_revoke(&admin, &parse(&ids.0)?, &parse_secret(&ids.1)?, asked).await?;
    Ok(ok(&SecretUseJson::from(&found)))
}

/// The required time without use in the query.
fn unused_for(query: &str) -> Result<Option<Duration>, AdminError> {
    let invalid = |reason: &str| AdminError::Invalid(reason.to_owned());
    let parameters = serde_urlencoded::from_str::<Vec<(String, String)>>(query)
        .map_err(|_| invalid("the query is malformed"))?;
    match parameters.as_slice() {
        [] => Ok(None),
        [(name, value)] if name == "unused_for" => {
            let secs =
                value.parse().map_err(|_| invalid("unused_for must be a number of seconds"))?;
            Ok(Some(Duration::from_secs(secs)))
        }
        _ => Err(invalid("the query may only have unused_for, once")),
    }
}
