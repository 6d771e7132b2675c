//! Logins at the dashboard.

use metrics::Counter;

use super::registry::Registry;

/// Logins by outcome.
pub struct LogIns {
    /// The user is logged in.
    pub logged_in: Counter,
    /// Username or password is wrong, or the user is disabled. Answers do not tell these apart.
    pub wrong: Counter,
    /// The password is right; a code is needed.
    pub code_needed: Counter,
    /// The password is right; the code is wrong.
    pub wrong_code: Counter,
    /// Too many wrong passwords or codes came before.
    pub too_many_guesses: Counter,
    /// Too many passwords wait to be hashed, or the store is unreachable.
    pub unavailable: Counter,
    /// The store rejected the session, or failed.
    pub failed: Counter,
}

impl LogIns {
    pub(super) fn new(registry: &Registry) -> Self {
        let log_in = |outcome| {
            registry.counter("mintery_log_ins_total", "Logins, by outcome", &[("outcome", outcome)])
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
