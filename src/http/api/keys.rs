//! `/api/v1/keys…`: API keys. Somebody who is logged in manages their own without any scope.

use std::net::IpAddr;

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderName;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::administration::{
    Outcome, Refused, answer, applied, authorize_and_read, authorize_person_look, created, gone,
    json, read, read_repeatable,
};
use super::page::{Page, PageQuery};
use super::version::{if_match, tagged};
use crate::admin::api_key::{
    self, ApiKeyUpdate, Creation, Filter, KeptApiKey, MAX_AT_ONCE, Selection,
};
use crate::admin::json::api_key::{
    ApiKeyInput, ApiKeyJson, CreatedApiKeyJson, KeptApiKeyJson, KeyUsageJson, RotationInput,
    SelectionInput,
};
use crate::admin::{Admin, AdminError};
use crate::authn::api_key::PresentedKey;
use crate::authn::caller;
use crate::authn::caller::{AccessError, Demand, Presented};
use crate::clock::Timestamp;
use crate::directory::OverLimit;
use crate::http::headers::TRUE;
use crate::model::api_key::{ApiKeyId, Environment, Environments, KeyOwner};
use crate::model::scope::ScopeSet;
use crate::model::usage::{Hour, HourOfKeyUse};
use crate::oauth::AuthorizationServer;
use crate::secret::Secret;

const READ: &str = "mintery:keys:read";
const WRITE: &str = "mintery:keys:write";
const VERIFY: &str = "mintery:keys:verify";

/// Says that a request was sent before, and nothing was made.
const REPEATED: HeaderName = HeaderName::from_static("idempotency-replayed");

type Server = Data<AuthorizationServer>;

/// Whoever manages keys.
struct Manager {
    admin: Admin,
    /// Whose they may: those of somebody who does so in a session without the scope, which are
    /// their own; all when absent.
    own: Option<KeyOwner>,
    scope: &'static str,
}

impl Manager {
    async fn authorize(
        request: &HttpRequest,
        server: &AuthorizationServer,
        scope: &'static str,
        is_first: bool,
    ) -> Result<Self, Refused> {
        let person = authorize_person_look(request, server, scope, is_first).await?;
        let own = if person.may_all {
            None
        } else {
            Some(KeyOwner::User(person.own().await?.user.clone()))
        };
        Ok(Self { admin: person.admin, own, scope })
    }

    /// The same with a body, after which whoever calls must still be allowed to.
    async fn authorize_and_read<T: DeserializeOwned>(
        request: &HttpRequest,
        server: &AuthorizationServer,
        scope: &'static str,
        payload: Payload,
    ) -> Result<(Self, T), Refused> {
        Self::authorize(request, server, scope, true).await?;
        let input = read(request, payload).await?;
        Ok((Self::authorize(request, server, scope, false).await?, input))
    }

    /// Refuses to do anything about the keys of an owner who is somebody else.
    fn check_owner(&self, owner: &KeyOwner) -> Result<(), AccessError> {
        if self.own.as_ref().is_none_or(|own| own == owner) {
            return Ok(());
        }
        Err(AccessError::InsufficientScope(ScopeSet::parse(self.scope).unwrap_or_default()))
    }

    /// A key that they may know of.
    async fn find(&self, id: &ApiKeyId) -> Result<KeptApiKey, Refused> {
        let kept = api_key::show(&self.admin, id).await?;
        if self.own.as_ref().is_some_and(|own| *own != kept.0.owner) {
            // As if there were none.
            return Err(AdminError::NotFound(format!("API key {id}")).into());
        }
        Ok(kept)
    }

    /// The same where all of them do nothing but that, and nothing is looked up for them. One that
    /// is gone already is nobody's.
    async fn check(&self, id: &ApiKeyId) -> Result<(), Refused> {
        let Some(own) = &self.own else { return Ok(()) };
        match api_key::show(&self.admin, id).await {
            Ok((key, _)) if key.owner != *own => {
                Err(AdminError::NotFound(format!("API key {id}")).into())
            }
            Ok(_) | Err(AdminError::NotFound(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// `GET /api/v1/keys`
pub async fn list(request: HttpRequest, server: Server) -> HttpResponse {
    answer(&request, &server, do_list(&request, &server).await)
}

async fn do_list(request: &HttpRequest, server: &AuthorizationServer) -> Outcome {
    let manager = Manager::authorize(request, server, READ, true).await?;
    let query = PageQuery::parse(
        request.query_string(),
        &["owner", "name", "environment", "enabled", "expires_before", "unused_since"],
    )?;
    let time = |name| Ok::<_, Refused>(query.number(name)?.map(Timestamp::from_secs));
    let environment = query.filter("environment").map(str::parse::<Environment>).transpose();
    let owner = match (query.filter("owner"), &manager.own) {
        (None, own) => own.as_ref().map(|own| own.as_str().to_owned()),
        (Some(owner), Some(own)) if owner != own.as_str() => {
            return Err(
                AccessError::InsufficientScope(ScopeSet::parse(READ).unwrap_or_default()).into()
            );
        }
        (Some(owner), _) => Some(owner.to_owned()),
    };
    let filter = Filter {
        owner,
        name: query.filter("name").map(ToOwned::to_owned),
        environment: environment.map_err(|error| AdminError::Invalid(error.to_string()))?,
        enabled: query.flag("enabled")?,
        expiring: time("expires_before")?.map(|until| (server.clock.now(), until)),
        unused_since: time("unused_since")?,
    };
    let keys = api_key::page(&manager.admin, query.after(), query.limit_and_one(), &filter).await?;
    let page = Page::new(&query, &keys, |(key, _)| key.id.to_string(), KeptApiKeyJson::from);
    Ok(json(StatusCode::OK, &page))
}

/// `POST /api/v1/keys`
pub async fn create(request: HttpRequest, server: Server, payload: Payload) -> HttpResponse {
    answer(&request, &server, do_create(&request, &server, payload).await)
}

async fn do_create(
    request: &HttpRequest,
    server: &AuthorizationServer,
    payload: Payload,
) -> Outcome {
    Manager::authorize(request, server, WRITE, true).await?;
    let (input, repeatable) = read_repeatable::<ApiKeyInput>(request, server, payload).await?;
    let manager = Manager::authorize(request, server, WRITE, false).await?;
    let new = input.into_new(manager.admin.actor.principal())?;
    manager.check_owner(&new.owner)?;
    let Manager { admin, .. } = manager;
    match api_key::create_once(&admin, new, repeatable).await? {
        Creation::New(made) => {
            applied(server, &admin).await?;
            Ok(created(server, &path_of(&made.key.id), &CreatedApiKeyJson::from(&*made)))
        }
        Creation::Repeated(kept) => {
            let mut response = json(StatusCode::OK, &KeptApiKeyJson::from(&*kept));
            response.headers_mut().insert(REPEATED, TRUE);
            Ok(response)
        }
    }
}

/// `GET /api/v1/keys/{id}`
pub async fn show(request: HttpRequest, server: Server, id: Path<String>) -> HttpResponse {
    answer(&request, &server, do_show(&request, &server, &id).await)
}

async fn do_show(request: &HttpRequest, server: &AuthorizationServer, id: &str) -> Outcome {
    let manager = Manager::authorize(request, server, READ, true).await?;
    let kept = manager.find(&parse(id)?).await?;
    Ok(tagged(json(StatusCode::OK, &KeptApiKeyJson::from(&kept)), &api_key::version(&kept.0)))
}

/// `PATCH /api/v1/keys/{id}`
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
    let (manager, input) =
        Manager::authorize_and_read::<ApiKeyInput>(request, server, WRITE, payload).await?;
    manager.check(&parse(id)?).await?;
    let Manager { admin, .. } = manager;
    let update = ApiKeyUpdate { seen: if_match(request)?, ..input.into_update()? };
    let key = api_key::update(&admin, &parse(id)?, update).await?;
    applied(server, &admin).await?;
    Ok(tagged(json(StatusCode::OK, &ApiKeyJson::from(&key)), &api_key::version(&key)))
}

/// `DELETE /api/v1/keys/{id}`
pub async fn revoke(request: HttpRequest, server: Server, id: Path<String>) -> HttpResponse {
    answer(&request, &server, do_revoke(&request, &server, &id).await)
}

async fn do_revoke(request: &HttpRequest, server: &AuthorizationServer, id: &str) -> Outcome {
    let manager = Manager::authorize(request, server, WRITE, true).await?;
    manager.check(&parse(id)?).await?;
    let Manager { admin, .. } = manager;
    api_key::revoke(&admin, &parse(id)?).await?;
    applied(server, &admin).await?;
    Ok(gone())
}

/// `POST /api/v1/keys/revoke`: many at once.
pub async fn revoke_all(request: HttpRequest, server: Server, payload: Payload) -> HttpResponse {
    answer(&request, &server, do_revoke_all(&request, &server, payload).await)
}

async fn do_revoke_all(
    request: &HttpRequest,
    server: &AuthorizationServer,
    payload: Payload,
) -> Outcome {
    #[derive(Serialize)]
    struct Revoked<'a> {
        revoked: Vec<&'a str>,
    }
    let (manager, input) =
        Manager::authorize_and_read::<SelectionInput>(request, server, WRITE, payload).await?;
    let selection = input.into_selection()?;
    match &selection {
        Selection::Owner(owner) => manager.check_owner(owner)?,
        Selection::Ids(ids) => {
            for id in ids.iter().take(MAX_AT_ONCE) {
                manager.check(id).await?;
            }
        }
    }
    let Manager { admin, .. } = manager;
    let revoked = api_key::revoke_all(&admin, selection).await?;
    applied(server, &admin).await?;
    Ok(json(StatusCode::OK, &Revoked { revoked: revoked.iter().map(ApiKeyId::as_str).collect() }))
}

/// `POST /api/v1/keys/{id}/enable`
pub async fn enable(request: HttpRequest, server: Server, id: Path<String>) -> HttpResponse {
    answer(&request, &server, set_enabled(&request, &server, &id, true).await)
}

/// `POST /api/v1/keys/{id}/disable`
pub async fn disable(request: HttpRequest, server: Server, id: Path<String>) -> HttpResponse {
    answer(&request, &server, set_enabled(&request, &server, &id, false).await)
}

async fn set_enabled(
    request: &HttpRequest,
    server: &AuthorizationServer,
    id: &str,
    enabled: bool,
) -> Outcome {
    let manager = Manager::authorize(request, server, WRITE, true).await?;
    manager.check(&parse(id)?).await?;
    let Manager { admin, .. } = manager;
    let key = api_key::set_enabled(&admin, &parse(id)?, enabled).await?;
    applied(server, &admin).await?;
    Ok(json(StatusCode::OK, &ApiKeyJson::from(&key)))
}

/// `POST /api/v1/keys/{id}/rotate`
pub async fn rotate(
    request: HttpRequest,
    server: Server,
    id: Path<String>,
    payload: Payload,
) -> HttpResponse {
    answer(&request, &server, do_rotate(&request, &server, &id, payload).await)
}

async fn do_rotate(
    request: &HttpRequest,
    server: &AuthorizationServer,
    id: &str,
    payload: Payload,
) -> Outcome {
    let (manager, input) =
        Manager::authorize_and_read::<RotationInput>(request, server, WRITE, payload).await?;
    manager.check(&parse(id)?).await?;
    let Manager { admin, .. } = manager;
    let made = api_key::rotate(&admin, &parse(id)?, input.into_rotation()).await?;
    applied(server, &admin).await?;
    Ok(created(server, &path_of(&made.key.id), &CreatedApiKeyJson::from(&made)))
}

/// `GET /api/v1/keys/{id}/usage`
pub async fn usage(request: HttpRequest, server: Server, id: Path<String>) -> HttpResponse {
    answer(&request, &server, do_usage(&request, &server, &id).await)
}

async fn do_usage(request: &HttpRequest, server: &AuthorizationServer, id: &str) -> Outcome {
    let manager = Manager::authorize(request, server, READ, true).await?;
    manager.check(&parse(id)?).await?;
    let query = PageQuery::parse(request.query_string(), &[])?;
    let after = || query.after().parse().map(Hour::new);
    let before = if query.after().is_empty() { Ok(Hour::new(i64::MAX)) } else { after() };
    let before = before
        .map_err(|_| AdminError::Invalid("after is the next of the page before".to_owned()))?;
    let hours = api_key::usage(&manager.admin, &parse(id)?, before, query.limit_and_one()).await?;
    let cursor = |counted: &HourOfKeyUse| counted.hour.get().to_string();
    Ok(json(StatusCode::OK, &Page::new(&query, &hours, cursor, KeyUsageJson::from)))
}

/// A key that another service was shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VerifyInput {
    key: Secret,
    scope: Option<String>,
    resource: Option<String>,
    environment: Option<String>,
    /// From where it came to that service.
    address: Option<String>,
}

/// What another service is told of a key. Of one that is not good, no more than that.
#[derive(Serialize)]
struct Verified<'a> {
    valid: bool,
    #[serde(flatten)]
    good: Option<GoodKey<'a>>,
    /// After how many seconds the key is good again, where nothing but its limit was the matter.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

#[derive(Serialize)]
struct GoodKey<'a> {
    id: &'a str,
    sub: &'a str,
    kind: &'a str,
    name: &'a str,
    scope: &'a ScopeSet,
    expires_at: Option<i64>,
}

/// `POST /api/v1/keys/verify`: whether a key is good, for other services that are shown keys.
pub async fn verify(request: HttpRequest, server: Server, payload: Payload) -> HttpResponse {
    answer(&request, &server, do_verify(&request, &server, payload).await)
}

async fn do_verify(
    request: &HttpRequest,
    server: &AuthorizationServer,
    payload: Payload,
) -> Outcome {
    let (_, input) = authorize_and_read::<VerifyInput>(request, server, VERIFY, payload).await?;
    let invalid = |what: &str| AdminError::Invalid(what.to_owned());
    let scopes = input.scope.as_deref().map(ScopeSet::parse).transpose();
    let scopes = scopes.map_err(|error| invalid(&error.to_string()))?;
    let from = input.address.as_deref().map(str::parse::<IpAddr>).transpose();
    let from =
        from.map_err(|_| invalid("address is an IP address"))?.map(|from| from.to_canonical());
    let environments = input.environment.as_deref().map(str::parse::<Environments>).transpose();
    let environments = environments.map_err(|error| invalid(&format!("environment: {error}")))?;
    let own = Demand::of(server);
    let demand = Demand {
        resource: input.resource.as_deref().unwrap_or(own.resource),
        scopes: scopes.as_ref(),
        environments: environments.unwrap_or(own.environments),
        ..own
    };
    // Whoever asks says from where, and knows.
    let presented =
        Presented::ApiKey(PresentedKey { key: input.key.expose(), from, is_from_certain: true });
    let caller = match caller::authenticate(server, &presented, demand).await {
        Ok(caller) => caller,
        Err(error @ AccessError::Unavailable(_)) => return Err(error.into()),
        Err(refusal) => {
            // Whoever is over the limit has shown a good key, and may know.
            let retry_after = match refusal {
                AccessError::OverLimit(OverLimit { retry_after }) => Some(retry_after),
                _ => None,
            };
            return Ok(json(StatusCode::OK, &Verified { valid: false, good: None, retry_after }));
        }
    };
    let good = GoodKey {
        id: caller.credential.id().unwrap_or_default(),
        sub: caller.principal.subject(),
        kind: caller.kind(),
        name: caller.name(),
        scope: &caller.scopes,
        expires_at: caller.expires_at.map(Timestamp::as_secs),
    };
    Ok(json(StatusCode::OK, &Verified { valid: true, good: Some(good), retry_after: None }))
}

fn path_of(id: &ApiKeyId) -> String {
    format!("/api/v1/keys/{id}")
}

/// What is no id of a key names none, and is not repeated: it may be the key itself.
fn parse(id: &str) -> Result<ApiKeyId, AdminError> {
    ApiKeyId::parse(id).map_err(|_| AdminError::NotFound("API key of this id".to_owned()))
}
