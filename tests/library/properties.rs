//! No change of a valid token is accepted, for each algorithm.

use std::sync::{Arc, LazyLock};

use mintery_verifier::clock::{ManualClock, Timestamp};
use mintery_verifier::keys::KeySet;
use mintery_verifier::{PresentError, Verifier, VerifyError, bearer_token};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::key::{API, Key, Pair, claims, encode, jwks};

const ISSUER: &str = "https://auth.example.com";
const ALGORITHMS: [&str; 6] = ["ES256", "ES384", "PS256", "RS256", "EdDSA", "HS256"];
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A verifier with a key for each algorithm, and a valid token of each, which it has seen.
struct Stage {
    verifier: Verifier,
    tokens: [String; 6],
}

static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let keys = ALGORITHMS.map(|algorithm| Key::new(algorithm, algorithm));
    let (shared, public) = keys.split_last().unwrap();
    let Pair::Shared(secret) = &shared.pair else { unreachable!() };
    let public: Vec<_> = public.iter().map(Key::jwk).collect();
    let set =
        KeySet::parse(jwks(&public).as_bytes()).unwrap().with_shared_key("HS256", secret).unwrap();
    let clock = ManualClock::starting_at(Timestamp::from_secs(1_800_000_000));
    let verifier = Verifier::with_keys(ISSUER, set, Arc::clone(&clock) as _);
    let tokens = keys.each_ref().map(|key| key.token(&claims(ISSUER, 1_800_000_000, "read")));
    for token in &tokens {
        assert!(verifier.check(token, API).is_ok());
    }
    Stage { verifier, tokens }
});

impl Stage {
    /// Checks bytes as an API gets them, in a header.
    fn check(&self, bytes: &[u8]) -> Result<(), String> {
        let header = [b"Bearer ", bytes].concat();
        match bearer_token([header.as_slice()], "") {
            Ok(token) => {
                self.verifier.check(token, API).map(drop).map_err(|error| error.to_string())
            }
            Err(error) => {
                assert_eq!(error, PresentError::NoText);
                Err(error.to_string())
            }
        }
    }
}

/// A change of one byte, or of where the bytes stand.
#[derive(Debug, Clone)]
enum Change {
    Replace(u8),
    Flip(u32),
    Insert(u8),
    Delete,
    Double,
    SwapWithNext,
    SwapWith(Index),
    CutHere,
    CutBefore,
    Append(Vec<u8>),
}

impl Change {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            any::<u8>().prop_map(Self::Replace),
            (0..64_usize).prop_map(|number| Self::Replace(ALPHABET[number])),
            (0..8_u32).prop_map(Self::Flip),
            any::<u8>().prop_map(Self::Insert),
            (0..64_usize).prop_map(|number| Self::Insert(ALPHABET[number])),
            Just(Self::Delete),
            Just(Self::Double),
            Just(Self::SwapWithNext),
            any::<Index>().prop_map(Self::SwapWith),
            Just(Self::CutHere),
            Just(Self::CutBefore),
            prop::collection::vec(any::<u8>(), 1..4).prop_map(Self::Append),
        ]
    }

    /// The result of this change to `token` at `at`.
    fn of(&self, token: &str, at: usize) -> Vec<u8> {
        let mut bytes = token.as_bytes().to_vec();
        match self {
            Self::Replace(byte) => bytes[at] = *byte,
            Self::Flip(bit) => bytes[at] ^= 1 << bit,
            Self::Insert(byte) => bytes.insert(at, *byte),
            Self::Delete => drop(bytes.remove(at)),
            Self::Double => bytes.insert(at, bytes[at]),
            Self::SwapWithNext => bytes.swap(at, (at + 1) % token.len()),
            Self::SwapWith(other) => bytes.swap(at, other.index(token.len())),
            Self::CutHere => bytes.truncate(at),
            Self::CutBefore => drop(bytes.drain(..at)),
            Self::Append(more) => bytes.extend(more),
        }
        bytes
    }
}

/// The value of a header without surrounding white space (RFC 9110 §5.5).
fn trimmed(bytes: &[u8]) -> &[u8] {
    bytes.trim_ascii()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 12_000,
        max_global_rejects: 100_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// JOSE-1, JOSE-2: any change of a byte makes a token invalid.
    #[test]
    fn no_change_is_accepted(algorithm in 0..6_usize, at in any::<Index>(), change in Change::any()) {
        let token = &STAGE.tokens[algorithm];
        let changed = change.of(token, at.index(token.len()));
        prop_assume!(trimmed(&changed) != token.as_bytes());
        prop_assert!(STAGE.check(&changed).is_err(), "{}", String::from_utf8_lossy(&changed));
    }

    /// JOSE-1: no input causes a panic.
    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(STAGE.check(&bytes).is_err());
        if let Ok(text) = std::str::from_utf8(&bytes) {
            prop_assert!(STAGE.verifier.check(text, API).is_err());
        }
    }

    /// JOSE-1: three parts of any JSON, the last one of any bytes.
    #[test]
    fn any_parts_are_refused(
        header in r#"\{("(alg|typ|kid|crit|x)":("ES256"|"at\+jwt"|"none"|null|\[\]|1),?){0,4}\}"#,
        claims in r#"\{("(iss|aud|exp|x)":("a"|null|1e9|\{\}),?){0,4}\}"#,
        signature in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let token = format!("{}.{}.{}", encode(header), encode(claims), encode(signature));
        prop_assert!(STAGE.verifier.check(&token, API).is_err());
    }

    /// JOSE-1: a part has one encoding; alternative encodings are rejected.
    #[test]
    fn no_other_encoding_is_accepted(
        algorithm in 0..6_usize,
        part in 0..3_usize,
        at in any::<Index>(),
        way in 0..8_usize,
        stray in 1..16_usize,
    ) {
        let token = &STAGE.tokens[algorithm];
        let mut parts: Vec<_> = token.split('.').map(str::to_owned).collect();
        let text = parts[part].clone();
        let at = at.index(text.len());
        parts[part] = match way {
            // Unused bits in the last character, if there are any.
            0 => {
                let spare = [0, 0, 4, 2][text.len() % 4];
                prop_assume!(spare > 0 && stray < 1 << spare);
                let (start, last) = text.split_at(text.len() - 1);
                let last = ALPHABET.iter().position(|letter| last.as_bytes() == [*letter]).unwrap();
                format!("{start}{}", char::from(ALPHABET[last | stray]))
            }
            1 => text.replace('-', "+").replace('_', "/"),
            2 => text + "=",
            3 => text + "==",
            4 => format!("{}\n{}", &text[..at], &text[at..]),
            5 => format!("{} {}", &text[..at], &text[at..]),
            6 => format!("{}%{:02X}{}", &text[..at], text.as_bytes()[at], &text[at + 1..]),
            _ => encode(&text),
        };
        let changed = parts.join(".");
        prop_assume!(changed != *token);
        let result = STAGE.verifier.check(&changed, API).map(drop);
        // The claims are read only after their signature is verified.
        let allowed = [VerifyError::Malformed, VerifyError::Signature];
        prop_assert!(result.is_err_and(|error| allowed.contains(&error)), "{changed}");
    }
}

/// JOSE-1, JOSE-2: the same at each position, exhaustively.
#[test]
fn no_position_is_left_out() {
    for token in &STAGE.tokens {
        for at in 0..token.len() {
            let letter = ALPHABET[(at * 7) % 64];
            for change in [
                Change::Delete,
                Change::Double,
                Change::SwapWithNext,
                Change::CutHere,
                Change::Flip(0),
                Change::Flip(5),
                Change::Replace(letter),
                Change::Replace(b'.'),
                Change::Insert(letter),
                Change::Insert(b'.'),
            ] {
                let changed = change.of(token, at);
                if changed != token.as_bytes() {
                    assert!(
                        STAGE.check(&changed).is_err(),
                        "{}",
                        String::from_utf8_lossy(&changed)
                    );
                }
            }
        }
    }
}
