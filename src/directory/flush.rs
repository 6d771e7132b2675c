//! Usage counts on their way to the store: refusals that are counted here, and the flush of every few
//! seconds.

use super::Directory;
use crate::model::api_key::ApiKeyId;
use crate::model::usage::{Hour, KeyOutcome, Outcome};
use crate::store::{self, StoreError};

/// The maximum number of clients or keys per flush statement, so that changes do not wait long.
const PART: usize = 200;

impl Directory {
    /// Counts a request that was refused before its client was authenticated, for the client that
    /// it named, if that is cached.
    pub fn count_refusal(&self, id: &str, outcome: Outcome) {
        if let Some(Some(known)) = self.clients.remembered(id) {
            known.usage.refuse(self.clock.now(), outcome, None, None);
        }
    }

    /// Counts a request that was refused though its API key is valid, if the key is cached.
    pub fn count_key_refusal(&self, id: &ApiKeyId, outcome: KeyOutcome) {
        if let Some(usage) = self.key_usages.known(id.as_str()) {
            usage.refuse(self.clock.now(), outcome);
        }
    }

    /// Writes to the store all that was counted since the last time, and reads the counts of other
    /// nodes for clients with a limit.
    ///
    /// # Errors
    /// The store fails; the counts that it did not get are kept for the next time.
    pub async fn flush_usage(&self) -> Result<(), StoreError> {
        let flushed = self.flush_client_usage().await.and(self.flush_key_usage().await);
        self.metrics.count_flush(flushed.is_ok());
        flushed
    }

    async fn flush_client_usage(&self) -> Result<(), StoreError> {
        let (counted, is_limited) = self.usage.take_all();
        let mut left = counted.as_slice();
        while let Some((part, rest)) = next_part(left) {
            if let Err(error) = accept_unknown(store::usage::add(&self.database, part).await) {
                self.usage.put_back(left);
                return Err(error);
            }
            left = rest;
        }
        if is_limited {
            let hour = Hour::of(self.clock.now());
            self.usage.learn(hour, store::usage::tokens_of_limited(&self.database, hour).await?);
        }
        Ok(())
    }

    async fn flush_key_usage(&self) -> Result<(), StoreError> {
        let counted = self.key_usages.take_all();
        let mut left = counted.as_slice();
        while let Some((part, rest)) = next_part(left) {
            if let Err(error) =
                accept_unknown(store::api_key_usage::add(&self.database, part).await)
            {
                self.key_usages.put_back(left);
                return Err(error);
            }
            left = rest;
        }
        Ok(())
    }
}

/// Splits off the counts that are written next.
fn next_part<T>(left: &[T]) -> Option<(&[T], &[T])> {
    left.split_at_checked(PART.min(left.len())).filter(|(part, _)| !part.is_empty())
}

/// Takes an unknown outcome for success: losing some seconds of counts is better than adding them
/// twice.
fn accept_unknown(written: Result<(), StoreError>) -> Result<(), StoreError> {
    match written {
        Err(StoreError::OutcomeUnknown(reason)) => {
            log::warn!("usage counts may be lost: {reason}");
            Ok(())
        }
        other => other,
    }
}
