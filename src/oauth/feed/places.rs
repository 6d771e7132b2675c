//! Who waits for something to be taken back. So many may; others are answered at once, and come
//! again.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use metrics::Gauge;

/// The most requests of one client that wait.
const MAX_PER_CLIENT: usize = 64;

/// The most that wait at this node.
const MAX: usize = 4096;

/// The requests that wait, by client.
#[derive(Debug, Default)]
pub struct Places(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_client: HashMap<Box<str>, usize>,
}

/// Waiting is allowed for as long as this is kept.
#[derive(Debug)]
pub struct Place<'a> {
    places: &'a Places,
    client: Box<str>,
    gauge: &'a Gauge,
}

impl Places {
    /// A place for a request of this client; none when too many wait.
    pub fn take<'a>(&'a self, client: &str, gauge: &'a Gauge) -> Option<Place<'a>> {
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
        Some(Place { places: self, client, gauge })
    }

    /// The numbers are consistent at every step, so a panic while they are held does no harm.
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
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

    use super::{MAX, MAX_PER_CLIENT, Places};

    #[test]
    fn so_many_wait_and_no_more() {
        let (places, gauge) = (Places::default(), Gauge::noop());
        let mut own: Vec<_> =
            (0..MAX_PER_CLIENT).map(|_| places.take("a", &gauge).unwrap()).collect();
        assert!(places.take("a", &gauge).is_none());
        let others: Vec<_> = (MAX_PER_CLIENT..MAX)
            .map(|number| places.take(&number.to_string(), &gauge).unwrap())
            .collect();
        assert!(places.take("b", &gauge).is_none());
        own.pop();
        drop(places.take("b", &gauge).unwrap());
        own.extend(places.take("a", &gauge));
        assert!(places.take("a", &gauge).is_none());
        drop((own, others));
        let left = places.taken();
        assert_eq!((left.all, left.by_client.len()), (0, 0));
    }
}
