//! Who sends a request, as far as the network tells.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;

/// The address that a request comes from.
#[must_use]
pub fn peer_ip(request: &HttpRequest) -> IpAddr {
    request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip())
}
