//! Requests an access token with a credential.

use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use super::credential::{Credential, is_jwt};
use super::http::{Refusal, Remote};
use crate::cli::error::CliError;
use crate::cli::input::parse_given;
use crate::model::client::GrantType;
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::oauth::grant::token_exchange;
use crate::secret::Secret;

// A doc comment here would become the description of each command that has these flags.
// The scopes and APIs of a token request or a check.
#[derive(Debug, Args)]
pub struct TokenRequestFlags {
    /// Requested scopes, separated by spaces.
    #[arg(long, value_name = "\"A B\"")]
    scope: Option<String>,
    /// Requested API; repeat for several. The server chooses if absent.
    #[arg(long, value_name = "URI")]
    resource: Vec<String>,
}

/// The parsed flags, as form parameters.
#[derive(Debug, Default)]
pub struct TokenRequest(Vec<(&'static str, String)>);

impl TokenRequestFlags {
    /// Parses the flags.
    pub fn parse(&self) -> Result<TokenRequest, CliError> {
        let mut parameters = Vec::new();
        if let Some(scopes) = parse_given(self.scope.as_deref(), ScopeSet::parse)? {
            parameters.push(("scope", scopes.to_string()));
        }
        for resource in &self.resource {
            let resource = ResourceUri::parse(resource).map_err(CliError::usage)?;
            parameters.push(("resource", resource.to_string()));
        }
        Ok(TokenRequest(parameters))
    }
}

impl TokenRequest {
    /// The form parameters.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

/// The token response of a server.
#[derive(Debug)]
pub struct GrantedToken {
    /// The token.
    pub token: Secret,
    /// The granted scopes, if the server names them.
    pub scope: Option<String>,
    /// The lifetime in seconds, if the server names it.
    pub expires_in: Option<u64>,
    /// The whole response, with the token.
    pub whole: Value,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Secret,
    scope: Option<String>,
    expires_in: Option<u64>,
}

/// Requests an access token: with client credentials (RFC 6749 §4.4), or in exchange for an API key
/// (RFC 8693).
pub fn request(
    remote: &Remote<'_>,
    credential: &Credential,
    parameters: &TokenRequest,
) -> Result<GrantedToken, CliError> {
    match credential {
        Credential::Client { id, secret } => {
            Ok(client_credentials(remote, id, secret, parameters)?)
        }
        Credential::ApiKey(key) => Ok(exchange(remote, key, parameters)?),
        Credential::AccessToken(_) => {
            let reason = "an access token cannot request another token; log in as a client or with an API key";
            Err(CliError::Failed(reason.to_owned()))
        }
    }
}

/// Requests a token with client credentials; returns the server's refusal.
pub fn client_credentials(
    remote: &Remote<'_>,
    id: &str,
    secret: &Secret,
    parameters: &TokenRequest,
) -> Result<GrantedToken, Refusal> {
    let mut form = vec![("grant_type", "client_credentials")];
    form.extend(parameters.parameters());
    request_token(remote, &form, Some((id, secret)))
}

fn exchange(
    remote: &Remote<'_>,
    key: &Secret,
    parameters: &TokenRequest,
) -> Result<GrantedToken, Refusal> {
    let mut form = vec![
        ("grant_type", GrantType::TokenExchange.name()),
        ("subject_token", key.expose()),
        ("subject_token_type", token_exchange::API_KEY_TYPE),
    ];
    form.extend(parameters.parameters());
    // An invalid key makes the request invalid (RFC 8693 §2.2.2); the rest of it is valid.
    request_token(remote, &form, None).map_err(|refusal| {
        if refusal.is("invalid_request") { refusal.into_unauthenticated() } else { refusal }
    })
}

fn request_token(
    remote: &Remote<'_>,
    form: &[(&str, &str)],
    client: Option<(&str, &Secret)>,
) -> Result<GrantedToken, Refusal> {
    let answer = remote.post("/oauth/token", form, client)?;
    let TokenAnswer { access_token, scope, expires_in } = answer.json()?;
    let plain = access_token.expose();
    // The token goes into a header, and unchanged to a terminal.
    if !is_jwt(plain) || !plain.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(answer.foreign());
    }
    Ok(GrantedToken { token: access_token, scope, expires_in, whole: answer.json()? })
}
