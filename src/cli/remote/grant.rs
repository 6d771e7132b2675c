//! How a credential gets an access token.

use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use crate::cli::CliError;
use crate::cli::remote::credential::{Credential, is_jwt};
use crate::cli::remote::http::{Refusal, Remote};
use crate::model::client::GrantType;
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::oauth::grant::token_exchange;
use crate::secret::Secret;

// No doc comment: a command that has these flags would be described by it.
// What a token is asked for, or checked for.
#[derive(Debug, Args)]
pub struct WantedFlags {
    /// The scopes, with spaces between.
    #[arg(long, value_name = "\"A B\"")]
    scope: Option<String>,
    /// The API, several times for several; the server's own choice when this is absent.
    #[arg(long, value_name = "URI")]
    resource: Vec<String>,
}

/// The same, in the form in which it is sent.
#[derive(Debug, Default)]
pub struct Wanted(Vec<(&'static str, String)>);

impl WantedFlags {
    /// Reads the flags.
    pub fn parse(&self) -> Result<Wanted, CliError> {
        let mut wanted = Vec::new();
        if let Some(scope) = &self.scope {
            let scopes = ScopeSet::parse(scope).map_err(CliError::usage)?;
            wanted.push(("scope", scopes.to_string()));
        }
        for resource in &self.resource {
            let resource = ResourceUri::parse(resource).map_err(CliError::usage)?;
            wanted.push(("resource", resource.to_string()));
        }
        Ok(Wanted(wanted))
    }
}

impl Wanted {
    /// The parameters of a request.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

/// An access token, as a server gave it.
#[derive(Debug)]
pub struct Granted {
    /// The token.
    pub token: Secret,
    /// The scopes that it has, if the server says.
    pub scope: Option<String>,
    /// How long it is good, in seconds, if the server says.
    pub expires_in: Option<u64>,
    /// All that the server said; the token stands in it.
    pub whole: Value,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Secret,
    scope: Option<String>,
    expires_in: Option<u64>,
}

/// Gets an access token for `wanted`: for a client by its secret (RFC 6749 §4.4), for an API key in
/// exchange (RFC 8693).
pub fn request(
    remote: &Remote<'_>,
    credential: &Credential,
    wanted: &Wanted,
) -> Result<Granted, CliError> {
    match credential {
        Credential::Client { id, secret } => Ok(of_client(remote, id, secret, wanted)?),
        Credential::ApiKey(key) => Ok(in_exchange(remote, key, wanted)?),
        Credential::AccessToken(_) => {
            let reason = "this profile has an access token, and that gets no other: log in as a client, or with an API key";
            Err(CliError::Failed(reason.to_owned()))
        }
    }
}

/// The same for a client, with the refusal of the server.
pub fn of_client(
    remote: &Remote<'_>,
    id: &str,
    secret: &Secret,
    wanted: &Wanted,
) -> Result<Granted, Refusal> {
    let mut form = vec![("grant_type", "client_credentials")];
    form.extend(wanted.parameters());
    granted(remote, &form, Some((id, secret)))
}

fn in_exchange(remote: &Remote<'_>, key: &Secret, wanted: &Wanted) -> Result<Granted, Refusal> {
    let mut form = vec![
        ("grant_type", GrantType::TokenExchange.name()),
        ("subject_token", key.expose()),
        ("subject_token_type", token_exchange::API_KEY_TYPE),
    ];
    form.extend(wanted.parameters());
    // A key that is not good makes the request an invalid one (RFC 8693 §2.2.2); nothing else about
    // it is.
    granted(remote, &form, None).map_err(|refusal| {
        if refusal.is("invalid_request") { refusal.into_unauthenticated() } else { refusal }
    })
}

fn granted(
    remote: &Remote<'_>,
    form: &[(&str, &str)],
    client: Option<(&str, &Secret)>,
) -> Result<Granted, Refusal> {
    let answer = remote.post("/oauth/token", form, client)?;
    let TokenAnswer { access_token, scope, expires_in } = answer.json()?;
    let plain = access_token.expose();
    // It goes into a header, and to a terminal as it stands.
    if !is_jwt(plain) || !plain.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(answer.foreign());
    }
    Ok(Granted { token: access_token, scope, expires_in, whole: answer.json()? })
}
