//! Why a token is not good, or cannot be judged.

/// Why a token is not good. For logs: whoever presented it is told no more than that, but for
/// [`KeysUnavailable`](Self::KeysUnavailable) and [`StaleRevocations`](Self::StaleRevocations),
/// which are not their fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// No compact JWS, too long, not strictly base64url, no JSON object, or a member twice.
    #[error("malformed")]
    Malformed,
    /// `crit`, or a member that names a key (`jku`, `x5u`, `x5c`, `jwk`).
    #[error("a header member that is not accepted")]
    Header,
    /// `typ` is not `at+jwt`: an ID token, say, or the token of an issuer that does not follow RFC
    /// 9068.
    #[error("not an access token")]
    Type,
    /// `alg` is not the algorithm of the key, or `none`.
    #[error("an algorithm that is not the key's")]
    Algorithm,
    /// No key with this `kid`, also after the issuer was asked as often as it may be asked; or the
    /// key was withdrawn.
    #[error("signed with an unknown key")]
    UnknownKey,
    /// The signature does not verify.
    #[error("a bad signature")]
    Signature,
    /// A claim is missing or of the wrong type.
    #[error("the claim {0} is missing or malformed")]
    Claim(&'static str),
    /// Somebody else's token. Issuers are compared byte for byte: a slash at the end makes another
    /// one.
    #[error("another issuer")]
    Issuer,
    /// A token for other APIs: the client has to ask for this one (`resource`, RFC 8707).
    #[error("another audience")]
    Audience,
    /// A token that was made from an API key which is for trying out, where those for the real
    /// thing are accepted, or the other way round.
    #[error("another environment")]
    Environment,
    /// `exp` has come. A clock that is wrong says so of every token.
    #[error("expired")]
    Expired,
    /// `nbf` or `iat` is further in the future than clocks may differ.
    #[error("not yet valid")]
    NotYetValid,
    /// It was taken back, or its client, the secret that it was asked for with, the key that signed
    /// it.
    #[error("revoked")]
    Revoked,
    /// The issuer's keys never came, or it does not answer and the token is signed with a key that
    /// is not known: it cannot be told whether the token is good. An answer of 503, not 401.
    #[error("the issuer's keys are out of reach")]
    KeysUnavailable,
    /// It is not known whether it was taken back: what the issuer takes back has not been heard of
    /// for too long. An answer of 503, not 401.
    #[error("what was taken back is not known for sure")]
    StaleRevocations,
}
