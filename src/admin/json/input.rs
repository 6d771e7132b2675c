//! Parsers that several inputs share.

use serde::{Deserialize, Deserializer};

use crate::admin::error::AdminError;
use crate::model::resource::ResourceUri;

/// Reads a member that `null` empties.
pub(in crate::admin) fn null_empties<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Some(Option::deserialize(deserializer)?.unwrap_or_default()))
}

/// Parses the identifiers of APIs, if the member is present.
///
/// # Errors
/// If one is invalid.
pub(in crate::admin) fn resources(
    texts: Option<Vec<String>>,
) -> Result<Option<Vec<ResourceUri>>, AdminError> {
    let Some(texts) = texts else { return Ok(None) };
    let parsed = texts.iter().map(|text| ResourceUri::parse(text).map_err(invalid));
    parsed.collect::<Result<_, _>>().map(Some)
}

/// A failed parse as an error of the request.
#[expect(clippy::needless_pass_by_value, reason = "what `map_err` calls")]
pub(in crate::admin) fn invalid(error: impl ToString) -> AdminError {
    AdminError::Invalid(error.to_string())
}
