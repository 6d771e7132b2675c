//! The settings: a table of names, types and defaults. A flag beats the environment, which beats
//! the file, which beats the default.

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
use crate::model::host::AllowedHosts;
use crate::model::issuer::Issuer;
use crate::model::leak::LeakPolicy;
use crate::model::origin::AllowedOrigins;
use crate::model::resource::ResourceUri;
use crate::model::signing_key::SigningAlgorithm;
use crate::model::user::SecondFactorRule;
use crate::secret::Secret;

/// All settings, each valid by itself; `serve` checks at its start if they fit together.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `listen`: the address for HTTP.
    pub listen: SocketAddr,
    /// `issuer`: the issuer of tokens.
    pub issuer: Option<Issuer>,
    /// `database_url`; it may hold a password.
    pub database_url: Secret,
    /// `master_key_file`.
    pub master_key_file: PathBuf,
    /// `master_key`: the key itself, instead of a file.
    pub master_key: Option<Secret>,
    /// `workers`: the number of threads that answer requests.
    pub workers: usize,
    /// `token.ttl`: the lifetime of a token.
    pub token_ttl: Duration,
    /// `token.alg`: the signing algorithm of tokens.
    pub token_alg: SigningAlgorithm,
    /// `token.audience`: the default audience of tokens; the issuer if absent.
    pub token_audience: Option<ResourceUri>,
    /// `jwks.max_age`: the time that verifiers may cache the published keys.
    pub jwks_max_age: Duration,
    /// `keys.rotate_every`: the time that a signing key signs; zero for no rotation.
    pub keys_rotate_every: Duration,
    /// `keys.publish_ahead`: the time that a key is published before it signs.
    pub keys_publish_ahead: Duration,
    /// `outage_grace`: the time that a node serves its cache while the store is unreachable.
    pub outage_grace: Duration,
    /// `revocations.max_per_client`: the limit of single revoked tokens per client.
    pub revocations_max_per_client: u32,
    /// `metrics.listen`: the address of `/metrics`; the main listener if absent.
    pub metrics_listen: Option<SocketAddr>,
    /// `trusted_proxies`: proxies whose forwarded addresses are trusted.
    pub trusted_proxies: AddressRanges,
    /// `api_keys.prefix`: the prefix of API keys.
    pub api_keys_format: KeyFormat,
    /// `api_keys.environment`: the environments of accepted API keys, unless a request names them.
    pub api_keys_environment: Environments,
    /// `api_keys.header`: the header of an API key, besides `Authorization`.
    pub api_keys_header: String,
    /// `api_keys.max_ttl`: the longest lifetime of an API key; zero for no limit.
    pub api_keys_max_ttl: Duration,
    /// `session.cookie_name`: the session cookie; [`Settings::session_cookie`] if absent.
    pub session_cookie_name: Option<String>,
    /// `session.idle`: the time without a request that ends a session.
    pub session_idle: Duration,
    /// `session.lifetime`: the longest lifetime of a session.
    pub session_lifetime: Duration,
    /// `users.second_factor`: the users who need a second factor.
    pub users_second_factor: SecondFactorRule,
    /// `leaks.public_keys`: the file with the public keys of leak scanners; no reports are accepted
    /// if absent.
    pub leaks_public_keys: Option<PathBuf>,
    /// `leaks.policy`: the consequence of a report for a key.
    pub leaks_policy: LeakPolicy,
    /// `api.base_paths`: additional base paths of `auth/check` and `users/me`.
    pub api_base_paths: Vec<BasePath>,
    /// `cors.allowed_origins`: origins of web pages that may call the API.
    pub cors_allowed_origins: AllowedOrigins,
    /// `allowed_hosts`: host names of the pages, besides that of the issuer.
    pub allowed_hosts: AllowedHosts,
    /// `metadata.authorization_endpoint`: name an authorization endpoint, which refuses everything.
    pub metadata_authorization_endpoint: bool,
    /// `metadata.openid_configuration`: publish the metadata for OpenID clients as well.
    pub metadata_openid_configuration: bool,
    /// `log`: the log filter, in the syntax of `env_logger`.
    pub log: String,
    /// `log_format`.
    pub log_format: LogFormat,
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// The value of the setting.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

/// An unusable setting. The message says what to do.
#[derive(Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// No setting has this name.
    Unknown {
        /// The unknown name.
        name: String,
        /// Its source.
        source: Source,
        /// The nearest known name.
        nearest: &'static str,
    },
    /// The value has the wrong type or range.
    Invalid {
        /// The setting.
        key: &'static str,
        /// The source of the value.
        source: Source,
        /// The expected value.
        reason: String,
    },
    /// The file cannot be read.
    File {
        /// The path.
        path: PathBuf,
        /// The error of the system.
        reason: String,
    },
    /// Settings contradict each other.
    Inconsistent(String),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, source, nearest } => {
                write!(f, "unknown setting `{name}` ({source}); did you mean `{nearest}`?")
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

/// The default settings file.
pub const DEFAULT_FILE: &str = "mintery.toml";

impl Settings {
    /// Loads the settings from `overrides` (flags), `environment`, and the file at `file`, or
    /// `mintery.toml` if it exists.
    ///
    /// # Errors
    /// When a name is unknown, a value is invalid, or a named file cannot be read.
    pub fn load(
        overrides: &Overrides,
        environment: impl IntoIterator<Item = (String, String)>,
        file: Option<&Path>,
    ) -> Result<Self, ConfigError> {
        let values = sources::collect(overrides, environment, file)?;
        table::apply(&values)
    }

    /// Loads the settings together with a list of them in the order of the table, with sources and
    /// without secrets.
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

    /// Checks that `serve --dev` and the metrics are not exposed.
    ///
    /// # Errors
    /// When other machines could reach them.
    pub fn check_listen(&self, dev: bool) -> Result<(), ConfigError> {
        let is_open = |address: &SocketAddr| !address.ip().is_loopback();
        if dev && (is_open(&self.listen) || self.metrics_listen.as_ref().is_some_and(is_open)) {
            let reason = "`serve --dev` only listens on a loopback address; set `listen` (and `metrics.listen`) to one";
            return Err(ConfigError::Inconsistent(reason.to_owned()));
        }
        if is_open(&self.listen) && self.metrics_listen.is_none() {
            let reason = "`listen` is open to other machines, which must not read the metrics; set another address for them, \
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
                          token that it signed has expired, and verifiers accept a limited number of keys";
            return Err(ConfigError::Inconsistent(reason.to_owned()));
        }
        Ok(())
    }

    /// The time that verifiers may cache the published keys: never longer than a key is published
    /// before it signs.
    #[must_use]
    pub fn published_max_age(&self) -> Duration {
        self.jwks_max_age.min(self.keys_publish_ahead)
    }

    /// The issuer of `serve`; with `--dev` it follows from `listen` if not set.
    ///
    /// # Errors
    /// When the issuer is missing, or would let secrets travel unencrypted.
    pub fn serving_issuer(&self, dev: bool) -> Result<Issuer, ConfigError> {
        let inconsistent = |reason: &str| ConfigError::Inconsistent(reason.to_owned());
        let derived = || Issuer::parse(&format!("http://{}", self.listen)).ok().filter(|_| dev);
        let issuer = self.issuer.clone().or_else(derived).ok_or_else(|| {
            inconsistent(
                "`serve` needs `issuer`, the https URL by which clients and APIs know this server \
                 (MINTERY_ISSUER=https://auth.example.com); to try Mintery out, use `serve --dev`",
            )
        })?;
        if !issuer.is_confidential() {
            return Err(inconsistent(
                "the setting `issuer` must be https unless it is a loopback address: secrets are sent to it",
            ));
        }
        Ok(issuer)
    }

    /// The session cookie at `issuer`.
    ///
    /// # Errors
    /// When browsers reject the name there.
    pub fn session_cookie(&self, issuer: &Issuer) -> Result<Box<str>, ConfigError> {
        let usual = if issuer.is_https() { "__Host-session" } else { "session" };
        let name = self.session_cookie_name.as_deref().unwrap_or(usual);
        let is_for_https = ["__host-", "__secure-"].iter().any(|prefix| {
            name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        });
        if is_for_https && !issuer.is_https() {
            let reason = format!(
                "`session.cookie_name` is {name}, which browsers accept only over https, and `issuer` is not https"
            );
            return Err(ConfigError::Inconsistent(reason));
        }
        Ok(name.into())
    }

    /// True if the main listener answers `/metrics`: it is a loopback address and `metrics.listen`
    /// is not set.
    #[must_use]
    pub fn answers_metrics_on_main(&self) -> bool {
        self.metrics_listen.is_none() && self.listen.ip().is_loopback()
    }
}
