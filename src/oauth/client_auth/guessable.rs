//! Secrets that may have been guessed: those that somebody chose. Only a slow hash tells, and what
//! tells is rationed: first the limits on guessing, then a place in the line of those who hash,
//! whether or not there is such a client. Whoever was right is remembered by digest, in memory, and
//! does not come here again.
//!
//! A refusal takes the time of one hash of our own, whatever there is to compare with. There are
//! two exceptions: a hash that was imported with other costs and not replaced yet, and two secrets
//! of a client that have the same tag.

use std::sync::Arc;

use super::secret::admit;
use super::{AuthenticatedClient, AuthorizationServer};
use crate::authn::delay::make_wait;
use crate::directory::guesses::Guess as Counted;
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

/// An id and a secret of which it is not known whether they belong together.
pub struct Guess {
    /// What was presented as the id.
    pub id: String,
    /// What was presented as the secret.
    pub secret: Secret,
    /// Its digest.
    pub digest: SecretDigest,
    /// Whether it has the form of one that is made here.
    pub looks_generated: bool,
    /// The client, when there is one.
    pub known: Option<Arc<KnownClient>>,
}

/// Checks the readings of one request, of which one is meant.
///
/// # Errors
/// [`OauthError::InvalidClient`] when none is right; [`OauthError::TooManyGuesses`] and
/// [`OauthError::Busy`] when that was not looked at.
pub async fn authenticate(
    readings: Vec<Guess>,
    server: &AuthorizationServer,
    network: Network,
) -> Result<AuthenticatedClient, OauthError> {
    let mut counted = Vec::new();
    let mut refusal = ClientFailure::WrongSecret;
    for guess in readings {
        match check(guess, server, network, &mut counted).await {
            Ok(Ok(client)) => {
                // What was wrong was another reading of what is right.
                server.directory.guesses().take_back(&counted);
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
    guess: Guess,
    server: &AuthorizationServer,
    network: Network,
    counted: &mut Vec<Counted>,
) -> Result<Result<AuthenticatedClient, ClientFailure>, OauthError> {
    let guesses = server.directory.guesses();
    let hashes = guess.candidates(server).map(|secret| secret.kept.hash.clone()).collect();
    let question = Question {
        client: guess.id.clone(),
        secret: guess.secret.clone(),
        digest: guess.digest.clone(),
        hashes,
    };
    let refusal = if guess.known.is_some() {
        ClientFailure::WrongSecret
    } else {
        ClientFailure::UnknownClient
    };
    if server.checks.is_wrong(&question) {
        // Whoever says the same again has guessed nothing.
        if guesses.is_flooded_by(network) {
            make_wait().await;
        }
        return Ok(Err(refusal));
    }
    let (answer, own) = if let Some(answer) = server.checks.under_way(&question) {
        (answer, None)
    } else {
        // Whoever hangs up before it is looked at has not guessed; whoever does so later has.
        let open = guesses.count(&guess.id, network, question.work())?;
        let own = open.guess();
        (server.checks.ask(Lane::Network(network), question, move || open.was_wrong())?, Some(own))
    };
    // Others may have taken its place.
    let found = answer.await.map_err(|_| Busy)?;
    let Some(found) = found else {
        counted.extend(own);
        return Ok(Err(refusal));
    };
    guess.was_right(found, server).await
}

impl Guess {
    /// The secrets that it can be: those without a digest at rest whose tag or end is its own, or
    /// that were never seen.
    fn candidates<'a>(
        &'a self,
        server: &'a AuthorizationServer,
    ) -> impl Iterator<Item = &'a SlowSecret> {
        let secrets = self.known.as_ref().map_or(&[][..], |known| &known.secrets);
        secrets.iter().filter_map(KnownSecret::slow).filter(|secret| {
            let kept = &secret.kept;
            // One that was shown here, and is not this one, need not be compared in a form that
            // takes longer than our own.
            let is_ruled_out =
                secret.digest().is_some() && !kept.hash.is_own() && kept.hash.covers(&self.secret);
            let may_be = || match kept.ending() {
                Some(ending) => self.looks_generated && ending == generated::hint(&self.secret),
                // Nothing is known of one that was imported without its end, but that Mintery did
                // not make it.
                None if kept.hint.is_empty() => !self.looks_generated,
                None => kept.hint == server.secret_digests.tag(kept.id.as_str(), &self.secret),
            };
            !is_ruled_out && may_be()
        })
    }

    /// It was right when it was hashed. Whether it still is, is asked again: hashing took a while.
    async fn was_right(
        self,
        found: Match,
        server: &AuthorizationServer,
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
        let (known, as_of) = server.directory.client(&self.id).await?;
        let Some(known) = known else { return Ok(Err(ClientFailure::UnknownClient)) };
        let Some(secret) = known.secrets.iter().find(|known| known.id == id) else {
            return Ok(Err(ClientFailure::WrongSecret));
        };
        match secret.slow() {
            Some(slow)
                if slow.kept.hash != found.hash
                    && Some(&slow.kept.hash) != found.replacement.as_ref() =>
            {
                // Another form of it, or another secret of the same id: that was not looked at.
                return Err(OauthError::Busy);
            }
            Some(slow) => {
                let is_first = slow.digest().is_none();
                slow.was_shown(self.digest.clone(), found.replacement.clone());
                if is_first {
                    self.keep_own_form(&slow.kept, found, server);
                }
            }
            // Somebody showed it meanwhile, or it is another one.
            None if secret.digest().is_some_and(|own| own.matches(&self.digest)) => {}
            None => return Ok(Err(ClientFailure::WrongSecret)),
        }
        let admitted = admit(&known.client, secret, server.clock.now());
        Ok(admitted.map(|token_credential| AuthenticatedClient { known, token_credential, as_of }))
    }

    /// Keeps at rest what was not known before somebody showed the secret, and its hash in our own
    /// form. Nobody waits for that, and where it fails it is done the next time.
    fn keep_own_form(&self, kept: &ClientSecret, found: Match, server: &AuthorizationServer) {
        let mut own = kept.clone();
        if let Some(replacement) = found.replacement {
            own.hash = replacement;
        }
        if self.looks_generated {
            own.digest = Some(self.digest.clone());
            own.hint = generated::hint(&self.secret);
        } else if found.hash.covers(&self.secret) {
            own.hint = server.secret_digests.tag(own.id.as_str(), &self.secret);
        }
        if own.hash == kept.hash && own.hint == kept.hint && own.digest == kept.digest {
            return;
        }
        let database = server.admin.store.database().clone();
        tokio::spawn(async move {
            if let Err(error) = store::client::keep_other_form(&database, &found.hash, &own).await {
                log::warn!("cannot keep the secret {} in its own form: {error}", own.id.as_str());
            }
        });
    }
}
