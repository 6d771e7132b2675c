//! `mintery signing-key …`

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use super::error::CliError;
use super::input::parse_given;
use super::output::{self, Output, date};
use super::session;
use super::shared::Shared;
use crate::admin::json::signing_key::SigningKeyJson;
use crate::admin::signing_key::{self, KeyChange};
use crate::admin::{Admin, AdminError};
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
    /// List the signing keys with their states.
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Create the next signing key. It is published now and signs after `keys.publish_ahead`.
    Rotate(RotateSigningKey),
    /// Import a private key as the next signing key.
    Import(ImportSigningKey),
    /// Print a public key as PEM.
    Export(ExportSigningKey),
    /// Revoke a key at once, as after a leak: all its tokens become invalid, and another key signs.
    Retire {
        /// The key id, which may begin with a hyphen.
        #[arg(allow_hyphen_values = true)]
        kid: String,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Debug, Args)]
pub struct RotateSigningKey {
    /// The algorithm: ES256, ES384, PS256, RS256, EdDSA or HS256; that of the settings (`token.alg`)
    /// if absent.
    #[arg(long, value_name = "ALG")]
    alg: Option<String>,
    /// Sign at once with the new or the waiting key. Verifiers with a cached key set may reject its
    /// tokens until they fetch the keys again.
    #[arg(long)]
    now: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub struct ImportSigningKey {
    /// A private key in PEM: EC on P-256 or P-384, RSA of 2048 bits or more, or Ed25519; `-` reads
    /// standard input.
    file: PathBuf,
    /// The algorithm. Only RSA keys leave a choice: RS256 or PS256.
    #[arg(long, value_name = "ALG")]
    alg: Option<String>,
    /// Sign at once, instead of after `keys.publish_ahead`.
    #[arg(long)]
    now: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub struct ExportSigningKey {
    /// The key id, which may begin with a hyphen.
    #[arg(long, conflicts_with = "alg", allow_hyphen_values = true)]
    kid: Option<String>,
    /// The algorithm of the active key; that of the settings (`token.alg`) if absent.
    #[arg(long, value_name = "ALG")]
    alg: Option<String>,
    /// Print an HS256 key in base64url, for a verifier. Its holder can issue tokens.
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
                let change = signing_key::retire(&admin, kid, settings.token_alg).await?;
                confirm(&admin, &change, *output)
            }
        }
    }
}

impl RotateSigningKey {
    async fn run(&self, admin: &Admin, settings: &Settings) -> Result<(), CliError> {
        let algorithm = algorithm(self.alg.as_deref(), settings)?;
        let ahead = (!self.now).then_some(settings.keys_publish_ahead);
        let change = signing_key::rotate(admin, algorithm, ahead).await?;
        confirm(admin, &change, self.output)
    }
}

impl ImportSigningKey {
    async fn run(&self, admin: &Admin, settings: &Settings) -> Result<(), CliError> {
        let algorithm = parse_given(self.alg.as_deref(), str::parse)?;
        let text = read(&self.file)?;
        let key = pem::read(&text, algorithm).map_err(|error| {
            CliError::Failed(format!("cannot import {}: {error}", self.file.display()))
        })?;
        let ahead = if self.now { Duration::ZERO } else { settings.keys_publish_ahead };
        let change = signing_key::import(admin, key, ahead).await?;
        confirm(admin, &change, self.output)
    }
}

impl ExportSigningKey {
    async fn run(&self, admin: &Admin, settings: &Settings) -> Result<(), CliError> {
        let stored = signing_key::list(admin).await?;
        let found = match &self.kid {
            Some(kid) => stored.iter().find(|key| key.kid == *kid),
            None => active(&stored, algorithm(self.alg.as_deref(), settings)?, admin.clock.now()),
        };
        let stored = found.ok_or_else(|| CliError::Failed("unknown signing key".to_owned()))?;
        if stored.term.taken_back_at.is_some() {
            return Err(CliError::Failed(format!(
                "signing key {} was revoked and erased",
                stored.kid
            )));
        }
        let key = SigningKey::open(&admin.sealing, stored).map_err(AdminError::from)?;
        match (&key.public, self.secret) {
            (Some(public), false) => output::text(&public.to_pem()),
            (Some(_), true) => Err(CliError::usage(
                "`--secret` is for HS256 only; other private keys are never shown",
            )),
            (None, true) => output::line(&key.secret_text()),
            (None, false) => Err(CliError::usage(
                "an HS256 key has no public half; `--secret` prints the key itself, which can sign tokens",
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

/// Reads a key from a file or from standard input.
fn read(file: &Path) -> Result<Zeroizing<String>, CliError> {
    /// Far longer than the longest key.
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

async fn list(admin: &Admin, settings: &Settings, output: Output) -> Result<(), CliError> {
    let keys = signing_key::schedules(admin).await?;
    let now = admin.clock.now();
    output.list(
        &keys,
        |key| SigningKeyJson::at(key, now),
        "",
        &["KEY", "ALG", "STATE", "WHAT IT DOES"],
        |key| {
            [
                key.kid.clone(),
                key.algorithm.name().to_owned(),
                key.term.state(now).name().to_owned(),
                describe(key, settings, now),
            ]
        },
    )
}

/// The state of a key in words.
fn describe(key: &ScheduledKey, settings: &Settings, now: Timestamp) -> String {
    let (term, every) = (&key.term, settings.keys_rotate_every);
    if key.algorithm.is_symmetric()
        && key.algorithm != settings.token_alg
        && term.taken_back_at.is_none()
    {
        return format!("nothing: {} signs tokens (`token.alg`)", settings.token_alg);
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
            "was revoked; all its tokens are invalid".to_owned()
        }
        (KeyState::Gone | KeyState::Retiring, ..) => "is no longer published".to_owned(),
    }
}

fn confirm(admin: &Admin, change: &KeyChange, output: Output) -> Result<(), CliError> {
    let (key, now) = (&change.key, admin.clock.now());
    let state = match key.term.state(now) {
        KeyState::Next => format!("is published, and signs from {}", date(key.term.signs_from)),
        KeyState::Active => "signs now".to_owned(),
        KeyState::Retiring | KeyState::Gone => "is revoked; all its tokens are rejected".to_owned(),
    };
    output.confirm(&SigningKeyJson::at(key, now), || {
        format!("Signing key {} ({}) {state}.", key.kid, key.algorithm)
    })
}
