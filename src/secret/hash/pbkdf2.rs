//! `$pbkdf2-sha256$i=600000,l=32$SALT$HASH` (the PHC string format), and
//! `$pbkdf2-sha256$29000$SALT$HASH` as Python's passlib writes it, whose base64 has a dot for the
//! plus sign.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::{HashFormatError, number};
use crate::secret::Secret;

/// The name between the first two dollar signs.
pub const NAME: &str = "pbkdf2-sha256";

/// About a third of a second.
const MAX_ITERATIONS: u32 = 1_000_000;

/// One block of the function, or two. A truncated hash would be easier to match.
const HASH_LENS: [usize; 2] = [32, 64];
const SALT_LENS: std::ops::RangeInclusive<usize> = 8..=64;

/// A parsed hash.
pub struct Pbkdf2 {
    iterations: NonZeroU32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Pbkdf2 {
    /// Parses what follows the name.
    pub fn parse(text: &str) -> Result<Self, HashFormatError> {
        let malformed = |what| HashFormatError::Malformed { form: NAME, what };
        let mut parts = text.split('$');
        let costs = parts.next().unwrap_or_default();
        let (iterations, length) = match costs.strip_prefix("i=") {
            None => (costs, None),
            Some(costs) => match costs.split_once(",l=") {
                None => (costs, None),
                Some((iterations, length)) => (iterations, Some(length)),
            },
        };
        let iterations = number(iterations).and_then(NonZeroU32::new);
        let iterations =
            iterations.ok_or_else(|| malformed("the iterations are not a number from 1 on"))?;
        if iterations.get() > MAX_ITERATIONS {
            return Err(HashFormatError::TooCostly {
                form: NAME,
                most: "there are at most 1000000 iterations",
            });
        }
        let (Some(salt), Some(hash), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(malformed("after the iterations come salt and hash, and no more"));
        };
        let decode = |text: &str| STANDARD_NO_PAD.decode(text.replace('.', "+")).ok();
        let salt = decode(salt).filter(|salt| SALT_LENS.contains(&salt.len()));
        let salt = salt
            .ok_or_else(|| malformed("the salt is not base64 of 8 to 64 bytes without padding"))?;
        let hash = decode(hash).filter(|hash| HASH_LENS.contains(&hash.len()));
        let hash = hash
            .ok_or_else(|| malformed("the hash is not base64 of 32 or 64 bytes without padding"))?;
        if length.is_some_and(|length| length != hash.len().to_string()) {
            return Err(malformed("l= is not the length of the hash"));
        }
        Ok(Self { iterations, salt, hash })
    }

    /// See [`super::SecretHash::work`]: a million take about a third of a second.
    pub const fn work(&self) -> u32 {
        1 + self.iterations.get() / 40_000
    }

    pub fn verify(&self, secret: &Secret) -> bool {
        let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
        pbkdf2::verify(
            algorithm,
            self.iterations,
            &self.salt,
            secret.expose().as_bytes(),
            &self.hash,
        )
        .is_ok()
    }
}
