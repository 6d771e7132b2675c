//! The format of log lines. Input from strangers is escaped, so that a record is always one line.

use std::fmt::Write as _;
use std::io::Write as _;

use serde_json::json;

use crate::config::LogFormat;

/// Starts logging to standard error. A second call changes nothing.
pub fn start(filter: &str, format: LogFormat) {
    let mut builder = env_logger::Builder::new();
    // actix_http reports every unparsable request as an error. Name it in `log` to see them.
    builder.filter_module("actix_http", log::LevelFilter::Off);
    // sqlx prints the values of unknown parameters, which may contain a misspelled password.
    builder.filter_module("sqlx_postgres::options", log::LevelFilter::Off);
    builder.parse_filters(filter);
    match format {
        LogFormat::Text => builder.format(|out, record| {
            let message = escape(&record.args().to_string());
            writeln!(
                out,
                "{} {:5} {}: {message}",
                out.timestamp_millis(),
                record.level(),
                record.target()
            )
        }),
        LogFormat::Json => builder.format(|out, record| {
            let line = json!({
                "time": out.timestamp_millis().to_string(),
                "level": record.level().as_str(),
                "target": record.target(),
                "message": record.args().to_string(),
            });
            writeln!(out, "{line}")
        }),
    };
    // Fails only if logging has already started.
    builder.try_init().ok();
}

/// Escapes control characters and characters that change the text direction.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if escapes(character) {
            // Writing to a string does not fail.
            write!(escaped, "{}", character.escape_unicode()).ok();
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// `true` if [`escape`] changes `character`.
#[must_use]
pub fn escapes(character: char) -> bool {
    let is_bidirectional = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || is_bidirectional || matches!(character, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::escape;

    /// SEC-6
    #[test]
    fn a_line_stays_a_line() {
        assert_eq!(escape("a\r\nb\u{1b}[31mc\u{202e}d"), "a\\u{d}\\u{a}b\\u{1b}[31mc\\u{202e}d");
        assert_eq!(escape("für"), "für");
    }
}
