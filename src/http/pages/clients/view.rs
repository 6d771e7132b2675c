//! Clients and their secrets as pages show them.

use crate::admin::client::KeptSecret;
use crate::clock::Timestamp;
use crate::http::pages::display::{Badge, SOON, ShownTime, span};
use crate::http::pages::links::client_path;
use crate::model::client::{Client, ClientId, ClientTerms};
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::model::signing_key::SigningAlgorithm;

/// A client of a page.
pub(super) struct ClientView {
    pub(super) id: ClientId,
    pub(super) name: String,
    pub(super) status: Badge,
    pub(super) is_enabled: bool,
    pub(super) created: ShownTime,
    pub(super) scopes: ScopeSet,
    pub(super) default_scopes: ScopeSet,
    pub(super) resources: Vec<String>,
    pub(super) stands_for: Vec<String>,
    pub(super) ttl: Option<String>,
    pub(super) alg: &'static str,
    pub(super) limit: Option<u64>,
}

impl ClientView {
    pub(super) fn new(client: &Client, now: Timestamp) -> Self {
        let ClientTerms {
            name,
            scopes,
            grants: _,
            resources,
            stands_for,
            default_scopes: _,
            token_alg,
            introspection_alg: _,
            token_ttl,
            max_tokens_per_hour,
        } = &client.terms;
        let texts = |resources: &[ResourceUri]| resources.iter().map(ToString::to_string).collect();
        Self {
            id: client.id.clone(),
            name: name.as_str().to_owned(),
            status: if client.is_enabled() {
                Badge::ok("Active")
            } else {
                Badge::plain("Disabled")
            },
            is_enabled: client.is_enabled(),
            created: ShownTime::new(client.created_at, now),
            scopes: scopes.clone(),
            default_scopes: client.terms.effective_default_scopes(),
            resources: texts(resources),
            stands_for: texts(stands_for),
            ttl: token_ttl.map(span),
            alg: token_alg.map_or("API or server default", SigningAlgorithm::name),
            limit: *max_tokens_per_hour,
        }
    }

    pub(super) fn path(&self) -> String {
        client_path(&self.id)
    }
}

/// A secret of a page.
pub(super) struct SecretView {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) masked: Option<String>,
    pub(super) status: Badge,
    pub(super) created: ShownTime,
    pub(super) expires: Option<ShownTime>,
    pub(super) used: Option<ShownTime>,
    pub(super) used_from: Option<String>,
}

impl SecretView {
    /// The name and a detail that tells it from secrets with the same name.
    pub(super) fn distinct_name(&self) -> String {
        let detail =
            self.masked.clone().unwrap_or_else(|| format!("created {}", self.created.date()));
        format!("{} ({detail})", self.name)
    }

    pub(super) fn new(kept: &KeptSecret, now: Timestamp) -> Self {
        let secret = &kept.secret;
        let is_over = secret.expires_at.is_some_and(|at| at <= now);
        let is_soon = secret.expires_at.is_some_and(|at| at.since(now) < SOON);
        Self {
            id: secret.id.as_str().to_owned(),
            name: secret.label.clone().unwrap_or_else(|| "Secret".to_owned()),
            masked: secret.ending().map(|ending| format!("mts_…{ending}…")),
            status: match (is_over, is_soon) {
                (true, _) => Badge::bad("Expired"),
                (_, true) => Badge::warn("Expires soon"),
                _ => Badge::ok("Active"),
            },
            created: ShownTime::new(secret.created_at, now),
            expires: secret.expires_at.map(|at| ShownTime::new(at, now)),
            used: kept.last_use.map(|used| ShownTime::new(used.at, now)),
            used_from: kept.last_use.and_then(|used| used.from).map(|address| address.to_string()),
        }
    }
}
