//! The verification of an access token: RFC 9068 §4 with the precautions of RFC 8725. `jsonwebtoken`
//! alone would accept an unknown `crit`, any `typ`, a list as `iss`, repeated members and sixty
//! seconds of leeway.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use signature::Verifier as _;

use crate::clock::Clock;
use crate::keys::jwks_cache::JwksCache;
use crate::keys::key_set::KeySet;
use crate::model::resource::is_same;
use crate::revocation::feed::RevocationStatus;
use crate::revocation::follower::RevocationFollower;
use crate::revocation::known::Revocations;
use crate::token::access_token;
use crate::token::access_token::AccessToken;
use crate::token::cache::{Verified, VerifiedTokens};
use crate::token::error::VerifyError;
use crate::token::jws;
use crate::token::principal::Principal;
use crate::token::strict_json::Object;
use crate::token::terms::{DEFAULT_ENVIRONMENTS, DEFAULT_SKEW, Terms};

/// Verifies access tokens of one issuer, for one API. A clone is another handle to the same
/// verifier.
#[derive(Clone)]
pub struct Verifier(Arc<Checks>);

/// The checks, and the state that they read.
struct Checks {
    terms: Terms,
    keys: Arc<ArcSwap<KeySet>>,
    /// The source of further keys.
    source: Option<JwksCache>,
    clock: Arc<dyn Clock>,
    verified: VerifiedTokens,
    revocations: Arc<Revocations>,
    /// The writer of revocations.
    follower: Option<RevocationFollower>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Checks { terms, keys, source, .. } = &*self.0;
        f.debug_struct("Verifier")
            .field("terms", terms)
            .field("keys", keys)
            .field("source", source)
            .finish()
    }
}

impl Verifier {
    /// Makes a verifier for the tokens that `issuer` signs with one of `keys`, for the issuer's own
    /// API. It fetches nothing: only [`replace_keys`](Self::replace_keys) changes its keys. Serves
    /// Mintery's own routes.
    #[must_use]
    pub fn with_keys(issuer: &str, keys: KeySet, clock: Arc<dyn Clock>) -> Self {
        let terms = Terms {
            issuer: issuer.into(),
            audience: issuer.into(),
            skew: DEFAULT_SKEW,
            environments: DEFAULT_ENVIRONMENTS,
        };
        Self(Arc::new(Checks {
            terms,
            keys: Arc::new(ArcSwap::from_pointee(keys)),
            source: None,
            clock,
            verified: VerifiedTokens::default(),
            revocations: Arc::default(),
            follower: None,
        }))
    }

    /// Makes a verifier with keys from `source` and revocations from `follower`.
    pub(crate) fn with_source(
        terms: Terms,
        source: JwksCache,
        revocations: Arc<Revocations>,
        follower: Option<RevocationFollower>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let keys = source.shared_keys();
        let (source, verified) = (Some(source), VerifiedTokens::default());
        Self(Arc::new(Checks { terms, keys, source, clock, verified, revocations, follower }))
    }

    /// Replaces the keys. Tokens signed with any other key are rejected, also those that were
    /// accepted before. (If keys are fetched, this lasts until the next fetch.)
    pub fn replace_keys(&self, keys: KeySet) {
        let keys = keys.following(&self.0.keys.load());
        self.0.keys.store(Arc::new(keys));
    }

    /// The issuer whose tokens are accepted.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.0.terms.issuer
    }

    /// The API that must stand in `aud`.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.0.terms.audience
    }

    /// The known revocations, which a follower of the issuer adds to.
    #[must_use]
    pub fn revocations(&self) -> &Arc<Revocations> {
        &self.0.revocations
    }

    /// The follower of the issuer's revocations, if they are followed.
    #[must_use]
    pub fn follower(&self) -> Option<&RevocationFollower> {
        self.0.follower.as_ref()
    }

    /// The state of following revocations, for a health check; nothing if they are not followed.
    #[must_use]
    pub fn revocation_status(&self) -> Option<RevocationStatus> {
        self.follower().map(RevocationFollower::status)
    }

    /// The keys and their state, for a health check; nothing for a verifier [with fixed
    /// keys](Self::with_keys).
    #[must_use]
    pub fn jwks(&self) -> Option<&JwksCache> {
        self.0.source.as_ref()
    }

    /// Returns true if `other` is a handle to the same verifier.
    #[cfg(feature = "actix")]
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Verifies `token`, and returns the caller.
    ///
    /// With a known key, the usual case, this does not wait. A token with an unknown `kid` makes the
    /// verifier ask the issuer for its keys, at most once in an interval, and wait for the answer
    /// for as long as fetching a document may take ([`Fetch`](crate::Fetch)). It works in any
    /// runtime, or none.
    ///
    /// # Errors
    /// The first fault, in the order: form, header, signature, claims, time, revocation, audience,
    /// environment.
    pub async fn verify(&self, token: &str) -> Result<Principal, VerifyError> {
        // Before the check: knowledge that arrives meanwhile only makes it younger than reported.
        let mut age = self.age();
        let first = self.0.check(token, self.audience());
        let checked = match (first, &self.0.source) {
            (Err(VerifyError::UnknownKey), Some(source)) => match key_id(token) {
                Some(kid) if source.ask_for(&kid).await => {
                    age = self.age();
                    self.0.check(token, self.audience())
                }
                _ => Err(VerifyError::UnknownKey),
            },
            (first, _) => first,
        };
        let principal = Principal::from(checked?).with_freshness(age);
        match &self.0.follower {
            Some(follower) if follower.is_stale(age.unwrap_or_default()) => {
                match follower.introspector() {
                    Some(introspector) => match introspector.is_active(token).await {
                        Some(true) => Ok(principal.with_freshness(Some(Duration::ZERO))),
                        Some(false) => Err(VerifyError::Revoked),
                        None => Err(VerifyError::StaleRevocations),
                    },
                    None => Err(VerifyError::StaleRevocations),
                }
            }
            _ => Ok(principal),
        }
    }

    /// The age of the known revocations.
    fn age(&self) -> Option<Duration> {
        self.follower().map(RevocationFollower::age)
    }

    /// Verifies `token` for `audience`, with the known keys. Never waits and never fetches: where
    /// [`verify`](Self::verify) would [ask](crate::StaleRevocations::Introspect) about the token, it
    /// is rejected.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn check(&self, token: &str, audience: &str) -> Result<Arc<AccessToken>, VerifyError> {
        let is_stale = self.follower().is_some_and(|follower| follower.is_stale(follower.age()));
        let checked = self.0.check(token, audience)?;
        if is_stale { Err(VerifyError::StaleRevocations) } else { Ok(checked) }
    }

    /// Verifies `token` for any audience and any environment, with the known keys. Serves the
    /// issuer's introspection and revocation, and must not admit a caller: tokens for other APIs
    /// pass.
    ///
    /// # Errors
    /// As [`verify`](Self::verify), without audience and environment.
    pub fn check_for_any(&self, token: &str) -> Result<Arc<AccessToken>, VerifyError> {
        self.0.check_for_any(token)
    }
}

impl Checks {
    fn check(&self, token: &str, audience: &str) -> Result<Arc<AccessToken>, VerifyError> {
        let token = self.check_for_any(token)?;
        if !token.audience.iter().any(|own| is_same(own, audience)) {
            return Err(VerifyError::Audience);
        }
        if token.environment.is_some_and(|own| !self.terms.environments.accept(own)) {
            return Err(VerifyError::Environment);
        }
        Ok(token)
    }

    fn check_for_any(&self, token: &str) -> Result<Arc<AccessToken>, VerifyError> {
        if token.len() > jws::MAX_LEN {
            return Err(VerifyError::Malformed);
        }
        let keys = self.keys.load();
        if let Some(known) = self.verified.get(token) {
            // The key may be withdrawn, or its id may belong to another key now.
            if keys.has(&known.token.kid, &known.key) {
                self.check_state(&known)?;
                return Ok(Arc::clone(&known.token));
            }
        }
        let verified = Arc::new(self.check_unknown(token, &keys)?);
        self.check_state(&verified)?;
        let accepted = Arc::clone(&verified.token);
        self.verified.insert(token, verified);
        Ok(accepted)
    }

    fn check_unknown(&self, token: &str, keys: &KeySet) -> Result<Verified, VerifyError> {
        let jws = jws::parse(token).map_err(|_| VerifyError::Malformed)?;
        let header = Object::parse(&jws.header).map_err(|_| VerifyError::Malformed)?;
        let (kid, algorithm) = access_token::check_header(&header)?;
        let Some(key) = keys.get(kid) else {
            let is_cut_off = self.source.as_ref().is_some_and(JwksCache::is_cut_off);
            return Err(if is_cut_off {
                VerifyError::KeysUnavailable
            } else {
                VerifyError::UnknownKey
            });
        };
        if algorithm != key.algorithm() {
            return Err(VerifyError::Algorithm);
        }
        key.verify(jws.signed, &jws.signature).map_err(|_| VerifyError::Signature)?;
        let claims = jws::decode(jws.payload).map_err(|_| VerifyError::Malformed)?;
        let claims = Object::parse(&claims).map_err(|_| VerifyError::Malformed)?;
        if claims.text("iss").ok_or(VerifyError::Claim("iss"))? != &*self.terms.issuer {
            return Err(VerifyError::Issuer);
        }
        Ok(Verified::new(access_token::read_claims(&claims, kid)?, Arc::clone(key)))
    }

    /// Checks the conditions that change while a token stays the same.
    fn check_state(&self, verified: &Verified) -> Result<(), VerifyError> {
        self.check_time(&verified.token)?;
        if verified.is_revoked(&self.revocations) { Err(VerifyError::Revoked) } else { Ok(()) }
    }

    fn check_time(&self, token: &AccessToken) -> Result<(), VerifyError> {
        let now = self.clock.now();
        if token.expires_at <= now {
            return Err(VerifyError::Expired);
        }
        if token.good_from() > now.plus(self.terms.skew) {
            return Err(VerifyError::NotYetValid);
        }
        Ok(())
    }
}

/// The id of the key in the header of a token.
fn key_id(token: &str) -> Option<String> {
    let jws = jws::parse(token).ok()?;
    Object::parse(&jws.header).ok()?.text("kid").map(ToOwned::to_owned)
}
