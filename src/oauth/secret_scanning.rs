//! Leak reports: a scanner of public code reports the secrets that it found, signed, in the format of
//! GitHub's partner program. The response says which are real.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::admin::{Admin, AdminError, leak};
use crate::authn::api_key;
use crate::authn::context::Context;
use crate::directory::{KnownApiKey, Unavailable};
use crate::keys::scanner_keys::ScannerKeys;
use crate::model::api_key::ApiKeyId;
use crate::model::event::Actor;
use crate::model::leak::{Leak, LeakPlace, LeakPolicy};

/// The limit of secrets in one report: each may cost a lookup and a change.
pub const MAX_FOUND: usize = 500;

/// Settings of leak reports.
#[derive(Debug)]
pub struct LeakScanning {
    /// The keys of the accepted scanners.
    pub scanners: ScannerKeys,
    /// The response to a leaked key.
    pub policy: LeakPolicy,
}

/// Refusal of a report.
#[derive(Debug)]
pub enum ScanningError {
    /// The report is malformed.
    Malformed,
    /// The report has more than [`MAX_FOUND`] secrets.
    TooMany,
    /// The keys cannot be looked up now.
    Unavailable(Unavailable),
    /// The policy could not be applied to a real key.
    Admin(AdminError),
    /// The policy was applied, and this node has not learned it yet.
    Lags(Unavailable),
}

/// A secret in a report.
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

/// The verdict on a secret.
#[derive(Serialize)]
struct Verdict<'a> {
    /// The secret as reported: the scanner has no other name for it.
    token_raw: &'a str,
    token_type: &'a str,
    label: &'static str,
}

/// Applies the policy to the real keys of a report whose signature is valid; returns the response in
/// JSON.
///
/// # Errors
/// The report is malformed or too long, or the policy cannot be applied now. Some keys may be done
/// then; the same report may be sent again.
pub async fn respond(
    context: &Context,
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
        let known = look_up(context, token).await.map_err(ScanningError::Unavailable)?;
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
    report(context, policy, leaks.into_values()).await?;
    serde_json::to_vec(&verdicts).map_err(|_| ScanningError::Malformed)
}

/// The known key. A wrong checksum costs no lookup, and the directory caches unknown keys.
async fn look_up(context: &Context, token: &str) -> Result<Option<Arc<KnownApiKey>>, Unavailable> {
    let Ok(digest) = api_key::digest(context, token) else { return Ok(None) };
    context.directory.api_key(&digest).await
}

async fn report(
    context: &Context,
    policy: LeakPolicy,
    leaks: impl Iterator<Item = Leak>,
) -> Result<(), ScanningError> {
    let admin = Admin { actor: Actor::SecretScanning, grantable: None, ..context.admin.clone() };
    for leak in leaks {
        let (key, owner) = (leak.key.clone(), leak.owner.clone());
        match leak::report(&admin, leak, policy).await {
            Ok(()) => {
                context.metrics.keys_leaked.increment(1);
                let done = match policy {
                    LeakPolicy::Revoke => "it has been revoked",
                    LeakPolicy::Flag => "it is marked as leaked and still works",
                };
                log::warn!("the API key {key} of {} was found in public; {done}", owner.as_str());
            }
            // The key was deleted meanwhile.
            Err(AdminError::NotFound(_)) => {}
            Err(error) => return Err(ScanningError::Admin(error)),
        }
    }
    let committed = *admin.store.commits().borrow();
    context.directory.catch_up(committed).await.map_err(ScanningError::Lags)
}
