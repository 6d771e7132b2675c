//! Parses JSON input: an object and nothing else. Errors repeat no value.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::admin::AdminError;

/// Parses a JSON object.
///
/// # Errors
/// The problem, without the invalid value: it may be a secret in the wrong place.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, AdminError> {
    serde_json::from_str(text)
        .map(|Object(value)| value)
        .map_err(|error| AdminError::Invalid(reason(&error)))
}

fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let at = format!(" at line {} column {}", error.line(), error.column());
    let what = text.strip_suffix(&at).unwrap_or(&text);
    let what = match what
        .strip_prefix("invalid type: ")
        .or_else(|| what.strip_prefix("invalid value: "))
    {
        Some(rest) => rest
            .rfind(", expected ")
            .and_then(|end| rest.get(end + 2..))
            .unwrap_or("an invalid value"),
        None => what,
    };
    match error.line() {
        ..=1 => format!("{what}, at column {}", error.column()),
        line => format!("{what}, at line {line}, column {}", error.column()),
    }
}

/// A value written as a JSON object only. `serde` would also accept an array of the members in
/// order.
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Object)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::parse;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Input {
        number: u64,
    }

    /// SEC-5
    #[test]
    fn errors_do_not_repeat_the_value() {
        for (text, reason) in [
            (r#"{"number":"MARKER"}"#, "expected u64, at column 18"),
            ("{\n\"number\":\"MARKER, expected \"}", "expected u64, at line 2, column 28"),
            (r#"{"number":1,"number":2}"#, "duplicate field `number`, at column 20"),
            (r#"{"number":1,"other":2}"#, "unknown field `other`, expected `number`, at column 19"),
            ("[1]", "expected a JSON object, at column 0"),
            (r#""MARKER""#, "expected a JSON object, at column 8"),
            ("{", "EOF while parsing an object, at column 1"),
        ] {
            assert_eq!(parse::<Input>(text).unwrap_err().to_string(), reason, "{text}");
        }
        assert_eq!(parse::<Input>(r#" {"number": 7} "#).unwrap().number, 7);
    }
}
