//! The cache of APIs. They are few: all are read at the start, and again after a change of one.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use crate::model::api::Api;
use crate::store::{Database, StoreError, api};

/// The APIs by the comparable part of their identifiers.
#[derive(Debug, Default)]
pub struct Apis(ArcSwap<HashMap<Box<str>, Api>>);

impl Apis {
    /// Reads all APIs from the store.
    pub async fn load(&self, database: &Database) -> Result<(), StoreError> {
        let all = api::all(database).await?;
        let by_identifier =
            all.into_iter().map(|api| (api.resource.comparable().into(), api)).collect();
        self.0.store(Arc::new(by_identifier));
        Ok(())
    }

    /// The current APIs, by [`comparable`](crate::model::resource::ResourceUri::comparable).
    pub fn current(&self) -> Guard<Arc<HashMap<Box<str>, Api>>> {
        self.0.load()
    }
}
