//! Limit of requests that wait for the next revocation. Any further one is answered at once, and
//! its client asks again.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use metrics::Gauge;

/// The limit of waiting requests of one client.
const MAX_PER_CLIENT: usize = 64;

/// The limit of waiting requests at this node.
const MAX: usize = 4096;

/// The waiting requests, by client.
#[derive(Debug, Default)]
pub struct WaitingRequests(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_client: HashMap<Box<str>, usize>,
}

/// A waiting request, until it is dropped.
#[derive(Debug)]
pub struct WaitingRequest<'a> {
    all: &'a WaitingRequests,
    client: Box<str>,
    gauge: &'a Gauge,
}

impl WaitingRequests {
    /// Lets a request of this client wait; `None` if too many do.
    pub fn begin<'a>(&'a self, client: &str, gauge: &'a Gauge) -> Option<WaitingRequest<'a>> {
        let mut taken = self.taken();
        if taken.all >= MAX {
            return None;
        }
        let client: Box<str> = client.into();
        let own = taken.by_client.entry(client.clone()).or_default();
        if *own >= MAX_PER_CLIENT {
            return None;
        }
        *own += 1;
        taken.all += 1;
        gauge.increment(1);
        Some(WaitingRequest { all: self, client, gauge })
    }

    /// The counts are consistent at every step, so a panic that poisons the lock does no harm.
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for WaitingRequest<'_> {
    fn drop(&mut self) {
        let mut taken = self.all.taken();
        taken.all = taken.all.saturating_sub(1);
        if let Entry::Occupied(mut own) = taken.by_client.entry(std::mem::take(&mut self.client)) {
            *own.get_mut() -= 1;
            if *own.get() == 0 {
                own.remove();
            }
        }
        self.gauge.decrement(1);
    }
}

#[cfg(test)]
mod tests {
    use metrics::Gauge;

    use super::{MAX, MAX_PER_CLIENT, WaitingRequests};

    #[test]
    fn so_many_wait_and_no_more() {
        let (waiting, gauge) = (WaitingRequests::default(), Gauge::noop());
        let mut own: Vec<_> =
            (0..MAX_PER_CLIENT).map(|_| waiting.begin("a", &gauge).unwrap()).collect();
        assert!(waiting.begin("a", &gauge).is_none());
        let others: Vec<_> = (MAX_PER_CLIENT..MAX)
            .map(|number| waiting.begin(&number.to_string(), &gauge).unwrap())
            .collect();
        assert!(waiting.begin("b", &gauge).is_none());
        own.pop();
        drop(waiting.begin("b", &gauge).unwrap());
        own.extend(waiting.begin("a", &gauge));
        assert!(waiting.begin("a", &gauge).is_none());
        drop((own, others));
        let left = waiting.taken();
        assert_eq!((left.all, left.by_client.len()), (0, 0));
    }
}
