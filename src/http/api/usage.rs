//! `/api/v1/usage`

use actix_web::HttpRequest;
use actix_web::web::Data;

use super::answer::ok;
use super::authorize::authorize;
use super::page::{Page, PageQuery};
use crate::admin::json::usage::UsageJson;
use crate::admin::{AdminError, usage};
use crate::clock::Timestamp;
use crate::http::act::{Outcome, Refused};
use crate::model::own_scope::OwnScope;
use crate::model::usage::{Hour, HourOfUse};
use crate::oauth::AuthorizationServer;

/// `GET /api/v1/usage`
pub async fn list(request: HttpRequest, server: Data<AuthorizationServer>) -> Outcome {
    let admin = authorize(&request, &server, OwnScope::UsageRead).await?;
    let query = PageQuery::parse(request.query_string(), &["client_id", "from", "until"])?;
    let hour = |name| {
        Ok::<_, Refused>(query.number(name)?.map(|secs| Hour::of(Timestamp::from_secs(secs))))
    };
    let asked = usage::Asked {
        client: query.filter("client_id").map(ToOwned::to_owned),
        from: hour("from")?.unwrap_or(Hour::new(0)),
        until: hour("until")?.unwrap_or(Hour::new(i64::MAX)),
        after: Some(query.after())
            .filter(|after| !after.is_empty())
            .map(parse_cursor)
            .transpose()?,
    };
    let found = usage::page(&admin, &asked, query.limit_and_one()).await?;
    Ok(ok(&Page::new(&query, &found, cursor, UsageJson::from)))
}

fn cursor(item: &HourOfUse) -> String {
    format!("{}.{}", item.hour.get(), item.client)
}

fn parse_cursor(text: &str) -> Result<(Hour, String), AdminError> {
    let parts = text.split_once('.').and_then(|(hour, client)| Some((hour.parse().ok()?, client)));
    let (hour, client) = parts.ok_or_else(|| {
        AdminError::Invalid("after must be the next value of the previous page".to_owned())
    })?;
    Ok((Hour::new(hour), client.to_owned()))
}
