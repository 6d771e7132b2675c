//! Host names by which browsers reach the pages of this server. A page of an attacker can give a
//! name of its own the address of this server (DNS rebinding), and its browser then takes the two
//! for one site: only the name in `Host` tells them apart.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::Host;

use super::issuer::Issuer;

/// The names that are accepted, in lower case and without a port. Addresses are always accepted: no
/// name can be rebound to one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllowedHosts {
    names: Vec<Box<str>>,
    loopback: bool,
}

/// An invalid list of host names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no host name; they look like auth.example.com, without scheme, port and path. Addresses are always accepted"
)]
pub struct InvalidHost(String);

impl AllowedHosts {
    /// Parses names separated by commas; the empty text has no names.
    ///
    /// # Errors
    /// If one is not a host name.
    pub fn parse(text: &str) -> Result<Self, InvalidHost> {
        let names = text.split(',').map(str::trim).filter(|one| !one.is_empty());
        let name = |text: &str| match Host::parse(text) {
            Ok(Host::Domain(name)) if !text.contains('*') => Ok(without_dot(&name).into()),
            _ => Err(InvalidHost(text.to_owned())),
        };
        Ok(Self { names: names.map(name).collect::<Result<_, _>>()?, loopback: false })
    }

    /// Adds the host of `issuer`, and the names of the loopback address if `loopback` is true.
    #[must_use]
    pub fn with(mut self, issuer: &Issuer, loopback: bool) -> Self {
        self.names.extend(issuer.host_name().map(|name| without_dot(&name).into()));
        Self { loopback, ..self }
    }

    /// The configured names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(AsRef::as_ref)
    }

    /// True if a request with this `Host` (RFC 9110 §7.2) is meant for this server.
    #[must_use]
    pub fn allow(&self, header: &str) -> bool {
        if let Some(rest) = header.strip_prefix('[') {
            let address = rest.split_once(']').filter(|(_, rest)| is_port(rest));
            return address.is_some_and(|(address, _)| address.parse::<Ipv6Addr>().is_ok());
        }
        let (name, port) = header.split_at(header.find(':').unwrap_or(header.len()));
        if !is_port(port) {
            return false;
        }
        let name = without_dot(name);
        name.parse::<Ipv4Addr>().is_ok()
            || self.iter().any(|own| own.eq_ignore_ascii_case(name))
            || (self.loopback && is_loopback(name))
    }
}

/// True for the rest of a `Host` after the name: nothing, or a port.
fn is_port(rest: &str) -> bool {
    rest.is_empty()
        || rest.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A name without the dot of the DNS root.
fn without_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// True for the names that browsers resolve to the loopback address themselves (RFC 6761 §6.3).
fn is_loopback(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::AllowedHosts;
    use crate::model::issuer::Issuer;

    /// SEC-7
    #[test]
    fn loopback_names_count_where_they_are_asked_for() {
        let issuer = Issuer::parse("http://127.0.0.1:8080").unwrap();
        let (dev, usual) = (
            AllowedHosts::default().with(&issuer, true),
            AllowedHosts::default().with(&issuer, false),
        );
        for host in ["localhost", "localhost:8080", "LOCALHOST.", "app.localhost:3000"] {
            assert!(dev.allow(host) && !usual.allow(host), "{host}");
        }
        for host in ["127.0.0.1:8080", "[::1]", "[::1]:8080"] {
            assert!(dev.allow(host) && usual.allow(host), "{host}");
        }
        for host in [
            "",
            ":8080",
            "xlocalhost",
            "localhost.rebound.example",
            "localhost:x",
            "[::1",
            "[::1]x",
            "::1",
        ] {
            assert!(!dev.allow(host), "{host}");
        }
    }

    #[test]
    fn a_list_has_names_alone() {
        let hosts = AllowedHosts::parse(" a.example, B.example. ,bücher.example,").unwrap();
        assert_eq!(
            hosts.iter().collect::<Vec<_>>(),
            ["a.example", "b.example", "xn--bcher-kva.example"]
        );
        for bad in
            ["https://a.example", "a.example:80", "a.example/x", "*.example", "127.0.0.1", "a b"]
        {
            assert!(AllowedHosts::parse(bad).is_err(), "{bad}");
        }
    }
}
