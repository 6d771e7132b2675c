//! Checks a secret against slow hashes. Equal pending checks share one result: a hundred
//! simultaneous requests of a client after a start cost one hash. A wrong secret is remembered, so
//! a client that retries an old secret forever also costs one hash.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{Shared, WeakShared};
use quick_cache::sync::Cache;
use tokio::sync::oneshot;

use super::Secret;
use super::digest::SecretDigest;
use super::hash::{HashMemory, SecretHash};
use super::pool::{Busy, HashPool, Lane};
use crate::random::Random;

/// A hash that matches the secret.
#[derive(Debug, Clone)]
pub struct Match {
    /// The matching hash.
    pub hash: SecretHash,
    /// Its replacement in Mintery's own form, if it has another.
    pub replacement: Option<SecretHash>,
}

/// A pending result. It fails if the pool had no room for the check.
pub type Answer = Shared<oneshot::Receiver<Option<Match>>>;

/// A check of a secret against some hashes.
#[derive(Debug)]
pub struct Question {
    /// The id of the client.
    pub client: String,
    /// The presented secret.
    pub secret: Secret,
    /// The digest of the presented secret.
    pub digest: SecretDigest,
    /// The candidate hashes. Without any, a dummy hash takes the same time.
    pub hashes: Vec<SecretHash>,
}

/// Runs checks on a pool.
#[derive(Debug)]
pub struct SecretChecks {
    pool: HashPool,
    random: Arc<dyn Random>,
    under_way: Arc<Mutex<UnderWay>>,
    /// Checks that failed, by their keys.
    wrong: Arc<Cache<u64, ()>>,
    hasher: RandomState,
}

/// The maximum number of remembered wrong secrets.
const MAX_WRONG: usize = 4096;

type UnderWay = HashMap<String, WeakShared<oneshot::Receiver<Option<Match>>>>;

/// Removes a pending check at its end.
struct Entry {
    key: String,
    under_way: Arc<Mutex<UnderWay>>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl Question {
    /// The key of a check holds no secret and no hash: a digest, and the identity of the list of
    /// hashes.
    fn key(&self) -> String {
        let hashes =
            self.hashes.iter().map(|hash| hash.as_str().rsplit('$').next().unwrap_or_default());
        format!(
            "{}\n{}\n{}",
            self.digest.to_text(),
            hashes.collect::<Vec<_>>().join("$"),
            self.client
        )
    }

    /// The cost of the check, in multiples of one own hash.
    #[must_use]
    pub fn work(&self) -> u32 {
        self.hashes.iter().map(SecretHash::work).sum::<u32>().max(1)
    }

    fn answer(&self, random: &dyn Random, memory: &mut HashMemory) -> Option<Match> {
        if self.hashes.is_empty() {
            SecretHash::spend(&self.secret, memory);
            return None;
        }
        let hash = self.hashes.iter().find(|hash| hash.verify(&self.secret, memory))?.clone();
        let is_replaced = !hash.is_own() && hash.covers(&self.secret);
        // The next success can replace it.
        let replacement =
            is_replaced.then(|| SecretHash::of(&self.secret, random, memory).ok()).flatten();
        Some(Match { hash, replacement })
    }
}

impl SecretChecks {
    /// Makes checks on `pool`.
    #[must_use]
    pub fn new(pool: HashPool, random: Arc<dyn Random>) -> Self {
        let wrong = Arc::new(Cache::new(MAX_WRONG));
        Self { pool, random, under_way: Arc::default(), wrong, hasher: RandomState::new() }
    }

    /// True if this check is known to fail. A new secret of the client makes another check.
    #[must_use]
    pub fn is_wrong(&self, question: &Question) -> bool {
        self.wrong.get(&self.hasher.hash_one(question.key())).is_some()
    }

    /// The result of an equal pending check.
    #[must_use]
    pub fn under_way(&self, question: &Question) -> Option<Answer> {
        let under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.get(&question.key()).and_then(WeakShared::upgrade)
    }

    /// Starts a check in a lane. A failed check calls `if_wrong`, even if no caller waits any more;
    /// otherwise it is dropped.
    ///
    /// # Errors
    /// [`Busy`] when too many wait.
    pub fn ask(
        &self,
        lane: Lane,
        question: Question,
        if_wrong: impl FnOnce() + Send + 'static,
    ) -> Result<Answer, Busy> {
        let (done, outcome) = oneshot::channel();
        let answer = outcome.shared();
        let entry = Entry { key: question.key(), under_way: Arc::clone(&self.under_way) };
        if let Some(weak) = answer.downgrade() {
            let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
            under_way.insert(entry.key.clone(), weak);
        }
        let (random, wrong) = (Arc::clone(&self.random), Arc::clone(&self.wrong));
        let work = question.work();
        let key = self.hasher.hash_one(&entry.key);
        self.pool.enqueue(lane, work, move |memory| {
            // Every waiting caller may have hung up.
            if !done.is_closed() {
                let answer = question.answer(&*random, memory);
                if answer.is_none() {
                    wrong.insert(key, ());
                    if_wrong();
                } else {
                    // This comes before the result: an immediate retry must not find the guess
                    // still pending.
                    drop(if_wrong);
                }
                done.send(answer).ok();
            }
            drop(entry);
        })?;
        Ok(answer)
    }
}
