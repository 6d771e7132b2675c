//! Queries and changes of the store, and its connections.

use std::time::Instant;

use metrics::{Counter, Gauge};

use super::durations::Durations;
use super::registry::Registry;

/// Operations of the store, by purpose.
pub struct StoreMetrics {
    /// Lookups.
    pub lookup: Operation,
    /// Reads of the follower.
    pub follow: Operation,
    /// Committed changes.
    pub change: Operation,
    /// Flushes of usage counts.
    pub usage: Operation,
    /// Cleanup.
    pub tidy: Operation,
    /// Connections of the read pool: used, idle.
    pub read_connections: [Gauge; 2],
    /// Connections of the write pool: used, idle.
    pub write_connections: [Gauge; 2],
}

/// A recurring operation.
pub struct Operation {
    done: Counter,
    failed: Counter,
    durations: Durations,
}

impl Operation {
    /// Counts an operation that began at `began` and ends now, and its failure.
    pub fn record<T, E>(&self, began: Instant, outcome: &Result<T, E>) {
        self.durations.since(began);
        self.done.increment(1);
        if outcome.is_err() {
            self.failed.increment(1);
        }
    }

    /// Counts an operation that failed before its end.
    pub fn fail(&self) {
        self.failed.increment(1);
    }
}

impl StoreMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let operation = |purpose| {
            let labels = [("purpose", purpose)];
            Operation {
                done: registry.counter(
                    "mintery_store_queries_total",
                    "Queries and changes, by purpose",
                    &labels,
                ),
                failed: registry.counter(
                    "mintery_store_errors_total",
                    "Failed queries and changes, by purpose",
                    &labels,
                ),
                durations: registry.histogram(
                    "mintery_store_query_seconds",
                    "Durations of queries and changes",
                    &labels,
                ),
            }
        };
        let connections = |pool| {
            ["used", "idle"].map(|state| {
                let labels = [("pool", pool), ("state", state)];
                registry.gauge("mintery_store_connections", "Connections to the database", &labels)
            })
        };
        Self {
            lookup: operation("lookup"),
            follow: operation("follow"),
            change: operation("change"),
            usage: operation("usage"),
            tidy: operation("tidy"),
            read_connections: connections("read"),
            write_connections: connections("write"),
        }
    }
}
