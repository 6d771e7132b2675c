//! The table of settings. To add a setting, add a field to [`Settings`] (a [`Secret`] for a secret)
//! and a row here, and run `make reference`.

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
    /// The meaning, in Markdown for `docs/reference/settings.md`.
    pub meaning: &'static str,
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
        meaning: "Address and port for HTTP.",
        apply: |settings, text| {
            put(&mut settings.listen, parse(text, "an address such as 127.0.0.1:8080"))
        },
        show: Plain(|settings| Some(text_of(&settings.listen))),
    },
    Row {
        name: "issuer",
        meaning: "URL by which clients and APIs know this server; https unless it is a loopback address. `serve` requires it; with `--dev` it defaults to `http://` and `listen`.",
        apply: |settings, text| put(&mut settings.issuer, said(Issuer::parse(text)).map(Some)),
        show: Plain(|settings| settings.issuer.as_ref().map(text_of)),
    },
    Row {
        name: "database_url",
        meaning: "`sqlite://PATH`, or `postgres://USER@HOST/NAME` for several nodes.",
        apply: |settings, text| put(&mut settings.database_url, Ok(Secret::new(text.to_owned()))),
        show: SecretInUrl(|settings| Some(&settings.database_url)),
    },
    Row {
        name: "master_key_file",
        meaning: "File with the master key. Mintery creates it together with an empty database.",
        apply: |settings, text| put(&mut settings.master_key_file, Ok(PathBuf::from(text))),
        show: Plain(|settings| Some(text_of(&settings.master_key_file.display()))),
    },
    Row {
        name: "master_key",
        meaning: "The master key itself, in place of the file.",
        apply: |settings, text| {
            put(&mut settings.master_key, Ok(Some(Secret::new(text.to_owned()))))
        },
        show: ShownAs::Secret(|settings| settings.master_key.as_ref()),
    },
    Row {
        name: "workers",
        meaning: "Threads that answer requests.",
        apply: |settings, text| put(&mut settings.workers, number(text, 1, 1024)),
        show: Plain(|settings| i64::try_from(settings.workers).ok().map(Shown::Integer)),
    },
    Row {
        name: "token.ttl",
        meaning: "Lifetime of access tokens, unless their client or API has its own.",
        apply: |settings, text| put(&mut settings.token_ttl, seconds(text, 1, 30 * DAY)),
        show: Plain(|settings| seconds_of(settings.token_ttl)),
    },
    Row {
        name: "token.alg",
        meaning: "Signing algorithm of access tokens, unless their client or API has its own: `ES256`, `ES384`, `PS256`, `RS256`, `EdDSA` or `HS256`.",
        apply: |settings, text| {
            put(&mut settings.token_alg, said(SigningAlgorithm::from_str(text)))
        },
        show: Plain(|settings| Some(text_of(&settings.token_alg))),
    },
    Row {
        name: "token.audience",
        meaning: "Default audience of access tokens; the issuer if not set.",
        apply: |settings, text| {
            put(&mut settings.token_audience, said(ResourceUri::parse(text)).map(Some))
        },
        show: Plain(|settings| settings.token_audience.as_ref().map(text_of)),
    },
    Row {
        name: "jwks.max_age",
        meaning: "Time that verifiers may cache the published keys; at most `keys.publish_ahead`.",
        apply: |settings, text| put(&mut settings.jwks_max_age, seconds(text, 0, DAY)),
        show: Plain(|settings| seconds_of(settings.jwks_max_age)),
    },
    Row {
        name: "keys.rotate_every",
        meaning: "Time that a signing key signs before the next one follows; `0` turns automatic rotation off.",
        apply: |settings, text| put(&mut settings.keys_rotate_every, seconds(text, 0, 3650 * DAY)),
        show: Plain(|settings| seconds_of(settings.keys_rotate_every)),
    },
    Row {
        name: "keys.publish_ahead",
        meaning: "Time that a signing key is published before it signs.",
        apply: |settings, text| put(&mut settings.keys_publish_ahead, seconds(text, 0, 30 * DAY)),
        show: Plain(|settings| seconds_of(settings.keys_publish_ahead)),
    },
    Row {
        name: "outage_grace",
        meaning: "Time that a node serves its cache while the database is unreachable; `0` is strict.",
        apply: |settings, text| put(&mut settings.outage_grace, seconds(text, 0, DAY)),
        show: Plain(|settings| seconds_of(settings.outage_grace)),
    },
    Row {
        name: "revocations.max_per_client",
        meaning: "Single tokens of a client that are revoked and have not expired.",
        apply: |settings, text| {
            put(&mut settings.revocations_max_per_client, number(text, 1, 1_000_000))
        },
        show: Plain(|settings| Some(Shown::Integer(settings.revocations_max_per_client.into()))),
    },
    Row {
        name: "metrics.listen",
        meaning: "Address and port of `/metrics`; the main listener if not set. Required if `listen` is not a loopback address.",
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
        meaning: "Addresses or CIDR ranges of the proxies in front, whose `X-Forwarded-For` is trusted.",
        apply: |settings, text| {
            put(&mut settings.trusted_proxies, said(AddressRanges::parse(text)))
        },
        show: Plain(|settings| Some(list_of(settings.trusted_proxies.iter()))),
    },
    Row {
        name: "api_keys.prefix",
        meaning: "First part of API keys (`token` creates `token_live_…`), for the server and the command line. Keys with any other prefix are rejected.",
        apply: |settings, text| put(&mut settings.api_keys_format, said(KeyFormat::new(text))),
        show: Plain(|settings| Some(text_of(&settings.api_keys_format.prefix()))),
    },
    Row {
        name: "api_keys.environment",
        meaning: "Environment of the accepted API keys: `live`, `test` or `any`.",
        apply: |settings, text| {
            put(&mut settings.api_keys_environment, said(Environments::from_str(text)))
        },
        show: Plain(|settings| Some(text_of(&settings.api_keys_environment.name()))),
    },
    Row {
        name: "api_keys.header",
        meaning: "Header of API keys besides `Authorization`.",
        apply: |settings, text| put(&mut settings.api_keys_header, header_name(text)),
        show: Plain(|settings| Some(text_of(&settings.api_keys_header))),
    },
    Row {
        name: "api_keys.max_ttl",
        meaning: "Longest and default lifetime of an API key; `0` is unlimited.",
        apply: |settings, text| put(&mut settings.api_keys_max_ttl, seconds(text, 0, 36_525 * DAY)),
        show: Plain(|settings| seconds_of(settings.api_keys_max_ttl)),
    },
    Row {
        name: "session.cookie_name",
        meaning: "Name of the session cookie; if not set, `session`, or `__Host-session` with an https issuer.",
        apply: |settings, text| put(&mut settings.session_cookie_name, cookie_name(text).map(Some)),
        show: Plain(|settings| settings.session_cookie_name.as_ref().map(text_of)),
    },
    Row {
        name: "session.idle",
        meaning: "Time without a request that ends a session.",
        apply: |settings, text| put(&mut settings.session_idle, seconds(text, 60, 365 * DAY)),
        show: Plain(|settings| seconds_of(settings.session_idle)),
    },
    Row {
        name: "session.lifetime",
        meaning: "Longest lifetime of a session.",
        apply: |settings, text| put(&mut settings.session_lifetime, seconds(text, 60, 365 * DAY)),
        show: Plain(|settings| seconds_of(settings.session_lifetime)),
    },
    Row {
        name: "users.second_factor",
        meaning: "Users who must set up a second factor before anything else: `nobody`, `admins` or `everybody`.",
        apply: |settings, text| {
            put(&mut settings.users_second_factor, said(SecondFactorRule::from_str(text)))
        },
        show: Plain(|settings| Some(text_of(&settings.users_second_factor.name()))),
    },
    Row {
        name: "leaks.public_keys",
        meaning: "File with the public keys of secret scanners ([Leaked keys](../guides/leaked-keys.md)); if not set, no reports are accepted.",
        apply: |settings, text| put(&mut settings.leaks_public_keys, file_name(text).map(Some)),
        show: Plain(|settings| {
            settings.leaks_public_keys.as_ref().map(|path| text_of(&path.display()))
        }),
    },
    Row {
        name: "leaks.policy",
        meaning: "`revoke` a leaked API key at once, or `flag` it.",
        apply: |settings, text| put(&mut settings.leaks_policy, said(LeakPolicy::from_str(text))),
        show: Plain(|settings| Some(text_of(&settings.leaks_policy.name()))),
    },
    Row {
        name: "api.base_paths",
        meaning: "Further paths for `users/me` and `auth/check`.",
        apply: |settings, text| put(&mut settings.api_base_paths, said(BasePath::parse_list(text))),
        show: Plain(|settings| Some(list_of(settings.api_base_paths.iter()))),
    },
    Row {
        name: "cors.allowed_origins",
        meaning: "Origins whose pages may call the API (`https://app.example.com`), or `*`.",
        apply: |settings, text| {
            put(&mut settings.cors_allowed_origins, said(AllowedOrigins::parse(text)))
        },
        show: Plain(|settings| Some(list_of(settings.cors_allowed_origins.iter()))),
    },
    Row {
        name: "allowed_hosts",
        meaning: "Host names (`login.example.net`, without a port) for pages and sessions besides the host of the issuer. Addresses always count, and names of the loopback address with `--dev`.",
        apply: |settings, text| put(&mut settings.allowed_hosts, said(AllowedHosts::parse(text))),
        show: Plain(|settings| Some(list_of(settings.allowed_hosts.iter()))),
    },
    Row {
        name: "metadata.authorization_endpoint",
        meaning: "Names an authorization endpoint in the metadata, because some clients need it. The endpoint rejects every request.",
        apply: |settings, text| {
            put(&mut settings.metadata_authorization_endpoint, parse(text, "true or false"))
        },
        show: Plain(|settings| Some(Shown::Boolean(settings.metadata_authorization_endpoint))),
    },
    Row {
        name: "metadata.openid_configuration",
        meaning: "Publishes the metadata for OpenID discovery too.",
        apply: |settings, text| {
            put(&mut settings.metadata_openid_configuration, parse(text, "true or false"))
        },
        show: Plain(|settings| Some(Shown::Boolean(settings.metadata_openid_configuration))),
    },
    Row {
        name: "log",
        meaning: "Log filter in the syntax of env_logger, such as `warn,mintery=debug`. The variable `RUST_LOG` also sets it.",
        apply: |settings, text| put(&mut settings.log, log_filter(text)),
        show: Plain(|settings| Some(text_of(&settings.log))),
    },
    Row {
        name: "log_format",
        meaning: "`text`, or `json` for one object per line.",
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
    text.parse().map_err(|_| format!("must be {what}"))
}

fn number<T: FromStr + PartialOrd + std::fmt::Display + Copy>(
    text: &str,
    least: T,
    most: T,
) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| *number >= least && *number <= most);
    number.ok_or_else(|| format!("must be a number from {least} to {most}"))
}

fn seconds(text: &str, least: u64, most: u64) -> Result<Duration, String> {
    number(text, least, most)
        .map(Duration::from_secs)
        .map_err(|error| format!("{error}, in seconds"))
}

fn file_name(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("must be a file name".to_owned()) } else { Ok(PathBuf::from(text)) }
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
        return Err("must be a header name such as X-API-Key".to_owned());
    }
    if TAKEN.iter().any(|taken| text.eq_ignore_ascii_case(taken)) {
        return Err("this header has another meaning".to_owned());
    }
    Ok(text.to_owned())
}

/// Parses a cookie name (RFC 6265 §4.1.1): a token.
fn cookie_name(text: &str) -> Result<String, String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.is_empty() || text.len() > 64 || !text.bytes().all(is_token) {
        return Err("must be a cookie name such as session".to_owned());
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
        _ => Err("must be text or json".to_owned()),
    }
}
