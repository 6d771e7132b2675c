//! `/dashboard/users/{id}/password`: sets the password of another user.

use actix_web::http::StatusCode;
use askama::Template;

use super::view::UserView;
use crate::admin::{AdminError, user};
use crate::http::pages::answer::{PageResult, page_with, redirect};
use crate::http::pages::form::Field;
use crate::http::pages::links::user_path;
use crate::http::pages::visit::Visit;
use crate::http::pages::visitor::Visitor;
use crate::model::own_scope::OwnScope;
use crate::model::user::UserId;
use crate::secret::Secret;
use crate::secret::password::Password;
use crate::secret::pool::Lane;

#[derive(Template)]
#[template(path = "user-password.html")]
struct PasswordPage<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    user: UserView,
    password: Field,
    problem: Option<String>,
}

pub(super) async fn ask(visit: &Visit<'_>, id: &UserId) -> PageResult {
    show_form(visit, id, Field::new("password", ""), StatusCode::OK).await
}

async fn show_form(
    visit: &Visit<'_>,
    id: &UserId,
    password: Field,
    status: StatusCode,
) -> PageResult {
    let visitor = &visit.visitor;
    let user = UserView::new(&user::show(visit.admin(OwnScope::UsersWrite)?, id).await?, visitor);
    if user.is_own {
        // Their own password takes the current one.
        return Ok(redirect(visit.server, "/dashboard/settings"));
    }
    page_with(status, &PasswordPage { base: &visitor.base, visitor, user, password, problem: None })
}

pub(super) async fn set(visit: &Visit<'_>, id: &UserId) -> PageResult {
    let (admin, mut field) = (visit.admin(OwnScope::UsersWrite)?, Field::new("password", ""));
    if *id == visit.visitor.signed_in.user {
        return Ok(redirect(visit.server, "/dashboard/settings"));
    }
    let password = match Password::parse(Secret::new(visit.form.raw("password").to_owned())) {
        Ok(password) => password,
        Err(error) => {
            field.refuse(&error.to_string());
            return show_form(visit, id, field, StatusCode::BAD_REQUEST).await;
        }
    };
    match user::set_password(admin, id, password, None, Lane::Administration).await {
        Ok(_) => visit.changed(&user_path(id), "password-set").await,
        Err(AdminError::Invalid(reason)) => {
            field.refuse(&reason);
            show_form(visit, id, field, StatusCode::BAD_REQUEST).await
        }
        Err(error) => Err(error.into()),
    }
}
