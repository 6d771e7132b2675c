//! `mintery event …`

use std::io::ErrorKind;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::error::CliError;
use super::output::{self, Output, date};
use super::session;
use super::shared::Shared;
use crate::admin::event_log::{self, Asked, Filter};
use crate::admin::json::event::EventJson;
use crate::logging::escape;
use crate::model::event::{EventNumber, RecordedEvent};
use crate::store::Missing;

#[derive(Debug, Subcommand)]
pub enum EventVerb {
    /// List events: time, actor, kind, subject and details.
    List(ListEvents),
    /// Show the last events, and new ones as they happen, until interrupted.
    Tail(TailEvents),
}

#[derive(Debug, Args)]
pub struct ListEvents {
    /// List the events after this number, the oldest first; without it, list the last ones.
    #[arg(long, value_name = "NUMBER")]
    after: Option<i64>,
    /// The maximum number of events.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=100_000))]
    limit: i64,
    #[command(flatten)]
    filter: FilterFlags,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub struct TailEvents {
    /// The number of past events to show first.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(i64).range(0..=100_000))]
    lines: i64,
    #[command(flatten)]
    filter: FilterFlags,
    #[command(flatten)]
    output: Output,
}

/// A filter; without flags every event passes.
#[derive(Debug, Args)]
struct FilterFlags {
    /// The kind, such as `client.created`, or its beginning, such as `client`.
    #[arg(long)]
    kind: Option<String>,
    /// The subject: the id of a client, a signing key, and so on.
    #[arg(long, value_name = "ID")]
    subject: Option<String>,
    /// The actor, such as `client:ID` or `cli:USER@HOST`.
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

impl ListEvents {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let admin = session::admin(shared, Missing::Refuse).await?;
        let asked = match self.after {
            Some(after) => Asked::After(EventNumber::new(after)),
            None => Asked::Last,
        };
        let filter = self.filter.filter();
        let events = event_log::page(&admin, asked, self.limit, &filter).await?;
        let header = &["EVENT", "WHEN", "WHO", "WHAT", "TO WHAT", "DETAILS"];
        self.output.list(&events, EventJson::from, "", header, columns)
    }
}

impl TailEvents {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        const POLL_EVERY: Duration = Duration::from_millis(200);
        const PAGE: i64 = 1000;
        let admin = session::admin(shared, Missing::Refuse).await?;
        let filter = self.filter.filter();
        // Read the number before the first events: none may be missed between the two.
        let mut after = event_log::last_number(&admin).await?;
        let mut events = Vec::new();
        if self.lines > 0 {
            let asked = event_log::page(&admin, Asked::Last, self.lines, &filter);
            events = asked.await?;
        }
        loop {
            for event in &events {
                match self.print(event) {
                    // The reader is gone.
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
                    done => done?,
                }
                after = after.max(event.number);
            }
            if events.is_empty() {
                tokio::time::sleep(POLL_EVERY).await;
            }
            let last = event_log::last_number(&admin).await?;
            let asked = event_log::page(&admin, Asked::After(after), PAGE, &filter);
            events = asked.await?;
            if events.is_empty() {
                // Skip the events up to here that the filter leaves out.
                after = after.max(last);
            }
        }
    }

    fn print(&self, event: &RecordedEvent) -> std::io::Result<()> {
        output::try_line(&if self.output.is_json() {
            serde_json::to_string(&EventJson::from(event))?
        } else {
            columns(event).join("  ")
        })
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
