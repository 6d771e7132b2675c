//! The reasons why a token is rejected.

/// The reason why a token is rejected, for logs. The response to the caller is the same for all but
/// [`KeysUnavailable`](Self::KeysUnavailable) and [`StaleRevocations`](Self::StaleRevocations),
/// which are not the caller's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Not a compact JWS, too long, not strict base64url, not a JSON object, or a repeated member.
    #[error("malformed")]
    Malformed,
    /// `crit`, or a member that names a key (`jku`, `x5u`, `x5c`, `jwk`).
    #[error("an unsupported header member")]
    Header,
    /// `typ` is not `at+jwt`: an ID token, or the token of an issuer that does not follow RFC 9068.
    #[error("not an access token")]
    Type,
    /// `alg` is not the algorithm of the key, or `none`.
    #[error("an algorithm that is not the key's")]
    Algorithm,
    /// The issuer has no key with this `kid`, or withdrew it. It was asked again, unless the last
    /// request was too recent.
    #[error("signed with an unknown key")]
    UnknownKey,
    /// The signature does not verify.
    #[error("an invalid signature")]
    Signature,
    /// A claim is missing or of the wrong type.
    #[error("the claim {0} is missing or malformed")]
    Claim(&'static str),
    /// A token of another issuer. Issuers are compared byte for byte, a slash at the end included.
    #[error("another issuer")]
    Issuer,
    /// A token for other APIs: the client must request this one (`resource`, RFC 8707).
    #[error("another audience")]
    Audience,
    /// A token from an API key of another environment: a test key where only live keys are accepted,
    /// or the reverse.
    #[error("another environment")]
    Environment,
    /// The token is bound to a key or certificate of its client (`cnf`, RFC 7800), whose proof is not
    /// checked here: as a bearer token it would open the API to a thief.
    #[error("bound to a key")]
    Bound,
    /// `exp` has passed. With a wrong clock every token seems expired.
    #[error("expired")]
    Expired,
    /// `nbf` or `iat` is further in the future than the accepted difference of clocks.
    #[error("not yet valid")]
    NotYetValid,
    /// The token was revoked, or its client, credential, API or signing key.
    #[error("revoked")]
    Revoked,
    /// The issuer's keys never arrived, or the issuer is down and the token is signed with an unknown
    /// key, so that no decision is possible. Respond with 503, not 401.
    #[error("the issuer's keys are unavailable")]
    KeysUnavailable,
    /// Revocations have not been known for too long, so that no decision is possible. Respond with
    /// 503, not 401.
    #[error("the revocations are out of date")]
    StaleRevocations,
}
