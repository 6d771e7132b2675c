//! `mintery client export`

use std::io::BufWriter;

use clap::Args;

use crate::admin::client_export::{self, ExportError};
use crate::cli::error::CliError;
use crate::cli::output::{self, Format};
use crate::cli::session;
use crate::cli::shared::Shared;

#[derive(Debug, Args)]
pub struct ExportClients {
    /// Output format: JSON lines only.
    #[arg(short, long, default_value = "json")]
    output: Format,
}

impl ExportClients {
    pub async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        if self.output != Format::Json {
            return Err(CliError::Usage(
                "cannot export clients as a table; use `-o json`".to_owned(),
            ));
        }
        let count = match session::admin_unless_empty(shared).await? {
            Some(admin) => {
                let mut out = BufWriter::new(std::io::stdout().lock());
                client_export::run(&admin, &mut out).await.map_err(|error| match error {
                    ExportError::Admin(error) => CliError::from(error),
                    ExportError::Output(error) => error.into(),
                })?
            }
            None => 0,
        };
        if count == 0 {
            return output::note("No clients yet.");
        }
        output::note(&format!(
            "{count} clients, with their secret hashes: protect them like the database."
        ))
    }
}
