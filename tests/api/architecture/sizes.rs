//! No function is over 100 lines and no file over 500.

use super::source::Source;

const FUNCTION: usize = 100;
const FILE: usize = 500;

fn too_long(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    if source.text.lines().count() > FILE {
        found.push(source.path.clone());
    }
    let functions = source.functions().into_iter().filter(|f| f.lines.len() > FUNCTION);
    found.extend(functions.map(|function| format!("{}: {}", source.path, function.name)));
    found
}

#[test]
fn files_and_functions_are_short() {
    let sources = Source::below(&["src", "crates", "tests"]);
    let functions: usize = sources.iter().map(|source| source.functions().len()).sum();
    assert!(functions > 3000, "the checker sees only {functions} functions");
    let found: Vec<_> = sources.iter().flat_map(too_long).collect();
    assert!(found.is_empty(), "too long: {found:#?}");
}

#[test]
fn a_long_file_or_function_is_found() {
    let function = |lines: usize| format!("fn f() {{\n{}}}\n", "    x();\n".repeat(lines - 2));
    for (text, found) in [
        (function(100), &[][..]),
        (function(101), &["src/x.rs: f"]),
        (format!("impl X {{\n    pub async {}    }}\n}}\n", function(101)), &["src/x.rs: f"]),
        ("// x\n".repeat(500), &[]),
        ("// x\n".repeat(501), &["src/x.rs"]),
    ] {
        assert_eq!(too_long(&Source::new("src/x.rs", &text)), found, "{text}");
    }
}
