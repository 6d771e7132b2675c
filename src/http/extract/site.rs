//! The site that a browser reports as the origin of a request. A browser sends the session cookie
//! for every page that causes a request, so a change must come from a page of this server.

use actix_web::HttpRequest;
use actix_web::http::header::{HOST, HeaderName, ORIGIN};

use crate::authn::error::AccessError;
use crate::model::host::AllowedHosts;
use crate::model::issuer::Issuer;
use crate::oauth::AuthorizationServer;

/// Sent by current browsers with each request to a confidential address; pages cannot change it
/// (Fetch Metadata).
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The origin of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// A page of this server.
    Own,
    /// A page of another site, or of an undisclosed one.
    Other,
    /// Not reported: the client is not a browser, or the user entered the address.
    Unsaid,
}

/// Checks that the host name of a request is one of this server: another one may be an attacker's
/// (DNS rebinding). A request without `Host` comes from no browser.
///
/// # Errors
/// [`AccessError::OtherHost`].
pub fn check_host(request: &HttpRequest, server: &AuthorizationServer) -> Result<(), AccessError> {
    if is_own_host(request, &server.inbound.hosts) { Ok(()) } else { Err(AccessError::OtherHost) }
}

fn is_own_host(request: &HttpRequest, hosts: &AllowedHosts) -> bool {
    single(request, &HOST).is_none_or(|host| hosts.allow(host))
}

/// The value of a header; empty if the header is repeated or no text.
fn single<'a>(request: &'a HttpRequest, name: &HeaderName) -> Option<&'a str> {
    let values = request.headers().get_all(name);
    let mut values = values.map(|value| value.to_str().unwrap_or_default());
    values.next().map(|first| if values.next().is_some() { "" } else { first })
}

/// The site of `request` at `server`.
#[must_use]
pub fn site(request: &HttpRequest, server: &AuthorizationServer) -> Site {
    site_at(request, &server.context.issuer, &server.inbound.hosts)
}

fn site_at(request: &HttpRequest, issuer: &Issuer, hosts: &AllowedHosts) -> Site {
    let single = |name: &HeaderName| single(request, name);
    if !is_own_host(request, hosts) {
        return Site::Other;
    }
    match single(&FETCH_SITE) {
        Some("same-origin") => return Site::Own,
        // Typed into the address bar, or opened from a bookmark.
        Some("none") | None => {}
        Some(_) => return Site::Other,
    }
    let Some(origin) = single(&ORIGIN) else { return Site::Unsaid };
    // By the name of the issuer, or by another name of this server, which `Host` then has too: a
    // page cannot choose either of the two.
    let (scheme, _) = issuer.as_str().split_once("://").unwrap_or_default();
    let is_host = || {
        let host = single(&HOST).filter(|host| !host.is_empty());
        let named = origin.split_once("://").filter(|(own, _)| *own == scheme);
        named.zip(host).is_some_and(|((_, name), host)| name == host)
    };
    if origin == issuer.origin() || is_host() { Site::Own } else { Site::Other }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::{Site, site_at};
    use crate::model::host::AllowedHosts;
    use crate::model::issuer::Issuer;

    fn from(issuer: &str, headers: &[(&str, &str)]) -> Site {
        let mut request = TestRequest::post();
        for (name, value) in headers {
            request = request.append_header((*name, *value));
        }
        let issuer = Issuer::parse(issuer).unwrap();
        let hosts = AllowedHosts::parse("auth.example.net").unwrap().with(&issuer, true);
        site_at(&request.to_http_request(), &issuer, &hosts)
    }

    /// SEC-7
    #[test]
    fn headers_of_the_browser_decide() {
        const HTTPS: &str = "https://auth.example.com/tenant";
        for (headers, expected) in [
            (&[][..], Site::Unsaid),
            (&[("sec-fetch-site", "none")], Site::Unsaid),
            (
                &[("sec-fetch-site", "same-origin"), ("origin", "https://auth.example.com")],
                Site::Own,
            ),
            (&[("origin", "https://auth.example.com")], Site::Own),
            (&[("origin", "https://auth.example.net"), ("host", "auth.example.net")], Site::Own),
            (&[("origin", "http://auth.example.com"), ("host", "auth.example.com")], Site::Other),
            (&[("origin", "https://evil.example"), ("host", "evil.example")], Site::Other),
            (&[("sec-fetch-site", "same-origin"), ("host", "evil.example")], Site::Other),
            (&[("host", "auth.example.com"), ("host", "evil.example")], Site::Other),
            (&[("origin", "https://auth.example.com:8443")], Site::Other),
            (&[("origin", "https://auth.example.com.evil.example")], Site::Other),
            (&[("origin", "https://evil.example"), ("host", "auth.example.com")], Site::Other),
            (&[("origin", "null")], Site::Other),
            (&[("origin", "")], Site::Other),
            (&[("origin", "https://"), ("host", "")], Site::Other),
            (
                &[("origin", "https://auth.example.com"), ("origin", "https://evil.example")],
                Site::Other,
            ),
            (
                &[("sec-fetch-site", "same-site"), ("origin", "https://auth.example.com")],
                Site::Other,
            ),
            (&[("sec-fetch-site", "cross-site")], Site::Other),
            (&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")], Site::Other),
        ] {
            assert_eq!(from(HTTPS, headers), expected, "{headers:?}");
        }
        let local = [("origin", "http://localhost:8080"), ("host", "localhost:8080")];
        assert_eq!(from("http://127.0.0.1:8080", &local), Site::Own);
    }
}
