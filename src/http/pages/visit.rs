//! A request for a page: the logged-in user and the fields sent.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::Payload;
use askama::Template;

use super::answer::{PageResult, page_with, redirect};
use super::failure::Failure;
use super::form::{CSRF_FIELD, FormFields, ONCE_FIELD};
use super::navigation::Section;
use super::visitor::Visitor;
use crate::admin::Admin;
use crate::admin::api_key::Repeatable;
use crate::http::act::{self, Refused};
use crate::model::own_scope::OwnScope;
use crate::oauth::AuthorizationServer;

/// A request for a page.
pub struct Visit<'a> {
    pub request: &'a HttpRequest,
    pub server: &'a AuthorizationServer,
    /// The logged-in user.
    pub visitor: Visitor,
    /// The posted form; the query of a request without one.
    pub form: FormFields,
}

impl<'a> Visit<'a> {
    /// Authenticates the user and reads the form.
    ///
    /// # Errors
    /// [`Failure::NotLoggedIn`] without a session, [`Failure::Forged`] if the form belongs to
    /// another session.
    pub async fn begin(
        request: &'a HttpRequest,
        server: &'a AuthorizationServer,
        section: Section,
        posted: Option<Payload>,
    ) -> Result<Self, Failure> {
        let query = FormFields::from_query(request.query_string());
        let mut visitor = Visitor::recognize(request, server, Some(section)).await?;
        visitor.done = query.text("done").to_owned();
        let form = match posted {
            None => query,
            Some(payload) => {
                let form = FormFields::read(request, payload).await?;
                if !visitor.signed_in.may_send(request, server, form.text(CSRF_FIELD)) {
                    return Err(Failure::Forged(
                        "a form without the token of the session, or from another site",
                    ));
                }
                // The session may have ended while the body arrived.
                visitor = Visitor::recognize(request, server, Some(section)).await?;
                form
            }
        };
        form.check_characters()?;
        Ok(Self { request, server, visitor, form })
    }

    /// The administration in the name of the user, who must hold `scope`.
    ///
    /// # Errors
    /// If they do not.
    pub fn admin(&self, scope: OwnScope) -> Result<&Admin, Failure> {
        if self.visitor.may(scope) { Ok(&self.visitor.admin) } else { Err(Failure::lacking(scope)) }
    }

    /// Waits until this node has applied what was committed.
    ///
    /// # Errors
    /// If it does not catch up.
    pub async fn applied(&self) -> Result<(), Refused> {
        act::applied(self.server, &self.visitor.admin).await
    }

    /// Redirects to `path` after a change, which this node then has applied. The page shows the
    /// [`notice`](super::navigation::notice) named `done`.
    pub async fn changed(&self, path: &str, done: &str) -> PageResult {
        self.applied().await?;
        let mark = if path.contains('?') { '&' } else { '?' };
        Ok(redirect(self.server, &format!("{path}{mark}done={done}")))
    }

    /// The identity of a form that creates something; `None` if it carries no valid token.
    pub fn once(&self) -> Option<Repeatable> {
        let key = self.form.text(ONCE_FIELD);
        let is_token = key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
        let digests = &self.server.context.admin.api_keys.digests;
        let request_digest = digests.digest_bytes(self.form.content().as_bytes()).to_text();
        is_token.then(|| Repeatable { key: format!("page:{key}"), request_digest })
    }

    /// The token for [`ONCE_FIELD`] of a form: the one it was sent with if it is shown again, a new
    /// one otherwise.
    pub fn once_token(&self) -> String {
        match self.form.text(ONCE_FIELD) {
            token if token.len() == 32 => token.to_owned(),
            _ => {
                format!(
                    "{:032x}",
                    u128::from_be_bytes(crate::random::bytes(&*self.server.context.random))
                )
            }
        }
    }
    /// Answers a form that creates something and was sent again, as by a reload: 409, with a link
    /// called `label` to the object at `path` and one to the empty form at `again`. It shows no
    /// secret a second time.
    pub fn repeated(&self, path: &str, label: &str, again: &str) -> PageResult {
        let (base, visitor) = (&self.visitor.base, &self.visitor);
        page_with(StatusCode::CONFLICT, &RepeatedPage { base, visitor, path, label, again })
    }
}

#[derive(Template)]
#[template(path = "repeated.html")]
struct RepeatedPage<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    path: &'a str,
    label: &'a str,
    again: &'a str,
}
