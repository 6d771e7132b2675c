//! The identifier of this authorization server (RFC 8414 §2) and the URLs of its endpoints. It
//! comes from the settings, never from a request.

use std::fmt;
use std::net::IpAddr;

/// An http or https URL without query and fragment. Compared byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    text: Box<str>,
    path: Box<str>,
    is_https: bool,
    is_loopback: bool,
}

/// An invalid issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the issuer must be an http or https URL without user, query and fragment")]
pub struct InvalidIssuer;

impl Issuer {
    /// Parses an issuer.
    ///
    /// # Errors
    /// If it is not an http or https URL, or has a user, a query or a fragment.
    pub fn parse(text: &str) -> Result<Self, InvalidIssuer> {
        let url = url::Url::parse(text).map_err(|_| InvalidIssuer)?;
        let is_plain = url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !matches!(url.scheme(), "http" | "https")
            || !is_plain
            || text.contains(['?', '#', '\\', ' '])
        {
            return Err(InvalidIssuer);
        }
        let is_loopback = match url.host().ok_or(InvalidIssuer)? {
            url::Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
            url::Host::Ipv4(address) => IpAddr::V4(address).is_loopback(),
            url::Host::Ipv6(address) => IpAddr::V6(address).is_loopback(),
        };
        let path = url.path().trim_end_matches('/').into();
        Ok(Self { text: text.into(), path, is_https: url.scheme() == "https", is_loopback })
    }

    /// The identifier, as it was configured.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path without a slash at the end; usually empty.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// `true` if credentials sent to it stay confidential: by https, or on the loopback interface.
    #[must_use]
    pub const fn is_confidential(&self) -> bool {
        self.is_https || self.is_loopback
    }

    /// `true` for https.
    #[must_use]
    pub const fn is_https(&self) -> bool {
        self.is_https
    }

    /// The host, with the port if it has one, to show to people.
    #[must_use]
    pub fn host(&self) -> &str {
        let (_, rest) = self.text.split_once("://").unwrap_or(("", &self.text));
        rest.split('/').next().unwrap_or(rest)
    }

    /// Its host name, as browsers write it; `None` for an address.
    #[must_use]
    pub fn host_name(&self) -> Option<String> {
        let url = url::Url::parse(&self.text).ok()?;
        url.domain().map(ToOwned::to_owned)
    }

    /// The origin of its pages (RFC 6454 §6.2), as browsers write it.
    #[must_use]
    pub fn origin(&self) -> String {
        url::Url::parse(&self.text)
            .map_or_else(|_| String::new(), |url| url.origin().ascii_serialization())
    }

    /// The URL of an endpoint with this path.
    #[must_use]
    pub fn endpoint(&self, path: &str) -> String {
        format!("{}{path}", self.text.trim_end_matches('/'))
    }

    /// The URL of a well-known document, whose name goes between host and path (RFC 8414 §3.1, RFC
    /// 9728 §3.1).
    #[must_use]
    pub fn well_known(&self, name: &str) -> String {
        let base = self.text.trim_end_matches('/');
        let origin = base.strip_suffix(&*self.path).unwrap_or(base);
        format!("{origin}/.well-known/{name}{}", self.path)
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::Issuer;

    /// 8414-1
    #[test]
    fn well_known_names_stand_between_host_and_path() {
        let plain = Issuer::parse("https://auth.example.com").unwrap();
        let name = "oauth-authorization-server";
        assert_eq!(
            plain.well_known(name),
            "https://auth.example.com/.well-known/oauth-authorization-server"
        );
        assert_eq!(plain.endpoint("/oauth/token"), "https://auth.example.com/oauth/token");
        let tenant = Issuer::parse("https://example.com/tenant").unwrap();
        assert_eq!(
            tenant.well_known(name),
            "https://example.com/.well-known/oauth-authorization-server/tenant"
        );
        assert_eq!(tenant.endpoint("/oauth/token"), "https://example.com/tenant/oauth/token");
    }

    #[test]
    fn refuses_what_is_no_issuer() {
        for bad in [
            "",
            "auth.example.com",
            "ftp://a",
            "https://a?b",
            "https://a#b",
            "https://u@a",
            "https://:p@a",
            "https://a b",
            "https://",
        ] {
            assert!(Issuer::parse(bad).is_err(), "{bad}");
        }
        assert!(!Issuer::parse("http://auth.example.com").unwrap().is_confidential());
        for confidential in [
            "http://127.0.0.1:8080",
            "http://localhost",
            "http://[::1]:1",
            "https://auth.example.com",
        ] {
            assert!(Issuer::parse(confidential).unwrap().is_confidential(), "{confidential}");
        }
    }
}
