//! `/api/v1/clients…`

use actix_web::HttpRequest;
use actix_web::web::{Data, Path, Payload};

use super::answer::{complete_list, created, gone, ok};
use super::authorize::authorize;
use super::change::SentChange;
use super::input::authorize_and_read;
use super::page::{Page, PageQuery};
use super::version::{if_match, tagged};
use crate::admin::json::client::{ClientInput, ClientJson, CreatedJson, ShownJson};
use crate::admin::json::secret::{MadeSecretJson, SecretInput, SecretJson};
use crate::admin::{AdminError, client, revocation};
use crate::http::act::{Outcome, applied};
use crate::model::client::{ClientId, ClientUpdate, SecretId};
use crate::model::own_scope::OwnScope;
use crate::oauth::AuthorizationServer;

type Server = Data<AuthorizationServer>;

/// `GET /api/v1/clients`
pub async fn list(request: HttpRequest, server: Server) -> Outcome {
    let admin = authorize(&request, &server, OwnScope::ClientsRead).await?;
    let query = PageQuery::parse(request.query_string(), &["enabled", "name"])?;
    let filter = client::Filter {
        name: query.filter("name").map(ToOwned::to_owned),
        enabled: query.flag("enabled")?,
    };
    let clients = client::page(&admin, query.after(), query.limit_and_one(), &filter).await?;
    let page = Page::new(&query, &clients, |client| client.id.to_string(), ClientJson::from);
    Ok(ok(&page))
}

/// `POST /api/v1/clients`
pub async fn create(request: HttpRequest, server: Server, payload: Payload) -> Outcome {
    let (admin, input) =
        authorize_and_read::<ClientInput>(&request, &server, OwnScope::ClientsWrite, payload)
            .await?;
    let made = client::create(&admin, input.into_new()?).await?;
    applied(&server, &admin).await?;
    let path = format!("/api/v1/clients/{}", path_segment(made.client.id.as_str()));
    Ok(created(&server, &path, &CreatedJson::from(&made)))
}

/// `GET /api/v1/clients/{client_id}`
pub async fn show(request: HttpRequest, server: Server, id: Path<String>) -> Outcome {
    let admin = authorize(&request, &server, OwnScope::ClientsRead).await?;
    let (client, secrets) = client::show(&admin, &parse(&id)?).await?;
    Ok(tagged(ok(&ShownJson::new(&client, &secrets)), &client::version(&client)))
}

/// `PATCH /api/v1/clients/{client_id}`
pub async fn update(
    request: HttpRequest,
    server: Server,
    id: Path<String>,
    payload: Payload,
) -> Outcome {
    let (admin, sent) =
        SentChange::authorize_and_read(&request, &server, OwnScope::ClientsWrite, payload).await?;
    let (shown, secrets) = client::show(&admin, &parse(&id)?).await?;
    let fixed = ["client_id_issued_at", "enabled", "secrets", "token_endpoint_auth_method"];
    let input: ClientInput = sent.parse(&ShownJson::new(&shown, &secrets), &fixed)?;
    let update = ClientUpdate { seen: if_match(&request)?, ..input.into_update()? };
    let client = client::update(&admin, &shown.id, update).await?;
    applied(&server, &admin).await?;
    Ok(tagged(ok(&ClientJson::from(&client)), &client::version(&client)))
}

/// `DELETE /api/v1/clients/{client_id}`
pub async fn delete(request: HttpRequest, server: Server, id: Path<String>) -> Outcome {
    let admin = authorize(&request, &server, OwnScope::ClientsWrite).await?;
    client::delete(&admin, &parse(&id)?).await?;
    applied(&server, &admin).await?;
    Ok(gone())
}

/// `POST /api/v1/clients/{client_id}/enable` and `…/disable`
pub async fn set_enabled<const ENABLED: bool>(
    request: HttpRequest,
    server: Server,
    id: Path<String>,
) -> Outcome {
    let (admin, id) = (authorize(&request, &server, OwnScope::ClientsWrite).await?, parse(&id)?);
    client::set_enabled(&admin, &id, ENABLED).await?;
    applied(&server, &admin).await?;
    let (client, _) = client::show(&admin, &id).await?;
    Ok(ok(&ClientJson::from(&client)))
}

/// `POST /api/v1/clients/{client_id}/revoke-tokens`
pub async fn revoke_tokens(request: HttpRequest, server: Server, id: Path<String>) -> Outcome {
    let admin = authorize(&request, &server, OwnScope::ClientsWrite).await?;
    revocation::revoke_client_tokens(&admin, &parse(&id)?).await?;
    applied(&server, &admin).await?;
    Ok(gone())
}

/// `GET /api/v1/clients/{client_id}/secrets`
pub async fn secrets(request: HttpRequest, server: Server, id: Path<String>) -> Outcome {
    let admin = authorize(&request, &server, OwnScope::ClientsRead).await?;
    let (_, secrets) = client::show(&admin, &parse(&id)?).await?;
    Ok(complete_list(secrets.iter().map(SecretJson::from)))
}

/// `POST /api/v1/clients/{client_id}/secrets`
pub async fn add_secret(
    request: HttpRequest,
    server: Server,
    id: Path<String>,
    payload: Payload,
) -> Outcome {
    let (admin, input) =
        authorize_and_read::<SecretInput>(&request, &server, OwnScope::ClientsWrite, payload)
            .await?;
    let id = parse(&id)?;
    let made = client::add_secret(&admin, &id, input.into_new()?).await?;
    applied(&server, &admin).await?;
    let path = format!(
        "/api/v1/clients/{}/secrets/{}",
        path_segment(id.as_str()),
        made.secret.id.as_str()
    );
    Ok(created(&server, &path, &MadeSecretJson::new(&id, &made)))
}

/// `DELETE /api/v1/clients/{client_id}/secrets/{id}`
pub async fn revoke_secret(
    request: HttpRequest,
    server: Server,
    ids: Path<(String, String)>,
) -> Outcome {
    let admin = authorize(&request, &server, OwnScope::ClientsWrite).await?;
    client::revoke_secret(&admin, &parse(&ids.0)?, &parse_secret(&ids.1)?).await?;
    applied(&server, &admin).await?;
    Ok(gone())
}

/// Parses a client id; an invalid one is not found.
pub(super) fn parse(id: &str) -> Result<ClientId, AdminError> {
    ClientId::parse(id).map_err(|_| AdminError::NotFound("client of this id".to_owned()))
}

/// Parses a secret id. An invalid one is not found and not repeated: it may be the secret itself.
pub(super) fn parse_secret(id: &str) -> Result<SecretId, AdminError> {
    SecretId::parse(id).map_err(|_| AdminError::NotFound("secret of this id".to_owned()))
}

/// An id, or an identifier, as a segment of a path.
pub(super) fn path_segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
