//! The pages of `docs/reference/` that the code determines. Each file renders one page, and its test
//! compares the page with the committed one. `make reference` writes the pages.
//!
//! To add a page, add a file with a function that renders it and a test that calls [`check`].

mod commands;
mod errors;
mod events;
mod metrics;
mod scopes;
mod settings;

use std::path::Path;

/// Compares `docs/reference/NAME` with the rendered page, or writes it if `UPDATE_DOCS` is set.
fn check(name: &str, body: &str) {
    let (title, rest) = body.split_once('\n').unwrap();
    let page =
        format!("{title}\n\n<!-- Written by `make reference`. Edit the code instead. -->\n{rest}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, page).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(path).unwrap();
    let differs = committed.lines().zip(page.lines()).find(|(old, new)| old != new);
    assert!(
        committed == page,
        "docs/reference/{name} is stale, run `make reference`; first difference: {differs:#?}"
    );
}

/// A Markdown table. A bar in a cell does not end it.
fn table<const N: usize>(heads: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let line = |cells: [String; N]| {
        format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
    };
    let mut table = line(heads.map(str::to_owned)) + &line([(); N].map(|()| "---".to_owned()));
    table.extend(rows.into_iter().map(line));
    table
}

/// Text as code.
fn code(text: &str) -> String {
    format!("`{text}`")
}
