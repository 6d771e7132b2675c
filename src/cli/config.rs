//! `mintery config …`

use clap::Subcommand;
use serde::Serialize;

use super::output::{self, Format};
use super::{CliError, Shared, environment};
use crate::config::{Setting, Settings};
use crate::logging::escape;

#[derive(Debug, Subcommand)]
pub enum ConfigVerb {
    /// Prints every setting with its value, as one would write it in the file, and where that comes
    /// from. Secrets are masked.
    Show {
        /// How to print them.
        #[arg(short, long, default_value = "table")]
        output: Format,
    },
}

#[derive(Serialize)]
struct SettingJson<'a> {
    key: &'static str,
    /// Null when it is not set.
    value: Option<&'a toml::Value>,
    source: String,
}

impl ConfigVerb {
    pub fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let Self::Show { output } = self;
        let (_, settings) =
            Settings::load_and_tell(&shared.overrides(), environment(), shared.config.as_deref())?;
        if *output == Format::Json {
            return Ok(output::json(&settings.iter().map(SettingJson::from).collect::<Vec<_>>())?);
        }
        let mut table = output::table(&["SETTING", "VALUE", "SOURCE"]);
        for setting in &settings {
            let value =
                setting.value.as_ref().map_or_else(|| "(not set)".to_owned(), ToString::to_string);
            table.add_row([
                setting.name.to_owned(),
                escape(&value),
                escape(&setting.source.to_string()),
            ]);
        }
        Ok(output::line(&table.to_string())?)
    }
}

impl<'a> From<&'a Setting> for SettingJson<'a> {
    fn from(setting: &'a Setting) -> Self {
        Self {
            key: setting.name,
            value: setting.value.as_ref(),
            source: setting.source.to_string(),
        }
    }
}
