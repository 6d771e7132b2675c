//! The contents of an access token (RFC 9068 §2), read from a header and claims that are not trusted
//! before the signature is verified.

use crate::clock::Timestamp;
use crate::model::claims::{ACCESS_TOKEN_TYPE, TokenId};
use crate::model::environment::Environment;
use crate::model::revocation::TokenNames;
use crate::model::scope::ScopeSet;
use crate::model::signing_key::SigningAlgorithm;
use crate::token::error::VerifyError;
use crate::token::jws;
use crate::token::strict_json::{Object, Value};

/// A verified access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// `sub`: the caller.
    pub subject: String,
    /// `client_id`: the client that requested it, or the id of the exchanged API key.
    pub client_id: String,
    /// `aud`: the APIs that accept it.
    pub audience: Vec<String>,
    /// `scope`: the granted scopes.
    pub scopes: ScopeSet,
    /// `environment`: that of the exchanged API key; `None` if a client requested it.
    pub environment: Option<Environment>,
    /// `exp`: the moment from which it is expired.
    pub expires_at: Timestamp,
    /// `iat`: the moment of its issue.
    pub issued_at: Timestamp,
    /// `nbf`: the moment from which it is valid; `iat` if the claim is absent.
    pub not_before: Timestamp,
    /// `jti`: its id.
    pub jti: String,
    /// The parts of a `jti` by Mintery; `None` for other issuers.
    pub token_id: Option<TokenId>,
    /// The id of the key that signed it.
    pub kid: String,
}

impl AccessToken {
    /// The moment from which it is valid: the later of `iat` and `nbf`.
    #[must_use]
    pub fn good_from(&self) -> Timestamp {
        self.issued_at.max(self.not_before)
    }

    /// The names by which it may be revoked.
    #[must_use]
    pub fn names(&self) -> TokenNames<'_> {
        let Self { jti, token_id, subject, client_id, kid, audience, .. } = self;
        TokenNames { jti, id: *token_id, subject, client_id, kid, audience }
    }
}

/// Checks a header before any key is used, and returns the id of the key and the algorithm.
pub fn check_header<'a>(
    header: &'a Object<'_>,
) -> Result<(&'a str, SigningAlgorithm), VerifyError> {
    if !jws::brings_no_key(header) {
        return Err(VerifyError::Header);
    }
    match header.text("typ") {
        Some(ACCESS_TOKEN_TYPE | "application/at+jwt") => {}
        _ => return Err(VerifyError::Type),
    }
    let algorithm =
        header.text("alg").and_then(|name| name.parse().ok()).ok_or(VerifyError::Algorithm)?;
    Ok((header.text("kid").ok_or(VerifyError::UnknownKey)?, algorithm))
}

/// Reads the claims that RFC 9068 §2.2 requires.
pub fn read_claims(claims: &Object<'_>, kid: &str) -> Result<AccessToken, VerifyError> {
    let text = |name: &'static str| {
        claims
            .text(name)
            .filter(|text| !text.is_empty())
            .map(ToOwned::to_owned)
            .ok_or(VerifyError::Claim(name))
    };
    if claims.get("cnf").is_some() {
        return Err(VerifyError::Bound);
    }
    let issued_at = time(claims, "iat")?.ok_or(VerifyError::Claim("iat"))?;
    let not_before = time(claims, "nbf")?.unwrap_or(issued_at);
    let jti = text("jti")?;
    let scopes = match claims.get("scope") {
        None => ScopeSet::default(),
        Some(Value::Text(scopes)) => {
            ScopeSet::parse(scopes).map_err(|_| VerifyError::Claim("scope"))?
        }
        Some(_) => return Err(VerifyError::Claim("scope")),
    };
    Ok(AccessToken {
        subject: text("sub")?,
        client_id: text("client_id")?,
        audience: audience(claims).ok_or(VerifyError::Claim("aud"))?,
        scopes,
        environment: environment(claims),
        expires_at: time(claims, "exp")?.ok_or(VerifyError::Claim("exp"))?,
        issued_at,
        not_before,
        token_id: TokenId::decode(&jti),
        jti,
        kid: kid.to_owned(),
    })
}

/// Reads `aud`: one string, or an array of at least one string and nothing else.
fn audience(claims: &Object<'_>) -> Option<Vec<String>> {
    match claims.get("aud")? {
        Value::Text(one) => Some(vec![one.clone().into_owned()]),
        Value::Array(several) if !several.is_empty() => several
            .iter()
            .map(|one| match one {
                Value::Text(one) => Some(one.clone().into_owned()),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// Reads `environment`; nothing if another issuer uses the name for something else.
fn environment(claims: &Object<'_>) -> Option<Environment> {
    match claims.get("environment") {
        Some(Value::Text(name)) => name.parse().ok(),
        _ => None,
    }
}

/// Reads a `NumericDate`: seconds, whose fraction is cut (RFC 7519 §2).
fn time(claims: &Object<'_>, name: &'static str) -> Result<Option<Timestamp>, VerifyError> {
    /// The end of the year 9999: no honest token lives longer, and every sum stays in range.
    const LATEST: f64 = 253_402_300_799.0;
    let secs = match claims.get(name) {
        None => return Ok(None),
        Some(Value::Number(secs)) if (0.0..=LATEST).contains(secs) => *secs,
        Some(_) => return Err(VerifyError::Claim(name)),
    };
    #[expect(clippy::cast_possible_truncation, reason = "in range, and the fraction is to be cut")]
    let secs = secs.trunc() as i64;
    Ok(Some(Timestamp::from_secs(secs)))
}
