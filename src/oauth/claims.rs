//! The claims of an access token (RFC 9068 §2.2), and their JSON.
//!
//! The JSON is written by hand: a serializer looks at each byte for one that needs an escape, and
//! no text of a usual token has one.

use std::io::Write as _;

use serde::Serialize;

use crate::keys::signer::push_base64url;
use crate::model::claims::TokenId;

/// The claims of an access token, in the order in which they are written.
#[derive(Debug)]
pub struct AccessTokenClaims<'a, T> {
    /// The issuer.
    pub iss: &'a str,
    /// The caller: the client, with client credentials, or the owner of the API key that it was made
    /// from.
    pub sub: &'a str,
    /// The client that requested it, or the exchanged API key.
    pub client_id: &'a str,
    /// The APIs that accept it.
    pub aud: &'a [T],
    /// The time of issue, and the time from which it is valid (`nbf`), in seconds.
    pub iat: i64,
    /// The time from which it is expired, in seconds.
    pub exp: i64,
    /// Its id.
    pub jti: TokenId,
    /// The granted scopes; empty if none were requested and none are granted by default.
    pub scope: &'a str,
    /// The environment of the exchanged API key; absent if a client requested it.
    pub environment: Option<&'static str>,
}

impl<T: AsRef<str>> AccessTokenClaims<'_, T> {
    /// The claims as a JSON object.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Most claims fit, so that no reallocation copies them.
        let mut json = Vec::with_capacity(512);
        json.extend_from_slice(br#"{"iss":"#);
        push_text(&mut json, self.iss);
        json.extend_from_slice(br#","sub":"#);
        push_text(&mut json, self.sub);
        json.extend_from_slice(br#","client_id":"#);
        push_text(&mut json, self.client_id);
        json.extend_from_slice(br#","aud":"#);
        push_audience(&mut json, self.aud);
        json.extend_from_slice(br#","iat":"#);
        push_number(&mut json, self.iat);
        json.extend_from_slice(br#","nbf":"#);
        push_number(&mut json, self.iat);
        json.extend_from_slice(br#","exp":"#);
        push_number(&mut json, self.exp);
        json.extend_from_slice(br#","jti":""#);
        push_base64url(&mut json, &self.jti.to_bytes());
        json.push(b'"');
        if !self.scope.is_empty() {
            json.extend_from_slice(br#","scope":"#);
            push_text(&mut json, self.scope);
        }
        if let Some(environment) = self.environment {
            json.extend_from_slice(br#","environment":"#);
            push_text(&mut json, environment);
        }
        json.push(b'}');
        json
    }
}

/// `aud`: one API as a string, several as an array (RFC 7519 §4.1.3).
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Audience<'a, T> {
    /// The one API.
    One(&'a str),
    /// Several.
    Many(&'a [T]),
}

impl<'a, T: AsRef<str>> Audience<'a, T> {
    /// The claim for these APIs.
    #[must_use]
    pub fn of(audience: &'a [T]) -> Self {
        match audience {
            [one] => Self::One(one.as_ref()),
            several => Self::Many(several),
        }
    }
}

fn push_audience<T: AsRef<str>>(json: &mut Vec<u8>, audience: &[T]) {
    if let [one] = audience {
        return push_text(json, one.as_ref());
    }
    json.push(b'[');
    for (position, api) in audience.iter().enumerate() {
        if position > 0 {
            json.push(b',');
        }
        push_text(json, api.as_ref());
    }
    json.push(b']');
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

/// Appends a number in decimal digits.
pub fn push_number(json: &mut Vec<u8>, number: impl std::fmt::Display) {
    // Writing to a vector cannot fail.
    let _ = write!(json, "{number}");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::AccessTokenClaims;
    use crate::model::claims::TokenId;

    proptest! {
        /// 9068-2: the claims are JSON, whatever bytes a name has.
        #[test]
        fn claims_are_written_as_a_serializer_writes_them(
            texts in proptest::collection::vec("\\PC{0,12}|[\0-\u{7f}]{0,12}", 3),
            audience in proptest::collection::vec("[ -~]{0,12}", 1..4),
            scope in "[a-z]{0,5}",
            iat in 0..i64::MAX,
        ) {
            let jti = TokenId { event: 7, credential: [1; 8], nonce: [2; 16] };
            let claims = AccessTokenClaims {
                iss: &texts[0], sub: &texts[1], client_id: &texts[2], aud: &audience, iat, exp: 9, jti, scope: &scope,
                environment: None,
            };
            let written: Value = serde_json::from_slice(&claims.to_json()).unwrap();
            let mut expected = json!({
                "iss": texts[0], "sub": texts[1], "client_id": texts[2], "aud": audience, "iat": iat, "nbf": iat,
                "exp": 9, "jti": jti.encode(), "scope": scope,
            });
            if let [one] = &*audience {
                expected["aud"] = json!(one);
            }
            if scope.is_empty() {
                expected.as_object_mut().unwrap().remove("scope");
            }
            prop_assert_eq!(written, expected);
        }
    }
}
