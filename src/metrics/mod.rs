//! What is counted: every name and label, in one place. Labels take their values from fixed lists,
//! so nothing that a stranger sends can make a new series.

mod durations;

use std::fmt::Write as _;
use std::time::Instant;

use metrics::{Counter, Gauge, Level, Metadata};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

pub use durations::Durations;

/// The counters of one application, and their rendering as Prometheus text.
pub struct Metrics {
    /// Tokens that were issued.
    pub tokens_issued: Counter,
    /// Requests for a token that were refused, by the error code of the answer and the reason.
    pub token_refusals: Refusals,
    /// How long requests for a token took, whatever became of them.
    pub token_durations: Durations,
    /// Tokens that were introspected: those that were active, those that were not.
    pub introspections: [Counter; 2],
    /// Tokens that clients took back.
    pub tokens_revoked: Counter,
    /// Requests to take a token back that were refused, by the error code of the answer and the
    /// reason.
    pub revocation_refusals: Refusals,
    /// Questions of readers of the revocation feed that were refused, by the error code of the
    /// answer and the reason.
    pub feed_refusals: Refusals,
    /// Requests to introspect a token that were refused, by the error code of the answer and the
    /// reason.
    pub introspection_refusals: Refusals,
    /// Log-ins, by what became of them.
    pub log_ins: LogIns,
    /// API keys that were found in public.
    pub keys_leaked: Counter,
    /// Protected requests that were let through.
    pub access_granted: Counter,
    /// Protected requests that were refused.
    pub access_refused: Counter,
    /// Look-ups of a client or an API key that this node remembered.
    pub directory_hits: Counter,
    /// Look-ups of a client or an API key that went to the store.
    pub directory_misses: Counter,
    /// What the store was asked and told.
    pub store: StoreMetrics,
    /// Times that the store was told what was counted, and was not.
    pub usage_flushes: [Counter; 2],
    /// The number of the last event that this node has applied.
    pub applied_event: Gauge,
    /// How long ago the follower last reached the store, in seconds.
    pub follower_lag: Gauge,
    /// How far the clock of this node is ahead of that of the store, in seconds.
    pub clock_offset: Gauge,
    /// Documents of the revocation feed: those that replace what their reader knew, those that add
    /// to it.
    pub feed_documents: [Counter; 2],
    /// Readers of the feed that wait for something to be taken back.
    pub feed_readers: Gauge,
    /// Answers with a status of 500 or above.
    pub failures: Counter,
    /// Secrets that are hashed.
    pub hashing: HashMetrics,
    handle: PrometheusHandle,
}

/// Requests that an OAuth endpoint refused, by error code and reason.
pub struct Refusals {
    /// `invalid_client`: there were no credentials, or malformed ones.
    pub no_credentials: Counter,
    /// `invalid_client`: nobody has this id.
    pub unknown_client: Counter,
    /// `invalid_client`: none of the client's secrets.
    pub wrong_secret: Counter,
    /// `invalid_client`: the right secret, and expired.
    pub expired_secret: Counter,
    /// `invalid_client`: the client is disabled.
    pub disabled: Counter,
    /// `invalid_request`.
    pub invalid_request: Counter,
    /// `invalid_request`: the API key that was to be exchanged is not good for that.
    pub subject_token: Counter,
    /// `invalid_scope`.
    pub invalid_scope: Counter,
    /// `invalid_target`.
    pub invalid_target: Counter,
    /// `unauthorized_client`.
    pub unauthorized_client: Counter,
    /// `unsupported_grant_type`.
    pub unsupported_grant_type: Counter,
    /// `temporarily_unavailable`: too many secrets were wrong that came from there before.
    pub too_many_guesses: Counter,
    /// `temporarily_unavailable`: too many secrets were waiting to be hashed.
    pub busy: Counter,
    /// `temporarily_unavailable`: the client's own limit.
    pub over_limit: Counter,
    /// `temporarily_unavailable`: the store is out of reach.
    pub unavailable: Counter,
    /// `server_error`.
    pub failed: Counter,
}

/// Times that somebody logged in, or tried to, by outcome.
pub struct LogIns {
    /// They are logged in.
    pub logged_in: Counter,
    /// Name and password do not belong together, or are of somebody who is disabled: as little is
    /// told elsewhere.
    pub wrong: Counter,
    /// The password is right, and a code was asked for.
    pub code_needed: Counter,
    /// The password is right, and the code is not.
    pub wrong_code: Counter,
    /// Too many passwords or codes were wrong before.
    pub too_many_guesses: Counter,
    /// Too many passwords were waiting to be hashed, or the store is out of reach.
    pub unavailable: Counter,
    /// The store refused the session, or failed.
    pub failed: Counter,
}

impl LogIns {
    fn new(registry: &Registry<'_>) -> Self {
        let log_in = |outcome| {
            registry.counter(
                "mintery_log_ins_total",
                "Log-ins of people, by outcome",
                &[("outcome", outcome)],
            )
        };
        Self {
            logged_in: log_in("logged_in"),
            wrong: log_in("wrong"),
            code_needed: log_in("code_needed"),
            wrong_code: log_in("wrong_code"),
            too_many_guesses: log_in("too_many_guesses"),
            unavailable: log_in("unavailable"),
            failed: log_in("failed"),
        }
    }
}

/// What the store was asked and told, by purpose.
pub struct StoreMetrics {
    /// To look something up.
    pub lookup: Operation,
    /// To follow the events.
    pub follow: Operation,
    /// To change something; those that were committed.
    pub change: Operation,
    /// To tell what was counted.
    pub usage: Operation,
    /// To clean up.
    pub tidy: Operation,
    /// The connections of the pool for reading: those in use, those that idle.
    pub read_connections: [Gauge; 2],
    /// The same of the pool for writing.
    pub write_connections: [Gauge; 2],
}

/// Something that is done with the store again and again.
pub struct Operation {
    purpose: &'static str,
    done: Counter,
    failed: Counter,
    durations: Durations,
}

impl Operation {
    /// Counts one that began at `began` and ends now, and whether it went well.
    pub fn record<T, E>(&self, began: Instant, outcome: &Result<T, E>) {
        self.durations.since(began);
        self.done.increment(1);
        if outcome.is_err() {
            self.failed.increment(1);
        }
    }

    /// Counts one that failed before it was done.
    pub fn fail(&self) {
        self.failed.increment(1);
    }

    /// Its durations, to be rendered with a label.
    fn labelled(&self) -> (&Durations, String) {
        (&self.durations, format!("purpose=\"{}\"", self.purpose))
    }
}

impl StoreMetrics {
    fn new(registry: &Registry<'_>) -> Self {
        let operation = |purpose| Operation {
            purpose,
            done: registry.counter(
                "mintery_store_queries_total",
                "Queries and changes, by purpose",
                &[("purpose", purpose)],
            ),
            failed: registry.counter(
                "mintery_store_errors_total",
                "Queries and changes at which the store failed, by purpose",
                &[("purpose", purpose)],
            ),
            durations: Durations::default(),
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

    const fn operations(&self) -> [&Operation; 5] {
        [&self.lookup, &self.follow, &self.change, &self.usage, &self.tidy]
    }
}

impl Refusals {
    fn of_token(registry: &Registry<'_>) -> Self {
        Self::new(
            registry,
            "mintery_token_refusals_total",
            "Token requests refused, by error and reason",
        )
    }

    fn of_revocation(registry: &Registry<'_>) -> Self {
        Self::new(
            registry,
            "mintery_revocation_refusals_total",
            "Requests to revoke a token refused, by error and reason",
        )
    }

    fn of_feed(registry: &Registry<'_>) -> Self {
        Self::new(
            registry,
            "mintery_revocation_feed_refusals_total",
            "Questions of readers of the revocation feed refused, by error and reason",
        )
    }

    fn of_introspection(registry: &Registry<'_>) -> Self {
        Self::new(
            registry,
            "mintery_introspection_refusals_total",
            "Requests to introspect a token refused, by error and reason",
        )
    }

    fn new(registry: &Registry<'_>, name: &'static str, help: &'static str) -> Self {
        let refusal = |error, reason| {
            let labels = [("error", error), ("reason", reason)];
            registry.counter(name, help, &labels)
        };
        Self {
            no_credentials: refusal("invalid_client", "no_credentials"),
            unknown_client: refusal("invalid_client", "unknown_client"),
            wrong_secret: refusal("invalid_client", "wrong_secret"),
            expired_secret: refusal("invalid_client", "expired_secret"),
            disabled: refusal("invalid_client", "disabled"),
            invalid_request: refusal("invalid_request", "malformed"),
            subject_token: refusal("invalid_request", "subject_token"),
            invalid_scope: refusal("invalid_scope", "scope"),
            invalid_target: refusal("invalid_target", "resource"),
            unauthorized_client: refusal("unauthorized_client", "grant_type"),
            unsupported_grant_type: refusal("unsupported_grant_type", "grant_type"),
            too_many_guesses: refusal("temporarily_unavailable", "too_many_guesses"),
            busy: refusal("temporarily_unavailable", "busy"),
            over_limit: refusal("temporarily_unavailable", "over_limit"),
            unavailable: refusal("temporarily_unavailable", "store"),
            failed: refusal("server_error", "failed"),
        }
    }
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
    #[expect(clippy::too_many_lines, reason = "one entry for each metric")]
    fn default() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let registry = Registry(&recorder);
        let lookup = |result| {
            registry.counter(
                "mintery_directory_lookups_total",
                "Look-ups of a client or an API key",
                &[("result", result)],
            )
        };
        let access = |outcome| {
            registry.counter(
                "mintery_access_checks_total",
                "Protected requests, by outcome",
                &[("outcome", outcome)],
            )
        };
        let introspection = |active| {
            registry.counter(
                "mintery_introspections_total",
                "Tokens introspected",
                &[("active", active)],
            )
        };
        let flush = |result| {
            registry.counter(
                "mintery_usage_flushes_total",
                "Times that the store was told what was counted",
                &[("result", result)],
            )
        };
        registry
            .gauge(
                "mintery_build_info",
                "Which release this is",
                &[("version", env!("CARGO_PKG_VERSION"))],
            )
            .set(1);
        Self {
            hashing: HashMetrics {
                slots: registry.gauge(
                    "mintery_hash_slots",
                    "Secrets that can be hashed at once",
                    &[],
                ),
                running: registry.gauge(
                    "mintery_hashes_running",
                    "Secrets that are being hashed",
                    &[],
                ),
                waiting: registry.gauge(
                    "mintery_hashes_waiting",
                    "Secrets that wait to be hashed",
                    &[],
                ),
                begun: registry.counter("mintery_hashes_total", "Secrets hashed", &[]),
                refused: registry.counter(
                    "mintery_hashes_refused_total",
                    "Secrets not hashed because too many waited",
                    &[],
                ),
            },
            tokens_issued: registry.counter("mintery_tokens_issued_total", "Tokens issued", &[]),
            token_refusals: Refusals::of_token(&registry),
            token_durations: Durations::default(),
            introspections: ["true", "false"].map(introspection),
            tokens_revoked: registry.counter(
                "mintery_tokens_revoked_total",
                "Tokens that clients revoked",
                &[],
            ),
            revocation_refusals: Refusals::of_revocation(&registry),
            log_ins: LogIns::new(&registry),
            keys_leaked: registry.counter(
                "mintery_leaked_keys_total",
                "API keys found in public",
                &[],
            ),
            feed_refusals: Refusals::of_feed(&registry),
            introspection_refusals: Refusals::of_introspection(&registry),
            access_granted: access("granted"),
            access_refused: access("refused"),
            directory_hits: lookup("hit"),
            directory_misses: lookup("miss"),
            store: StoreMetrics::new(&registry),
            usage_flushes: ["done", "failed"].map(flush),
            applied_event: registry.gauge(
                "mintery_applied_event",
                "The last event that this node has applied",
                &[],
            ),
            follower_lag: registry.gauge(
                "mintery_follower_lag_seconds",
                "Since the follower last reached the store",
                &[],
            ),
            clock_offset: registry.gauge(
                "mintery_clock_offset_seconds",
                "How far the clock of this node is ahead of that of the store",
                &[],
            ),
            feed_documents: ["snapshot", "changes"].map(|kind| {
                registry.counter(
                    "mintery_revocation_feed_documents_total",
                    "Documents of the revocation feed, by kind",
                    &[("kind", kind)],
                )
            }),
            feed_readers: registry.gauge(
                "mintery_revocation_feed_readers",
                "Readers of the revocation feed that wait",
                &[],
            ),
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
        let mut text = self.handle.render();
        let of_tokens = (&self.token_durations, String::new());
        histogram(
            "mintery_token_request_seconds",
            "How long requests for a token took",
            [of_tokens],
            &mut text,
        );
        let of_store = self.store.operations().map(Operation::labelled);
        histogram(
            "mintery_store_query_seconds",
            "How long queries and changes took",
            of_store,
            &mut text,
        );
        text
    }

    /// Counts a token that was introspected.
    pub fn count_introspection(&self, is_active: bool) {
        let [active, inactive] = &self.introspections;
        if is_active { active.increment(1) } else { inactive.increment(1) }
    }

    /// Counts a time that the store was told what was counted, or was not.
    pub fn count_flush(&self, is_done: bool) {
        let [done, failed] = &self.usage_flushes;
        if is_done { done.increment(1) } else { failed.increment(1) }
    }
}

/// Writes a histogram with its series.
fn histogram<'a>(
    name: &str,
    help: &str,
    series: impl IntoIterator<Item = (&'a Durations, String)>,
    text: &mut String,
) {
    // Writing to a string does not fail.
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} histogram").ok();
    for (durations, label) in series {
        durations.render(name, &label, text);
    }
    text.push('\n');
}

/// Makes series in a recorder that belongs to one application, not to the process: two applications
/// in one process (the tests) do not count into each other.
struct Registry<'a>(&'a PrometheusRecorder);

impl Registry<'_> {
    const METADATA: Metadata<'static> =
        Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

    fn counter(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &'static str)],
    ) -> Counter {
        metrics::Recorder::describe_counter(self.0, name.into(), None, help.into());
        metrics::Recorder::register_counter(self.0, &key(name, labels), &Self::METADATA)
    }

    fn gauge(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &'static str)],
    ) -> Gauge {
        metrics::Recorder::describe_gauge(self.0, name.into(), None, help.into());
        metrics::Recorder::register_gauge(self.0, &key(name, labels), &Self::METADATA)
    }
}

fn key(name: &'static str, labels: &[(&'static str, &'static str)]) -> metrics::Key {
    let labels: Vec<_> =
        labels.iter().map(|(key, value)| metrics::Label::new(*key, *value)).collect();
    metrics::Key::from_parts(name, labels)
}
