//! Invalidation: the effect of an event on what this node caches.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::Guard;

use super::Directory;
use crate::keys::ring::RingError;
use crate::model::api::Api;
use crate::model::event::Effect;
use crate::store::StoreError;

impl Directory {
    /// Carries out the effect of an event.
    pub(super) async fn react(&self, effect: &Effect) -> Result<(), StoreError> {
        match effect {
            Effect::None => {}
            Effect::Client(id) => self.clients.forget(id),
            Effect::NewClients => self.clients.forget_absences(),
            Effect::ApiKey(id) => self.keys.forget(id),
            Effect::ApiKeys(ids) => ids.iter().for_each(|id| self.keys.forget(id)),
            Effect::User(id) => self.generations.forget(id.as_str()),
            Effect::Apis => self.load_apis().await?,
            Effect::SigningKeys => self.load_keys().await?,
            Effect::Everything => {
                self.generations.forget_all();
                self.clients.clear();
                self.keys.clear();
                if let Some(sessions) = self.sessions.get() {
                    sessions.clear();
                }
                if let Some(users) = self.users.get() {
                    users.clear();
                }
                self.load_revocations().await?;
                self.load_apis().await?;
                self.load_keys().await?;
            }
        }
        Ok(())
    }

    /// Reads the APIs from the store.
    ///
    /// # Errors
    /// The store fails.
    pub async fn load_apis(&self) -> Result<(), StoreError> {
        self.apis.load(&self.database).await
    }

    /// All APIs by identifier.
    pub fn apis(&self) -> Guard<Arc<HashMap<Box<str>, Api>>> {
        self.apis.current()
    }

    async fn load_keys(&self) -> Result<(), StoreError> {
        let loaded = self.ring.load(&self.database, self.clock.now()).await;
        loaded.map_err(|error| match error {
            RingError::Store(error) => error,
            other => StoreError::Failed(other.to_string()),
        })
    }
}
