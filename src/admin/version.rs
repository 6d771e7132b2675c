//! Versions of what can be changed: whoever changes something may say which one they have seen, and
//! is told when it is another by now.

use std::fmt::Debug;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::AdminError;

/// What tells these terms from those before a change.
pub(super) fn of(terms: &impl Debug) -> String {
    // Of another release it may be another one: then somebody has to look again.
    URL_SAFE_NO_PAD.encode(digest(&SHA256, format!("{terms:?}").as_bytes()))
}

/// Refuses a change by somebody who has seen something else; who has not said what they have seen
/// changes whatever there is.
///
/// # Errors
/// [`AdminError::Changed`] when they have.
pub(super) fn check(
    seen: Option<&str>,
    version: &str,
    what: &'static str,
) -> Result<(), AdminError> {
    if seen.is_none_or(|seen| seen == version) {
        return Ok(());
    }
    Err(AdminError::Changed(what))
}
