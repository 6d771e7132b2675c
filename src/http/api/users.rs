//! `/api/v1/users…`: people. Where an id stands, `me` is whoever is logged in: what is their own
//! they see and change without any scope.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::administration::{
    Outcome, OwnSession, Person, Refused, answer, applied, authorize, authorize_and_read,
    authorize_person, created, gone, json, list as list_of, read,
};
use super::page::{Page, PageQuery};
use super::version::{if_match, tagged};
use crate::admin::json::user::{
    CodeInput, EnrolmentJson, NewUserInput, PasswordInput, RecoveryCodesJson, SessionJson,
    UserJson, UserUpdateInput,
};
use crate::admin::user::{self, Filter, UserUpdate};
use crate::admin::{AdminError, second_factor, session};
use crate::authn::caller::AccessError;
use crate::authn::log_in::{LogInError, check_own_password, with_code};
use crate::http::extract::caller::caller_address;
use crate::model::scope::ScopeSet;
use crate::model::session::SessionId;
use crate::model::user::{Role, UserId};
use crate::oauth::AuthorizationServer;
use crate::oauth::request::network_of;
use crate::secret::pool::Lane;

const READ: &str = "mintery:users:read";
const WRITE: &str = "mintery:users:write";

/// Whoever is logged in.
const ME: &str = "me";

type Server = Data<AuthorizationServer>;

/// `GET /api/v1/users`
pub async fn list(request: HttpRequest, server: Server) -> HttpResponse {
    answer(&request, &server, do_list(&request, &server).await)
}

async fn do_list(request: &HttpRequest, server: &AuthorizationServer) -> Outcome {
    let admin = authorize(request, server, READ).await?;
    let query = PageQuery::parse(request.query_string(), &["enabled", "role", "username"])?;
    let role = query.filter("role").map(str::parse::<Role>).transpose();
    let filter = Filter {
        username: query.filter("username").map(ToOwned::to_owned),
        role: role.map_err(|error| AdminError::Invalid(error.to_string()))?,
        enabled: query.flag("enabled")?,
    };
    let users = user::page(&admin, query.after(), query.limit_and_one(), &filter).await?;
    let page = Page::new(&query, &users, |user| user.id.to_string(), UserJson::from);
    Ok(json(StatusCode::OK, &page))
}

/// `POST /api/v1/users`
pub async fn create(request: HttpRequest, server: Server, payload: Payload) -> HttpResponse {
    answer(&request, &server, do_create(&request, &server, payload).await)
}

async fn do_create(
    request: &HttpRequest,
    server: &AuthorizationServer,
    payload: Payload,
) -> Outcome {
    let (admin, input) =
        authorize_and_read::<NewUserInput>(request, server, WRITE, payload).await?;
    let user = user::create(&admin, input.into_new()?).await?;
    applied(server, &admin).await?;
    Ok(created(server, &format!("/api/v1/users/{}", user.id), &UserJson::from(&user)))
}

/// `GET /api/v1/users/{id}`
pub async fn show(request: HttpRequest, server: Server, id: Path<String>) -> HttpResponse {
    answer(&request, &server, do_show(&request, &server, &id).await)
}

async fn do_show(request: &HttpRequest, server: &AuthorizationServer, id: &str) -> Outcome {
    let admin = authorize(request, server, READ).await?;
    let user = user::show(&admin, &parse(id)?).await?;
    Ok(tagged(json(StatusCode::OK, &UserJson::from(&user)), &user::version(&user)))
}

/// `PATCH /api/v1/users/{id}`
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
    let (admin, input) =
        authorize_and_read::<UserUpdateInput>(request, server, WRITE, payload).await?;
    let update = UserUpdate { seen: if_match(request)?, ..input.into_update()? };
    let user = user::update(&admin, &parse(id)?, update).await?;
    applied(server, &admin).await?;
    Ok(tagged(json(StatusCode::OK, &UserJson::from(&user)), &user::version(&user)))
}

/// `DELETE /api/v1/users/{id}`
pub async fn delete(request: HttpRequest, server: Server, id: Path<String>) -> HttpResponse {
    answer(&request, &server, do_delete(&request, &server, &id).await)
}

async fn do_delete(request: &HttpRequest, server: &AuthorizationServer, id: &str) -> Outcome {
    let admin = authorize(request, server, WRITE).await?;
    user::delete(&admin, &parse(id)?).await?;
    applied(server, &admin).await?;
    Ok(gone())
}

/// `POST /api/v1/users/{id}/enable`
pub async fn enable(request: HttpRequest, server: Server, id: Path<String>) -> HttpResponse {
    answer(&request, &server, set_enabled(&request, &server, &id, true).await)
}

/// `POST /api/v1/users/{id}/disable`
pub async fn disable(request: HttpRequest, server: Server, id: Path<String>) -> HttpResponse {
    answer(&request, &server, set_enabled(&request, &server, &id, false).await)
}

async fn set_enabled(
    request: &HttpRequest,
    server: &AuthorizationServer,
    id: &str,
    enabled: bool,
) -> Outcome {
    let admin = authorize(request, server, WRITE).await?;
    let user = user::set_enabled(&admin, &parse(id)?, enabled).await?;
    applied(server, &admin).await?;
    Ok(json(StatusCode::OK, &UserJson::from(&user)))
}

/// `POST /api/v1/users/{id}/set-password`
pub async fn set_password(
    request: HttpRequest,
    server: Server,
    id: Path<String>,
    payload: Payload,
) -> HttpResponse {
    answer(&request, &server, do_set_password(&request, &server, &id, payload).await)
}

async fn do_set_password(
    request: &HttpRequest,
    server: &AuthorizationServer,
    id: &str,
    payload: Payload,
) -> Outcome {
    About::find(request, server, id, WRITE).await?;
    let input: PasswordInput = read(request, payload).await?;
    let about = About::find(request, server, id, WRITE).await?;
    let password = input.password()?;
    let (kept, lane) = match &about.own {
        // Somebody may have left their browser open.
        Some(own) => {
            let current = input.current_password.clone();
            let missing = || AdminError::Invalid("current_password is missing".to_owned());
            let network = network_of(caller_address(request, &server.trusted_proxies));
            let checked =
                check_own_password(server, &own.username, current.ok_or_else(missing)?, network);
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
    applied(server, &about.person.admin).await?;
    Ok(json(StatusCode::OK, &UserJson::from(&user)))
}

/// `GET /api/v1/users/{id}/sessions`
pub async fn sessions(request: HttpRequest, server: Server, id: Path<String>) -> HttpResponse {
    answer(&request, &server, do_sessions(&request, &server, &id).await)
}

async fn do_sessions(request: &HttpRequest, server: &AuthorizationServer, id: &str) -> Outcome {
    let about = About::find(request, server, id, READ).await?;
    let sessions = session::list(&about.person.admin, &about.user).await?;
    let current = about.own.as_ref().map(|own| &own.session);
    Ok(list_of(sessions.iter().map(|session| SessionJson::new(session, current))))
}

/// `DELETE /api/v1/users/{id}/sessions`: all of them, but the one in which somebody asks who asks
/// about their own.
pub async fn revoke_sessions(
    request: HttpRequest,
    server: Server,
    id: Path<String>,
) -> HttpResponse {
    answer(&request, &server, do_revoke_sessions(&request, &server, &id).await)
}

async fn do_revoke_sessions(
    request: &HttpRequest,
    server: &AuthorizationServer,
    id: &str,
) -> Outcome {
    #[derive(Serialize)]
    struct Revoked {
        revoked: u64,
    }
    let about = About::find(request, server, id, WRITE).await?;
    let kept = about.own.map(|own| own.session);
    let revoked = session::revoke_all(&about.person.admin, &about.user, kept).await?;
    applied(server, &about.person.admin).await?;
    Ok(json(StatusCode::OK, &Revoked { revoked }))
}

/// `DELETE /api/v1/users/{id}/sessions/{session}`
pub async fn revoke_session(
    request: HttpRequest,
    server: Server,
    ids: Path<(String, String)>,
) -> HttpResponse {
    let (id, session) = ids.into_inner();
    answer(&request, &server, do_revoke_session(&request, &server, &id, &session).await)
}

async fn do_revoke_session(
    request: &HttpRequest,
    server: &AuthorizationServer,
    id: &str,
    session: &str,
) -> Outcome {
    let about = About::find(request, server, id, WRITE).await?;
    // What is no id is not repeated: it may be the cookie.
    let session = SessionId::parse(session)
        .map_err(|_| AdminError::NotFound("session of this id".to_owned()))?;
    session::revoke(&about.person.admin, &about.user, &session).await?;
    applied(server, &about.person.admin).await?;
    Ok(gone())
}

/// `POST /api/v1/users/me/second-factor`
pub async fn begin_second_factor(request: HttpRequest, server: Server) -> HttpResponse {
    answer(&request, &server, do_begin_second_factor(&request, &server).await)
}

async fn do_begin_second_factor(request: &HttpRequest, server: &AuthorizationServer) -> Outcome {
    let (person, own) = enrolling(request, server).await?;
    let service = server.issuer.host();
    let enrolment = second_factor::begin(&person.admin, &own.user, service).await?;
    applied(server, &person.admin).await?;
    Ok(json(StatusCode::OK, &EnrolmentJson::from(&enrolment)))
}

/// `POST /api/v1/users/me/second-factor/confirm`
pub async fn confirm_second_factor(
    request: HttpRequest,
    server: Server,
    payload: Payload,
) -> HttpResponse {
    answer(&request, &server, do_codes(&request, &server, payload, Codes::First).await)
}

/// `POST /api/v1/users/me/second-factor/recovery-codes`
pub async fn renew_recovery_codes(
    request: HttpRequest,
    server: Server,
    payload: Payload,
) -> HttpResponse {
    answer(&request, &server, do_codes(&request, &server, payload, Codes::Others).await)
}

/// `POST /api/v1/users/me/second-factor/remove`
pub async fn remove_second_factor(
    request: HttpRequest,
    server: Server,
    payload: Payload,
) -> HttpResponse {
    answer(&request, &server, do_codes(&request, &server, payload, Codes::None).await)
}

/// What somebody has whose code was good.
#[derive(Clone, Copy)]
enum Codes {
    First,
    Others,
    None,
}

async fn do_codes(
    request: &HttpRequest,
    server: &AuthorizationServer,
    payload: Payload,
    codes: Codes,
) -> Outcome {
    enrolling(request, server).await?;
    let code = read::<CodeInput>(request, payload).await?.code()?;
    let (Person { admin, .. }, own) = enrolling(request, server).await?;
    let made = with_code(server, &own.user, Some(code), async |code| {
        let code = code.ok_or(AdminError::CodeNeeded)?;
        match codes {
            Codes::First => {
                second_factor::confirm(&admin, &own.user, &code, own.session.clone()).await
            }
            Codes::Others => second_factor::renew_codes(&admin, &own.user, &code).await,
            Codes::None => {
                second_factor::remove(&admin, &own.user, &code).await.map(|()| Vec::new())
            }
        }
    });
    let made = made.await.map_err(|error| match error {
        // It is not the log-in that failed.
        LogInError::WrongCode => Refused::Admin(AdminError::WrongCode),
        LogInError::Admin(error) => Refused::Admin(error),
        other => other.into(),
    })?;
    applied(server, &admin).await?;
    if matches!(codes, Codes::None) {
        return Ok(gone());
    }
    Ok(json(StatusCode::OK, &RecoveryCodesJson::from(&*made)))
}

/// Whoever is logged in, also where they have to get a second factor first.
async fn enrolling(
    request: &HttpRequest,
    server: &AuthorizationServer,
) -> Result<(Person, OwnSession), Refused> {
    let person = authorize_person(request, server, WRITE).await?;
    let own =
        person.own.clone().ok_or_else(|| AccessError::InsufficientScope(ScopeSet::default()))?;
    Ok((person, own))
}

/// `DELETE /api/v1/users/{id}/second-factor`: of somebody who has lost it.
pub async fn reset_second_factor(
    request: HttpRequest,
    server: Server,
    id: Path<String>,
) -> HttpResponse {
    answer(&request, &server, do_reset_second_factor(&request, &server, &id).await)
}

async fn do_reset_second_factor(
    request: &HttpRequest,
    server: &AuthorizationServer,
    id: &str,
) -> Outcome {
    let admin = authorize(request, server, WRITE).await?;
    second_factor::reset(&admin, &parse(id)?).await?;
    applied(server, &admin).await?;
    Ok(gone())
}

/// Whom somebody asks about.
struct About {
    person: Person,
    user: UserId,
    /// The session in which they ask who ask about themselves.
    own: Option<OwnSession>,
}

impl About {
    /// Recognises whoever asks about `id`: themselves, or anybody, with `scope`.
    async fn find(
        request: &HttpRequest,
        server: &AuthorizationServer,
        id: &str,
        scope: &'static str,
    ) -> Result<Self, Refused> {
        let person = authorize_person(request, server, scope).await?;
        if id == ME || person.own.as_ref().is_some_and(|own| own.user.as_str() == id) {
            let own = person.own().await?.clone();
            return Ok(Self { person, user: own.user.clone(), own: Some(own) });
        }
        person.demand(scope)?;
        Ok(Self { person, user: parse(id)?, own: None })
    }
}

/// What is no id names nobody, and is not repeated.
fn parse(id: &str) -> Result<UserId, AdminError> {
    UserId::parse(id).map_err(|_| AdminError::NotFound("user of this id".to_owned()))
}
