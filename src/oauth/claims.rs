//! The claims of an access token (RFC 9068 §2.2).

use crate::json::ObjectWriter;
use crate::model::claims::TokenId;

/// The claims of an access token, in the order in which they are written.
#[derive(Debug)]
pub struct AccessTokenClaims<'a, T> {
    /// The issuer.
    pub iss: &'a str,
    /// The caller: the client, with client credentials, or the owner of the API key that it was made
    /// from.
    pub sub: &'a str,
    /// The client that requested it, or the exchanged API key.
    pub client_id: &'a str,
    /// The APIs that accept it.
    pub aud: &'a [T],
    /// The time of issue, and the time from which it is valid (`nbf`), in seconds.
    pub iat: i64,
    /// The time from which it is expired, in seconds.
    pub exp: i64,
    /// Its id.
    pub jti: TokenId,
    /// The granted scopes; empty if none were requested and none are granted by default.
    pub scope: &'a str,
    /// The environment of the exchanged API key; absent if a client requested it.
    pub environment: Option<&'static str>,
}

impl<T: AsRef<str>> AccessTokenClaims<'_, T> {
    /// The claims as a JSON object.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut claims = ObjectWriter::with_capacity(512);
        claims.text("iss", self.iss);
        claims.text("sub", self.sub);
        claims.text("client_id", self.client_id);
        claims.one_or_many("aud", self.aud);
        claims.plain("iat", self.iat);
        claims.plain("nbf", self.iat);
        claims.plain("exp", self.exp);
        claims.text("jti", &self.jti.encode());
        claims.text_unless_empty("scope", self.scope);
        if let Some(environment) = self.environment {
            claims.text("environment", environment);
        }
        claims.finish()
    }
}
