//! From settings to a service: what is opened, made and checked before the first request.

use std::io;
use std::path::Path;
use std::sync::Arc;

use auth_core::password::{
    Argon2Backend, Argon2Params, CharacterClass, HashPool, HashPoolConfig, PasswordHasher, PasswordPolicy,
};
use auth_core::{AuthSecret, Clock, OsRandom, SecretRing, SigningAlgorithm, SystemClock};
use auth_persistence::{Database, DatabaseConfig, OpenError};
use auth_service::{AuthService, Parts, ReuseScope, ServiceConfig, StartError};
use secrecy::{ExposeSecret as _, SecretString};

use crate::secret_file;
use crate::settings::Settings;
use crate::settings::section::account::Registration;
use crate::settings::section::token::{JwtAlgorithm, ReuseRevokes};
use crate::settings::section::{hashing, password};
use crate::settings::value::DatabaseUrl;

/// The server can't start, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CannotStart {
    #[error("{0}")]
    Database(#[from] OpenError),
    #[error("{0}")]
    Service(#[from] StartError),
    #[error("AUTH_SECRET can't be used: {0}")]
    Secret(String),
    #[error("the development secret can't be kept beside the database: {0}; set AUTH_SECRET")]
    SecretFile(io::Error),
    #[error("{variable} can't be used: {problem}")]
    Setting { variable: &'static str, problem: String },
    #[error("can't listen on {address}: {error}; is another server running there? AUTH_BIND sets the address")]
    Listen { address: std::net::SocketAddr, error: io::Error },
    #[error("a thread can't be started: {0}")]
    Thread(io::Error),
    #[error("the server stopped: {0}")]
    Serve(io::Error),
}

/// The database of `settings`.
pub(crate) fn open_database(settings: &Settings) -> Result<Database, CannotStart> {
    let database = &settings.database;
    let mut config = DatabaseConfig::new(connection_url(&database.url));
    config.schema.clone_from(&database.schema);
    config.pool_size = Some(database.pool.get());
    Ok(Database::open(config)?)
}

fn connection_url(url: &DatabaseUrl) -> String {
    match url {
        DatabaseUrl::SqliteFile(path) => format!("sqlite://{}", path.display()),
        DatabaseUrl::SqliteMemory => "sqlite::memory:".to_owned(),
        DatabaseUrl::Postgres(url) => url.expose_secret().to_owned(),
    }
}

/// The service of `settings` on `database`, which is migrated.
pub(crate) fn open_service(settings: &Settings, database: Database) -> Result<AuthService, CannotStart> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let parts = Parts {
        secrets: secrets(settings)?,
        hash_pool: hash_pool(settings, Arc::clone(&clock))?,
        database,
        clock,
        random: Arc::new(OsRandom),
    };
    Ok(AuthService::start(service_config(settings)?, parts)?)
}

fn secrets(settings: &Settings) -> Result<SecretRing, CannotStart> {
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
    HashPool::start(config, hasher, clock).map_err(CannotStart::Thread)
}

fn service_config(settings: &Settings) -> Result<ServiceConfig, CannotStart> {
    let (token, revocation) = (&settings.tokens, &settings.revocation);
    Ok(ServiceConfig {
        issuer: token.issuer.clone(),
        audience: token.audience.clone(),
        signing_algorithm: match token.algorithm {
            JwtAlgorithm::EdDsa => SigningAlgorithm::EdDsa,
            JwtAlgorithm::Es256 => SigningAlgorithm::Es256,
            JwtAlgorithm::Rs256 => SigningAlgorithm::Rs256,
            JwtAlgorithm::Hs256 => SigningAlgorithm::Hs256,
        },
        access_lifetime: token.access_ttl,
        refresh_lifetime: token.refresh_ttl,
        refresh_idle: token.refresh_idle_ttl,
        refresh_grace: token.refresh_grace,
        reuse_revokes: match token.reuse_revokes {
            ReuseRevokes::User => ReuseScope::User,
            ReuseRevokes::Session => ReuseScope::Session,
        },
        sessions_per_user: token.sessions_per_user,
        registration_open: settings.accounts.registration == Registration::Open,
        password_policy: password_policy(settings)?,
        product_name: settings.server.app_name.clone(),
        revocation_poll: revocation.poll,
        revocation_max_age: revocation.max_age,
    })
}

fn password_policy(settings: &Settings) -> Result<PasswordPolicy, CannotStart> {
    let rules = &settings.passwords;
    let policy = PasswordPolicy::new(rules.min_length, rules.max_length).map_err(|error| CannotStart::Setting {
        variable: "AUTH_PASSWORD_MIN_LENGTH, _MAX_LENGTH",
        problem: error.to_string(),
    })?;
    Ok(policy.requiring(rules.require.iter().map(|class| match class {
        password::CharacterClass::Lower => CharacterClass::Lower,
        password::CharacterClass::Upper => CharacterClass::Upper,
        password::CharacterClass::Digit => CharacterClass::Digit,
        password::CharacterClass::Symbol => CharacterClass::Symbol,
    })))
}
