//! The table of settings. To add a setting, add a field to [`Settings`] (a [`Secret`] for a secret)
//! and a row here.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use toml::Value as Shown;

use super::value::Values;
use super::{ConfigError, LogFormat, Settings};
use crate::model::address::AddressRanges;
use crate::model::api_key::{Environment, Environments, KeyFormat};
use crate::model::base_path::BasePath;
use crate::model::host::AllowedHosts;
use crate::model::issuer::Issuer;
use crate::model::leak::LeakPolicy;
use crate::model::origin::AllowedOrigins;
use crate::model::resource::ResourceUri;
use crate::model::signing_key::SigningAlgorithm;
use crate::model::user::SecondFactorRule;
use crate::secret::Secret;

/// One setting.
pub struct Row {
    /// The name.
    pub name: &'static str,
    /// Parses the text into its field.
    pub apply: fn(&mut Settings, &str) -> Result<(), String>,
    /// The way to show the value.
    pub show: ShownAs,
}

/// The way to show a value.
pub enum ShownAs {
    /// The value in the syntax of the file; `None` if not set.
    Plain(fn(&Settings) -> Option<Shown>),
    /// A secret: only a mask is shown.
    Secret(fn(&Settings) -> Option<&Secret>),
    /// A URL: all but the password is shown.
    SecretInUrl(fn(&Settings) -> Option<&Secret>),
}

use ShownAs::{Plain, SecretInUrl};

/// All settings.
pub const TABLE: &[Row] = &[
    Row {
        name: "listen",
        apply: |settings, text| {
            put(&mut settings.listen, parse(text, "an address such as 127.0.0.1:8080"))
        },
        show: Plain(|settings| Some(text_of(&settings.listen))),
    },
    Row {
        name: "issuer",
        apply: |settings, text| put(&mut settings.issuer, said(Issuer::parse(text)).map(Some)),
        show: Plain(|settings| settings.issuer.as_ref().map(text_of)),
    },
    Row {
        name: "database_url",
        apply: |settings, text| put(&mut settings.database_url, Ok(Secret::new(text.to_owned()))),
        show: SecretInUrl(|settings| Some(&settings.database_url)),
    },
    Row {
        name: "master_key_file",
        apply: |settings, text| put(&mut settings.master_key_file, Ok(PathBuf::from(text))),
        show: Plain(|settings| Some(text_of(&settings.master_key_file.display()))),
    },
    Row {
        name: "master_key",
        apply: |settings, text| {
            put(&mut settings.master_key, Ok(Some(Secret::new(text.to_owned()))))
        },
        show: ShownAs::Secret(|settings| settings.master_key.as_ref()),
    },
    Row {
        name: "workers",
        apply: |settings, text| put(&mut settings.workers, number(text, 1, 1024)),
        show: Plain(|settings| i64::try_from(settings.workers).ok().map(Shown::Integer)),
    },
    Row {
        name: "token.ttl",
        apply: |settings, text| put(&mut settings.token_ttl, seconds(text, 1, 30 * DAY)),
        show: Plain(|settings| seconds_of(settings.token_ttl)),
    },
    Row {
        name: "token.alg",
        apply: |settings, text| {
            put(&mut settings.token_alg, said(SigningAlgorithm::from_str(text)))
        },
        show: Plain(|settings| Some(text_of(&settings.token_alg))),
    },
    Row {
        name: "token.audience",
        apply: |settings, text| {
            put(&mut settings.token_audience, said(ResourceUri::parse(text)).map(Some))
        },
        show: Plain(|settings| settings.token_audience.as_ref().map(text_of)),
    },
    Row {
        name: "jwks.max_age",
        apply: |settings, text| put(&mut settings.jwks_max_age, seconds(text, 0, DAY)),
        show: Plain(|settings| seconds_of(settings.jwks_max_age)),
    },
    Row {
        name: "keys.rotate_every",
        apply: |settings, text| put(&mut settings.keys_rotate_every, seconds(text, 0, 3650 * DAY)),
        show: Plain(|settings| seconds_of(settings.keys_rotate_every)),
    },
    Row {
        name: "keys.publish_ahead",
        apply: |settings, text| put(&mut settings.keys_publish_ahead, seconds(text, 0, 30 * DAY)),
        show: Plain(|settings| seconds_of(settings.keys_publish_ahead)),
    },
    Row {
        name: "outage_grace",
        apply: |settings, text| put(&mut settings.outage_grace, seconds(text, 0, DAY)),
        show: Plain(|settings| seconds_of(settings.outage_grace)),
    },
    Row {
        name: "revocations.max_per_client",
        apply: |settings, text| {
            put(&mut settings.revocations_max_per_client, number(text, 1, 1_000_000))
        },
        show: Plain(|settings| Some(Shown::Integer(settings.revocations_max_per_client.into()))),
    },
    Row {
        name: "metrics.listen",
        apply: |settings, text| {
            put(
                &mut settings.metrics_listen,
                parse(text, "an address such as 127.0.0.1:9090").map(Some),
            )
        },
        show: Plain(|settings| settings.metrics_listen.as_ref().map(text_of)),
    },
    Row {
        name: "trusted_proxies",
        apply: |settings, text| {
            put(&mut settings.trusted_proxies, said(AddressRanges::parse(text)))
        },
        show: Plain(|settings| Some(list_of(settings.trusted_proxies.iter()))),
    },
    Row {
        name: "api_keys.prefix",
        apply: |settings, text| put(&mut settings.api_keys_format, said(KeyFormat::new(text))),
        show: Plain(|settings| Some(text_of(&settings.api_keys_format.prefix()))),
    },
    Row {
        name: "api_keys.environment",
        apply: |settings, text| {
            put(&mut settings.api_keys_environment, said(Environments::from_str(text)))
        },
        show: Plain(|settings| Some(text_of(&settings.api_keys_environment.name()))),
    },
    Row {
        name: "api_keys.header",
        apply: |settings, text| put(&mut settings.api_keys_header, header_name(text)),
        show: Plain(|settings| Some(text_of(&settings.api_keys_header))),
    },
    Row {
        name: "api_keys.max_ttl",
        apply: |settings, text| put(&mut settings.api_keys_max_ttl, seconds(text, 0, 36_525 * DAY)),
        show: Plain(|settings| seconds_of(settings.api_keys_max_ttl)),
    },
    Row {
        name: "session.cookie_name",
        apply: |settings, text| put(&mut settings.session_cookie_name, cookie_name(text).map(Some)),
        show: Plain(|settings| settings.session_cookie_name.as_ref().map(text_of)),
    },
    Row {
        name: "session.idle",
        apply: |settings, text| put(&mut settings.session_idle, seconds(text, 60, 365 * DAY)),
        show: Plain(|settings| seconds_of(settings.session_idle)),
    },
    Row {
        name: "session.lifetime",
        apply: |settings, text| put(&mut settings.session_lifetime, seconds(text, 60, 365 * DAY)),
        show: Plain(|settings| seconds_of(settings.session_lifetime)),
    },
    Row {
        name: "users.second_factor",
        apply: |settings, text| {
            put(&mut settings.users_second_factor, said(SecondFactorRule::from_str(text)))
        },
        show: Plain(|settings| Some(text_of(&settings.users_second_factor.name()))),
    },
    Row {
        name: "leaks.public_keys",
        apply: |settings, text| put(&mut settings.leaks_public_keys, file_name(text).map(Some)),
        show: Plain(|settings| {
            settings.leaks_public_keys.as_ref().map(|path| text_of(&path.display()))
        }),
    },
    Row {
        name: "leaks.policy",
        apply: |settings, text| put(&mut settings.leaks_policy, said(LeakPolicy::from_str(text))),
        show: Plain(|settings| Some(text_of(&settings.leaks_policy.name()))),
    },
    Row {
        name: "api.base_paths",
        apply: |settings, text| put(&mut settings.api_base_paths, said(BasePath::parse_list(text))),
        show: Plain(|settings| Some(list_of(settings.api_base_paths.iter()))),
    },
    Row {
        name: "cors.allowed_origins",
        apply: |settings, text| {
            put(&mut settings.cors_allowed_origins, said(AllowedOrigins::parse(text)))
        },
        show: Plain(|settings| Some(list_of(settings.cors_allowed_origins.iter()))),
    },
    Row {
        name: "allowed_hosts",
        apply: |settings, text| put(&mut settings.allowed_hosts, said(AllowedHosts::parse(text))),
        show: Plain(|settings| Some(list_of(settings.allowed_hosts.iter()))),
    },
    Row {
        name: "metadata.authorization_endpoint",
        apply: |settings, text| {
            put(&mut settings.metadata_authorization_endpoint, parse(text, "true or false"))
        },
        show: Plain(|settings| Some(Shown::Boolean(settings.metadata_authorization_endpoint))),
    },
    Row {
        name: "metadata.openid_configuration",
        apply: |settings, text| {
            put(&mut settings.metadata_openid_configuration, parse(text, "true or false"))
        },
        show: Plain(|settings| Some(Shown::Boolean(settings.metadata_openid_configuration))),
    },
    Row {
        name: "log",
        apply: |settings, text| put(&mut settings.log, log_filter(text)),
        show: Plain(|settings| Some(text_of(&settings.log))),
    },
    Row {
        name: "log_format",
        apply: |settings, text| put(&mut settings.log_format, log_format(text)),
        show: Plain(|settings| Some(text_of(&settings.log_format.name()))),
    },
];

const DAY: u64 = 24 * 60 * 60;

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            issuer: None,
            database_url: Secret::new("sqlite://data/mintery.db".to_owned()),
            master_key_file: PathBuf::from("keys/master.key"),
            master_key: None,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            token_ttl: Duration::from_hours(1),
            token_alg: SigningAlgorithm::Es256,
            token_audience: None,
            jwks_max_age: Duration::from_hours(1),
            keys_rotate_every: Duration::from_secs(90 * DAY),
            keys_publish_ahead: Duration::from_secs(DAY),
            outage_grace: Duration::from_mins(5),
            revocations_max_per_client: 10_000,
            metrics_listen: None,
            trusted_proxies: AddressRanges::default(),
            api_keys_format: KeyFormat::default(),
            api_keys_environment: Environments::Only(Environment::Live),
            api_keys_header: "X-API-Key".to_owned(),
            api_keys_max_ttl: Duration::ZERO,
            session_cookie_name: None,
            session_idle: Duration::from_hours(12),
            session_lifetime: Duration::from_secs(7 * DAY),
            users_second_factor: SecondFactorRule::Nobody,
            leaks_public_keys: None,
            leaks_policy: LeakPolicy::default(),
            api_base_paths: Vec::new(),
            cors_allowed_origins: AllowedOrigins::default(),
            allowed_hosts: AllowedHosts::default(),
            metadata_authorization_endpoint: true,
            metadata_openid_configuration: true,
            log: "info".to_owned(),
            log_format: LogFormat::Text,
        }
    }
}

/// Finds a row by name.
pub fn row(name: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.name == name)
}

/// The known name nearest to `name`.
pub fn nearest(name: &str) -> &'static str {
    let distance = |key: &str| strsim::damerau_levenshtein(key, name);
    TABLE.iter().map(|row| row.name).min_by_key(|name| distance(name)).unwrap_or("listen")
}

/// Applies `values` to the defaults.
pub fn apply(values: &Values) -> Result<Settings, ConfigError> {
    let mut settings = Settings::default();
    for (key, value) in values {
        let Some(row) = row(key) else { continue };
        (row.apply)(&mut settings, value.text.expose()).map_err(|reason| ConfigError::Invalid {
            key: row.name,
            source: value.source.clone(),
            reason,
        })?;
    }
    Ok(settings)
}

fn put<T>(field: &mut T, value: Result<T, String>) -> Result<(), String> {
    value.map(|value| *field = value)
}

fn said<T, E: ToString>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

fn parse<T: FromStr>(text: &str, what: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("it should be {what}"))
}

fn number<T: FromStr + PartialOrd + std::fmt::Display + Copy>(
    text: &str,
    least: T,
    most: T,
) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| *number >= least && *number <= most);
    number.ok_or_else(|| format!("it should be a number from {least} to {most}"))
}

fn seconds(text: &str, least: u64, most: u64) -> Result<Duration, String> {
    number(text, least, most)
        .map(Duration::from_secs)
        .map_err(|error| format!("{error}, in seconds"))
}

fn file_name(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() {
        Err("it should be the name of a file".to_owned())
    } else {
        Ok(PathBuf::from(text))
    }
}

/// Parses a header name without another meaning.
fn header_name(text: &str) -> Result<String, String> {
    /// Headers that proxies or this server read.
    const TAKEN: [&str; 14] = [
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "dpop",
        "expect",
        "forwarded",
        "host",
        "idempotency-key",
        "origin",
        "transfer-encoding",
        "x-forwarded-for",
        "x-request-id",
    ];
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if text.is_empty() || text.len() > 64 || !text.bytes().all(is_token) {
        return Err("it should be the name of a header such as X-API-Key".to_owned());
    }
    if TAKEN.iter().any(|taken| text.eq_ignore_ascii_case(taken)) {
        return Err("that header stands for something else".to_owned());
    }
    Ok(text.to_owned())
}

/// Parses a cookie name (RFC 6265 §4.1.1): a token.
fn cookie_name(text: &str) -> Result<String, String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.is_empty() || text.len() > 64 || !text.bytes().all(is_token) {
        return Err("it should be the name of a cookie such as session".to_owned());
    }
    Ok(text.to_owned())
}

fn log_filter(text: &str) -> Result<String, String> {
    said(env_filter::Builder::new().try_parse(text)).map(|_| text.to_owned())
}

fn text_of(value: &impl ToString) -> Shown {
    Shown::String(value.to_string())
}

fn list_of(values: impl Iterator<Item: ToString>) -> Shown {
    Shown::Array(values.map(|value| text_of(&value)).collect())
}

fn seconds_of(duration: Duration) -> Option<Shown> {
    i64::try_from(duration.as_secs()).ok().map(Shown::Integer)
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("it should be text or json".to_owned()),
    }
}
