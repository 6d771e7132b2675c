//! A test ends early by `only_on!` or `skip_unless!` alone: the harness reports a test that returns
//! as passed.

use super::source::Source;

/// `return` without a value in the tests of a file.
fn early_ends(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for test in source.functions().iter().filter(|function| function.is_test) {
        for (number, line) in test.lines.iter().enumerate() {
            let code = line.split("//").next().unwrap();
            let returns = |end| code.match_indices(end).any(|(at, _)| !code[..at].contains('"'));
            if ["return;", "return }", "return,"].into_iter().any(returns) {
                let line = test.line + number;
                found.push(format!("{}:{line}: {} returns early", source.path, test.name));
            }
        }
    }
    found
}

#[test]
fn no_test_returns_early() {
    let sources = Source::below(&["src", "crates", "tests"]);
    let tests = sources.iter().flat_map(Source::functions).filter(|f| f.is_test).count();
    assert!(tests > 800, "the checker sees only {tests} tests");
    let found: Vec<String> = sources.iter().flat_map(early_ends).collect();
    assert!(found.is_empty(), "begin with `only_on!` or `skip_unless!`: {found:#?}");
}

#[test]
fn a_test_that_returns_early_is_found() {
    for body in [
        "    if engine() == Engine::Postgres {\n        return;\n    }",
        "    let Some(work) = cluster() else { return };",
        "    let Ok(output) = command.output() else {\n        return; // elsewhere\n    };",
        "    match engine() {\n        Engine::Sqlite => return,\n        _ => {}\n    }",
    ] {
        for attribute in ["#[test]", "#[actix_web::test]"] {
            let text = format!("{attribute}\nfn t() {{\n{body}\n}}\n");
            assert_eq!(early_ends(&Source::new("x.rs", &text)).len(), 1, "{text}");
        }
        let helper = format!("fn f() {{\n{body}\n}}\n");
        assert_eq!(early_ends(&Source::new("x.rs", &helper)), [""; 0], "{helper}");
    }
    let text = "#[test]\nfn t() {\n    only_on!(Engine::Sqlite);\n    let x = || -> u8 { return 1; };\n}\n";
    assert_eq!(early_ends(&Source::new("x.rs", text)), [""; 0], "{text}");
}
