//! The check of an access token: RFC 9068 §4, with the care that RFC 8725 asks for. `jsonwebtoken`
//! alone would accept an unknown `crit`, any `typ`, an `iss` that is a list, duplicate members and
//! sixty seconds of leeway.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use signature::Verifier as _;

use crate::builder::BuilderForIssuer;
use crate::clock::Clock;
use crate::keys::jwks_cache::JwksCache;
use crate::keys::key_set::KeySet;
use crate::model::environment::{Environment, Environments};
use crate::revocation::follower::{RevocationFollower, RevocationStatus};
use crate::revocation::known::Revocations;
use crate::token::access_token;
use crate::token::access_token::AccessToken;
use crate::token::cache::{Verified, VerifiedTokens};
use crate::token::error::VerifyError;
use crate::token::jws;
use crate::token::principal::Principal;
use crate::token::strict_json::Object;

/// How far into the future `iat` and `nbf` may be, for clocks that do not agree.
pub const DEFAULT_SKEW: Duration = Duration::from_secs(10);

/// Which API keys a token may be made from, where nobody says: those for the real thing.
pub(crate) const DEFAULT_ENVIRONMENTS: Environments = Environments::Only(Environment::Live);

/// Checks access tokens of one issuer, for one API. A clone is another handle to the same verifier.
#[derive(Clone)]
pub struct Verifier(Arc<Shared>);

struct Shared {
    terms: Terms,
    keys: Arc<ArcSwap<KeySet>>,
    /// Where keys come from that are not known yet.
    source: Option<JwksCache>,
    clock: Arc<dyn Clock>,
    verified: VerifiedTokens,
    revocations: Arc<Revocations>,
    /// What adds to them.
    follower: Option<RevocationFollower>,
}

/// What a token is held against.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub issuer: Box<str>,
    /// This API, as it stands in `aud`.
    pub audience: Box<str>,
    pub skew: Duration,
    /// Which API keys a token may be made from.
    pub environments: Environments,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { terms, keys, source, .. } = &*self.0;
        f.debug_struct("Verifier")
            .field("terms", terms)
            .field("keys", keys)
            .field("source", source)
            .finish()
    }
}

impl Verifier {
    /// Begins a verifier for the tokens of `issuer`, which finds the issuer's keys by itself.
    pub fn builder(issuer: impl Into<String>) -> BuilderForIssuer {
        BuilderForIssuer::new(issuer.into())
    }

    /// A verifier for the tokens that `issuer` signs with one of `keys`, for the issuer's own API.
    /// Nothing is fetched: keys change by [`replace_keys`](Self::replace_keys) alone.
    #[must_use]
    pub fn with_keys(issuer: &str, keys: KeySet, clock: Arc<dyn Clock>) -> Self {
        let terms = Terms {
            issuer: issuer.into(),
            audience: issuer.into(),
            skew: DEFAULT_SKEW,
            environments: DEFAULT_ENVIRONMENTS,
        };
        Self(Arc::new(Shared {
            terms,
            keys: Arc::new(ArcSwap::from_pointee(keys)),
            source: None,
            clock,
            verified: VerifiedTokens::default(),
            revocations: Arc::default(),
            follower: None,
        }))
    }

    /// A verifier whose keys come from `source`, and what is void from `follower`.
    pub(crate) fn with_source(
        terms: Terms,
        source: JwksCache,
        revocations: Arc<Revocations>,
        follower: Option<RevocationFollower>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let keys = source.shared_keys();
        let (source, verified) = (Some(source), VerifiedTokens::default());
        Self(Arc::new(Shared { terms, keys, source, clock, verified, revocations, follower }))
    }

    /// Verifies with `keys` from now on. Tokens that were signed with another key are refused,
    /// those too that were found good before. (Where keys are fetched, this lasts until they
    /// are fetched the next time.)
    pub fn replace_keys(&self, keys: KeySet) {
        let keys = keys.following(&self.0.keys.load());
        self.0.keys.store(Arc::new(keys));
    }

    /// The issuer whose tokens are good here.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.0.terms.issuer
    }

    /// The API that tokens must be for.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.0.terms.audience
    }

    /// What is known to be void: whoever follows the issuer adds to it.
    #[must_use]
    pub fn revocations(&self) -> &Arc<Revocations> {
        &self.0.revocations
    }

    /// What follows the issuer, if something does.
    #[must_use]
    pub fn follower(&self) -> Option<&RevocationFollower> {
        self.0.follower.as_ref()
    }

    /// How following what the issuer takes back fares, for a health check; nothing for a verifier
    /// that does not follow.
    #[must_use]
    pub fn revocation_status(&self) -> Option<RevocationStatus> {
        self.follower().map(RevocationFollower::status)
    }

    /// What keeps the keys, and says how it fares; nothing for a verifier [with fixed
    /// keys](Self::with_keys).
    #[must_use]
    pub fn jwks(&self) -> Option<&JwksCache> {
        self.0.source.as_ref()
    }

    /// Whether `other` is a handle to this very verifier.
    #[cfg(feature = "actix")]
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Checks `token`, and says who calls with it.
    ///
    /// When the key is known, as it nearly always is, this does not wait. A token with an unknown
    /// `kid` makes the issuer be asked for its keys, at most once in an interval, and waits for
    /// the answer: as long as fetching one document may take ([`Fetch`](crate::Fetch)), in any
    /// runtime or none.
    ///
    /// # Errors
    /// The first thing that is wrong with it, in the order: form, header, signature, claims, time,
    /// revocation, audience, environment.
    pub async fn verify(&self, token: &str) -> Result<Principal, VerifyError> {
        // Before the check: what becomes known meanwhile makes it better than is said.
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

    /// How old the knowledge is of what was taken back.
    fn age(&self) -> Option<Duration> {
        self.follower().map(RevocationFollower::age)
    }

    /// Checks `token` for `audience`, with the keys that are known. Never waits, never fetches;
    /// where old knowledge of what was taken back leads to
    /// [asking](crate::StaleRevocations::Introspect), the token is refused.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn check(&self, token: &str, audience: &str) -> Result<Arc<AccessToken>, VerifyError> {
        let is_stale = self.follower().is_some_and(|follower| follower.is_stale(follower.age()));
        let checked = self.0.check(token, audience)?;
        if is_stale { Err(VerifyError::StaleRevocations) } else { Ok(checked) }
    }

    /// The same for whichever audience the token names, and whichever environment, by what is
    /// known. It grants no access: a token for any other API passes.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn check_for_any(&self, token: &str) -> Result<Arc<AccessToken>, VerifyError> {
        self.0.check_for_any(token)
    }
}

impl Shared {
    fn check(&self, token: &str, audience: &str) -> Result<Arc<AccessToken>, VerifyError> {
        let token = self.check_for_any(token)?;
        if !token.audience.iter().any(|own| own == audience) {
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
            // A key that was withdrawn, or whose id another one has now, vouches for nothing any
            // more.
            if keys.has(&known.token.kid, &known.key) {
                self.check_state(&known)?;
                return Ok(Arc::clone(&known.token));
            }
        }
        let verified = Arc::new(self.check_unknown(token, &keys)?);
        self.check_state(&verified)?;
        let good = Arc::clone(&verified.token);
        self.verified.insert(token, verified);
        Ok(good)
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

    /// Checks what may change while a token stays the same.
    fn check_state(&self, verified: &Verified) -> Result<(), VerifyError> {
        self.check_time(&verified.token)?;
        if verified.is_void(&self.revocations) { Err(VerifyError::Revoked) } else { Ok(()) }
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

/// The id of the key that a token says it is signed with.
fn key_id(token: &str) -> Option<String> {
    let jws = jws::parse(token).ok()?;
    Object::parse(&jws.header).ok()?.text("kid").map(ToOwned::to_owned)
}
