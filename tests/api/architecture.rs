//! Imports run one way, from a higher floor to a lower one (DESIGN.md, "The tree"). Reads the
//! sources and fails on an arrow that runs back up, or on a library where it does not belong.

use std::fs;
use std::path::{Path, PathBuf};

/// The floors, the highest first. Parts of one floor do not know each other, but for those of the
/// ground floor.
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
    &["model", "config", "clock", "secret", "random", "metrics", "logging", "network"],
];

/// Libraries that belong to some places alone: files, or folders that end in a slash.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("sqlx", &["store/"]),
    ("actix_web", &["http/", "server/", "main.rs", "cli/mod.rs"]),
    ("actix_http", &["http/"]),
    ("actix_service", &["http/"]),
    ("actix_server", &["http/", "server/"]),
    ("askama", &["http/pages/"]),
    ("ureq", &["cli/remote/http.rs"]),
    ("clap", &["cli/"]),
    ("clap_complete", &["cli/"]),
];

/// What is wrong with `text`, the source file at `path` below `src`.
fn violations(path: &str, text: &str) -> Vec<String> {
    let part = path.split(['/', '.']).next().unwrap();
    if part == "lib" {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split("//").next().unwrap();
        let mut wrong = |what: String| found.push(format!("src/{path}:{}: {what}", number + 1));
        for other in parts_named(path, line) {
            if !may_know(part, &other) {
                wrong(format!("{part} must not know {other}"));
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

fn may_know(part: &str, other: &str) -> bool {
    if part == other {
        return true;
    }
    let floor = |name: &str| {
        let floor = FLOORS.iter().position(|parts| parts.contains(&name));
        floor.unwrap_or_else(|| {
            panic!("{name} stands on no floor: add it to FLOORS, and to DESIGN.md")
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

/// What follows `prefix` in `line`, wherever it stands as a word of its own.
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

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

#[test]
fn imports_run_downwards() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = sources(&root);
    assert!(files.len() > 40, "{files:?}");
    let mut found = Vec::new();
    let mut arrows = 0;
    for file in files {
        let path = file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        // An import over several lines is read as one.
        let text = join_imports(&text);
        arrows += text.lines().map(|line| parts_named(&path, line).len()).sum::<usize>();
        found.extend(violations(&path, &text));
    }
    assert!(arrows > 150, "the checker sees only {arrows} imports");
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
fn the_checker_finds_what_is_forbidden() {
    for (path, text) in [
        ("model/client.rs", "use crate::store::Database;"),
        ("model/client.rs", "    let x = crate::keys::ring::Ring::load();"),
        ("oauth/token.rs", "use crate::http::error;"),
        ("oauth/client_auth/secret.rs", "use super::super::super::server::Application;"),
        ("oauth/mod.rs", "use super::cli::main;"),
        ("directory/mod.rs", "use crate::admin::Admin;"),
        ("admin/mod.rs", "use crate::directory::Directory;"),
        ("keys/ring.rs", "use crate::{clock::Clock, oauth::token};"),
        ("keys/ring.rs", "use crate::{\n    clock::{Clock, Timestamp},\n    admin::Admin,\n};"),
        ("keys/ring.rs", "pub use crate::server;"),
        ("http/mod.rs", "fn f(x: &mintery::server::Application) {}"),
        ("config/table.rs", "use crate::store::Engine;"),
        ("clock.rs", "use super::http;"),
        ("directory/clients.rs", "use sqlx::AnyPool;"),
        ("oauth/token.rs", "use actix_web::HttpRequest;"),
        ("admin/mod.rs", "use clap::Args;"),
    ] {
        assert_eq!(violations(path, &join_imports(text)).len(), 1, "{path}: {text}");
    }
    for (path, text) in [
        ("main.rs", "mintery::cli::main()"),
        ("cli/mod.rs", "use crate::server::StartError;\nlet done = actix_web::rt::System::new();"),
        ("http/mod.rs", "use crate::oauth::metadata::{RESOURCE_NAME, SERVER_NAME};"),
        ("oauth/token.rs", "use crate::admin::client::create;\nuse super::grant::{self, Grant};"),
        ("oauth/client_auth/secret.rs", "use super::super::error::OauthError;"),
        (
            "store/mod.rs",
            "use sqlx::AnyPool;\nuse crate::model::client::Client;\nuse crate::metrics::Metrics;",
        ),
        ("model/client.rs", "use crate::secret::base62;\nuse crate::random::{self, Random};"),
        ("model/client.rs", "// use crate::store::Database;\n//! See crate::http."),
        ("clock.rs", "    use super::{Clock, ManualClock};"),
    ] {
        assert_eq!(violations(path, &join_imports(text)), Vec::<String>::new(), "{path}: {text}");
    }
}

#[test]
#[should_panic(expected = "stands on no floor")]
fn a_new_part_needs_a_floor() {
    violations("model/client.rs", "use crate::attic::Thing;");
}
