//! Looks up the names of clients, users and API keys by id.

use std::collections::{BTreeSet, HashMap};

use super::{Admin, AdminError};
use crate::store::names;
pub use crate::store::names::Named;

/// Names by kind and id.
#[derive(Debug, Default)]
pub struct Names(HashMap<(Named, String), String>);

impl Names {
    /// The name of an id; `None` if it does not exist, or no longer.
    #[must_use]
    pub fn of(&self, named: Named, id: &str) -> Option<&str> {
        self.0.get(&(named, id.to_owned())).map(String::as_str)
    }
}

/// The names of some ids, which may repeat.
///
/// # Errors
/// If the store fails.
pub async fn of(admin: &Admin, ids: &[(Named, String)]) -> Result<Names, AdminError> {
    let mut names = Names::default();
    for named in [Named::Client, Named::User, Named::ApiKey] {
        let own: BTreeSet<&str> =
            ids.iter().filter(|(own, _)| *own == named).map(|(_, id)| id.as_str()).collect();
        let own: Vec<&str> = own.into_iter().collect();
        let found = names::of(admin.store.database(), named, &own).await?;
        names.0.extend(found.into_iter().map(|(id, name)| ((named, id), name)));
    }
    Ok(names)
}
