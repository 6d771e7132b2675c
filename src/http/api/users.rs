//! `/api/v1/users…`: users. In place of an id, `me` is the logged-in user, who may see and change
//! their own data without any scope.

use actix_web::HttpRequest;
use actix_web::web::{Data, Path, Payload};
use serde::Serialize;

use super::answer::{complete_list, created, gone, ok};
use super::authorize::{OwnSession, Person, authorize};
use super::change::SentChange;
use super::input::{authorize_and_read, read};
use super::page::{Page, PageQuery};
use super::version::{if_match, tagged};
use crate::admin::json::user::{
    NewUserInput, PasswordInput, SessionJson, UserJson, UserUpdateInput,
};
use crate::admin::user::{self, Filter, UserUpdate};
use crate::admin::{AdminError, session};
use crate::authn::error::LogInError;
use crate::authn::log_in::check_own_password;
use crate::http::act::{Outcome, Refused, applied};
use crate::http::extract::caller::caller_address;
use crate::model::own_scope::OwnScope;
use crate::model::session::SessionId;
use crate::model::user::{Role, UserId};
use crate::oauth::AuthorizationServer;
use crate::oauth::request::network_of;
use crate::secret::pool::Lane;

/// The id of the logged-in user.
const ME: &str = "me";

type Server = Data<AuthorizationServer>;

/// `GET /api/v1/users`
pub async fn list(request: HttpRequest, server: Server) -> Outcome {
    let admin = authorize(&request, &server, OwnScope::UsersRead).await?;
    let query = PageQuery::parse(request.query_string(), &["enabled", "role", "username"])?;
    let role = query.filter("role").map(str::parse::<Role>).transpose();
    let filter = Filter {
        username: query.filter("username").map(ToOwned::to_owned),
        role: role.map_err(|error| AdminError::Invalid(error.to_string()))?,
        enabled: query.flag("enabled")?,
    };
    let users = user::page(&admin, query.after(), query.limit_and_one(), &filter).await?;
    let page = Page::new(&query, &users, |user| user.id.to_string(), UserJson::from);
    Ok(ok(&page))
}

/// `POST /api/v1/users`
pub async fn create(request: HttpRequest, server: Server, payload: Payload) -> Outcome {
    let (admin, input) =
        authorize_and_read::<NewUserInput>(&request, &server, OwnScope::UsersWrite, payload)
            .await?;
    let user = user::create(&admin, input.into_new()?).await?;
    applied(&server, &admin).await?;
    Ok(created(&server, &format!("/api/v1/users/{}", user.id), &UserJson::from(&user)))
}

/// `GET /api/v1/users/{id}`
pub async fn show(request: HttpRequest, server: Server, id: Path<String>) -> Outcome {
    let admin = authorize(&request, &server, OwnScope::UsersRead).await?;
    let user = user::show(&admin, &parse(&id)?).await?;
    Ok(tagged(ok(&UserJson::from(&user)), &user::version(&user)))
}

/// `PATCH /api/v1/users/{id}`
pub async fn update(
    request: HttpRequest,
    server: Server,
    id: Path<String>,
    payload: Payload,
) -> Outcome {
    let (admin, sent) =
        SentChange::authorize_and_read(&request, &server, OwnScope::UsersWrite, payload).await?;
    let shown = user::show(&admin, &parse(&id)?).await?;
    let fixed = ["id", "enabled", "second_factor", "created_at"];
    let input: UserUpdateInput = sent.parse(&UserJson::from(&shown), &fixed)?;
    let update = UserUpdate { seen: if_match(&request)?, ..input.into_update()? };
    let user = user::update(&admin, &shown.id, update).await?;
    applied(&server, &admin).await?;
    Ok(tagged(ok(&UserJson::from(&user)), &user::version(&user)))
}

/// `DELETE /api/v1/users/{id}`
pub async fn delete(request: HttpRequest, server: Server, id: Path<String>) -> Outcome {
    let admin = authorize(&request, &server, OwnScope::UsersWrite).await?;
    user::delete(&admin, &parse(&id)?).await?;
    applied(&server, &admin).await?;
    Ok(gone())
}

/// `POST /api/v1/users/{id}/enable` and `…/disable`
pub async fn set_enabled<const ENABLED: bool>(
    request: HttpRequest,
    server: Server,
    id: Path<String>,
) -> Outcome {
    let admin = authorize(&request, &server, OwnScope::UsersWrite).await?;
    let user = user::set_enabled(&admin, &parse(&id)?, ENABLED).await?;
    applied(&server, &admin).await?;
    Ok(ok(&UserJson::from(&user)))
}

/// `POST /api/v1/users/{id}/set-password`
pub async fn set_password(
    request: HttpRequest,
    server: Server,
    id: Path<String>,
    payload: Payload,
) -> Outcome {
    let about = About::find(&request, &server, &id, OwnScope::UsersWrite).await?;
    let input: PasswordInput = read(&request, payload).await?;
    let about = About::of(about.person.again(&request, &server).await?, &id).await?;
    let password = input.password()?;
    let (kept, lane) = match &about.own {
        // The browser may have been left open: the current password is required.
        Some(own) => {
            let current = input.current_password.clone();
            let missing = || AdminError::Invalid("current_password is missing".to_owned());
            let network = network_of(caller_address(&request, &server.inbound));
            let checked = check_own_password(
                &server.context,
                &own.username,
                current.ok_or_else(missing)?,
                network,
            );
            checked.await.map_err(|error| match error {
                LogInError::Wrong(_) => {
                    Refused::Admin(AdminError::Invalid("current_password is wrong".to_owned()))
                }
                other => other.into(),
            })?;
            (Some(own.session.clone()), Lane::Network(network))
        }
        None => (None, Lane::Administration),
    };
    let user = user::set_password(&about.person.admin, &about.user, password, kept, lane).await?;
    applied(&server, &about.person.admin).await?;
    Ok(ok(&UserJson::from(&user)))
}

/// `GET /api/v1/users/{id}/sessions`
pub async fn sessions(request: HttpRequest, server: Server, id: Path<String>) -> Outcome {
    let about = About::find(&request, &server, &id, OwnScope::UsersRead).await?;
    let sessions = session::list(&about.person.admin, &about.user).await?;
    let current = about.own.as_ref().map(|own| &own.session);
    Ok(complete_list(sessions.iter().map(|session| SessionJson::new(session, current))))
}

/// `DELETE /api/v1/users/{id}/sessions`: ends all sessions of a user, except the caller's own.
pub async fn revoke_sessions(request: HttpRequest, server: Server, id: Path<String>) -> Outcome {
    #[derive(Serialize)]
    struct Revoked {
        revoked: u64,
    }
    let about = About::find(&request, &server, &id, OwnScope::UsersWrite).await?;
    let kept = about.own.map(|own| own.session);
    let revoked = session::revoke_all(&about.person.admin, &about.user, kept).await?;
    applied(&server, &about.person.admin).await?;
    Ok(ok(&Revoked { revoked }))
}

/// `DELETE /api/v1/users/{id}/sessions/{session}`
pub async fn revoke_session(
    request: HttpRequest,
    server: Server,
    ids: Path<(String, String)>,
) -> Outcome {
    let (id, session) = ids.into_inner();
    let about = About::find(&request, &server, &id, OwnScope::UsersWrite).await?;
    // An invalid id is not repeated: it may be the cookie.
    let session = SessionId::parse(&session)
        .map_err(|_| AdminError::NotFound("session of this id".to_owned()))?;
    session::revoke(&about.person.admin, &about.user, &session).await?;
    applied(&server, &about.person.admin).await?;
    Ok(gone())
}

/// A caller who acts on a user.
struct About {
    person: Person,
    user: UserId,
    /// The session of a caller who acts on themselves.
    own: Option<OwnSession>,
}

impl About {
    /// Authorizes a caller to act on `id`: on themselves, or with `scope` on any user.
    async fn find(
        request: &HttpRequest,
        server: &AuthorizationServer,
        id: &str,
        scope: OwnScope,
    ) -> Result<Self, Refused> {
        Self::of(Person::authorize(request, server, scope).await?, id).await
    }

    async fn of(person: Person, id: &str) -> Result<Self, Refused> {
        if id == ME || person.own.as_ref().is_some_and(|own| own.user.as_str() == id) {
            let own = person.own().await?.clone();
            return Ok(Self { person, user: own.user.clone(), own: Some(own) });
        }
        person.demand()?;
        Ok(Self { person, user: parse(id)?, own: None })
    }
}

/// Parses a user id. An invalid one is not found and not repeated.
pub(super) fn parse(id: &str) -> Result<UserId, AdminError> {
    UserId::parse(id).map_err(|_| AdminError::NotFound("user of this id".to_owned()))
}
