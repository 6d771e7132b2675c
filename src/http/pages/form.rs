//! Forms: what a browser posts, and what is shown again when something is wrong with it.

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Payload;

use super::Failure;
use crate::admin::AdminError;
use crate::http::act::Refused;
use crate::http::extract::body;
use crate::oauth::request::is_form;

/// What was posted, in order.
#[derive(Debug, Default)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a body.
    ///
    /// # Errors
    /// When it is no form, or too long, or does not arrive.
    pub async fn read(request: &HttpRequest, payload: Payload) -> Result<Self, Failure> {
        let body = body::read(request, payload).await.map_err(Refused::Body)?;
        let is_form =
            request.headers().get(CONTENT_TYPE).is_some_and(|kind| is_form(kind.as_bytes()));
        let parsed = if is_form { serde_urlencoded::from_bytes(&body).ok() } else { None };
        let invalid = || AdminError::Invalid("this address takes a form".to_owned());
        Ok(Self(parsed.ok_or_else(invalid)?))
    }

    /// Refuses what stands in no name and no id, and what not every store can look for.
    ///
    /// # Errors
    /// When there is a NUL in a field.
    pub fn check_characters(&self) -> Result<(), AdminError> {
        let is_odd = self.0.iter().any(|(_, value)| value.contains('\0'));
        if is_odd { Err(AdminError::Invalid("a field has a NUL in it".to_owned())) } else { Ok(()) }
    }

    /// The fields of a query.
    pub fn of_query(query: &str) -> Self {
        Self(serde_urlencoded::from_str(query).unwrap_or_default())
    }

    /// What stands in a field, without the white space around it; nothing where there is no such
    /// field.
    pub fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// The same as it was typed: white space belongs to a password.
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }

    /// What was chosen of several.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// All but what must not be the same twice: for telling one request from another.
    pub fn content(&self) -> String {
        let fields = self.0.iter().filter(|(name, _)| name != super::visitor::CSRF_FIELD);
        fields.flat_map(|(name, value)| [name.as_str(), "=", value.as_str(), "&"]).collect()
    }

    /// A field as it is shown again.
    pub fn field(&self, name: &'static str) -> Field {
        /// What is longer than anything that belongs into a field is not sent back whole.
        const MOST: usize = 4096;
        Field { name, value: self.text(name).chars().take(MOST).collect(), problem: None }
    }
}

/// A field of a form.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What stands in it.
    pub value: String,
    /// What is wrong with that.
    pub problem: Option<String>,
}

impl Field {
    /// A field with something in it.
    pub fn new(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), problem: None }
    }

    /// Whether something is wrong.
    pub const fn is_wrong(&self) -> bool {
        self.problem.is_some()
    }

    /// Whether something stands in it.
    pub fn is_empty(&self) -> bool {
        self.value.is_empty()
    }

    /// What `parse` makes of it; notes what is wrong otherwise.
    pub fn parse<T, E: std::fmt::Display>(
        &mut self,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        parse(&self.value).map_err(|error| self.refuse(&error.to_string())).ok()
    }

    /// Notes what is wrong.
    pub fn refuse(&mut self, problem: &str) {
        let mut first = problem.chars();
        // Messages begin in lower case, to stand after others.
        let sentence = first.next().map(|letter| letter.to_uppercase().chain(first).collect());
        self.problem = sentence;
    }
}
