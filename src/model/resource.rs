//! The identifier of an API that tokens are made for (RFC 8707 §2).

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use mintery_verifier::model::resource::comparable;

/// An absolute URI without fragment. It keeps its spelling; of http and https URIs, an empty path and
/// `/` are equal (RFC 3986 §6.2.3).
#[derive(Debug, Clone)]
pub struct ResourceUri(Box<str>);

/// Text that identifies no resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a resource must be an absolute URI without fragment; write a bare name as urn:NAME")]
pub struct InvalidResource;

impl ResourceUri {
    /// Parses a resource identifier.
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

    /// The part that is compared.
    #[must_use]
    pub fn comparable(&self) -> &str {
        comparable(&self.0)
    }

    /// The other spelling of the same identifier, if it has two.
    #[must_use]
    pub fn other_spelling(&self) -> Option<String> {
        let short = self.comparable();
        if short.len() < self.0.len() {
            return Some(short.to_owned());
        }
        let long = format!("{short}/");
        (comparable(&long) == short).then_some(long)
    }
}

/// True if every API in `wanted` is in `held`.
#[must_use]
pub fn holds_all(held: &[ResourceUri], wanted: &[ResourceUri]) -> bool {
    wanted.iter().all(|resource| held.contains(resource))
}

impl PartialEq for ResourceUri {
    fn eq(&self, other: &Self) -> bool {
        self.comparable() == other.comparable()
    }
}

impl Eq for ResourceUri {}

impl PartialOrd for ResourceUri {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ResourceUri {
    fn cmp(&self, other: &Self) -> Ordering {
        self.comparable().cmp(other.comparable())
    }
}

impl Hash for ResourceUri {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.comparable().hash(state);
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
    fn two_spellings_are_one_resource() {
        let uri = |text: &str| ResourceUri::parse(text).unwrap();
        let (short, long) = (uri("https://a.example"), uri("https://a.example/"));
        assert_eq!(short, long);
        assert_eq!((short.as_str(), long.as_str()), ("https://a.example", "https://a.example/"));
        assert_eq!(short.other_spelling().as_deref(), Some(long.as_str()));
        assert_eq!(long.other_spelling().as_deref(), Some(short.as_str()));
        for only in ["urn:a", "https://a.example/b", "https://a.example?x"] {
            assert_eq!(uri(only).other_spelling(), None, "{only}");
        }
    }

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
