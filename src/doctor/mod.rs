//! Checks of the environment. Each looks at one thing, changes nothing, and says what to do. To add
//! a check, write a function that returns a [`Finding`], and call it in [`examine`].

mod database;
mod keys;
mod network;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use nix::unistd::{AccessFlags, access};

use crate::clock::Clock;
use crate::config::{ConfigError, Setting, Settings, Source};
use crate::random::Random;
use crate::server;
use crate::store::Database;

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The name of the check.
    pub check: &'static str,
    /// The severity.
    pub result: CheckResult,
    /// The observation.
    pub found: String,
    /// The advice, if there is something to do.
    pub advice: Option<String>,
}

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckResult {
    /// No fault.
    Ok,
    /// A possible improvement, or a check that could not run.
    Warning,
    /// The server cannot start or work.
    Problem,
}

impl CheckResult {
    /// The name, for people and programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, result: CheckResult::Ok, found: found.into(), advice: None }
    }

    fn warning(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            check,
            result: CheckResult::Warning,
            found: found.into(),
            advice: Some(advice.into()),
        }
    }

    fn problem(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            check,
            result: CheckResult::Problem,
            found: found.into(),
            advice: Some(advice.into()),
        }
    }

    /// A check that could not run.
    fn unknown(check: &'static str, why: &'static str) -> Self {
        Self::warning(
            check,
            format!("not checked: {why}"),
            "correct the findings above, and check again",
        )
    }

    fn with_advice(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }
}

/// The subject of a check.
#[derive(Debug, Clone)]
enum Subject {
    /// A database.
    Database(Database),
    /// No database yet.
    Nothing,
    /// A subject that cannot be checked, with the reason.
    Hidden(&'static str),
}

/// Runs all checks, one after another.
pub async fn examine(
    settings: Result<(Settings, Vec<Setting>), ConfigError>,
    clock: Arc<dyn Clock>,
    random: &dyn Random,
) -> Vec<Finding> {
    let (settings, told) = match settings {
        Ok(settings) => settings,
        // All other checks depend on the settings.
        Err(error) => return vec![unusable(&error)],
    };
    let (database, reached) = database::reach(&settings).await;
    let (migrations, tables) = database::migrations(&reached).await;
    let is_dev = database::is_made_by_dev(&tables).await;
    let (master_key, unlocked) = keys::master_key(&settings, &tables, &clock, random).await;
    let findings = vec![
        consistent(&settings, &told),
        database,
        migrations,
        master_key,
        database::event_log(&tables).await,
        keys::signing_keys(&settings, &tables, unlocked.as_ref(), clock.now()).await,
        database::clock(&reached, &*clock).await,
        network::issuer(&settings, is_dev).await,
        network::port(&settings, is_dev).await,
        network::metrics(&settings, is_dev).await,
        network::proxies(&settings, is_dev),
    ];
    if let Subject::Database(database) = reached {
        database.close().await;
    }
    findings
}

const SETTINGS: &str = "settings";

/// Checks that the settings fit together, and that a file with secrets is protected from other
/// users.
fn consistent(settings: &Settings, told: &[Setting]) -> Finding {
    if let Err(error) = settings.check_rotation() {
        return Finding::problem(SETTINGS, error.to_string(), "change one of the two");
    }
    if let Err(error) = server::scanning(settings) {
        return Finding::problem(
            SETTINGS,
            error.to_string(),
            "docs/guides/leaked-keys.md says what the file holds",
        );
    }
    for secret in told.iter().filter(|setting| setting.is_masked) {
        if let Source::File(path) = &secret.source
            && fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o007 != 0)
        {
            let found =
                format!("{path} holds a secret, `{}`, and every user may read it", secret.name);
            return Finding::warning(SETTINGS, found, format!("chmod 600 {path}"));
        }
    }
    Finding::ok(SETTINGS, "all valid")
}

/// True if this user may create files in the folder of `path`, or in its nearest existing ancestor.
fn may_make(path: &Path) -> bool {
    let folders = path.ancestors().skip(1);
    let mut folders =
        folders.map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    let there = folders.find(|folder| folder.exists());
    there.is_some_and(|folder| access(folder, AccessFlags::W_OK | AccessFlags::X_OK).is_ok())
}

fn unusable(error: &ConfigError) -> Finding {
    let advice = match error {
        ConfigError::Unknown { nearest, .. } => format!("write `{nearest}`, or remove it"),
        ConfigError::Invalid { .. } | ConfigError::Inconsistent(_) => {
            "correct it, and check again".to_owned()
        }
        ConfigError::File { path, .. } => {
            format!(
                "check that {} exists, is readable and is TOML; then check again",
                path.display()
            )
        }
    };
    Finding::problem(SETTINGS, error.to_string(), advice)
}
