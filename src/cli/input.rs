//! Parsers of arguments that several commands take.

use std::fmt::Display;
use std::time::Duration;

use super::error::CliError;
use crate::admin::AdminError;
use crate::model::client::{ClientId, SecretId};
use crate::model::patch::Patch;
use crate::model::resource::ResourceUri;

/// Parses a client id.
pub fn parse_client_id(id: &str) -> Result<ClientId, CliError> {
    ClientId::parse(id).map_err(CliError::usage)
}

/// Parses a secret id. An invalid one names no secret, and is not repeated: it may be the secret
/// itself.
pub fn parse_secret_id(id: &str) -> Result<SecretId, CliError> {
    SecretId::parse(id)
        .map_err(|error| AdminError::NotFound(format!("secret of this id: {error}")).into())
}

/// Parses an optional flag.
pub fn parse_given<T, E: Display>(
    text: Option<&str>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, CliError> {
    text.map(parse).transpose().map_err(CliError::usage)
}

/// Parses a flag whose value `cleared` removes the stored value.
pub fn parse_patch<T, E: Display>(
    text: Option<&str>,
    cleared: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Patch<T>, CliError> {
    match text {
        None => Ok(Patch::Keep),
        Some(text) if text == cleared => Ok(Patch::Clear),
        Some(text) => parse(text).map(Patch::Set).map_err(CliError::usage),
    }
}

/// Parses a repeatable flag; `""` makes an empty list, an absent flag none.
pub fn parse_uris(given: &[String]) -> Result<Option<Vec<ResourceUri>>, CliError> {
    if given.is_empty() {
        return Ok(None);
    }
    let uris = given.iter().filter(|uri| !uri.is_empty()).map(|uri| ResourceUri::parse(uri));
    uris.collect::<Result<_, _>>().map(Some).map_err(CliError::usage)
}

/// Parses a number of seconds.
pub fn parse_seconds(text: &str) -> Result<Duration, &'static str> {
    text.parse()
        .map(Duration::from_secs)
        .map_err(|_| "use a number of seconds, such as 7776000 for 90 days")
}
