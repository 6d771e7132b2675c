//! Client secrets that a person chose, which may be guessed. Only a slow hash checks one, and it is
//! rationed: the limits on guessing come first, then a place in the queue for hashing, for
//! unknown clients too. The digest of a right secret is kept in memory, so the client does not come
//! here again.
//!
//! A refusal takes the time of one hash of our own, with two exceptions: a hash that was imported
//! with other costs and not replaced yet, and two secrets of a client that have the same tag.

use std::sync::Arc;

use super::client::AuthenticatedClient;
use crate::authn::context::Context;
use crate::authn::delay::make_wait;
use crate::directory::guesses::Guess;
use crate::directory::{KnownClient, KnownSecret, SlowSecret};
use crate::model::client::ClientSecret;
use crate::network::Network;
use crate::oauth::error::{ClientFailure, OauthError};
use crate::secret::Secret;
use crate::secret::check::{Match, Question};
use crate::secret::digest::SecretDigest;
use crate::secret::generated;
use crate::secret::pool::{Busy, Lane};
use crate::store;

/// An id and a secret that only a slow hash can check.
pub struct UncheckedSecret {
    /// The presented id.
    pub id: String,
    /// The presented secret.
    pub secret: Secret,
    /// The digest of the secret.
    pub digest: SecretDigest,
    /// True if the secret has the form of a generated one.
    pub looks_generated: bool,
    /// The client, if it exists.
    pub known: Option<Arc<KnownClient>>,
}

/// Checks the readings of one request, of which the client means one.
///
/// # Errors
/// [`OauthError::InvalidClient`] if none is right; [`OauthError::TooManyGuesses`] and
/// [`OauthError::Busy`] if one was not checked.
pub async fn authenticate(
    readings: Vec<UncheckedSecret>,
    context: &Context,
    network: Network,
) -> Result<AuthenticatedClient, OauthError> {
    let mut counted = Vec::new();
    let mut refusal = ClientFailure::WrongSecret;
    for unchecked in readings {
        match check(unchecked, context, network, &mut counted).await {
            Ok(Ok(client)) => {
                // The wrong ones were other readings of the right one.
                context.directory.guesses().take_back(&counted);
                return Ok(client);
            }
            Ok(Err(failure)) => refusal = failure,
            Err(error) => {
                if matches!(error, OauthError::TooManyGuesses(_)) {
                    make_wait().await;
                }
                return Err(error);
            }
        }
    }
    Err(refusal.into())
}

async fn check(
    unchecked: UncheckedSecret,
    context: &Context,
    network: Network,
    counted: &mut Vec<Guess>,
) -> Result<Result<AuthenticatedClient, ClientFailure>, OauthError> {
    let guesses = context.directory.guesses();
    let hashes = unchecked.candidates(context).map(|secret| secret.kept.hash.clone()).collect();
    let question = Question {
        client: unchecked.id.clone(),
        secret: unchecked.secret.clone(),
        digest: unchecked.digest.clone(),
        hashes,
    };
    let refusal = if unchecked.known.is_some() {
        ClientFailure::WrongSecret
    } else {
        ClientFailure::UnknownClient
    };
    if context.checks.is_wrong(&question) {
        // The same wrong secret again is no further guess.
        if guesses.is_flooded_by(network) {
            make_wait().await;
        }
        return Ok(Err(refusal));
    }
    let (answer, own) = if let Some(answer) = context.checks.under_way(&question) {
        (answer, None)
    } else {
        // A caller that hangs up before the hash has not guessed; one that does so later has.
        let open = guesses.count(&unchecked.id, network, question.work())?;
        let own = open.guess();
        (context.checks.ask(Lane::Network(network), question, move || open.was_wrong())?, Some(own))
    };
    // The queue may have dropped the question in favor of others.
    let found = answer.await.map_err(|_| Busy)?;
    let Some(found) = found else {
        counted.extend(own);
        return Ok(Err(refusal));
    };
    unchecked.was_right(found, context).await
}

impl UncheckedSecret {
    /// The secrets that it may match: those without a stored digest whose tag or ending is the
    /// same, or which were never seen.
    fn candidates<'a>(&'a self, context: &'a Context) -> impl Iterator<Item = &'a SlowSecret> {
        let secrets = self.known.as_ref().map_or(&[][..], |known| &known.secrets);
        secrets.iter().filter_map(KnownSecret::slow).filter(|secret| {
            let kept = &secret.kept;
            // A secret that was seen here, and is another, needs no comparison by a hash that
            // takes longer than our own.
            let is_ruled_out =
                secret.digest().is_some() && !kept.hash.is_own() && kept.hash.covers(&self.secret);
            let may_be = || match kept.ending() {
                Some(ending) => self.looks_generated && ending == generated::hint(&self.secret),
                // A secret imported without its ending was not generated here.
                None if kept.hint.is_empty() => !self.looks_generated,
                None => kept.hint == context.secret_digests.tag(kept.id.as_str(), &self.secret),
            };
            !is_ruled_out && may_be()
        })
    }

    /// Admits the client, if the secret that was right when it was hashed still is.
    async fn was_right(
        self,
        found: Match,
        context: &Context,
    ) -> Result<Result<AuthenticatedClient, ClientFailure>, OauthError> {
        let of_hash = |secret: &&SlowSecret| secret.kept.hash == found.hash;
        let secrets = self.known.iter().flat_map(|known| &known.secrets);
        let Some(id) = secrets
            .filter_map(KnownSecret::slow)
            .find(of_hash)
            .map(|secret| secret.kept.id.clone())
        else {
            return Ok(Err(ClientFailure::WrongSecret));
        };
        let (known, as_of) = context.directory.client(&self.id).await?;
        let Some(known) = known else { return Ok(Err(ClientFailure::UnknownClient)) };
        let mut secrets = known.secrets.iter().enumerate();
        let Some((position, secret)) = secrets.find(|(_, secret)| secret.id == id) else {
            return Ok(Err(ClientFailure::WrongSecret));
        };
        match secret.slow() {
            Some(slow)
                if slow.kept.hash != found.hash
                    && Some(&slow.kept.hash) != found.replacement.as_ref() =>
            {
                // Another form of it, or another secret of the same id, which was not checked.
                return Err(OauthError::Busy);
            }
            Some(slow) => {
                let is_first = slow.digest().is_none();
                slow.was_shown(self.digest.clone(), found.replacement.clone());
                if is_first {
                    self.keep_own_form(&slow.kept, found, context);
                }
            }
            // Another request presented it meanwhile, or it is another secret.
            None if secret.digest().is_some_and(|own| own.matches(&self.digest)) => {}
            None => return Ok(Err(ClientFailure::WrongSecret)),
        }
        Ok(AuthenticatedClient::admit(known, position, as_of, context.clock.now()))
    }

    /// Stores the parts that were unknown before the secret was presented, and its hash in our own
    /// form. It runs beside the request; after a failure the next request repeats it.
    fn keep_own_form(&self, kept: &ClientSecret, found: Match, context: &Context) {
        let mut own = kept.clone();
        if let Some(replacement) = found.replacement {
            own.hash = replacement;
        }
        if self.looks_generated {
            own.digest = Some(self.digest.clone());
            own.hint = generated::hint(&self.secret);
        } else if found.hash.covers(&self.secret) {
            own.hint = context.secret_digests.tag(own.id.as_str(), &self.secret);
        }
        if own.hash == kept.hash && own.hint == kept.hint && own.digest == kept.digest {
            return;
        }
        let database = context.admin.store.database().clone();
        tokio::spawn(async move {
            if let Err(error) = store::client::keep_other_form(&database, &found.hash, &own).await {
                log::warn!("cannot rehash the secret {}: {error}", own.id.as_str());
            }
        });
    }
}
