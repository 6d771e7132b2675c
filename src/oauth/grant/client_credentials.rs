//! The client credentials grant (RFC 6749 §4.4). The client authenticates.

use super::access::{AllowedAccess, GrantedAccess, RequestedAccess};
use super::client::ClientGrant;
use crate::directory::KnownClient;
use crate::model::client::GrantType;
use crate::oauth::AuthorizationServer;
use crate::oauth::error::OauthError;
use crate::oauth::form::Form;

/// The grant; [`client::respond`](super::client::respond) authenticates its client.
#[derive(Debug)]
pub struct ClientCredentials;

impl ClientGrant for ClientCredentials {
    const TYPE: GrantType = GrantType::ClientCredentials;

    fn decide<'a>(
        server: &'a AuthorizationServer,
        known: &'a KnownClient,
        form: &Form<'_>,
    ) -> Result<GrantedAccess<'a>, OauthError> {
        let KnownClient { client, default_scopes, .. } = known;
        let allowed = AllowedAccess {
            resources: &client.terms.resources,
            granted_as_of: client.granted_as_of,
            token_alg: client.terms.token_alg,
            token_ttl: client.terms.token_ttl,
            scopes: &client.terms.scopes,
            default_scopes: default_scopes.clone(),
        };
        let requested = RequestedAccess::parse(form, &["resource"])?.with_audience(form)?;
        requested.decide(server, allowed)
    }
}
