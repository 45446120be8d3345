//! From settings to a service: what is opened, made and checked before the first request.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use auth_core::password::{Argon2Backend, Argon2Params, HashPool, HashPoolConfig, PasswordHasher};
use auth_core::{AuthSecret, BreachConfig, BreachedPasswords, Breaker, Clock, OsRandom, SecretRing, SystemClock};
use auth_email::{Branding, InvalidMailConfig, Mailer, SmtpConfig};
use auth_ephemeral::{Broadcast, EphemeralStore, InvalidRedis, MemoryConfig, RateLimiter, Redis, RedisConfig};
use auth_oauth::InvalidProvider;
use auth_persistence::copy::CopyError;
use auth_persistence::{Database, DatabaseConfig, OpenError};
use auth_service::{AdminError, AuthService, Fault, KeyError, Parts, StartError};
use metrics_exporter_prometheus::BuildError;
use secrecy::{ExposeSecret as _, SecretString};

use crate::providers::providers;
use crate::secret_file;
use crate::service_config::{breaker, service_config};
use crate::settings::Settings;
use crate::settings::section::hashing;
use crate::settings::value::DatabaseUrl;

/// The server can't start, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CannotStart {
    #[error("{0}")]
    Database(#[from] OpenError),
    #[error("{0}")]
    Service(#[from] StartError),
    #[error("{0}")]
    Keys(#[from] KeyError),
    #[error("AUTH_SECRET can't be used: {0}")]
    Secret(String),
    #[error("the development secret can't be kept beside the database: {0}; set AUTH_SECRET")]
    SecretFile(io::Error),
    #[error("there is no secret to open the backup with: set its AUTH_SECRET, or put its auth.secret at {}", .0.display())]
    NoSecret(PathBuf),
    #[error("{0}")]
    Copy(#[from] CopyError),
    #[error("{variable} can't be used: {problem}")]
    Setting { variable: &'static str, problem: String },
    #[error("mails can't be sent with these settings: {0}")]
    Mail(#[from] InvalidMailConfig),
    #[error("REDIS_URL can't be used: {0}")]
    Redis(#[from] InvalidRedis),
    #[error("sign-in with other providers can't be set up: {0}")]
    Provider(#[from] InvalidProvider),
    #[error("no administrator was made of ADMIN_EMAIL and ADMIN_PASSWORD: {0}")]
    Admin(#[from] AdminError),
    #[error("{0}")]
    Fault(#[from] Fault),
    #[error("can't listen on {address}: {error}; is another server running there? {variable} sets the address")]
    Listen { variable: &'static str, address: SocketAddr, error: io::Error },
    #[error("the metrics can't be counted: {0}")]
    Metrics(#[from] BuildError),
    #[error("a thread can't be started: {0}")]
    Thread(io::Error),
    #[error("the server stopped: {0}")]
    Serve(io::Error),
}

/// The database of `settings`.
pub(crate) fn open_database(settings: &Settings) -> Result<Database, CannotStart> {
    Ok(Database::open(database_config(settings))?)
}

/// How to reach the database of `settings`.
pub(crate) fn database_config(settings: &Settings) -> DatabaseConfig {
    let database = &settings.database;
    let mut config = DatabaseConfig::new(connection_url(&database.url));
    config.schema.clone_from(&database.schema);
    config.pool_size = Some(database.pool.get());
    config
}

/// `url` as a text, with its password.
pub(crate) fn connection_url(url: &DatabaseUrl) -> String {
    match url {
        DatabaseUrl::SqliteFile(path) => format!("sqlite://{}", path.display()),
        DatabaseUrl::SqliteMemory => "sqlite::memory:".to_owned(),
        DatabaseUrl::Postgres(url) => url.expose_secret().to_owned(),
    }
}

/// A service, and what operators want to know of beside it.
pub(crate) struct Opened {
    pub(crate) service: AuthService,
    /// Guards the calls that look passwords up among the breached ones.
    pub(crate) breach_breaker: Arc<Breaker>,
    /// What instances share; `None` keeps it in the process.
    pub(crate) redis: Option<Redis>,
}

/// The service of `settings` on `database`, which is migrated.
pub(crate) fn open_service(settings: &Settings, database: Database) -> Result<Opened, CannotStart> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let breach_breaker = Arc::new(Breaker::new(breaker(settings.breaker), Arc::clone(&clock)));
    let redis = redis(settings, Arc::clone(&clock))?;
    let parts = Parts {
        secrets: secrets(settings)?,
        hash_pool: hash_pool(settings, Arc::clone(&clock))?,
        ephemeral: match &redis {
            Some(redis) => EphemeralStore::in_redis(redis),
            None => EphemeralStore::in_memory(MemoryConfig::default(), Arc::clone(&clock)),
        },
        rate_limiter: match &redis {
            Some(redis) => RateLimiter::in_redis(redis, Arc::clone(&clock)),
            None => RateLimiter::in_memory(Arc::clone(&clock)),
        },
        broadcast: redis.as_ref().map_or_else(Broadcast::in_memory, Broadcast::in_redis),
        providers: providers(settings, Arc::clone(&clock))?,
        mailer: mailer(settings)?,
        breached_passwords: breached_passwords(settings, &breach_breaker),
        database,
        clock,
        random: Arc::new(OsRandom),
    };
    Ok(Opened { service: AuthService::start(service_config(settings)?, parts)?, breach_breaker, redis })
}

/// Nothing is connected yet, so that a command which doesn't need Redis doesn't ask for it.
fn redis(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Option<Redis>, InvalidRedis> {
    let Some(url) = settings.redis.url.clone() else { return Ok(None) };
    let (prefix, timeout) = (settings.redis.prefix.clone(), settings.redis.timeout);
    let config = RedisConfig { url, prefix, timeout, breaker: breaker(settings.breaker) };
    Redis::open(config, clock, Arc::new(OsRandom)).map(Some)
}

/// What the keys are sealed with.
pub(crate) fn secrets(settings: &Settings) -> Result<SecretRing, CannotStart> {
    let current = match &settings.secrets.current {
        Some(secret) => parse_secret(secret)?,
        None => development_secret(&settings.database.url)?,
    };
    let previous = settings.secrets.previous.as_ref().map(parse_secret).transpose()?;
    Ok(SecretRing::new(&current, previous.as_ref()))
}

fn parse_secret(secret: &SecretString) -> Result<AuthSecret, CannotStart> {
    AuthSecret::new(secret.expose_secret()).map_err(|error| CannotStart::Secret(error.to_string()))
}

/// Settings without a secret have passed the check, so this is development on SQLite.
fn development_secret(url: &DatabaseUrl) -> Result<AuthSecret, CannotStart> {
    let DatabaseUrl::SqliteFile(path) = url else { return Ok(AuthSecret::generate(&OsRandom)) };
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    parse_secret(&secret_file::load_or_make(folder).map_err(CannotStart::SecretFile)?)
}

fn hash_pool(settings: &Settings, clock: Arc<dyn Clock>) -> Result<HashPool, CannotStart> {
    let hash = &settings.hashing;
    let params = Argon2Params::new(hash.memory_kib, hash.iterations, hash.parallelism)
        .map_err(|error| CannotStart::Setting { variable: "AUTH_ARGON2_…", problem: error.to_string() })?;
    let backend = match hash.backend {
        hashing::Argon2Backend::Auto => Argon2Backend::Auto,
        hashing::Argon2Backend::Portable => Argon2Backend::Portable,
    };
    let hasher = PasswordHasher::new(params, backend);
    tracing::info!(backend = hasher.backend_in_use(), threads = hash.threads, "password hashing");
    let config = HashPoolConfig { threads: hash.threads, queue: hash.queue, max_wait: hash.wait };
    metrics::gauge!("auth_hash_pool_backend", "backend" => hasher.backend_in_use()).set(1);
    let waits = metrics::histogram!("auth_hash_pool_wait_seconds");
    let pool = HashPool::start(config, hasher, clock).map_err(CannotStart::Thread)?;
    pool.observe_waits(move |waited| waits.record(waited));
    Ok(pool)
}

/// Where nobody can be asked, for instance on a system without root certificates, passwords are taken unasked as they are
/// when nobody answers (REQ-03).
fn breached_passwords(settings: &Settings, breaker: &Arc<Breaker>) -> Option<BreachedPasswords> {
    let passwords = &settings.passwords;
    if !passwords.hibp {
        return None;
    }
    let config = BreachConfig { url: passwords.hibp_url.clone(), timeout: BreachConfig::DEFAULT_TIMEOUT };
    let client = BreachedPasswords::new(config, Arc::clone(breaker));
    client
        .inspect_err(|error| {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::warn!(setting = "AUTH_HIBP", %error, cause, "passwords are not looked up among the breached ones");
        })
        .ok()
}

/// By SMTP, or to the log, which production has refused already.
fn mailer(settings: &Settings) -> Result<Mailer, CannotStart> {
    let server = &settings.server;
    let branding = Branding { product_name: server.app_name.clone(), base_url: server.base_url.url().clone() };
    let from = settings.mail.from.to_string();
    Ok(match &settings.mail.smtp_url {
        Some(url) => Mailer::smtp(SmtpConfig::new(url.clone(), from), branding)?,
        None => Mailer::console(&from, branding)?,
    })
}
