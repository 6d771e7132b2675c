//! `/api/v1/keys…`: API keys. Logged-in users manage their own keys without any scope.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;
use actix_web::web::{Data, Path, Payload};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::answer::{created, gone, ok};
use super::authorize::Person;
use super::change::SentChange;
use super::input::{authorize_and_read, read, read_repeatable};
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
use crate::authn::caller::CallerCredential;
use crate::authn::demand::{Demand, NeededScopes};
use crate::authn::error::AccessError;
use crate::clock::Timestamp;
use crate::directory::OverLimit;
use crate::http::act::{Outcome, Refused, applied};
use crate::http::headers::TRUE;
use crate::model::api_key::{ApiKeyId, Environment, Environments, KeyOwner};
use crate::model::own_scope::OwnScope;
use crate::model::scope::ScopeSet;
use crate::model::usage::{Hour, HourOfKeyUse};
use crate::oauth::AuthorizationServer;
use crate::secret::Secret;

/// Marks the response to a repeated request that created nothing.
const REPEATED: HeaderName = HeaderName::from_static("idempotency-replayed");

type Server = Data<AuthorizationServer>;

/// A caller who manages keys.
struct Manager {
    person: Person,
    /// The only owner whose keys they manage, without the scope: the user of their session.
    own: Option<KeyOwner>,
}

impl Manager {
    async fn authorize(
        request: &HttpRequest,
        server: &AuthorizationServer,
        scope: OwnScope,
    ) -> Result<Self, Refused> {
        Self::of(Person::authorize(request, server, scope).await?).await
    }

    /// The same after the body of the request has arrived.
    async fn again(
        self,
        request: &HttpRequest,
        server: &AuthorizationServer,
    ) -> Result<Self, Refused> {
        Self::of(self.person.again(request, server).await?).await
    }

    async fn of(person: Person) -> Result<Self, Refused> {
        let own = if person.may_all {
            None
        } else {
            Some(KeyOwner::User(person.own().await?.user.clone()))
        };
        Ok(Self { person, own })
    }

    async fn authorize_and_read<T: DeserializeOwned>(
        request: &HttpRequest,
        server: &AuthorizationServer,
        scope: OwnScope,
        payload: Payload,
    ) -> Result<(Self, T), Refused> {
        let manager = Self::authorize(request, server, scope).await?;
        let input = read(request, payload).await?;
        Ok((manager.again(request, server).await?, input))
    }

    const fn admin(&self) -> &Admin {
        &self.person.admin
    }

    /// Rejects an act on the keys of another owner.
    fn check_owner(&self, owner: &KeyOwner) -> Result<(), AccessError> {
        if self.own.as_ref().is_none_or(|own| own == owner) {
            return Ok(());
        }
        self.person.demand()
    }

    /// Finds a key that they may see. The error does not reveal whether another owner has it.
    async fn find(&self, id: &ApiKeyId) -> Result<KeptApiKey, Refused> {
        let kept = api_key::show(self.admin(), id).await?;
        if self.own.as_ref().is_some_and(|own| *own != kept.0.owner) {
            return Err(AdminError::NotFound(format!("API key {id}")).into());
        }
        Ok(kept)
    }

    /// Rejects the key of another owner. A deleted key passes, for the act itself to reject.
    async fn check(&self, id: &ApiKeyId) -> Result<(), Refused> {
        let Some(own) = &self.own else { return Ok(()) };
        match api_key::show(self.admin(), id).await {
            Ok((key, _)) if key.owner != *own => {
                Err(AdminError::NotFound(format!("API key {id}")).into())
            }
            Ok(_) | Err(AdminError::NotFound(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// `GET /api/v1/keys`
pub async fn list(request: HttpRequest, server: Server) -> Outcome {
    let manager = Manager::authorize(&request, &server, OwnScope::KeysRead).await?;
    let query = PageQuery::parse(
        request.query_string(),
        &["owner", "name", "environment", "enabled", "expires_before", "unused_since"],
    )?;
    let time = |name| Ok::<_, Refused>(query.number(name)?.map(Timestamp::from_secs));
    let environment = query.filter("environment").map(str::parse::<Environment>).transpose();
    let own = manager.own.as_ref().map(KeyOwner::as_str);
    let owner = query.filter("owner").or(own);
    if own.is_some() && owner != own {
        manager.person.demand()?;
    }
    let filter = Filter {
        owner: owner.map(ToOwned::to_owned),
        name: query.filter("name").map(ToOwned::to_owned),
        environment: environment.map_err(|error| AdminError::Invalid(error.to_string()))?,
        enabled: query.flag("enabled")?,
        expiring: time("expires_before")?.map(|until| (server.context.clock.now(), until)),
        unused_since: time("unused_since")?,
    };
    let keys =
        api_key::page(manager.admin(), query.after(), query.limit_and_one(), &filter).await?;
    let page = Page::new(&query, &keys, |(key, _)| key.id.to_string(), KeptApiKeyJson::from);
    Ok(ok(&page))
}

/// `POST /api/v1/keys`
pub async fn create(request: HttpRequest, server: Server, payload: Payload) -> Outcome {
    let manager = Manager::authorize(&request, &server, OwnScope::KeysWrite).await?;
    let (input, repeatable) = read_repeatable::<ApiKeyInput>(&request, &server, payload).await?;
    let manager = manager.again(&request, &server).await?;
    let new = input.into_new(manager.admin().actor.principal())?;
    manager.check_owner(&new.owner)?;
    let admin = manager.admin();
    match api_key::create_once(admin, new, repeatable).await? {
        Creation::New(made) => {
            applied(&server, admin).await?;
            Ok(created(&server, &path_of(&made.key.id), &CreatedApiKeyJson::from(&*made)))
        }
        Creation::Repeated(kept) => {
            let mut response = ok(&KeptApiKeyJson::from(&*kept));
            response.headers_mut().insert(REPEATED, TRUE);
            Ok(response)
        }
    }
}

/// `GET /api/v1/keys/{id}`
pub async fn show(request: HttpRequest, server: Server, id: Path<String>) -> Outcome {
    let manager = Manager::authorize(&request, &server, OwnScope::KeysRead).await?;
    let kept = manager.find(&parse(&id)?).await?;
    Ok(tagged(ok(&KeptApiKeyJson::from(&kept)), &api_key::version(&kept.0)))
}

/// `PATCH /api/v1/keys/{id}`
pub async fn update(
    request: HttpRequest,
    server: Server,
    id: Path<String>,
    payload: Payload,
) -> Outcome {
    let manager = Manager::authorize(&request, &server, OwnScope::KeysWrite).await?;
    let sent = SentChange::read(&request, payload).await?;
    let manager = manager.again(&request, &server).await?;
    let shown = manager.find(&parse(&id)?).await?;
    let admin = manager.admin();
    let fixed = ["id", "hint", "created_at", "expires_at", "enabled", "replaced_by", "leaked_at"];
    let input: ApiKeyInput = sent.parse(&KeptApiKeyJson::from(&shown), &fixed)?;
    let update = ApiKeyUpdate { seen: if_match(&request)?, ..input.into_update()? };
    let key = api_key::update(admin, &parse(&id)?, update).await?;
    applied(&server, admin).await?;
    Ok(tagged(ok(&ApiKeyJson::from(&key)), &api_key::version(&key)))
}

/// `DELETE /api/v1/keys/{id}`
pub async fn revoke(request: HttpRequest, server: Server, id: Path<String>) -> Outcome {
    let manager = Manager::authorize(&request, &server, OwnScope::KeysWrite).await?;
    manager.check(&parse(&id)?).await?;
    let admin = manager.admin();
    api_key::revoke(admin, &parse(&id)?).await?;
    applied(&server, admin).await?;
    Ok(gone())
}

/// `POST /api/v1/keys/revoke`: many at once.
pub async fn revoke_all(request: HttpRequest, server: Server, payload: Payload) -> Outcome {
    #[derive(Serialize)]
    struct Revoked<'a> {
        revoked: Vec<&'a str>,
    }
    let (manager, input) = Manager::authorize_and_read::<SelectionInput>(
        &request,
        &server,
        OwnScope::KeysWrite,
        payload,
    )
    .await?;
    let selection = input.into_selection()?;
    match &selection {
        Selection::Owner(owner) => manager.check_owner(owner)?,
        Selection::Ids(ids) => {
            for id in ids.iter().take(MAX_AT_ONCE) {
                manager.check(id).await?;
            }
        }
    }
    let admin = manager.admin();
    let revoked = api_key::revoke_all(admin, selection).await?;
    applied(&server, admin).await?;
    Ok(ok(&Revoked { revoked: revoked.iter().map(ApiKeyId::as_str).collect() }))
}

/// `POST /api/v1/keys/{id}/enable` and `…/disable`
pub async fn set_enabled<const ENABLED: bool>(
    request: HttpRequest,
    server: Server,
    id: Path<String>,
) -> Outcome {
    let manager = Manager::authorize(&request, &server, OwnScope::KeysWrite).await?;
    manager.check(&parse(&id)?).await?;
    let admin = manager.admin();
    let key = api_key::set_enabled(admin, &parse(&id)?, ENABLED).await?;
    applied(&server, admin).await?;
    Ok(ok(&ApiKeyJson::from(&key)))
}

/// `POST /api/v1/keys/{id}/rotate`
pub async fn rotate(
    request: HttpRequest,
    server: Server,
    id: Path<String>,
    payload: Payload,
) -> Outcome {
    let (manager, input) = Manager::authorize_and_read::<RotationInput>(
        &request,
        &server,
        OwnScope::KeysWrite,
        payload,
    )
    .await?;
    manager.check(&parse(&id)?).await?;
    let admin = manager.admin();
    let made = api_key::rotate(admin, &parse(&id)?, input.into_rotation()).await?;
    applied(&server, admin).await?;
    Ok(created(&server, &path_of(&made.key.id), &CreatedApiKeyJson::from(&made)))
}

/// `GET /api/v1/keys/{id}/usage`
pub async fn usage(request: HttpRequest, server: Server, id: Path<String>) -> Outcome {
    let manager = Manager::authorize(&request, &server, OwnScope::KeysRead).await?;
    manager.check(&parse(&id)?).await?;
    let query = PageQuery::parse(request.query_string(), &[])?;
    let after = || query.after().parse().map(Hour::new);
    let before = if query.after().is_empty() { Ok(Hour::new(i64::MAX)) } else { after() };
    let before = before.map_err(|_| {
        AdminError::Invalid("after must be the next value of the previous page".to_owned())
    })?;
    let hours =
        api_key::usage(manager.admin(), &parse(&id)?, before, query.limit_and_one()).await?;
    let cursor = |counted: &HourOfKeyUse| counted.hour.get().to_string();
    Ok(ok(&Page::new(&query, &hours, cursor, KeyUsageJson::from)))
}

/// A key that was presented to another service.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VerifyInput {
    key: Secret,
    scope: Option<String>,
    resource: Option<String>,
    environment: Option<String>,
    /// The address of its caller.
    address: Option<String>,
}

/// The verdict on a key for another service. An invalid key gets no further details.
#[derive(Serialize)]
struct Verified<'a> {
    valid: bool,
    #[serde(flatten)]
    good: Option<GoodKey<'a>>,
    /// Seconds until the key works again, if only its rate limit was exceeded.
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

/// `POST /api/v1/keys/verify`: checks a key for a service that it was presented to.
pub async fn verify(request: HttpRequest, server: Server, payload: Payload) -> Outcome {
    let (_, input) =
        authorize_and_read::<VerifyInput>(&request, &server, OwnScope::KeysVerify, payload).await?;
    let invalid = |what: &str| AdminError::Invalid(what.to_owned());
    let scopes = input.scope.as_deref().map(ScopeSet::parse).transpose();
    let scopes = scopes.map_err(|error| invalid(&error.to_string()))?;
    let from = input.address.as_deref().map(str::parse::<IpAddr>).transpose();
    let from =
        from.map_err(|_| invalid("address must be an IP address"))?.map(|from| from.to_canonical());
    let environments = input.environment.as_deref().map(str::parse::<Environments>).transpose();
    let environments = environments.map_err(|error| invalid(&format!("environment: {error}")))?;
    let own = Demand::of(&server.context);
    let demand = Demand {
        resource: input.resource.as_deref().unwrap_or(own.resource),
        scopes: scopes.as_ref().map(NeededScopes::All),
        environments: environments.unwrap_or(own.environments),
        ..own
    };
    // The calling service knows the address and vouches for it.
    let presented = CallerCredential::ApiKey(PresentedKey {
        key: input.key.expose(),
        from,
        is_from_certain: true,
    });
    let caller = match caller::authenticate(&server.context, &presented, demand).await {
        Ok(caller) => caller,
        Err(error @ AccessError::Unavailable(_)) => return Err(error.into()),
        Err(refusal) => {
            // The caller over the limit has presented a valid key and may learn that.
            let retry_after = match refusal {
                AccessError::OverLimit(OverLimit { retry_after }) => Some(retry_after),
                _ => None,
            };
            return Ok(ok(&Verified { valid: false, good: None, retry_after }));
        }
    };
    let good = GoodKey {
        id: caller.credential.id().unwrap_or_default(),
        sub: caller.identity.subject(),
        kind: caller.kind(),
        name: caller.name(),
        scope: &caller.scopes,
        expires_at: caller.expires_at.map(Timestamp::as_secs),
    };
    Ok(ok(&Verified { valid: true, good: Some(good), retry_after: None }))
}

fn path_of(id: &ApiKeyId) -> String {
    format!("/api/v1/keys/{id}")
}

/// Parses a key id. An invalid one is not found and not repeated: it may be the key itself.
fn parse(id: &str) -> Result<ApiKeyId, AdminError> {
    ApiKeyId::parse(id).map_err(|_| AdminError::NotFound("API key of this id".to_owned()))
}
