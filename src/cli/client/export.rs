//! `mintery client export`

use std::io::BufWriter;

use clap::Args;

use crate::admin::client_export::{self, ExportError};
use crate::cli::output;
use crate::cli::output::Format;
use crate::cli::{CliError, Shared, session};
use crate::store::Missing;

#[derive(Debug, Args)]
pub struct Export {
    /// How to print them: JSON lines are the only way.
    #[arg(short, long, default_value = "json")]
    output: Format,
}

impl Export {
    pub async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        if self.output != Format::Json {
            return Err(CliError::Usage("clients are exported as JSON lines alone".to_owned()));
        }
        let count = match session::admin(shared, Missing::Refuse).await {
            Ok(admin) => {
                let mut out = BufWriter::new(std::io::stdout().lock());
                client_export::run(&admin, &mut out).await.map_err(|error| match error {
                    ExportError::Admin(error) => CliError::admin(error),
                    ExportError::Output(error) => error.into(),
                })?
            }
            Err(CliError::EmptyDatabase) => 0,
            Err(error) => return Err(error),
        };
        if count == 0 {
            return Ok(output::note("There is no client yet.")?);
        }
        Ok(output::note(&format!(
            "{count} clients, with the hashes of their secrets: keep them from others as you do the database."
        ))?)
    }
}
