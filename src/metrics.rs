//! What is counted: every name and label, in one place. Labels take their values from fixed lists, so nothing that a
//! stranger sends can make a new series.

use metrics::{Counter, Gauge, Level, Metadata};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

/// The counters of one application, and their rendering as Prometheus text.
pub struct Metrics {
    /// Tokens that were issued.
    pub tokens_issued: Counter,
    /// Requests for a token that were refused, by the error code of the answer.
    pub token_refusals: Refusals,
    /// Protected requests that were let through.
    pub access_granted: Counter,
    /// Protected requests that were refused.
    pub access_refused: Counter,
    /// Look-ups of a client that this node remembered.
    pub directory_hits: Counter,
    /// Look-ups of a client that went to the store.
    pub directory_misses: Counter,
    /// Queries to look something up.
    pub lookup_queries: Counter,
    /// Queries to follow the events.
    pub follower_queries: Counter,
    /// Changes that were committed by this node.
    pub changes: Counter,
    /// The number of the last event that this node has applied.
    pub applied_event: Gauge,
    /// How long ago the follower last reached the store, in seconds.
    pub follower_lag: Gauge,
    /// Answers with a status of 500 or above.
    pub failures: Counter,
    /// Clients that did not authenticate, by reason.
    pub client_refusals: ClientRefusals,
    /// Secrets that are hashed.
    pub hashing: HashMetrics,
    handle: PrometheusHandle,
}

/// Refused token requests by error code.
pub struct Refusals {
    /// `invalid_client`.
    pub invalid_client: Counter,
    /// `invalid_request`.
    pub invalid_request: Counter,
    /// `invalid_scope`.
    pub invalid_scope: Counter,
    /// `invalid_target`.
    pub invalid_target: Counter,
    /// `unauthorized_client`.
    pub unauthorized_client: Counter,
    /// `unsupported_grant_type`.
    pub unsupported_grant_type: Counter,
    /// `temporarily_unavailable` and `server_error`.
    pub unavailable: Counter,
}

/// Clients that did not authenticate, by reason.
pub struct ClientRefusals {
    /// They presented nothing, or nothing that could be read.
    pub malformed: Counter,
    /// There is no client of that id.
    pub unknown_client: Counter,
    /// The client is disabled.
    pub disabled: Counter,
    /// None of its secrets is the one that was presented.
    pub wrong_secret: Counter,
    /// The secret is right, and expired.
    pub expired_secret: Counter,
    /// Too many secrets were wrong that came from there before.
    pub too_many_guesses: Counter,
    /// Too many secrets were waiting to be hashed.
    pub busy: Counter,
}

/// How busy those are who hash.
#[derive(Clone)]
pub struct HashMetrics {
    /// How many secrets can be hashed at once.
    pub slots: Gauge,
    /// How many are being hashed.
    pub running: Gauge,
    /// How many wait.
    pub waiting: Gauge,
    /// How many were hashed, or are being hashed.
    pub begun: Counter,
    /// How many were refused because too many waited.
    pub refused: Counter,
}

impl HashMetrics {
    /// For a process that answers no `/metrics`.
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

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let registry = Registry(&recorder);
        let refusal = |error| {
            registry.counter(
                "mintery_token_refusals_total",
                "Token requests refused, by error",
                &[("error", error)],
            )
        };
        let lookup = |result| {
            registry.counter("mintery_directory_lookups_total", "Look-ups of a client", &[("result", result)])
        };
        let query = |purpose| {
            registry.counter("mintery_store_queries_total", "Queries, by purpose", &[("purpose", purpose)])
        };
        let access = |outcome| {
            registry.counter(
                "mintery_access_checks_total",
                "Protected requests, by outcome",
                &[("outcome", outcome)],
            )
        };
        let client_refusal = |reason| {
            registry.counter(
                "mintery_client_refusals_total",
                "Clients that did not authenticate, by reason",
                &[("reason", reason)],
            )
        };
        Self {
            client_refusals: ClientRefusals {
                malformed: client_refusal("malformed"),
                unknown_client: client_refusal("unknown_client"),
                disabled: client_refusal("disabled"),
                wrong_secret: client_refusal("wrong_secret"),
                expired_secret: client_refusal("expired_secret"),
                too_many_guesses: client_refusal("too_many_guesses"),
                busy: client_refusal("busy"),
            },
            hashing: HashMetrics {
                slots: registry.gauge("mintery_hash_slots", "Secrets that can be hashed at once"),
                running: registry.gauge("mintery_hashes_running", "Secrets that are being hashed"),
                waiting: registry.gauge("mintery_hashes_waiting", "Secrets that wait to be hashed"),
                begun: registry.counter("mintery_hashes_total", "Secrets hashed", &[]),
                refused: registry.counter(
                    "mintery_hashes_refused_total",
                    "Secrets not hashed because too many waited",
                    &[],
                ),
            },
            tokens_issued: registry.counter("mintery_tokens_issued_total", "Tokens issued", &[]),
            token_refusals: Refusals {
                invalid_client: refusal("invalid_client"),
                invalid_request: refusal("invalid_request"),
                invalid_scope: refusal("invalid_scope"),
                invalid_target: refusal("invalid_target"),
                unauthorized_client: refusal("unauthorized_client"),
                unsupported_grant_type: refusal("unsupported_grant_type"),
                unavailable: refusal("temporarily_unavailable"),
            },
            access_granted: access("granted"),
            access_refused: access("refused"),
            directory_hits: lookup("hit"),
            directory_misses: lookup("miss"),
            lookup_queries: query("lookup"),
            follower_queries: query("follow"),
            changes: query("change"),
            applied_event: registry
                .gauge("mintery_applied_event", "The last event that this node has applied"),
            follower_lag: registry
                .gauge("mintery_follower_lag_seconds", "Since the follower last reached the store"),
            failures: registry.counter(
                "mintery_failures_total",
                "Answers with a status of 500 or above",
                &[],
            ),
            handle: recorder.handle(),
        }
    }
}

impl Metrics {
    /// All of it as Prometheus text.
    #[must_use]
    pub fn render(&self) -> String {
        self.handle.render()
    }
}

/// Makes series in a recorder that belongs to one application, not to the process: two applications in one process
/// (the tests) do not count into each other.
struct Registry<'a>(&'a PrometheusRecorder);

impl Registry<'_> {
    const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

    fn counter(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &'static str)],
    ) -> Counter {
        let labels: Vec<_> = labels.iter().map(|(key, value)| metrics::Label::new(*key, *value)).collect();
        metrics::Recorder::describe_counter(self.0, name.into(), None, help.into());
        metrics::Recorder::register_counter(self.0, &metrics::Key::from_parts(name, labels), &Self::METADATA)
    }

    fn gauge(&self, name: &'static str, help: &'static str) -> Gauge {
        metrics::Recorder::describe_gauge(self.0, name.into(), None, help.into());
        metrics::Recorder::register_gauge(self.0, &metrics::Key::from_name(name), &Self::METADATA)
    }
}
