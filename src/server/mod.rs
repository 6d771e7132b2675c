//! The application: from settings to a bound port, and from there until it is stopped.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_server::{Server, ServerHandle};
use actix_web::App;
use actix_web::http::header::HeaderName;
use actix_web::web::{self, Data, ServiceConfig};
use tokio::net::TcpSocket;

use crate::admin::api_key::{ApiKeyPolicy, CreatedApiKey, NewApiKey};
use crate::admin::client::{CreatedClient, NewClient};
use crate::admin::revocation::Revoker;
use crate::admin::session::SessionPolicy;
use crate::admin::user::NewUser;
use crate::admin::{self, Admin, AdminError};
use crate::authn::context::Context;
use crate::background::{Background, RotationPolicy};
use crate::clock::{Clock, SystemClock};
use crate::config::{ConfigError, Settings};
use crate::directory::Directory;
use crate::http::middleware::cors::{Cors, CorsPolicy};
use crate::http::middleware::request_id::RequestIds;
use crate::http::{self, Optional, connection};
use crate::keys::master::MasterKeySource;
use crate::keys::ring::{KeyRing, RingError};
use crate::keys::scanner_keys::ScannerKeys;
use crate::keys::signer::{CachedSigner, SignerFactory};
use crate::keys::unlock::{Mode, UnlockError, Unlocked, unlock};
use crate::metrics::Metrics;
use crate::model::address::AddressRanges;
use crate::model::api_key::{Environment, Environments, KeyOwner};
use crate::model::client::ClientTerms;
use crate::model::event::{Actor, EventNumber};
use crate::model::issuer::Issuer;
use crate::model::name::DisplayName;
use crate::model::patch::Patch;
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::model::user::{Role, User, Username};
use crate::oauth::feed::Feed;
use crate::oauth::secret_scanning::LeakScanning;
use crate::oauth::{AuthorizationServer, Inbound, KeyPublication, TokenTerms};
use crate::random::{Random, SystemRandom};
use crate::secret::Secret;
use crate::secret::check::SecretChecks;
use crate::secret::digest::DigestKey;
use crate::secret::password::Password;
use crate::secret::pool::HashPool;
use crate::store::change::Store;
use crate::store::file_lock::FileLock;
use crate::store::{
    Database, DatabaseUrl, Engine, InvalidDatabaseUrl, Missing, OpenError, SchemaState, StoreError,
    event,
};
use mintery_verifier::Verifier;
use mintery_verifier::keys::KeySet;

/// What comes in from outside besides the settings.
#[derive(Clone)]
pub struct Surroundings {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// What signs tokens with a key.
    pub make_signer: SignerFactory,
    /// The time by which `clock` is judged; that of the store when absent.
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

/// How `serve` was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServeMode {
    /// `--dev`: for trying out, on this machine only.
    pub dev: bool,
    /// `--migrate`: bring a PostgreSQL to this release's tables. (An embedded database is always
    /// brought there.)
    pub migrate: bool,
}

/// Why the application does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The URL of the database.
    #[error("the setting `database_url` is not valid: {0}")]
    DatabaseUrl(#[from] InvalidDatabaseUrl),
    /// The address.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        reason: std::io::Error,
    },
    /// The database.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The master key and what it opens.
    #[error(transparent)]
    Unlock(#[from] UnlockError),
    /// The signing keys.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// The client that `--dev` makes.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the first start with `--dev` makes to try out.
#[derive(Debug)]
pub struct First {
    /// A client.
    pub client: CreatedClient,
    /// An API key of that client.
    pub key: CreatedApiKey,
    /// An administrator.
    pub administrator: User,
    /// What they log in with.
    pub password: Secret,
}

/// A server that is bound to its port.
pub struct Application {
    address: SocketAddr,
    server: Server,
    store: Store,
    background: Background,
    first: Option<First>,
    _serve_lock: Option<FileLock>,
}

/// How long running requests may take to end after a stop was asked for.
const SHUTDOWN_TIMEOUT_SECS: u64 = 30;

/// Connections that a worker serves at once; more wait to be accepted. Each that idles holds some
/// 20 kB.
const MAX_CONNECTIONS: usize = 8192;

impl Application {
    /// Binds, opens the database, unlocks the keys, and starts to answer.
    ///
    /// # Errors
    /// See [`StartError`]; each says what to do.
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

        let metrics = Arc::new(Metrics::default());
        let (unlocked, serve_lock) =
            open_to_serve(&settings, mode, &surroundings, &metrics).await?;
        let Unlocked { store, data_keys } = unlocked;
        let admin = Admin {
            store: store.clone(),
            secret_digests: data_keys.secret_digests.clone(),
            api_keys: api_key_policy(&settings, data_keys.api_keys),
            sessions: session_policy(&settings, data_keys.sessions),
            sealing: data_keys.sealing.clone(),
            clock: Arc::clone(&surroundings.clock),
            random: Arc::clone(&surroundings.random),
            actor: Actor::System,
            grantable: None,
            hashing: HashPool::new(&metrics.hashing),
        };
        let first = if mode.dev {
            // What one hash works in is not kept for another that may never come.
            let hashing = HashPool::default();
            let admin = Admin { hashing, ..admin.clone() };
            Box::pin(create_first(&admin, settings.api_keys_environment)).await?
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
        let directory = load_directory(&store, &ring, &settings, &surroundings, &metrics).await?;
        let policy = RotationPolicy {
            every: settings.keys_rotate_every,
            ahead: settings.keys_publish_ahead,
        };
        let background =
            Background::start(Arc::clone(&directory), Arc::clone(&ring), admin.clone(), policy);
        let checks = SecretChecks::new(admin.hashing.clone(), Arc::clone(&surroundings.random));
        let server = AuthorizationServer {
            context: Context {
                default_audience: default_audience(&settings, &issuer)?,
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
                api_key_header: api_key_header(&settings)?,
                session_cookie,
            },
            leaks: scanning(&settings)?,
            revoker: Revoker::new(admin, settings.revocations_max_per_client),
            feed: Feed::default(),
            names_authorization_endpoint: settings.metadata_authorization_endpoint,
        };
        let address = settings.listen;
        let server = start_http(&settings, listeners, server)?;
        Ok(Self { address, server, store, background, first, _serve_lock: serve_lock })
    }

    /// The address that it answers on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the first start with `--dev` makes, with its secrets, once.
    pub const fn take_first(&mut self) -> Option<First> {
        self.first.take()
    }

    /// Stops it from elsewhere.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// Answers until it is stopped, then ends what is under way.
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

fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    /// Connections that may wait to be accepted.
    const BACKLOG: u32 = 2048;
    let listening = bind(address).and_then(|socket| socket.listen(BACKLOG)?.into_std());
    listening.map_err(|reason| StartError::Listen { address, reason })
}

/// Takes an address, without listening there yet.
///
/// # Errors
/// When it is in use, not this machine's, or not for this user.
pub fn bind(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // A restart must not wait for the connections of the last run to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn api_key_header(settings: &Settings) -> Result<HeaderName, ConfigError> {
    let name = HeaderName::from_bytes(settings.api_keys_header.as_bytes());
    name.map_err(|error| ConfigError::Inconsistent(error.to_string()))
}

/// Who may tell of API keys that were found in public, if anybody may.
///
/// # Errors
/// When their keys cannot be read.
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

/// What API keys are like, whose digests are made with `digests`.
#[must_use]
pub fn api_key_policy(settings: &Settings, digests: DigestKey) -> ApiKeyPolicy {
    ApiKeyPolicy {
        digests,
        format: settings.api_keys_format.clone(),
        max_ttl: settings.api_keys_max_ttl,
    }
}

/// What sessions are like, whose digests are made with `digests`.
#[must_use]
pub fn session_policy(settings: &Settings, digests: DigestKey) -> SessionPolicy {
    SessionPolicy {
        digests,
        idle: settings.session_idle,
        lifetime: settings.session_lifetime,
        second_factor: settings.users_second_factor,
    }
}

/// Where the master key comes from.
#[must_use]
pub fn master_key_source(settings: &Settings) -> MasterKeySource {
    match &settings.master_key {
        Some(key) => MasterKeySource::Given(key.clone()),
        None => MasterKeySource::File(settings.master_key_file.clone()),
    }
}

async fn open_to_serve(
    settings: &Settings,
    mode: ServeMode,
    surroundings: &Surroundings,
    metrics: &Arc<Metrics>,
) -> Result<(Unlocked, Option<FileLock>), StartError> {
    let url = DatabaseUrl::parse(settings.database_url.expose())?;
    let database = Database::open(&url, Missing::Create, Arc::clone(metrics)).await?;
    let serve_lock = url.path().map(|path| FileLock::to_serve(&path)).transpose()?;
    match database.schema_state().await? {
        SchemaState::Current => {}
        SchemaState::Ahead(migration) => return Err(OpenError::TooNew(migration).into()),
        SchemaState::Behind if mode.migrate || url.engine() == Engine::Sqlite => {
            database.migrate().await?;
        }
        SchemaState::Behind => return Err(OpenError::NotMigrated.into()),
    }
    database.check_writable().await?;
    let opened_by = if mode.dev { Mode::Dev } else { Mode::Normal };
    let source = master_key_source(settings);
    let unlocked =
        unlock(&database, &source, &surroundings.clock, &*surroundings.random, opened_by).await?;
    Ok((unlocked, serve_lock))
}

/// With `--dev` the first start makes a client, an API key and an administrator, so that there is
/// something to try out.
async fn create_first(admin: &Admin, accepted: Environments) -> Result<Option<First>, StartError> {
    // Only the event of the initialisation: nothing was ever made here.
    let (head, _) = event::head(admin.store.database()).await?;
    if head != EventNumber::default().next() {
        return Ok(None);
    }
    let (Ok(name), Ok(scopes)) = (DisplayName::parse("demo"), ScopeSet::parse("read write")) else {
        return Ok(None);
    };
    let new = NewClient {
        id: None,
        terms: ClientTerms { scopes, ..ClientTerms::new(name.clone()) },
        secret: None,
        secret_expires_in: None,
    };
    let client = admin::client::create(admin, new).await?;
    let new = NewApiKey {
        owner: KeyOwner::Client(client.client.id.clone()),
        name,
        // One that is accepted.
        environment: match accepted {
            Environments::Only(environment) => environment,
            Environments::Any => Environment::default(),
        },
        scopes: None,
        allowed: AddressRanges::default(),
        max_per_minute: None,
        expires_in: Patch::Keep,
    };
    let key = admin::api_key::create(admin, new).await?;
    let Ok(username) = Username::parse("admin") else { return Ok(None) };
    let chosen = Password::generate(&*admin.random);
    let password = chosen.secret().clone();
    let administrator = NewUser {
        username,
        role: Role::Admin,
        scopes: ScopeSet::default(),
        resources: Vec::new(),
        password: chosen,
    };
    let administrator = admin::user::create(admin, administrator).await?;
    Ok(Some(First { client, key, administrator, password }))
}

/// What this node remembers: the signing keys, and nothing else at first.
async fn load_directory(
    store: &Store,
    ring: &Arc<KeyRing>,
    settings: &Settings,
    surroundings: &Surroundings,
    metrics: &Arc<Metrics>,
) -> Result<Arc<Directory>, StartError> {
    // First: what happens to the keys after they were read is followed.
    let (head, _) = event::head(store.database()).await?;
    let now = surroundings.clock.now();
    ring.load(store.database(), now).await?;
    ring.current().signer(settings.token_alg, now).ok_or(RingError::NoKey(settings.token_alg))?;
    let directory = Arc::new(Directory::new(
        store.database().clone(),
        Arc::clone(ring),
        head,
        settings.outage_grace,
        Arc::clone(&surroundings.clock),
        surroundings.store_clock.clone(),
        Arc::clone(metrics),
    ));
    directory.load_apis().await?;
    directory.load_revocations().await?;
    directory.check_clock().await?;
    Ok(directory)
}

fn default_audience(settings: &Settings, issuer: &Issuer) -> Result<ResourceUri, ConfigError> {
    let of_issuer = || {
        ResourceUri::parse(issuer.as_str())
            .map_err(|error| ConfigError::Inconsistent(error.to_string()))
    };
    settings.token_audience.clone().map_or_else(of_issuer, Ok)
}

/// What is bound before anything else is done, so that a port in use is told before a database is
/// made.
struct Listeners {
    main: TcpListener,
    /// `metrics.listen`, when that is set.
    metrics: Option<TcpListener>,
}

impl Listeners {
    fn bind(settings: &Settings) -> Result<Self, StartError> {
        let metrics = settings.metrics_listen.map(listen).transpose()?;
        Ok(Self { main: listen(settings.listen)?, metrics })
    }
}

fn start_http(
    settings: &Settings,
    listeners: Listeners,
    server: AuthorizationServer,
) -> Result<Server, StartError> {
    let failed = |address| move |reason| StartError::Listen { address, reason };
    let request_ids = RequestIds(Arc::clone(&server.context.random));
    let metrics = Data::new(Arc::clone(&server.context.metrics));
    let routes = http::routes(
        server.context.issuer.path(),
        Optional {
            metrics: settings.answers_metrics_on_main(),
            openid_configuration: settings.metadata_openid_configuration,
            scanning: settings.leaks_public_keys.is_some(),
            base_paths: settings.api_base_paths.clone(),
        },
    );
    let cors = (!settings.cors_allowed_origins.is_empty()).then(|| {
        let origins = settings.cors_allowed_origins.clone();
        CorsPolicy::new(
            origins,
            server.context.issuer.path(),
            &settings.api_base_paths,
            &server.inbound.api_key_header,
        )
    });
    let server = Data::new(server);
    if let (Some(listener), Some(address)) = (listeners.metrics, settings.metrics_listen) {
        let (metrics, request_ids) = (metrics.clone(), request_ids.clone());
        let app = move || {
            App::new()
                .app_data(metrics.clone())
                .wrap(request_ids.clone())
                .configure(http::metrics_routes)
                .default_service(web::to(http::error::nothing_here))
        };
        let builder = Server::build().workers(1).disable_signals();
        tokio::spawn(connection::listen(builder, listener, app).map_err(failed(address))?.run());
    }
    let builder = Server::build()
        .workers(settings.workers)
        .max_concurrent_connections(MAX_CONNECTIONS)
        .shutdown_timeout(SHUTDOWN_TIMEOUT_SECS)
        .disable_signals();
    let stopping = Data::new(builder.graceful_shutdown_signal());
    let everything = move |config: &mut ServiceConfig| {
        config
            .app_data(server.clone())
            .app_data(stopping.clone())
            .app_data(metrics.clone())
            .configure(routes.clone());
    };
    // Where no page may call, nothing is asked at any request.
    let http = match cors.map(Arc::new) {
        None => connection::listen(builder, listeners.main, move || {
            App::new().wrap(request_ids.clone()).configure(everything.clone())
        }),
        Some(policy) => connection::listen(builder, listeners.main, move || {
            let cors = Cors(Arc::clone(&policy));
            App::new().wrap(cors).wrap(request_ids.clone()).configure(everything.clone())
        }),
    };
    Ok(http.map_err(failed(settings.listen))?.run())
}
