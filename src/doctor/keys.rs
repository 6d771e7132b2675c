//! The master key, and the signing keys that it gives access to.

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

/// Looks whether the master key is there, kept from others, and opens the database.
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
            Ok(_) => (Ok("whether it opens the database was not looked at"), None),
            Err(error) => (Err(error.into()), None),
        },
    };
    let finding = match (result, &source) {
        (Ok(state), MasterKeySource::Given(_)) => {
            Finding::ok(MASTER_KEY, format!("it is in the settings; {state}"))
        }
        (Ok(state), MasterKeySource::File(path)) => file(path, state),
        (Err(UnlockError::MasterKey(MasterKeyError::Missing(path))), _) => missing(&path, tables),
        (Err(error), _) => Finding::problem(MASTER_KEY, error.to_string(), advice(&error, &source)),
    };
    (finding, unlocked)
}

/// What an empty database says about the key that is, or is not, there for it.
fn empty(source: &MasterKeySource) -> Result<&'static str, UnlockError> {
    source.load()?;
    Ok("the database is still empty, and will be made with it")
}

/// No key, and no database that was made with one, as far as that is known.
fn missing(path: &Path, tables: &Subject) -> Finding {
    let found = format!("there is none at {}", path.display());
    match tables {
        Subject::Hidden(_) => {
            let found =
                format!("{found}; whether the database was made with one was not looked at");
            Finding::warning(MASTER_KEY, found, "see to the database first")
        }
        Subject::Database(_) | Subject::Nothing => {
            let found = format!("{found} yet, and the database is empty");
            if !may_make(path) {
                let found = format!("{found}; this user may not make a key there");
                let advice = "give this user the folder, or set `master_key_file` to another one";
                return Finding::problem(MASTER_KEY, found, advice);
            }
            Finding::ok(MASTER_KEY, found)
                .with_advice("nothing: the first `mintery serve` makes both")
        }
    }
}

/// A file that was read; one that everybody may use is refused before.
fn file(path: &Path, state: &str) -> Finding {
    let shown = path.display();
    let mode = match fs::metadata(path) {
        Ok(metadata) => metadata.permissions().mode() & 0o7777,
        Err(error) => {
            return Finding::problem(MASTER_KEY, format!("{shown}: {error}"), "look again");
        }
    };
    let found = format!("{shown}, mode {mode:04o}; {state}");
    if mode & 0o070 == 0 {
        Finding::ok(MASTER_KEY, found)
    } else {
        let found = format!("{found}; the group of the file may use it");
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
            format!(
                "restore the key that the database was made with, and see that `{setting}` names that one"
            )
        }
        UnlockError::MasterKey(MasterKeyError::File { path, .. }) => {
            format!(
                "see that it is a file, and that this user alone may use it: chmod 600 {}",
                path.display()
            )
        }
        UnlockError::MasterKey(_) => format!("see that `{setting}` is the key, whole"),
        UnlockError::Store(_) => "see that the database answers".to_owned(),
        UnlockError::Damaged
        | UnlockError::Empty
        | UnlockError::NotMadeByDev
        | UnlockError::SigningKey(_) => "restore the database from a backup".to_owned(),
    }
}

/// Looks for the key that signs what the settings say, and when another takes its place.
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
                "see that the database answers",
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
            Finding::warning(SIGNING_KEYS, found, "see that the clock of this machine is right")
        }
        (None, None) => {
            let found = format!("there is no key for {algorithm} (`token.alg`)");
            Finding::warning(
                SIGNING_KEYS,
                found,
                "nothing: the next start of `mintery serve` makes one",
            )
        }
    }
}

fn none_yet() -> Finding {
    Finding::ok(SIGNING_KEYS, "there are none yet")
        .with_advice("nothing: the first `mintery serve` makes them")
}

/// When another key takes the place of `key`, which signs.
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
            let found = format!("{found}; another one was due at {}", due.date());
            Finding::warning(
                SIGNING_KEYS,
                found,
                "start `mintery serve`, which sees to that; or mintery signing-key rotate",
            )
        }
    }
}
