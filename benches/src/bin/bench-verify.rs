//! Measures the verification of an access token in one thread, without HTTP: a new token against
//! the raw check of its signature, and a token seen before. Prints one JSON object, in
//! microseconds.

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mintery::clock::{Clock, SystemClock};
use mintery::keys::signer::CachedSigner;
use mintery::keys::signing::SigningKey;
use mintery::model::claims::{ACCESS_TOKEN_TYPE, TokenId};
use mintery::model::signing_key::SigningAlgorithm;
use mintery::oauth::claims::AccessTokenClaims;
use mintery::random::{self, SystemRandom};
use mintery_verifier::Verifier;
use mintery_verifier::keys::KeySet;
use serde_json::json;
use signature::Verifier as _;

const ISSUER: &str = "https://auth.example.com";

/// More than a verifier remembers, so that its cache is full and every new token displaces an old
/// one.
const TOKENS: usize = 20_000;

/// Both take turns this often, because shared processors change their speed.
const SLICE: usize = 500;

fn main() -> Result<(), Box<dyn Error>> {
    for algorithm in [SigningAlgorithm::Es256, SigningAlgorithm::Rs256, SigningAlgorithm::EdDsa] {
        measure(algorithm)?;
    }
    Ok(())
}

fn measure(algorithm: SigningAlgorithm) -> Result<(), Box<dyn Error>> {
    let key = SigningKey::generate(algorithm)?;
    let public = key.public.as_ref().ok_or("the key has no public half")?.to_json();
    let keys = KeySet::parse(format!(r#"{{"keys":[{public}]}}"#).as_bytes())?;
    let raw_key = Arc::clone(keys.get(&key.kid).ok_or("the key does not parse")?);
    let signer = CachedSigner::from_key(key);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let verifier = Verifier::with_keys(ISSUER, keys, Arc::clone(&clock));
    let now = clock.now().as_secs();
    let tokens = (0..TOKENS)
        .map(|_| {
            let id = TokenId { event: 42, credential: [7; 8], nonce: random::bytes(&SystemRandom) };
            let claims = AccessTokenClaims {
                iss: ISSUER,
                sub: "mc_0123456789abcdefghijkl",
                client_id: "mc_0123456789abcdefghijkl",
                aud: &[ISSUER],
                iat: now,
                exp: now + 3600,
                jti: id,
                scope: "read write",
                environment: None,
            };
            let mut token = Vec::new();
            signer.sign(ACCESS_TOKEN_TYPE, &claims.to_json(), &mut token)?;
            Ok::<_, Box<dyn Error>>(String::from_utf8(token)?)
        })
        .collect::<Result<Vec<_>, _>>()?;

    let mut ratios = Vec::new();
    let (mut unseen_micros, mut raw_micros) = (Vec::new(), Vec::new());
    for slice in tokens.chunks(SLICE) {
        let started = Instant::now();
        for token in slice {
            black_box(verifier.check(token, ISSUER)?);
        }
        let unseen = started.elapsed().as_secs_f64();
        let started = Instant::now();
        for token in slice {
            let (message, signature) = token.rsplit_once('.').ok_or("no signature")?;
            raw_key.verify(message.as_bytes(), &URL_SAFE_NO_PAD.decode(signature)?)?;
        }
        let raw = started.elapsed().as_secs_f64();
        ratios.push(unseen / raw);
        unseen_micros.push(per_token(unseen, slice.len())?);
        raw_micros.push(per_token(raw, slice.len())?);
    }
    let last = tokens.last().ok_or("no token")?;
    let started = Instant::now();
    for _ in 0..TOKENS {
        black_box(verifier.check(black_box(last), ISSUER)?);
    }
    let seen = per_token(started.elapsed().as_secs_f64(), TOKENS)?;
    println!(
        "{}",
        json!({
            "algorithm": algorithm.name(),
            "unseen_us": median(unseen_micros),
            "raw_us": median(raw_micros),
            "ratio": median(ratios),
            "seen_us": seen,
        })
    );
    Ok(())
}

fn per_token(seconds: f64, count: usize) -> Result<f64, Box<dyn Error>> {
    Ok(seconds * 1e6 / f64::from(u32::try_from(count)?))
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
