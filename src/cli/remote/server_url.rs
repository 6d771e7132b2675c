//! Parses the URL of a server from the command line.

use crate::cli::error::CliError;
use crate::model::issuer::Issuer;

/// Parses the URL of a server: its issuer, or another of its addresses. A slash at the end is
/// ignored.
///
/// # Errors
/// When the URL is invalid, or would send a credential unencrypted.
pub fn parse(text: &str) -> Result<Issuer, CliError> {
    let begins_well = text.starts_with("https://") || text.starts_with("http://");
    let url = Some(text.trim_end_matches('/'))
        .filter(|text| begins_well && text.bytes().all(|byte| byte.is_ascii_graphic()))
        .and_then(|text| Issuer::parse(text).ok())
        .ok_or_else(|| {
            let reason = "invalid server URL; use one such as https://auth.example.com, without user, query and fragment";
            CliError::Usage(reason.to_owned())
        })?;
    if !url.is_confidential() {
        let reason = "cannot send a credential over plain http to another machine; use https";
        return Err(CliError::Usage(reason.to_owned()));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::parse;

    /// SEC-2
    #[test]
    fn credentials_are_sent_by_https_or_stay_on_the_machine() {
        for (text, url) in [
            ("https://auth.example.com", "https://auth.example.com"),
            ("https://auth.example.com/", "https://auth.example.com"),
            ("https://example.com:8443/tenant//", "https://example.com:8443/tenant"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("http://localhost", "http://localhost"),
        ] {
            assert_eq!(parse(text).unwrap().as_str(), url, "{text}");
        }
        for bad in [
            "",
            "/",
            "https://",
            "auth.example.com",
            "HTTPS://auth.example.com",
            "ftp://auth.example.com",
            "http://auth.example.com",
            "http://10.0.0.1",
            "https://user:password@auth.example.com",
            "https://auth.example.com?x",
            "https://auth.example.com#x",
            "https://auth.example.com\n",
            "https://auth.exa\tmple.com",
            "https://\u{1b}[31m",
            " https://auth.example.com",
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
