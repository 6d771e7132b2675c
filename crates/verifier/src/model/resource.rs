//! Identifiers of APIs (RFC 8707), as far as two spellings of one are the same.

/// The part of an identifier that is compared: of an http or https URI without path, the slash at
/// the end has no meaning (RFC 3986 §6.2.3). Many programs add it, because their URL type does.
#[must_use]
pub fn comparable(identifier: &str) -> &str {
    let rest = ["https://", "http://"].iter().find_map(|scheme| identifier.strip_prefix(scheme));
    let authority = rest.and_then(|rest| rest.strip_suffix('/'));
    match authority {
        Some(authority) if !authority.is_empty() && !authority.contains(['/', '?', '#']) => {
            identifier.strip_suffix('/').unwrap_or(identifier)
        }
        _ => identifier,
    }
}

/// Returns true if two identifiers name the same API.
#[must_use]
pub fn is_same(one: &str, other: &str) -> bool {
    one == other || comparable(one) == comparable(other)
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn an_empty_path_is_a_slash() {
        for (one, other) in [
            ("https://a.example", "https://a.example/"),
            ("http://a.example:80/", "http://a.example:80"),
            ("https://[::1]", "https://[::1]/"),
        ] {
            assert!(is_same(one, other) && is_same(other, one) && is_same(one, one), "{one}");
        }
        for (one, other) in [
            ("https://a.example", "https://a.example//"),
            ("https://a.example/b", "https://a.example/b/"),
            ("https://a.example?x", "https://a.example?x/"),
            ("https://a.example", "http://a.example/"),
            ("https://a.example", "https://A.example/"),
            ("urn:a", "urn:a/"),
            ("https:///", "https://"),
        ] {
            assert!(!is_same(one, other), "{one} {other}");
        }
    }
}
