//! The header `Authorization` of a client that asks the issuer. Serves this crate and the commands
//! of the server.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// The value of the header, wiped when it is dropped.
#[derive(Clone)]
pub(crate) struct Authorization(Zeroizing<String>);

impl Authorization {
    /// A client's id and secret.
    pub(crate) fn basic(client_id: &str, secret: String) -> Self {
        Self(basic(client_id, &Zeroizing::new(secret)))
    }

    /// An API key.
    pub(crate) fn bearer(key: String) -> Self {
        let key = Zeroizing::new(key);
        Self(Zeroizing::new(["Bearer ", key.trim()].concat()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The header value of a client's id and secret, both form-encoded first (RFC 6749 §2.3.1).
#[must_use]
pub fn basic(client_id: &str, secret: &str) -> Zeroizing<String> {
    let pair = Zeroizing::new([&*form_encoded(client_id), ":", &*form_encoded(secret)].concat());
    let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    Zeroizing::new(["Basic ", &encoded].concat())
}

/// Encodes text as `application/x-www-form-urlencoded` (RFC 6749 Appendix B).
#[must_use]
pub fn form_encoded(text: &str) -> Zeroizing<String> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| HEX.get(usize::from(value)).copied().map_or('0', char::from);
    // Room for all of it: growing would leave copies of a secret behind.
    let mut encoded = Zeroizing::new(String::with_capacity(text.len() * 3));
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            _ => encoded.extend(['%', digit(byte >> 4), digit(byte & 15)]),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::form_encoded;

    #[test]
    fn credentials_are_encoded_as_the_rfc_says() {
        assert_eq!(*form_encoded("a b:c%+é-._*~"), "a+b%3Ac%25%2B%C3%A9-._*%7E");
    }
}
