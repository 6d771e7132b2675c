//! Codes of an authenticator app (RFC 6238).

use aws_lc_rs::hmac;

use super::app::TestApp;

/// The code that an authenticator app shows for a secret at a time in seconds.
pub fn code(secret: &str, secs: i64) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut bits, mut count, mut key) = (0_u32, 0, Vec::new());
    for digit in secret.bytes() {
        let value = ALPHABET.iter().position(|known| *known == digit).unwrap();
        bits = (bits << 5) | u32::try_from(value).unwrap();
        count += 5;
        if count >= 8 {
            count -= 8;
            key.push(u8::try_from((bits >> count) & 0xff).unwrap());
        }
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let tag = hmac::sign(&key, &(secs / 30).to_be_bytes());
    let offset = usize::from(tag.as_ref()[19] & 0xf);
    let number =
        u32::from_be_bytes(tag.as_ref()[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// A code that is invalid at the moment.
pub fn wrong_code(app: &TestApp, secret: &str) -> String {
    let good: Vec<String> = (-2..=2).map(|steps| code(secret, app.now() + 30 * steps)).collect();
    (0..10)
        .map(|number| format!("{number:06}"))
        .find(|candidate| !good.contains(candidate))
        .unwrap()
}
