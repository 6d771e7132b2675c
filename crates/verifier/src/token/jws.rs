//! The compact form of a signed token (RFC 7515 §7.1), taken apart strictly.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
/// The longest token that is looked at.
pub const MAX_LEN: usize = 16 * 1024;

/// A token in its parts, decoded. Nothing in it is true yet.
#[derive(Debug)]
pub struct Jws<'a> {
    /// The header: a JSON object, for [`Object::parse`](crate::token::strict_json::Object::parse).
    pub header: Vec<u8>,
    /// What was signed: the first two parts with the dot between them.
    pub signed: &'a [u8],
    /// The second part, still encoded.
    pub payload: &'a str,
    /// The signature.
    pub signature: Vec<u8>,
}

/// Text that is no signed token in compact form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// Takes a token apart. base64url is read strictly: no padding, no white space, no stray bits in
/// the last character.
///
/// # Errors
/// When it is too long, has another number of parts, or a part is malformed.
pub fn parse(token: &str) -> Result<Jws<'_>, Malformed> {
    parse_up_to(token, MAX_LEN)
}

/// The same with another limit.
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
/// When it is not strictly base64url.
pub fn decode(part: &str) -> Result<Vec<u8>, Malformed> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Malformed)
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
