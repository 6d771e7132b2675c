//! `docs/reference/settings.md`, from the table of settings.

use std::path::Path;

use mintery::config::{ConfigError, Setting, Settings};

use super::{check, code, table};

/// An empty file of settings.
const NO_FILE: &str = "/dev/null";

fn page() -> String {
    let (_, settings) = Settings::load_and_tell(&Vec::new(), [], Some(Path::new(NO_FILE))).unwrap();
    let rows = settings.iter().map(|setting| {
        let variable = format!("MINTERY_{}", setting.name.to_ascii_uppercase().replace('.', "__"));
        let range = Range::of(setting.name);
        let is_duration = range.as_ref().is_some_and(|range| range.is_duration);
        let range = range.map(|range| format!(" {range}.")).unwrap_or_default();
        let meaning = format!("{}{range}", setting.meaning);
        [code(setting.name), code(&variable), default(setting, is_duration), meaning]
    });
    format!(
        "# Settings\n\n\
         A flag overrides the environment, the environment overrides `mintery.toml`, and that overrides\n\
         the default. In the environment a dot is `__`, and list items are separated by commas. An unknown\n\
         name is an error that names the nearest known one. Durations are in seconds.\n\
         `mintery config show` prints each value with its source and masks secrets.\n\n{}",
        table(["setting", "environment variable", "default", "meaning"], rows)
    )
}

/// The allowed numbers of a setting.
struct Range {
    least: i64,
    most: i64,
    is_duration: bool,
}

impl Range {
    /// Reads the range from the error for a text that is not a number.
    fn of(name: &'static str) -> Option<Self> {
        let overrides = vec![(name, "--flag", "\u{1}".to_owned())];
        let loaded = Settings::load(&overrides, [], Some(Path::new(NO_FILE)));
        let Err(ConfigError::Invalid { reason, .. }) = loaded else { return None };
        let mut words = reason.split_once("a number from ")?.1.split([' ', ',']);
        let (least, most) = (words.next()?.parse().ok()?, words.nth(1)?.parse().ok()?);
        Some(Self { least, most, is_duration: reason.ends_with("seconds") })
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self { least, most, is_duration: false } => write!(f, "{least} to {most}"),
            Self { least: 0, most, .. } => write!(f, "0 to {}", in_words(*most)),
            Self { least, most, .. } => write!(f, "{} to {}", in_words(*least), in_words(*most)),
        }
    }
}

fn default(setting: &Setting, is_duration: bool) -> String {
    // The only default that depends on the machine.
    if setting.name == "workers" {
        return "number of cores".to_owned();
    }
    let Some(value) = &setting.value else { return "not set".to_owned() };
    match value {
        toml::Value::String(text) => code(text),
        toml::Value::Array(items) if items.is_empty() => "none".to_owned(),
        toml::Value::Integer(secs) if is_duration && *secs >= 60 => {
            format!("{} ({})", code(&secs.to_string()), in_words(*secs))
        }
        other => code(&other.to_string()),
    }
}

/// A duration in its largest whole unit.
fn in_words(secs: i64) -> String {
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let (length, unit) = units.into_iter().find(|(length, _)| secs % length == 0).unwrap();
    let count = secs / length;
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[test]
fn the_page_of_settings_is_current() {
    check("settings.md", &page());
}
