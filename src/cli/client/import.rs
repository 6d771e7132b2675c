//! `mintery client import`

use std::fs::File;
use std::io::Read;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::admin::client_import::{self, Mode, Observer, Summary};
use crate::cli::output;
use crate::cli::output::Format;
use crate::cli::{CliError, Shared, session};
use crate::logging::escape;
use crate::store::Missing;

#[derive(Debug, Args)]
pub struct Import {
    /// A file of JSON lines, one client each, with the members of `client show` or `client
    /// export`; `-` is standard input.
    #[arg(default_value = "-")]
    file: String,
    /// Takes all clients, or none when a line is bad.
    #[arg(long)]
    strict: bool,
    /// Checks all lines and writes nothing.
    #[arg(long)]
    dry_run: bool,
    /// How to print what has become of them.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

/// What has become of the lines, for programs.
#[derive(Debug, Serialize)]
struct SummaryJson<'a> {
    lines: u64,
    imported: u64,
    refused: u64,
    without_secret: u64,
    secrets_left_out: u64,
    strict: bool,
    dry_run: bool,
    /// The first refused lines; standard error has them all.
    errors: &'a [RefusedJson],
}

#[derive(Debug, Serialize)]
struct RefusedJson {
    line: u64,
    reason: String,
}

impl Import {
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
        self.tell(&summary, &watcher.errors)?;
        // A line that makes no sense is no wrong use of this command: it fails with 1, whatever the
        // reason.
        done.map_err(|error| CliError::Failed(error.to_string()))?;
        match summary.refused {
            0 => Ok(()),
            refused if self.strict => Err(CliError::Failed(format!(
                "{refused} of {} lines were refused, and so nothing was imported",
                summary.lines
            ))),
            refused => {
                Err(CliError::Failed(format!("{refused} of {} lines were refused", summary.lines)))
            }
        }
    }

    /// Before anything else: a file that is not there must not leave a new database behind.
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

    fn tell(&self, summary: &Summary, errors: &[RefusedJson]) -> Result<(), CliError> {
        if self.output == Format::Json {
            return Ok(output::json(&SummaryJson {
                lines: summary.lines,
                imported: summary.imported,
                refused: summary.refused,
                without_secret: summary.without_secret,
                secrets_left_out: summary.secrets_left_out,
                strict: self.strict,
                dry_run: self.dry_run,
                errors,
            })?);
        }
        let done = if self.dry_run { "can be imported" } else { "imported" };
        output::note(&format!("{} of {} clients {done}.", summary.imported, summary.lines))?;
        if summary.secrets_left_out > 0 {
            output::note(&format!(
                "Secrets left out, since their lines have neither client_secret nor client_secret_hash: {}.",
                summary.secrets_left_out
            ))?;
        }
        if summary.without_secret > 0 {
            output::note(&format!(
                "Clients without a secret: {}; `mintery client secret add ID` makes one.",
                summary.without_secret
            ))?;
        }
        Ok(())
    }
}

/// Shows how far it is, when standard error is a terminal.
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
    /// A line beside the bar. What cannot be told on standard error cannot be told at all.
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
