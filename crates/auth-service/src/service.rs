//! The service itself: what all use cases share, and how it starts.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use auth_core::password::{HashPool, PasswordPolicy};
use auth_core::{
    AccessTokenConfig, AccessTokens, BackupCodeHasher, BreachedPasswords, Breaker, BreakerState, Clock, OneTimeTokens,
    Random, RefreshTokens, RevocationList, Sealer, SecretRing, SeenGenerations, SubjectHasher, new_uuid,
};
use auth_email::{InvalidMailConfig, Mailer};
use auth_ephemeral::{Broadcast, EphemeralStore, RateLimiter};
use auth_oauth::Providers;
use auth_persistence::{Database, DatabaseStatistics, OpenError, signing_key};

use crate::audit::Trail;
use crate::config::ServiceConfig;
use crate::fault::Fault;
use crate::keys::{KeyError, Opener, SigningKeys};
use crate::lease::Leases;
use crate::revocation_feed::FeedPosition;

/// All use cases. A cheap handle: clone it freely.
#[derive(Clone)]
pub struct AuthService(Arc<Inner>);

/// What a service is made of, all of it: [`AuthService::builder`] has defaults for the most.
pub struct Parts {
    /// Where everything is kept; migrated.
    pub database: Database,
    /// What the stored keys are sealed with.
    pub secrets: SecretRing,
    /// Where passwords are hashed.
    pub hash_pool: HashPool,
    /// Where half-done sign-ins are kept.
    pub ephemeral: EphemeralStore,
    /// What counts how often somebody did something.
    pub rate_limiter: RateLimiter,
    /// How instances tell each other at once what was revoked.
    pub broadcast: Broadcast,
    /// Who else people can sign in with.
    pub providers: Providers,
    /// What sends mails.
    pub mailer: Mailer,
    /// What knows leaked passwords; `None`: nobody is asked.
    pub breached_passwords: Option<BreachedPasswords>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids, salts and keys.
    pub random: Arc<dyn Random>,
}

pub(crate) struct Inner {
    pub(crate) config: ServiceConfig,
    pub(crate) database: Database,
    pub(crate) hash_pool: HashPool,
    pub(crate) password_policy: PasswordPolicy,
    pub(crate) breached_passwords: Option<BreachedPasswords>,
    pub(crate) ephemeral: EphemeralStore,
    pub(crate) rate_limiter: RateLimiter,
    pub(crate) broadcast: Broadcast,
    pub(crate) providers: Providers,
    pub(crate) mailer: Mailer,
    pub(crate) mail_breaker: Breaker,
    pub(crate) one_time_tokens: OneTimeTokens,
    pub(crate) outbox_sealer: Sealer,
    pub(crate) totp_sealer: Sealer,
    pub(crate) backup_code_hasher: BackupCodeHasher,
    pub(crate) subject_hasher: SubjectHasher,
    pub(crate) audit: Trail,
    pub(crate) news_sealer: Sealer,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) signing_keys: SigningKeys,
    pub(crate) access_tokens: Arc<AccessTokens>,
    pub(crate) refresh_tokens: RefreshTokens,
    pub(crate) revocations: Arc<RevocationList>,
    pub(crate) seen: Arc<SeenGenerations>,
    pub(crate) feed_position: FeedLock,
    pub(crate) leases: Leases,
    this: Weak<Inner>,
}

/// The service can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The keys can't be read or made.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The database can't be migrated.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The threads that hash can't be started.
    #[error("the threads that hash passwords can't be started: {0}")]
    Threads(#[source] std::io::Error),
    /// The public URL or the product's name can't stand in mails.
    #[error(transparent)]
    Mail(#[from] InvalidMailConfig),
}

impl AuthService {
    /// Opens the keys (and makes them, in a new database), and reads what was revoked lately.
    ///
    /// Blocks on the database. Start the background jobs with [`AuthService::run_jobs`].
    ///
    /// [`AuthService::builder`] does this with fewer words.
    ///
    /// # Errors
    ///
    /// [`StartError::Keys`].
    pub fn start(config: ServiceConfig, parts: Parts) -> Result<Self, StartError> {
        let Parts {
            database,
            secrets,
            hash_pool,
            ephemeral,
            rate_limiter,
            broadcast,
            providers,
            mailer,
            breached_passwords,
            clock,
            random,
        } = parts;
        let opener = Opener {
            secrets,
            algorithm: config.signing_algorithm,
            life: config.signing_key_life,
            clock: Arc::clone(&clock),
            random: Arc::clone(&random),
        };
        let found = opener.open(&database)?;
        let leases = Leases::new(new_uuid(clock.now(), &*random));
        let revocations = Arc::new(RevocationList::new(config.revocation_max_age));
        let seen = Arc::new(SeenGenerations::default());
        let access_tokens = AccessTokens::new(
            AccessTokenConfig {
                issuer: config.issuer.clone(),
                audience: config.audience.clone(),
                lifetime: config.access_lifetime,
            },
            found.signing_keys.ring().clone(),
            Arc::clone(&revocations),
            Arc::clone(&seen),
            Arc::clone(&clock),
        );
        Ok(Self(Arc::new_cyclic(|this| Inner {
            password_policy: config.password_policy.clone(),
            mail_breaker: Breaker::new(config.breaker, Arc::clone(&clock)),
            config,
            database,
            hash_pool,
            breached_passwords,
            ephemeral,
            rate_limiter,
            broadcast,
            providers,
            mailer,
            subject_hasher: found.subject_hasher,
            audit: Trail::new(found.audit_chain),
            news_sealer: found.news_sealer,
            one_time_tokens: found.one_time_tokens,
            outbox_sealer: found.outbox_sealer,
            totp_sealer: found.totp_sealer,
            backup_code_hasher: found.backup_code_hasher,
            clock,
            random,
            signing_keys: found.signing_keys,
            access_tokens: Arc::new(access_tokens),
            refresh_tokens: found.refresh_tokens,
            revocations,
            seen,
            feed_position: FeedLock::default(),
            leases,
            this: Weak::clone(this),
        })))
    }

    /// What checks access tokens: give it to the routes.
    pub fn access_tokens(&self) -> Arc<AccessTokens> {
        Arc::clone(&self.0.access_tokens)
    }

    /// The public keys as a JWK Set (RFC 7517, section 5).
    pub fn jwks(&self) -> String {
        self.0.signing_keys.ring().current().jwks(self.0.clock.now())
    }

    /// Where passwords are hashed, for whoever watches its load.
    pub fn hash_pool(&self) -> &HashPool {
        &self.0.hash_pool
    }

    /// How long ago the revocations were last read; `None` before the first time.
    pub fn revocation_list_age(&self) -> Option<Duration> {
        self.0.revocations.age(self.0.clock.now())
    }

    /// How many revoked sessions, past epochs and changes of premium are remembered.
    pub fn revocations_listed(&self) -> usize {
        self.0.revocations.len()
    }

    /// How busy the database's threads are.
    pub fn database_statistics(&self) -> DatabaseStatistics {
        self.0.database.statistics()
    }

    /// Whether the database answers.
    ///
    /// # Errors
    ///
    /// [`Fault`] when it doesn't.
    pub async fn check_database(&self) -> Result<(), Fault> {
        let now = self.0.clock.now();
        self.0.database.read(move |conn| signing_key::list(conn, now)).await.map(drop).map_err(Fault::from)
    }

    /// Who else people can sign in with, for whoever watches whether they are up.
    pub fn providers(&self) -> &Providers {
        &self.0.providers
    }

    /// Whether the mail server is taken to be up: mails wait while it isn't.
    pub fn mail_is_up(&self) -> bool {
        self.0.mail_breaker.state() != BreakerState::Open
    }

    /// Whether this instance counts its rate limits by itself, because the counts that instances share are away.
    pub fn rate_limiter_is_degraded(&self) -> bool {
        self.0.rate_limiter.is_degraded()
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }
}

impl Inner {
    /// A handle that outlives the call, for work that goes on in the database's threads.
    #[expect(clippy::expect_used, reason = "whoever calls holds a reference, so the service is alive")]
    pub(crate) fn handle(&self) -> Arc<Self> {
        self.this.upgrade().expect("the service is alive while it is called")
    }
}

/// The position in the feed, behind a lock that outlives a panic: the worst is reading some news twice.
#[derive(Debug, Default)]
pub(crate) struct FeedLock(Mutex<FeedPosition>);

impl FeedLock {
    pub(crate) fn lock(&self) -> MutexGuard<'_, FeedPosition> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
