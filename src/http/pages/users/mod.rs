//! `/dashboard/users…`: users, for administrators.

mod form;
mod list;
mod password;
mod show;
mod view;

use super::answer::PageResult;
use super::failure::Failure;
use super::visit::Visit;
use crate::model::user::UserId;
use show::UserAct;

pub(super) async fn route(visit: &Visit<'_>, page: &[&str], is_post: bool) -> PageResult {
    match (is_post, page) {
        (false, []) => list::list(visit).await,
        (false, ["new"]) => form::new(visit).await,
        (true, ["new"]) => form::create(visit).await,
        (false, [id]) => show::show(visit, &parse_id(id)?).await,
        (false, [id, "edit"]) => form::edit(visit, &parse_id(id)?).await,
        (true, [id, "edit"]) => form::update(visit, &parse_id(id)?).await,
        (false, [id, "password"]) => password::ask(visit, &parse_id(id)?).await,
        (true, [id, "password"]) => password::set(visit, &parse_id(id)?).await,
        (true, [id, "enable"]) => show::act(visit, &parse_id(id)?, UserAct::Enable).await,
        (true, [id, "end-sessions"]) => {
            show::act(visit, &parse_id(id)?, UserAct::EndSessions).await
        }
        (is_post, [id, name]) => {
            let (id, act) = (parse_id(id)?, UserAct::named(name).ok_or(Failure::NotFound)?);
            if is_post {
                show::act(visit, &id, act).await
            } else {
                show::confirm(visit, &id, act).await
            }
        }
        _ => Err(Failure::NotFound),
    }
}

fn parse_id(id: &str) -> Result<UserId, Failure> {
    UserId::parse(id).map_err(|_| Failure::NotFound)
}
