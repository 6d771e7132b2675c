//! Pages of a list. A query asks for one row more than a page holds: if it comes, there is a next
//! page, which begins after the last row shown.

use crate::clock::Timestamp;

/// Rows on a page of clients, keys or users.
pub const PAGE_SIZE: i64 = 25;

/// Cuts `rows` to `size`; returns `true` if there were more.
pub fn cut<T>(rows: &mut Vec<T>, size: i64) -> bool {
    let size = usize::try_from(size).unwrap_or_default();
    let has_more = rows.len() > size;
    rows.truncate(size);
    has_more
}

/// The position after a row, in a list ordered by date and id.
pub fn cursor(created_at: Timestamp, id: &impl std::fmt::Display) -> String {
    format!("{}.{id}", created_at.as_millis())
}

/// Reads a [`cursor`]; `None` if it is empty or malformed.
pub fn parse_cursor<T, E>(
    cursor: &str,
    parse_id: impl FnOnce(&str) -> Result<T, E>,
) -> Option<(Timestamp, T)> {
    let (date, id) = cursor.split_once('.')?;
    Some((Timestamp::from_millis(date.parse().ok()?), parse_id(id).ok()?))
}

/// The text of a filter; `None` if it is empty.
pub fn filter_text(text: &str) -> Option<String> {
    Some(text).filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}

/// The filter on enabled or disabled rows; `None` for both.
pub fn filter_enabled(state: &str) -> Option<bool> {
    match state {
        "enabled" => Some(true),
        "disabled" => Some(false),
        _ => None,
    }
}
