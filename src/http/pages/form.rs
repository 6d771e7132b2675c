//! Forms: the fields that a browser sends, and each field as it is shown again with its problem.
//! The parsers below read what several forms have in common.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Payload;

use super::failure::Failure;
use crate::admin::AdminError;
use crate::http::act::Refused;
use crate::http::extract::body;
use crate::model::patch::Patch;
use crate::model::resource::ResourceUri;
use crate::model::scope::{InvalidScope, ScopeSet};
use crate::model::signing_key::SigningAlgorithm;
use crate::oauth::request::is_form;

/// The field that ties a form to the session it was rendered for.
pub const CSRF_FIELD: &str = "csrf_token";

/// The field that identifies a form that creates something, so that a reload creates nothing.
pub const ONCE_FIELD: &str = "once";

/// The fields of a posted form or of a query, in order.
#[derive(Debug, Default)]
pub struct FormFields(Vec<(String, String)>);

impl FormFields {
    /// Reads a body.
    ///
    /// # Errors
    /// If it is not a form, is too long, or does not arrive.
    pub async fn read(request: &HttpRequest, payload: Payload) -> Result<Self, Failure> {
        let body = body::read(request, payload).await.map_err(Refused::Body)?;
        let is_form =
            request.headers().get(CONTENT_TYPE).is_some_and(|kind| is_form(kind.as_bytes()));
        let parsed = if is_form { serde_urlencoded::from_bytes(&body).ok() } else { None };
        let invalid = || AdminError::Invalid("expected a form".to_owned());
        Ok(Self(parsed.ok_or_else(invalid)?))
    }

    /// Parses a query; an invalid one has no fields.
    pub fn from_query(query: &str) -> Self {
        Self(serde_urlencoded::from_str(query).unwrap_or_default())
    }

    /// Rejects NUL: no name or id contains it, and PostgreSQL cannot search for it.
    ///
    /// # Errors
    /// If a field contains it.
    pub fn check_characters(&self) -> Result<(), AdminError> {
        let is_odd = self.0.iter().any(|(_, value)| value.contains('\0'));
        if is_odd {
            Err(AdminError::Invalid("a field contains a NUL character".to_owned()))
        } else {
            Ok(())
        }
    }

    /// The value of a field without surrounding white space; empty if the field is absent.
    pub fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// The value of a field as typed: white space is part of a password.
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }

    /// All values of a field.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// All fields but the CSRF token as one text, to tell a repeated request from another one.
    pub fn content(&self) -> String {
        let fields = self.0.iter().filter(|(name, _)| name != CSRF_FIELD);
        fields.flat_map(|(name, value)| [name.as_str(), "=", value.as_str(), "&"]).collect()
    }

    /// A field to show again.
    pub fn field(&self, name: &'static str) -> Field {
        /// The page repeats no more than this: no valid value is longer.
        const MAX_CHARS: usize = 4096;
        Field::new(name, self.text(name).chars().take(MAX_CHARS).collect::<String>())
    }
}

/// A field of a form.
#[derive(Debug, Clone)]
pub struct Field {
    pub name: &'static str,
    pub value: String,
    /// The reason why `value` is invalid, as a sentence.
    pub problem: Option<String>,
}

impl Field {
    /// A field with a value and no problem.
    pub fn new(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), problem: None }
    }

    pub const fn is_wrong(&self) -> bool {
        self.problem.is_some()
    }

    pub fn is_empty(&self) -> bool {
        self.value.is_empty()
    }

    /// Parses the value; notes the error as the problem.
    pub fn parse<T, E: std::fmt::Display>(
        &mut self,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        parse(&self.value).map_err(|error| self.refuse(&error.to_string())).ok()
    }

    /// Notes a problem.
    pub fn refuse(&mut self, problem: &str) {
        self.problem = Some(sentence(problem));
    }
}

/// Capitalizes a message: errors begin in lower case, to follow other text.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The message of a form that was not saved because the object changed after it was shown.
pub fn changed_message(noun: &'static str) -> String {
    format!(
        "{}. Your changes below are not saved yet.",
        sentence(&AdminError::Changed(noun).to_string())
    )
}

/// The status and the message of a form shown again after `error`.
///
/// # Errors
/// If the error has nothing to do with the form: it gets a page of its own.
pub fn form_problem(error: AdminError) -> Result<(StatusCode, String), Failure> {
    let status = match &error {
        AdminError::Invalid(_) => StatusCode::BAD_REQUEST,
        AdminError::Forbidden(_) => StatusCode::FORBIDDEN,
        AdminError::Conflict(_) => StatusCode::CONFLICT,
        _ => return Err(error.into()),
    };
    Ok((status, sentence(&error.to_string())))
}

/// Parses scopes separated by any white space.
///
/// # Errors
/// If one of them is invalid.
pub fn parse_scopes(text: &str) -> Result<ScopeSet, InvalidScope> {
    ScopeSet::parse(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Parses a positive number; an empty field clears the value.
pub fn parse_number<T>(field: &mut Field, convert: impl Fn(u64) -> Option<T>) -> Option<Patch<T>> {
    if field.is_empty() {
        return Some(Patch::Clear);
    }
    let number = field.value.parse().ok().filter(|number| *number > 0).and_then(convert);
    if number.is_none() {
        field.refuse("enter a number of at least 1, or leave the field empty");
    }
    number.map(Patch::Set)
}

/// Parses a signing algorithm; an empty field clears it.
pub fn parse_algorithm(field: &mut Field) -> Option<Patch<SigningAlgorithm>> {
    if field.is_empty() {
        return Some(Patch::Clear);
    }
    field.parse(str::parse).map(Patch::Set)
}

/// Parses the chosen APIs; notes an error at `field`.
pub fn parse_resources(field: &mut Field, chosen: &[String]) -> Option<Vec<ResourceUri>> {
    let resources: Result<_, _> = chosen.iter().map(|text| ResourceUri::parse(text)).collect();
    field.parse(|_| resources)
}

/// Parses a lifetime, one of [`LIVES`](super::choices::LIVES) or `keep`; `custom` holds the days of
/// a custom one.
pub fn parse_life(chosen: &mut Field, custom: &mut Field) -> Option<Patch<Duration>> {
    const MAX_DAYS: u64 = 36_525;
    let (field, problem) = match chosen.value.as_str() {
        "never" => return Some(Patch::Clear),
        "keep" => return Some(Patch::Keep),
        "custom" => (custom, "enter a number of days, at least 1"),
        _ => (chosen, "choose a lifetime"),
    };
    let days: Option<u64> = field.value.parse().ok().filter(|days| (1..=MAX_DAYS).contains(days));
    if days.is_none() {
        field.refuse(problem);
    }
    days.map(|days| Patch::Set(Duration::from_hours(24 * days)))
}
