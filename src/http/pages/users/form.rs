//! The forms that create and change a user.

use actix_web::http::StatusCode;
use askama::Template;

use super::view::UserView;
use crate::admin::AdminError;
use crate::admin::user::{self, UserUpdate};
use crate::http::pages::answer::{PageResult, page_with};
use crate::http::pages::choices::offered_apis;
use crate::http::pages::form::{
    Field, FormFields, changed_message, form_problem, parse_resources, parse_scopes,
};
use crate::http::pages::links::user_path;
use crate::http::pages::visit::Visit;
use crate::http::pages::visitor::Visitor;
use crate::model::own_scope::OwnScope;
use crate::model::user::{Role, UserId, Username};
use crate::secret::Secret;
use crate::secret::password::Password;

/// Roles: value and label.
const ROLES: [(&str, &str); 3] = [
    ("member", "Member: manages only their own API keys"),
    ("viewer", "Viewer: sees everything, changes nothing"),
    ("admin", "Administrator: manages everything"),
];

/// The fields of the form.
struct UserForm {
    username: Field,
    role: Field,
    scopes: Field,
    resources: Field,
    password: Field,
    chosen_resources: Vec<String>,
    /// The version that the form was rendered from.
    seen: String,
}

#[derive(Template)]
#[template(path = "user-form.html")]
struct FormPage<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    user: Option<&'a UserView>,
    form: &'a UserForm,
    roles: &'a [(&'static str, &'static str)],
    apis: Vec<(String, String, bool)>,
    problem: Option<String>,
}

async fn show_form(
    visit: &Visit<'_>,
    user: Option<&UserView>,
    form: &UserForm,
    problem: Option<String>,
    status: StatusCode,
) -> PageResult {
    let visitor = &visit.visitor;
    let apis = offered_apis(visit, &form.chosen_resources).await?;
    page_with(
        status,
        &FormPage { base: &visitor.base, visitor, user, form, roles: &ROLES, apis, problem },
    )
}

pub(super) async fn new(visit: &Visit<'_>) -> PageResult {
    visit.admin(OwnScope::UsersWrite)?;
    let mut form = UserForm::read(&FormFields::default());
    form.role = Field::new("role", "member");
    show_form(visit, None, &form, None, StatusCode::OK).await
}

impl UserForm {
    /// A password is never shown again.
    fn read(form: &FormFields) -> Self {
        Self {
            username: form.field("username"),
            role: form.field("role"),
            scopes: form.field("scope"),
            resources: Field::new("resource", ""),
            password: Field::new("password", ""),
            chosen_resources: form.all("resource").map(ToOwned::to_owned).collect(),
            seen: form.text("seen").to_owned(),
        }
    }

    fn parse(&mut self) -> Option<UserUpdate> {
        let username = self.username.parse(Username::parse);
        let role = self.role.parse(str::parse::<Role>);
        let mut scopes = self.scopes.parse(parse_scopes);
        if let Some(Err(error)) = scopes.as_ref().map(user::check_scopes) {
            self.scopes.refuse(&error.to_string());
            scopes = None;
        }
        let resources = parse_resources(&mut self.resources, &self.chosen_resources);
        Some(UserUpdate {
            // Always compared: a form without a version is rejected.
            seen: Some(self.seen.clone()),
            username: Some(username?),
            role: Some(role?),
            scopes: Some(scopes?),
            resources: Some(resources?),
            regrant: false,
        })
    }
}

pub(super) async fn create(visit: &Visit<'_>) -> PageResult {
    let admin = visit.admin(OwnScope::UsersWrite)?;
    let mut form = UserForm::read(&visit.form);
    let password = Password::parse(Secret::new(visit.form.raw("password").to_owned()));
    if let Err(error) = &password {
        form.password.refuse(&error.to_string());
    }
    let new =
        form.parse().zip(password.ok()).and_then(|(wanted, password)| wanted.into_new(password));
    let Some(new) = new else {
        return show_form(visit, None, &form, None, StatusCode::BAD_REQUEST).await;
    };
    match user::create(admin, new).await {
        Ok(user) => visit.changed(&user_path(&user.id), "created").await,
        Err(AdminError::Invalid(reason)) => {
            form.password.refuse(&reason);
            show_form(visit, None, &form, None, StatusCode::BAD_REQUEST).await
        }
        Err(error) => show_error(visit, None, form, error).await,
    }
}

/// Shows the form again with the error.
async fn show_error(
    visit: &Visit<'_>,
    user: Option<&UserView>,
    mut form: UserForm,
    error: AdminError,
) -> PageResult {
    let (status, problem) = match &error {
        AdminError::Exists(noun) => {
            form.username.refuse(&format!("{noun} already exists"));
            (StatusCode::CONFLICT, None)
        }
        AdminError::Unknown(noun) => {
            form.resources.refuse(&format!("there is no {noun}"));
            (StatusCode::BAD_REQUEST, None)
        }
        _ => form_problem(error).map(|(status, problem)| (status, Some(problem)))?,
    };
    show_form(visit, user, &form, problem, status).await
}

pub(super) async fn edit(visit: &Visit<'_>, id: &UserId) -> PageResult {
    let user = user::show(visit.admin(OwnScope::UsersWrite)?, id).await?;
    let form = UserForm {
        username: Field::new("username", user.username.as_str()),
        role: Field::new("role", user.role.name()),
        scopes: Field::new("scope", user.scopes.as_str()),
        resources: Field::new("resource", ""),
        password: Field::new("password", ""),
        chosen_resources: user.resources.iter().map(ToString::to_string).collect(),
        seen: user::version(&user),
    };
    show_form(visit, Some(&UserView::new(&user, &visit.visitor)), &form, None, StatusCode::OK).await
}

pub(super) async fn update(visit: &Visit<'_>, id: &UserId) -> PageResult {
    let admin = visit.admin(OwnScope::UsersWrite)?;
    let user = user::show(admin, id).await?;
    let view = UserView::new(&user, &visit.visitor);
    let mut form = UserForm::read(&visit.form);
    let Some(wanted) = form.parse() else {
        return show_form(visit, Some(&view), &form, None, StatusCode::BAD_REQUEST).await;
    };
    match user::update(admin, id, wanted).await {
        Ok(_) => visit.changed(&user_path(id), "saved").await,
        Err(AdminError::Changed(_)) => {
            // The form now shows the current version and may be sent again.
            form.seen = user::version(&user);
            let problem = Some(changed_message("user"));
            show_form(visit, Some(&view), &form, problem, StatusCode::CONFLICT).await
        }
        Err(error) => show_error(visit, Some(&view), form, error).await,
    }
}
