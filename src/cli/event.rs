//! `mintery event …`

use std::io::ErrorKind;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::output::{self, Format, date};
use super::{CliError, Shared, session};
use crate::admin::event_log::{self, Asked, Filter};
use crate::admin::json::event::EventJson;
use crate::logging::escape;
use crate::model::event::{EventNumber, RecordedEvent};
use crate::store::Missing;

#[derive(Debug, Subcommand)]
pub enum EventVerb {
    /// Lists what changed: who did what to what, and when.
    List(List),
    /// Shows the last changes, and each new one as it happens, until it is interrupted.
    Tail(Tail),
}

#[derive(Debug, Args)]
pub struct List {
    /// Lists those that came after the one of this number, the first of them first; without it the
    /// last ones are listed.
    #[arg(long, value_name = "NUMBER")]
    after: Option<i64>,
    /// How many are listed at most.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=100_000))]
    limit: i64,
    #[command(flatten)]
    filter: FilterFlags,
    /// How to print them.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

#[derive(Debug, Args)]
pub struct Tail {
    /// How many of the last ones are shown at first.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(i64).range(0..=100_000))]
    lines: i64,
    #[command(flatten)]
    filter: FilterFlags,
    /// How to print them; as JSON, one object a line.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

/// Which events are meant; all of them without any.
#[derive(Debug, Args)]
struct FilterFlags {
    /// What happened, such as `client.created`, or `client` for all that begin so.
    #[arg(long)]
    kind: Option<String>,
    /// To what: the id of a client or of a signing key, say.
    #[arg(long, value_name = "ID")]
    subject: Option<String>,
    /// Who did it, such as `client:ID` or `cli:USER@HOST`.
    #[arg(long)]
    actor: Option<String>,
}

impl FilterFlags {
    fn filter(&self) -> Filter {
        Filter {
            kind: self.kind.clone(),
            subject: self.subject.clone(),
            actor: self.actor.clone(),
            ..Filter::default()
        }
    }
}

impl EventVerb {
    pub async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        match self {
            Self::List(list) => list.run(shared).await,
            Self::Tail(tail) => tail.run(shared).await,
        }
    }
}

impl List {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let admin = session::admin(shared, Missing::Refuse).await?;
        let asked = match self.after {
            Some(after) => Asked::After(EventNumber::new(after)),
            None => Asked::Last,
        };
        let filter = self.filter.filter();
        let events =
            event_log::page(&admin, asked, self.limit, &filter).await.map_err(CliError::admin)?;
        if self.output == Format::Json {
            return Ok(output::json(&events.iter().map(EventJson::from).collect::<Vec<_>>())?);
        }
        let mut table = output::table(&["EVENT", "WHEN", "WHO", "WHAT", "TO WHAT", "DETAILS"]);
        for event in &events {
            table.add_row(columns(event));
        }
        Ok(output::line(&table.to_string())?)
    }
}

impl Tail {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        /// What is a moment for whoever watches.
        const LOOK_EVERY: Duration = Duration::from_millis(200);
        const PAGE: i64 = 1000;
        let admin = session::admin(shared, Missing::Refuse).await?;
        let filter = self.filter.filter();
        // Before those that are shown at first: none may be missed between the two.
        let mut after = event_log::last_number(&admin).await.map_err(CliError::admin)?;
        let mut events = Vec::new();
        if self.lines > 0 {
            let asked = event_log::page(&admin, Asked::Last, self.lines, &filter);
            events = asked.await.map_err(CliError::admin)?;
        }
        loop {
            for event in &events {
                match self.print(event) {
                    // Nobody reads on.
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
                    done => done?,
                }
                after = after.max(event.number);
            }
            if events.is_empty() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            let last = event_log::last_number(&admin).await.map_err(CliError::admin)?;
            let asked = event_log::page(&admin, Asked::After(after), PAGE, &filter);
            events = asked.await.map_err(CliError::admin)?;
            if events.is_empty() {
                // Those up to here that the filter leaves out are not looked at again.
                after = after.max(last);
            }
        }
    }

    fn print(&self, event: &RecordedEvent) -> std::io::Result<()> {
        match self.output {
            Format::Json => output::line(&serde_json::to_string(&EventJson::from(event))?),
            Format::Table => output::line(&columns(event).join("  ")),
        }
    }
}

fn columns(event: &RecordedEvent) -> [String; 6] {
    [
        event.number.to_string(),
        date(event.at),
        escape(&event.actor),
        escape(event.kind.name()),
        escape(&event.subject),
        escape(&event.details),
    ]
}
