//! `/api/v1/apis…`, where an API is named by its identifier, percent-encoded.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::administration::{
    self, Outcome, answer, applied, authorize, authorize_and_read, created, gone, json,
};
use super::clients::path_segment;
use super::version::{if_match, tagged};
use crate::admin::api::ApiUpdate;
use crate::admin::json::{ApiInput, ApiJson};
use crate::admin::{AdminError, api, revocation};
use crate::model::resource::ResourceUri;
use crate::oauth::AuthorizationServer;

const READ: &str = "mintery:apis:read";
const WRITE: &str = "mintery:apis:write";

type Server = Data<AuthorizationServer>;

/// `GET /api/v1/apis`
pub async fn list(request: HttpRequest, server: Server) -> HttpResponse {
    answer(&request, &server, do_list(&request, &server).await)
}

async fn do_list(request: &HttpRequest, server: &AuthorizationServer) -> Outcome {
    let admin = authorize(request, server, READ).await?;
    let apis = api::list(&admin).await?;
    Ok(administration::list(apis.iter().map(ApiJson::from)))
}

/// `POST /api/v1/apis`
pub async fn create(request: HttpRequest, server: Server, payload: Payload) -> HttpResponse {
    answer(&request, &server, do_create(&request, &server, payload).await)
}

async fn do_create(
    request: &HttpRequest,
    server: &AuthorizationServer,
    payload: Payload,
) -> Outcome {
    let (admin, input) = authorize_and_read::<ApiInput>(request, server, WRITE, payload).await?;
    let (resource, terms) = input.into_new()?;
    let made = api::create(&admin, resource, terms).await?;
    applied(server, &admin).await?;
    let path = format!("/api/v1/apis/{}", path_segment(made.resource.as_str()));
    Ok(created(server, &path, &ApiJson::from(&made)))
}

/// `GET /api/v1/apis/{resource}`
pub async fn show(request: HttpRequest, server: Server, resource: Path<String>) -> HttpResponse {
    answer(&request, &server, do_show(&request, &server, &resource).await)
}

async fn do_show(request: &HttpRequest, server: &AuthorizationServer, resource: &str) -> Outcome {
    let admin = authorize(request, server, READ).await?;
    let api = api::show(&admin, &parse(resource)?).await?;
    Ok(tagged(json(StatusCode::OK, &ApiJson::from(&api)), &api::version(&api)))
}

/// `PATCH /api/v1/apis/{resource}`
pub async fn update(
    request: HttpRequest,
    server: Server,
    resource: Path<String>,
    payload: Payload,
) -> HttpResponse {
    answer(&request, &server, do_update(&request, &server, &resource, payload).await)
}

async fn do_update(
    request: &HttpRequest,
    server: &AuthorizationServer,
    resource: &str,
    payload: Payload,
) -> Outcome {
    let (admin, input) = authorize_and_read::<ApiInput>(request, server, WRITE, payload).await?;
    let update = ApiUpdate { seen: if_match(request)?, ..input.into_update()? };
    let api = api::update(&admin, &parse(resource)?, update).await?;
    applied(server, &admin).await?;
    Ok(tagged(json(StatusCode::OK, &ApiJson::from(&api)), &api::version(&api)))
}

/// `DELETE /api/v1/apis/{resource}`
pub async fn delete(request: HttpRequest, server: Server, resource: Path<String>) -> HttpResponse {
    answer(&request, &server, do_delete(&request, &server, &resource).await)
}

async fn do_delete(request: &HttpRequest, server: &AuthorizationServer, resource: &str) -> Outcome {
    let admin = authorize(request, server, WRITE).await?;
    api::delete(&admin, &parse(resource)?).await?;
    applied(server, &admin).await?;
    Ok(gone())
}

/// `POST /api/v1/apis/{resource}/revoke-tokens`
pub async fn revoke_tokens(
    request: HttpRequest,
    server: Server,
    resource: Path<String>,
) -> HttpResponse {
    answer(&request, &server, do_revoke_tokens(&request, &server, &resource).await)
}

async fn do_revoke_tokens(
    request: &HttpRequest,
    server: &AuthorizationServer,
    resource: &str,
) -> Outcome {
    let admin = authorize(request, server, WRITE).await?;
    revocation::revoke_api_tokens(&admin, &parse(resource)?).await?;
    applied(server, &admin).await?;
    Ok(gone())
}

/// What is no identifier names no API. (The router has decoded the path.)
fn parse(resource: &str) -> Result<ResourceUri, AdminError> {
    ResourceUri::parse(resource)
        .map_err(|_| AdminError::NotFound("API of this identifier".to_owned()))
}
