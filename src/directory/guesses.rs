//! Limits wrong attempts. Each wrong secret counts for its client and network together, and for the
//! network over all clients. It never counts for the client alone, or an attacker could lock out
//! its owner. Right secrets do not count, and a secret that this node remembers as right is not
//! looked up here.
//!
//! Two tables of fixed size, so that input from strangers cannot grow them (SEC-3). A full table
//! replaces the key with the fewest wrong attempts.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::network::Network;

/// A burst of wrong attempts, and then one more after each period.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    burst: u32,
    every: Duration,
}

/// Per client and network: ten a minute.
const PER_CLIENT: Allowance = Allowance { burst: 10, every: Duration::from_secs(6) };

/// Per network: a hundred a minute. Many clients may share an address, and each may have an old
/// secret. A guess weighs as much as the cost of its hash, relative to Mintery's own, so that a
/// network never has more than a second of work in progress.
const PER_NETWORK: Allowance = Allowance { burst: 100, every: Duration::from_millis(600) };

/// Wrong secrets that are not guesses (256 random bits, or the same as before), until responses
/// from this network are delayed. They are never rejected for it.
const NO_GUESSES: Allowance = Allowance { burst: 200, every: Duration::from_millis(100) };

/// Second-factor codes per user with a known password, from all networks: ten, and then one every
/// two minutes. Three of a million codes are valid at a time; at this rate a hit takes a year.
const PER_SECOND_FACTOR: Allowance = Allowance { burst: 10, every: Duration::from_mins(2) };

/// A guess that was counted.
#[derive(Debug, Clone, Copy)]
pub struct Guess {
    client: u64,
    network: u64,
    work: u32,
}

/// A guess that counts until it turns out to be right, or is not checked.
#[derive(Debug)]
pub struct Open {
    guesses: Arc<Guesses>,
    guess: Guess,
    is_wrong: bool,
}

impl Open {
    /// The counted guess.
    #[must_use]
    pub const fn guess(&self) -> Guess {
        self.guess
    }

    /// Keeps the count: the guess was wrong.
    pub fn was_wrong(mut self) {
        self.is_wrong = true;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.is_wrong {
            self.guesses.take_back([&self.guess]);
        }
    }
}

/// The time until the next guess is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany(pub Duration);

/// The counts.
pub struct Guesses {
    clock: Arc<dyn Clock>,
    /// Keyed at random: an attacker cannot choose the keys that share a place.
    hasher: RandomState,
    clients: Table,
    networks: Table,
    harmless: Table,
    /// Empty before the first code.
    codes: OnceLock<Table>,
}

/// A guess at a code. It counts, even if its request is dropped, until
/// [`take_back`](OpenCode::take_back).
#[derive(Debug)]
pub struct OpenCode {
    guesses: Arc<Guesses>,
    user: u64,
}

impl OpenCode {
    /// Removes the count: the code was right, or was not checked.
    pub fn take_back(self) {
        self.guesses.codes().give_back(self.user, 1);
    }
}

impl std::fmt::Debug for Guesses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guesses")
    }
}

impl Guesses {
    /// Empty counts.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            hasher: RandomState::new(),
            clients: Table::new(PER_CLIENT),
            networks: Table::new(PER_NETWORK),
            harmless: Table::new(NO_GUESSES),
            codes: OnceLock::new(),
        }
    }

    /// Counts a guess at a secret of `client`, known or not, before the check: otherwise a hundred
    /// parallel guesses would all pass. `work` is its cost in multiples of Mintery's own hash.
    ///
    /// # Errors
    /// Too many guesses.
    pub fn count(
        self: &Arc<Self>,
        client: &str,
        network: Network,
        work: u32,
    ) -> Result<Open, TooMany> {
        let now = self.clock.elapsed();
        let guess = Guess {
            client: self.hasher.hash_one((network, client)),
            network: self.hasher.hash_one(network),
            work: work.min(PER_NETWORK.burst),
        };
        self.networks.take(guess.network, guess.work, now)?;
        if let Err(too_many) = self.clients.take(guess.client, 1, now) {
            // The guess is rejected.
            self.networks.give_back(guess.network, guess.work);
            return Err(too_many);
        }
        Ok(Open { guesses: Arc::clone(self), guess, is_wrong: false })
    }

    /// Removes guesses that were wrong but harmless.
    pub fn take_back<'a>(&self, guesses: impl IntoIterator<Item = &'a Guess>) {
        for guess in guesses {
            self.clients.give_back(guess.client, 1);
            self.networks.give_back(guess.network, guess.work);
        }
    }

    /// Counts a guess at a code of `user`, whose password the caller knows: it counts from every
    /// network.
    ///
    /// # Errors
    /// Too many guesses.
    pub fn count_code(self: &Arc<Self>, user: &str) -> Result<OpenCode, TooMany> {
        let user = self.hasher.hash_one(user);
        self.codes().take(user, 1, self.clock.elapsed())?;
        Ok(OpenCode { guesses: Arc::clone(self), user })
    }

    fn codes(&self) -> &Table {
        self.codes.get_or_init(|| Table::new(PER_SECOND_FACTOR))
    }

    /// Counts a wrong secret that is not a guess. Returns `true` if its network has sent so many
    /// that the response can wait.
    #[must_use]
    pub fn is_flooded_by(&self, network: Network) -> bool {
        self.harmless.take(self.hasher.hash_one(network), 1, self.clock.elapsed()).is_err()
    }
}

const SETS: usize = 512;
const WAYS: usize = 8;

/// Counts by key, for 4,096 keys.
struct Table {
    allowance: Allowance,
    sets: Vec<Mutex<[Count; WAYS]>>,
}

/// The time until which wrong attempts weigh, by the monotonic clock: each adds a period. After that
/// time the count is empty.
#[derive(Clone, Copy, Default)]
struct Count {
    key: u64,
    until: Duration,
}

impl Table {
    fn new(allowance: Allowance) -> Self {
        Self { allowance, sets: std::iter::repeat_with(Mutex::default).take(SETS).collect() }
    }

    fn take(&self, key: u64, weight: u32, now: Duration) -> Result<(), TooMany> {
        self.with(key, |count| {
            let Some(count) = count else { return Ok(()) };
            let until = if count.key == key { count.until.max(now) } else { now };
            let next = until.saturating_add(self.allowance.every * weight);
            let most = now.saturating_add(self.allowance.every * self.allowance.burst);
            if next > most {
                return Err(TooMany(next.saturating_sub(most)));
            }
            *count = Count { key, until: next };
            Ok(())
        })
    }

    fn give_back(&self, key: u64, weight: u32) {
        self.with(key, |count| {
            if let Some(count) = count.filter(|count| count.key == key) {
                count.until = count.until.saturating_sub(self.allowance.every * weight);
            }
        });
    }

    /// The count of `key`, or the one that it replaces.
    fn with<T>(&self, key: u64, act: impl FnOnce(Option<&mut Count>) -> T) -> T {
        let index = usize::try_from(key % SETS as u64).unwrap_or(0);
        let Some(set) = self.sets.get(index) else { return act(None) };
        let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
        // Its own count first, otherwise the one that ends first.
        act(set.iter_mut().min_by_key(|count| (count.key != key, count.until)))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;
    use std::time::Duration;

    use super::{Guesses, Open, PER_CLIENT, PER_NETWORK, TooMany};
    use crate::clock::{Clock, ManualClock, Timestamp};
    use crate::network::Network;

    fn guesses() -> (Arc<ManualClock>, Arc<Guesses>) {
        let clock = ManualClock::starting_at(Timestamp::from_secs(0));
        (Arc::clone(&clock), Arc::new(Guesses::new(clock as Arc<dyn Clock>)))
    }

    /// Counts a wrong secret.
    fn wrong(guesses: &Arc<Guesses>, client: &str, network: Network) -> Result<(), TooMany> {
        guesses.count(client, network, 1).map(Open::was_wrong)
    }

    fn network(number: u32) -> Network {
        Network::of(Ipv4Addr::from_bits(number).into())
    }

    /// 6749-17
    #[test]
    fn wrong_secrets_are_counted_for_client_and_network() {
        let (clock, guesses) = guesses();
        for _ in 0..PER_CLIENT.burst {
            wrong(&guesses, "a", network(1)).unwrap();
        }
        assert_eq!(wrong(&guesses, "a", network(1)).unwrap_err(), TooMany(PER_CLIENT.every));
        wrong(&guesses, "b", network(1)).unwrap();
        wrong(&guesses, "a", network(2)).unwrap();
        clock.let_pass(PER_CLIENT.every.saturating_sub(Duration::from_millis(1)));
        assert_eq!(
            wrong(&guesses, "a", network(1)).unwrap_err(),
            TooMany(Duration::from_millis(1))
        );
        clock.let_pass(Duration::from_millis(1));
        wrong(&guesses, "a", network(1)).unwrap();
        wrong(&guesses, "a", network(1)).unwrap_err();
    }

    /// 6749-17
    #[test]
    fn a_network_is_limited_over_all_clients() {
        let (clock, guesses) = guesses();
        let mut made = 0;
        while wrong(&guesses, &format!("client-{made}"), network(1)).is_ok() {
            made += 1;
        }
        assert_eq!(made, PER_NETWORK.burst);
        wrong(&guesses, "client-0", network(2)).unwrap();
        // A rejected guess weighs nothing.
        clock.let_pass(PER_NETWORK.every);
        wrong(&guesses, "another", network(1)).unwrap();
    }

    /// 6749-17: a guess that costs as much as a hundred weighs a hundred.
    #[test]
    fn a_costly_guess_weighs_more_for_its_network() {
        let (clock, guesses) = guesses();
        guesses.count("costly", network(1), 95).unwrap().was_wrong();
        for _ in 0..5 {
            wrong(&guesses, "a", network(1)).unwrap();
        }
        wrong(&guesses, "a", network(1)).unwrap_err();
        wrong(&guesses, "a", network(2)).unwrap();
        clock.let_pass(PER_NETWORK.every * 95);
        // A right or unchecked guess weighs nothing. None weighs more than the whole allowance.
        for _ in 0..3 {
            drop(guesses.count("costly", network(1), 95).unwrap());
            drop(guesses.count("costly", network(3), 1000).unwrap());
        }
    }

    /// 6749-17: only wrong guesses count.
    #[test]
    fn right_secrets_are_not_counted() {
        let (_clock, guesses) = guesses();
        for _ in 0..1000 {
            drop(guesses.count("a", network(1), 1).unwrap());
        }
        for _ in 0..PER_CLIENT.burst {
            wrong(&guesses, "a", network(1)).unwrap();
        }
        wrong(&guesses, "a", network(1)).unwrap_err();
    }

    /// SEC-3: an attacker who floods the tables still meets their own counts.
    #[test]
    fn the_tables_do_not_grow_and_keep_those_who_are_wrong_the_most() {
        let (_clock, guesses) = guesses();
        for _ in 0..PER_CLIENT.burst {
            wrong(&guesses, "victim", network(1)).unwrap();
        }
        for number in 2..200_000 {
            wrong(&guesses, "victim", network(number)).unwrap();
        }
        wrong(&guesses, "victim", network(1)).unwrap_err();
    }

    #[test]
    fn random_secrets_are_never_rejected() {
        let (clock, guesses) = guesses();
        let first = (0..1000).take_while(|_| !guesses.is_flooded_by(network(1))).count();
        assert_eq!(first, 200);
        assert!(!guesses.is_flooded_by(network(2)));
        wrong(&guesses, "a", network(1)).unwrap();
        clock.let_pass(Duration::from_secs(20));
        assert!(!guesses.is_flooded_by(network(1)));
    }
}
