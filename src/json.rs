//! Writes the JSON objects of frequent responses and of token claims.
//!
//! A serializer looks at each byte of a text for one that needs an escape, and here hardly any text
//! has one.

use std::fmt::Display;
use std::io::Write as _;

/// Writes one JSON object, member by member. Names of members need no escape.
#[derive(Debug)]
pub struct ObjectWriter {
    json: Vec<u8>,
}

impl ObjectWriter {
    /// Starts an object. `capacity` is the usual length, so that no reallocation copies it.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        let mut json = Vec::with_capacity(capacity);
        json.push(b'{');
        Self { json }
    }

    /// Writes a text.
    pub fn text(&mut self, name: &'static str, text: &str) {
        self.name(name);
        push_text(&mut self.json, text);
    }

    /// Writes a text if it is not empty.
    pub fn text_unless_empty(&mut self, name: &'static str, text: &str) {
        if !text.is_empty() {
            self.text(name, text);
        }
    }

    /// Writes one text as a string, several as an array (RFC 7519 §4.1.3).
    pub fn one_or_many<T: AsRef<str>>(&mut self, name: &'static str, texts: &[T]) {
        if let [one] = texts {
            return self.text(name, one.as_ref());
        }
        self.name(name);
        self.json.push(b'[');
        for (position, text) in texts.iter().enumerate() {
            if position > 0 {
                self.json.push(b',');
            }
            push_text(&mut self.json, text.as_ref());
        }
        self.json.push(b']');
    }

    /// Writes a number, a truth value or another value whose text is its JSON.
    pub fn plain(&mut self, name: &'static str, value: impl Display) {
        self.name(name);
        // Writing to a vector cannot fail.
        let _ = write!(self.json, "{value}");
    }

    /// Writes a value that is JSON already.
    pub fn raw(&mut self, name: &'static str, json: &[u8]) {
        self.name(name);
        self.json.extend_from_slice(json);
    }

    /// Writes a text that `push` appends, of bytes that need no escape.
    ///
    /// # Errors
    /// Those of `push`.
    pub fn pushed<E>(
        &mut self,
        name: &'static str,
        push: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.name(name);
        self.json.push(b'"');
        push(&mut self.json)?;
        self.json.push(b'"');
        Ok(())
    }

    /// Ends the object.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.json.push(b'}');
        self.json
    }

    fn name(&mut self, name: &'static str) {
        if self.json.len() > 1 {
            self.json.push(b',');
        }
        self.json.push(b'"');
        self.json.extend_from_slice(name.as_bytes());
        self.json.extend_from_slice(b"\":");
    }
}

fn push_text(json: &mut Vec<u8>, text: &str) {
    // Visits every byte, so that the compiler can vectorize the loop.
    let needs_escape = |byte: &u8| u8::from(*byte < 0x20 || *byte == b'"' || *byte == b'\\');
    if text.as_bytes().iter().fold(0, |found, byte| found | needs_escape(byte)) == 0 {
        json.push(b'"');
        json.extend_from_slice(text.as_bytes());
        json.push(b'"');
    } else {
        json.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::ObjectWriter;

    proptest! {
        #[test]
        fn an_object_is_written_as_a_serializer_writes_it(
            text in "\\PC{0,12}|[\\x00-\\x7f]{0,12}",
            texts in proptest::collection::vec("[ -~]{0,12}", 0..4),
            number in any::<i64>(),
        ) {
            let mut object = ObjectWriter::with_capacity(0);
            object.text("text", &text);
            object.text_unless_empty("full", &text);
            object.one_or_many("texts", &texts);
            object.plain("number", number);
            object.plain("truth", true);
            object.raw("raw", br#"{"a":[]}"#);
            let push = |json: &mut Vec<u8>| { json.extend_from_slice(b"ab"); Ok::<_, ()>(()) };
            object.pushed("pushed", push).unwrap();
            let written: Value = serde_json::from_slice(&object.finish()).unwrap();
            let mut expected = json!({
                "text": text, "texts": texts, "number": number, "truth": true, "raw": { "a": [] }, "pushed": "ab",
            });
            if let [one] = &*texts {
                expected["texts"] = json!(one);
            }
            if !text.is_empty() {
                expected["full"] = json!(text);
            }
            prop_assert_eq!(written, expected);
        }
    }

    #[test]
    fn an_object_may_be_empty() {
        assert_eq!(ObjectWriter::with_capacity(0).finish(), b"{}");
    }
}
