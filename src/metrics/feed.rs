//! The revocation feed.

use metrics::{Counter, Gauge};

use super::refusals::Refusals;
use super::registry::Registry;

/// The revocation feed.
pub struct FeedMetrics {
    /// Refused requests.
    pub refusals: Refusals,
    /// Documents: snapshots, changes.
    pub documents: [Counter; 2],
    /// Readers that wait for a revocation.
    pub readers: Gauge,
}

impl FeedMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            refusals: Refusals::new(
                registry,
                "mintery_revocation_feed_refusals_total",
                "Refused requests of the revocation feed, by error and reason",
            ),
            documents: registry.counters(
                "mintery_revocation_feed_documents_total",
                "Documents of the revocation feed, by kind",
                "kind",
                ["snapshot", "changes"],
            ),
            readers: registry.gauge(
                "mintery_revocation_feed_readers",
                "Waiting readers of the revocation feed",
                &[],
            ),
        }
    }
}
