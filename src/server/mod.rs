//! The application: built from settings, bound to a port, run until stopped. `open` opens the
//! database and its keys, `listen` binds and starts HTTP, `first_start` creates what `--dev` shows.

mod first_start;
mod listen;
pub mod open;

use std::net::SocketAddr;
use std::sync::{Arc, Once};

use actix_server::{Server, ServerHandle};
use actix_web::http::header::HeaderName;

pub use self::first_start::FirstStart;
use self::listen::Listeners;
pub use self::listen::bind;
use crate::admin::revocation::Revoker;
use crate::admin::{self, Admin, AdminError};
use crate::authn::context::Context;
use crate::background::{Background, RotationPolicy};
use crate::clock::{Clock, SystemClock};
use crate::config::{ConfigError, Settings};
use crate::keys::ring::{KeyRing, RingError};
use crate::keys::scanner_keys::ScannerKeys;
use crate::keys::signer::{CachedSigner, SignerFactory};
use crate::keys::unlock::{UnlockError, Unlocked};
use crate::metrics::Metrics;
use crate::model::event::Actor;
use crate::model::issuer::Issuer;
use crate::model::resource::ResourceUri;
use crate::oauth::feed::Feed;
use crate::oauth::secret_scanning::LeakScanning;
use crate::oauth::{AuthorizationServer, Inbound, KeyPublication, TokenTerms};
use crate::random::{Random, SystemRandom};
use crate::secret::check::SecretChecks;
use crate::secret::pool::HashPool;
use crate::store::change::Store;
use crate::store::file_lock::FileLock;
use crate::store::{InvalidDatabaseUrl, OpenError, StoreError};
use mintery_verifier::Verifier;
use mintery_verifier::keys::KeySet;

/// The inputs from outside besides the settings.
#[derive(Clone)]
pub struct Surroundings {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// Makes the signer of a key.
    pub make_signer: SignerFactory,
    /// The reference of `clock`; the store's clock if absent.
    pub store_clock: Option<Arc<dyn Clock>>,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock::default()),
            random: Arc::new(SystemRandom),
            make_signer: CachedSigner::from_key,
            store_clock: None,
        }
    }
}

/// The flags of `serve`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServeMode {
    /// `--dev`: try out, on this machine only.
    pub dev: bool,
    /// `--migrate`: migrate a PostgreSQL database. (An embedded database is always migrated.)
    pub migrate: bool,
}

/// An error that keeps the application from starting.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings are invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database URL is invalid.
    #[error("the setting `database_url` is not valid: {0}")]
    DatabaseUrl(#[from] InvalidDatabaseUrl),
    /// An address cannot be bound.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The error of the system.
        reason: std::io::Error,
    },
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The keys of the database do not open.
    #[error(transparent)]
    Unlock(#[from] UnlockError),
    /// The signing keys cannot be loaded.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// An administrative act of the start failed.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A server bound to its port.
pub struct Application {
    address: SocketAddr,
    server: Server,
    store: Store,
    background: Background,
    first: Option<FirstStart>,
    _serve_lock: Option<FileLock>,
}

impl Application {
    /// Binds, opens the database, unlocks the keys, and starts to answer.
    ///
    /// # Errors
    /// See [`StartError`]; each message says what to do.
    pub async fn build(
        mut settings: Settings,
        mode: ServeMode,
        surroundings: Surroundings,
    ) -> Result<Self, StartError> {
        settings.check_listen(mode.dev)?;
        settings.check_rotation()?;
        let listeners = Listeners::bind(&settings)?;
        settings.listen = listeners.main.local_addr().unwrap_or(settings.listen);
        let issuer = settings.serving_issuer(mode.dev)?;
        let session_cookie = settings.session_cookie(&issuer)?;
        let hosts = settings.allowed_hosts.clone().with(&issuer, mode.dev);

        let metrics = Arc::new(Metrics::default());
        let (unlocked, serve_lock) =
            open::open_to_serve(&settings, mode, &surroundings, &metrics).await?;
        let Unlocked { store, data_keys } = unlocked;
        let hashing = HashPool::new(&metrics.hashing);
        let admin = open::administration(
            &settings,
            store.clone(),
            &data_keys,
            &surroundings,
            Actor::System,
            hashing,
        );
        let first = if mode.dev {
            // The memory of these hashes is not kept: no other hash may ever follow.
            let admin = Admin { hashing: HashPool::default(), ..admin.clone() };
            let accepted = settings.api_keys_environment;
            Box::pin(first_start::create_records(&admin, accepted)).await?
        } else {
            None
        };

        admin::signing_key::ensure(&admin, settings.token_alg).await?;
        let verifier = Verifier::with_keys(
            issuer.as_str(),
            KeySet::default(),
            Arc::clone(&surroundings.clock),
        );
        let ring = Arc::new(KeyRing::new(
            verifier,
            data_keys.sealing,
            surroundings.make_signer,
            settings.token_alg,
            settings.token_ttl,
        ));
        let directory =
            open::load_directory(&store, &ring, &settings, &surroundings, &metrics).await?;
        let policy = RotationPolicy {
            every: settings.keys_rotate_every,
            ahead: settings.keys_publish_ahead,
        };
        let background =
            Background::start(Arc::clone(&directory), Arc::clone(&ring), admin.clone(), policy);
        let checks = SecretChecks::new(admin.hashing.clone(), Arc::clone(&surroundings.random));
        let server = AuthorizationServer {
            context: Context {
                default_audience: settings
                    .token_audience
                    .clone()
                    .map_or_else(|| own_api(&issuer), Ok)?,
                own_api: own_api(&issuer)?,
                issuer,
                api_key_environments: settings.api_keys_environment,
                clock: surroundings.clock,
                random: surroundings.random,
                directory,
                ring,
                secret_digests: data_keys.secret_digests,
                checks,
                admin: admin.clone(),
                metrics,
            },
            tokens: TokenTerms { ttl: settings.token_ttl, algorithm: settings.token_alg },
            publication: KeyPublication {
                max_age: settings.published_max_age(),
                ahead: settings.keys_publish_ahead,
            },
            inbound: Inbound {
                trusted_proxies: settings.trusted_proxies.clone(),
                unknown_proxy: Once::new(),
                api_key_header: api_key_header(&settings)?,
                hosts,
                session_cookie,
            },
            leaks: scanning(&settings)?,
            revoker: Revoker::new(admin, settings.revocations_max_per_client),
            feed: Feed::default(),
            names_authorization_endpoint: settings.metadata_authorization_endpoint,
        };
        let address = settings.listen;
        let server = listen::start_http(&settings, listeners, server)?;
        Ok(Self { address, server, store, background, first, _serve_lock: serve_lock })
    }

    /// The bound address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the records of a first start with `--dev`, once.
    pub const fn take_first(&mut self) -> Option<FirstStart> {
        self.first.take()
    }

    /// The handle that stops the server.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// Answers until stopped, then finishes running requests.
    ///
    /// # Errors
    /// When the server fails.
    pub async fn run(self) -> std::io::Result<()> {
        let done = self.server.await;
        self.background.stop().await;
        self.store.database().close().await;
        done
    }
}

fn api_key_header(settings: &Settings) -> Result<HeaderName, ConfigError> {
    let name = HeaderName::from_bytes(settings.api_keys_header.as_bytes());
    name.map_err(|error| ConfigError::Inconsistent(error.to_string()))
}

/// The accepted reporters of leaked API keys; `None` without `leaks.public_keys`.
///
/// # Errors
/// When their public keys cannot be read.
pub fn scanning(settings: &Settings) -> Result<Option<LeakScanning>, ConfigError> {
    let Some(path) = &settings.leaks_public_keys else { return Ok(None) };
    let unusable = |reason: String| {
        ConfigError::Inconsistent(format!(
            "cannot use `leaks.public_keys` ({}): {reason}",
            path.display()
        ))
    };
    let document = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
    let scanners = ScannerKeys::parse(&document).map_err(|error| unusable(error.to_string()))?;
    Ok(Some(LeakScanning { scanners, policy: settings.leaks_policy }))
}

fn own_api(issuer: &Issuer) -> Result<ResourceUri, ConfigError> {
    ResourceUri::parse(issuer.as_str())
        .map_err(|error| ConfigError::Inconsistent(error.to_string()))
}
