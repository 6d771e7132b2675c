//! Signatures, checked and made by openssl: an implementation that shares nothing with Mintery's.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::support::{Client, Server, Workplace};

const ALGORITHMS: [&str; 5] = ["ES256", "ES384", "PS256", "RS256", "EdDSA"];

const PSS: &str = "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32";

/// The two encoded parts that were signed, and the signature.
fn parts(token: &str) -> (&str, Vec<u8>) {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    (signed, URL_SAFE_NO_PAD.decode(signature).unwrap())
}

fn number(digits: &[u8]) -> Vec<u8> {
    let mut digits: Vec<_> = digits.iter().copied().skip_while(|byte| *byte == 0).collect();
    if digits.first().is_none_or(|first| *first >= 0x80) {
        digits.insert(0, 0);
    }
    [vec![2, u8::try_from(digits.len()).unwrap()], digits].concat()
}

/// An ECDSA signature as openssl writes it, from two numbers of full length.
fn to_der(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(signature.len() / 2);
    let numbers = [number(r), number(s)].concat();
    [vec![0x30, u8::try_from(numbers.len()).unwrap()], numbers].concat()
}

/// The other way round. Numbers of 48 bytes need no longer form of the length.
fn from_der(der: &[u8], length: usize) -> Vec<u8> {
    let mut rest = &der[2..];
    let mut signature = Vec::new();
    for _ in 0..2 {
        let (digits, after) = rest[2..].split_at(usize::from(rest[1]));
        let padded = [vec![0; length], digits.to_vec()].concat();
        signature.extend_from_slice(&padded[padded.len() - length..]);
        rest = after;
    }
    signature
}

/// The result of openssl for the signature in `signature` over `message`, with the public key in
/// `key.pem`.
fn openssl_verifies(work: &Workplace, algorithm: &str) -> bool {
    let arguments = match algorithm {
        "ES256" | "RS256" => "dgst -sha256 -verify key.pem -signature signature message".to_owned(),
        "ES384" => "dgst -sha384 -verify key.pem -signature signature message".to_owned(),
        "PS256" => format!("dgst -sha256 {PSS} -verify key.pem -signature signature message"),
        _ => {
            "pkeyutl -verify -pubin -inkey key.pem -rawin -in message -sigfile signature".to_owned()
        }
    };
    work.program("openssl").args(arguments.split(' ')).output().unwrap().status.success()
}

/// openssl's signature over `message` with the private key in `own.pem`.
fn openssl_signs(work: &Workplace, algorithm: &str, options: &str) -> Vec<u8> {
    match algorithm {
        "EdDSA" => work.openssl("pkeyutl -sign -inkey own.pem -rawin -in message"),
        "ES384" => from_der(&work.openssl("dgst -sha384 -sign own.pem message"), 48),
        "ES256" => from_der(&work.openssl("dgst -sha256 -sign own.pem message"), 32),
        _ => work.openssl(
            format!("dgst -sha256 {options} -sign own.pem message").replace("  ", " ").as_str(),
        ),
    }
}

/// A client for each algorithm.
fn clients(work: &Workplace) -> [(&'static str, Client); 5] {
    ALGORITHMS.map(|algorithm| (algorithm, work.create_client(&["--alg", algorithm])))
}

/// 9068-5: openssl verifies Mintery's signatures with the exported keys.
#[test]
fn openssl_verifies_each_algorithm() {
    let work = Workplace::with_tables();
    let server = Server::start(&work);
    for (algorithm, client) in clients(&work) {
        let token = server.token(&client);
        let (signed, signature) = parts(&token);
        let key = work.run(&["signing-key", "export", "--alg", algorithm]).succeeded().stdout;
        work.write("key.pem", key);
        work.write("message", signed);
        let is_ecdsa = algorithm.starts_with("ES");
        work.write("signature", if is_ecdsa { to_der(&signature) } else { signature });
        assert!(openssl_verifies(&work, algorithm), "{algorithm}: {token}");
        work.write("message", signed.replacen('.', "A.", 1));
        assert!(!openssl_verifies(&work, algorithm), "{algorithm}: another message");
    }
}

/// JOSE-2: Mintery verifies openssl's signatures by an imported key; of PS256 only those with a
/// salt as long as the hash (RFC 7518 §3.5).
#[test]
fn signatures_of_openssl_are_accepted() {
    let work = Workplace::with_tables();
    let server = Server::start(&work);
    for (algorithm, client) in clients(&work) {
        work.openssl(match algorithm {
            "ES256" => "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out own.pem",
            "ES384" => "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out own.pem",
            "EdDSA" => "genpkey -algorithm ED25519 -out own.pem",
            _ => "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out own.pem",
        });
        let arguments =
            ["signing-key", "import", "own.pem", "--alg", algorithm, "--now", "-o", "json"];
        let kid = work.run(&arguments).succeeded().json()["kid"].clone();
        let token = crate::support::eventually("the key signs", crate::support::PATIENCE, || {
            let token = server.token(&client);
            (header(&token)["kid"] == kid).then_some(token)
        });
        let (signed, own) = parts(&token);
        work.write("message", signed);
        let padding = if algorithm == "PS256" { PSS } else { "" };
        let signature = openssl_signs(&work, algorithm, padding);
        let with = |signature: &[u8]| format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        assert_eq!(server.me(&with(&signature)).status, 200, "{algorithm}");
        // These two are deterministic, and both programs create the same signature.
        assert_eq!(signature == own, matches!(algorithm, "RS256" | "EdDSA"), "{algorithm}");
        if algorithm == "PS256" {
            for salt in [0, 20, 31, 33, 222] {
                let padding =
                    format!("-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:{salt}");
                let signature = openssl_signs(&work, algorithm, &padding);
                assert_eq!(server.me(&with(&signature)).status, 401, "{salt} bytes of salt");
            }
        }
        if matches!(algorithm, "PS256" | "RS256") {
            let padding = if algorithm == "PS256" { "" } else { PSS };
            let signature = openssl_signs(&work, algorithm, padding);
            assert_eq!(server.me(&with(&signature)).status, 401, "{algorithm}: the other padding");
        }
        work.write("message", format!("{signed}A"));
        let signature = openssl_signs(&work, algorithm, padding);
        assert_eq!(server.me(&with(&signature)).status, 401, "{algorithm}: another message");
    }
}

fn header(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap())
        .unwrap()
}

/// JOSE-2: openssl computes the same HS256 signature from the exported secret.
#[test]
fn openssl_makes_the_same_hs256() {
    let work = Workplace::with_tables().with("MINTERY_TOKEN__ALG", "HS256");
    let server = Server::start(&work);
    let client = work.create_client(&[]);
    let token = server.token(&client);
    let (signed, signature) = parts(&token);
    let secret = work.run(&["signing-key", "export", "--secret"]).succeeded().stdout;
    let secret = URL_SAFE_NO_PAD.decode(secret.trim_end()).unwrap();
    work.write("message", signed);
    let key: Vec<_> = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let tag = work.openssl(&format!(
        "dgst -sha256 -mac HMAC -macopt hexkey:{} -binary message",
        key.concat()
    ));
    assert_eq!(tag, signature);
}
