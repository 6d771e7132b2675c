//! The master key. It only wraps data keys, so it can be changed without touching the data they
//! protect.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::seal::SealingKey;
use crate::random::{self, Random};
use crate::secret::{Secret, base62};

/// The source of the master key.
#[derive(Debug, Clone)]
pub enum MasterKeySource {
    /// A file with mode 0600, such as a mounted secret.
    File(PathBuf),
    /// The key itself from the settings, 32 bytes in base64.
    Given(Secret),
}

/// An unusable master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The file does not exist.
    #[error("no master key at {0}")]
    Missing(PathBuf),
    /// The file cannot be used.
    #[error("cannot use the master key at {path}: {reason}")]
    File {
        /// The path.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The content is not a key.
    #[error("a master key must be 32 bytes in base64; generate one with `openssl rand -base64 32`")]
    Malformed,
}

impl MasterKeySource {
    /// Reads the key.
    ///
    /// # Errors
    /// When the key is missing or malformed, or other users may read it.
    pub fn load(&self) -> Result<SealingKey, MasterKeyError> {
        match self {
            Self::Given(text) => parse(text.expose()),
            Self::File(path) => load_file(path),
        }
    }

    /// Reads the key, or creates it if it does not exist; returns the file that this process
    /// created.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn load_or_create(
        &self,
        random: &dyn Random,
    ) -> Result<(SealingKey, Option<&Path>), MasterKeyError> {
        match (self, self.load()) {
            (Self::File(path), Err(MasterKeyError::Missing(_))) => {
                let is_ours = create_file(path, random)?;
                Ok((self.load()?, Some(&**path).filter(|_| is_ours)))
            }
            (_, loaded) => Ok((loaded?, None)),
        }
    }
}

fn parse(text: &str) -> Result<SealingKey, MasterKeyError> {
    let text = text.trim();
    let bytes = URL_SAFE_NO_PAD.decode(text).or_else(|_| STANDARD.decode(text)).map(Zeroizing::new);
    let bytes = bytes.map_err(|_| MasterKeyError::Malformed)?;
    let key: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| MasterKeyError::Malformed)?;
    SealingKey::new(key).map_err(|_| MasterKeyError::Malformed)
}

fn load_file(path: &Path) -> Result<SealingKey, MasterKeyError> {
    let failed = |reason: std::io::Error| match reason.kind() {
        std::io::ErrorKind::NotFound => MasterKeyError::Missing(path.to_owned()),
        _ => MasterKeyError::File { path: path.to_owned(), reason: reason.to_string() },
    };
    let mode = fs::metadata(path).map_err(failed)?.mode();
    if mode & 0o007 != 0 {
        let reason = format!(
            "every user may read it (mode {:04o}); run `chmod 600 {}`",
            mode & 0o7777,
            path.display()
        );
        return Err(MasterKeyError::File { path: path.to_owned(), reason });
    }
    parse(&Zeroizing::new(fs::read_to_string(path).map_err(failed)?))
}

/// Writes a new key, complete and on disk before any process can find it; returns true if this
/// process created it.
fn create_file(path: &Path, random: &dyn Random) -> Result<bool, MasterKeyError> {
    let failed = |reason: std::io::Error| MasterKeyError::File {
        path: path.to_owned(),
        reason: reason.to_string(),
    };
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let mut key = Zeroizing::new([0; 32]);
    random.fill(&mut *key);
    let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(*key) + "\n");
    // A name without remains of an earlier attempt.
    let draft = path.with_extension(base62::encode(&random::bytes::<8>(random), 11));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .map_err(failed)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    // Unlike a rename, a link never replaces a key that another process created; that key wins.
    let linked = written.and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft).map_err(failed)?;
    match linked {
        // The name must survive a power failure before a database depends on it.
        Ok(()) => fs::File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map(|()| true)
            .map_err(failed),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(error)),
    }
}
