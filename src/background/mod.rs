//! The tasks beside the requests: the follower, usage counts, key rotation, the clock, and cleanup.
//! Each runs until stopped. To add one, write its loop with `tick` and spawn it in
//! [`Background::start`].

mod rotation;
mod tick;
mod usage;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub use self::rotation::RotationPolicy;
use self::tick::{Recurring, ticks};
pub use self::usage::FLUSH_EVERY;
use crate::admin::{Admin, client_import};
use crate::clock::Clock;
use crate::directory::{Directory, follower};
use crate::keys::ring::KeyRing;
use crate::store;

/// The tasks of one application.
#[derive(Debug)]
pub struct Background {
    /// Tasks without state to save.
    tasks: Vec<JoinHandle<()>>,
    usage: JoinHandle<()>,
    stopping: Arc<Notify>,
}

/// The period of clock comparisons.
pub const CLOCK_EVERY: Duration = Duration::from_secs(10);

/// The time for the last flush at a stop.
const LAST_FLUSH: Duration = Duration::from_secs(5);

impl Background {
    /// Starts all tasks. `admin` acts in the name of Mintery itself.
    #[must_use]
    pub fn start(
        directory: Arc<Directory>,
        ring: Arc<KeyRing>,
        admin: Admin,
        policy: RotationPolicy,
    ) -> Self {
        let stopping = Arc::new(Notify::new());
        let usage = usage::run(Arc::clone(&directory), admin.clone(), Arc::clone(&stopping));
        let tasks = vec![
            tokio::spawn(follower::follow(Arc::clone(&directory), admin.store.clone())),
            tokio::spawn(compare_clock(Arc::clone(&directory), Arc::clone(&admin.clock))),
            tokio::spawn(clean_revocations(directory, admin.clone())),
            tokio::spawn(clean_imports(admin.clone())),
            tokio::spawn(rotation::run(ring, admin, policy)),
        ];
        Self { tasks, usage: tokio::spawn(usage), stopping }
    }

    /// Stops all tasks after a last flush of the usage counts.
    pub async fn stop(self) {
        for task in &self.tasks {
            task.abort();
        }
        self.stopping.notify_one();
        if tokio::time::timeout(LAST_FLUSH, self.usage).await.is_err() {
            log::error!(
                "cannot flush usage counts before the exit: the store does not answer; the last seconds are lost"
            );
        }
    }
}

/// Compares the clock with that of the store: a clock may drift or be set.
async fn compare_clock(directory: Arc<Directory>, clock: Arc<dyn Clock>) {
    let mut tick = ticks();
    let first = clock.elapsed().saturating_add(CLOCK_EVERY);
    let mut compare = Recurring::new(first, CLOCK_EVERY);
    loop {
        tick.tick().await;
        if compare.is_due(clock.elapsed())
            && let Err(error) = directory.check_clock().await
        {
            log::debug!("cannot read the time of the store: {error}");
        }
    }
}

/// Deletes revocations whose tokens have expired, in memory and in the store.
async fn clean_revocations(directory: Arc<Directory>, admin: Admin) {
    let mut tick = ticks();
    let mut clean = Recurring::cleanup();
    loop {
        tick.tick().await;
        directory.clean_revocations();
        let elapsed = admin.clock.elapsed();
        if clean.is_due(elapsed) {
            match store::revocation::delete_some(admin.store.database(), admin.clock.now()).await {
                // A small batch per tick, so that no request waits for the cleanup.
                Ok(true) => clean.repeat_at(elapsed),
                Ok(false) => {}
                Err(error) => log::warn!("cannot delete old revocations: {error}"),
            }
        }
    }
}

/// Deletes the remains of unfinished imports, so that their ids are free again.
async fn clean_imports(admin: Admin) {
    let mut tick = ticks();
    let mut clean = Recurring::cleanup();
    loop {
        tick.tick().await;
        if clean.is_due(admin.clock.elapsed())
            && let Err(error) = client_import::clean_up(&admin, |why| log::info!("{why}")).await
        {
            log::warn!("cannot clean up after abandoned imports: {error}");
        }
    }
}
