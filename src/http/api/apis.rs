//! `/api/v1/apis…`, where an API is named by its identifier, percent-encoded.

use actix_web::HttpRequest;
use actix_web::web::{Data, Path, Payload};

use super::answer::{complete_list, created, gone, ok};
use super::authorize::authorize;
use super::change::SentChange;
use super::clients::path_segment;
use super::input::authorize_and_read;
use super::version::{if_match, tagged};
use crate::admin::api::ApiUpdate;
use crate::admin::json::api::{ApiInput, ApiJson};
use crate::admin::{AdminError, api, revocation};
use crate::http::act::{Outcome, applied};
use crate::model::own_scope::OwnScope;
use crate::model::resource::ResourceUri;
use crate::oauth::AuthorizationServer;

type Server = Data<AuthorizationServer>;

/// `GET /api/v1/apis`
pub async fn list(request: HttpRequest, server: Server) -> Outcome {
    let admin = authorize(&request, &server, OwnScope::ApisRead).await?;
    let apis = api::list(&admin).await?;
    Ok(complete_list(apis.iter().map(ApiJson::from)))
}

/// `POST /api/v1/apis`
pub async fn create(request: HttpRequest, server: Server, payload: Payload) -> Outcome {
    let (admin, input) =
        authorize_and_read::<ApiInput>(&request, &server, OwnScope::ApisWrite, payload).await?;
    let (resource, terms) = input.into_new()?;
    let made = api::create(&admin, resource, terms).await?;
    applied(&server, &admin).await?;
    let path = format!("/api/v1/apis/{}", path_segment(made.resource.as_str()));
    Ok(created(&server, &path, &ApiJson::from(&made)))
}

/// `GET /api/v1/apis/{resource}`
pub async fn show(request: HttpRequest, server: Server, resource: Path<String>) -> Outcome {
    let admin = authorize(&request, &server, OwnScope::ApisRead).await?;
    let api = api::show(&admin, &parse(&resource)?).await?;
    Ok(tagged(ok(&ApiJson::from(&api)), &api::version(&api)))
}

/// `PATCH /api/v1/apis/{resource}`
pub async fn update(
    request: HttpRequest,
    server: Server,
    resource: Path<String>,
    payload: Payload,
) -> Outcome {
    let (admin, sent) =
        SentChange::authorize_and_read(&request, &server, OwnScope::ApisWrite, payload).await?;
    let shown = api::show(&admin, &parse(&resource)?).await?;
    let input: ApiInput = sent.parse(&ApiJson::from(&shown), &["created_at"])?;
    let update = ApiUpdate { seen: if_match(&request)?, ..input.into_update()? };
    let api = api::update(&admin, &shown.resource, update).await?;
    applied(&server, &admin).await?;
    Ok(tagged(ok(&ApiJson::from(&api)), &api::version(&api)))
}

/// `DELETE /api/v1/apis/{resource}`
pub async fn delete(request: HttpRequest, server: Server, resource: Path<String>) -> Outcome {
    let admin = authorize(&request, &server, OwnScope::ApisWrite).await?;
    api::delete(&admin, &parse(&resource)?).await?;
    applied(&server, &admin).await?;
    Ok(gone())
}

/// `POST /api/v1/apis/{resource}/revoke-tokens`
pub async fn revoke_tokens(
    request: HttpRequest,
    server: Server,
    resource: Path<String>,
) -> Outcome {
    let admin = authorize(&request, &server, OwnScope::ApisWrite).await?;
    revocation::revoke_api_tokens(&admin, &parse(&resource)?).await?;
    applied(&server, &admin).await?;
    Ok(gone())
}

/// Parses an identifier; an invalid one is not found. (The router has decoded the path.)
fn parse(resource: &str) -> Result<ResourceUri, AdminError> {
    ResourceUri::parse(resource)
        .map_err(|_| AdminError::NotFound("API of this identifier".to_owned()))
}
