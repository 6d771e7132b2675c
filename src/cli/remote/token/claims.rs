//! The claims of a token as rows of a table.

use comfy_table::Table;
use serde_json::Value;

use crate::cli::output::date;
use crate::clock::Timestamp;
use crate::logging::escape;

/// Claims that are times, in seconds (RFC 7519 §2, `NumericDate`).
const TIMES: [&str; 4] = ["exp", "iat", "nbf", "auth_time"];

/// Adds claims to a table, with readable times.
pub fn add_claims<'a>(
    table: &mut Table,
    claims: impl IntoIterator<Item = (&'a String, &'a Value)>,
) {
    for (name, value) in claims {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) if TIMES.contains(&name.as_str()) => match number.as_i64() {
                Some(secs) => format!("{secs} ({})", date(Timestamp::from_secs(secs))),
                None => number.to_string(),
            },
            other => other.to_string(),
        };
        table.add_row([escape(name), escape(&text)]);
    }
}
