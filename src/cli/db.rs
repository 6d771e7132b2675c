//! `mintery db …`

use clap::Subcommand;

use super::{CliError, Shared, output, session};
use crate::store::Missing;

#[derive(Debug, Subcommand)]
pub enum DbVerb {
    /// Makes the tables, or brings those of an earlier release to this one.
    Migrate,
}

impl DbVerb {
    pub async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        match self {
            Self::Migrate => {
                let database = session::open(shared, Missing::Create).await?;
                database.migrate().await?;
                output::note("The database is up to date.")?;
                Ok(())
            }
        }
    }
}
