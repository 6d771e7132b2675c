//! Token introspection (RFC 7662): whether a token is good, and what it says, to whoever may know;
//! signed where that is asked for (RFC 9701). The check is that of protected routes, and nothing is
//! written.

use std::sync::Arc;

use serde::Serialize;

use super::AuthorizationServer;
use super::error::OauthError;
use super::request::Submission;
use crate::authn::caller;
use crate::authn::caller::TokenFailure;
use crate::clock::Timestamp;
use crate::directory::{KnownClient, Unavailable};
use crate::model::claims::{Audience, INTROSPECTION_TYPE};
use crate::model::client::{Client, DEFAULT_INTROSPECTION_ALG};
use crate::model::environment::Environment;
use crate::model::scope::ScopeSet;
use mintery_verifier::AccessToken;

/// The scope of clients that may introspect every token.
pub const INTROSPECT_ALL: &str = "mintery:introspect";

/// In which form somebody wants the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 7662 §2.2.
    Json,
    /// The same in a signed JWT (RFC 9701 §5).
    Jwt,
}

/// What was found.
#[derive(Debug)]
pub struct Introspection {
    /// Who asked.
    caller: Arc<KnownClient>,
    /// When.
    at: Timestamp,
    found: Result<Active, Inactive>,
}

/// Why a token is not active for whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Inactive {
    /// It is not good.
    #[error(transparent)]
    Token(#[from] TokenFailure),
    /// It is none that whoever asks may know of.
    #[error("neither issued to the caller nor for an audience that it stands for")]
    NotForCaller,
}

/// A token that is good.
#[derive(Debug)]
struct Active {
    token: Arc<AccessToken>,
    /// What it allows now.
    scopes: ScopeSet,
}

/// The members of the answer (RFC 7662 §2.2).
#[derive(Serialize)]
#[serde(untagged)]
enum Members<'a> {
    Active {
        active: bool,
        #[serde(skip_serializing_if = "str::is_empty")]
        scope: &'a str,
        client_id: &'a str,
        sub: &'a str,
        aud: Audience<'a, String>,
        iss: &'a str,
        exp: i64,
        iat: i64,
        nbf: i64,
        jti: &'a str,
        token_type: &'static str,
        /// Of a token that was made from an API key, what the key is for.
        #[serde(skip_serializing_if = "Option::is_none")]
        environment: Option<&'static str>,
    },
    Inactive {
        active: bool,
    },
}

/// The claims of a signed answer (RFC 9701 §5). Neither `sub` nor `exp`: it must not pass for an
/// access token.
#[derive(Serialize)]
struct SignedClaims<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    token_introspection: Members<'a>,
}

/// Answers a request to introspect a token.
///
/// # Errors
/// When it is refused, or cannot be answered now. That the token is not active is an answer.
pub async fn respond(
    server: &AuthorizationServer,
    submission: &Submission<'_>,
) -> Result<Introspection, OauthError> {
    let (form, presented) = submission.parse()?;
    // `token_type_hint` is a hint, and there is one type.
    let token = form.get("token").ok_or(OauthError::InvalidRequest("token is missing"))?;
    let caller = presented.authenticate(server, submission.network()).await?;
    let at = server.clock.now();
    caller.known.usage.note(at, caller.secret(), submission.from);
    let found = match check(server, &caller.known.client, token) {
        Ok(token) => {
            let client = caller::client_of(&token);
            if client == caller.known.client.id.as_str() {
                // Its own token: who it is has just been looked up.
                active(server, token, Some(Arc::clone(&caller.known)))
            } else {
                // Apart from the future of every request, which is kept small: see `http`.
                Box::pin(active_of_other(server, token)).await?
            }
        }
        Err(why) => Err(why),
    };
    Ok(Introspection { caller: caller.known, at, found })
}

impl Introspection {
    /// Why the token is not active, for the log alone; nothing when it is.
    #[must_use]
    pub fn inactive(&self) -> Option<Inactive> {
        self.found.as_ref().err().copied()
    }

    /// The answer in the format that was asked for.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn body(
        &self,
        server: &AuthorizationServer,
        format: Format,
    ) -> Result<Vec<u8>, OauthError> {
        let members = Members::of(server, self.found.as_ref().ok());
        match format {
            Format::Json => to_json(&members),
            Format::Jwt => self.sign(server, members).map(String::into_bytes),
        }
    }

    fn sign(
        &self,
        server: &AuthorizationServer,
        token_introspection: Members<'_>,
    ) -> Result<String, OauthError> {
        let client = &self.caller.client;
        let (iss, aud, iat) = (server.issuer.as_str(), client.id.as_str(), self.at.as_secs());
        let claims = to_json(&SignedClaims { iss, aud, iat, token_introspection })?;
        let algorithm = client.terms.introspection_alg.unwrap_or(DEFAULT_INTROSPECTION_ALG);
        let ring = server.ring.current();
        let signer = ring
            .signer(algorithm, self.at)
            .ok_or_else(|| OauthError::Server(format!("no signing key for {algorithm}")))?;
        Ok(signer.sign_other(INTROSPECTION_TYPE, &claims)?)
    }
}

/// The token, if it is good and `caller` may know of it; its client is not looked at.
fn check(
    server: &AuthorizationServer,
    caller: &Client,
    token: &str,
) -> Result<Arc<AccessToken>, Inactive> {
    let token = server.ring.verifier().check_for_any(token).map_err(TokenFailure::Token)?;
    if may_introspect(server, caller, &token) { Ok(token) } else { Err(Inactive::NotForCaller) }
}

/// The token with what it allows now, if its client is good for it.
fn active(
    server: &AuthorizationServer,
    token: Arc<AccessToken>,
    known: Option<Arc<KnownClient>>,
) -> Result<Active, Inactive> {
    let holder = caller::holder(&token, known)?;
    let scopes =
        caller::scopes_of(server, &token, token.scopes.intersection(&holder.client.terms.scopes));
    Ok(Active { token, scopes })
}

/// The same of a token of somebody else than who asks, who is looked up where that is needed.
async fn active_of_other(
    server: &AuthorizationServer,
    token: Arc<AccessToken>,
) -> Result<Result<Active, Inactive>, Unavailable> {
    let Some(user) = caller::user_of(&token) else {
        let (known, _) = server.directory.client(caller::client_of(&token)).await?;
        return Ok(active(server, token, known));
    };
    let known = server.directory.user(&user).await?;
    Ok(caller::good_user(known).map_err(Inactive::from).map(|known| {
        let scopes = caller::scopes_of(server, &token, known.user.most_of(&token.scopes));
        Active { token, scopes }
    }))
}

/// A client may know of the tokens that were issued to it, or to its API keys, or that are for an
/// API which it stands for, or of all.
fn may_introspect(server: &AuthorizationServer, caller: &Client, token: &AccessToken) -> bool {
    caller::client_of(token) == caller.id.as_str()
        || caller.terms.scopes.contains(INTROSPECT_ALL)
        || token.audience.iter().any(|audience| stands_for(server, caller, audience))
}

/// Whether a client stands for an API that is there. Nobody stands for the issuer: who may know of
/// its tokens may administer it.
fn stands_for(server: &AuthorizationServer, client: &Client, audience: &str) -> bool {
    audience != server.issuer.as_str()
        && client.terms.stands_for.iter().any(|own| own.as_str() == audience)
        && server.directory.apis().contains_key(audience)
}

impl<'a> Members<'a> {
    fn of(server: &'a AuthorizationServer, active: Option<&'a Active>) -> Self {
        let Some(Active { token, scopes }) = active else {
            return Self::Inactive { active: false };
        };
        Self::Active {
            active: true,
            scope: scopes.as_str(),
            client_id: &token.client_id,
            sub: &token.subject,
            aud: Audience::of(&token.audience),
            iss: server.issuer.as_str(),
            exp: token.expires_at.as_secs(),
            iat: token.issued_at.as_secs(),
            nbf: token.not_before.as_secs(),
            jti: &token.jti,
            token_type: "Bearer",
            environment: token.environment.map(Environment::name),
        }
    }
}

fn to_json(value: &impl Serialize) -> Result<Vec<u8>, OauthError> {
    // Most answers fit, so that nothing is copied while they are written.
    let mut json = Vec::with_capacity(512);
    serde_json::to_writer(&mut json, value)
        .map_err(|error| OauthError::Server(error.to_string()))?;
    Ok(json)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Audience, Members};

    /// 7662-2
    #[test]
    fn an_answer_about_nothing_says_nothing() {
        let json = serde_json::to_string(&Members::Inactive { active: false }).unwrap();
        assert_eq!(json, r#"{"active":false}"#);
    }

    #[test]
    fn an_answer_is_json_whatever_an_id_is_made_of() {
        let audience = ["https://a.example".to_owned(), "https://b.example".to_owned()];
        let members = |scope, audience| Members::Active {
            active: true,
            scope,
            client_id: r#"a "b" \c"#,
            sub: r#"a "b" \c"#,
            aud: Audience::of(audience),
            iss: "https://auth.example.com",
            exp: 3,
            iat: 1,
            nbf: 2,
            jti: "x",
            token_type: "Bearer",
            environment: None,
        };
        let mut expected = json!({
            "active": true, "scope": "read", "client_id": r#"a "b" \c"#, "sub": r#"a "b" \c"#, "aud": "https://a.example",
            "iss": "https://auth.example.com", "exp": 3, "iat": 1, "nbf": 2, "jti": "x", "token_type": "Bearer",
        });
        assert_eq!(serde_json::to_value(members("read", &audience[..1])).unwrap(), expected);
        expected["aud"] = json!(audience);
        expected.as_object_mut().unwrap().remove("scope");
        assert_eq!(serde_json::to_value(members("", &audience)).unwrap(), expected);
    }
}
