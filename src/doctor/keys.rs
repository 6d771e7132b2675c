//! Checks of the master key and the signing keys.

use crate::clock::DateText as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use super::{Finding, Subject, may_make};
use crate::clock::{Clock, Timestamp};
use crate::config::Settings;
use crate::keys::master::{MasterKeyError, MasterKeySource};
use crate::keys::signing::SigningKey;
use crate::keys::unlock::{Mode, UnlockError, Unlocked, unlock};
use crate::model::key_schedule::{KeyState, ScheduledKey, Term};
use crate::random::Random;
use crate::server::open::master_key_source;
use crate::store::key::{self, StoredSigningKey};

const MASTER_KEY: &str = "master_key";
const SIGNING_KEYS: &str = "signing_keys";

/// Checks that the master key exists, is protected from other users, and opens the database.
pub async fn master_key(
    settings: &Settings,
    tables: &Subject,
    clock: &Arc<dyn Clock>,
    random: &dyn Random,
) -> (Finding, Option<Unlocked>) {
    let source = master_key_source(settings);
    let (result, unlocked) = match tables {
        Subject::Database(database) => {
            match unlock(database, &source, clock, random, Mode::Looking).await {
                Ok(unlocked) => (Ok("it opens the database"), Some(unlocked)),
                Err(UnlockError::Empty) => (empty(&source), None),
                Err(error) => (Err(error), None),
            }
        }
        Subject::Nothing => (empty(&source), None),
        Subject::Hidden(_) => match source.load() {
            Ok(_) => (Ok("not checked against the database"), None),
            Err(error) => (Err(error.into()), None),
        },
    };
    let finding = match (result, &source) {
        (Ok(state), MasterKeySource::Given(_)) => {
            Finding::ok(MASTER_KEY, format!("set in the settings; {state}"))
        }
        (Ok(state), MasterKeySource::File(path)) => file(path, state),
        (Err(UnlockError::MasterKey(MasterKeyError::Missing(path))), _) => missing(&path, tables),
        (Err(error), _) => Finding::problem(MASTER_KEY, error.to_string(), advice(&error, &source)),
    };
    (finding, unlocked)
}

/// Checks the key of an empty database.
fn empty(source: &MasterKeySource) -> Result<&'static str, UnlockError> {
    source.load()?;
    Ok("the database is still empty and will be created with it")
}

/// Reports a missing key. No database is known to need it.
fn missing(path: &Path, tables: &Subject) -> Finding {
    let found = format!("none at {}", path.display());
    match tables {
        Subject::Hidden(_) => {
            let found = format!("{found}; the database may need one, but was not checked");
            Finding::warning(MASTER_KEY, found, "correct the database first")
        }
        Subject::Database(_) | Subject::Nothing => {
            let found = format!("{found} yet, and the database is empty");
            if !may_make(path) {
                let found = format!("{found}; this user cannot create a key there");
                let advice = "give this user write access to the folder, or set `master_key_file` to another path";
                return Finding::problem(MASTER_KEY, found, advice);
            }
            Finding::ok(MASTER_KEY, found)
                .with_advice("nothing: the first `mintery serve` creates both")
        }
    }
}

/// Reports a readable key file. A file that every user may read is rejected before.
fn file(path: &Path, state: &str) -> Finding {
    let shown = path.display();
    let mode = match fs::metadata(path) {
        Ok(metadata) => metadata.permissions().mode() & 0o7777,
        Err(error) => {
            return Finding::problem(MASTER_KEY, format!("{shown}: {error}"), "check again");
        }
    };
    let found = format!("{shown}, mode {mode:04o}; {state}");
    if mode & 0o070 == 0 {
        Finding::ok(MASTER_KEY, found)
    } else {
        let found = format!("{found}; the group of the file can read it");
        Finding::warning(MASTER_KEY, found, format!("chmod 600 {shown}"))
    }
}

fn advice(error: &UnlockError, source: &MasterKeySource) -> String {
    let setting = match source {
        MasterKeySource::Given(_) => "master_key",
        MasterKeySource::File(_) => "master_key_file",
    };
    match error {
        UnlockError::Lost(_) | UnlockError::WrongMasterKey => {
            format!("restore the key of the database, and set `{setting}` to it")
        }
        UnlockError::MasterKey(MasterKeyError::File { path, .. }) => {
            format!(
                "check that it is a file that only this user may read: chmod 600 {}",
                path.display()
            )
        }
        UnlockError::MasterKey(_) => format!("check that `{setting}` is the complete key"),
        UnlockError::Store(_) => "check that the database answers".to_owned(),
        UnlockError::Damaged
        | UnlockError::Empty
        | UnlockError::NotMadeByDev
        | UnlockError::SigningKey(_) => "restore the database from a backup".to_owned(),
    }
}

/// Checks that a key signs the algorithm of the settings, and names the date of its successor.
pub async fn signing_keys(
    settings: &Settings,
    tables: &Subject,
    unlocked: Option<&Unlocked>,
    now: Timestamp,
) -> Finding {
    let (database, unlocked) = match (tables, unlocked) {
        (Subject::Database(database), Some(unlocked)) => (database, unlocked),
        (Subject::Hidden(why), _) => return Finding::unknown(SIGNING_KEYS, why),
        (Subject::Nothing, _) => return none_yet(),
        (Subject::Database(database), None) => {
            return match key::signing_keys(database).await {
                Ok(keys) if keys.is_empty() => none_yet(),
                _ => Finding::unknown(SIGNING_KEYS, "the master key does not open them"),
            };
        }
    };
    let stored = match key::signing_keys(database).await {
        Ok(stored) => stored,
        Err(error) => {
            return Finding::problem(
                SIGNING_KEYS,
                error.to_string(),
                "check that the database answers",
            );
        }
    };
    let algorithm = settings.token_alg;
    let known = stored.iter().filter_map(|stored| Some((stored, stored.schedule().ok()?)));
    let keys: Vec<(&StoredSigningKey, ScheduledKey)> =
        known.filter(|(_, key)| key.algorithm == algorithm).collect();
    let in_state = |state| keys.iter().find(|(_, key)| key.term.state(now) == state);
    match (in_state(KeyState::Active), in_state(KeyState::Next)) {
        (Some((stored, key)), _)
            if SigningKey::open(&unlocked.data_keys.sealing, stored).is_err() =>
        {
            let found = format!("key {} for {algorithm} does not open", key.kid);
            Finding::problem(SIGNING_KEYS, found, "restore the database from a backup")
        }
        (Some((_, key)), _) => rotation(settings, key, now),
        (None, Some((_, next))) => {
            let found = format!("no key signs {algorithm} before {}", next.term.signs_from.date());
            Finding::warning(SIGNING_KEYS, found, "check the clock of this machine")
        }
        (None, None) => {
            let found = format!("no key for {algorithm} (`token.alg`)");
            Finding::warning(
                SIGNING_KEYS,
                found,
                "nothing: the next start of `mintery serve` creates one",
            )
        }
    }
}

fn none_yet() -> Finding {
    Finding::ok(SIGNING_KEYS, "none yet")
        .with_advice("nothing: the first `mintery serve` creates them")
}

/// Reports the rotation of the active `key`.
fn rotation(settings: &Settings, key: &ScheduledKey, now: Timestamp) -> Finding {
    let Term { signs_from, signs_until, .. } = key.term;
    let found = format!("key {} signs {}", key.kid, key.algorithm);
    let every = settings.keys_rotate_every;
    let due = signs_from.plus(every);
    match signs_until {
        Some(until) => Finding::ok(
            SIGNING_KEYS,
            format!("{found} until {}, then the next one does", until.date()),
        ),
        None if every.is_zero() || key.algorithm.is_symmetric() => {
            Finding::ok(SIGNING_KEYS, format!("{found} until `mintery signing-key rotate`"))
        }
        None if due > now => Finding::ok(SIGNING_KEYS, format!("{found} until {}", due.date())),
        None => {
            let found = format!("{found}; the rotation was due at {}", due.date());
            Finding::warning(
                SIGNING_KEYS,
                found,
                "start `mintery serve`, which rotates it, or run mintery signing-key rotate",
            )
        }
    }
}
