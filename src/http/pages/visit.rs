//! A request for a page: who asks, and what was sent.

use actix_web::HttpRequest;
use actix_web::web::Payload;

use super::failure::Failure;
use super::form::Form;
use super::navigation::Section;
use super::visitor::{CSRF_FIELD, Visitor};
use crate::admin::Admin;
use crate::admin::api_key::Repeatable;
use crate::http::act::{self, Refused};
use crate::oauth::AuthorizationServer;

/// A request for a page.
pub struct Visit<'a> {
    /// The request.
    pub request: &'a HttpRequest,
    /// What it is answered with.
    pub server: &'a AuthorizationServer,
    /// Who asks.
    pub visitor: Visitor,
    /// What was posted; the query where nothing was.
    pub form: Form,
}

impl<'a> Visit<'a> {
    /// Recognises whoever asks, and reads what they send.
    ///
    /// # Errors
    /// [`Failure::LogIn`] when nobody is logged in, [`Failure::Forged`] when a form is not theirs.
    pub async fn begin(
        request: &'a HttpRequest,
        server: &'a AuthorizationServer,
        section: Section,
        posted: Option<Payload>,
    ) -> Result<Self, Failure> {
        let query = Form::of_query(request.query_string());
        let mut visitor = Visitor::recognise(request, server, Some(section)).await?;
        visitor.done = query.text("done").to_owned();
        let form = match posted {
            None => query,
            Some(payload) => {
                let form = Form::read(request, payload).await?;
                if !visitor.signed_in.may_send(request, server, form.text(CSRF_FIELD)) {
                    return Err(Failure::Forged(
                        "a form without the token of the session, or from another site",
                    ));
                }
                // A body can take its time, and a session end meanwhile.
                visitor = Visitor::recognise(request, server, Some(section)).await?;
                form
            }
        };
        form.check_characters()?;
        Ok(Self { request, server, visitor, form })
    }

    /// What acts in the name of whoever asks, who must hold `scope`.
    ///
    /// # Errors
    /// When they do not.
    pub fn admin(&self, scope: &str) -> Result<&Admin, Failure> {
        if self.visitor.may(scope) { Ok(&self.visitor.admin) } else { Err(Failure::lacking(scope)) }
    }

    /// Waits until what was changed is in force here.
    ///
    /// # Errors
    /// When this node does not follow.
    pub async fn applied(&self) -> Result<(), Refused> {
        act::applied(self.server, &self.visitor.admin).await
    }

    /// By what a form is known again that makes something: a page that is loaded again sends it
    /// again.
    pub fn once(&self) -> Option<Repeatable> {
        let key = self.form.text(ONCE_FIELD);
        let is_token = key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
        let request_digest = self
            .server
            .admin
            .api_keys
            .digests
            .digest_bytes(self.form.content().as_bytes())
            .to_text();
        is_token.then(|| Repeatable { key: format!("page:{key}"), request_digest })
    }

    /// For a form that makes something.
    pub fn new_once(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(crate::random::bytes(&*self.server.random)))
    }
}

/// The field by which a form is known again.
pub const ONCE_FIELD: &str = "once";
