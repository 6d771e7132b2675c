//! The token argument of the `token` commands.

use clap::Args;

use crate::cli::error::CliError;
use crate::cli::secret_input;
use crate::secret::Secret;

// A doc comment here would become the description of each command that has this argument.
// An existing token.
#[derive(Debug, Args)]
pub struct TokenArgument {
    /// The token: `-` reads it from standard input or from a hidden prompt.
    #[arg(
        value_name = "TOKEN|-",
        default_value = "-",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    token: String,
}

impl TokenArgument {
    /// Reads the token and trims it.
    pub fn read(&self) -> Result<Secret, CliError> {
        let token = secret_input::read_token(&self.token, "Token: ")?;
        if token.expose().is_empty() {
            return Err(CliError::Usage("the token is empty".to_owned()));
        }
        Ok(token)
    }
}
