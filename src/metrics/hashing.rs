//! The load of the pool that hashes secrets.

use metrics::{Counter, Gauge};

use super::registry::Registry;

/// The hashes of secrets.
#[derive(Clone)]
pub struct HashMetrics {
    /// Capacity for hashing secrets in parallel.
    pub slots: Gauge,
    /// Secrets being hashed.
    pub running: Gauge,
    /// Secrets that wait.
    pub waiting: Gauge,
    /// Hashes begun.
    pub begun: Counter,
    /// Hashes refused because too many waited.
    pub refused: Counter,
}

impl HashMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            slots: registry.gauge(
                "mintery_hash_slots",
                "Capacity for hashing secrets in parallel",
                &[],
            ),
            running: registry.gauge("mintery_hashes_running", "Secrets being hashed", &[]),
            waiting: registry.gauge("mintery_hashes_waiting", "Secrets waiting to be hashed", &[]),
            begun: registry.counter("mintery_hashes_total", "Secrets hashed", &[]),
            refused: registry.counter(
                "mintery_hashes_refused_total",
                "Secrets not hashed because the queue was full",
                &[],
            ),
        }
    }

    /// Metrics of a process without `/metrics`.
    #[must_use]
    pub const fn unseen() -> Self {
        Self {
            slots: Gauge::noop(),
            running: Gauge::noop(),
            waiting: Gauge::noop(),
            begun: Counter::noop(),
            refused: Counter::noop(),
        }
    }
}
