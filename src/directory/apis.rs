//! All APIs, which are few: read at the start, and again when one of them changed.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use crate::model::api::Api;
use crate::store::{Database, StoreError, api};

/// The APIs by identifier.
#[derive(Debug, Default)]
pub struct Apis(ArcSwap<HashMap<Box<str>, Api>>);

impl Apis {
    /// Reads them from the store.
    pub async fn load(&self, database: &Database) -> Result<(), StoreError> {
        let all = api::all(database).await?;
        let by_identifier =
            all.into_iter().map(|api| (api.resource.as_str().into(), api)).collect();
        self.0.store(Arc::new(by_identifier));
        Ok(())
    }

    /// All of them, as they are now.
    pub fn current(&self) -> Guard<Arc<HashMap<Box<str>, Api>>> {
        self.0.load()
    }
}
