//! Mintery, but for how a token is signed: with `jsonwebtoken::encode`, which parses the key for
//! every token. Takes its settings from the environment, as `mintery serve --dev` does.

use std::error::Error;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use mintery::config::Settings;
use mintery::keys::signer::{SignError, TokenSigner};
use mintery::keys::signing::SigningKey;
use mintery::logging;
use mintery::model::claims::ACCESS_TOKEN_TYPE;
use mintery::model::signing_key::SigningAlgorithm;
use mintery::server::{Application, ServeMode, Surroundings};
use serde_json::value::RawValue;

struct EncodeSigner {
    header: Header,
    key: EncodingKey,
}

impl TokenSigner for EncodeSigner {
    fn sign(
        &self,
        typ: &'static str,
        claims: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<(), SignError> {
        let claims: &RawValue = serde_json::from_slice(claims).map_err(|_| SignError)?;
        let other;
        let header = if typ == ACCESS_TOKEN_TYPE {
            &self.header
        } else {
            other = Header { typ: Some(typ.to_owned()), ..self.header.clone() };
            &other
        };
        let token = encode(header, &claims, &self.key).map_err(|_| SignError)?;
        output.extend_from_slice(token.as_bytes());
        Ok(())
    }
}

fn make_signer(key: SigningKey) -> Box<dyn TokenSigner> {
    let private = &key.private;
    let (algorithm, encoding_key) = match key.algorithm() {
        SigningAlgorithm::Es256 => (Algorithm::ES256, EncodingKey::from_ec_der(private)),
        SigningAlgorithm::Es384 => (Algorithm::ES384, EncodingKey::from_ec_der(private)),
        SigningAlgorithm::Ps256 => (Algorithm::PS256, EncodingKey::from_rsa_der(pkcs1(private))),
        SigningAlgorithm::Rs256 => (Algorithm::RS256, EncodingKey::from_rsa_der(pkcs1(private))),
        SigningAlgorithm::EdDsa => (Algorithm::EdDSA, EncodingKey::from_ed_der(private)),
        SigningAlgorithm::Hs256 => (Algorithm::HS256, EncodingKey::from_secret(private)),
    };
    let mut header = Header::new(algorithm);
    header.typ = Some(ACCESS_TOKEN_TYPE.to_owned());
    header.kid = Some(key.kid);
    Box::new(EncodeSigner { header, key: encoding_key })
}

/// The key inside PKCS#8, whose head has this length for RSA keys of 2048 bits (RFC 5208 §5).
fn pkcs1(pkcs8: &[u8]) -> &[u8] {
    const HEAD: usize = 26;
    pkcs8.get(HEAD..).unwrap_or_default()
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let settings = Settings::load(&Vec::new(), std::env::vars(), None)?;
    logging::start(&settings.log, settings.log_format);
    let surroundings = Surroundings { make_signer, ..Surroundings::default() };
    let mode = ServeMode { dev: true, migrate: false };
    Box::pin(Application::build(settings, mode, surroundings)).await?.run().await?;
    Ok(())
}
