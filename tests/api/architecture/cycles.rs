//! Modules form no import cycle.
//!
//! A file imports the file of each module that it names in `use crate::`, `use super::`,
//! `use self::` or through a child module. Not counted: unit tests, re-exports (`pub use`), and
//! items of a module above the file (`use super::Admin`).

use std::collections::{BTreeMap, BTreeSet};

use super::source::Source;

type Module = Vec<String>;

/// The files that each file imports.
type Graph<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// The imports between the files of the crate whose sources are below `root`.
fn graph<'a>(root: &str, sources: &'a [Source]) -> Graph<'a> {
    let module_of = |source: &Source| -> Option<Module> {
        let path = source.path.strip_prefix(root)?.strip_prefix('/')?.strip_suffix(".rs")?;
        let mut module: Module = path.split('/').map(str::to_owned).collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
            module.pop();
        }
        Some(module)
    };
    let mut files: BTreeMap<Module, &Source> = BTreeMap::new();
    for source in sources {
        if let Some(module) = module_of(source) {
            // `lib.rs` before `main.rs`.
            files.entry(module).or_insert(source);
        }
    }
    let imported = |module: &Module, source: &Source| {
        let imports = source.imports();
        let paths = imports.iter().filter_map(|path| absolute(module, path, &files));
        let targets = paths.filter_map(|path| {
            let end = (0..=path.len()).rev().find(|end| files.contains_key(&path[..*end]))?;
            let is_above = module.starts_with(&path[..end]);
            (!is_above).then(|| files[&path[..end]].path.as_str())
        });
        targets.collect()
    };
    files.iter().map(|(module, file)| (file.path.as_str(), imported(module, file))).collect()
}

/// A path of a `use` declaration from the root of the crate; none for another crate.
fn absolute(module: &Module, path: &[String], files: &BTreeMap<Module, &Source>) -> Option<Module> {
    let ups = path.iter().take_while(|name| *name == "super").count();
    let join = |base: &[String], rest: &[String]| [base, rest].concat();
    match path.first()?.as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some(join(module, &path[1..])),
        "super" => Some(join(&module[..module.len().checked_sub(ups)?], &path[ups..])),
        child => {
            let is_child = files.contains_key(&join(module, &[child.to_owned()]));
            is_child.then(|| join(module, path))
        }
    }
}

/// Groups of files that import each other, each as `a → b, c; b → a; …`.
fn cycles(graph: &Graph<'_>) -> Vec<String> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        graph.keys().map(|file| (*file, reachable(graph, file))).collect();
    let mut found = BTreeSet::new();
    for (file, others) in &reached {
        let group: BTreeSet<&str> =
            others.iter().copied().filter(|other| reached[other].contains(file)).collect();
        let arrows = group.iter().map(|from| {
            let to: Vec<&str> = graph[from].intersection(&group).copied().collect();
            format!("{from} → {}", to.join(", "))
        });
        if !group.is_empty() {
            found.insert(arrows.collect::<Vec<_>>().join("; "));
        }
    }
    found.into_iter().collect()
}

/// The files that `start` imports, directly or through others.
fn reachable<'a>(graph: &Graph<'a>, start: &'a str) -> BTreeSet<&'a str> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![start]);
    while let Some(file) = open.pop() {
        open.extend(graph[file].iter().copied().filter(|next| reached.insert(*next)));
    }
    reached
}

#[test]
fn files_import_each_other_in_no_cycle() {
    let mut found = Vec::new();
    for (root, at_least) in [("src", 250), ("crates/verifier/src", 30)] {
        let sources = Source::below(&[root]);
        let graph = graph(root, &sources);
        let arrows: usize = graph.values().map(BTreeSet::len).sum();
        assert!(arrows > at_least, "the checker sees only {arrows} imports in {root}");
        found.extend(cycles(&graph));
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// The cycles of a crate of these files.
fn cycles_of(files: &[(&str, &str)]) -> Vec<String> {
    let sources: Vec<Source> = files.iter().map(|(path, text)| Source::new(path, text)).collect();
    cycles(&graph("src", &sources))
}

#[test]
fn a_cycle_is_found() {
    for files in [
        [("src/a.rs", "use crate::b::B;"), ("src/b.rs", "use super::a::A;")],
        [("src/a.rs", "use crate::{\n    b::{self, B},\n};"), ("src/b.rs", "use crate::a;")],
        [("src/a.rs", "pub(crate) use crate::b::B;"), ("src/b.rs", "use crate::a::A as C;")],
        [("src/a.rs", "fn f() {\n    use crate::b;\n}"), ("src/b.rs", "use crate::a;")],
    ] {
        assert_eq!(cycles_of(&files), ["src/a.rs → src/b.rs; src/b.rs → src/a.rs"], "{files:?}");
    }
    let through_child = [("src/a/mod.rs", "use b::B;"), ("src/a/b.rs", "use crate::c;")];
    let back = [("src/c.rs", "use crate::a::A;"), ("src/d.rs", "use crate::c;")];
    assert_eq!(
        cycles_of(&[through_child, back].concat()),
        ["src/a/b.rs → src/c.rs; src/a/mod.rs → src/a/b.rs; src/c.rs → src/a/mod.rs"]
    );
}

#[test]
fn imports_without_a_cycle_are_allowed() {
    for files in [
        [("src/a.rs", "use crate::b::B;"), ("src/b.rs", "use std::fs;")],
        [("src/a.rs", "use crate::b::B;"), ("src/b.rs", "pub use crate::a::A;")],
        [("src/a.rs", "use crate::b::B;"), ("src/b.rs", "// use crate::a::A;")],
        // Items of the module above.
        [("src/a/mod.rs", "use b::B;"), ("src/a/b.rs", "use super::A;\nuse crate::a::C;")],
        // Unit tests.
        [
            ("src/a.rs", "use crate::b::B;"),
            ("src/b.rs", "#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}"),
        ],
    ] {
        assert_eq!(cycles_of(&files), Vec::<String>::new(), "{files:?}");
    }
}
