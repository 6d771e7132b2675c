//! What would keep the server from working here: each check looks at one thing and says what to do
//! about it. Nothing is changed or made by looking. A new check is a function that gives a
//! [`Finding`], and a line in [`examine`].

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

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// How it is.
    pub result: CheckResult,
    /// What is so.
    pub found: String,
    /// What to do, when there is something.
    pub advice: Option<String>,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckResult {
    /// As it should be.
    Ok,
    /// It works and could be better, or it could not be looked at.
    Warning,
    /// The server does not start, or does not work.
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

    /// It could not be looked at.
    fn unknown(check: &'static str, why: &'static str) -> Self {
        Self::warning(
            check,
            format!("not looked at: {why}"),
            "see to what stands above, and look again",
        )
    }

    fn with_advice(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }
}

/// What there is to look into.
#[derive(Debug, Clone)]
enum Subject {
    /// A database.
    Database(Database),
    /// None yet.
    Nothing,
    /// Something that cannot be looked into, and why.
    Hidden(&'static str),
}

/// Looks at everything, one after the other.
pub async fn examine(
    settings: Result<(Settings, Vec<Setting>), ConfigError>,
    clock: Arc<dyn Clock>,
    random: &dyn Random,
) -> Vec<Finding> {
    let (settings, told) = match settings {
        Ok(settings) => settings,
        // All else depends on them.
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
    ];
    if let Subject::Database(database) = reached {
        database.close().await;
    }
    findings
}

const SETTINGS: &str = "settings";

/// Settings that are valid one by one: whether they go together, and those in a file are kept from
/// others.
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
                format!("{path} holds a secret, `{}`, and everybody may use it", secret.name);
            return Finding::warning(SETTINGS, found, format!("chmod 600 {path}"));
        }
    }
    Finding::ok(SETTINGS, "all are valid")
}

/// Whether this user may make files in the folder of `path`, or in what is there of the way to it.
fn may_make(path: &Path) -> bool {
    let folders = path.ancestors().skip(1);
    let mut folders =
        folders.map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    let there = folders.find(|folder| folder.exists());
    there.is_some_and(|folder| access(folder, AccessFlags::W_OK | AccessFlags::X_OK).is_ok())
}

fn unusable(error: &ConfigError) -> Finding {
    let advice = match error {
        ConfigError::Unknown { nearest, .. } => format!("write `{nearest}`, or leave it out"),
        ConfigError::Invalid { .. } | ConfigError::Inconsistent(_) => {
            "correct it, and look again".to_owned()
        }
        ConfigError::File { path, .. } => {
            format!(
                "see that {} is there, may be read and is TOML; then look again",
                path.display()
            )
        }
    };
    Finding::problem(SETTINGS, error.to_string(), advice)
}
