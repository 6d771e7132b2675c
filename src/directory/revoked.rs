//! The revocations that this node knows: read at the start, and with each event that may revoke,
//! before that event counts as applied.

use super::Directory;
use crate::model::event::EventNumber;
use crate::model::revocation::Kind;
use crate::store::{StoreError, revocation};

/// The maximum number of revocations per read.
const PAGE: i64 = 5000;

impl Directory {
    /// Reads all live revocations from the store, in the place of those known before.
    ///
    /// # Errors
    /// The store fails.
    pub async fn load_revocations(&self) -> Result<(), StoreError> {
        let (now, mut all) = (self.clock.now(), Vec::new());
        for kind in Kind::ALL {
            let mut after = String::new();
            loop {
                let page = revocation::page(&self.database, kind, &after, now, PAGE).await?;
                let Some(last) = page.last().filter(|_| i64::try_from(page.len()) == Ok(PAGE))
                else {
                    all.extend(page);
                    break;
                };
                after = last.mark.digest();
                all.extend(page);
            }
        }
        self.ring.verifier().revocations().replace(all);
        Ok(())
    }

    /// Reads the revocations of the events from `first` to `last`, which are about to be applied.
    pub(super) async fn learn_revocations(
        &self,
        first: EventNumber,
        last: EventNumber,
    ) -> Result<(), StoreError> {
        // For a last attempt that failed half-way.
        self.recent.forget_from(first);
        let mut after = None;
        loop {
            let (page, end) =
                revocation::between(&self.database, [first, last], after, PAGE).await?;
            self.recent.add(&page);
            self.ring.verifier().revocations().add(page);
            if end.is_none() {
                return Ok(());
            }
            after = end;
        }
    }

    /// Removes some expired revocations.
    pub fn clean_revocations(&self) {
        self.ring.verifier().revocations().clean_some(self.clock.now());
    }
}
