//! Web addresses of the issuer and its documents.

use std::net::{IpAddr, Ipv6Addr};

/// The parts of an http or https URL without user, query and fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address<'a> {
    /// Scheme, host and port.
    pub origin: &'a str,
    /// The rest, without a slash at the end; empty for most issuers.
    pub path: &'a str,
    is_https: bool,
    is_loopback: bool,
}

impl<'a> Address<'a> {
    /// Parses a URL; nothing if it is of another kind.
    pub fn parse(url: &'a str) -> Option<Self> {
        let is_https = url.starts_with("https://");
        let rest = url.strip_prefix(if is_https { "https://" } else { "http://" })?;
        if !rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"@?#\\\"<>^`{|}".contains(&byte)) {
            return None;
        }
        let authority = rest.split('/').next().filter(|authority| !authority.is_empty())?;
        let (origin, path) = url.split_at(url.len() - rest.len() + authority.len());
        let host = host(authority)?;
        Some(Self {
            origin,
            path: path.trim_end_matches('/'),
            is_https,
            is_loopback: is_loopback(host),
        })
    }

    /// Returns true if answers cannot be changed on the way: https, or this machine.
    pub const fn is_authentic(&self) -> bool {
        self.is_https || self.is_loopback
    }

    /// Returns true for plain http.
    pub const fn is_plain(&self) -> bool {
        !self.is_https
    }
}

/// Parses the address of a document, which unlike an issuer may have a query.
pub fn may_fetch(url: &str) -> Option<Address<'_>> {
    Address::parse(url.split_once('?').map_or(url, |(address, _)| address))
        .filter(|_| url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'))
}

/// The host of `host`, `host:port`, `[::1]` or `[::1]:port`.
fn host(authority: &str) -> Option<&str> {
    let (host, port) = match authority.rfind(']') {
        Some(end) => authority.split_at(end + 1),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port_is_number = match port.strip_prefix(':') {
        Some(port) => port.parse::<u16>().is_ok(),
        None => port.is_empty(),
    };
    (!host.is_empty() && port_is_number).then_some(host)
}

fn is_loopback(host: &str) -> bool {
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let address = match bracketed {
        Some(host) => host.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse().ok(),
    };
    let name = host.to_ascii_lowercase();
    address.is_some_and(|address| address.is_loopback())
        || name == "localhost"
        || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn a_url_in_its_parts() {
        let plain = Address::parse("https://auth.example.com").unwrap();
        assert_eq!((plain.origin, plain.path), ("https://auth.example.com", ""));
        let tenant = Address::parse("https://example.com:8443/tenant/").unwrap();
        assert_eq!((tenant.origin, tenant.path), ("https://example.com:8443", "/tenant"));
        for bad in [
            "",
            "https://",
            "https:///a",
            "ftp://a",
            "HTTPS://a",
            "auth.example.com",
            "https://u@a",
            "https://a?b",
            "https://a#b",
            "https://a b",
            "https://a\n",
            "https://a\\b",
            "https://é",
            "https://a:x",
            "https://:1",
            "https://a:99999",
        ] {
            assert_eq!(Address::parse(bad), None, "{bad}");
        }
    }

    /// SEC-2
    #[test]
    fn plain_http_is_for_this_machine() {
        for good in [
            "https://a",
            "http://127.0.0.1:8080/x",
            "http://127.9.9.9",
            "http://[::1]:1",
            "http://localhost:9000",
            "http://auth.localhost",
        ] {
            assert!(Address::parse(good).unwrap().is_authentic(), "{good}");
        }
        for bad in [
            "http://a",
            "http://128.0.0.1",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://[::2]",
            "http://10.0.0.1",
            "http://169.254.169.254",
            "http://2130706433",
            "http://0x7f.1",
        ] {
            assert!(!Address::parse(bad).unwrap().is_authentic(), "{bad}");
        }
    }
}
