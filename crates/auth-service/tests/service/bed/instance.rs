//! One service, as one process of several.

use std::num::NonZeroUsize;
use std::sync::Arc;

use auth_core::password::{Argon2Backend, HashPool, HashPoolConfig, PasswordHasher};
use auth_core::{AccessClaims, AccessTokenError, ManualClock, OsRandom, SecretRing, SessionId, UserId};
use auth_email::{Branding, Mailer};
use auth_ephemeral::{EphemeralStore, MemoryConfig, RateLimiter};
use auth_persistence::Database;
use auth_service::{
    AuthService, Client, LoginAttempt, LoginError, Parts, RefreshError, RegisterError, Registered, Registration,
    StartError, Step, Tokens,
};

use super::Setup;

/// The password of every account here, as long as a test changes nothing.
pub(crate) const PASSWORD: &str = "seven wooden gates of Thebes";

/// What a password is changed to.
pub(crate) const NEW_PASSWORD: &str = "eleven marble steps of Delphi";

/// A stranger's password.
pub(crate) const OTHER_PASSWORD: &str = "nine bronze doors of Mycenae";

pub(crate) struct Instance {
    pub(crate) service: AuthService,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) database: Database,
}

/// An account and the tokens of its first session.
pub(crate) struct Account {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Instance {
    pub(super) fn start(setup: Setup, secrets: SecretRing) -> Result<Self, StartError> {
        let Setup { config, hash_params, clock, database, mailer, providers, broadcast, .. } = setup;
        let pool = HashPoolConfig { threads: NonZeroUsize::MIN, ..HashPoolConfig::default() };
        let hasher = PasswordHasher::new(hash_params, Argon2Backend::Portable);
        let parts = Parts {
            database: database.clone(),
            secrets,
            hash_pool: HashPool::start(pool, hasher, Arc::clone(&clock) as _).unwrap(),
            ephemeral: EphemeralStore::in_memory(MemoryConfig::default(), Arc::clone(&clock) as _),
            rate_limiter: RateLimiter::in_memory(Arc::clone(&clock) as _),
            broadcast,
            providers,
            mailer: mailer.unwrap_or_else(console),
            breached_passwords: None,
            clock: Arc::clone(&clock) as _,
            random: Arc::new(OsRandom),
        };
        Ok(Self { service: AuthService::start(config, parts)?, clock, database })
    }

    pub(crate) fn register(&self, email: &str) -> Account {
        self.try_register(email, None).map(|tokens| Self::account(&tokens)).unwrap()
    }

    pub(crate) fn register_named(&self, email: &str, username: &str) -> Account {
        self.try_register(email, Some(username)).map(|tokens| Self::account(&tokens)).unwrap()
    }

    pub(crate) fn try_register(&self, email: &str, username: Option<&str>) -> Result<Tokens, RegisterError> {
        let registration = Registration { email: Some(email), password: Some(PASSWORD), username, display_name: None };
        match block_on(self.service.register(registration, &browser()))? {
            Registered::Step(step) => Ok(tokens(step)),
            Registered::VerificationRequired => panic!("the address has to be verified first"),
        }
    }

    pub(crate) fn log_in(&self, identifier: &str) -> Account {
        self.try_log_in(identifier, PASSWORD).map(|tokens| Self::account(&tokens)).unwrap()
    }

    /// A sign-in that may not be over.
    pub(crate) fn begin_log_in(&self, identifier: &str, password: &str) -> Result<Step, LoginError> {
        let attempt = LoginAttempt { identifier: Some(identifier), password: Some(password), device_token: None };
        block_on(self.service.log_in(attempt, &browser()))
    }

    pub(crate) fn try_log_in(&self, identifier: &str, password: &str) -> Result<Tokens, LoginError> {
        self.begin_log_in(identifier, password).map(tokens)
    }

    pub(crate) fn refresh(&self, token: &str) -> Result<Tokens, RefreshError> {
        block_on(self.service.refresh(token, &browser()))
    }

    /// A refresh that must be granted.
    pub(crate) fn refreshed(&self, token: &str) -> Account {
        self.refresh(token).map(|tokens| Self::account(&tokens)).unwrap()
    }

    pub(crate) fn verify(&self, access: &str) -> Result<Arc<AccessClaims>, AccessTokenError> {
        self.service.access_tokens().verify(access)
    }

    /// What a good access token says.
    pub(crate) fn claims(&self, access: &str) -> Arc<AccessClaims> {
        self.verify(access).unwrap()
    }

    /// Reads the news of the other instances.
    pub(crate) fn sync(&self) {
        block_on(self.service.sync_revocations()).unwrap();
    }

    /// Writes the marks of met access tokens, as the background job does: stopping the jobs before they had a turn
    /// writes what there is and does nothing else.
    pub(crate) fn flush(&self) {
        block_on(async { self.service.run_jobs().stop().await });
    }

    pub(crate) fn account(tokens: &Tokens) -> Account {
        let access = tokens.access_token.expose().to_owned();
        // Read without `verify`, which would count as a sign that the client has got this token.
        Account {
            user: tokens.user.id,
            session: session_of(&access),
            access,
            refresh: tokens.refresh_token.expose().to_owned(),
        }
    }
}

/// The tokens of a sign-in that nothing stands in the way of.
pub(crate) fn tokens(step: Step) -> Tokens {
    match step {
        Step::Authenticated(tokens) => *tokens,
        Step::Challenge(challenge) => panic!("{} is due", challenge.kind.as_str()),
    }
}

/// Mails that nobody reads.
fn console() -> Mailer {
    Mailer::console("Gatehouse <auth@localhost>", branding()).unwrap()
}

pub(crate) fn branding() -> Branding {
    Branding { product_name: "Gatehouse".to_owned(), base_url: "http://localhost:8080".parse().unwrap() }
}

fn session_of(access: &str) -> SessionId {
    super::records::unverified_claims(access)["sid"].as_str().unwrap().parse().unwrap()
}

pub(crate) fn browser() -> Client {
    Client::at(Some("192.0.2.7".parse().unwrap()))
        .with_user_agent(b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
        .with_request_id("request-1")
}

/// Runs a future to its end on this thread.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
