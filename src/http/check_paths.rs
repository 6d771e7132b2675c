//! The paths below checks of callers, where the path and the query are those of another API's
//! caller.

use crate::model::base_path::BasePath;

/// Readers of the answer to a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tells {
    /// A proxy, which reads headers.
    Proxy,
    /// A program, which reads the body: the caller as in `users/me`.
    Program,
}

/// The paths of checks, with a slash at the end.
#[derive(Debug)]
pub struct CheckPaths(Vec<(String, Tells)>);

impl CheckPaths {
    /// The paths at an issuer with this path, also those below the base paths.
    #[must_use]
    pub fn new(issuer_path: &str, base_paths: &[BasePath]) -> Self {
        let mut paths = Vec::new();
        for root in roots(issuer_path) {
            paths.push((format!("{root}/auth/check/"), Tells::Proxy));
            paths.push((format!("{root}/api/v1/auth/check/"), Tells::Proxy));
            let others = base_paths.iter().map(|base| format!("{root}{base}/auth/check/"));
            paths.extend(others.map(|path| (path, Tells::Program)));
        }
        Self(paths)
    }

    /// The form of the answer at `path`; `None` if it is not below a check.
    #[must_use]
    pub fn have_below(&self, path: &str) -> Option<Tells> {
        let found = self.0.iter().find(|(check, _)| path.starts_with(check.as_str()));
        found.map(|(_, tells)| *tells)
    }
}

/// The beginnings of all paths: none, and the path of the issuer.
pub fn roots(issuer_path: &str) -> impl Iterator<Item = &str> {
    std::iter::once("").chain(Some(issuer_path).filter(|path| !path.is_empty()))
}
