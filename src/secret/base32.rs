//! Base32 (RFC 4648 §6) in lower case and without padding, to be copied by hand.

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Encodes `bytes`, whose bits are a multiple of five.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let (mut text, mut bits, mut count) =
        (String::with_capacity(bytes.len() * 8 / 5), 0_u32, 0_u32);
    for byte in bytes {
        bits = (bits << 8) | u32::from(*byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            let digit = usize::try_from((bits >> count) & 31).unwrap_or_default();
            text.push(char::from(ALPHABET.get(digit).copied().unwrap_or(b'a')));
        }
        bits &= (1 << count) - 1;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn encodes_as_the_rfc_does() {
        assert_eq!(encode(b"fooba"), "mzxw6ytb");
        assert_eq!(encode(&[0xff; 10]), "7777777777777777");
        assert_eq!(encode(&[]), "");
    }
}
