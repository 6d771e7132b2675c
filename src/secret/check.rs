//! Whether a secret is one of those that are kept, by their slow form. Equal questions that are
//! under way share one answer: a client that asks a hundred times at once, after a node was
//! started, costs one hash. And a secret that was wrong is wrong the next time: a client that was
//! left behind with an old secret, and asks for ever, costs one hash too.

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

/// A hash that is that of the secret.
#[derive(Debug, Clone)]
pub struct Match {
    /// Which.
    pub hash: SecretHash,
    /// What it is to be replaced with: our own form, where it is another.
    pub replacement: Option<SecretHash>,
}

/// An answer that is on its way. It fails when the pool had no room for it.
pub type Answer = Shared<oneshot::Receiver<Option<Match>>>;

/// What is asked: whether a secret is one of these.
#[derive(Debug)]
pub struct Question {
    /// Whose secret it would be.
    pub client: String,
    /// What was presented.
    pub secret: Secret,
    /// The digest of it.
    pub digest: SecretDigest,
    /// What it may be; when there is nothing, the time of a hash is spent all the same.
    pub hashes: Vec<SecretHash>,
}

/// Checks of secrets on a pool.
#[derive(Debug)]
pub struct SecretChecks {
    pool: HashPool,
    random: Arc<dyn Random>,
    under_way: Arc<Mutex<UnderWay>>,
    /// Questions whose answer was no, by their keys.
    wrong: Arc<Cache<u64, ()>>,
    hasher: RandomState,
}

/// The most wrong secrets that are remembered.
const MAX_WRONG: usize = 4096;

type UnderWay = HashMap<String, WeakShared<oneshot::Receiver<Option<Match>>>>;

/// Removes a question when it is answered or given up.
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
    /// Neither the secret nor its hashes: a digest, and what tells the lists of hashes apart.
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

    /// How much the answer costs, in multiples of a hash of our own.
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
        // It can be replaced the next time.
        let replacement =
            is_replaced.then(|| SecretHash::of(&self.secret, random, memory).ok()).flatten();
        Some(Match { hash, replacement })
    }
}

impl SecretChecks {
    /// Checks on `pool`.
    #[must_use]
    pub fn new(pool: HashPool, random: Arc<dyn Random>) -> Self {
        let wrong = Arc::new(Cache::new(MAX_WRONG));
        Self { pool, random, under_way: Arc::default(), wrong, hasher: RandomState::new() }
    }

    /// Whether the answer is known to be no. It is another question once the client has another
    /// secret.
    #[must_use]
    pub fn is_wrong(&self, question: &Question) -> bool {
        self.wrong.get(&self.hasher.hash_one(question.key())).is_some()
    }

    /// The answer to an equal question that is under way.
    #[must_use]
    pub fn under_way(&self, question: &Question) -> Option<Answer> {
        let under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.get(&question.key()).and_then(WeakShared::upgrade)
    }

    /// Asks, for somebody in this lane. When the answer is no, `if_wrong` is called, whether or not
    /// anybody still waits for it; otherwise it is dropped.
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
            // All who waited may have hung up.
            if !done.is_closed() {
                let answer = question.answer(&*random, memory);
                if answer.is_none() {
                    wrong.insert(key, ());
                    if_wrong();
                } else {
                    // Before anybody knows: who asks again at once must not find it still counted.
                    drop(if_wrong);
                }
                done.send(answer).ok();
            }
            drop(entry);
        })?;
        Ok(answer)
    }
}
