//! `/api/v1/users/…/second-factor`: the second factor of a user, who manages it in a session.

use actix_web::HttpRequest;
use actix_web::web::{Data, Path, Payload};

use super::answer::{gone, ok};
use super::authorize::{OwnSession, Person, authorize};
use super::input::read;
use super::users::parse;
use crate::admin::json::user::{CodeInput, EnrollmentJson, RecoveryCodesJson};
use crate::admin::{AdminError, second_factor};
use crate::authn::error::{AccessError, LogInError};
use crate::authn::log_in::with_code;
use crate::http::act::{Outcome, Refused, applied};
use crate::model::own_scope::OwnScope;
use crate::model::scope::ScopeSet;
use crate::oauth::AuthorizationServer;

type Server = Data<AuthorizationServer>;

/// `POST /api/v1/users/me/second-factor`
pub async fn begin(request: HttpRequest, server: Server) -> Outcome {
    let person = Person::authorize(&request, &server, OwnScope::UsersWrite).await?;
    let own = own_session(&person)?;
    let service = server.context.issuer.host();
    let enrollment = second_factor::begin(&person.admin, &own.user, service).await?;
    applied(&server, &person.admin).await?;
    Ok(ok(&EnrollmentJson::from(&enrollment)))
}

/// `POST /api/v1/users/me/second-factor/confirm`
pub async fn confirm(request: HttpRequest, server: Server, payload: Payload) -> Outcome {
    with_codes(&request, &server, payload, Codes::First).await
}

/// `POST /api/v1/users/me/second-factor/recovery-codes`
pub async fn renew_codes(request: HttpRequest, server: Server, payload: Payload) -> Outcome {
    with_codes(&request, &server, payload, Codes::Renewed).await
}

/// `POST /api/v1/users/me/second-factor/remove`
pub async fn remove(request: HttpRequest, server: Server, payload: Payload) -> Outcome {
    with_codes(&request, &server, payload, Codes::None).await
}

/// The recovery codes after an act.
#[derive(Clone, Copy)]
enum Codes {
    /// The first ones.
    First,
    /// New ones in place of the old.
    Renewed,
    /// None, since the factor is removed.
    None,
}

async fn with_codes(
    request: &HttpRequest,
    server: &AuthorizationServer,
    payload: Payload,
    codes: Codes,
) -> Outcome {
    let person = Person::authorize(request, server, OwnScope::UsersWrite).await?;
    own_session(&person)?;
    let code = read::<CodeInput>(request, payload).await?.code()?;
    let person = person.again(request, server).await?;
    let (admin, own) = (&person.admin, own_session(&person)?);
    let made = with_code(&server.context, &own.user, Some(code), async |code| {
        let code = code.ok_or(AdminError::CodeNeeded)?;
        match codes {
            Codes::First => {
                second_factor::confirm(admin, &own.user, &code, own.session.clone()).await
            }
            Codes::Renewed => second_factor::renew_codes(admin, &own.user, &code).await,
            Codes::None => {
                second_factor::remove(admin, &own.user, &code).await.map(|()| Vec::new())
            }
        }
    });
    let made = made.await.map_err(|error| match error {
        // The act failed, not a log-in.
        LogInError::WrongCode => Refused::Admin(AdminError::WrongCode),
        LogInError::Admin(error) => Refused::Admin(error),
        other => other.into(),
    })?;
    applied(server, admin).await?;
    if matches!(codes, Codes::None) {
        return Ok(gone());
    }
    Ok(ok(&RecoveryCodesJson::from(&*made)))
}

/// `DELETE /api/v1/users/{id}/second-factor`: of a user who has lost it.
pub async fn reset(request: HttpRequest, server: Server, id: Path<String>) -> Outcome {
    let admin = authorize(&request, &server, OwnScope::UsersWrite).await?;
    second_factor::reset(&admin, &parse(&id)?).await?;
    applied(&server, &admin).await?;
    Ok(gone())
}

/// The session of a caller, who may still lack a required second factor.
fn own_session(person: &Person) -> Result<&OwnSession, AccessError> {
    person.own.as_ref().ok_or_else(|| AccessError::InsufficientScope(ScopeSet::default()))
}
