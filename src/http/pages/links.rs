//! Paths of pages, below the path of the issuer.

use crate::model::api_key::ApiKeyId;
use crate::model::client::ClientId;
use crate::model::user::UserId;

/// Percent-encodes an id or an identifier as one part of a URL.
pub fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// The page of a client.
pub fn client_path(id: &ClientId) -> String {
    // Generated ids stay readable; imported ids may hold any character.
    let is_plain =
        id.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    let id = if is_plain { id.as_str().to_owned() } else { encoded(id.as_str()) };
    format!("/dashboard/clients/{id}")
}

/// The page of an API key.
pub fn key_path(id: &ApiKeyId) -> String {
    format!("/dashboard/keys/{id}")
}

/// The page of a user.
pub fn user_path(id: &UserId) -> String {
    format!("/dashboard/users/{id}")
}

/// The page of an API that is called `page`, such as `show`.
pub fn api_path(resource: &str, page: &str) -> String {
    format!("/dashboard/apis/{page}?resource={}", encoded(resource))
}

/// The page of a signing key.
pub fn signing_key_path(kid: &str) -> String {
    format!("/dashboard/signing-keys/{}", encoded(kid))
}

/// The login page that leads to `path` afterward.
pub fn login_path(path: &str) -> String {
    if path_after_login(path) == "/dashboard" {
        "/login".to_owned()
    } else {
        format!("/login?next={}", encoded(path))
    }
}

/// The page that follows a login: `text` if it is a path of the dashboard, the overview otherwise.
pub fn path_after_login(text: &str) -> &str {
    let is_page =
        text == "/dashboard" || text.starts_with("/dashboard/") || text.starts_with("/dashboard?");
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    // Browsers resolve `..`, encoded or not, and would leave the dashboard.
    let path = text.split('?').next().unwrap_or_default().to_ascii_lowercase().replace("%2e", ".");
    let stays = path.split('/').all(|part| !matches!(part, "." | ".."));
    if is_page && is_plain && stays && text.len() <= 2048 { text } else { "/dashboard" }
}

#[cfg(test)]
mod tests {
    use super::path_after_login;

    /// SEC-7
    #[test]
    fn a_login_leads_to_the_dashboard_alone() {
        for good in [
            "/dashboard",
            "/dashboard/keys",
            "/dashboard/keys?name=a%20b&state=unused",
            "/dashboard?range=7d",
            "/dashboard/clients/a%2Eb?x=/../",
        ] {
            assert_eq!(path_after_login(good), good);
        }
        for bad in [
            "",
            "/",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example/dashboard",
            "/dashboardx",
            "/dashboard/\\x",
            "/dashboard/\r\nset-cookie:a=b",
            "/dashboard/ x",
            "/dashboard/../oauth/authorize",
            "/dashboard/%2e%2E/%2e./other",
            "/dashboard/..",
            "/dashboard/..//evil.example",
            "javascript:alert(1)",
            "/login",
        ] {
            assert_eq!(path_after_login(bad), "/dashboard", "{bad}");
        }
    }
}
