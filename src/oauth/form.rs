//! A strict parser of `application/x-www-form-urlencoded`. Usual decoders are lenient: they keep
//! `%zz`, replace bytes that are not UTF-8, and take the first or the last of two values. Here all
//! of that is an error.

use std::borrow::Cow;

use super::error::OauthError;
use crate::model::client::GrantType;
use crate::secret::Secret;

/// The size limit of a body, in bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// The limit of parameters in a request.
const MAX_PARAMETERS: usize = 64;

/// The parameters of a request. Each occurs at most once, except `resource` and those that its grant
/// type repeats. A parameter without a value is absent (RFC 6749 §3.1).
#[derive(Default)]
pub struct Form<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl std::fmt::Debug for Form<'_> {
    /// Prints the names only: a value may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl<'a> Form<'a> {
    /// Parses the body of a request. A parameter without encoded bytes is not copied.
    ///
    /// # Errors
    /// [`OauthError::InvalidRequest`] if the body is malformed in any way.
    pub fn parse(body: &'a [u8]) -> Result<Self, OauthError> {
        if has(body, |byte| byte < 0x20 || byte == 0x7f) {
            return Err(OauthError::InvalidRequest("The body contains a control character"));
        }
        // Some requests have three parameters, few have more than eight.
        let mut pairs = Vec::with_capacity(8);
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let (name, value) = split_once(pair, b'=').unwrap_or((pair, b""));
            if pairs.len() == MAX_PARAMETERS {
                return Err(OauthError::InvalidRequest("The request has more than 64 parameters"));
            }
            pairs.push((
                decode(name).map_err(OauthError::InvalidRequest)?,
                decode(value).map_err(OauthError::InvalidRequest)?,
            ));
        }
        for (position, (name, _)) in pairs.iter().enumerate() {
            let is_repeated = pairs.iter().skip(position + 1).any(|(other, _)| other == name);
            if is_repeated && !may_repeat(name, &pairs) {
                return Err(OauthError::InvalidRequest("A parameter is repeated"));
            }
        }
        pairs.retain(|(_, value)| !value.is_empty());
        Ok(Self(pairs))
    }

    /// The value of a parameter, the first if it may repeat.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// True if the parameter has a value.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// All values of a parameter that may repeat.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| &**value)
    }

    /// Moves the value of a parameter out, as a secret.
    pub fn take_secret(&mut self, name: &str) -> Option<Secret> {
        let (_, value) = self.0.iter_mut().find(|(own, _)| own == name)?;
        Some(Secret::new(std::mem::take(value).into_owned()))
    }
}

fn may_repeat(name: &str, pairs: &[(Cow<'_, str>, Cow<'_, str>)]) -> bool {
    let grant_types = pairs.iter().filter(|(name, _)| name == "grant_type");
    let mut grant_types = grant_types.filter_map(|(_, value)| value.parse::<GrantType>().ok());
    name == "resource" || grant_types.any(|grant| grant.repeatable_parameters().contains(&name))
}

/// True if `is_such` holds for any byte. It visits every byte, so that the compiler can vectorize
/// the loop: a token has 600.
fn has(body: &[u8], is_such: impl Fn(u8) -> bool) -> bool {
    body.iter().fold(0, |found, byte| found | u8::from(is_such(*byte))) != 0
}

fn split_once(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let position = bytes.iter().position(|byte| *byte == separator)?;
    let (before, rest) = bytes.split_at(position);
    Some((before, rest.get(1..).unwrap_or_default()))
}

const NOT_UTF8: &str = "A parameter is not UTF-8";

/// Decodes a name or value (RFC 6749 Appendix B). One without encoded bytes is not copied.
///
/// # Errors
/// The reason: no form encoder writes `%` without two digits, and escapes of NUL or of invalid UTF-8
/// are rejected.
pub fn decode(text: &[u8]) -> Result<Cow<'_, str>, &'static str> {
    if !has(text, |byte| byte == b'%' || byte == b'+') {
        return std::str::from_utf8(text).map(Cow::Borrowed).map_err(|_| NOT_UTF8);
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => match rest.next().zip(rest.next()).and_then(byte_of) {
                Some(0) => return Err("A parameter contains a NUL byte"),
                Some(byte) => byte,
                None => {
                    return Err("The body contains a percent sign without two hexadecimal digits");
                }
            },
            other => other,
        });
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| NOT_UTF8)
}

/// The byte of two hexadecimal digits.
fn byte_of((high, low): (u8, u8)) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Form, MAX_PARAMETERS};

    /// 6749-6
    #[test]
    fn bytes_that_no_encoder_writes_are_rejected() {
        let bad: [&[u8]; 12] = [
            b"a=%zz",
            b"a=%",
            b"a=%4",
            b"a=%00",
            b"a=\0",
            b"a=%ff",
            b"a=\xff",
            b"a=%c3&b=%a9",
            b"%c3=%a9",
            b"a=b\n",
            b"a=\tb",
            b"a=%+1",
        ];
        for body in bad {
            assert!(Form::parse(body).is_err(), "{}", body.escape_ascii());
        }
        assert_eq!(Form::parse(b"a=%C3%a9+%2B").unwrap().get("a"), Some("é +"));
    }

    /// 6749-6
    #[test]
    fn parameters_are_counted() {
        let body =
            |count| (0..count).map(|number| format!("p{number}=1")).collect::<Vec<_>>().join("&");
        assert!(Form::parse(body(MAX_PARAMETERS).as_bytes()).is_ok());
        assert!(Form::parse(body(MAX_PARAMETERS + 1).as_bytes()).is_err());
    }

    proptest! {
        /// A form that is accepted is read as a usual decoder reads it.
        #[test]
        fn a_form_is_read_as_a_lenient_decoder_reads_it(body in "[ -~]{0,60}|[ab=&+]{0,20}|([a-c&=+]|%[2-7][0-9a-fA-F]|%C3%A9|é){0,20}") {
            let mut decoded: Vec<(String, String)> = serde_urlencoded::from_str(&body).unwrap();
            decoded.retain(|(_, value)| !value.is_empty());
            if let Ok(form) = Form::parse(body.as_bytes()) {
                let pairs: Vec<(String, String)> =
                    form.0.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
                prop_assert_eq!(pairs, decoded);
            }
        }
    }

    /// 6749-4
    #[test]
    fn a_repeated_parameter_is_refused_but_for_resource() {
        assert!(Form::parse(b"scope=a&scope=b").is_err());
        assert!(Form::parse(b"scope=&scope=").is_err());
        assert!(Form::parse(b"unknown=a&unknown=a").is_err());
        assert!(Form::parse(b"scope=a&%73cope=b").is_err());
        assert!(Form::parse(b"audience=a&audience=b&grant_type=client_credentials").is_err());
        let form = Form::parse(b"resource=a&resource=b").unwrap();
        assert_eq!(form.all("resource").collect::<Vec<_>>(), ["a", "b"]);
    }

    /// 6749-5
    #[test]
    fn an_empty_value_is_an_absent_one() {
        let form = Form::parse(b"scope=&grant_type&x=y").unwrap();
        assert!(!form.has("scope") && !form.has("grant_type") && form.has("x"));
        assert!(Form::parse(b"").is_ok());
    }

    /// SEC-5
    #[test]
    fn a_form_prints_no_values() {
        let form = Form::parse(b"client_secret=hunter2").unwrap();
        assert_eq!(format!("{form:?}"), "[\"client_secret\"]");
    }

    proptest! {
        #[test]
        fn encoded_forms_are_read_back(pairs in proptest::collection::btree_map("[a-z]{1,4}", "[^\0]{1,12}", 0..8)) {
            let body = serde_urlencoded::to_string(&pairs).unwrap();
            let form = Form::parse(body.as_bytes()).unwrap();
            for (name, value) in &pairs {
                prop_assert_eq!(form.get(name), Some(value.as_str()));
            }
        }

        #[test]
        fn parsing_never_panics(body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Form::parse(&body);
        }
    }
}
