//! Measures the lookup of a token among a million revoked ones, with cut-offs of every kind: time
//! in one thread, and memory. Prints one JSON object.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::time::Instant;

use mintery::clock::Timestamp;
use mintery::model::claims::TokenId;
use mintery::model::revocation::{Kind, Mark, Revocation, TokenNames};
use mintery::random::{self, SystemRandom};
use mintery_verifier::revocation::Revocations;
use serde_json::json;

/// The looked-up tokens, none of them revoked, so that every place is checked.
const TOKENS: u32 = 200_000;

/// The number of cut-offs of clients, secrets, APIs and keys each.
const CUT_OFFS: u32 = 1_000;

fn main() -> Result<(), Box<dyn Error>> {
    let live: u32 = std::env::args().nth(1).as_deref().unwrap_or("1000000").parse()?;
    let until = Timestamp::from_secs(4_000_000_000);
    let revocation = |kind, name: &str| Revocation { mark: Mark::of(kind, name), number: 7, until };
    let before = resident_bytes()?;
    let revocations = Revocations::default();
    for _ in 0..live {
        revocations.add([revocation(Kind::Token, &token_id().encode())]);
    }
    let bytes = resident_bytes()?.saturating_sub(before);
    for number in 0..CUT_OFFS {
        let others = [Kind::Client, Kind::Credential, Kind::Api, Kind::Key];
        revocations.add(others.map(|kind| revocation(kind, &format!("other-{number}"))));
    }

    let audience = ["https://api.example.com".to_owned()];
    let ids: Vec<(TokenId, String)> =
        (0..TOKENS).map(|_| token_id()).map(|id| (id, id.encode())).collect();
    let started = Instant::now();
    let mut void = 0_u32;
    for (id, jti) in &ids {
        let names = TokenNames {
            jti,
            id: Some(*id),
            subject: "mc_0123456789abcdefghijkl",
            client_id: "mc_0123456789abcdefghijkl",
            kid: "q2sUeAEbnKG0KvRR5ZHGSyQ0Dc-jhhSS-A7vYq9UkSo",
            audience: &audience,
        };
        void += u32::from(revocations.voids(black_box(&names)));
    }
    let micros = started.elapsed().as_secs_f64() * 1e6 / f64::from(TOKENS);
    if void > 0 {
        return Err("a token is void that was not taken back".into());
    }
    println!(
        "{}",
        json!({
            "live": revocations.len(),
            "check_us": micros,
            "bytes_each": f64::from(u32::try_from(bytes / 1024)?) * 1024.0 / f64::from(live),
        })
    );
    Ok(())
}

fn token_id() -> TokenId {
    TokenId {
        event: 42,
        credential: random::bytes(&SystemRandom),
        nonce: random::bytes(&SystemRandom),
    }
}

/// The memory of this process, as the operating system counts it.
fn resident_bytes() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}
