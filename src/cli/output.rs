//! What a command prints: results on standard output, everything else on standard error.

use crate::clock::DateText as _;
use std::fmt::Write as _;
use std::io::{self, Write as _};

use clap::ValueEnum;
use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::logging::escapes;

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

/// Prints what somebody else said as JSON, in which nothing stands that a terminal would act on.
pub fn foreign_json(value: &serde_json::Value) -> io::Result<()> {
    // The line ends are those that stand between members; in a string they are escaped already.
    let pretty = serde_json::to_string_pretty(value)?;
    let mut escaped = String::with_capacity(pretty.len());
    for character in pretty.chars() {
        if character == '\n' || !escapes(character) {
            escaped.push(character);
        } else {
            // Writing to a string does not fail.
            write!(escaped, "\\u{:04x}", u32::from(character)).ok();
        }
    }
    line(&escaped)
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
