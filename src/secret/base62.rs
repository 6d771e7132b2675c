//! Base62: digits, upper case, lower case. Form encoding leaves it unchanged, and a double click
//! selects all of it.

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Encodes the big-endian number `bytes` in exactly `width` base62 digits, most significant first,
/// and cuts excess digits off at the front. 43 digits hold 256 bits, 22 hold 128, 6 hold 32.
#[must_use]
pub fn encode(bytes: &[u8], width: usize) -> String {
    let mut number = bytes.to_vec();
    let mut digits = Vec::with_capacity(width);
    for _ in 0..width {
        let mut remainder = 0_usize;
        for byte in &mut number {
            let value = remainder * 256 + usize::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or_default();
            remainder = value % 62;
        }
        digits.push(ALPHABET.get(remainder).copied().unwrap_or(b'0'));
    }
    zeroize::Zeroize::zeroize(&mut number);
    digits.iter().rev().map(|&digit| char::from(digit)).collect()
}

/// The digit of a value below 62.
#[must_use]
pub fn digit(value: u32) -> u8 {
    usize::try_from(value).ok().and_then(|value| ALPHABET.get(value)).copied().unwrap_or(b'0')
}

/// True if `text` consists of base62 digits.
#[must_use]
pub fn is_base62(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn encodes_with_a_fixed_width() {
        assert_eq!(encode(&[0], 3), "000");
        assert_eq!(encode(&[61], 1), "z");
        assert_eq!(encode(&[62], 2), "10");
        assert_eq!(encode(&u32::MAX.to_be_bytes(), 6), "4gfFC3");
    }

    #[test]
    fn the_widths_in_use_lose_nothing() {
        assert_ne!(encode(&[0xff; 32], 43), encode(&[0xff; 32], 42));
        assert!(encode(&[0xff; 32], 44).starts_with('0'));
        assert!(encode(&[0xff; 16], 23).starts_with('0'));
    }
}
