//! What a command prints: results on standard output, everything else on standard error.

use std::io::{self, Write as _};

use clap::ValueEnum;
use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use serde::Serialize;

use crate::clock::Timestamp;

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Prints a result as JSON.
pub fn json(value: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)
}

/// Prints a line of the result.
pub fn line(text: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

/// Prints a result of several lines as it stands.
pub fn text(text: &str) -> io::Result<()> {
    write!(io::stdout().lock(), "{text}")
}

/// Tells something that is not the result.
pub fn note(text: &str) -> io::Result<()> {
    writeln!(io::stderr().lock(), "{text}")
}

/// Tells what went wrong. Nothing can be done when even that fails.
pub fn error(text: &str) {
    note(&format!("mintery: {text}")).ok();
}

/// A moment, for people.
pub fn date(at: Timestamp) -> String {
    at.date()
}

/// A table with `header`.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header(header);
    table
}
