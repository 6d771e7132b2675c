//! The access token of a request (RFC 6750 §2).

/// The reason why a request has no token to verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub enum PresentError {
    /// No credential, or one of another scheme. The challenge has no error code (RFC 6750 §3.1).
    Missing,
    /// Two headers, of which another program on the way may read the other one.
    Twice,
    /// A token in the URI, which proxies and servers log.
    InQuery,
    /// The bytes after `Bearer` are not UTF-8.
    NoText,
}

impl PresentError {
    /// The text for the caller.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Missing => "Send an access token as Authorization: Bearer",
            Self::Twice => "The Authorization header is given twice",
            Self::InQuery => "Access tokens are not accepted in the URI",
            Self::NoText => "The access token is not text",
        }
    }
}

/// Finds the access token in the values of all `Authorization` headers and the query (without `?`)
/// of a request. An empty header is ignored.
///
/// # Errors
/// Fails if the request has no token, or more than one.
pub fn bearer_token<'a>(
    authorization: impl IntoIterator<Item = &'a [u8]>,
    query: &str,
) -> Result<&'a str, PresentError> {
    if !query.is_empty() && query.split('&').any(names_token) {
        return Err(PresentError::InQuery);
    }
    // Gateways that remove a credential leave an empty header.
    let mut headers = authorization.into_iter().filter(|header| !header.trim_ascii().is_empty());
    let header = headers.next().ok_or(PresentError::Missing)?;
    if headers.next().is_some() {
        return Err(PresentError::Twice);
    }
    let header = header.trim_ascii();
    let (scheme, token) =
        header.split_at(header.iter().position(|byte| *byte == b' ').unwrap_or(header.len()));
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Err(PresentError::Missing);
    }
    std::str::from_utf8(token.trim_ascii()).map_err(|_| PresentError::NoText)
}

/// Returns true for a parameter named `access_token`, in any percent-encoding.
fn names_token(parameter: &str) -> bool {
    let name = parameter.split('=').next().unwrap_or_default();
    let mut encoded = name.bytes();
    let decoded = std::iter::from_fn(|| match encoded.next()? {
        b'%' => {
            let mut digit = || char::from(encoded.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            u8::try_from(high * 16 + low).ok()
        }
        byte => Some(byte),
    });
    decoded.eq(*b"access_token")
}

#[cfg(test)]
mod tests {
    use super::{PresentError, bearer_token};

    fn one(header: &[u8]) -> Result<&str, PresentError> {
        bearer_token([header], "")
    }

    /// 6750-6
    #[test]
    fn the_scheme_is_read_in_any_case() {
        for header in ["Bearer abc", "bearer abc", "BEARER   abc ", " bEaReR abc"] {
            assert_eq!(one(header.as_bytes()), Ok("abc"), "{header:?}");
        }
        for nothing in ["Bearer", "Bearer "] {
            assert_eq!(one(nothing.as_bytes()), Ok(""), "{nothing:?}");
        }
        assert_eq!(one(b"Bearer \xff"), Err(PresentError::NoText));
    }

    /// 6750-1
    #[test]
    fn another_scheme_is_ignored() {
        for header in
            ["", "Basic Og==", "abc", "Bearerabc", "Bearer\tabc", "DPoP abc", "Token Bearer abc"]
        {
            assert_eq!(one(header.as_bytes()), Err(PresentError::Missing), "{header:?}");
        }
        assert_eq!(bearer_token([], ""), Err(PresentError::Missing));
    }

    /// 6750-2
    #[test]
    fn two_are_too_many() {
        let two: [&[u8]; 2] = [b"Bearer abc", b"Bearer abc"];
        assert_eq!(bearer_token(two, ""), Err(PresentError::Twice));
        let one: [&[u8]; 3] = [b"", b"Bearer abc", b" "];
        assert_eq!(bearer_token(one, ""), Ok("abc"));
        let two: [&[u8]; 2] = [b"Bearer abc", b"Basic Og=="];
        assert_eq!(bearer_token(two, ""), Err(PresentError::Twice));
    }

    /// 6750-5
    #[test]
    fn a_token_in_the_query_is_refused() {
        for query in [
            "access_token=abc",
            "a=b&access_token",
            "access%5ftoken=x",
            "%61ccess_token=",
            "access_token",
        ] {
            assert_eq!(
                bearer_token([b"Bearer abc".as_slice()], query),
                Err(PresentError::InQuery),
                "{query}"
            );
            assert_eq!(bearer_token([], query), Err(PresentError::InQuery), "{query}");
        }
        for query in [
            "",
            "a=access_token",
            "access_tokens=1",
            "xaccess_token=1",
            "access_toke=n",
            "access_token%3d",
            "%",
        ] {
            assert_eq!(bearer_token([b"Bearer abc".as_slice()], query), Ok("abc"), "{query}");
        }
    }
}
