//! Additional base paths of the API, for programs written for another server.

use std::fmt;

/// A path such as `/v4`: one or more segments of letters, digits, `-`, `.`, `_` and `~`, without a
/// slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasePath(Box<str>);

/// An invalid path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBasePath {
    /// Not a path.
    #[error(
        "`{0}` is not a path such as /v4: use segments of letters, digits, - . _ and ~, without a slash at the end"
    )]
    Malformed(String),
    /// Another endpoint has this path.
    #[error("`{0}` is already in use")]
    Taken(String),
}

/// The maximum number of paths.
const MOST: usize = 16;

impl BasePath {
    /// Parses paths separated by commas; the empty text has none.
    ///
    /// # Errors
    /// If one is invalid or in use, or there are too many.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, InvalidBasePath> {
        let mut paths: Vec<Self> = Vec::new();
        for path in text.split(',').map(str::trim).filter(|one| !one.is_empty()) {
            let path = Self::parse(path)?;
            if paths.contains(&path) || paths.len() >= MOST {
                return Err(InvalidBasePath::Taken(path.to_string()));
            }
            paths.push(path);
        }
        Ok(paths)
    }

    fn parse(text: &str) -> Result<Self, InvalidBasePath> {
        /// The paths of Mintery's own endpoints.
        const TAKEN: [&str; 12] = [
            "/api/v1",
            "/oauth",
            "/auth",
            "/.well-known",
            "/login",
            "/logout",
            "/dashboard",
            "/docs",
            "/healthz",
            "/readyz",
            "/metrics",
            "/openapi.json",
        ];
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let is_segment =
            |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(is_plain);
        let is_path = text.len() <= 100
            && text.strip_prefix('/').is_some_and(|segments| segments.split('/').all(is_segment));
        if !is_path {
            return Err(InvalidBasePath::Malformed(text.to_owned()));
        }
        let is_below = |taken: &str| {
            text.strip_prefix(taken).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if TAKEN.into_iter().any(is_below) {
            return Err(InvalidBasePath::Taken(text.to_owned()));
        }
        Ok(Self(text.into()))
    }

    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::BasePath;

    #[test]
    fn a_base_path_is_a_plain_path() {
        let paths = BasePath::parse_list("/v4, /api/v4,").unwrap();
        assert_eq!(paths.iter().map(BasePath::as_str).collect::<Vec<_>>(), ["/v4", "/api/v4"]);
        assert!(BasePath::parse_list("").unwrap().is_empty());
        for bad in [
            "v4",
            "/",
            "/v4/",
            "//v4",
            "/v4//x",
            "/v 4",
            "/{id}",
            "/v4/..",
            "/ü",
            "/api/v1",
            "/api/v1/x",
            "/oauth",
            "/v4,/v4",
            "/auth",
        ] {
            assert!(BasePath::parse_list(bad).is_err(), "{bad}");
        }
    }
}
