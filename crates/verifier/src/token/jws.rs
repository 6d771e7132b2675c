//! The compact form of a signed token (RFC 7515 §7.1), parsed strictly.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::token::strict_json::Object;

/// The longest accepted token, in bytes.
pub const MAX_LEN: usize = 16 * 1024;

/// The decoded parts of a token, none of them verified.
#[derive(Debug)]
pub struct Jws<'a> {
    /// The header: a JSON object, for [`Object::parse`].
    pub header: Vec<u8>,
    /// The signed bytes: the first two parts with the dot between them.
    pub signed: &'a [u8],
    /// The second part, still encoded.
    pub payload: &'a str,
    /// The signature.
    pub signature: Vec<u8>,
}

/// The error for text that is not a signed token in compact form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// Parses a token. base64url is read strictly: no padding, no white space, no stray bits in the last
/// character.
///
/// # Errors
/// Fails if it is too long, has another number of parts, or a part is malformed.
pub fn parse(token: &str) -> Result<Jws<'_>, Malformed> {
    parse_up_to(token, MAX_LEN)
}

/// Parses a token of up to `max_len` bytes.
///
/// # Errors
/// As [`parse`].
pub fn parse_up_to(token: &str, max_len: usize) -> Result<Jws<'_>, Malformed> {
    if token.len() > max_len {
        return Err(Malformed);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(Malformed)?;
    let (header, payload) = signed.split_once('.').ok_or(Malformed)?;
    if header.is_empty() || payload.is_empty() || payload.contains('.') {
        return Err(Malformed);
    }
    Ok(Jws {
        header: decode(header)?,
        signed: signed.as_bytes(),
        payload,
        signature: decode(signature)?,
    })
}

/// Decodes a part.
///
/// # Errors
/// Fails if it is not strictly base64url.
pub fn decode(part: &str) -> Result<Vec<u8>, Malformed> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Malformed)
}

/// Returns true for a header without keys of its own. No critical member is understood here, so any
/// `crit` is rejected too (RFC 7515 §4.1.11).
pub fn brings_no_key(header: &Object<'_>) -> bool {
    ["crit", "jku", "jwk", "x5u", "x5c"].iter().all(|name| header.get(name).is_none())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MAX_LEN, parse};

    /// JOSE-1
    #[test]
    fn only_the_compact_form_is_read() {
        assert!(parse("e30.e30.AA").is_ok());
        for bad in [
            "",
            ".",
            "..",
            "...",
            "e30.e30",
            "e30.e30.AA.AA",
            "e30..AA",
            ".e30.AA",
            "e30=.e30.AA",
            "e30.e30.AA==",
            "e30.e30.A A",
            "e30.e30.AA\n",
            " e30.e30.AA",
            "e30.e30.AB",
            "e30.e30.A+",
            "e30.e30.A/",
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    /// JOSE-1
    #[test]
    fn a_long_token_is_refused_before_it_is_read() {
        let long = format!("e30.e30.{}", "A".repeat(MAX_LEN));
        assert!(parse(&long).is_err());
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,80}|[A-Za-z0-9._=-]{0,80}") {
            let _ = parse(&text);
        }
    }
}
