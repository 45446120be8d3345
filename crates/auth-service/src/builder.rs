//! A service of few words: what isn't said is as one process needs it.

use std::sync::Arc;

use auth_core::password::{Argon2Backend, Argon2Params, HashPool, HashPoolConfig, PasswordHasher};
use auth_core::{BreachedPasswords, Clock, OsRandom, Random, SecretRing, SystemClock};
use auth_email::{Branding, Mailer};
use auth_ephemeral::{Broadcast, EphemeralStore, MemoryConfig, RateLimiter};
use auth_oauth::Providers;
use auth_persistence::Database;
use url::Url;

use crate::config::ServiceConfig;
use crate::links::Links;
use crate::service::{AuthService, Parts, StartError};

/// Makes an [`AuthService`] of a database and a secret; everything else has a default and can be replaced.
///
/// | what | if nothing is said |
/// |---|---|
/// | settings | [`ServiceConfig::default`]: a service of the developer's own machine, at `http://localhost:8080` |
/// | hashing | Argon2id with 19 MiB and 2 passes; a thread for each core, 256 waiting jobs, 10 s of waiting |
/// | half-done sign-ins, counts of limits, news | in this process's memory |
/// | mails | to the log, target `mail`, level `INFO`: with their links, so for development alone |
/// | other providers | none |
/// | breached passwords | nobody is asked; the built-in list of common ones is |
/// | clock, randomness | the operating system's |
///
/// One process on one machine needs no more, but for a [mailer](Self::mailer). Several processes on one PostgreSQL
/// database may have these defaults too: each then counts limits for itself, hears of the others' revocations from the
/// database ([`ServiceConfig::revocation_poll`]), and finishes only the sign-ins that it began.
///
/// ```no_run
/// # async fn doc() -> Result<(), Box<dyn std::error::Error>> {
/// use auth_core::AuthSecret;
/// use auth_service::{AuthService, Database, DatabaseConfig};
///
/// let database = Database::open(DatabaseConfig::new(std::env::var("DATABASE_URL")?))?;
/// let secret = AuthSecret::new(&std::env::var("AUTH_SECRET")?)?;
/// let auth = AuthService::builder(database, &secret)
///     .public_url(&"https://app.example.com/".parse()?)
///     .product_name("Thebes")
///     .configure(|config| config.require_verified_email = true)
///     .start()?;
/// auth.sync_revocations().await?;
/// let jobs = auth.run_jobs();
/// // … serve …
/// jobs.stop().await;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing happens until it is started"]
pub struct AuthServiceBuilder {
    database: Database,
    secrets: SecretRing,
    config: ServiceConfig,
    hash_pool: Option<HashPool>,
    ephemeral: Option<EphemeralStore>,
    rate_limiter: Option<RateLimiter>,
    broadcast: Broadcast,
    providers: Providers,
    mailer: Option<Mailer>,
    breached_passwords: Option<BreachedPasswords>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl AuthService {
    /// Begins a service on `database`, whose keys are sealed with `secrets`: an
    /// [`AuthSecret`](auth_core::AuthSecret), or a [`SecretRing`] while one is being replaced.
    pub fn builder(database: Database, secrets: impl Into<SecretRing>) -> AuthServiceBuilder {
        AuthServiceBuilder {
            database,
            secrets: secrets.into(),
            config: ServiceConfig::default(),
            hash_pool: None,
            ephemeral: None,
            rate_limiter: None,
            broadcast: Broadcast::in_memory(),
            providers: Providers::default(),
            mailer: None,
            breached_passwords: None,
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
        }
    }
}

impl AuthServiceBuilder {
    /// Where people reach the service: access tokens name it as issuer and audience, mails link to `/link/<purpose>`
    /// below it, callbacks of other providers are below it, and sign-ins with those may end at its origin.
    pub fn public_url(mut self, url: &Url) -> Self {
        let name = url.as_str().trim_end_matches('/');
        name.clone_into(&mut self.config.issuer);
        name.clone_into(&mut self.config.audience);
        self.config.links = Links::below(url);
        self.config.redirect_origins = vec![url.origin()];
        self.config.base_url = url.clone();
        self
    }

    /// What people call the product: it stands in mails and in authenticator apps, and is no password.
    pub fn product_name(mut self, name: impl Into<String>) -> Self {
        self.config.product_name = name.into();
        self
    }

    /// Changes any setting.
    pub fn configure(mut self, change: impl FnOnce(&mut ServiceConfig)) -> Self {
        change(&mut self.config);
        self
    }

    /// Hashes passwords in `pool`.
    pub fn hash_pool(mut self, pool: HashPool) -> Self {
        self.hash_pool = Some(pool);
        self
    }

    /// Keeps half-done sign-ins in `store`.
    pub fn ephemeral(mut self, store: EphemeralStore) -> Self {
        self.ephemeral = Some(store);
        self
    }

    /// Counts what is limited in `limiter`.
    pub fn rate_limiter(mut self, limiter: RateLimiter) -> Self {
        self.rate_limiter = Some(limiter);
        self
    }

    /// Tells other instances of revocations by `broadcast`.
    pub fn broadcast(mut self, broadcast: Broadcast) -> Self {
        self.broadcast = broadcast;
        self
    }

    /// Lets people sign in with `providers`.
    pub fn providers(mut self, providers: Providers) -> Self {
        self.providers = providers;
        self
    }

    /// Sends mails by `mailer`.
    pub fn mailer(mut self, mailer: Mailer) -> Self {
        self.mailer = Some(mailer);
        self
    }

    /// Asks `list` whether a new password was breached.
    pub fn breached_passwords(mut self, list: BreachedPasswords) -> Self {
        self.breached_passwords = Some(list);
        self
    }

    /// Reads the time from `clock`.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Draws ids, salts and keys from `random`.
    pub fn random(mut self, random: Arc<dyn Random>) -> Self {
        self.random = random;
        self
    }

    /// Applies the migrations that are missing, starts the threads that hash, and then does what [`AuthService::start`]
    /// does.
    ///
    /// Blocks, on the database above all: for milliseconds, or for as long as another process migrates.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub fn start(self) -> Result<AuthService, StartError> {
        let clock = self.clock;
        self.database.migrate()?;
        let hash_pool = match self.hash_pool {
            Some(pool) => pool,
            None => default_pool(Arc::clone(&clock), Arc::clone(&self.random))?,
        };
        let mailer = match self.mailer {
            Some(mailer) => mailer,
            None => mailer_to_the_log(&self.config)?,
        };
        let in_memory = || EphemeralStore::in_memory(MemoryConfig::default(), Arc::clone(&clock));
        let parts = Parts {
            secrets: self.secrets,
            hash_pool,
            ephemeral: self.ephemeral.unwrap_or_else(in_memory),
            rate_limiter: self.rate_limiter.unwrap_or_else(|| RateLimiter::in_memory(Arc::clone(&clock))),
            broadcast: self.broadcast,
            providers: self.providers,
            mailer,
            breached_passwords: self.breached_passwords,
            database: self.database,
            clock,
            random: self.random,
        };
        AuthService::start(self.config, parts)
    }
}

fn default_pool(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Result<HashPool, StartError> {
    let hasher = PasswordHasher::new(Argon2Params::default(), Argon2Backend::Auto).with_random(random);
    HashPool::start(HashPoolConfig::default(), hasher, clock).map_err(StartError::Threads)
}

fn mailer_to_the_log(config: &ServiceConfig) -> Result<Mailer, StartError> {
    let branding = Branding { product_name: config.product_name.clone(), base_url: config.base_url.clone() };
    Ok(Mailer::console("no-reply@localhost", branding)?)
}

#[cfg(test)]
mod tests {
    use auth_core::AuthSecret;
    use auth_persistence::DatabaseConfig;

    use super::*;

    fn builder(database: &str, secrets: impl Into<SecretRing>) -> AuthServiceBuilder {
        AuthService::builder(Database::open(DatabaseConfig::new(database)).unwrap(), secrets)
    }

    fn in_memory() -> AuthServiceBuilder {
        builder("sqlite::memory:", &AuthSecret::generate(&OsRandom))
    }

    #[test]
    fn the_public_url_is_in_tokens_links_and_callbacks() {
        let url = Url::parse("https://app.example.com/auth/").unwrap();
        let service = in_memory().public_url(&url).start().unwrap();
        let config = &service.inner().config;
        assert_eq!([&config.issuer, &config.audience], ["https://app.example.com/auth"; 2]);
        assert_eq!(config.links.verify_email.as_str(), "https://app.example.com/auth/link/verify-email");
        assert_eq!((&config.base_url, &config.redirect_origins), (&url, &vec![url.origin()]));
    }

    #[test]
    fn what_can_not_stand_in_mails_is_refused() {
        let nowhere = Url::parse("data:text/plain,x").unwrap();
        for refused in [in_memory().public_url(&nowhere), in_memory().product_name("a\nb")] {
            assert!(matches!(refused.start(), Err(StartError::Mail(_))));
        }
    }

    #[test]
    fn a_database_opens_by_the_secret_before_too_and_by_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let database = format!("sqlite://{}/auth.db", folder.path().display());
        let [old, new, other] = [(); 3].map(|()| AuthSecret::generate(&OsRandom));
        let keys = builder(&database, &old).start().unwrap().jwks();
        assert_eq!(builder(&database, SecretRing::new(&new, Some(&old))).start().unwrap().jwks(), keys);
        assert!(matches!(builder(&database, &other).start(), Err(StartError::Keys(_))));
    }
}
