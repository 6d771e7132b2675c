//! Tokens signed with the server's own keys: the checks behind the signature must reject them even
//! from an attacker with access to a signing service.

use std::collections::BTreeMap;
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use mintery::keys::pair::KeyPair;
use mintery::keys::signer::{CachedSigner, TokenSigner};
use mintery::keys::signing::SigningKey;
use mintery::model::signing_key::SigningAlgorithm;
use serde_json::{Map, Value};

/// The private keys of all servers of this process, by `kid`.
static KEYS: Mutex<BTreeMap<String, (SigningAlgorithm, Vec<u8>)>> = Mutex::new(BTreeMap::new());

/// Makes the usual signer, and keeps a copy of the key.
pub fn remember(key: SigningKey) -> Box<dyn TokenSigner> {
    KEYS.lock().unwrap().insert(key.kid.clone(), (key.algorithm(), key.private.to_vec()));
    CachedSigner::from_key(key)
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// The members of the first (0) or second (1) part of a token.
pub fn part(token: &str, number: usize) -> Map<String, Value> {
    serde_json::from_slice(&decode(token.split('.').nth(number).unwrap())).unwrap()
}

/// Signs `header` and `claims`, as they stand, with the server's key `kid`.
pub fn sign(kid: &str, header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
    sign_encoded(kid, &format!("{}.{}", encode(header), encode(claims)))
}

/// Signs two encoded parts, as they stand, with the server's key `kid`.
pub fn sign_encoded(kid: &str, signed: &str) -> String {
    format!("{signed}.{}", encode(signature(kid, signed.as_bytes())))
}

/// The signature of the server's key `kid`, of the algorithm that it is for.
pub fn signature(kid: &str, message: &[u8]) -> Vec<u8> {
    let algorithm = KEYS.lock().unwrap()[kid].0;
    signature_as(algorithm, kid, message)
}

/// The signature of the server's key `kid`, of another algorithm that such a key can be used with.
pub fn signature_as(algorithm: SigningAlgorithm, kid: &str, message: &[u8]) -> Vec<u8> {
    KeyPair::parse(algorithm, &private(kid)).unwrap().sign(message).unwrap()
}

/// The bytes of the server's private key `kid`.
pub fn private(kid: &str) -> Vec<u8> {
    KEYS.lock().unwrap()[kid].1.clone()
}

/// The server's public key `kid` as PEM.
pub fn public_pem(kid: &str) -> String {
    let algorithm = KEYS.lock().unwrap()[kid].0;
    KeyPair::parse(algorithm, &private(kid)).unwrap().public().unwrap().unwrap().to_pem()
}

/// The bytes within PEM.
pub fn pem_contents(pem: &str) -> Vec<u8> {
    let lines: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(lines).unwrap()
}

/// A real token, to be changed and signed again.
#[derive(Debug, Clone)]
pub struct Forgery {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    /// The key that signs, whatever the header says.
    key: String,
}

impl Forgery {
    pub fn of(token: &str) -> Self {
        let header = part(token, 0);
        Self { key: header["kid"].as_str().unwrap().to_owned(), header, claims: part(token, 1) }
    }

    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name).unwrap();
        self
    }

    pub fn without_claim(mut self, name: &str) -> Self {
        self.claims.remove(name).unwrap();
        self
    }

    /// Signs with another of the server's keys.
    pub fn signed_by(mut self, kid: &str) -> Self {
        kid.clone_into(&mut self.key);
        self
    }

    /// The header as JSON.
    pub fn header_text(&self) -> String {
        serde_json::to_string(&self.header).unwrap()
    }

    /// The claims as JSON.
    pub fn claims_text(&self) -> String {
        serde_json::to_string(&self.claims).unwrap()
    }

    pub fn sign(&self) -> String {
        sign(&self.key, self.header_text(), self.claims_text())
    }

    /// The text to sign: both parts, encoded.
    pub fn signed(&self) -> String {
        format!("{}.{}", encode(self.header_text()), encode(self.claims_text()))
    }

    /// Signs the header and the claims after `change`, as text.
    pub fn sign_texts(&self, change: impl FnOnce(&mut String, &mut String)) -> String {
        let (mut header, mut claims) = (self.header_text(), self.claims_text());
        change(&mut header, &mut claims);
        sign(&self.key, header, claims)
    }
}
