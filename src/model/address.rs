//! Ranges of network addresses.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

/// Ranges of addresses in CIDR notation, such as `10.0.0.0/8, 2001:db8::1`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddressRanges(Vec<IpNet>);

/// An invalid list of ranges.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRange {
    /// Not a range.
    #[error("`{0}` is not an IP address or range; examples: 10.0.0.0/8, 192.0.2.7, 2001:db8::/32")]
    Malformed(String),
    /// Bits are set beyond the prefix, so the meaning is ambiguous.
    #[error("`{0}` is an address within a range; the range is {1}")]
    HostBits(String, IpNet),
    /// The range contains every address.
    #[error("`{0}` contains every address; leave the ranges out instead")]
    Everybody(String),
    /// An IPv4 range in IPv6 notation.
    #[error("`{0}` is an IPv4 range; use IPv4 notation")]
    Mapped(String),
}

impl AddressRanges {
    /// Parses ranges separated by commas. A single address is a range of one; the empty text has no
    /// ranges.
    ///
    /// # Errors
    /// If a range is malformed, ambiguous, or contains every address.
    pub fn parse(text: &str) -> Result<Self, InvalidRange> {
        text.split(',')
            .map(str::trim)
            .filter(|one| !one.is_empty())
            .map(range)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// `true` if there are no ranges.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `true` if a range contains `address`. IPv4 addresses match in both notations.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|range| range.contains(&address))
    }

    /// `true` if `others` contain all addresses of these ranges. No ranges stand for every address.
    /// Adjacent ranges of `others` are not merged.
    #[must_use]
    pub fn are_within(&self, others: &Self) -> bool {
        let is_within = |range: &IpNet| others.iter().any(|other| other.contains(range));
        others.is_empty() || (!self.is_empty() && self.0.iter().all(is_within))
    }

    /// The ranges.
    pub fn iter(&self) -> impl Iterator<Item = &IpNet> {
        self.0.iter()
    }
}

impl fmt::Display for AddressRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(IpNet::to_string).collect::<Vec<_>>().join(","))
    }
}

fn range(text: &str) -> Result<IpNet, InvalidRange> {
    let address = || text.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
    let range = text.parse::<IpNet>().or_else(|_| address());
    let range = range.map_err(|_| InvalidRange::Malformed(text.to_owned()))?;
    if range.prefix_len() == 0 {
        return Err(InvalidRange::Everybody(text.to_owned()));
    }
    if range.trunc() != range {
        return Err(InvalidRange::HostBits(text.to_owned(), range.trunc()));
    }
    if range.addr().to_canonical() != range.addr() {
        return Err(InvalidRange::Mapped(text.to_owned()));
    }
    Ok(range)
}

#[cfg(test)]
mod tests {
    use super::{AddressRanges, InvalidRange};

    #[test]
    fn ranges_hold_their_addresses() {
        let ranges = AddressRanges::parse(" 10.0.0.0/8,192.0.2.7 , 2001:db8::/32,").unwrap();
        for inside in ["10.1.2.3", "::ffff:10.1.2.3", "192.0.2.7", "2001:db8::1"] {
            assert!(ranges.contains(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["11.0.0.0", "192.0.2.8", "2001:db9::1", "::10.1.2.3"] {
            assert!(!ranges.contains(outside.parse().unwrap()), "{outside}");
        }
        assert_eq!(ranges.to_string(), "10.0.0.0/8,192.0.2.7/32,2001:db8::/32");
        assert!(AddressRanges::parse("").unwrap().is_empty());
        assert_eq!(AddressRanges::parse("::ffff:10.1.2.3").unwrap().to_string(), "10.1.2.3/32");
    }

    #[test]
    fn ranges_are_within_others() {
        let ranges = |text| AddressRanges::parse(text).unwrap();
        let some = ranges("10.0.0.0/8,2001:db8::/32");
        for within in ["10.0.0.0/8", "10.1.0.0/16,10.2.3.4", "2001:db8::1,10.0.0.0/9"] {
            assert!(ranges(within).are_within(&some), "{within}");
            assert!(ranges(within).are_within(&ranges("")), "{within}");
        }
        for beyond in
            ["", "11.0.0.0/8", "8.0.0.0/5", "10.1.2.3,192.0.2.1", "2001:db8::/31", "2001:db9::1"]
        {
            assert!(!ranges(beyond).are_within(&some), "{beyond}");
        }
        assert!(ranges("").are_within(&ranges("")));
    }

    #[test]
    fn an_ambiguous_range_is_rejected() {
        for bad in [
            "proxy",
            "10.0.0.0/33",
            "10.0.0",
            "10.0.0.0/",
            "10.0.0.0-10.0.0.9",
            "2001:db8::/129",
            "fe80::1%eth0",
        ] {
            assert_eq!(
                AddressRanges::parse(bad),
                Err(InvalidRange::Malformed(bad.to_owned())),
                "{bad}"
            );
        }
        let error = AddressRanges::parse("10.1.2.3/8").unwrap_err().to_string();
        assert!(error.contains("10.0.0.0/8"), "{error}");
        for everybody in ["0.0.0.0/0", "::/0"] {
            assert!(matches!(AddressRanges::parse(everybody), Err(InvalidRange::Everybody(_))));
        }
        assert!(matches!(
            AddressRanges::parse("::ffff:10.0.0.0/104"),
            Err(InvalidRange::Mapped(_))
        ));
    }
}
