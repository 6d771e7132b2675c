//! `/dashboard/users…`: people, for those who look after them.

use actix_web::http::StatusCode;
use askama::Template;

use super::clients::{offered_apis, parse_scopes};
use super::confirm::ask;
use super::failure::Failure;
use super::form::{Field, Form};
use super::keys::{changed, sentence};
use super::sessions::SessionView;
use super::show::{Moment, Status};
use super::visit::Visit;
use super::visitor::{Visitor, role};
use super::{Outcome, activity, page, page_with, redirect};
use crate::admin::user::{self, Filter, UserUpdate};
use crate::admin::{AdminError, second_factor, session};
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::model::user::{Role, User, UserId, Username};
use crate::secret::Secret;
use crate::secret::password::Password;
use crate::secret::pool::Lane;

pub(super) const READ: &str = "mintery:users:read";
const WRITE: &str = "mintery:users:write";

/// Users on a page.
const PAGE: i64 = 25;

const ROLES: [(&str, &str); 3] = [
    ("member", "Member: has what is their own"),
    ("viewer", "Viewer: sees everything"),
    ("admin", "Administrator: does everything"),
];

pub(super) async fn route(visit: &Visit<'_>, page: &[&str], is_post: bool) -> Outcome {
    match (is_post, page) {
        (false, []) => list(visit).await,
        (false, ["new"]) => new(visit).await,
        (true, ["new"]) => create(visit).await,
        (false, [id]) => show(visit, &parse(id)?).await,
        (false, [id, "edit"]) => edit(visit, &parse(id)?).await,
        (true, [id, "edit"]) => update(visit, &parse(id)?).await,
        (false, [id, "password"]) => ask_password(visit, &parse(id)?).await,
        (true, [id, "password"]) => set_password(visit, &parse(id)?).await,
        (true, [id, "enable"]) => act(visit, &parse(id)?, Act::Enable).await,
        (true, [id, "end-sessions"]) => act(visit, &parse(id)?, Act::EndSessions).await,
        (is_post, [id, name]) => {
            let (id, named) = (parse(id)?, Act::named(name).ok_or(Failure::NotFound)?);
            if is_post { act(visit, &id, named).await } else { confirm(visit, &id, named).await }
        }
        _ => Err(Failure::NotFound),
    }
}

/// What is no id names nobody.
fn parse(id: &str) -> Result<UserId, Failure> {
    UserId::parse(id).map_err(|_| Failure::NotFound)
}

/// Where the pages of somebody are.
pub(super) fn path_of(id: &UserId) -> String {
    format!("/dashboard/users/{id}")
}

/// Somebody, as they are shown.
struct UserView {
    id: UserId,
    username: String,
    role: &'static str,
    scopes: ScopeSet,
    resources: Vec<String>,
    status: Status,
    is_enabled: bool,
    has_factor: bool,
    is_own: bool,
    created: Moment,
}

impl UserView {
    fn new(user: &User, visitor: &Visitor) -> Self {
        Self {
            id: user.id.clone(),
            username: user.username.to_string(),
            role: role(user.role),
            scopes: user.scopes.clone(),
            resources: user.resources.iter().map(ToString::to_string).collect(),
            status: if user.is_enabled() {
                Status::ok("Active")
            } else {
                Status::plain("Disabled")
            },
            is_enabled: user.is_enabled(),
            has_factor: user.second_factor_at.is_some(),
            is_own: user.id == visitor.signed_in.user,
            created: Moment::new(user.created_at, visitor.now),
        }
    }

    fn path(&self) -> String {
        path_of(&self.id)
    }
}

#[derive(Template)]
#[template(path = "users.html")]
struct List<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    users: Vec<UserView>,
    username: &'a str,
    role: &'a str,
    is_filtered: bool,
    is_first: bool,
    next: Option<String>,
}

async fn list(visit: &Visit<'_>) -> Outcome {
    let (admin, visitor) = (visit.admin(READ)?, &visit.visitor);
    let [username, role, after] = ["username", "role", "after"].map(|field| visit.form.text(field));
    let filter = Filter {
        username: Some(username).filter(|name| !name.is_empty()).map(ToOwned::to_owned),
        role: role.parse().ok(),
        enabled: None,
    };
    let mut users = user::by_name(admin, &after.to_lowercase(), PAGE + 1, &filter).await?;
    let has_more = users.len() > usize::try_from(PAGE).unwrap_or_default();
    users.truncate(usize::try_from(PAGE).unwrap_or_default());
    page(&List {
        base: &visitor.base,
        visitor,
        users: users.iter().map(|user| UserView::new(user, visitor)).collect(),
        username,
        role,
        is_filtered: !username.is_empty() || !role.is_empty(),
        is_first: after.is_empty(),
        next: users.last().filter(|_| has_more).map(|user| user.username.folded()),
    })
}

#[derive(Template)]
#[template(path = "user.html")]
struct Show<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    user: UserView,
    sessions: Vec<SessionView>,
    events: Vec<activity::EventView>,
}

async fn show(visit: &Visit<'_>, id: &UserId) -> Outcome {
    let (admin, visitor) = (visit.admin(READ)?, &visit.visitor);
    let user = user::show(admin, id).await?;
    let sessions = session::list(admin, id).await?;
    let own = &visitor.signed_in.session;
    page(&Show {
        base: &visitor.base,
        visitor,
        user: UserView::new(&user, visitor),
        sessions: sessions
            .iter()
            .map(|session| SessionView::new(session, own, visitor.now))
            .collect(),
        events: activity::about(visit, id.as_str()).await?,
    })
}

/// What somebody is to be, as it is typed.
struct UserForm {
    username: Field,
    role: Field,
    scopes: Field,
    resources: Field,
    password: Field,
    /// The APIs that are chosen.
    chosen_resources: Vec<String>,
    /// The version that was shown.
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
) -> Outcome {
    let visitor = &visit.visitor;
    let apis = offered_apis(visit, &form.chosen_resources).await?;
    page_with(
        status,
        &FormPage { base: &visitor.base, visitor, user, form, roles: &ROLES, apis, problem },
    )
}

async fn new(visit: &Visit<'_>) -> Outcome {
    visit.admin(WRITE)?;
    let mut form = UserForm::read(&Form::default());
    form.role = Field::new("role", "member");
    show_form(visit, None, &form, None, StatusCode::OK).await
}

impl UserForm {
    /// What is typed into it; a password never comes back.
    fn read(form: &Form) -> Self {
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
        let resources: Result<Vec<ResourceUri>, _> =
            self.chosen_resources.iter().map(|text| ResourceUri::parse(text)).collect();
        if let Err(error) = &resources {
            self.resources.refuse(&error.to_string());
        }
        Some(UserUpdate {
            // Without a word on what was seen the form is not one of this server.
            seen: Some(self.seen.clone()),
            username: Some(username?),
            role: Some(role?),
            scopes: Some(scopes?),
            resources: Some(resources.ok()?),
        })
    }
}

async fn create(visit: &Visit<'_>) -> Outcome {
    let admin = visit.admin(WRITE)?;
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
        Ok(user) => {
            visit.applied().await?;
            Ok(redirect(visit.server, &format!("{}?done=created", path_of(&user.id))))
        }
        Err(AdminError::Invalid(reason)) => {
            form.password.refuse(&reason);
            show_form(visit, None, &form, None, StatusCode::BAD_REQUEST).await
        }
        Err(error) => refused(visit, None, form, error).await,
    }
}

async fn refused(
    visit: &Visit<'_>,
    user: Option<&UserView>,
    mut form: UserForm,
    error: AdminError,
) -> Outcome {
    let status = match &error {
        AdminError::Exists(what) => {
            form.username.refuse(&format!("there is a {what} already"));
            return show_form(visit, user, &form, None, StatusCode::CONFLICT).await;
        }
        AdminError::Unknown(what) => {
            form.resources.refuse(&format!("there is no {what}"));
            return show_form(visit, user, &form, None, StatusCode::BAD_REQUEST).await;
        }
        AdminError::Invalid(_) => StatusCode::BAD_REQUEST,
        AdminError::Conflict(_) => StatusCode::CONFLICT,
        AdminError::Forbidden(_) => StatusCode::FORBIDDEN,
        _ => return Err(error.into()),
    };
    show_form(visit, user, &form, Some(sentence(&error.to_string())), status).await
}

async fn edit(visit: &Visit<'_>, id: &UserId) -> Outcome {
    let user = user::show(visit.admin(WRITE)?, id).await?;
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

async fn update(visit: &Visit<'_>, id: &UserId) -> Outcome {
    let admin = visit.admin(WRITE)?;
    let user = user::show(admin, id).await?;
    let view = UserView::new(&user, &visit.visitor);
    let mut form = UserForm::read(&visit.form);
    let Some(wanted) = form.parse() else {
        return show_form(visit, Some(&view), &form, None, StatusCode::BAD_REQUEST).await;
    };
    match user::update(admin, id, wanted).await {
        Ok(_) => {
            visit.applied().await?;
            Ok(redirect(visit.server, &format!("{}?done=saved", path_of(id))))
        }
        Err(AdminError::Changed(_)) => {
            // Whoever sends it again has seen what it is now.
            form.seen = user::version(&user);
            show_form(visit, Some(&view), &form, Some(changed("user")), StatusCode::CONFLICT).await
        }
        Err(error) => refused(visit, Some(&view), form, error).await,
    }
}

#[derive(Template)]
#[template(path = "user-password.html")]
struct PasswordPage<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    user: UserView,
    password: Field,
    problem: Option<String>,
}

async fn ask_password(visit: &Visit<'_>, id: &UserId) -> Outcome {
    password_form(visit, id, Field::new("password", ""), StatusCode::OK).await
}

async fn password_form(
    visit: &Visit<'_>,
    id: &UserId,
    password: Field,
    status: StatusCode,
) -> Outcome {
    let visitor = &visit.visitor;
    let user = UserView::new(&user::show(visit.admin(WRITE)?, id).await?, visitor);
    if user.is_own {
        // Their own they change where they show the old one.
        return Ok(redirect(visit.server, "/dashboard/settings"));
    }
    page_with(status, &PasswordPage { base: &visitor.base, visitor, user, password, problem: None })
}

async fn set_password(visit: &Visit<'_>, id: &UserId) -> Outcome {
    let (admin, mut field) = (visit.admin(WRITE)?, Field::new("password", ""));
    if *id == visit.visitor.signed_in.user {
        return Ok(redirect(visit.server, "/dashboard/settings"));
    }
    let password = match Password::parse(Secret::new(visit.form.raw("password").to_owned())) {
        Ok(password) => password,
        Err(error) => {
            field.refuse(&error.to_string());
            return password_form(visit, id, field, StatusCode::BAD_REQUEST).await;
        }
    };
    match user::set_password(admin, id, password, None, Lane::Administration).await {
        Ok(_) => {
            visit.applied().await?;
            Ok(redirect(visit.server, &format!("{}?done=password-set", path_of(id))))
        }
        Err(AdminError::Invalid(reason)) => {
            field.refuse(&reason);
            password_form(visit, id, field, StatusCode::BAD_REQUEST).await
        }
        Err(error) => Err(error.into()),
    }
}

/// What is done to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Enable,
    Disable,
    Delete,
    ResetSecondFactor,
    EndSessions,
}

impl Act {
    /// What is done only after a second look.
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "disable" => Self::Disable,
            "delete" => Self::Delete,
            "reset-second-factor" => Self::ResetSecondFactor,
            _ => return None,
        })
    }
}

async fn confirm(visit: &Visit<'_>, id: &UserId, act: Act) -> Outcome {
    let user = user::show(visit.admin(WRITE)?, id).await?;
    let (name, path) = (user.username.as_str(), path_of(id));
    let (title, text, is_final, button) = match act {
        Act::Delete => (
            "Delete this user?",
            "They are logged out everywhere and gone, with their API keys. What they did stays in the log.",
            true,
            "Delete user",
        ),
        Act::ResetSecondFactor => (
            "Reset their second factor?",
            "For somebody who has lost their app and their recovery codes. They are logged out everywhere, and their password alone lets \
             them in until they set up another one.",
            true,
            "Reset second factor",
        ),
        _ => (
            "Disable this user?",
            "They are logged out everywhere and cannot log in, and their API keys are refused, until they are enabled again.",
            false,
            "Disable user",
        ),
    };
    let crumbs = [("/dashboard/users", "Users"), (path.as_str(), name)];
    ask(visit, &crumbs, title, &[name.to_owned(), text.to_owned()], is_final, button)
}

async fn act(visit: &Visit<'_>, id: &UserId, act: Act) -> Outcome {
    let admin = visit.admin(WRITE)?;
    let done = match act {
        Act::Enable => user::set_enabled(admin, id, true).await.map(|_| "user-enabled"),
        Act::Disable => user::set_enabled(admin, id, false).await.map(|_| "user-disabled"),
        Act::Delete => user::delete(admin, id).await.map(|()| "deleted"),
        Act::ResetSecondFactor => second_factor::reset(admin, id).await.map(|()| "factor-removed"),
        Act::EndSessions => {
            session::revoke_all(admin, id, None).await.map(|_| "user-sessions-ended")
        }
    }?;
    visit.applied().await?;
    let path = if act == Act::Delete { "/dashboard/users".to_owned() } else { path_of(id) };
    Ok(redirect(visit.server, &format!("{path}?done={done}")))
}
