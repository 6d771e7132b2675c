//! The address of the caller. A proxy reports it in a header, but so can any client: the header
//! counts only if the proxy is trusted by the settings.

use std::net::{IpAddr, SocketAddr};

use actix_web::HttpRequest;
use actix_web::http::header::{FORWARDED, HeaderMap, X_FORWARDED_FOR};

use crate::model::address::AddressRanges;
use crate::oauth::Inbound;

/// The origin of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The address.
    pub address: IpAddr,
    /// `true` if all reports on the path were readable and agree. Otherwise the address is the last
    /// known one, that of a proxy: usable for the log and for limits, never to admit a caller who
    /// may have written the conflicting report.
    pub is_certain: bool,
}

/// The caller: the peer of the connection, unless that is a trusted proxy; then the last address on
/// the path that is not a trusted proxy. `None` if the connection has no address.
///
/// A peer that is not trusted and forwards a request is a proxy that the settings do not name, or
/// lies. The address is then not certain, and the log says so once.
#[must_use]
pub fn caller(request: &HttpRequest, inbound: &Inbound) -> Option<Caller> {
    let caller = caller_behind(request, &inbound.trusted_proxies)?;
    if !caller.is_certain && !is_from_proxy(request, &inbound.trusted_proxies) {
        inbound.unknown_proxy.call_once(|| {
            log::warn!(
                "a request from {} has X-Forwarded-For or Forwarded, and `trusted_proxies` does \
                 not name that address: API keys that are bound to addresses are rejected there, \
                 and limits count the address itself. Add it if it is a proxy of yours",
                caller.address
            );
        });
    }
    Some(caller)
}

fn caller_behind(request: &HttpRequest, trusted_proxies: &AddressRanges) -> Option<Caller> {
    let peer = request.peer_addr()?.ip().to_canonical();
    if !trusted_proxies.contains(peer) {
        let headers = request.headers();
        let forwards = headers.contains_key(X_FORWARDED_FOR) || headers.contains_key(FORWARDED);
        return Some(Caller { address: peer, is_certain: !forwards });
    }
    Some(forwarded_for(request.headers(), peer, trusted_proxies))
}

/// True if the other end of the connection is a trusted proxy.
#[must_use]
pub fn is_from_proxy(request: &HttpRequest, trusted_proxies: &AddressRanges) -> bool {
    request.peer_addr().is_some_and(|peer| trusted_proxies.contains(peer.ip()))
}

/// The address of [`caller`], certain or not.
#[must_use]
pub fn caller_address(request: &HttpRequest, inbound: &Inbound) -> Option<IpAddr> {
    caller(request, inbound).map(|caller| caller.address)
}

/// The caller behind the trusted proxy at `proxy`.
fn forwarded_for(headers: &HeaderMap, proxy: IpAddr, trusted: &AddressRanges) -> Caller {
    let listed = headers.contains_key(X_FORWARDED_FOR).then(|| {
        // The last proxy appends, so its report is the last address of the last header.
        let values = headers.get_all(X_FORWARDED_FOR).rev();
        let hops = values.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
        rightmost_untrusted(
            hops.filter(|hop| !hop.trim_ascii().is_empty()).map(address),
            proxy,
            trusted,
        )
    });
    let structured = headers.contains_key(FORWARDED).then(|| {
        let values = headers.get_all(FORWARDED).rev();
        let hops = values.flat_map(|value| elements(value.as_bytes()).into_iter().rev());
        rightmost_untrusted(hops, proxy, trusted)
    });
    match (listed, structured) {
        // A proxy writes one of the two headers, and forwards the other as its client wrote it.
        (Some(listed), Some(structured)) if listed != structured => {
            Caller { address: proxy, is_certain: false }
        }
        (Some(found), _) | (None, Some(found)) => found,
        // The proxy itself calls.
        (None, None) => Caller { address: proxy, is_certain: true },
    }
}

/// Follows the path back from the trusted proxy at `proxy` to the first address that is not
/// trusted. Stops at the last known address if a hop is unreadable.
fn rightmost_untrusted(
    hops: impl Iterator<Item = Option<IpAddr>>,
    proxy: IpAddr,
    trusted: &AddressRanges,
) -> Caller {
    let mut known = Caller { address: proxy, is_certain: false };
    for hop in hops {
        let Some(address) = hop else { return Caller { is_certain: false, ..known } };
        known = Caller { address, is_certain: true };
        if !trusted.contains(address) {
            break;
        }
    }
    known
}

/// An address, with or without a port; IPv6 in brackets where there is one.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim_ascii();
    let in_brackets = || {
        text.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok().filter(IpAddr::is_ipv6)
    };
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let address = text.parse().ok().or_else(in_brackets).or_else(with_port)?;
    Some(address.to_canonical())
}

/// The `for` of each element of `Forwarded` (RFC 7239 §4), in order; `None` for an element without
/// an address.
fn elements(value: &[u8]) -> Vec<Option<IpAddr>> {
    let mut found = Vec::new();
    for element in
        split_unquoted(value, b',').into_iter().filter(|element| !element.trim_ascii().is_empty())
    {
        let mut address_of = None;
        for pair in split_unquoted(element, b';') {
            let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
                Some(at) => {
                    (pair.get(..at).unwrap_or_default(), pair.get(at + 1..).unwrap_or_default())
                }
                None => continue,
            };
            if name.trim_ascii().eq_ignore_ascii_case(b"for") {
                let value = value.trim_ascii();
                let unquoted =
                    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
                // A repeated parameter is malformed (§4).
                address_of = if address_of.is_some() {
                    Some(None)
                } else {
                    Some(address(unquoted.unwrap_or(value)))
                };
            }
        }
        found.push(address_of.flatten());
    }
    found
}

/// The parts of `text` between unquoted separators. An unclosed quote includes the rest.
fn split_unquoted(text: &[u8], separator: u8) -> Vec<&[u8]> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(|byte| {
        let is_plain = !std::mem::take(&mut is_escaped);
        match byte {
            b'\\' if is_quoted && is_plain => is_escaped = true,
            b'"' if is_plain => is_quoted = !is_quoted,
            _ => {}
        }
        *byte == separator && !is_quoted
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    use super::{Caller, address, elements};
    use crate::model::address::AddressRanges;

    const PROXY: &str = "10.0.0.1";
    const UNSURE: &str = "10.0.0.1?";

    /// An uncertain address ends in a question mark.
    fn caller(peer: &str, headers: &[(&str, &str)]) -> String {
        let trusted = AddressRanges::parse("10.0.0.0/8, 2001:db8:1::/48").unwrap();
        let peer: IpAddr = peer.parse().unwrap();
        let mut request = TestRequest::get().peer_addr((peer, 4711).into());
        for (name, value) in headers {
            request = request.append_header((*name, *value));
        }
        let Caller { address, is_certain } =
            super::caller_behind(&request.to_http_request(), &trusted).unwrap();
        format!("{address}{}", if is_certain { "" } else { "?" })
    }

    /// SEC-1
    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let forwarded = [("x-forwarded-for", "198.51.100.7")];
        // A proxy that the settings do not name, or a liar.
        assert_eq!(caller("203.0.113.9", &forwarded), "203.0.113.9?");
        assert_eq!(caller("::ffff:203.0.113.9", &forwarded), "203.0.113.9?");
        assert_eq!(caller("203.0.113.9", &[("forwarded", "for=198.51.100.7")]), "203.0.113.9?");
        assert_eq!(caller("203.0.113.9", &[("x-forwarded-for", "")]), "203.0.113.9?");
        assert_eq!(caller("203.0.113.9", &[("x-real-ip", "198.51.100.7")]), "203.0.113.9");
        assert_eq!(caller(PROXY, &forwarded), "198.51.100.7");
        assert_eq!(caller("::ffff:10.0.0.1", &forwarded), "198.51.100.7");
        assert_eq!(caller("2001:db8:1::5", &[("forwarded", "for=198.51.100.7")]), "198.51.100.7");
        assert_eq!(caller(PROXY, &[]), PROXY);
    }

    /// SEC-1: addresses to the left of the first stranger are the stranger's claim.
    #[test]
    fn the_rightmost_address_that_is_not_trusted_counts() {
        for (header, expected) in [
            ("192.0.2.1, 198.51.100.7", "198.51.100.7"),
            ("192.0.2.1,198.51.100.7,10.0.0.3, 10.0.0.2", "198.51.100.7"),
            ("198.51.100.7:4711", "198.51.100.7"),
            ("2001:db8:2::7", "2001:db8:2::7"),
            ("[2001:db8:2::7]", "2001:db8:2::7"),
            ("[2001:db8:2::7]:4711", "2001:db8:2::7"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
            ("192.0.2.1, ::ffff:10.0.0.3", "192.0.2.1"),
            ("198.51.100.7, ,", "198.51.100.7"),
            // The last known address if one is unreadable.
            ("192.0.2.1, unknown", UNSURE),
            ("192.0.2.1, unknown, 10.0.0.3", "10.0.0.3?"),
            ("192.0.2.1 198.51.100.7", UNSURE),
            ("198.51.100.7:x", UNSURE),
            ("[198.51.100.7]", UNSURE),
            ("fe80::1%eth0", UNSURE),
            ("", UNSURE),
            // All addresses are trusted.
            ("10.0.0.9, 10.0.0.3", "10.0.0.9"),
        ] {
            assert_eq!(caller(PROXY, &[("x-forwarded-for", header)]), expected, "{header}");
        }
        let several =
            [("x-forwarded-for", "192.0.2.1, 198.51.100.7"), ("x-forwarded-for", "10.0.0.3")];
        assert_eq!(caller(PROXY, &several), "198.51.100.7");
    }

    /// SEC-1: RFC 7239.
    #[test]
    fn the_structured_header_is_read_too() {
        for (header, expected) in [
            ("for=192.0.2.1, for=198.51.100.7;proto=https;by=10.0.0.2", "198.51.100.7"),
            ("For=\"198.51.100.7:4711\"", "198.51.100.7"),
            ("for=\"[2001:db8:2::7]\"", "2001:db8:2::7"),
            ("proto=https; FOR=\"[2001:db8:2::7]:4711\"", "2001:db8:2::7"),
            ("for=198.51.100.7, for=10.0.0.3", "198.51.100.7"),
            ("host=\"a,b;for=192.0.2.9\";for=198.51.100.7", "198.51.100.7"),
            ("host=\"a\\\",for=192.0.2.9\";for=198.51.100.7", "198.51.100.7"),
            ("for=192.0.2.1, for=_hidden", UNSURE),
            ("for=192.0.2.1, for=unknown, for=10.0.0.3", "10.0.0.3?"),
            ("for=192.0.2.1, proto=https", UNSURE),
            ("for=192.0.2.1;for=198.51.100.7", UNSURE),
            ("host=\"never closed, for=192.0.2.1", UNSURE),
            ("192.0.2.1", UNSURE),
            ("", UNSURE),
        ] {
            assert_eq!(caller(PROXY, &[("forwarded", header)]), expected, "{header}");
        }
        let several = [("forwarded", "for=198.51.100.7"), ("forwarded", "for=10.0.0.3")];
        assert_eq!(caller(PROXY, &several), "198.51.100.7");
    }

    /// SEC-1: the proxy writes one of the two headers; a stranger may have written the other.
    #[test]
    fn two_headers_that_disagree_count_for_nothing() {
        let listed = ("x-forwarded-for", "198.51.100.7");
        assert_eq!(caller(PROXY, &[listed, ("forwarded", "for=192.0.2.1")]), UNSURE);
        assert_eq!(
            caller(PROXY, &[listed, ("forwarded", "for=198.51.100.7;proto=https")]),
            "198.51.100.7"
        );
    }

    proptest! {
        #[test]
        fn reading_never_panics(value in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = (elements(&value), address(&value));
        }

        #[test]
        fn reading_what_looks_right_never_panics(value in "(for=|\"|\\[|\\]|,|;|=|:|1|\\.|\\\\){0,20}") {
            let _ = (elements(value.as_bytes()), address(value.as_bytes()));
        }
    }
}
