//! The check of an access token: RFC 9068 §4, with the care that RFC 8725 asks for. `jsonwebtoken` alone would accept
//! an unknown `crit`, any `typ`, an `iss` that is a list, duplicate members and sixty seconds of leeway.

use std::sync::Arc;
use std::time::Duration;

use signature::Verifier as _;

use super::cache::VerifiedTokens;
use super::jws;
use super::key_set::KeySet;
use super::strict_json::{Object, Value};
use crate::clock::{Clock, Timestamp};
use crate::model::claims::{ACCESS_TOKEN_TYPE, TokenId};
use crate::model::scope::ScopeSet;

/// How far into the future `iat` and `nbf` may be, for clocks that do not agree.
pub const DEFAULT_SKEW: Duration = Duration::from_secs(10);

/// An access token that was found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// `sub`: who it stands for.
    pub subject: String,
    /// `client_id`: who asked for it.
    pub client_id: String,
    /// `aud`: what it is good for.
    pub audience: Vec<String>,
    /// `scope`: what it allows.
    pub scopes: ScopeSet,
    /// `exp`: from this moment on it is not good any more.
    pub expires_at: Timestamp,
    /// The later of `iat` and `nbf`: from this moment on it is good.
    pub good_from: Timestamp,
    /// `jti`.
    pub jti: String,
    /// What Mintery put into `jti`; nothing when somebody else made it.
    pub token_id: Option<TokenId>,
    /// The id of the key that signed it.
    pub kid: String,
}

/// Why a token is not good. For logs: whoever presented it is told no more than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// No compact JWS, too long, not strictly base64url, no JSON object, or a member twice.
    #[error("malformed")]
    Malformed,
    /// `crit`, or a member that names a key (`jku`, `x5u`, `x5c`, `jwk`).
    #[error("a header member that is not accepted")]
    Header,
    /// `typ` is not `at+jwt`.
    #[error("not an access token")]
    Type,
    /// `alg` is not the algorithm of the key, or `none`.
    #[error("an algorithm that is not the key's")]
    Algorithm,
    /// No key with this `kid`.
    #[error("signed with an unknown key")]
    UnknownKey,
    /// The signature does not verify.
    #[error("a bad signature")]
    Signature,
    /// A claim is missing or of the wrong type.
    #[error("the claim {0} is missing or malformed")]
    Claim(&'static str),
    /// Somebody else's token.
    #[error("another issuer")]
    Issuer,
    /// A token for other APIs.
    #[error("another audience")]
    Audience,
    /// `exp` has come.
    #[error("expired")]
    Expired,
    /// `nbf` or `iat` is in the future.
    #[error("not yet valid")]
    NotYetValid,
}

/// Checks access tokens of one issuer.
pub struct Verifier {
    issuer: Box<str>,
    keys: KeySet,
    clock: Arc<dyn Clock>,
    verified: VerifiedTokens,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier")
            .field("issuer", &self.issuer)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

impl Verifier {
    /// A verifier for the tokens that `issuer` signs with one of `keys`.
    #[must_use]
    pub fn new(issuer: &str, keys: KeySet, clock: Arc<dyn Clock>) -> Self {
        Self { issuer: issuer.into(), keys, clock, verified: VerifiedTokens::default() }
    }

    /// Checks `token` for `audience`.
    ///
    /// # Errors
    /// The first thing that is wrong with it, in the order: form, header, signature, claims, time, audience.
    pub fn verify(&self, token: &str, audience: &str) -> Result<Arc<AccessToken>, VerifyError> {
        if token.len() > jws::MAX_LEN {
            return Err(VerifyError::Malformed);
        }
        if let Some(known) = self.verified.get(token) {
            self.check_time(&known)?;
            return check_audience(known, audience);
        }
        let verified = Arc::new(self.verify_unknown(token)?);
        self.check_time(&verified)?;
        self.verified.insert(token, Arc::clone(&verified));
        check_audience(verified, audience)
    }

    fn verify_unknown(&self, token: &str) -> Result<AccessToken, VerifyError> {
        let jws = jws::parse(token).map_err(|_| VerifyError::Malformed)?;
        let header = Object::parse(&jws.header).map_err(|_| VerifyError::Malformed)?;
        let kid = check_header(&header)?;
        let key = self.keys.get(kid).ok_or(VerifyError::UnknownKey)?;
        if header.text("alg") != Some(key.algorithm().name()) {
            return Err(VerifyError::Algorithm);
        }
        key.verify(jws.signed, &jws.signature).map_err(|_| VerifyError::Signature)?;
        let claims = jws::decode(jws.payload).map_err(|_| VerifyError::Malformed)?;
        let claims = Object::parse(&claims).map_err(|_| VerifyError::Malformed)?;
        if claims.text("iss").ok_or(VerifyError::Claim("iss"))? != &*self.issuer {
            return Err(VerifyError::Issuer);
        }
        read_claims(&claims, kid)
    }

    fn check_time(&self, token: &AccessToken) -> Result<(), VerifyError> {
        let now = self.clock.now();
        if token.expires_at <= now {
            return Err(VerifyError::Expired);
        }
        if token.good_from > now.plus(DEFAULT_SKEW) {
            return Err(VerifyError::NotYetValid);
        }
        Ok(())
    }
}

fn check_audience(token: Arc<AccessToken>, audience: &str) -> Result<Arc<AccessToken>, VerifyError> {
    if token.audience.iter().any(|own| own == audience) { Ok(token) } else { Err(VerifyError::Audience) }
}

/// What the header must and must not say before any key is touched; gives the id of the key.
fn check_header<'a>(header: &'a Object<'_>) -> Result<&'a str, VerifyError> {
    // Nothing critical is understood here, so any `crit` is too much (RFC 7515 §4.1.11).
    if ["crit", "jku", "jwk", "x5u", "x5c"].iter().any(|name| header.get(name).is_some()) {
        return Err(VerifyError::Header);
    }
    match header.text("typ") {
        Some(ACCESS_TOKEN_TYPE | "application/at+jwt") => {}
        _ => return Err(VerifyError::Type),
    }
    let algorithm = header.text("alg").ok_or(VerifyError::Algorithm)?;
    if algorithm.parse::<crate::model::signing_key::SigningAlgorithm>().is_err() {
        return Err(VerifyError::Algorithm);
    }
    header.text("kid").ok_or(VerifyError::UnknownKey)
}

/// RFC 9068 §2.2: what must be there, and of which type.
fn read_claims(claims: &Object<'_>, kid: &str) -> Result<AccessToken, VerifyError> {
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
        Some(Value::Text(scopes)) => ScopeSet::parse(scopes).map_err(|_| VerifyError::Claim("scope"))?,
        Some(_) => return Err(VerifyError::Claim("scope")),
    };
    Ok(AccessToken {
        subject: text("sub")?,
        client_id: text("client_id")?,
        audience: audience(claims).ok_or(VerifyError::Claim("aud"))?,
        scopes,
        expires_at: time(claims, "exp")?.ok_or(VerifyError::Claim("exp"))?,
        good_from: issued_at.max(not_before),
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
