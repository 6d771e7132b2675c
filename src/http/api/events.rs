//! `/api/v1/events`

use actix_web::HttpRequest;
use actix_web::web::Data;

use super::answer::ok;
use super::authorize::authorize;
use super::page::{Page, PageQuery};
use crate::admin::AdminError;
use crate::admin::event_log::{self, Asked, Filter};
use crate::admin::json::event::EventJson;
use crate::clock::Timestamp;
use crate::http::act::{Outcome, Refused};
use crate::model::event::EventNumber;
use crate::model::own_scope::OwnScope;
use crate::oauth::AuthorizationServer;

/// `GET /api/v1/events`
pub async fn list(request: HttpRequest, server: Data<AuthorizationServer>) -> Outcome {
    let admin = authorize(&request, &server, OwnScope::EventsRead).await?;
    let query = PageQuery::parse(
        request.query_string(),
        &["actor", "from", "kind", "newest_first", "subject", "until"],
    )?;
    let text = |name| query.filter(name).map(ToOwned::to_owned);
    let time = |name| Ok::<_, Refused>(query.number(name)?.map(Timestamp::from_secs));
    let filter = Filter {
        kind: text("kind"),
        subject: text("subject"),
        actor: text("actor"),
        from: time("from")?,
        until: time("until")?,
    };
    let after = match query.after() {
        "" => None,
        number => {
            let number = number.parse().ok().filter(|number| *number >= 0);
            let number = number.ok_or_else(|| {
                AdminError::Invalid("after must be the number of an event".to_owned())
            })?;
            Some(EventNumber::new(number))
        }
    };
    let asked = match (query.flag("newest_first")?.unwrap_or(false), after) {
        (false, after) => Asked::After(after.unwrap_or_default()),
        (true, before) => Asked::Before(before),
    };
    let events = event_log::page(&admin, asked, query.limit_and_one(), &filter).await?;
    let page = Page::new(&query, &events, |event| event.number.to_string(), EventJson::from);
    Ok(ok(&page))
}
