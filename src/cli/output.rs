//! Prints results on standard output and everything else on standard error.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use clap::{Args, ValueEnum};
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{Row, Table};
use serde::Serialize;

use super::error::CliError;
use crate::clock::{DateText as _, Timestamp};
use crate::logging::escapes;

// A doc comment here would become the description of each command that has this flag.
// The output flag of a command.
#[derive(Debug, Clone, Copy, Args)]
pub struct Output {
    /// Output format.
    #[arg(id = "output", short, long = "output", value_name = "OUTPUT", default_value = "table")]
    format: Format,
}

/// An output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for people.
    Table,
    /// JSON for programs.
    Json,
}

impl Output {
    /// True for `json`.
    pub fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Prints a result: `value` as JSON, or `text`.
    pub fn show(
        self,
        value: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), CliError> {
        if self.is_json() { json(value) } else { line(&text()) }
    }

    /// Confirms a change: `value` as JSON, or `text` on standard error.
    pub fn confirm(
        self,
        value: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), CliError> {
        if self.is_json() { json(value) } else { note(&text()) }
    }

    /// Prints a list: a JSON array, or a table with `header`; the note `none` for an empty table.
    pub fn list<'a, T, J: Serialize, R: Into<Row>>(
        self,
        items: &'a [T],
        value: impl Fn(&'a T) -> J,
        none: &str,
        header: &[&str],
        row: impl Fn(&'a T) -> R,
    ) -> Result<(), CliError> {
        if self.is_json() {
            return json(&items.iter().map(value).collect::<Vec<_>>());
        }
        if items.is_empty() && !none.is_empty() {
            return note(none);
        }
        let mut table = table(header);
        table.add_rows(items.iter().map(row));
        line(&table.to_string())
    }
}

/// Prints a result as JSON.
pub fn json(value: &impl Serialize) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value).map_err(io::Error::from)?;
    Ok(writeln!(out)?)
}

/// Prints JSON from a server, with every character escaped that a terminal would act on.
pub fn foreign_json(value: &serde_json::Value) -> Result<(), CliError> {
    // Raw line ends stand between members; in a string they are escaped already.
    let pretty = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
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

/// Prints one line of a result.
pub fn line(text: &str) -> Result<(), CliError> {
    Ok(try_line(text)?)
}

/// Prints one line of a result, for callers that handle a closed pipe.
pub fn try_line(text: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

/// Prints a result that ends with its own line end.
pub fn text(text: &str) -> Result<(), CliError> {
    Ok(write!(io::stdout().lock(), "{text}")?)
}

/// Prints a message that is not part of the result.
pub fn note(text: &str) -> Result<(), CliError> {
    Ok(writeln!(io::stderr().lock(), "{text}")?)
}

/// Prints the error of a command. A failing standard error is ignored.
pub fn error(text: &str) {
    note(&format!("mintery: {text}")).ok();
}

/// A date for people.
pub fn date(at: Timestamp) -> String {
    at.date()
}

/// An optional date for people; `never` if absent.
pub fn date_or_never(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "never".to_owned(), date)
}

/// A table with `header`.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header(header);
    table
}
