//! Checks of the database: connection, tables, event log, clock.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{Finding, Subject, may_make};
use crate::clock::Clock;
use crate::config::Settings;
use crate::keys::unlock;
use crate::metrics::Metrics;
use crate::store::clock::Compared;
use crate::store::{Database, DatabaseUrl, Engine, OpenError, SchemaState, clock, event};
use mintery_verifier::token::DEFAULT_SKEW;

const DATABASE: &str = "database";
const MIGRATIONS: &str = "migrations";
const EVENT_LOG: &str = "event_log";
const CLOCK: &str = "clock";

/// The timeout of a query.
const PATIENCE: Duration = Duration::from_secs(8);

const UNREACHED: Subject = Subject::Hidden("the database cannot be reached");
const OTHER_TABLES: Subject =
    Subject::Hidden("the database does not have the tables of this release");

/// Connects to the database.
pub async fn reach(settings: &Settings) -> (Finding, Subject) {
    let url = match DatabaseUrl::parse(settings.database_url.expose()) {
        Ok(url) => url,
        Err(error) => {
            let found = format!("the setting `database_url` is not valid: {error}");
            return (Finding::problem(DATABASE, found, "set a valid URL"), UNREACHED);
        }
    };
    match Database::open_to_look(&url, Arc::new(Metrics::default())).await {
        Ok(database) => {
            let finding = match url.path() {
                Some(path) => file(&path),
                None => server(&url),
            };
            (finding, Subject::Database(database))
        }
        Err(OpenError::Missing(path)) => {
            let found = format!("no database at {path} yet");
            let finding = if may_make(Path::new(&path)) {
                Finding::ok(DATABASE, found)
                    .with_advice("nothing: the first `mintery serve` creates it")
            } else {
                let found = format!("{found}, and this user cannot create one there");
                Finding::problem(
                    DATABASE,
                    found,
                    "give this user write access to the folder, or set `database_url` to another path",
                )
            };
            (finding, Subject::Nothing)
        }
        Err(error) => {
            (Finding::problem(DATABASE, error.to_string(), advice(&error, &url)), UNREACHED)
        }
    }
}

fn advice(error: &OpenError, url: &DatabaseUrl) -> &'static str {
    match (error, url.engine()) {
        (OpenError::Foreign { .. }, _) => {
            "run `mintery` as that user, or give the file to the user who runs it"
        }
        (_, Engine::Sqlite) => {
            "check that `database_url` names a database file, that this user may use it, and that no other program locks it"
        }
        (_, Engine::Postgres) => {
            "check that the server runs, that the database exists, and that `database_url` has the right host, port, \
             user and password"
        }
    }
}

/// Reports a PostgreSQL server that answers.
fn server(url: &DatabaseUrl) -> Finding {
    let found = format!("PostgreSQL at {url} answers");
    let ignored = url.ignored_parameters();
    if ignored.is_empty() {
        return Finding::ok(DATABASE, found);
    }
    let found =
        format!("{found}; these parameters of `database_url` are ignored: {}", ignored.join(", "));
    Finding::warning(DATABASE, found, "correct their names, or remove them")
}

/// Reports an SQLite file that was opened, and therefore belongs to this user.
fn file(path: &Path) -> Finding {
    let shown = path.display();
    let mode = match fs::metadata(path) {
        Ok(metadata) => metadata.permissions().mode() & 0o7777,
        Err(error) => {
            return Finding::problem(DATABASE, format!("{shown}: {error}"), "check again");
        }
    };
    let found = format!("SQLite at {shown}, mode {mode:04o}");
    if mode & 0o007 != 0 {
        return Finding::warning(
            DATABASE,
            format!("{found}: every user may read it"),
            format!("chmod 600 {shown}"),
        );
    }
    Finding::ok(DATABASE, found)
}

/// Compares the tables with those of this release. Later checks need them.
pub async fn migrations(reached: &Subject) -> (Finding, Subject) {
    const MIGRATE: &str = "mintery db migrate";
    let database = match reached {
        Subject::Database(database) => database,
        Subject::Nothing => {
            return (Finding::ok(MIGRATIONS, "no tables yet"), Subject::Nothing);
        }
        Subject::Hidden(why) => return (Finding::unknown(MIGRATIONS, why), reached.clone()),
    };
    let finding = match tokio::time::timeout(PATIENCE, database.schema_state()).await {
        Ok(Ok(SchemaState::Current)) => {
            return (Finding::ok(MIGRATIONS, "the tables match this release"), reached.clone());
        }
        Ok(Ok(SchemaState::Behind)) => {
            let found = "the tables are missing or of an earlier release";
            match database.engine() {
                Engine::Postgres => Finding::problem(MIGRATIONS, found, MIGRATE),
                Engine::Sqlite => Finding::warning(
                    MIGRATIONS,
                    found,
                    format!("{MIGRATE}, or leave it to the next `mintery serve`"),
                ),
            }
        }
        Ok(Ok(SchemaState::Ahead(migration))) => {
            let found =
                format!("the database is newer than this program (it has migration {migration})");
            Finding::problem(MIGRATIONS, found, "upgrade the program")
        }
        Ok(Err(error)) => {
            Finding::problem(MIGRATIONS, error.to_string(), "read the log of the database")
        }
        Err(_) => Finding::problem(
            MIGRATIONS,
            "the database does not answer",
            "check that it is not overloaded",
        ),
    };
    (finding, OTHER_TABLES)
}

/// True if `serve --dev` created the database.
pub async fn is_made_by_dev(tables: &Subject) -> bool {
    match tables {
        Subject::Database(database) => unlock::is_made_by_dev(database).await.unwrap_or(false),
        Subject::Nothing | Subject::Hidden(_) => false,
    }
}

/// Reads the head of the event log, the start of every change.
pub async fn event_log(tables: &Subject) -> Finding {
    let database = match tables {
        Subject::Database(database) => database,
        Subject::Nothing => return Finding::ok(EVENT_LOG, "it is empty"),
        Subject::Hidden(why) => return Finding::unknown(EVENT_LOG, why),
    };
    match event::head(database).await {
        Ok((head, _)) => {
            Finding::ok(EVENT_LOG, format!("its head is readable, at event {}", head.get()))
        }
        Err(error) => Finding::problem(
            EVENT_LOG,
            error.to_string(),
            "mintery db check; or restore the database from a backup",
        ),
    }
}

/// Compares the clock of this machine with that of the database (SEC-13).
pub async fn clock(reached: &Subject, here: &dyn Clock) -> Finding {
    const NOTHING_TO_COMPARE: &str = "an embedded database has no clock of its own";
    let database = match reached {
        Subject::Database(database) => database,
        Subject::Nothing => return Finding::ok(CLOCK, NOTHING_TO_COMPARE),
        Subject::Hidden(why) => return Finding::unknown(CLOCK, why),
    };
    match clock::compare(database, here).await {
        Ok(Some(compared)) => judge(&compared),
        Ok(None) => Finding::ok(CLOCK, NOTHING_TO_COMPARE),
        Err(error) => Finding::problem(CLOCK, error.to_string(), "check that the database answers"),
    }
}

fn judge(compared: &Compared) -> Finding {
    let apart = compared.apart();
    let found = format!("{:.3} s apart from the database's clock", apart.as_secs_f64());
    if apart <= DEFAULT_SKEW {
        return Finding::ok(CLOCK, found);
    }
    let most = DEFAULT_SKEW.as_secs();
    Finding::problem(
        CLOCK,
        found,
        format!("synchronize both clocks with NTP: they may differ by at most {most} s"),
    )
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::clock::Timestamp;
    use crate::doctor::CheckResult;
    use crate::store::clock::Compared;

    /// SEC-13
    #[test]
    fn clocks_may_be_ten_seconds_apart() {
        let at = Timestamp::from_millis;
        for (here, there, result, found) in [
            (1_000_000, 1_000_004, CheckResult::Ok, "0.004 s"),
            (1_000_000, 1_010_000, CheckResult::Ok, "10.000 s"),
            (1_010_001, 1_000_000, CheckResult::Problem, "10.001 s"),
            (0, 3_600_000, CheckResult::Problem, "3600.000 s"),
        ] {
            let finding = judge(&Compared { here: at(here), there: at(there) });
            assert_eq!(finding.result, result, "{finding:?}");
            assert!(finding.found.starts_with(found), "{finding:?}");
        }
    }
}
