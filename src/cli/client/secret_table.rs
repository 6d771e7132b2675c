//! The table of a client's secrets.

use crate::admin::client::KeptSecret;
use crate::cli::output::{self, date, date_or_never};
use crate::logging::escape;
use crate::model::usage::LastUse;

/// The metadata of secrets.
pub fn table(secrets: &[KeptSecret]) -> String {
    let mut table =
        output::table(&["SECRET", "ENDS IN", "LABEL", "CREATED", "EXPIRES", "LAST USED", "FROM"]);
    for kept @ KeptSecret { secret, last_use, .. } in secrets {
        let from = |last: &LastUse| last.from.map(|address| address.to_string());
        table.add_row([
            secret.id.as_str().to_owned(),
            secret.ending().map_or_else(|| "not shown".to_owned(), |ending| format!("…{ending}")),
            secret.label.as_deref().map(escape).unwrap_or_default(),
            date(secret.created_at),
            date_or_never(secret.expires_at),
            last_used(kept),
            last_use.as_ref().and_then(from).unwrap_or_default(),
        ]);
    }
    table.to_string()
}

/// The last use of a secret.
pub fn last_used(kept: &KeptSecret) -> String {
    match kept.last_use {
        Some(last) => date(last.at),
        None if kept.is_known_unused() => "never".to_owned(),
        // Its uses were not counted.
        None => "unknown".to_owned(),
    }
}
