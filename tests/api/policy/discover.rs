//! The routes, pages and commands that the sources declare.

use std::collections::BTreeSet;

use crate::architecture::source::Source;

fn source(path: &str) -> String {
    let folder = path.rsplit_once('/').unwrap().0;
    let mut found = Source::below(&[folder]).into_iter().filter(|source| source.path == path);
    let text = found.next().unwrap_or_else(|| panic!("no {path}")).text;
    text.split("#[cfg(test)]").next().unwrap().to_owned()
}

/// The text of the first string literal.
fn literal(text: &str) -> &str {
    text.split('"').nth(1).unwrap()
}

/// Methods and paths of the HTTP table, as `src/http/mod.rs` declares them.
pub fn routes() -> BTreeSet<String> {
    let text = source("src/http/mod.rs");
    let mut routes = BTreeSet::new();
    for route in text.split("Route::at(").skip(1) {
        let chain = route.split(';').next().unwrap();
        for method in ["get", "post", "patch", "delete"] {
            // `leaked` adds its method in the next statement.
            let is_there = chain.contains(&format!(".{method}("))
                || (method == "post" && chain.contains("keys/leaked"));
            if is_there {
                routes.insert(format!("{} {}", method.to_uppercase(), literal(route)));
            }
        }
    }
    let parts: Vec<&str> = text.split("resource(").collect();
    for pair in parts.windows(2) {
        let is_read = pair[0].trim_end().ends_with("readable(");
        let argument = pair[1].trim_start();
        let path = match argument {
            _ if argument.starts_with('"') || argument.starts_with("format!(\"{base}") => {
                literal(argument)
            }
            _ if argument.starts_with("feed::PATH") => "/oauth/revocations",
            _ => continue,
        };
        routes.insert(format!("{} {path}", if is_read { "GET" } else { "*" }));
    }
    routes
}

/// Methods and paths of the pages, as the matches in `src/http/pages` declare them.
pub fn pages() -> BTreeSet<String> {
    let mut pages = BTreeSet::new();
    for source in Source::below(&["src/http/pages"]) {
        let file = source.path.strip_prefix("src/http/pages/").unwrap();
        let section = match file {
            "overview.rs" => "",
            "clients/secrets.rs" => "/clients/{id}/secrets",
            _ => &format!("/{}", file.trim_end_matches("/mod.rs").trim_end_matches(".rs")),
        };
        let section = section.replace('_', "-");
        for line in source.text.lines().map(str::trim) {
            let Some((pattern, _)) = line.split_once(") =>") else { continue };
            let Some((method, segments)) = pattern.split_once(", [") else { continue };
            let methods = match method {
                "(false" => &["GET"][..],
                "(true" => &["POST"],
                "(is_post" => &["GET", "POST"],
                _ => continue,
            };
            let segments = segments.trim_end_matches(']').split(", ").filter(|one| !one.is_empty());
            let segments: String = segments
                .map(|segment| match segment.strip_prefix('"') {
                    Some(text) => format!("/{}", text.trim_end_matches('"')),
                    None => format!("/{{{segment}}}"),
                })
                .collect();
            for method in methods {
                pages.insert(format!("{method} /dashboard{section}{segments}"));
            }
        }
    }
    pages
}

/// The commands, as the enums of verbs in `src/cli` declare them.
pub fn commands() -> BTreeSet<String> {
    let mut commands = BTreeSet::new();
    for source in Source::below(&["src/cli"]) {
        for part in source.text.split("\n#[derive(").skip(1) {
            let Some((head, body)) = part.split_once(" {\n") else { continue };
            let Some(name) = head.split("enum ").nth(1) else { continue };
            if !head.contains("Subcommand") {
                continue;
            }
            let body = body.split("\n}").next().unwrap();
            for line in body.lines().filter(|line| line.starts_with("    ")) {
                let variant = line.trim();
                let is_variant = !line.starts_with("     ")
                    && variant.starts_with(|first: char| first.is_ascii_uppercase());
                if is_variant {
                    let end = variant.find(['(', ' ', ',', '{']).unwrap_or(variant.len());
                    commands.insert(format!("{name}::{}", &variant[..end]));
                }
            }
        }
    }
    commands
}
