//! `mintery signing-key …`

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use super::output::{self, Format, date};
use super::{CliError, Shared, session};
use crate::admin::Admin;
use crate::admin::json::signing_key::SigningKeyJson;
use crate::admin::signing_key::{self, KeyChange};
use crate::clock::Timestamp;
use crate::config::Settings;
use crate::keys::pem;
use crate::keys::signing::SigningKey;
use crate::model::key_schedule::{KeyState, ScheduledKey};
use crate::model::signing_key::SigningAlgorithm;
use crate::store::Missing;
use crate::store::key::StoredSigningKey;

#[derive(Debug, Subcommand)]
pub enum SigningKeyVerb {
    /// Says of every key what it is doing, and until when.
    List {
        /// How to print them.
        #[arg(short, long, default_value = "table")]
        output: Format,
    },
    /// Has a new key follow: it is published now, and signs after `keys.publish_ahead`.
    Rotate(Rotate),
    /// Has a key follow that was made elsewhere.
    Import(Import),
    /// Prints the public half of the active key, or of another, as PEM.
    Export(Export),
    /// Takes a key back at once, as when it leaked: all that it signed is refused, and another key
    /// signs.
    Retire {
        /// The id of the key, which may begin with a hyphen.
        #[arg(allow_hyphen_values = true)]
        kid: String,
        /// How to print what became of it.
        #[arg(short, long, default_value = "table")]
        output: Format,
    },
}

#[derive(Debug, Args)]
pub struct Rotate {
    /// Whose keys: ES256, ES384, PS256, RS256, EdDSA or HS256; what the settings say (`token.alg`)
    /// when absent.
    #[arg(long, value_name = "ALG")]
    alg: Option<String>,
    /// The new key, or the one that waits, signs at once. Verifiers that keep the published keys
    /// for a while may refuse its tokens until they look again.
    #[arg(long)]
    now: bool,
    /// How to print the key.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

#[derive(Debug, Args)]
pub struct Import {
    /// A private key in PEM: EC on P-256 or P-384, RSA of 2048 bits or more, or Ed25519; `-` is
    /// standard input.
    file: PathBuf,
    /// What it signs with. Only RSA keys leave a choice: RS256, or PS256.
    #[arg(long, value_name = "ALG")]
    alg: Option<String>,
    /// It signs at once, instead of after `keys.publish_ahead`.
    #[arg(long)]
    now: bool,
    /// How to print the key.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

#[derive(Debug, Args)]
pub struct Export {
    /// The id of the key, which may begin with a hyphen.
    #[arg(long, conflicts_with = "alg", allow_hyphen_values = true)]
    kid: Option<String>,
    /// The active key of this algorithm; of what the settings say (`token.alg`) when absent.
    #[arg(long, value_name = "ALG")]
    alg: Option<String>,
    /// Prints an HS256 key, in base64url, for whoever is to verify with it. Whoever has it can
    /// make tokens.
    #[arg(long)]
    secret: bool,
}

impl SigningKeyVerb {
    pub async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let settings = shared.settings(Vec::new())?;
        let admin = session::administer(&settings, Missing::Refuse).await?;
        match self {
            Self::List { output } => list(&admin, &settings, *output).await,
            Self::Rotate(rotate) => rotate.run(&admin, &settings).await,
            Self::Import(import) => import.run(&admin, &settings).await,
            Self::Export(export) => export.run(&admin, &settings).await,
            Self::Retire { kid, output } => {
                let change = signing_key::retire(&admin, kid, settings.token_alg)
                    .await
                    .map_err(CliError::admin)?;
                tell(&admin, &change, *output)
            }
        }
    }
}

impl Rotate {
    async fn run(&self, admin: &Admin, settings: &Settings) -> Result<(), CliError> {
        let algorithm = algorithm(self.alg.as_deref(), settings)?;
        let ahead = (!self.now).then_some(settings.keys_publish_ahead);
        let change = signing_key::rotate(admin, algorithm, ahead).await.map_err(CliError::admin)?;
        tell(admin, &change, self.output)
    }
}

impl Import {
    async fn run(&self, admin: &Admin, settings: &Settings) -> Result<(), CliError> {
        let algorithm = self.alg.as_deref().map(str::parse).transpose().map_err(CliError::usage)?;
        let text = read(&self.file)?;
        let key = pem::read(&text, algorithm).map_err(|error| {
            CliError::Failed(format!("cannot import {}: {error}", self.file.display()))
        })?;
        let ahead = if self.now { Duration::ZERO } else { settings.keys_publish_ahead };
        let change = signing_key::import(admin, key, ahead).await.map_err(CliError::admin)?;
        tell(admin, &change, self.output)
    }
}

impl Export {
    async fn run(&self, admin: &Admin, settings: &Settings) -> Result<(), CliError> {
        let stored = signing_key::list(admin).await.map_err(CliError::admin)?;
        let found = match &self.kid {
            Some(kid) => stored.iter().find(|key| key.kid == *kid),
            None => active(&stored, algorithm(self.alg.as_deref(), settings)?, admin.clock.now()),
        };
        let stored =
            found.ok_or_else(|| CliError::Failed("there is no such signing key".to_owned()))?;
        if stored.term.taken_back_at.is_some() {
            return Err(CliError::Failed(format!(
                "signing key {} was taken back and erased",
                stored.kid
            )));
        }
        let key = SigningKey::open(&admin.sealing, stored)
            .map_err(|error| CliError::admin(error.into()))?;
        match (&key.public, self.secret) {
            (Some(public), false) => Ok(output::text(&public.to_pem())?),
            (Some(_), true) => Err(CliError::usage(
                "`--secret` is for HS256; the private half of other keys is never shown",
            )),
            (None, true) => Ok(output::line(&key.secret_text())?),
            (None, false) => Err(CliError::usage(
                "an HS256 key has no public half; `--secret` prints the key itself, with which anybody can make tokens",
            )),
        }
    }
}

fn active(
    keys: &[StoredSigningKey],
    algorithm: SigningAlgorithm,
    now: Timestamp,
) -> Option<&StoredSigningKey> {
    keys.iter().find(|key| key.alg == algorithm.name() && key.term.state(now) == KeyState::Active)
}

fn algorithm(name: Option<&str>, settings: &Settings) -> Result<SigningAlgorithm, CliError> {
    name.map_or(Ok(settings.token_alg), |name| name.parse().map_err(CliError::usage))
}

/// A file with a key, or standard input.
fn read(file: &Path) -> Result<Zeroizing<String>, CliError> {
    /// Many times what the longest key has.
    const MOST: u64 = 64 * 1024;
    let mut text = Zeroizing::new(String::new());
    let done = if file == Path::new("-") {
        let input = std::io::stdin();
        if input.is_terminal() {
            output::note("Paste the private key, then press Ctrl-D:")?;
        }
        input.take(MOST).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|opened| opened.take(MOST).read_to_string(&mut text))
    };
    done.map_err(|error| CliError::Failed(format!("cannot read {}: {error}", file.display())))?;
    Ok(text)
}

async fn list(admin: &Admin, settings: &Settings, format: Format) -> Result<(), CliError> {
    let keys = signing_key::schedules(admin).await.map_err(CliError::admin)?;
    let now = admin.clock.now();
    if format == Format::Json {
        return Ok(output::json(
            &keys.iter().map(|key| SigningKeyJson::at(key, now)).collect::<Vec<_>>(),
        )?);
    }
    let mut table = output::table(&["KEY", "ALG", "STATE", "WHAT IT DOES"]);
    for key in &keys {
        let doing = doing(key, settings, now);
        table.add_row([key.kid.as_str(), key.algorithm.name(), key.term.state(now).name(), &doing]);
    }
    Ok(output::line(&table.to_string())?)
}

fn doing(key: &ScheduledKey, settings: &Settings, now: Timestamp) -> String {
    let (term, every) = (&key.term, settings.keys_rotate_every);
    if key.algorithm.is_symmetric()
        && key.algorithm != settings.token_alg
        && term.taken_back_at.is_none()
    {
        return format!("nothing: tokens are signed with {} (`token.alg`)", settings.token_alg);
    }
    match (term.state(now), term.signs_until, term.published_until()) {
        (KeyState::Next, ..) => format!("is published, signs from {}", date(term.signs_from)),
        (KeyState::Active, Some(until), _) => format!("signs until {}", date(until)),
        (KeyState::Active, None, _) if every.is_zero() || key.algorithm.is_symmetric() => {
            "signs until it is rotated by hand".to_owned()
        }
        (KeyState::Active, None, _) => {
            format!(
                "signs until {}, when the next rotation is due",
                date(term.signs_from.plus(every))
            )
        }
        (KeyState::Retiring, _, Some(until)) => {
            format!("verifies what it signed, is published until {}", date(until))
        }
        (KeyState::Gone, ..) if term.taken_back_at.is_some() => {
            "was taken back; all it signed is void".to_owned()
        }
        (KeyState::Gone | KeyState::Retiring, ..) => "is published no more".to_owned(),
    }
}

fn tell(admin: &Admin, change: &KeyChange, format: Format) -> Result<(), CliError> {
    let (key, now) = (&change.key, admin.clock.now());
    if format == Format::Json {
        return Ok(output::json(&SigningKeyJson::at(key, now))?);
    }
    let state = key.term.state(now);
    let what = match state {
        KeyState::Next => format!("is published, and signs from {} on", date(key.term.signs_from)),
        KeyState::Active => "signs from now on".to_owned(),
        KeyState::Retiring | KeyState::Gone => {
            "is taken back; all that it signed is refused".to_owned()
        }
    };
    Ok(output::note(&format!("Signing key {} ({}) {what}.", key.kid, key.algorithm))?)
}
