//! `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH` (RFC 9106, in the PHC string format).

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::constant_time;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::{Zeroize as _, Zeroizing};

use super::{HashFormatError, number};
use crate::secret::Secret;

/// The name between the first two dollar signs.
pub const NAME: &str = "argon2id";

/// Mintery's own parameters, as OWASP's password storage cheat sheet recommends.
const M_COST: u32 = 19_456;
const T_COST: u32 = 2;
const P_COST: u32 = 1;
const HASH_LEN: usize = 32;

/// 64 MiB: the default of the libraries of most languages, or more.
const MAX_M_COST: u32 = 65_536;

/// KiB written for one hash: 64 MiB four times over, which takes a tenth of a second or two.
const MAX_WORK: u64 = 262_144;

const MAX_P_COST: u32 = 16;

/// The hash lengths that programs use. A truncated hash has another one.
const HASH_LENS: [usize; 3] = [16, 32, 64];
const SALT_LENS: std::ops::RangeInclusive<usize> = 8..=64;

/// The memory of a hash: 19 MiB, allocated at the first hash and reused, because freed memory stays
/// with the allocator many times over. After an own hash its content is no easier to guess from
/// than the hash itself: the second pass overwrote the first. After a single-pass hash it is
/// zeroized.
#[derive(Default)]
pub struct HashMemory(Vec<Block>);

impl std::fmt::Debug for HashMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HashMemory({} KiB)", self.0.len())
    }
}

/// A parsed hash.
pub struct Argon2id {
    version: Version,
    params: Params,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

/// Hashes with Mintery's own parameters.
pub fn hash(
    secret: &Secret,
    salt: &[u8; 16],
    memory: &mut HashMemory,
) -> Result<String, argon2::Error> {
    let params = Params::new(M_COST, T_COST, P_COST, Some(HASH_LEN))?;
    let mut hash = Zeroizing::new([0; HASH_LEN]);
    compute(Version::V0x13, &params, secret, salt, &mut *hash, memory)?;
    let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(*hash));
    Ok(format!("${NAME}$v=19$m={M_COST},t={T_COST},p={P_COST}${salt}${hash}"))
}

impl Argon2id {
    /// Parses what follows the name.
    pub fn parse(text: &str) -> Result<Self, HashFormatError> {
        let malformed = |what| HashFormatError::Malformed { form: NAME, what };
        // A hash without a version is older than versions.
        let (version, text) = match text.strip_prefix("v=") {
            None => (Version::V0x10, text),
            Some(text) => match text.split_once('$') {
                Some(("19", rest)) => (Version::V0x13, rest),
                Some(("16", rest)) => (Version::V0x10, rest),
                _ => return Err(malformed("its version is not 16 or 19")),
            },
        };
        let mut parts = text.split('$');
        let costs = parts.next().and_then(costs);
        let (m, t, p) =
            costs.ok_or_else(|| malformed("after the version comes m=…,t=…,p=… and no more"))?;
        let (Some(salt), Some(hash), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(malformed("after the costs come salt and hash, and no more"));
        };
        if t == 0 || p == 0 || u64::from(m) < 8 * u64::from(p) {
            return Err(malformed("t and p are at least 1, m at least 8 × p"));
        }
        if m > MAX_M_COST || u64::from(m) * u64::from(t) > MAX_WORK || p > MAX_P_COST {
            let most = "m is at most 65536 (KiB), m × t at most 262144, p at most 16";
            return Err(HashFormatError::TooCostly { form: NAME, most });
        }
        let salt = STANDARD_NO_PAD.decode(salt).ok().filter(|salt| SALT_LENS.contains(&salt.len()));
        let salt = salt
            .ok_or_else(|| malformed("the salt is not base64 of 8 to 64 bytes without padding"))?;
        let hash = STANDARD_NO_PAD.decode(hash).ok().filter(|hash| HASH_LENS.contains(&hash.len()));
        let hash = hash.ok_or_else(|| {
            malformed("the hash is not base64 of 16, 32 or 64 bytes without padding")
        })?;
        let params = Params::new(m, t, p, Some(hash.len()))
            .map_err(|_| malformed("its costs are invalid"))?;
        Ok(Self { version, params, salt, hash })
    }

    pub fn verify(&self, secret: &Secret, memory: &mut HashMemory) -> bool {
        let mut hash = Zeroizing::new(vec![0; self.hash.len()]);
        compute(self.version, &self.params, secret, &self.salt, &mut hash, memory).is_ok()
            && constant_time::verify_slices_are_equal(&hash, &self.hash).is_ok()
    }

    /// See [`super::SecretHash::work`].
    pub fn work(&self) -> u32 {
        let cost = |m: u32, t: u32| u64::from(m) * u64::from(t);
        let (own, this) = (cost(M_COST, T_COST), cost(self.params.m_cost(), self.params.t_cost()));
        u32::try_from(this.div_ceil(own)).unwrap_or(u32::MAX).max(1)
    }

    pub fn is_own(&self) -> bool {
        let params = &self.params;
        self.version == Version::V0x13
            && (params.m_cost(), params.t_cost(), params.p_cost()) == (M_COST, T_COST, P_COST)
            && self.hash.len() == HASH_LEN
    }
}

fn costs(text: &str) -> Option<(u32, u32, u32)> {
    let mut costs = text.split(',');
    let mut cost = |name| costs.next()?.strip_prefix(name).and_then(number);
    let found = (cost("m=")?, cost("t=")?, cost("p=")?);
    costs.next().is_none().then_some(found)
}

fn compute(
    version: Version,
    params: &Params,
    secret: &Secret,
    salt: &[u8],
    hash: &mut [u8],
    memory: &mut HashMemory,
) -> Result<(), argon2::Error> {
    /// From this size on (in KiB) the GNU allocator maps memory piece by piece and returns each
    /// piece when freed.
    const GIVEN_BACK_FROM: usize = 40 * 1024;
    let argon2 = Argon2::new(Algorithm::Argon2id, version, params.clone());
    let count = params.block_count();
    if count > Params::DEFAULT.block_count() {
        // An imported hash is replaced after its first success, so its memory is not kept.
        let mut blocks: Vec<Block> = Vec::with_capacity(count.max(GIVEN_BACK_FROM));
        blocks.resize(count, Block::new());
        let done = argon2.hash_password_into_with_memory(
            secret.expose().as_bytes(),
            salt,
            hash,
            &mut *blocks,
        );
        blocks.iter_mut().zeroize();
        return done;
    }
    if memory.0.is_empty() {
        memory.0.resize(Params::DEFAULT.block_count(), Block::new());
    }
    let done = argon2.hash_password_into_with_memory(
        secret.expose().as_bytes(),
        salt,
        hash,
        &mut *memory.0,
    );
    if params.t_cost() < T_COST {
        memory.0.iter_mut().zeroize();
    }
    done
}
