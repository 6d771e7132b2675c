//! A cached client, with all that the hot path would otherwise compute for each request. Of its
//! secrets it keeps no more than their recognition needs: a node caches thousands.

use std::sync::{Arc, OnceLock};

use super::generations::Stamp;
use super::usage::ClientUsage;
use crate::clock::Timestamp;
use crate::model::claims::TokenId;
use crate::model::client::{Client, ClientSecret, SecretId};
use crate::model::scope::ScopeSet;
use crate::secret::digest::SecretDigest;
use crate::secret::hash::SecretHash;

/// A cached client.
#[derive(Debug)]
pub struct KnownClient {
    /// The client.
    pub client: Client,
    /// Its secrets.
    pub secrets: Vec<KnownSecret>,
    /// The scopes of a token request without `scope`.
    pub default_scopes: ScopeSet,
    /// Its usage counts.
    pub usage: Arc<ClientUsage>,
    pub(super) stamp: Stamp,
}

impl KnownClient {
    /// An entry from a row, with what is still true of the secrets of the stale entry.
    pub(super) fn new(
        client: Client,
        secrets: Vec<ClientSecret>,
        before: &[KnownSecret],
        usage: Arc<ClientUsage>,
        stamp: Stamp,
    ) -> Self {
        let default_scopes = client.terms.effective_default_scopes();
        // `collect` would reuse the allocation of the rows, which is several times as large.
        let mut known = Vec::with_capacity(secrets.len());
        known.extend(secrets.into_iter().map(|secret| KnownSecret::new(secret, before)));
        Self { client, secrets: known, default_scopes, usage, stamp }
    }
}

/// A secret, and its part of a token id.
#[derive(Debug)]
pub struct KnownSecret {
    /// Its id.
    pub id: SecretId,
    /// See [`TokenId::credential`].
    pub token_credential: [u8; 8],
    expires_at: Option<Timestamp>,
    form: Form,
}

/// The means by which a secret is recognized.
#[derive(Debug)]
enum Form {
    /// The digest of a generated secret.
    Digest(SecretDigest),
    /// The slow hash of a chosen or imported secret.
    Slow(Box<SlowSecret>),
}

/// A secret that only a slow hash recognizes until it was presented to this node.
#[derive(Debug)]
pub struct SlowSecret {
    /// The hash as it is stored.
    pub kept: ClientSecret,
    /// The result of the first successful check.
    shown: Arc<OnceLock<Shown>>,
}

/// A secret that was presented and matched the slow hash.
#[derive(Debug)]
struct Shown {
    digest: SecretDigest,
    /// The hash that replaces the stored one.
    replacement: Option<SecretHash>,
}

impl KnownSecret {
    fn new(secret: ClientSecret, before: &[Self]) -> Self {
        Self {
            id: secret.id.clone(),
            token_credential: TokenId::credential_digest(secret.id.as_str()),
            expires_at: secret.expires_at,
            form: match secret.digest {
                Some(digest) => Form::Digest(digest),
                None => Form::Slow(Box::new(SlowSecret::new(secret, before))),
            },
        }
    }

    /// The digest that recognizes the secret without a slow hash. None, if it has no stored digest
    /// and was not presented yet.
    #[must_use]
    pub fn digest(&self) -> Option<&SecretDigest> {
        match &self.form {
            Form::Digest(digest) => Some(digest),
            Form::Slow(slow) => slow.digest(),
        }
    }

    /// The slow form, if there is no stored digest.
    #[must_use]
    pub fn slow(&self) -> Option<&SlowSecret> {
        match &self.form {
            Form::Digest(_) => None,
            Form::Slow(slow) => Some(slow),
        }
    }

    /// `true` if the secret is valid at `now`.
    #[must_use]
    pub fn is_usable(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

impl SlowSecret {
    fn new(kept: ClientSecret, before: &[KnownSecret]) -> Self {
        let same =
            before.iter().filter_map(KnownSecret::slow).find(|known| known.is_form_of(&kept));
        let shown = same.map(|known| Arc::clone(&known.shown)).unwrap_or_default();
        Self { kept, shown }
    }

    /// `true` if this is certainly the same secret. The id proves nothing: a deleted client may
    /// have been imported again, with another secret of that id.
    fn is_form_of(&self, other: &ClientSecret) -> bool {
        let replacement = || self.shown.get().and_then(|shown| shown.replacement.as_ref());
        self.kept.id == other.id
            && (self.kept.hash == other.hash || replacement() == Some(&other.hash))
    }

    /// The digest, once the secret was presented.
    #[must_use]
    pub fn digest(&self) -> Option<&SecretDigest> {
        self.shown.get().map(|shown| &shown.digest)
    }

    /// Stores, in memory only, the digest of the secret and the hash that replaces the stored one.
    pub fn was_shown(&self, digest: SecretDigest, replacement: Option<SecretHash>) {
        // The first stays: bcrypt takes several secrets for one.
        self.shown.set(Shown { digest, replacement }).ok();
    }
}
