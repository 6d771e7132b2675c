//! `$2b$12$` and 53 characters: salt and hash in bcrypt's own base64 (crypt(3)).

use aws_lc_rs::constant_time;
use base64::Engine as _;
use base64::alphabet::BCRYPT;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig, general_purpose::NO_PAD};
use zeroize::Zeroizing;

use super::HashFormatError;
use crate::secret::Secret;

/// The number of bytes of a secret that bcrypt reads.
pub const MAX_SECRET: usize = 72;

/// A second's work.
const MAX_COST: u32 = 14;

/// 22 characters hold four bits more than the salt, and some programs leave data there.
const CONFIG: GeneralPurposeConfig = NO_PAD.with_decode_allow_trailing_bits(true);
const BASE64: GeneralPurpose = GeneralPurpose::new(&BCRYPT, CONFIG);

/// A parsed hash.
pub struct Bcrypt {
    cost: u32,
    salt: [u8; 16],
    hash: [u8; 23],
}

impl Bcrypt {
    /// Parses what follows the name.
    pub fn parse(text: &str) -> Result<Self, HashFormatError> {
        let malformed = |what| HashFormatError::Malformed { form: "bcrypt", what };
        let cost = text.split_once('$').filter(|(cost, _)| cost.len() == 2);
        let (cost, rest) = cost.ok_or_else(|| malformed("the cost is not two digits"))?;
        let is_digits = cost.bytes().all(|byte| byte.is_ascii_digit());
        let cost = cost.parse::<u32>().ok().filter(|cost| is_digits && *cost >= 4);
        let cost = cost.ok_or_else(|| malformed("the cost is not two digits from 04 on"))?;
        if cost > MAX_COST {
            return Err(HashFormatError::TooCostly {
                form: "bcrypt",
                most: "the cost is at most 14",
            });
        }
        let parts = rest.split_at_checked(22).filter(|(_, hash)| hash.len() == 31);
        let (salt, hash) = parts.ok_or_else(|| malformed("salt and hash have 53 characters"))?;
        let decode = |text| {
            BASE64.decode(text).map_err(|_| malformed("salt and hash are not bcrypt's base64"))
        };
        let exact = |_| malformed("salt and hash have 16 and 23 bytes");
        Ok(Self {
            cost,
            salt: decode(salt)?.try_into().map_err(exact)?,
            hash: decode(hash)?.try_into().map_err(exact)?,
        })
    }

    /// See [`super::SecretHash::work`]: 1.3 s with a cost of 14, and half of that with each one
    /// less.
    pub const fn work(&self) -> u32 {
        1 + (1 << self.cost) / 170
    }

    pub fn verify(&self, secret: &Secret) -> bool {
        // With a zero byte at the end, and at most 72 bytes.
        let text = secret.expose().bytes().chain([0]).take(MAX_SECRET).collect();
        let text: Zeroizing<Vec<u8>> = Zeroizing::new(text);
        let hash = bcrypt::bcrypt(self.cost, self.salt, &text);
        let hash = hash.get(..self.hash.len()).unwrap_or_default();
        constant_time::verify_slices_are_equal(hash, &self.hash).is_ok()
    }
}
