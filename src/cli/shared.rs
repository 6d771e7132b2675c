//! The flags of all commands, and the environment.

use std::path::PathBuf;

use clap::Args;

use super::error::CliError;
use crate::config::{Overrides, Settings};

/// Flags of all commands.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of all commands")]
pub struct Shared {
    /// Read the settings from this file instead of mintery.toml.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The database: `sqlite://PATH` or `postgres://USER@HOST/NAME`.
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// The file of the master key.
    #[arg(long, global = true, value_name = "FILE")]
    master_key_file: Option<String>,
}

impl Shared {
    /// Loads the settings; `more` are the overrides of a command's own flags.
    pub fn settings(&self, more: Overrides) -> Result<Settings, CliError> {
        let mut overrides = self.overrides();
        overrides.extend(more);
        Ok(Settings::load(&overrides, environment(), self.config.as_deref())?)
    }

    /// The settings that these flags override.
    pub fn overrides(&self) -> Overrides {
        let flags = [
            ("database_url", "--database-url", &self.database_url),
            ("master_key_file", "--master-key-file", &self.master_key_file),
        ];
        flags.into_iter().filter_map(|(key, flag, text)| Some((key, flag, text.clone()?))).collect()
    }
}

/// The environment variables that are valid UTF-8.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
