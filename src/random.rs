//! Randomness, as it comes in from outside: the only place that draws it for ids, secrets and token
//! ids. (Keys and nonces of the cryptographic library are drawn by that library itself.)

use rand::Rng as _;

/// Where randomness comes from.
pub trait Random: std::fmt::Debug + Send + Sync {
    /// Fills `bytes` with bytes that nobody can predict.
    fn fill(&self, bytes: &mut [u8]);
}

/// The cryptographically secure generator of the thread, seeded and reseeded by the operating
/// system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(clippy::disallowed_methods, reason = "the one place that draws randomness")]
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// `N` random bytes.
pub fn bytes<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut bytes = [0; N];
    random.fill(&mut bytes);
    bytes
}
