//! The identifier of an API that tokens are made for (RFC 8707 §2).

use std::fmt;

/// An absolute URI without fragment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceUri(Box<str>);

/// Text that identifies no resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a resource must be an absolute URI without fragment")]
pub struct InvalidResource;

impl ResourceUri {
    /// Parses a resource identifier. It is kept and compared byte for byte.
    ///
    /// # Errors
    /// When it is not absolute, has a fragment, or holds a byte that no URI may have (RFC 3986).
    pub fn parse(text: &str) -> Result<Self, InvalidResource> {
        let (scheme, rest) = text.split_once(':').ok_or(InvalidResource)?;
        let scheme_is_valid = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
        if !scheme_is_valid
            || rest.is_empty()
            || text.len() > 2048
            || !rest.bytes().all(is_uri_byte)
        {
            return Err(InvalidResource);
        }
        Ok(Self(text.into()))
    }

    /// The identifier as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for ResourceUri {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ResourceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Unreserved, reserved and `%` of RFC 3986, less the `#` that begins a fragment.
const fn is_uri_byte(byte: u8) -> bool {
    matches!(byte, b'!' | b'$'..=b';' | b'=' | b'?'..=b'[' | b']' | b'_' | b'a'..=b'z' | b'~')
}

#[cfg(test)]
mod tests {
    use super::ResourceUri;

    /// 8707-1
    #[test]
    fn a_resource_is_absolute_and_without_fragment() {
        for good in [
            "https://api.example.com",
            "https://api.example.com/v1?x=y",
            "urn:example:api",
            "http://[::1]:8080",
        ] {
            assert!(ResourceUri::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/api",
            "api",
            "https:",
            "https://a/#b",
            "https://a b",
            "https://a\n",
            "1http://a",
            "https://é",
        ] {
            assert!(ResourceUri::parse(bad).is_err(), "{bad}");
        }
    }
}
