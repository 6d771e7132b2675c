//! The file of profiles, with secrets in plain text: `mintery/profiles.toml` in the user's
//! configuration directory, readable by the user alone.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;
use tempfile::NamedTempFile;
use toml::{Table, Value};
use zeroize::Zeroizing;

use super::credential::Credential;
use super::server_url;
use crate::cli::error::CliError;
use crate::model::issuer::Issuer;
use crate::secret::Secret;

/// A server with the credential for it.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The URL of the server.
    pub url: Issuer,
    /// The credential.
    pub credential: Credential,
}

/// The maximum length of the file.
const MAX_LEN: u64 = 1024 * 1024;

const URL: &str = "url";
const TOKEN: &str = "token";
const CLIENT_ID: &str = "client_id";
const CLIENT_SECRET: &str = "client_secret";

/// The location of the file.
#[derive(Debug)]
pub struct ProfileFile {
    folder: PathBuf,
    path: PathBuf,
}

impl ProfileFile {
    /// Finds `$XDG_CONFIG_HOME` or `~/.config`. A relative path is ignored, as the XDG specification
    /// says.
    pub fn locate() -> Result<Self, CliError> {
        let absolute = |name: &str| {
            std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
        };
        let home = || absolute("HOME").map(|home| home.join(".config"));
        let folder = absolute("XDG_CONFIG_HOME").or_else(home).ok_or_else(|| {
            let reason = "cannot locate the profiles: neither XDG_CONFIG_HOME nor HOME is set; \
                          set one, or use MINTERY_URL and MINTERY_TOKEN";
            CliError::Failed(reason.to_owned())
        })?;
        let folder = folder.join("mintery");
        let path = folder.join("profiles.toml");
        Ok(Self { folder, path })
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Loads the profile `name`.
    ///
    /// # Errors
    /// When it does not exist, or the file cannot be trusted or read.
    pub fn load(&self, name: &str) -> Result<Profile, CliError> {
        let profiles = self.read()?;
        match profiles.get(name) {
            Some(entry) => self.parse(name, entry),
            None => Err(unknown(name, &profiles)),
        }
    }

    /// Stores `profile` as `name`; returns true if it replaced one.
    ///
    /// # Errors
    /// When the file cannot be read or written. It is unchanged then.
    pub fn store(&self, name: &str, profile: &Profile) -> Result<bool, CliError> {
        let _turn = self.lock()?;
        let mut profiles = self.read()?;
        let before = profiles.insert(name.to_owned(), Value::Table(entry(profile)));
        self.write(&profiles)?;
        Ok(before.is_some())
    }

    /// Deletes the profile `name`, and the file with the last one; returns the profile unless it was
    /// damaged.
    ///
    /// # Errors
    /// When it does not exist, or the file cannot be read or written. It is unchanged then.
    pub fn remove(&self, name: &str) -> Result<Option<Profile>, CliError> {
        let mut profiles = self.read()?;
        if profiles.is_empty() {
            return Err(unknown(name, &profiles));
        }
        let _turn = self.lock()?;
        profiles = self.read()?;
        let Some(entry) = profiles.remove(name) else { return Err(unknown(name, &profiles)) };
        if profiles.is_empty() {
            fs::remove_file(&self.path).map_err(|error| self.failed(&error))?;
        } else {
            self.write(&profiles)?;
        }
        Ok(self.parse(name, &entry).ok())
    }

    fn failed(&self, reason: &impl std::fmt::Display) -> CliError {
        CliError::Failed(format!("cannot use {}: {reason}", self.path.display()))
    }

    /// Creates a missing folder and waits until no other process changes the file. Without the lock,
    /// two simultaneous logins would lose one profile.
    fn lock(&self) -> Result<File, CliError> {
        let failed = |error: io::Error| self.failed(&error);
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(failed)?;
        self.check_folder()?;
        let lock = self.folder.join("profiles.lock");
        let file =
            OpenOptions::new().append(true).create(true).mode(0o600).open(lock).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(file)
    }

    /// Checks that no other user can replace the file.
    fn check_folder(&self) -> Result<(), CliError> {
        let folder = fs::metadata(&self.folder).map_err(|error| self.failed(&error))?;
        check_owner(&self.folder, &folder)?;
        if folder.mode() & 0o022 != 0 {
            return Err(others_may(&self.folder, &folder, "change", "700"));
        }
        Ok(())
    }

    /// Reads all profiles; an empty table without a file.
    fn read(&self) -> Result<Table, CliError> {
        let failed = |error: io::Error| self.failed(&error);
        // Check the type first: opening a pipe would wait for a writer.
        match fs::metadata(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Table::new()),
            Err(error) => return Err(failed(error)),
            Ok(found) if !found.is_file() => return Err(self.failed(&"it is not a regular file")),
            Ok(_) => self.check_folder()?,
        }
        let file = File::open(&self.path).map_err(failed)?;
        let found = file.metadata().map_err(failed)?;
        check_owner(&self.path, &found)?;
        if found.mode() & 0o077 != 0 {
            return Err(others_may(&self.path, &found, "read", "600"));
        }
        if found.len() > MAX_LEN {
            return Err(self.damaged("the file is too long"));
        }
        let mut text = Zeroizing::new(String::new());
        file.take(MAX_LEN).read_to_string(&mut text).map_err(failed)?;
        text.parse::<Table>().map_err(|error| {
            // The parser's own message repeats the line, which may hold a secret.
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            self.damaged(&format!("line {} is not valid TOML", before.matches('\n').count() + 1))
        })
    }

    /// Replaces the file atomically: a reader finds the old profiles or the new ones.
    fn write(&self, profiles: &Table) -> Result<(), CliError> {
        let failed = |error: io::Error| self.failed(&error);
        let text =
            toml::to_string(profiles).map(Zeroizing::new).map_err(|error| self.failed(&error))?;
        // With mode 0600.
        let mut draft = NamedTempFile::new_in(&self.folder).map_err(failed)?;
        draft
            .write_all(text.as_bytes())
            .and_then(|()| draft.as_file().sync_all())
            .map_err(failed)?;
        draft.persist(&self.path).map_err(|error| failed(error.error))?;
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(failed)
    }

    fn damaged(&self, what: &str) -> CliError {
        let path = self.path.display();
        CliError::Failed(format!(
            "{path} is damaged: {what}; correct it, or delete it and log in again"
        ))
    }

    fn parse(&self, name: &str, entry: &Value) -> Result<Profile, CliError> {
        let damaged = |what: &str| self.damaged(&format!("profile {name:?}: {what}"));
        let entry = entry.as_table().ok_or_else(|| damaged("it is empty"))?;
        let text = |member: &str| entry.get(member).and_then(Value::as_str);
        let secret = |member: &str| text(member).map(|plain| Secret::new(plain.to_owned()));
        if let Some(other) =
            entry.keys().find(|own| ![URL, TOKEN, CLIENT_ID, CLIENT_SECRET].contains(&own.as_str()))
        {
            return Err(damaged(&format!("unknown member {other:?}")));
        }
        let credential = match (secret(TOKEN), text(CLIENT_ID), secret(CLIENT_SECRET)) {
            (Some(token), None, None) => Credential::bearer(token),
            (None, Some(id), Some(secret)) => Credential::client(id, secret),
            _ => {
                return Err(damaged("it needs either `token`, or `client_id` and `client_secret`"));
            }
        };
        let url = text(URL).ok_or_else(|| damaged("the `url` is missing"))?;
        // A damaged file is not an invalid argument.
        let as_damage = |error| match error {
            CliError::Usage(what) => damaged(&what),
            other => other,
        };
        let (url, credential) =
            (server_url::parse(url).map_err(as_damage)?, credential.map_err(as_damage)?);
        Ok(Profile { url, credential })
    }
}

fn entry(profile: &Profile) -> Table {
    let text = |text: &str| Value::String(text.to_owned());
    let mut entry = Table::new();
    entry.insert(URL.to_owned(), text(profile.url.as_str()));
    match &profile.credential {
        Credential::ApiKey(token) | Credential::AccessToken(token) => {
            entry.insert(TOKEN.to_owned(), text(token.expose()));
        }
        Credential::Client { id, secret } => {
            entry.insert(CLIENT_ID.to_owned(), text(id));
            entry.insert(CLIENT_SECRET.to_owned(), text(secret.expose()));
        }
    }
    entry
}

fn unknown(name: &str, profiles: &Table) -> CliError {
    let names = profiles.keys().map(|name| format!("{name:?}")).collect::<Vec<_>>();
    CliError::NotAuthenticated(match names.as_slice() {
        [] => "not logged in; run `mintery login --url URL`".to_owned(),
        names => format!("unknown profile {name:?}; known profiles: {}", names.join(", ")),
    })
}

fn check_owner(path: &Path, found: &fs::Metadata) -> Result<(), CliError> {
    if found.uid() == geteuid().as_raw() {
        return Ok(());
    }
    let path = path.display();
    let (owner, own) = (found.uid(), geteuid());
    Err(CliError::Failed(format!("{path} belongs to another user ({owner}; you are {own})")))
}

fn others_may(path: &Path, found: &fs::Metadata, what: &str, mode: &str) -> CliError {
    let path = path.display();
    let found = found.mode() & 0o7777;
    CliError::Failed(format!(
        "other users may {what} {path} (mode {found:04o}); run `chmod {mode} {path}`"
    ))
}
