//! The database of a command, opened with the rights of the calling user, who is the actor of its
//! events.

use std::sync::Arc;

use super::error::CliError;
use super::shared::Shared;
use crate::admin::{Admin, AdminError};
use crate::config::Settings;
use crate::logging;
use crate::metrics::Metrics;
use crate::model::event::Actor;
use crate::server::open::{open_database, open_to_administer};
use crate::store::{Database, Missing};

/// Opens the database of the settings.
pub async fn open(settings: &Settings, missing: Missing) -> Result<Database, CliError> {
    logging::start("warn", settings.log_format);
    Ok(open_database(settings, missing, Arc::new(Metrics::default())).await?)
}

/// Opens the database to administer it. Only a command that creates a record creates a database: a
/// misspelled path must not yield an empty list.
pub async fn admin(shared: &Shared, missing: Missing) -> Result<Admin, CliError> {
    administer(&shared.settings(Vec::new())?, missing).await
}

/// Opens the database to read it; `None` if it is empty.
pub async fn admin_unless_empty(shared: &Shared) -> Result<Option<Admin>, CliError> {
    match admin(shared, Missing::Refuse).await {
        Ok(admin) => Ok(Some(admin)),
        Err(CliError::EmptyDatabase) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens the database of loaded settings to administer it.
pub async fn administer(settings: &Settings, missing: Missing) -> Result<Admin, CliError> {
    let database = open(settings, missing).await?;
    Ok(open_to_administer(settings, &database, missing, actor()).await?)
}

/// Collects all pages of a list; `page` takes the id of the last item and the size of a page.
pub async fn all_pages<T>(
    id: impl Fn(&T) -> &str,
    page: impl AsyncFn(&str, i64) -> Result<Vec<T>, AdminError>,
) -> Result<Vec<T>, CliError> {
    const PAGE_SIZE: i64 = 1000;
    let mut items: Vec<T> = Vec::new();
    loop {
        let next = page(items.last().map_or("", &id), PAGE_SIZE).await?;
        if next.is_empty() {
            return Ok(items);
        }
        items.extend(next);
    }
}

/// The user of the operating system. An environment variable is not trusted for that.
fn actor() -> Actor {
    let uid = nix::unistd::geteuid();
    let user = nix::unistd::User::from_uid(uid)
        .ok()
        .flatten()
        .map_or_else(|| uid.to_string(), |user| user.name);
    let host = nix::unistd::gethostname()
        .map_or_else(|_| "?".to_owned(), |host| host.to_string_lossy().into_owned());
    Actor::Cli { user, host }
}
