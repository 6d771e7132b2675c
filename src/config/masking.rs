//! Masks secrets in text that is shown.

use percent_encoding::percent_decode_str;

/// The replacement of a secret.
pub const MASK: &str = "…";

/// Masks the password in a database URL. Of malformed text, which may hold a password anywhere,
/// only the scheme is left.
#[must_use]
pub fn url(text: &str) -> String {
    // A path has no password.
    if text.starts_with("sqlite:") {
        return text.to_owned();
    }
    let Some((scheme, rest)) = text.split_once("://").filter(|(scheme, _)| is_scheme(scheme))
    else {
        return MASK.to_owned();
    };
    let (authority, after) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    // A password that should have escaped one of these characters.
    if after.contains('@') || url::Url::parse(text).is_err() {
        return format!("{scheme}://{MASK}");
    }
    let authority =
        match authority.rsplit_once('@').map(|(user, host)| (user.split_once(':'), host)) {
            Some((Some((user, _)), host)) => format!("{user}:{MASK}@{host}"),
            _ => authority.to_owned(),
        };
    let (path, query) =
        after.split_once('?').map_or((after, None), |(path, query)| (path, Some(query)));
    let query = query.map(|query| query.split('&').map(parameter).collect::<Vec<_>>().join("&"));
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    format!("{scheme}://{authority}{path}{query}")
}

fn is_scheme(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// Masks a query parameter that is a password or a key.
fn parameter(parameter: &str) -> String {
    let Some((name, value)) = parameter.split_once('=') else { return parameter.to_owned() };
    let decoded = percent_decode_str(name).decode_utf8_lossy().to_ascii_lowercase();
    let is_secret = ["pass", "pwd", "secret"].iter().any(|part| decoded.contains(part))
        || value.contains("BEGIN");
    if is_secret { format!("{name}={MASK}") } else { parameter.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::url;

    /// SEC-5
    #[test]
    fn a_password_is_masked_and_nothing_else() {
        for (text, masked) in [
            ("sqlite://data/mintery.db", "sqlite://data/mintery.db"),
            ("sqlite:///var/a@b/x.db?mode=ro", "sqlite:///var/a@b/x.db?mode=ro"),
            ("postgres://db/mintery", "postgres://db/mintery"),
            (
                "postgres://mintery@db:5433/mintery?sslmode=require",
                "postgres://mintery@db:5433/mintery?sslmode=require",
            ),
            ("postgres://mintery:hunter2@db/mintery", "postgres://mintery:…@db/mintery"),
            (
                "postgresql://mintery:hunt:er@2@[::1]:5432/m?a=b",
                "postgresql://mintery:…@[::1]:5432/m?a=b",
            ),
            ("postgres://:hunter2@db", "postgres://:…@db"),
            (
                "postgres:///m?host=/run&user=me&password=hunter2&a=b",
                "postgres:///m?host=/run&user=me&password=…&a=b",
            ),
            ("postgres://db/m?p%61ssword=hunter2", "postgres://db/m?p%61ssword=…"),
            ("postgres://db/m?sslkey=/k.pem", "postgres://db/m?sslkey=/k.pem"),
            ("postgres://db/m?sslkey=-----BEGIN%20KEY-----hunter2", "postgres://db/m?sslkey=…"),
            ("mysql://u:hunter2@db/m", "mysql://u:…@db/m"),
        ] {
            assert_eq!(url(text), masked, "{text}");
        }
    }

    /// SEC-5
    #[test]
    fn where_a_password_may_be_anywhere_nothing_is_shown() {
        for text in [
            "host=db user=mintery password=hunter2",
            "hunter2",
            "postgres:mintery:hunter2@db/m",
            "postgres://u:hunter2/x@db/m",
            "postgres://u:12/hunter2@db/m",
            "postgres://u:12#hunter2@db/m",
            "postgres://u:12?hunter2@db/m",
            "postgres://u:hunter2#x@db/m",
            "u:hunter2@postgres://db",
        ] {
            assert!(!url(text).contains("hunter2"), "{}", url(text));
        }
    }
}
