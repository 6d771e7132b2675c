//! Versions of what can be changed (`ETag`, `If-Match`): a change that names the version its caller
//! has seen is rejected if the current one differs.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::AdminError;

/// The digest of `members`, as JSON has them. It may differ between releases, which costs a caller
/// another look.
pub(super) fn of(members: &impl Serialize) -> String {
    // Strings, numbers and lists always serialize.
    let json = serde_json::to_vec(members).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(digest(&SHA256, &json))
}

/// Rejects a change if the caller has `seen` another version. Without `seen` the change applies to
/// any version.
///
/// # Errors
/// [`AdminError::Changed`] with the name of the subject.
pub(super) fn check(
    seen: Option<&str>,
    version: &str,
    subject: &'static str,
) -> Result<(), AdminError> {
    if seen.is_none_or(|seen| seen == version) {
        return Ok(());
    }
    Err(AdminError::Changed(subject))
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn versions_depend_on_the_members_alone() {
        #[derive(serde::Serialize)]
        struct Members<'a> {
            name: &'a str,
            limit: Option<u32>,
        }
        #[derive(serde::Serialize)]
        struct Renamed {
            name: &'static str,
            limit: Option<u64>,
        }
        let version = of(&Members { name: "a", limit: None });
        assert_eq!(version, of(&Renamed { name: "a", limit: None }));
        assert_ne!(version, of(&Members { name: "a", limit: Some(1) }));
        assert_ne!(version, of(&Members { name: "b", limit: None }));
    }
}
