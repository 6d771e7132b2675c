//! JSON objects without repeated members. Of two members with one name, one reader takes the first
//! and another the last, so that the checked value is not the used one (RFC 8725 §2.4, RFC 7515 §4).
//! Serves the revocation feed and every signed document of the server too.
//!
//! Text is borrowed from the input, since each new token is parsed during a request.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A JSON value, in the detail that a token needs.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Any number: tokens have only dates.
    Number(f64),
    /// A string.
    Text(Cow<'a, str>),
    /// An array.
    Array(Vec<Value<'a>>),
    /// An object, whose members are checked for repeats and dropped: no claim needs them.
    Object,
    /// `true`, `false`.
    Bool(bool),
    /// `null`.
    Null,
}

/// The members of an object, in the order of the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Object<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

impl<'a> Object<'a> {
    /// Parses an object without repeated members, at any depth.
    ///
    /// # Errors
    /// Fails if it is not JSON, not an object, or a member is repeated.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// The member with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// The string in the member with this name; nothing if it is of another type.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The number of members of most tokens.
const USUAL_MEMBERS: usize = 12;

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object without repeated members")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Object<'de>, A::Error> {
        let mut members = Vec::with_capacity(USUAL_MEMBERS);
        while let Some((Name(name), value)) = access.next_entry()? {
            members.push((name, value));
        }
        // Sorted, so that a thousand members do not cost a million comparisons.
        let mut names: Vec<&str> =
            members.iter().map(|(name, _): &(Cow<'_, str>, _)| &**name).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(A::Error::custom("a member is repeated"));
        }
        Ok(Object(members))
    }
}

/// A name, borrowed if it contains no escape.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Text(name) => Ok(Self(name)),
            _ => Err(D::Error::custom("a name that is not a string")),
        }
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without repeated members")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(value))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "dates are exact up to 2^53 seconds; others are not looked at"
    )]
    fn visit_i64<E>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(Value::Number(value as f64))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "dates are exact up to 2^53 seconds; others are not looked at"
    )]
    fn visit_u64<E>(self, value: u64) -> Result<Value<'de>, E> {
        Ok(Value::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value<'de>, E> {
        Ok(Value::Number(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value<'de>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Value<'de>, A::Error> {
        ObjectVisitor.visit_map(access).map(|_| Value::Object)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Object, Value};

    /// JOSE-4
    #[test]
    fn a_repeated_member_is_refused_at_any_depth() {
        assert!(Object::parse(br#"{"a":1,"b":{"a":1}}"#).is_ok());
        for bad in [
            r#"{"a":1,"a":1}"#,
            r#"{"b":{"a":1,"a":2}}"#,
            r#"{"b":[{"a":1,"a":2}]}"#,
            r#"{"a":1,"\u0061":2}"#,
        ] {
            assert!(Object::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        for bad in ["", "[]", "1", "null", "{", "{}x", "\u{feff}{}", r#"{"a":1e999}"#] {
            assert!(Object::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(Object::parse(deep.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn json_without_repetition_parses_as_usual(members in proptest::collection::btree_map("[a-z\"\\\\é]{0,3}", -5_i64..5, 0..5)) {
            let text = serde_json::to_vec(&members).unwrap();
            let strict = Object::parse(&text).unwrap();
            for (name, number) in &members {
                let expected = f64::from(i32::try_from(*number).unwrap());
                prop_assert_eq!(strict.get(name), Some(&Value::Number(expected)));
            }
        }
    }
}
