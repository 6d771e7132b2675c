//! Imports run one way, from a higher floor to a lower one (`docs/inside/design.md`, "Source
//! tree"), and a library is used where it belongs.
//!
//! To add a part, add it to `FLOORS` and to the table of the design. Below all floors lies the
//! crate `mintery-verifier`, which cannot import the server.

use super::source::Source;

/// The floors, the highest first. Parts of one floor do not import each other, except on the ground
/// floor.
const FLOORS: &[&[&str]] = &[
    &["main"],
    &["cli"],
    &["doctor"],
    &["server"],
    &["http", "background"],
    &["oauth"],
    &["authn"],
    &["directory", "admin"],
    &["keys"],
    &["store"],
    &["model", "config", "clock", "json", "secret", "random", "network", "metrics", "logging"],
];

/// Libraries that belong to some places alone: files, or folders that end in a slash.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("sqlx", &["src/store/"]),
    (
        "actix_web",
        &[
            "src/http/",
            "src/server/",
            "src/main.rs",
            "src/cli/mod.rs",
            "crates/verifier/src/adapter/actix.rs",
        ],
    ),
    ("actix_http", &["src/http/"]),
    ("actix_service", &["src/http/"]),
    ("actix_server", &["src/http/", "src/server/"]),
    ("askama", &["src/http/pages/"]),
    ("ureq", &["src/cli/remote/http.rs", "crates/verifier/src/fetch/http.rs"]),
    ("clap", &["src/cli/"]),
    ("clap_complete", &["src/cli/"]),
];

/// The violations in the source file at `path`, whose imports stand on one line each.
fn violations(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let in_server = path.strip_prefix("src/").filter(|path| *path != "lib.rs");
    for (number, line) in text.lines().enumerate() {
        let line = line.split("//").next().unwrap();
        let mut wrong = |what: String| found.push(format!("{path}:{}: {what}", number + 1));
        if let Some(path) = in_server {
            let part = path.split(['/', '.']).next().unwrap();
            for other in parts_named(path, line).iter().filter(|other| !may_import(part, other)) {
                wrong(format!("{part} must not import {other}"));
            }
        }
        for (library, places) in LIBRARIES {
            let is_named = words(line, &format!("{library}::")).next().is_some();
            let is_at_home = places
                .iter()
                .any(|place| path == *place || (place.ends_with('/') && path.starts_with(place)));
            if is_named && !is_at_home {
                wrong(format!("{library} does not belong here"));
            }
        }
    }
    found
}

fn may_import(part: &str, other: &str) -> bool {
    if part == other {
        return true;
    }
    let floor = |name: &str| {
        let floor = FLOORS.iter().position(|parts| parts.contains(&name));
        floor.unwrap_or_else(|| {
            panic!("{name} stands on no floor: add it to FLOORS and to docs/inside/design.md")
        })
    };
    let (own, its) = (floor(part), floor(other));
    own < its || (own == its && own == FLOORS.len() - 1)
}

/// The parts of the crate that a line names: by `crate::`, by the name of the crate, or by enough
/// `super::`.
fn parts_named(path: &str, line: &str) -> Vec<String> {
    let mut named = Vec::new();
    let depth =
        path.trim_end_matches("mod.rs").split('/').filter(|segment| !segment.is_empty()).count();
    let up = "super::".repeat(depth);
    let prefixes = ["crate::", "mintery::", up.as_str()];
    for (number, prefix) in prefixes.iter().enumerate() {
        for rest in words(line, prefix) {
            let rest = rest.strip_prefix('{').unwrap_or(rest);
            // Of `use crate::{a, b::c}` each.
            let end = if line.contains(&format!("{prefix}{{")) {
                rest.len()
            } else {
                rest.find([',', ';']).unwrap_or(rest.len())
            };
            for item in split_top(&rest[..end]) {
                let name: String = item
                    .trim()
                    .chars()
                    .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                    .collect();
                let is_part = FLOORS.iter().any(|parts| parts.contains(&name.as_str()));
                let is_path = item.trim()[name.len()..].starts_with("::") || number == 0;
                // `super::` may reach a name that is no part of the crate; `crate::` may not.
                if is_part || (number == 0 && is_path && !name.is_empty()) {
                    named.push(name);
                }
            }
        }
    }
    named
}

/// The texts after each occurrence of `prefix` as a word in `line`.
fn words<'a>(line: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    line.match_indices(prefix).filter_map(move |(at, _)| {
        let before = line[..at].chars().next_back();
        let is_word = before.is_none_or(|c| !(c.is_alphanumeric() || c == '_' || c == '$'));
        (is_word && !line[..at].ends_with("super::")).then(|| &line[at + prefix.len()..])
    })
}

/// The items of a list, leaving alone what stands in braces inside.
fn split_top(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut items) = (0_i32, 0, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        if depth < 0 {
            items.push(&list[start..at]);
            return items;
        }
    }
    items.push(&list[start..]);
    items
}

#[test]
fn imports_run_downwards() {
    let mut found = Vec::new();
    let mut arrows = 0;
    for source in Source::below(&["src", "crates/verifier/src"]) {
        let text = join_imports(&source.text);
        let path = source.path.strip_prefix("src/").unwrap_or_default();
        arrows += text.lines().map(|line| parts_named(path, line).len()).sum::<usize>();
        found.extend(violations(&source.path, &text));
    }
    assert!(arrows > 500, "the checker sees only {arrows} imports");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Puts an import that is spread over lines on its first line, and empty lines where the others
/// were.
fn join_imports(text: &str) -> String {
    let (mut joined, mut open, mut swallowed) = (String::new(), false, 0);
    for line in text.lines() {
        let starts =
            line.trim_start().starts_with("use ") || line.trim_start().starts_with("pub use ");
        if open {
            joined.push_str(line.trim());
            swallowed += 1;
        } else {
            joined.push_str(line);
        }
        open = (open || starts) && !line.contains(';');
        if !open {
            joined.push_str(&"\n".repeat(swallowed + 1));
            swallowed = 0;
        }
    }
    joined
}

#[test]
fn a_forbidden_import_is_found() {
    for (path, text) in [
        ("src/model/client.rs", "use crate::store::Database;"),
        ("src/model/client.rs", "    let x = crate::keys::ring::Ring::load();"),
        ("src/keys/ring.rs", "use crate::authn::Context;"),
        ("src/authn/caller.rs", "use crate::oauth::token;"),
        ("src/network.rs", "use crate::store::Database;"),
        ("src/oauth/token.rs", "use crate::http::error;"),
        ("src/oauth/client_auth/secret.rs", "use super::super::super::server::Application;"),
        ("src/oauth/mod.rs", "use super::cli::main;"),
        ("src/directory/mod.rs", "use crate::admin::Admin;"),
        ("src/admin/mod.rs", "use crate::directory::Directory;"),
        ("src/keys/ring.rs", "use crate::{clock::Clock, oauth::token};"),
        ("src/keys/ring.rs", "use crate::{\n    clock::{Clock, Timestamp},\n    admin::Admin,\n};"),
        ("src/keys/ring.rs", "pub use crate::server;"),
        ("src/http/mod.rs", "fn f(x: &mintery::server::Application) {}"),
        ("src/config/table.rs", "use crate::store::Engine;"),
        ("src/clock.rs", "use super::http;"),
        ("src/directory/clients.rs", "use sqlx::AnyPool;"),
        ("src/oauth/token.rs", "use actix_web::HttpRequest;"),
        ("crates/verifier/src/token/verifier.rs", "fn f(r: &actix_web::HttpRequest) {}"),
        ("src/admin/mod.rs", "use clap::Args;"),
    ] {
        assert_eq!(violations(path, &join_imports(text)).len(), 1, "{path}: {text}");
    }
    for (path, text) in [
        ("src/main.rs", "mintery::cli::main()"),
        (
            "src/cli/mod.rs",
            "use crate::server::StartError;\nlet done = actix_web::rt::System::new();",
        ),
        ("src/http/mod.rs", "use crate::oauth::metadata::{RESOURCE_NAME, SERVER_NAME};"),
        (
            "src/oauth/token.rs",
            "use crate::authn::Context;\nuse crate::admin::client::create;\nuse super::grant::{self, Grant};",
        ),
        ("src/oauth/client_auth/secret.rs", "use super::super::error::OauthError;"),
        (
            "src/store/mod.rs",
            "use sqlx::AnyPool;\nuse crate::model::client::Client;\nuse crate::metrics::Metrics;",
        ),
        ("src/model/client.rs", "use crate::secret::base62;\nuse crate::random::{self, Random};"),
        ("src/model/client.rs", "// use crate::store::Database;\n//! See crate::http."),
        (
            "crates/verifier/src/adapter/actix.rs",
            "use actix_web::HttpRequest;\nuse crate::token::error;",
        ),
        ("src/clock.rs", "    use super::{Clock, ManualClock};"),
    ] {
        assert_eq!(violations(path, &join_imports(text)), Vec::<String>::new(), "{path}: {text}");
    }
}

#[test]
#[should_panic(expected = "stands on no floor")]
fn a_new_part_needs_a_floor() {
    violations("src/model/client.rs", "use crate::attic::Thing;");
}
