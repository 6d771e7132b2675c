//! `mintery db …`

use clap::Subcommand;

use super::{CliError, Shared, output, session};
use crate::admin::event_log::{self, LogState};
use crate::store::Missing;

#[derive(Debug, Subcommand)]
pub enum DbVerb {
    /// Makes the tables, or brings those of an earlier release to this one.
    Migrate,
    /// Checks that the log of events was not cut, edited or recomputed.
    Check,
}

impl DbVerb {
    pub async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        match self {
            Self::Migrate => {
                let settings = shared.settings(Vec::new())?;
                let database = session::open(&settings, Missing::Create).await?;
                database.migrate().await?;
                Ok(output::note("The database is up to date.")?)
            }
            Self::Check => {
                let admin = session::admin(shared, Missing::Refuse).await?;
                match event_log::check(&admin).await.map_err(CliError::admin)? {
                    LogState::Whole { events } => {
                        Ok(output::note(&format!("The log is whole: {events} events."))?)
                    }
                    LogState::Broken { at } => Err(CliError::Failed(format!(
                        "the log is broken at event {at}: it, or what stood before it, was edited or removed"
                    ))),
                }
            }
        }
    }
}
