//! Changes of one object (`PATCH`), as JSON Merge Patch (RFC 7396) or `application/json`. A body may
//! repeat what `GET` returns: members with their present value are left out before it is parsed, so
//! that an object may be read, changed and written as a whole.

use actix_web::HttpRequest;
use actix_web::web::Payload;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::authorize::{authorize, authorize_again};
use super::input::parse_object;
use crate::admin::json::object;
use crate::admin::{Admin, AdminError};
use crate::http::act::Refused;
use crate::http::extract::body;
use crate::model::own_scope::OwnScope;
use crate::oauth::AuthorizationServer;

/// Members that change by themselves. They are left out whatever they say.
const VOLATILE: [&str; 2] = ["last_used_at", "last_used_address"];

/// Members that `null` cannot clear, because an object always has a value there.
const REQUIRED: [&str; 7] =
    ["client_name", "environment", "grant_types", "name", "owner", "role", "username"];

/// The members of a change, as they were sent.
pub struct SentChange(Map<String, Value>);

impl SentChange {
    /// Authorizes a caller, reads the body, and authorizes the caller again: a body takes time to
    /// arrive.
    ///
    /// # Errors
    /// The caller is not authorized at the beginning or at the end, or as for [`Self::read`].
    pub async fn authorize_and_read(
        request: &HttpRequest,
        server: &AuthorizationServer,
        scope: OwnScope,
        payload: Payload,
    ) -> Result<(Admin, Self), Refused> {
        authorize(request, server, scope).await?;
        let sent = Self::read(request, payload).await?;
        Ok((authorize_again(request, server, scope).await?, sent))
    }

    /// Reads the body.
    ///
    /// # Errors
    /// The body does not arrive, or is no JSON object.
    pub async fn read(request: &HttpRequest, payload: Payload) -> Result<Self, Refused> {
        let body = body::read(request, payload).await.map_err(Refused::Body)?;
        Ok(Self(parse_object(request, &body)?))
    }

    /// Parses what differs from `shown`, which is what `GET` returns. `fixed` members do not change
    /// in this way.
    ///
    /// # Errors
    /// A member is fixed and differs, unknown or invalid.
    pub fn parse<T: DeserializeOwned>(
        self,
        shown: &impl Serialize,
        fixed: &[&str],
    ) -> Result<T, AdminError> {
        let shown = steady(serde_json::to_value(shown).unwrap_or_default());
        let mut changed = Map::new();
        for (name, value) in self.0 {
            if VOLATILE.contains(&name.as_str()) {
                continue;
            }
            let value = steady(value);
            if shown.get(&name) == Some(&value) {
                continue;
            }
            if fixed.contains(&name.as_str()) {
                let reason = format!("`{name}` does not change by PATCH; leave it as it is");
                return Err(AdminError::Invalid(reason));
            }
            if value.is_null() && REQUIRED.contains(&name.as_str()) {
                return Err(AdminError::Invalid(format!("`{name}` is never null")));
            }
            changed.insert(name, value);
        }
        object::parse(&Value::Object(changed).to_string())
    }
}

/// A value without volatile members.
fn steady(mut value: Value) -> Value {
    match &mut value {
        Value::Array(items) => {
            for item in items {
                *item = steady(item.take());
            }
        }
        Value::Object(members) => {
            members.retain(|name, _| !VOLATILE.contains(&name.as_str()));
            for member in members.values_mut() {
                *member = steady(member.take());
            }
        }
        _ => {}
    }
    value
}
