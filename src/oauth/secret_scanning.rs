//! Secret scanning: whoever scans what is public tells of secrets that were found there, signed, in
//! the format of GitHub's partner program, and is told which of them were real.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::AuthorizationServer;
use crate::admin::{Admin, AdminError, leak};
use crate::authn::api_key;
use crate::directory::{KnownApiKey, Unavailable};
use crate::keys::scanner_keys::ScannerKeys;
use crate::model::api_key::ApiKeyId;
use crate::model::event::Actor;
use crate::model::leak::{Leak, LeakPlace, LeakPolicy};

/// The most secrets that are told of at once: each may cost a look-up, and a change.
pub const MAX_FOUND: usize = 500;

/// Whom is believed, and what is done then.
#[derive(Debug)]
pub struct Scanning {
    /// The keys of those who may tell.
    pub scanners: ScannerKeys,
    /// What is done with a key that was found.
    pub policy: LeakPolicy,
}

/// Why it was not dealt with what was told.
#[derive(Debug)]
pub enum ScanningError {
    /// It has another form.
    Malformed,
    /// It is more than [`MAX_FOUND`].
    TooMany,
    /// It cannot be told now which keys are real.
    Unavailable(Unavailable),
    /// A key that is real was not dealt with.
    Admin(AdminError),
    /// All was dealt with, and this node does not follow.
    Lags(Unavailable),
}

/// A secret that was found.
#[derive(Deserialize)]
struct Found<'a> {
    #[serde(borrow)]
    token: Cow<'a, str>,
    #[serde(borrow, default)]
    r#type: Cow<'a, str>,
    #[serde(borrow, default)]
    url: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    source: Option<Cow<'a, str>>,
}

/// What becomes of it.
#[derive(Serialize)]
struct Verdict<'a> {
    /// As it was told: who asks has no other name for it.
    token_raw: &'a str,
    token_type: &'a str,
    label: &'static str,
}

/// Deals with what was told, whose signature was found good; gives the answer in JSON.
///
/// # Errors
/// When it is malformed or too much, or cannot be dealt with now. Then some may have been dealt
/// with; they are when it is told again, too.
pub async fn respond(
    server: &AuthorizationServer,
    policy: LeakPolicy,
    body: &[u8],
) -> Result<Vec<u8>, ScanningError> {
    let found: Vec<Found<'_>> =
        serde_json::from_slice(body).map_err(|_| ScanningError::Malformed)?;
    if found.len() > MAX_FOUND {
        return Err(ScanningError::TooMany);
    }
    let mut leaks: BTreeMap<ApiKeyId, Leak> = BTreeMap::new();
    let mut verdicts = Vec::with_capacity(found.len());
    for Found { token, r#type, url, source } in &found {
        let known = look_up(server, token).await.map_err(ScanningError::Unavailable)?;
        let label = if known.is_some() { "true_positive" } else { "false_positive" };
        verdicts.push(Verdict { token_raw: token, token_type: r#type, label });
        if let Some(known) = known {
            let leak = leaks.entry(known.key.id.clone()).or_insert_with(|| {
                let text =
                    |text: &Option<Cow<'_, str>>| text.as_deref().unwrap_or_default().to_owned();
                Leak {
                    key: known.key.id.clone(),
                    owner: known.key.owner.clone(),
                    place: LeakPlace::new(&text(url), &text(source), token),
                    places: 0,
                }
            });
            leak.places = leak.places.saturating_add(1);
        }
    }
    report(server, policy, leaks.into_values()).await?;
    serde_json::to_vec(&verdicts).map_err(|_| ScanningError::Malformed)
}

/// The key, if it is one. Its checksum is looked at first: what is malformed costs nothing, and
/// what is not there is remembered so.
async fn look_up(
    server: &AuthorizationServer,
    token: &str,
) -> Result<Option<Arc<KnownApiKey>>, Unavailable> {
    let Ok(digest) = api_key::digest(server, token) else { return Ok(None) };
    server.directory.api_key(&digest).await
}

async fn report(
    server: &AuthorizationServer,
    policy: LeakPolicy,
    leaks: impl Iterator<Item = Leak>,
) -> Result<(), ScanningError> {
    let admin = Admin { actor: Actor::SecretScanning, grantable: None, ..server.admin.clone() };
    for leak in leaks {
        let (key, owner) = (leak.key.clone(), leak.owner.clone());
        match leak::report(&admin, leak, policy).await {
            Ok(()) => {
                server.metrics.keys_leaked.increment(1);
                let done = match policy {
                    LeakPolicy::Revoke => "it is revoked",
                    LeakPolicy::Flag => "it is marked, and still good",
                };
                log::warn!("the API key {key} of {} was found in public; {done}", owner.as_str());
            }
            // Somebody was faster.
            Err(AdminError::NotFound(_)) => {}
            Err(error) => return Err(ScanningError::Admin(error)),
        }
    }
    let committed = *admin.store.commits().borrow();
    server.directory.catch_up(committed).await.map_err(ScanningError::Lags)
}
