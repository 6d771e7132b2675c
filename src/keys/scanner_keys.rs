//! The public keys of leak scanners, which sign their reports. The document has the form that
//! GitHub publishes (`https://api.github.com/meta/public_keys/secret_scanning`).

use std::collections::HashMap;
use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// The maximum number of keys; GitHub has had two.
const MAX_KEYS: usize = 100;

/// An unusable document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidScannerKeys {
    /// The document has another form.
    #[error("expected JSON with `public_keys`, each with `key_identifier` and `key`")]
    Form,
    /// The document has no key, or too many.
    #[error("expected 1 to {MAX_KEYS} keys, found {0}")]
    Count(usize),
    /// A key is unusable.
    #[error("the key {0:?} is not a P-256 public key in PEM")]
    Key(String),
}

/// Public keys by their names.
pub struct ScannerKeys(HashMap<String, ParsedPublicKey>);

impl fmt::Debug for ScannerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

#[derive(Deserialize)]
struct Document {
    public_keys: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    key_identifier: String,
    key: String,
}

impl ScannerKeys {
    /// Reads a document.
    ///
    /// # Errors
    /// When the form differs from GitHub's, or a key is unusable.
    pub fn parse(document: &[u8]) -> Result<Self, InvalidScannerKeys> {
        let Document { public_keys } =
            serde_json::from_slice(document).map_err(|_| InvalidScannerKeys::Form)?;
        if !(1..=MAX_KEYS).contains(&public_keys.len()) {
            return Err(InvalidScannerKeys::Count(public_keys.len()));
        }
        let parse = |Entry { key_identifier, key }| match parse_key(&key) {
            Some(key) => Ok((key_identifier, key)),
            None => Err(InvalidScannerKeys::Key(key_identifier)),
        };
        public_keys.into_iter().map(parse).collect::<Result<_, _>>().map(Self)
    }

    /// True if a key has this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// True if `signature`, DER in base64, is the named key's signature of `message`.
    #[must_use]
    pub fn verify(&self, name: &str, signature: &str, message: &[u8]) -> bool {
        let key = self.0.get(name);
        let signature = STANDARD.decode(signature);
        key.zip(signature.ok())
            .is_some_and(|(key, signature)| key.verify_sig(message, &signature).is_ok())
    }
}

fn parse_key(pem: &str) -> Option<ParsedPublicKey> {
    let block = pem::parse(pem).ok().filter(|block| block.tag() == "PUBLIC KEY")?;
    ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, block.contents()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{InvalidScannerKeys, ScannerKeys};

    /// The example in GitHub's documentation of its partner program.
    const NAME: &str = "bcb53661c06b4728e59d897fb6165d5c9cda0fd9cdf9d09ead458168deb7518c";
    const KEY: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYAGMWO8XgCamYKMJS6jc/qgvSlAd\nAjPuDPRcXU22YxgBrz+zoN19MzuRyW87qEt9/AmtoNP5GrobzUvQSyJFVw==\n-----END PUBLIC KEY-----\n";
    const BODY: &str = r#"[{"source":"commit","token":"some_token","type":"some_type","url":"https://example.com/base-repo-url/"}]"#;
    const SIGNATURE: &str = "MEQCIQDaMKqrGnE27S0kgMrEK0eYBmyG0LeZismAEz/BgZyt7AIfXt9fErtRS4XaeSt/AO1RtBY66YcAdjxji410VQV4xg==";

    fn parse(document: &Value) -> Result<ScannerKeys, InvalidScannerKeys> {
        ScannerKeys::parse(document.to_string().as_bytes())
    }

    fn with_key(key: &str) -> Value {
        json!({ "public_keys": [{ "key_identifier": NAME, "key": key, "is_current": true }] })
    }

    #[test]
    fn the_example_of_github_verifies_and_nothing_else() {
        let keys = parse(&with_key(KEY)).unwrap();
        assert!(keys.has(NAME) && !keys.has("") && !keys.has("other"));
        assert!(keys.verify(NAME, SIGNATURE, BODY.as_bytes()));
        assert!(!keys.verify("other", SIGNATURE, BODY.as_bytes()));
        assert!(!keys.verify(NAME, SIGNATURE, format!("{BODY}\n").as_bytes()));
        assert!(!keys.verify(NAME, SIGNATURE, BODY.replace("commit", "Commit").as_bytes()));
        for bad in [
            "",
            "!",
            "AAAA",
            &SIGNATURE[..92],
            &format!("{SIGNATURE}A"),
            &SIGNATURE.replace('M', "N"),
        ] {
            assert!(!keys.verify(NAME, bad, BODY.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn a_document_has_keys_that_can_be_used() {
        for bad in
            [json!(null), json!([]), json!({ "public_keys": {} }), json!({ "public_keys": [{}] })]
        {
            assert_eq!(parse(&bad).unwrap_err(), InvalidScannerKeys::Form, "{bad}");
        }
        assert_eq!(parse(&json!({ "public_keys": [] })).unwrap_err(), InvalidScannerKeys::Count(0));
        let several = json!({ "public_keys": vec![with_key(KEY)["public_keys"][0].clone(); 101] });
        assert_eq!(parse(&several).unwrap_err(), InvalidScannerKeys::Count(101));
        for bad in [
            "",
            "x",
            &KEY.replace("PUBLIC", "PRIVATE"),
            &KEY.replace("MFkw", "MFkx"),
            &KEY.replace("FVw", "FVg"),
        ] {
            assert_eq!(
                parse(&with_key(bad)).unwrap_err(),
                InvalidScannerKeys::Key(NAME.to_owned()),
                "{bad}"
            );
        }
        assert!(ScannerKeys::parse(b"\xff").is_err());
    }
}
