//! The usage counts of clients on this node, in memory until the flush of every few seconds. A
//! request finds the counts of its client in the cached client, without a look-up. The lock that it
//! takes is that of its client, and is held for a few additions.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::counters::Counters;
use super::hourly::Hourly;
use crate::clock::Timestamp;
use crate::model::client::{ClientId, SecretId};
use crate::model::usage::{Hour, LastUse, Outcome};
use crate::store::usage::Counted;

/// The maximum number of addresses per secret until the flush. A new one replaces the oldest.
const MAX_ADDRESSES: usize = 8;

/// The counts of one client.
#[derive(Debug, Default)]
pub struct ClientUsage(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    hours: Hourly<Outcome>,
    /// The tokens of this hour on all nodes that the store has, or will have after the flush.
    stored: u64,
    /// The secrets that were used since the last flush, each once for every address.
    used: Vec<(SecretId, LastUse)>,
    /// The client has a limit, so that the counts of other nodes matter.
    is_limited: bool,
}

/// A limit was reached: tokens of a client in this hour, or requests with a key in this minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverLimit {
    /// The seconds until the next token or request is allowed.
    pub retry_after: u64,
}

impl ClientUsage {
    /// Counts a token, unless there were `limit` in this hour. It was requested with `secret` from
    /// `address`.
    ///
    /// # Errors
    /// The limit was reached; that is counted too.
    pub fn issue(
        &self,
        now: Timestamp,
        limit: Option<u64>,
        secret: Option<&SecretId>,
        from: Option<IpAddr>,
    ) -> Result<(), OverLimit> {
        let mut counts = self.lock();
        let hour = counts.turn_to(now);
        counts.note(secret, LastUse { at: now, from });
        if limit.is_some_and(|limit| counts.tokens() >= limit) {
            counts.hours.count(Outcome::OverLimit);
            return Err(OverLimit { retry_after: hour.secs_left(now) });
        }
        counts.hours.count(Outcome::Token);
        Ok(())
    }

    /// Counts a refused request, with its secret if that was right.
    pub fn refuse(
        &self,
        now: Timestamp,
        outcome: Outcome,
        secret: Option<&SecretId>,
        from: Option<IpAddr>,
    ) {
        let mut counts = self.lock();
        counts.turn_to(now);
        counts.note(secret, LastUse { at: now, from });
        counts.hours.count(outcome);
    }

    /// Records a use of a secret that is neither a token nor a refusal.
    pub fn note(&self, now: Timestamp, secret: Option<&SecretId>, from: Option<IpAddr>) {
        self.lock().note(secret, LastUse { at: now, from });
    }

    /// Takes over the tokens of an hour that the store has, for a client with a limit.
    pub fn learn(&self, hour: Hour, tokens: u64) {
        let mut counts = self.lock();
        counts.is_limited = true;
        if counts.hours.hour() < hour {
            counts.turn_to(hour.begins());
        }
        if counts.hours.hour() == hour {
            // The counts that are being flushed are not in that number.
            counts.stored = counts.stored.max(tokens);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // No code panics while it holds the lock, and counts cannot be inconsistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes out the counts to flush.
    fn take(&self, client: &ClientId) -> Option<Counted> {
        let mut counts = self.lock();
        let (outcomes, tally) = counts.hours.take();
        counts.stored = counts.stored.saturating_add(u64::from(tally.get(Outcome::Token)));
        let mut secrets = std::mem::take(&mut counts.used);
        drop(counts);
        secrets.sort_unstable_by(|(one, its), (other, others)| {
            one.as_str().cmp(other.as_str()).then_with(|| its.from.cmp(&others.from))
        });
        let is_something = !outcomes.is_empty() || !secrets.is_empty();
        is_something.then(|| Counted { client: client.clone(), outcomes, secrets })
    }

    /// Puts back counts that the store did not get.
    fn put_back(&self, counted: Counted) {
        let mut counts = self.lock();
        for (hour, outcome, times) in counted.outcomes {
            if counts.hours.put_back(hour, outcome, times) && outcome == Outcome::Token {
                counts.stored = counts.stored.saturating_sub(u64::from(times));
            }
        }
        for (secret, last_use) in counted.secrets {
            counts.note(Some(&secret), last_use);
        }
    }
}

impl Counts {
    /// Turns to the hour of `now`.
    fn turn_to(&mut self, now: Timestamp) -> Hour {
        if self.hours.turn_to(now) {
            self.stored = 0;
        }
        self.hours.hour()
    }

    /// The tokens of this hour, as far as this node knows.
    fn tokens(&self) -> u64 {
        self.stored.saturating_add(u64::from(self.hours.tally().get(Outcome::Token)))
    }

    fn note(&mut self, secret: Option<&SecretId>, last_use: LastUse) {
        let Some(secret) = secret else { return };
        let (mut addresses, mut oldest) = (0_usize, None::<&mut LastUse>);
        for (own, known) in &mut self.used {
            if own != secret {
                continue;
            }
            if known.from == last_use.from {
                known.at = known.at.max(last_use.at);
                return;
            }
            addresses = addresses.saturating_add(1);
            if oldest.as_ref().is_none_or(|oldest| known.at < oldest.at) {
                oldest = Some(known);
            }
        }
        match oldest {
            Some(oldest) if addresses >= MAX_ADDRESSES => {
                if oldest.at <= last_use.at {
                    *oldest = last_use;
                }
            }
            _ => {
                // Most clients use one, from one address: room for four would be a fifth of what is
                // remembered of them.
                self.used.reserve_exact(1);
                self.used.push((secret.clone(), last_use));
            }
        }
    }
}

/// The counts of all cached clients, and of evicted ones until their flush.
pub type ClientUsages = Counters<ClientId, ClientUsage>;

impl ClientUsages {
    /// Takes out the counts to flush, sorted by client; and whether one of the clients has a limit.
    pub fn take_all(&self) -> (Vec<Counted>, bool) {
        let mut is_limited = false;
        let mut counted = self.take(|client, usage| {
            is_limited |= usage.lock().is_limited;
            usage.take(client)
        });
        counted.sort_unstable_by(|one, other| one.client.cmp(&other.client));
        (counted, is_limited)
    }

    /// Puts back counts that the store did not get.
    pub fn put_back(&self, counted: &[Counted]) {
        for of_client in counted {
            self.of(&of_client.client).put_back(of_client.clone());
        }
    }

    /// Takes over the counts that the store has of clients with a limit.
    pub fn learn(&self, hour: Hour, tokens: Vec<(String, u64)>) {
        for (client, tokens) in tokens {
            if let Some(usage) = self.known(client.as_str()) {
                usage.learn(hour, tokens);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ClientUsages, MAX_ADDRESSES, OverLimit};
    use crate::clock::Timestamp;
    use crate::directory::hourly::MAX_WAITING;
    use crate::model::client::{ClientId, SecretId};
    use crate::model::usage::{Hour, Outcome};
    use crate::store::usage::Counted;

    const HOUR: i64 = 3600;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn counts_are_taken_once() {
        let (usage, id) = (ClientUsages::default(), ClientId::parse("a").unwrap());
        let (client, secret) =
            (usage.of(&id), SecretId::parse("cs_0000000000000000000001").unwrap());
        let address = "192.0.2.1".parse().ok();
        client.issue(at(HOUR), None, Some(&secret), address).unwrap();
        client.issue(at(2 * HOUR - 1), None, Some(&secret), None).unwrap();
        client.refuse(at(2 * HOUR), Outcome::InvalidScope, Some(&secret), address);
        client.refuse(at(2 * HOUR), Outcome::WrongSecret, None, None);
        let (counted, is_limited) = usage.take_all();
        assert!(!is_limited);
        assert_eq!(
            counted[0].outcomes,
            [
                (Hour::new(1), Outcome::Token, 2),
                (Hour::new(2), Outcome::WrongSecret, 1),
                (Hour::new(2), Outcome::InvalidScope, 1)
            ]
        );
        let used: Vec<_> =
            counted[0].secrets.iter().map(|(_, last)| (last.from, last.at)).collect();
        assert_eq!(used, [(None, at(2 * HOUR - 1)), (address, at(2 * HOUR))]);
        assert!(usage.take_all().0.is_empty());
        // Counts of a failed flush are flushed again, with the newer ones.
        client.issue(at(2 * HOUR), None, None, None).unwrap();
        usage.put_back(&counted);
        let again = usage.take_all().0;
        let times = |outcome| {
            again[0].outcomes.iter().find(|(hour, own, _)| (*hour, *own) == outcome).unwrap().2
        };
        assert_eq!(times((Hour::new(1), Outcome::Token)), 2);
        assert_eq!(times((Hour::new(2), Outcome::Token)), 1);
        assert_eq!(times((Hour::new(2), Outcome::InvalidScope)), 1);
        assert_eq!(again[0].secrets.len(), 2);
    }

    /// SEC-3: only the latest few addresses of each secret are stored, and the counts of a failed
    /// flush never replace newer ones.
    #[test]
    fn the_addresses_of_a_secret_are_bounded() {
        let (usage, id) = (ClientUsages::default(), ClientId::parse("a").unwrap());
        let client = usage.of(&id);
        let secrets = [1, 2].map(|n| SecretId::parse(&format!("cs_{n:022}")).unwrap());
        let address = |number: usize| format!("2001:db8::{number:x}").parse().ok();
        let ask = |secs, secret: &SecretId, number: usize| {
            client.issue(at(secs), None, Some(secret), address(number)).unwrap();
        };
        let used = |counted: &[Counted], secret: &SecretId| -> Vec<_> {
            let uses = counted[0].secrets.iter().filter(|(own, _)| own == secret);
            uses.map(|(_, last)| (last.at, last.from)).collect()
        };
        ask(HOUR, &secrets[1], 1);
        for number in 0..100 {
            ask(HOUR + i64::try_from(number).unwrap(), &secrets[0], number);
        }
        ask(HOUR + 100, &secrets[0], 93);
        let counted = usage.take_all().0;
        assert_eq!(used(&counted, &secrets[1]), [(at(HOUR), address(1))]);
        let latest = |secs: i64, number| (at(HOUR + secs), address(number));
        let mut kept = used(&counted, &secrets[0]);
        kept.sort_unstable();
        let mut expected: Vec<_> = (92..100)
            .filter(|number| *number != 93)
            .map(|number| latest(i64::try_from(number).unwrap(), number))
            .collect();
        expected.push(latest(100, 93));
        assert_eq!(kept, expected);
        for number in 200..207 {
            ask(HOUR + 200, &secrets[0], number);
        }
        ask(HOUR + 200, &secrets[0], 99);
        usage.put_back(&counted);
        let again = used(&usage.take_all().0, &secrets[0]);
        assert_eq!(again.len(), MAX_ADDRESSES);
        assert!(again.iter().all(|(last, _)| *last == at(HOUR + 200)), "{again:?}");
        assert_eq!(client.lock().used.capacity(), 0, "nothing is kept for the next time");
    }

    #[test]
    fn a_limit_counts_what_is_here_what_is_on_its_way_and_what_others_told() {
        let (usage, id) = (ClientUsages::default(), ClientId::parse("a").unwrap());
        let client = usage.of(&id);
        let issue = |secs, limit| client.issue(at(secs), Some(limit), None, None);
        client.learn(Hour::new(1), 2);
        assert_eq!(issue(HOUR + 10, 3), Ok(()));
        assert_eq!(issue(HOUR + 10, 3), Err(OverLimit { retry_after: HOUR as u64 - 10 }));
        let (counted, is_limited) = usage.take_all();
        assert!(is_limited);
        assert_eq!(issue(HOUR + 11, 3), Err(OverLimit { retry_after: HOUR as u64 - 11 }));
        // A failed flush makes no difference.
        usage.put_back(&counted);
        assert_eq!(issue(HOUR + 12, 4), Ok(()));
        assert!(issue(HOUR + 12, 4).is_err());
        usage.learn(Hour::new(1), vec![("a".to_owned(), 10), ("unknown".to_owned(), 1)]);
        assert!(issue(HOUR + 13, 10).is_err());
        // The next hour starts at zero.
        assert_eq!(issue(2 * HOUR, 1), Ok(()));
        usage.learn(Hour::new(1), vec![("a".to_owned(), 10)]);
        assert_eq!(issue(2 * HOUR, 2), Ok(()));
        assert!(issue(2 * HOUR, 2).is_err());
    }

    /// Each token counts once and limits hold, whichever node counts and whenever flushes fail.
    #[test]
    fn nothing_is_lost_and_nothing_counted_twice() {
        const LIMIT: u64 = 5_000;
        let (usage, id) = (ClientUsages::default(), ClientId::parse("a").unwrap());
        let secret = SecretId::parse("cs_0000000000000000000001").unwrap();
        let client = usage.of(&id);
        let ask = || {
            let issued = (0..2_000)
                .filter(|_| client.issue(at(HOUR), Some(LIMIT), Some(&secret), None).is_ok());
            issued.count()
        };
        let tell = || {
            let mut told = 0;
            for round in 0..500 {
                let (counted, _) = usage.take_all();
                if round % 3 == 0 {
                    usage.put_back(&counted);
                    continue;
                }
                let tokens = counted.iter().flat_map(|counted| &counted.outcomes);
                told += tokens
                    .filter(|(_, outcome, _)| *outcome == Outcome::Token)
                    .map(|own| own.2)
                    .sum::<u32>();
                std::thread::yield_now();
            }
            told
        };
        let (issued, told) = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            let telling = scope.spawn(tell);
            let issued: usize = asking.into_iter().map(|asking| asking.join().unwrap()).sum();
            (issued, telling.join().unwrap())
        });
        let left = usage.take_all().0;
        let left = left.iter().flat_map(|counted| &counted.outcomes);
        let left: u32 =
            left.filter(|(_, outcome, _)| *outcome == Outcome::Token).map(|own| own.2).sum();
        assert_eq!(issued as u64, LIMIT);
        assert_eq!(u64::from(told + left), LIMIT);
    }

    /// SEC-3
    #[test]
    fn waiting_counts_are_bounded() {
        let (usage, id) = (ClientUsages::default(), ClientId::parse("a").unwrap());
        let client = usage.of(&id);
        for hour in 0..100 {
            client.refuse(at(hour * HOUR), Outcome::WrongSecret, None, None);
        }
        assert_eq!(usage.take_all().0[0].outcomes.len(), MAX_WAITING + 1);
        drop(client);
        usage.take_all();
        assert!(usage.known("a").is_none(), "nobody remembers it");
    }
}
