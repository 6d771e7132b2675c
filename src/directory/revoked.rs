//! What was taken back, as this node knows it: read at the start, and with each event that takes
//! something back, before that event counts as applied.

use super::Directory;
use crate::model::event::EventNumber;
use crate::model::revocation::Kind;
use crate::store::{StoreError, revocation};

/// What is read at once.
const PAGE: i64 = 5000;

impl Directory {
    /// Reads all that was taken back and still matters, and forgets what was known before.
    ///
    /// # Errors
    /// When the store fails.
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

    /// Takes note of what was taken back by the events from `first` to `last`, which are about to
    /// be applied.
    pub(super) async fn learn_revocations(
        &self,
        first: EventNumber,
        last: EventNumber,
    ) -> Result<(), StoreError> {
        // Where that failed half-way the last time.
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

    /// Forgets some of what nothing is left of.
    pub fn clean_revocations(&self) {
        self.ring.verifier().revocations().clean_some(self.clock.now());
    }
}
