//! `/api/v1/clients…`

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::administration::{
    self, Outcome, answer, applied, authorize, authorize_and_read, created, gone, json,
};
use super::page::{Page, PageQuery};
use super::version::{if_match, tagged};
use crate::admin::json::{
    ClientInput, ClientJson, CreatedJson, MadeSecretJson, SecretInput, SecretJson, ShownJson,
};
use crate::admin::{AdminError, client, revocation};
use crate::model::client::{ClientId, ClientUpdate, SecretId};
use crate::oauth::AuthorizationServer;

pub(super) const READ: &str = "mintery:clients:read";
const WRITE: &str = "mintery:clients:write";

type Server = Data<AuthorizationServer>;

/// `GET /api/v1/clients`
pub async fn list(request: HttpRequest, server: Server) -> HttpResponse {
    answer(&request, &server, do_list(&request, &server).await)
}

async fn do_list(request: &HttpRequest, server: &AuthorizationServer) -> Outcome {
    let admin = authorize(request, server, READ).await?;
    let query = PageQuery::parse(request.query_string(), &["enabled", "name"])?;
    let filter = client::Filter {
        name: query.filter("name").map(ToOwned::to_owned),
        enabled: query.flag("enabled")?,
    };
    let clients = client::page(&admin, query.after(), query.limit_and_one(), &filter).await?;
    let page = Page::new(&query, &clients, |client| client.id.to_string(), ClientJson::from);
    Ok(json(StatusCode::OK, &page))
}

/// `POST /api/v1/clients`
pub async fn create(request: HttpRequest, server: Server, payload: Payload) -> HttpResponse {
    answer(&request, &server, do_create(&request, &server, payload).await)
}

async fn do_create(
    request: &HttpRequest,
    server: &AuthorizationServer,
    payload: Payload,
) -> Outcome {
    let (admin, input) = authorize_and_read::<ClientInput>(request, server, WRITE, payload).await?;
    let made = client::create(&admin, input.into_new()?).await?;
    applied(server, &admin).await?;
    let path = format!("/api/v1/clients/{}", path_segment(made.client.id.as_str()));
    Ok(created(server, &path, &CreatedJson::from(&made)))
}

/// `GET /api/v1/clients/{client_id}`
pub async fn show(request: HttpRequest, server: Server, id: Path<String>) -> HttpResponse {
    answer(&request, &server, do_show(&request, &server, &id).await)
}

async fn do_show(request: &HttpRequest, server: &AuthorizationServer, id: &str) -> Outcome {
    let admin = authorize(request, server, READ).await?;
    let (client, secrets) = client::show(&admin, &parse(id)?).await?;
    Ok(tagged(json(StatusCode::OK, &ShownJson::new(&client, &secrets)), &client::version(&client)))
}

/// `PATCH /api/v1/clients/{client_id}`
pub async fn update(
    request: HttpRequest,
    server: Server,
    id: Path<String>,
    payload: Payload,
) -> HttpResponse {
    answer(&request, &server, do_update(&request, &server, &id, payload).await)
}

async fn do_update(
    request: &HttpRequest,
    server: &AuthorizationServer,
    id: &str,
    payload: Payload,
) -> Outcome {
    let (admin, input) = authorize_and_read::<ClientInput>(request, server, WRITE, payload).await?;
    let update = ClientUpdate { seen: if_match(request)?, ..input.into_update()? };
    let client = client::update(&admin, &parse(id)?, update).await?;
    applied(server, &admin).await?;
    Ok(tagged(json(StatusCode::OK, &ClientJson::from(&client)), &client::version(&client)))
}

/// `DELETE /api/v1/clients/{client_id}`
pub async fn delete(request: HttpRequest, server: Server, id: Path<String>) -> HttpResponse {
    answer(&request, &server, do_delete(&request, &server, &id).await)
}

async fn do_delete(request: &HttpRequest, server: &AuthorizationServer, id: &str) -> Outcome {
    let admin = authorize(request, server, WRITE).await?;
    client::delete(&admin, &parse(id)?).await?;
    applied(server, &admin).await?;
    Ok(gone())
}

/// `POST /api/v1/clients/{client_id}/enable`
pub async fn enable(request: HttpRequest, server: Server, id: Path<String>) -> HttpResponse {
    answer(&request, &server, set_enabled(&request, &server, &id, true).await)
}

/// `POST /api/v1/clients/{client_id}/disable`
pub async fn disable(request: HttpRequest, server: Server, id: Path<String>) -> HttpResponse {
    answer(&request, &server, set_enabled(&request, &server, &id, false).await)
}

async fn set_enabled(
    request: &HttpRequest,
    server: &AuthorizationServer,
    id: &str,
    enabled: bool,
) -> Outcome {
    let (admin, id) = (authorize(request, server, WRITE).await?, parse(id)?);
    client::set_enabled(&admin, &id, enabled).await?;
    applied(server, &admin).await?;
    let (client, _) = client::show(&admin, &id).await?;
    Ok(json(StatusCode::OK, &ClientJson::from(&client)))
}

/// `POST /api/v1/clients/{client_id}/revoke-tokens`
pub async fn revoke_tokens(request: HttpRequest, server: Server, id: Path<String>) -> HttpResponse {
    answer(&request, &server, do_revoke_tokens(&request, &server, &id).await)
}

async fn do_revoke_tokens(
    request: &HttpRequest,
    server: &AuthorizationServer,
    id: &str,
) -> Outcome {
    let admin = authorize(request, server, WRITE).await?;
    revocation::revoke_client_tokens(&admin, &parse(id)?).await?;
    applied(server, &admin).await?;
    Ok(gone())
}

/// `GET /api/v1/clients/{client_id}/secrets`
pub async fn secrets(request: HttpRequest, server: Server, id: Path<String>) -> HttpResponse {
    answer(&request, &server, do_secrets(&request, &server, &id).await)
}

async fn do_secrets(request: &HttpRequest, server: &AuthorizationServer, id: &str) -> Outcome {
    let admin = authorize(request, server, READ).await?;
    let (_, secrets) = client::show(&admin, &parse(id)?).await?;
    Ok(administration::list(secrets.iter().map(SecretJson::from)))
}

/// `POST /api/v1/clients/{client_id}/secrets`
pub async fn add_secret(
    request: HttpRequest,
    server: Server,
    id: Path<String>,
    payload: Payload,
) -> HttpResponse {
    answer(&request, &server, do_add_secret(&request, &server, &id, payload).await)
}

async fn do_add_secret(
    request: &HttpRequest,
    server: &AuthorizationServer,
    id: &str,
    payload: Payload,
) -> Outcome {
    let (admin, input) = authorize_and_read::<SecretInput>(request, server, WRITE, payload).await?;
    let id = parse(id)?;
    let made = client::add_secret(&admin, &id, input.into_new()?).await?;
    applied(server, &admin).await?;
    let path = format!(
        "/api/v1/clients/{}/secrets/{}",
        path_segment(id.as_str()),
        made.secret.id.as_str()
    );
    Ok(created(server, &path, &MadeSecretJson::new(&id, &made)))
}

/// `DELETE /api/v1/clients/{client_id}/secrets/{id}`
pub async fn revoke_secret(
    request: HttpRequest,
    server: Server,
    ids: Path<(String, String)>,
) -> HttpResponse {
    answer(&request, &server, do_revoke_secret(&request, &server, &ids.0, &ids.1).await)
}

async fn do_revoke_secret(
    request: &HttpRequest,
    server: &AuthorizationServer,
    id: &str,
    secret: &str,
) -> Outcome {
    let admin = authorize(request, server, WRITE).await?;
    client::revoke_secret(&admin, &parse(id)?, &parse_secret(secret)?).await?;
    applied(server, &admin).await?;
    Ok(gone())
}

/// What is no client id names no client.
pub(super) fn parse(id: &str) -> Result<ClientId, AdminError> {
    ClientId::parse(id).map_err(|_| AdminError::NotFound("client of this id".to_owned()))
}

/// What is no id of a secret names none, and is not repeated: it may be the secret itself.
pub(super) fn parse_secret(id: &str) -> Result<SecretId, AdminError> {
    SecretId::parse(id).map_err(|_| AdminError::NotFound("secret of this id".to_owned()))
}

/// An id, or an identifier, as a segment of a path.
pub(super) fn path_segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
