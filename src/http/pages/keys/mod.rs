//! `/dashboard/keys…`: API keys.

mod created;
mod form;
mod list;
mod rotation;
mod show;

use super::answer::PageResult;
use super::failure::Failure;
use super::visit::Visit;
use crate::model::api_key::ApiKeyId;

pub(super) async fn route(visit: &Visit<'_>, page: &[&str], is_post: bool) -> PageResult {
    match (is_post, page) {
        (false, []) => list::list(visit).await,
        (false, ["new"]) => form::new(visit).await,
        (true, ["new"]) => form::create(visit).await,
        (false, [id]) => show::show(visit, &parse_id(id)?).await,
        (false, [id, "edit"]) => form::edit(visit, &parse_id(id)?).await,
        (true, [id, "edit"]) => form::update(visit, &parse_id(id)?).await,
        (true, [id, "enable"]) => show::set_enabled(visit, &parse_id(id)?, true).await,
        (true, [id, "disable"]) => show::set_enabled(visit, &parse_id(id)?, false).await,
        (false, [id, "revoke"]) => show::confirm_revoke(visit, &parse_id(id)?).await,
        (true, [id, "revoke"]) => show::revoke(visit, &parse_id(id)?).await,
        (false, [id, "rotate"]) => rotation::show(visit, &parse_id(id)?).await,
        (true, [id, "rotate"]) => rotation::create(visit, &parse_id(id)?).await,
        _ => Err(Failure::NotFound),
    }
}

fn parse_id(id: &str) -> Result<ApiKeyId, Failure> {
    ApiKeyId::parse(id).map_err(|_| Failure::NotFound)
}
