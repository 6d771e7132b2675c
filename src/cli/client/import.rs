//! `mintery client import`

use std::fs::File;
use std::io::Read;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::admin::client_import::{self, Mode, Observer, Summary};
use crate::cli::error::CliError;
use crate::cli::output::{self, Output};
use crate::cli::session;
use crate::cli::shared::Shared;
use crate::logging::escape;
use crate::store::Missing;

#[derive(Debug, Args)]
pub struct ImportClients {
    /// A file of JSON lines, one client each, with the members of `client show` or `client
    /// export`; `-` reads standard input.
    #[arg(default_value = "-")]
    file: String,
    /// Import no client if a line is invalid.
    #[arg(long)]
    strict: bool,
    /// Check all lines and write nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    output: Output,
}

/// The result of an import as JSON.
#[derive(Debug, Serialize)]
struct SummaryJson<'a> {
    lines: u64,
    imported: u64,
    refused: u64,
    without_secret: u64,
    secrets_left_out: u64,
    strict: bool,
    dry_run: bool,
    /// The first rejected lines; standard error has all of them.
    errors: &'a [RefusedJson],
}

#[derive(Debug, Serialize)]
struct RefusedJson {
    line: u64,
    reason: String,
}

impl ImportClients {
    pub async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let (input, length) = self.open()?;
        let missing = if self.dry_run { Missing::Refuse } else { Missing::Create };
        let admin = session::admin(shared, missing).await?;
        let mode = match (self.dry_run, self.strict) {
            (true, _) => Mode::CheckOnly,
            (false, true) => Mode::AllOrNothing,
            (false, false) => Mode::EachLine,
        };
        let mut watcher = Watcher { bar: bar(length)?, errors: Vec::new() };
        let (mut summary, done) = client_import::run(&admin, input, mode, &mut watcher).await;
        watcher.bar.finish_and_clear();
        if self.strict && summary.refused > 0 {
            summary.imported = 0;
        }
        self.print(&summary, &watcher.errors)?;
        // An invalid line is not an invalid argument: the exit code is 1, whatever the reason.
        done.map_err(|error| CliError::Failed(error.to_string()))?;
        match summary.refused {
            0 => Ok(()),
            refused if self.strict => Err(CliError::Failed(format!(
                "{refused} of {} lines were rejected; nothing was imported",
                summary.lines
            ))),
            refused => {
                Err(CliError::Failed(format!("{refused} of {} lines were rejected", summary.lines)))
            }
        }
    }

    /// Opens the input. This comes first: a missing file must not leave a new database behind.
    fn open(&self) -> Result<(Box<dyn Read + Send>, Option<u64>), CliError> {
        if self.file == "-" {
            return Ok((Box::new(std::io::stdin()), None));
        }
        let failed =
            |error| CliError::Failed(format!("cannot read {}: {error}", escape(&self.file)));
        let file = File::open(&self.file).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(CliError::Failed(format!(
                "cannot read {}: it is a folder",
                escape(&self.file)
            )));
        }
        let length = metadata.is_file().then_some(metadata.len());
        Ok((Box::new(file), length))
    }

    fn print(&self, summary: &Summary, errors: &[RefusedJson]) -> Result<(), CliError> {
        if self.output.is_json() {
            return output::json(&SummaryJson {
                lines: summary.lines,
                imported: summary.imported,
                refused: summary.refused,
                without_secret: summary.without_secret,
                secrets_left_out: summary.secrets_left_out,
                strict: self.strict,
                dry_run: self.dry_run,
                errors,
            });
        }
        let done = if self.dry_run { "can be imported" } else { "imported" };
        output::note(&format!("{} of {} clients {done}.", summary.imported, summary.lines))?;
        if summary.secrets_left_out > 0 {
            output::note(&format!(
                "Secrets left out, for lack of client_secret or client_secret_hash: {}.",
                summary.secrets_left_out
            ))?;
        }
        if summary.without_secret > 0 {
            output::note(&format!(
                "Clients without a secret: {}; `mintery client secret add ID` creates one.",
                summary.without_secret
            ))?;
        }
        Ok(())
    }
}

/// The progress bar, shown if standard error is a terminal.
fn bar(length: Option<u64>) -> Result<ProgressBar, CliError> {
    let (bar, template) = match length {
        Some(length) => (ProgressBar::new(length), "{bar:40} {percent:>3} %  {msg}  {eta} left"),
        None => (ProgressBar::no_length(), "{spinner} {bytes}  {msg}  {elapsed}"),
    };
    let style = ProgressStyle::with_template(template);
    Ok(bar.with_style(style.map_err(|error| CliError::Failed(error.to_string()))?))
}

struct Watcher {
    bar: ProgressBar,
    errors: Vec<RefusedJson>,
}

impl Watcher {
    /// Prints a line above the bar. A failing standard error is ignored.
    fn note(&self, text: &str) {
        self.bar.suspend(|| output::note(text).ok());
    }
}

impl Observer for Watcher {
    fn refused(&mut self, line: u64, reason: &str) {
        const MOST: usize = 100;
        self.note(&format!("line {line}: {}", escape(reason)));
        if self.errors.len() < MOST {
            self.errors.push(RefusedJson { line, reason: reason.to_owned() });
        }
    }

    fn progress(&mut self, bytes: u64, clients: u64) {
        self.bar.set_position(bytes);
        self.bar.set_message(format!("{clients} clients"));
    }

    fn waits(&mut self, why: &str) {
        self.note(&format!("{} …", escape(why)));
    }
}
