//! Measures the changes per second that the store accepts from eight writers, which enable and
//! disable clients, each with its event. `bench-changes URL` prints one JSON object.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mintery::admin::Admin;
use mintery::admin::api_key::ApiKeyPolicy;
use mintery::admin::client::{self, NewClient};
use mintery::admin::session::SessionPolicy;
use mintery::clock::{Clock, SystemClock};
use mintery::keys::master::MasterKeySource;
use mintery::keys::unlock::{Mode, unlock};
use mintery::metrics::Metrics;
use mintery::model::client::{ClientId, ClientTerms};
use mintery::model::event::Actor;
use mintery::model::name::DisplayName;
use mintery::random::{Random, SystemRandom};
use mintery::secret::Secret;
use mintery::store::{Database, DatabaseUrl, Engine, Missing};
use serde_json::json;

const WRITERS: usize = 8;
const DURATION: Duration = Duration::from_secs(5);

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let url = std::env::args().nth(1).ok_or("bench-changes URL")?;
    let url = DatabaseUrl::parse(&url)?;
    let admin = open(&url).await?;
    let mut writers = Vec::new();
    for number in 0..WRITERS {
        let id = make_client(&admin, number).await?;
        writers.push(tokio::spawn(write(admin.clone(), id)));
    }
    let started = Instant::now();
    let mut latencies = Vec::new();
    for writer in writers {
        latencies.extend(writer.await??);
    }
    let seconds = started.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let quantile = |of_hundred: usize| {
        let position = latencies.len() * of_hundred / 100;
        latencies.get(position).map(|latency| latency.as_secs_f64() * 1000.0)
    };
    let count = u32::try_from(latencies.len())?;
    let engine = match url.engine() {
        Engine::Sqlite => "sqlite",
        Engine::Postgres => "postgres",
    };
    println!(
        "{}",
        json!({
            "engine": engine,
            "changes_per_second": f64::from(count) / seconds,
            "p50_ms": quantile(50),
            "p99_ms": quantile(99),
        })
    );
    Ok(())
}

async fn open(url: &DatabaseUrl) -> Result<Admin, Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let database = Database::open(url, Missing::Create, Arc::new(Metrics::default())).await?;
    database.migrate().await?;
    // The same for every run, so that the database of an earlier run opens again.
    let master_key = MasterKeySource::Given(Secret::new("A".repeat(43)));
    let unlocked = unlock(&database, &master_key, &clock, &*random, Mode::Normal).await?;
    Ok(Admin {
        store: unlocked.store,
        secret_digests: unlocked.data_keys.secret_digests,
        api_keys: ApiKeyPolicy::usual(unlocked.data_keys.api_keys),
        sessions: SessionPolicy::usual(unlocked.data_keys.sessions),
        sealing: unlocked.data_keys.sealing,
        clock,
        random,
        actor: Actor::System,
        grantable: None,
        hashing: mintery::secret::pool::HashPool::default(),
    })
}

async fn make_client(admin: &Admin, number: usize) -> Result<ClientId, Failure> {
    let new = NewClient {
        id: None,
        terms: ClientTerms::new(DisplayName::parse(&format!("writer {number}"))?),
        secret: None,
        secret_expires_in: None,
    };
    Ok(client::create(admin, new).await?.client.id)
}

async fn write(admin: Admin, id: ClientId) -> Result<Vec<Duration>, Failure> {
    let mut latencies = Vec::new();
    let started = Instant::now();
    while started.elapsed() < DURATION {
        let began = Instant::now();
        if latencies.len() % 2 == 0 {
            client::set_enabled(&admin, &id, false).await?;
        } else {
            client::set_enabled(&admin, &id, true).await?;
        }
        latencies.push(began.elapsed());
    }
    Ok(latencies)
}
