//! What an access token says, as RFC 9068 §2 asks: read from a header and claims, of which nothing
//! is true before the signature was checked.

use crate::clock::Timestamp;
use crate::model::claims::{ACCESS_TOKEN_TYPE, TokenId};
use crate::model::environment::Environment;
use crate::model::revocation::TokenNames;
use crate::model::scope::ScopeSet;
use crate::model::signing_key::SigningAlgorithm;
use crate::token::error::VerifyError;
use crate::token::strict_json::{Object, Value};

/// An access token that was found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// `sub`: who it stands for.
    pub subject: String,
    /// `client_id`: who asked for it, or the id of the API key that it was made from.
    pub client_id: String,
    /// `aud`: what it is good for.
    pub audience: Vec<String>,
    /// `scope`: what it allows.
    pub scopes: ScopeSet,
    /// `environment`: what the API key is for that it was made from; nothing when a client asked
    /// for it.
    pub environment: Option<Environment>,
    /// `exp`: from this moment on it is not good any more.
    pub expires_at: Timestamp,
    /// `iat`: when it was issued.
    pub issued_at: Timestamp,
    /// `nbf`: before this moment it is not good; `iat` where it says nothing.
    pub not_before: Timestamp,
    /// `jti`.
    pub jti: String,
    /// What Mintery put into `jti`; nothing when somebody else made it.
    pub token_id: Option<TokenId>,
    /// The id of the key that signed it.
    pub kid: String,
}

impl AccessToken {
    /// From which moment on it is good: the later of `iat` and `nbf`.
    #[must_use]
    pub fn good_from(&self) -> Timestamp {
        self.issued_at.max(self.not_before)
    }

    /// By what it may be void.
    #[must_use]
    pub fn names(&self) -> TokenNames<'_> {
        let Self { jti, token_id, subject, client_id, kid, audience, .. } = self;
        TokenNames { jti, id: *token_id, subject, client_id, kid, audience }
    }
}

/// What the header must and must not say before any key is touched; gives the id of the key, and
/// the algorithm.
pub(crate) fn check_header<'a>(
    header: &'a Object<'_>,
) -> Result<(&'a str, SigningAlgorithm), VerifyError> {
    if !brings_no_key(header) {
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

/// Whether a header brings no key along. Nothing critical is understood here, so any `crit` is too
/// much (RFC 7515 §4.1.11).
pub(crate) fn brings_no_key(header: &Object<'_>) -> bool {
    ["crit", "jku", "jwk", "x5u", "x5c"].iter().all(|name| header.get(name).is_none())
}

/// RFC 9068 §2.2: what must be there, and of which type.
pub(crate) fn read_claims(claims: &Object<'_>, kid: &str) -> Result<AccessToken, VerifyError> {
    let text = |name: &'static str| {
        claims
            .text(name)
            .filter(|text| !text.is_empty())
            .map(ToOwned::to_owned)
            .ok_or(VerifyError::Claim(name))
    };
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

/// One string, or an array of at least one, all of them strings.
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

/// Nothing where somebody else's issuer means something else by it.
fn environment(claims: &Object<'_>) -> Option<Environment> {
    match claims.get("environment") {
        Some(Value::Text(name)) => name.parse().ok(),
        _ => None,
    }
}

/// A `NumericDate`: seconds, perhaps with a fraction, which is cut (RFC 7519 §2).
fn time(claims: &Object<'_>, name: &'static str) -> Result<Option<Timestamp>, VerifyError> {
    /// The year 9999: no honest token lives longer, and every sum stays in range.
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
