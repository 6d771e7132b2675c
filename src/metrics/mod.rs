//! All metrics: names, labels and help. Labels take their values from fixed lists, so that no
//! request can create a series.
//!
//! To add a metric, add a field to [`Metrics`] or to one of its parts, and register it in that
//! part's constructor with `Registry::counter`, `Registry::gauge` or `Registry::histogram`.
//! Rendering needs no change.

mod durations;
mod feed;
mod hashing;
mod log_ins;
mod refusals;
mod registry;
mod store;

use metrics::{Counter, Gauge};

pub use self::durations::Durations;
pub use self::feed::FeedMetrics;
pub use self::hashing::HashMetrics;
pub use self::log_ins::LogIns;
pub use self::refusals::Refusals;
use self::registry::{Registry, Rendering};
pub use self::store::{Operation, StoreMetrics};

/// The metrics of one application.
pub struct Metrics {
    /// Issued tokens.
    pub tokens_issued: Counter,
    /// Refused token requests.
    pub token_refusals: Refusals,
    /// Durations of token requests.
    pub token_durations: Durations,
    /// Introspected tokens: active, inactive.
    pub introspections: [Counter; 2],
    /// Refused introspection requests.
    pub introspection_refusals: Refusals,
    /// Tokens revoked by clients.
    pub tokens_revoked: Counter,
    /// Refused revocation requests.
    pub revocation_refusals: Refusals,
    /// The revocation feed.
    pub feed: FeedMetrics,
    /// Logins, by outcome.
    pub log_ins: LogIns,
    /// API keys reported as leaked.
    pub keys_leaked: Counter,
    /// Protected requests that were granted.
    pub access_granted: Counter,
    /// Protected requests that were refused.
    pub access_refused: Counter,
    /// Lookups answered by the caches of this node.
    pub directory_hits: Counter,
    /// Lookups that went to the store.
    pub directory_misses: Counter,
    /// Operations of the store.
    pub store: StoreMetrics,
    /// Usage flushes: done, failed.
    pub usage_flushes: [Counter; 2],
    /// Number of the last event applied by this node.
    pub applied_event: Gauge,
    /// Seconds since the follower last reached the store.
    pub follower_lag: Gauge,
    /// Seconds that this node's clock is ahead of the store's.
    pub clock_offset: Gauge,
    /// Responses with a status of 500 or above.
    pub failures: Counter,
    /// Hashes of secrets.
    pub hashing: HashMetrics,
    rendering: Rendering,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let registry = &Registry::new();
        let refusals = |name, help| Refusals::new(registry, name, help);
        let [access_granted, access_refused] = registry.counters(
            "mintery_access_checks_total",
            "Protected requests, by outcome",
            "outcome",
            ["granted", "refused"],
        );
        let [directory_hits, directory_misses] = registry.counters(
            "mintery_directory_lookups_total",
            "Lookups of clients and API keys",
            "result",
            ["hit", "miss"],
        );
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        registry.gauge("mintery_build_info", "The release of this server", &version).set(1);
        Self {
            tokens_issued: registry.counter("mintery_tokens_issued_total", "Tokens issued", &[]),
            token_refusals: refusals(
                "mintery_token_refusals_total",
                "Refused token requests, by error and reason",
            ),
            token_durations: registry.histogram(
                "mintery_token_request_seconds",
                "Durations of token requests",
                &[],
            ),
            introspections: registry.counters(
                "mintery_introspections_total",
                "Tokens introspected",
                "active",
                ["true", "false"],
            ),
            introspection_refusals: refusals(
                "mintery_introspection_refusals_total",
                "Refused introspection requests, by error and reason",
            ),
            tokens_revoked: registry.counter(
                "mintery_tokens_revoked_total",
                "Tokens revoked by clients",
                &[],
            ),
            revocation_refusals: refusals(
                "mintery_revocation_refusals_total",
                "Refused revocation requests, by error and reason",
            ),
            feed: FeedMetrics::new(registry),
            log_ins: LogIns::new(registry),
            keys_leaked: registry.counter(
                "mintery_leaked_keys_total",
                "API keys reported as leaked",
                &[],
            ),
            access_granted,
            access_refused,
            directory_hits,
            directory_misses,
            store: StoreMetrics::new(registry),
            usage_flushes: registry.counters(
                "mintery_usage_flushes_total",
                "Usage flushes to the database, by result",
                "result",
                ["done", "failed"],
            ),
            applied_event: registry.gauge(
                "mintery_applied_event",
                "Number of the last event applied by this node",
                &[],
            ),
            follower_lag: registry.gauge(
                "mintery_follower_lag_seconds",
                "Seconds since the event follower last reached the store",
                &[],
            ),
            clock_offset: registry.gauge(
                "mintery_clock_offset_seconds",
                "Seconds by which this node's clock is ahead of the store's",
                &[],
            ),
            failures: registry.counter(
                "mintery_failures_total",
                "Responses with a status of 500 or above",
                &[],
            ),
            hashing: HashMetrics::new(registry),
            rendering: registry.rendering(),
        }
    }
}

impl Metrics {
    /// All metrics as Prometheus text.
    #[must_use]
    pub fn render(&self) -> String {
        self.rendering.render()
    }

    /// Counts an introspected token.
    pub fn count_introspection(&self, is_active: bool) {
        let [active, inactive] = &self.introspections;
        if is_active { active.increment(1) } else { inactive.increment(1) }
    }

    /// Counts a usage flush.
    pub fn count_flush(&self, is_done: bool) {
        let [done, failed] = &self.usage_flushes;
        if is_done { done.increment(1) } else { failed.increment(1) }
    }
}
