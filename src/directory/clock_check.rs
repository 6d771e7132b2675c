//! The check of this node's clock against that of the store: tokens with the dates of a wrong clock
//! are refused elsewhere, or valid for too long.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::store::clock::{self, Compared};
use crate::store::{Database, StoreError};
use mintery_verifier::token::DEFAULT_SKEW;

/// The result of the last check.
#[derive(Debug)]
pub struct ClockCheck {
    here: Arc<dyn Clock>,
    /// A clock in the place of that of the store.
    there: Option<Arc<dyn Clock>>,
    wrong: ArcSwapOption<Compared>,
    metrics: Arc<Metrics>,
}

impl ClockCheck {
    pub fn new(here: Arc<dyn Clock>, there: Option<Arc<dyn Clock>>, metrics: Arc<Metrics>) -> Self {
        Self { here, there, wrong: ArcSwapOption::empty(), metrics }
    }

    /// Checks again. If the store does not answer, the last result stands.
    pub async fn look(&self, database: &Database) -> Result<(), StoreError> {
        let compared = match &self.there {
            Some(there) => Some(Compared { here: self.here.now(), there: there.now() }),
            None => clock::compare(database, &*self.here).await?,
        };
        self.metrics.clock_offset.set(compared.as_ref().map_or(0.0, Compared::ahead_secs));
        let wrong = compared.filter(|compared| compared.apart() > DEFAULT_SKEW);
        let was_wrong = self.wrong.swap(wrong.map(Arc::new)).is_some();
        match wrong {
            Some(Compared { here, there }) if !was_wrong => log::error!(
                "the clock of this node shows {} s, the store's {} s: this node is not ready until they agree",
                here.as_secs(),
                there.as_secs()
            ),
            None if was_wrong => log::info!("the clock of this node agrees with the store's again"),
            Some(_) | None => {}
        }
        Ok(())
    }

    /// The times of the two clocks, if they were too far apart.
    pub fn wrong(&self) -> Option<Compared> {
        self.wrong.load().as_deref().copied()
    }
}
