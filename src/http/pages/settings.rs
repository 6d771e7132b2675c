//! `/dashboard/settings…`: the password and the second factor of the user.

use actix_web::http::StatusCode;
use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::answer::{PageResult, page, page_with, redirect};
use super::failure::Failure;
use super::form::{Field, sentence};
use super::visit::Visit;
use super::visitor::Visitor;
use crate::admin::{AdminError, second_factor, user};
use crate::authn::error::LogInError;
use crate::authn::log_in::{check_own_password, with_code};
use crate::http::act::Refused;
use crate::http::error;
use crate::http::extract::caller::caller_address;
use crate::oauth::request::network_of;
use crate::secret::Secret;
use crate::secret::password::Password;
use crate::secret::pool::Lane;

const FACTOR: &str = "/dashboard/settings/second-factor";

pub(super) async fn route(visit: &Visit<'_>, page: &[&str], is_post: bool) -> PageResult {
    match (is_post, page) {
        (false, []) => show(visit, Passwords::default(), StatusCode::OK).await,
        (false, ["password"]) => Ok(redirect(visit.server, "/dashboard/settings")),
        (true, ["password"]) => set_password(visit).await,
        (false, ["second-factor"]) => show_factor(visit, None, StatusCode::OK).await,
        (false, ["second-factor", _]) => Ok(redirect(visit.server, FACTOR)),
        (true, ["second-factor", "begin"]) => begin(visit).await,
        (true, ["second-factor", "confirm"]) => with_a_code(visit, FactorAct::Confirm).await,
        (true, ["second-factor", "codes"]) => with_a_code(visit, FactorAct::Renew).await,
        (true, ["second-factor", "remove"]) => with_a_code(visit, FactorAct::Remove).await,
        _ => Err(Failure::NotFound),
    }
}

/// The fields of the password form. Passwords are never shown again.
struct Passwords {
    current: Field,
    password: Field,
    repeat: Field,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            current: Field::new("current", ""),
            password: Field::new("password", ""),
            repeat: Field::new("repeat", ""),
        }
    }
}

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    has_factor: bool,
    current: Field,
    password: Field,
    repeat: Field,
}

async fn show(visit: &Visit<'_>, fields: Passwords, status: StatusCode) -> PageResult {
    let visitor = &visit.visitor;
    let own = user::show(&visitor.admin, &visitor.signed_in.user).await?;
    let Passwords { current, password, repeat } = fields;
    let has_factor = own.second_factor_at.is_some();
    page_with(
        status,
        &SettingsPage { base: &visitor.base, visitor, has_factor, current, password, repeat },
    )
}

async fn set_password(visit: &Visit<'_>) -> PageResult {
    let (own, mut fields) = (&visit.visitor.signed_in, Passwords::default());
    let typed = |name| Secret::new(visit.form.raw(name).to_owned());
    let password = match Password::parse(typed("password")) {
        Ok(password) => password,
        Err(error) => {
            fields.password.refuse(&error.to_string());
            return show(visit, fields, StatusCode::BAD_REQUEST).await;
        }
    };
    if visit.form.raw("repeat") != visit.form.raw("password") {
        fields.repeat.refuse("the passwords do not match");
        return show(visit, fields, StatusCode::BAD_REQUEST).await;
    }
    // The browser may be unattended: ask for the current password.
    let network = network_of(caller_address(visit.request, &visit.server.inbound));
    if let Err(error) =
        check_own_password(&visit.server.context, &own.username, typed("current"), network).await
    {
        let (status, detail, _) = error::log_in::page(visit.request, visit.server, &error);
        let is_wrong = matches!(error, LogInError::Wrong(_));
        fields.current.refuse(if is_wrong { "wrong password" } else { &detail });
        return show(visit, fields, if is_wrong { StatusCode::BAD_REQUEST } else { status }).await;
    }
    let kept = Some(own.session.clone());
    match user::set_password(
        &visit.visitor.admin,
        &own.user,
        password,
        kept,
        Lane::Network(network),
    )
    .await
    {
        Ok(_) => visit.changed("/dashboard/settings", "password").await,
        Err(AdminError::Invalid(reason)) => {
            fields.password.refuse(&reason);
            show(visit, fields, StatusCode::BAD_REQUEST).await
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "second-factor.html")]
struct FactorPage<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    has_factor: bool,
    codes_left: i64,
    problem: Option<String>,
}

async fn show_factor(visit: &Visit<'_>, problem: Option<String>, status: StatusCode) -> PageResult {
    let visitor = &visit.visitor;
    let own = user::show(&visitor.admin, &visitor.signed_in.user).await?;
    let codes_left = second_factor::codes_left(&visitor.admin, &own.id).await?;
    let has_factor = own.second_factor_at.is_some();
    page_with(status, &FactorPage { base: &visitor.base, visitor, has_factor, codes_left, problem })
}

#[derive(Template)]
#[template(path = "second-factor-begun.html")]
struct EnrollmentPage<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    /// The secret to type; `None` if it was shown before.
    enrollment: Option<&'a str>,
    /// The secret as a QR code.
    qr: Option<String>,
    problem: Option<String>,
}

async fn begin(visit: &Visit<'_>) -> PageResult {
    let visitor = &visit.visitor;
    let service = visit.server.context.issuer.host();
    let enrollment =
        match second_factor::begin(&visitor.admin, &visitor.signed_in.user, service).await {
            Ok(enrollment) => enrollment,
            Err(AdminError::Conflict(_)) => return Ok(redirect(visit.server, FACTOR)),
            Err(error) => return Err(error.into()),
        };
    visit.applied().await?;
    let picture = enrollment.qr_svg();
    let qr =
        picture.map(|svg| format!("data:image/svg+xml;base64,{}", STANDARD.encode(svg.expose())));
    page(&EnrollmentPage {
        base: &visitor.base,
        visitor,
        enrollment: Some(enrollment.secret.expose()),
        qr,
        problem: None,
    })
}

#[derive(Template)]
#[template(path = "recovery-codes.html")]
struct CodesPage<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    codes: Vec<&'a str>,
}

/// An act that requires a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FactorAct {
    Confirm,
    Renew,
    Remove,
}

async fn with_a_code(visit: &Visit<'_>, act: FactorAct) -> PageResult {
    let visitor = &visit.visitor;
    let (admin, own) = (&visitor.admin, &visitor.signed_in);
    let typed = Secret::new(visit.form.text("code").to_owned());
    let done = with_code(&visit.server.context, &own.user, Some(typed), async |code| {
        let code = code.ok_or(AdminError::CodeNeeded)?;
        match act {
            FactorAct::Confirm => {
                second_factor::confirm(admin, &own.user, &code, own.session.clone()).await
            }
            FactorAct::Renew => second_factor::renew_codes(admin, &own.user, &code).await,
            FactorAct::Remove => {
                second_factor::remove(admin, &own.user, &code).await.map(|()| Vec::new())
            }
        }
    });
    let codes = match done.await {
        Ok(codes) => codes,
        Err(error) => return show_code_error(visit, act, error).await,
    };
    if act == FactorAct::Remove {
        return visit.changed(FACTOR, "factor-removed").await;
    }
    visit.applied().await?;
    let codes = codes.iter().map(Secret::expose).collect();
    page(&CodesPage { base: &visitor.base, visitor, codes })
}

/// Shows the page of the code again with the error.
async fn show_code_error(visit: &Visit<'_>, act: FactorAct, error: LogInError) -> PageResult {
    match error {
        // Sent twice, or the setup began again elsewhere.
        LogInError::Admin(error @ AdminError::Conflict(_)) => {
            show_factor(visit, Some(sentence(&error.to_string())), StatusCode::CONFLICT).await
        }
        LogInError::WrongCode | LogInError::TooManyGuesses(_) => {
            let (status, detail, _) = error::log_in::page(visit.request, visit.server, &error);
            let status =
                if status == StatusCode::UNAUTHORIZED { StatusCode::BAD_REQUEST } else { status };
            let problem = Some(format!("{detail}."));
            if act != FactorAct::Confirm {
                return show_factor(visit, problem, status).await;
            }
            let (base, visitor) = (&visit.visitor.base, &visit.visitor);
            let page = EnrollmentPage { base, visitor, enrollment: None, qr: None, problem };
            page_with(status, &page)
        }
        error => Err(Refused::from(error).into()),
    }
}
