//! `mintery db …`

use clap::Subcommand;

use super::error::CliError;
use super::shared::Shared;
use super::{output, session};
use crate::admin::event_log::{self, LogState};
use crate::server::StartError;
use crate::store::Missing;

#[derive(Debug, Subcommand)]
pub enum DbVerb {
    /// Create the tables, or migrate those of an earlier release.
    Migrate,
    /// Check that the event log was not cut, edited or recomputed.
    Check,
}

impl DbVerb {
    pub async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        match self {
            Self::Migrate => {
                let settings = shared.settings(Vec::new())?;
                let database = session::open(&settings, Missing::Create).await?;
                database.migrate().await.map_err(StartError::from)?;
                output::note("The database is up to date.")
            }
            Self::Check => {
                let admin = session::admin(shared, Missing::Refuse).await?;
                match event_log::check(&admin).await? {
                    LogState::Whole { events } => {
                        output::note(&format!("The log is whole: {events} events."))
                    }
                    LogState::Broken { at } => Err(CliError::Failed(format!(
                        "the log is broken at event {at}: it or an earlier event was edited or deleted"
                    ))),
                }
            }
        }
    }
}
