//! The public half of a signing key, as it is published: a JWK (RFC 7517 §4) named by its
//! thumbprint, and as PEM for verifiers that know no JWKS.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::error::UnusableKey;
use crate::model::signing_key::SigningAlgorithm;

/// A public key.
#[derive(Debug, Clone)]
pub struct PublicKey {
    jwk: Jwk,
    /// `SubjectPublicKeyInfo`.
    der: Vec<u8>,
}

/// The members of a published key. There is no place for a private one.
#[derive(Debug, Clone, Serialize)]
struct Jwk {
    kid: String,
    r#use: &'static str,
    alg: &'static str,
    kty: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
}

impl PublicKey {
    /// A key on the curve of `algorithm`, from its uncompressed point: 04, x, y.
    ///
    /// # Errors
    /// When the point has another form.
    pub fn ec(algorithm: SigningAlgorithm, point: &[u8], der: &[u8]) -> Result<Self, UnusableKey> {
        let (crv, length) = match algorithm {
            SigningAlgorithm::Es384 => ("P-384", 48),
            _ => ("P-256", 32),
        };
        let (x, y) = match point.split_first() {
            Some((4, coordinates)) if coordinates.len() == 2 * length => {
                coordinates.split_at(length)
            }
            _ => return Err(UnusableKey),
        };
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let kid = thumbprint(&format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#));
        let jwk = Jwk { crv: Some(crv), x: Some(x), y: Some(y), ..Jwk::new(kid, algorithm, "EC") };
        Ok(Self { jwk, der: der.to_vec() })
    }

    /// An RSA key, from modulus and exponent.
    #[must_use]
    pub fn rsa(algorithm: SigningAlgorithm, n: &[u8], e: &[u8], der: &[u8]) -> Self {
        let (n, e) = (URL_SAFE_NO_PAD.encode(n), URL_SAFE_NO_PAD.encode(e));
        let kid = thumbprint(&format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#));
        let jwk = Jwk { n: Some(n), e: Some(e), ..Jwk::new(kid, algorithm, "RSA") };
        Self { jwk, der: der.to_vec() }
    }

    /// An Ed25519 key (RFC 8037 §2).
    #[must_use]
    pub fn ed25519(x: &[u8], der: &[u8]) -> Self {
        let x = URL_SAFE_NO_PAD.encode(x);
        let kid = thumbprint(&format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#));
        let jwk = Jwk {
            crv: Some("Ed25519"),
            x: Some(x),
            ..Jwk::new(kid, SigningAlgorithm::EdDsa, "OKP")
        };
        Self { jwk, der: der.to_vec() }
    }

    /// Its RFC 7638 thumbprint.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.jwk.kid
    }

    /// As it stands in a JWKS.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings alone: nothing in it can fail.
        serde_json::to_string(&self.jwk).unwrap_or_default()
    }

    /// As PEM (RFC 7468 §13).
    #[must_use]
    pub fn to_pem(&self) -> String {
        let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
        pem::encode_config(&pem::Pem::new("PUBLIC KEY", self.der.as_slice()), config)
    }
}

impl Jwk {
    const fn new(kid: String, algorithm: SigningAlgorithm, kty: &'static str) -> Self {
        let alg = algorithm.name();
        Self { kid, r#use: "sig", alg, kty, crv: None, x: None, y: None, n: None, e: None }
    }
}

/// RFC 7638 §3: SHA-256 over the required members, sorted, without white space.
fn thumbprint(canonical: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, canonical.as_bytes());
    URL_SAFE_NO_PAD.encode(digest)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::PublicKey;
    use crate::model::signing_key::SigningAlgorithm;

    /// 7517-1: the example of RFC 7638 §3.1.
    #[test]
    fn the_key_id_is_the_thumbprint() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let n = URL_SAFE_NO_PAD.decode(n).unwrap();
        let key = PublicKey::rsa(SigningAlgorithm::Rs256, &n, &[1, 0, 1], &[]);
        assert_eq!(key.kid(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    /// 7517-1: the example of RFC 8037 Appendix A.3.
    #[test]
    fn the_key_id_of_ed25519_is_the_thumbprint() {
        let x = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let key = PublicKey::ed25519(&x, &[]);
        assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
