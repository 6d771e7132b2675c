//! The table: one row for each setting. To add one: a field of [`Settings`], a row here.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::sources::Values;
use super::{ConfigError, LogFormat, Settings};
use crate::model::issuer::Issuer;
use crate::model::resource::ResourceUri;
use crate::model::signing_key::SigningAlgorithm;
use crate::secret::Secret;

type Apply = fn(&mut Settings, &str) -> Result<(), String>;

/// Each setting, and how its text becomes its value.
pub const TABLE: &[(&str, Apply)] = &[
    ("listen", |settings, text| put(&mut settings.listen, parse(text, "an address such as 127.0.0.1:8080"))),
    ("issuer", |settings, text| put(&mut settings.issuer, said(Issuer::parse(text)).map(Some))),
    ("database_url", |settings, text| put(&mut settings.database_url, Ok(Secret::new(text.to_owned())))),
    ("master_key_file", |settings, text| put(&mut settings.master_key_file, Ok(PathBuf::from(text)))),
    ("master_key", |settings, text| put(&mut settings.master_key, Ok(Some(Secret::new(text.to_owned()))))),
    ("workers", |settings, text| put(&mut settings.workers, number(text, 1, 1024))),
    ("token.ttl", |settings, text| put(&mut settings.token_ttl, seconds(text, 1, 30 * DAY))),
    ("token.alg", |settings, text| put(&mut settings.token_alg, said(SigningAlgorithm::from_str(text)))),
    ("token.audience", |settings, text| {
        put(&mut settings.token_audience, said(ResourceUri::parse(text)).map(Some))
    }),
    ("jwks.max_age", |settings, text| put(&mut settings.jwks_max_age, seconds(text, 0, DAY))),
    ("keys.rotate_every", |settings, text| {
        put(&mut settings.keys_rotate_every, seconds(text, 0, 3650 * DAY))
    }),
    ("keys.publish_ahead", |settings, text| {
        put(&mut settings.keys_publish_ahead, seconds(text, 0, 30 * DAY))
    }),
    ("outage_grace", |settings, text| put(&mut settings.outage_grace, seconds(text, 0, DAY))),
    ("metrics.listen", |settings, text| {
        put(&mut settings.metrics_listen, parse(text, "an address such as 127.0.0.1:9090").map(Some))
    }),
    ("metadata.authorization_endpoint", |settings, text| {
        put(&mut settings.metadata_authorization_endpoint, parse(text, "true or false"))
    }),
    ("metadata.openid_configuration", |settings, text| {
        put(&mut settings.metadata_openid_configuration, parse(text, "true or false"))
    }),
    ("log", |settings, text| put(&mut settings.log, log_filter(text))),
    ("log_format", |settings, text| put(&mut settings.log_format, log_format(text))),
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
            metrics_listen: None,
            metadata_authorization_endpoint: true,
            metadata_openid_configuration: true,
            log: "info".to_owned(),
            log_format: LogFormat::Text,
        }
    }
}

/// The row with this name.
pub fn row(name: &str) -> Option<&'static (&'static str, Apply)> {
    TABLE.iter().find(|(key, _)| *key == name)
}

/// The known name that is most like `name`.
pub fn nearest(name: &str) -> &'static str {
    let distance = |key: &str| strsim::damerau_levenshtein(key, name);
    TABLE.iter().map(|(key, _)| *key).min_by_key(|key| distance(key)).unwrap_or("listen")
}

/// The settings that `values` make.
pub fn apply(values: &Values) -> Result<Settings, ConfigError> {
    let mut settings = Settings::default();
    for (key, value) in values {
        let Some((key, apply)) = row(key) else { continue };
        apply(&mut settings, value.text.expose()).map_err(|reason| ConfigError::Invalid {
            key,
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
    number(text, least, most).map(Duration::from_secs).map_err(|error| format!("{error}, in seconds"))
}

fn log_filter(text: &str) -> Result<String, String> {
    said(env_filter::Builder::new().try_parse(text)).map(|_| text.to_owned())
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("it should be text or json".to_owned()),
    }
}
