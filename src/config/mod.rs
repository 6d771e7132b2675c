//! The settings: a table of what can be set, where each value came from, and what it must look
//! like. A flag beats the environment, which beats the file, which beats the default.

pub mod masking;
mod show;
mod sources;
mod table;
mod value;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use show::Setting;
pub use value::{Overrides, Source};

use crate::model::address::AddressRanges;
use crate::model::api_key::{Environments, KeyFormat};
use crate::model::base_path::BasePath;
use crate::model::issuer::Issuer;
use crate::model::leak::LeakPolicy;
use crate::model::origin::AllowedOrigins;
use crate::model::resource::ResourceUri;
use crate::model::signing_key::SigningAlgorithm;
use crate::model::user::SecondFactorRule;
use crate::secret::Secret;

/// All settings, valid one by one; what `serve` needs beyond that is checked when it starts.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `listen`: where HTTP is answered.
    pub listen: SocketAddr,
    /// `issuer`: who signs.
    pub issuer: Option<Issuer>,
    /// `database_url`; it may hold a password.
    pub database_url: Secret,
    /// `master_key_file`.
    pub master_key_file: PathBuf,
    /// `master_key`: the key itself, instead of a file.
    pub master_key: Option<Secret>,
    /// `workers`: threads that answer requests.
    pub workers: usize,
    /// `token.ttl`: how long a token is good.
    pub token_ttl: Duration,
    /// `token.alg`: what tokens are signed with.
    pub token_alg: SigningAlgorithm,
    /// `token.audience`: what tokens are good for when nothing else is asked for; the issuer when
    /// absent.
    pub token_audience: Option<ResourceUri>,
    /// `jwks.max_age`: how long verifiers may keep the published keys.
    pub jwks_max_age: Duration,
    /// `keys.rotate_every`: how long a signing key signs before another takes over; never with
    /// zero.
    pub keys_rotate_every: Duration,
    /// `keys.publish_ahead`: how long a key is published before it signs.
    pub keys_publish_ahead: Duration,
    /// `outage_grace`: how long a node serves what it remembers while the store is out of reach.
    pub outage_grace: Duration,
    /// `revocations.max_per_client`: how many single tokens of a client are remembered as revoked
    /// until they expire.
    pub revocations_max_per_client: u32,
    /// `metrics.listen`: where `/metrics` is answered when that is not the main listener.
    pub metrics_listen: Option<SocketAddr>,
    /// `trusted_proxies`: whose word is taken for who calls.
    pub trusted_proxies: AddressRanges,
    /// `api_keys.prefix`: what API keys begin with.
    pub api_keys_format: KeyFormat,
    /// `api_keys.environment`: which API keys are accepted where nobody says.
    pub api_keys_environment: Environments,
    /// `api_keys.header`: in which header an API key comes, beside `Authorization`.
    pub api_keys_header: String,
    /// `api_keys.max_ttl`: the longest life of an API key; any with zero.
    pub api_keys_max_ttl: Duration,
    /// `session.cookie_name`: the cookie that people stay logged in by;
    /// [`Settings::session_cookie`] when absent.
    pub session_cookie_name: Option<String>,
    /// `session.idle`: how long somebody stays logged in who does nothing.
    pub session_idle: Duration,
    /// `session.lifetime`: how long somebody stays logged in at most.
    pub session_lifetime: Duration,
    /// `users.second_factor`: who may do nothing without a second factor.
    pub users_second_factor: SecondFactorRule,
    /// `leaks.public_keys`: where the public keys are of those who tell of API keys that were
    /// found in public; nobody may when absent.
    pub leaks_public_keys: Option<PathBuf>,
    /// `leaks.policy`: what is done with those.
    pub leaks_policy: LeakPolicy,
    /// `api.base_paths`: other paths below which `auth/check` and `users/me` answer.
    pub api_base_paths: Vec<BasePath>,
    /// `cors.allowed_origins`: web pages that may call the API.
    pub cors_allowed_origins: AllowedOrigins,
    /// `metadata.authorization_endpoint`: whether the metadata name an endpoint that refuses
    /// everything.
    pub metadata_authorization_endpoint: bool,
    /// `metadata.openid_configuration`: whether the metadata are also where OpenID clients look
    /// for them.
    pub metadata_openid_configuration: bool,
    /// `log`: what is logged, as `env_logger` has it.
    pub log: String,
    /// `log_format`.
    pub log_format: LogFormat,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// The name, as it is set.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

/// A setting that cannot be used, with what to do.
#[derive(Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// No setting has this name.
    Unknown {
        /// As it was written.
        name: String,
        /// Where.
        source: Source,
        /// The known name that is most like it.
        nearest: &'static str,
    },
    /// The value is not of the kind that the setting has.
    Invalid {
        /// Which setting.
        key: &'static str,
        /// Where the value came from.
        source: Source,
        /// What it should be.
        reason: String,
    },
    /// The file cannot be read.
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Settings that do not go together.
    Inconsistent(String),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, source, nearest } => {
                write!(f, "there is no setting `{name}` ({source}); did you mean `{nearest}`?")
            }
            Self::Invalid { key, source, reason } => {
                write!(f, "the setting `{key}` ({source}) is not valid: {reason}")
            }
            Self::File { path, reason } => {
                write!(f, "cannot read the settings in {}: {reason}", path.display())
            }
            Self::Inconsistent(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Where settings are looked for when no file is named.
pub const DEFAULT_FILE: &str = "mintery.toml";

impl Settings {
    /// Reads the settings from `overrides` (flags), `environment`, and the file at `file`, or
    /// `mintery.toml` if there is one.
    ///
    /// # Errors
    /// When a name is not known, a value is of the wrong kind, or a file that was named cannot be
    /// read.
    pub fn load(
        overrides: &Overrides,
        environment: impl IntoIterator<Item = (String, String)>,
        file: Option<&Path>,
    ) -> Result<Self, ConfigError> {
        let values = sources::collect(overrides, environment, file)?;
        table::apply(&values)
    }

    /// The same, and what is told of them: setting by setting in the order of the table, with where
    /// each value came from, and without secrets.
    ///
    /// # Errors
    /// See [`Settings::load`].
    pub fn load_and_tell(
        overrides: &Overrides,
        environment: impl IntoIterator<Item = (String, String)>,
        file: Option<&Path>,
    ) -> Result<(Self, Vec<Setting>), ConfigError> {
        let values = sources::collect(overrides, environment, file)?;
        let settings = table::apply(&values)?;
        let told = show::all(&settings, &values);
        Ok((settings, told))
    }

    /// Checks that `serve --dev`, and in any case the metrics, keep to themselves.
    ///
    /// # Errors
    /// When they would be open to others.
    pub fn check_listen(&self, dev: bool) -> Result<(), ConfigError> {
        let is_open = |address: &SocketAddr| !address.ip().is_loopback();
        if dev && (is_open(&self.listen) || self.metrics_listen.as_ref().is_some_and(is_open)) {
            let reason = "`serve --dev` only listens on a loopback address; set `listen` (and `metrics.listen`) to one";
            return Err(ConfigError::Inconsistent(reason.to_owned()));
        }
        if is_open(&self.listen) && self.metrics_listen.is_none() {
            let reason = "`listen` is open to others, who are not to read the metrics: name another address for them, \
                          `metrics.listen` (MINTERY_METRICS__LISTEN=127.0.0.1:9090)";
            return Err(ConfigError::Inconsistent(reason.to_owned()));
        }
        Ok(())
    }

    /// Checks that signing keys are published before they sign.
    ///
    /// # Errors
    /// When the next key would have to be published before the last one signs.
    pub fn check_rotation(&self) -> Result<(), ConfigError> {
        if !self.keys_rotate_every.is_zero() && self.keys_publish_ahead >= self.keys_rotate_every {
            let reason = "`keys.publish_ahead` must be shorter than `keys.rotate_every`";
            return Err(ConfigError::Inconsistent(reason.to_owned()));
        }
        if !self.keys_rotate_every.is_zero()
            && self.token_ttl > self.keys_rotate_every.saturating_mul(8)
        {
            let reason = "`token.ttl` must be at most eight times `keys.rotate_every`: a key stays published until the last \
                          token that it signed has expired, and verifiers do not take any number of keys";
            return Err(ConfigError::Inconsistent(reason.to_owned()));
        }
        Ok(())
    }

    /// How long verifiers may keep the published keys: never for longer than a key is published
    /// before it signs.
    #[must_use]
    pub fn published_max_age(&self) -> Duration {
        self.jwks_max_age.min(self.keys_publish_ahead)
    }

    /// The issuer that `serve` answers for; with `--dev` it follows from `listen` when none is set.
    ///
    /// # Errors
    /// When there is none, or it would let secrets travel in plain.
    pub fn serving_issuer(&self, dev: bool) -> Result<Issuer, ConfigError> {
        let inconsistent = |reason: &str| ConfigError::Inconsistent(reason.to_owned());
        let derived = || Issuer::parse(&format!("http://{}", self.listen)).ok().filter(|_| dev);
        let issuer = self.issuer.clone().or_else(derived).ok_or_else(|| {
            inconsistent(
                "`serve` needs `issuer`, the https URL by which clients and APIs know this server \
                 (MINTERY_ISSUER=https://auth.example.com); to try it out there is `serve --dev`",
            )
        })?;
        if !issuer.is_confidential() {
            return Err(inconsistent(
                "the setting `issuer` must be https unless it is a loopback address: secrets are sent to it",
            ));
        }
        Ok(issuer)
    }

    /// The name of the cookie that people stay logged in by at `issuer`.
    ///
    /// # Errors
    /// When browsers would not take it from there.
    pub fn session_cookie(&self, issuer: &Issuer) -> Result<Box<str>, ConfigError> {
        let usual = if issuer.is_https() { "__Host-session" } else { "session" };
        let name = self.session_cookie_name.as_deref().unwrap_or(usual);
        let is_for_https = ["__host-", "__secure-"].iter().any(|prefix| {
            name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        });
        if is_for_https && !issuer.is_https() {
            let reason = format!(
                "`session.cookie_name` is {name}, which browsers take from an https address alone, and `issuer` is none"
            );
            return Err(ConfigError::Inconsistent(reason));
        }
        Ok(name.into())
    }

    /// Whether `/metrics` is answered on the main listener: only where nobody else can ask.
    #[must_use]
    pub fn answers_metrics_on_main(&self) -> bool {
        self.metrics_listen.is_none() && self.listen.ip().is_loopback()
    }
}
