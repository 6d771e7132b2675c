//! Rust files of this repository, formatted by rustfmt, and the functions and imports in them.

use std::fs;
use std::path::Path;

/// A file, by its path from the root of the repository.
pub struct Source {
    pub path: String,
    pub text: String,
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub struct Function<'a> {
    pub name: &'a str,
    /// The number of its first line, from 1.
    pub line: usize,
    pub lines: Vec<&'a str>,
    pub is_test: bool,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// The Rust files below these folders of the repository.
    pub fn below(folders: &[&str]) -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found = Vec::new();
        for folder in folders {
            gather(root, &root.join(folder), &mut found);
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found
    }

    pub fn functions(&self) -> Vec<Function<'_>> {
        let lines: Vec<&str> = self.text.lines().collect();
        let mut found = Vec::new();
        let mut is_test = false;
        for (number, line) in lines.iter().enumerate() {
            let code = line.trim_start();
            if code.starts_with("#[") {
                is_test |= code.starts_with("#[test]") || code.contains("::test");
            } else if let Some(name) = function_name(code) {
                let end = end_of_function(&lines[number..], &line[..line.len() - code.len()]);
                if let Some(length) = end {
                    let lines = lines[number..number + length].to_vec();
                    found.push(Function { name, line: number + 1, lines, is_test });
                }
                is_test = false;
            } else if !code.starts_with("//") {
                is_test = false;
            }
        }
        found
    }

    /// The paths of the `use` declarations outside the unit tests, one path for each item of a
    /// list. Re-exports (`pub use`) are left out.
    pub fn imports(&self) -> Vec<Vec<String>> {
        let code: Vec<&str> =
            self.text.lines().map(|line| line.split("//").next().unwrap()).collect();
        let tests = code.windows(2).position(|pair| {
            pair[0].trim() == "#[cfg(test)]"
                && pair[1].trim_start().starts_with("mod ")
                && pair[1].contains('{')
        });
        let mut found = Vec::new();
        let mut lines = code[..tests.unwrap_or(code.len())].iter();
        while let Some(line) = lines.next() {
            let Some(start) = import(line.trim()) else { continue };
            let mut tree = start.to_owned();
            while !tree.contains(';') {
                let Some(next) = lines.next() else { break };
                tree.push_str(next.trim());
            }
            found.extend(paths(tree.split(';').next().unwrap()));
        }
        found
    }
}

fn gather(root: &Path, folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push(Source::new(path.strip_prefix(root).unwrap().to_str().unwrap(), &text));
        }
    }
}

/// The name of the function that a line begins.
fn function_name(code: &str) -> Option<&str> {
    let mut rest = code;
    for keyword in ["pub", "const", "async", "unsafe"] {
        if let Some(after) = rest.strip_prefix(keyword) {
            let after = if after.starts_with('(') { after.split_once(')')?.1 } else { after };
            rest = after.strip_prefix(' ').unwrap_or(rest);
        }
    }
    let name = rest.strip_prefix("fn ")?;
    Some(&name[..name.find(|c: char| !c.is_alphanumeric() && c != '_')?])
}

/// The number of lines of the function that begins with these lines; none without a body.
fn end_of_function(lines: &[&str], indent: &str) -> Option<usize> {
    let open = lines.iter().position(|line| line.ends_with(['{', '}', ';']))?;
    match lines[open].chars().next_back() {
        Some('{') => {
            let end = format!("{indent}}}");
            lines.iter().position(|line| *line == end).map(|end| end + 1)
        }
        Some('}') => Some(open + 1),
        _ => None,
    }
}

/// The tree of a `use` declaration, from its first line.
fn import(code: &str) -> Option<&str> {
    match code.strip_prefix("pub(") {
        Some(scope) => scope.split_once(") ")?.1.strip_prefix("use "),
        None => code.strip_prefix("use "),
    }
}

/// `a::{b, c::{d as e}}` → `a::b`, `a::c::d`.
fn paths(tree: &str) -> Vec<Vec<String>> {
    let Some((head, rest)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap().trim();
        return vec![path.split("::").map(str::to_owned).collect()];
    };
    let list = &rest[..rest.rfind('}').unwrap_or(rest.len())];
    let items = split_list(list);
    items.iter().flat_map(|item| paths(&format!("{}{}", head.trim(), item.trim()))).collect()
}

/// The items of a list, without the commas of lists inside.
fn split_list(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut items) = (0, 0, Vec::new());
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
    }
    items.push(&list[start..]);
    items.retain(|item| !item.trim().is_empty());
    items
}

#[test]
fn imports_are_read_item_by_item() {
    let text = "use std::fs;\nuse crate::{\n    a::{self, B as C},\n    d::E, // or not\n};\n\
                pub use crate::f;\npub(crate) use crate::g;\nfn h() {\n    use super::i;\n}\n\
                #[cfg(test)]\nmod tests {\n    use crate::j;\n}\n";
    let imports = Source::new("src/x.rs", text).imports();
    let imports: Vec<String> = imports.iter().map(|path| path.join("::")).collect();
    let expected =
        ["std::fs", "crate::a::self", "crate::a::B", "crate::d::E", "crate::g", "super::i"];
    assert_eq!(imports, expected);
}

#[test]
fn functions_are_read_with_their_bodies() {
    let text = "trait T {\n    fn a(\n        &self,\n    );\n    fn b(&self) {}\n}\n\n\
                /// c\n#[test]\n#[ignore]\npub(crate) async fn c(\n    d: u8,\n) {\n    loop {}\n}\n\
                const fn e() -> u8 {\n    1\n}\n";
    let source = Source::new("src/x.rs", text);
    let functions = source.functions();
    let found: Vec<_> =
        functions.iter().map(|f| (f.name, f.line, f.lines.len(), f.is_test)).collect();
    assert_eq!(found, [("b", 5, 1, false), ("c", 11, 5, true), ("e", 16, 3, false)]);
}
