//! What is remembered of a client, with what the hot path would otherwise compute for each request.
//! Of its secrets no more is kept than recognising them takes: a node remembers thousands.

use std::sync::{Arc, OnceLock};

use super::generations::Stamp;
use super::usage::ClientUsage;
use crate::clock::Timestamp;
use crate::model::claims::TokenId;
use crate::model::client::{Client, ClientSecret, SecretId};
use crate::model::scope::ScopeSet;
use crate::secret::digest::SecretDigest;
use crate::secret::hash::SecretHash;

/// A client.
#[derive(Debug)]
pub struct KnownClient {
    /// The client.
    pub client: Client,
    /// Its secrets.
    pub secrets: Vec<KnownSecret>,
    /// What it gets when it asks for nothing.
    pub default_scopes: ScopeSet,
    /// What is counted for it.
    pub usage: Arc<ClientUsage>,
    pub(super) stamp: Stamp,
}

impl KnownClient {
    /// What was read, with what is still true of the secrets that were known before.
    pub(super) fn new(
        client: Client,
        secrets: Vec<ClientSecret>,
        before: &[KnownSecret],
        usage: Arc<ClientUsage>,
        stamp: Stamp,
    ) -> Self {
        let default_scopes = client.terms.effective_default_scopes();
        // Collected, it would take over the room of what was read, which is several times as much.
        let mut known = Vec::with_capacity(secrets.len());
        known.extend(secrets.into_iter().map(|secret| KnownSecret::new(secret, before)));
        Self { client, secrets: known, default_scopes, usage, stamp }
    }
}

/// A secret, and what goes into the id of a token.
#[derive(Debug)]
pub struct KnownSecret {
    /// Its id.
    pub id: SecretId,
    /// See [`TokenId::credential`].
    pub token_credential: [u8; 8],
    expires_at: Option<Timestamp>,
    form: Form,
}

/// What a secret is recognised by.
#[derive(Debug)]
enum Form {
    /// One that is made here.
    Digest(SecretDigest),
    /// One that has no digest at rest.
    Slow(Box<SlowSecret>),
}

/// A secret that only a slow hash tells from another, until it was shown here.
#[derive(Debug)]
pub struct SlowSecret {
    /// The secret as it is kept.
    pub kept: ClientSecret,
    /// What was found when it was shown here.
    shown: Arc<OnceLock<Shown>>,
}

/// A secret that was shown, and found to be that of the slow hash.
#[derive(Debug)]
struct Shown {
    digest: SecretDigest,
    /// Another hash of it, by which that one is replaced at rest.
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

    /// What it is recognised by without a slow hash; nothing when it has no digest at rest and was
    /// not shown here yet.
    #[must_use]
    pub fn digest(&self) -> Option<&SecretDigest> {
        match &self.form {
            Form::Digest(digest) => Some(digest),
            Form::Slow(slow) => slow.digest(),
        }
    }

    /// The slow form, when there is no digest at rest.
    #[must_use]
    pub fn slow(&self) -> Option<&SlowSecret> {
        match &self.form {
            Form::Digest(_) => None,
            Form::Slow(slow) => Some(slow),
        }
    }

    /// Whether it may still be used at `now`.
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

    /// Whether it is the same secret for sure. The id does not tell: a client that was deleted may
    /// have been imported again, with another secret of that id.
    fn is_form_of(&self, other: &ClientSecret) -> bool {
        let replacement = || self.shown.get().and_then(|shown| shown.replacement.as_ref());
        self.kept.id == other.id
            && (self.kept.hash == other.hash || replacement() == Some(&other.hash))
    }

    /// The digest, once it was shown here.
    #[must_use]
    pub fn digest(&self) -> Option<&SecretDigest> {
        self.shown.get().map(|shown| &shown.digest)
    }

    /// Remembers, in memory alone, that this is the digest of the secret, and by which hash its own
    /// is replaced.
    pub fn was_shown(&self, digest: SecretDigest, replacement: Option<SecretHash>) {
        // The first stays: bcrypt takes several secrets for one.
        self.shown.set(Shown { digest, replacement }).ok();
    }
}
