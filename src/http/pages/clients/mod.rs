//! `/dashboard/clients…`: clients and their secrets.

mod created;
mod form;
mod list;
mod secrets;
mod show;
mod view;

use super::answer::PageResult;
use super::failure::Failure;
use super::visit::Visit;
use crate::model::client::ClientId;
use show::ClientAct;

pub(super) async fn route(visit: &Visit<'_>, page: &[&str], is_post: bool) -> PageResult {
    match (is_post, page) {
        (false, []) => list::list(visit).await,
        (false, ["new"]) => form::new(visit).await,
        (true, ["new"]) => form::create(visit).await,
        (false, [id]) => show::show(visit, &parse_id(id)?).await,
        (false, [id, "edit"]) => form::edit(visit, &parse_id(id)?).await,
        (true, [id, "edit"]) => form::update(visit, &parse_id(id)?).await,
        (true, [id, "enable"]) => show::set_enabled(visit, &parse_id(id)?, true).await,
        (false, [id, "disable"]) => show::confirm(visit, &parse_id(id)?, ClientAct::Disable).await,
        (true, [id, "disable"]) => show::set_enabled(visit, &parse_id(id)?, false).await,
        (false, [id, "revoke-tokens"]) => {
            show::confirm(visit, &parse_id(id)?, ClientAct::RevokeTokens).await
        }
        (true, [id, "revoke-tokens"]) => show::revoke_tokens(visit, &parse_id(id)?).await,
        (false, [id, "delete"]) => show::confirm(visit, &parse_id(id)?, ClientAct::Delete).await,
        (true, [id, "delete"]) => show::delete(visit, &parse_id(id)?).await,
        (is_post, [id, "secrets", page @ ..]) => {
            secrets::route(visit, &parse_id(id)?, page, is_post).await
        }
        _ => Err(Failure::NotFound),
    }
}

fn parse_id(id: &str) -> Result<ClientId, Failure> {
    ClientId::parse(id).map_err(|_| Failure::NotFound)
}
