//! `mintery config …`

use clap::Subcommand;
use serde::Serialize;

use super::error::CliError;
use super::output::Output;
use super::shared::{Shared, environment};
use crate::config::{Setting, Settings};
use crate::logging::escape;

#[derive(Debug, Subcommand)]
pub enum ConfigVerb {
    /// Print every setting with its value, in the syntax of the file, and its source. Secrets are
    /// masked.
    Show {
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Serialize)]
struct SettingJson<'a> {
    key: &'static str,
    /// Null if not set.
    value: Option<&'a toml::Value>,
    source: String,
}

impl ConfigVerb {
    pub fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let Self::Show { output } = self;
        let (_, settings) =
            Settings::load_and_tell(&shared.overrides(), environment(), shared.config.as_deref())?;
        output.list(&settings, SettingJson::from, "", &["SETTING", "VALUE", "SOURCE"], |setting| {
            let value =
                setting.value.as_ref().map_or_else(|| "(not set)".to_owned(), ToString::to_string);
            [setting.name.to_owned(), escape(&value), escape(&setting.source.to_string())]
        })
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
