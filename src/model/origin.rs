//! Origins of web pages (RFC 6454) that may call the API from a browser.

use std::fmt;

use url::Url;

/// The allowed origins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// These, compared byte for byte; empty for none.
    Only(Vec<Box<str>>),
    /// Every origin, without browser credentials as always.
    Any,
}

/// An invalid list of origins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOrigin {
    /// Not an origin.
    #[error(
        "`{0}` is not an origin; use the form https://app.example.com, without a path or a slash at the end"
    )]
    Malformed(String),
    /// `*` together with origins.
    #[error("`*` allows every origin; do not combine it with others")]
    AnyBesideOthers,
}

impl Default for AllowedOrigins {
    fn default() -> Self {
        Self::Only(Vec::new())
    }
}

impl AllowedOrigins {
    /// Parses origins separated by commas, or `*`; the empty text has none.
    ///
    /// # Errors
    /// If one differs from the form that browsers send.
    pub fn parse(text: &str) -> Result<Self, InvalidOrigin> {
        let origins: Vec<&str> =
            text.split(',').map(str::trim).filter(|one| !one.is_empty()).collect();
        if origins.contains(&"*") {
            return if origins.len() == 1 {
                Ok(Self::Any)
            } else {
                Err(InvalidOrigin::AnyBesideOthers)
            };
        }
        let origin = |text: &str| {
            let parsed =
                Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
            // As browsers write it: no path, no default port, lower case. Patterns are not
            // supported: origins are compared byte for byte.
            let is_exact = !text.contains('*')
                && parsed.is_some_and(|url| url.origin().ascii_serialization() == text);
            if is_exact { Ok(text.into()) } else { Err(InvalidOrigin::Malformed(text.to_owned())) }
        };
        origins.into_iter().map(origin).collect::<Result<_, _>>().map(Self::Only)
    }

    /// `true` if no origin is allowed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        match self {
            Self::Only(origins) => origins.is_empty(),
            Self::Any => false,
        }
    }

    /// `true` if pages of this origin may call.
    #[must_use]
    pub fn allow(&self, origin: &[u8]) -> bool {
        match self {
            Self::Only(origins) => origins.iter().any(|own| own.as_bytes() == origin),
            Self::Any => true,
        }
    }

    /// The configured origins.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let (origins, any) = match self {
            Self::Only(origins) => (origins.as_slice(), None),
            Self::Any => (&[][..], Some("*")),
        };
        origins.iter().map(|origin| &**origin).chain(any)
    }
}

impl fmt::Display for AllowedOrigins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iter().collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::AllowedOrigins;

    #[test]
    fn origins_are_compared_byte_for_byte() {
        let origins =
            AllowedOrigins::parse("https://app.example.com, http://localhost:3000").unwrap();
        for (origin, is_allowed) in [
            ("https://app.example.com", true),
            ("http://localhost:3000", true),
            ("http://app.example.com", false),
            ("https://app.example.com:8443", false),
            ("https://app.example.com.evil.example", false),
            ("https://evil.example/https://app.example.com", false),
            ("https://APP.example.com", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(origins.allow(origin.as_bytes()), is_allowed, "{origin}");
        }
        assert_eq!(origins.to_string(), "https://app.example.com,http://localhost:3000");
        assert!(AllowedOrigins::parse("*").unwrap().allow(b"null"));
        assert!(AllowedOrigins::parse("").unwrap().is_empty());
    }

    #[test]
    fn an_origin_that_no_browser_sends_is_rejected() {
        for bad in [
            "app.example.com",
            "https://app.example.com/",
            "https://app.example.com/path",
            "https://app.example.com:443",
            "https://App.example.com",
            "https://*.example.com",
            "https://user@app.example.com",
            "null",
            "file:///",
            "*, https://app.example.com",
            "https://ü.example",
        ] {
            assert!(AllowedOrigins::parse(bad).is_err(), "{bad}");
        }
    }
}
