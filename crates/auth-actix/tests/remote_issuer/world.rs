//! An issuer, a service that trusts it, and the time of both.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::AUTHORIZATION;
use actix_web::test::TestRequest;
use actix_web::{FromRequest, HttpRequest, web};
use auth_actix::{Problem, RemoteIssuer, RemoteIssuerConfig};
use auth_core::{
    AccessGrant, AccessTokenConfig, AccessTokens, BreakerConfig, Clock as _, ErrorCode, KeyRing, ManualClock, OsRandom,
    RevocationList, Role, SessionId, SharedKeyRing, SigningAlgorithm, SigningKey, Timestamp, UserId,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};

use crate::issuer::{Reply, TestIssuer};

pub(crate) const AUDIENCE: &str = "https://api.test";
/// The cache life that the issuer names, in seconds.
pub(crate) const MAX_AGE: u64 = 300;
/// Long enough for a busy machine: no test waits for it.
const PATIENT: Duration = Duration::from_mins(1);

pub(crate) struct World {
    pub(crate) issuer: TestIssuer,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) service: web::Data<RemoteIssuer>,
    key: Arc<SigningKey>,
    tokens: AccessTokens,
}

impl World {
    /// An issuer with a key of Ed25519, published, and a service that hasn't asked for it yet.
    pub(crate) fn new() -> Self {
        Self::with(SigningAlgorithm::EdDsa, |_| {})
    }

    pub(crate) fn with(algorithm: SigningAlgorithm, change: impl FnOnce(&mut RemoteIssuerConfig)) -> Self {
        let (issuer, clock) = (TestIssuer::start(), Arc::new(ManualClock::default()));
        let key = Arc::new(SigningKey::generate(algorithm, &OsRandom).unwrap());
        let mut config = RemoteIssuerConfig { timeout: PATIENT, ..RemoteIssuerConfig::new(issuer.url(), AUDIENCE) };
        change(&mut config);
        let service = web::Data::new(RemoteIssuer::new(&config, clock.clone()).unwrap());
        let tokens = tokens(&issuer.url(), AUDIENCE, &key, &clock);
        let world = Self { issuer, clock, service, key, tokens };
        world.publish(&[&world.key]);
        world
    }

    /// With a service that calls give up on when they take a moment.
    pub(crate) fn impatient() -> Self {
        Self::with(SigningAlgorithm::EdDsa, |config| config.timeout = Duration::from_millis(200))
    }

    /// With a breaker that never opens, for what is about something else.
    pub(crate) fn without_breaker() -> Self {
        let breaker = BreakerConfig { recovery: Duration::ZERO, ..BreakerConfig::default() };
        Self::with(SigningAlgorithm::EdDsa, |config| config.breaker = breaker)
    }

    /// The key that signs.
    pub(crate) fn key(&self) -> &Arc<SigningKey> {
        &self.key
    }

    /// Publishes these keys.
    pub(crate) fn publish(&self, keys: &[&Arc<SigningKey>]) {
        let keys: Vec<_> = keys.iter().filter_map(|key| key.public_jwk()).collect();
        self.issuer.keys().set(Reply::keys(json!({ "keys": keys }).to_string(), MAX_AGE));
    }

    /// From now on another key signs, which is not yet published.
    pub(crate) fn rotate(&mut self) {
        self.key = Arc::new(SigningKey::generate(SigningAlgorithm::EdDsa, &OsRandom).unwrap());
        self.tokens = tokens(&self.issuer.url(), AUDIENCE, &self.key, &self.clock);
    }

    /// A user's token.
    pub(crate) fn token(&self) -> String {
        self.token_of(Role::User, None)
    }

    pub(crate) fn token_of(&self, role: Role, premium_until: Option<Timestamp>) -> String {
        issue(&self.tokens, &self.clock, role, premium_until)
    }

    /// A token of another issuer, or for another audience, signed by the same key.
    pub(crate) fn foreign_token(&self, issuer: &str, audience: &str) -> String {
        issue(&tokens(issuer, audience, &self.key, &self.clock), &self.clock, Role::User, None)
    }

    /// A good token with its header and its claims changed, rightly signed.
    pub(crate) fn forged_token(&self, change: impl FnOnce(&mut Value, &mut Value)) -> String {
        let token = self.token();
        let mut parts = token.split('.').map(|part| BASE64URL.decode(part).unwrap());
        let mut next = || serde_json::from_slice::<Value>(&parts.next().unwrap()).unwrap();
        let (mut header, mut claims) = (next(), next());
        change(&mut header, &mut claims);
        let signed = format!("{}.{}", BASE64URL.encode(header.to_string()), BASE64URL.encode(claims.to_string()));
        let signature = BASE64URL.encode(self.key.sign(signed.as_bytes()).unwrap());
        format!("{signed}.{signature}")
    }

    pub(crate) fn request(&self, token: &str) -> HttpRequest {
        let request = TestRequest::get().app_data(self.service.clone());
        request.insert_header((AUTHORIZATION, format!("Bearer {token}"))).to_http_request()
    }

    /// What a handler that takes `T` makes of a request with this token.
    pub(crate) async fn ask<T: FromRequest<Error = Problem>>(&self, token: &str) -> Result<T, Problem> {
        T::extract(&self.request(token)).await
    }

    /// The code that such a handler's service refuses the token with.
    pub(crate) async fn refusal<T: FromRequest<Error = Problem>>(&self, token: &str) -> Option<ErrorCode> {
        self.ask::<T>(token).await.err().map(|problem| problem.code())
    }

    /// The keys are fetched: a token was good.
    pub(crate) async fn warmed_up(self) -> Self {
        self.service.prepare().await.unwrap();
        assert_eq!(self.issuer.keys().calls(), 1);
        self
    }
}

/// Lets the tasks of this thread go on until the condition is true.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(PATIENT, waiting).await.is_ok(), "not in {PATIENT:?}: {what}");
}

fn tokens(issuer: &str, audience: &str, key: &Arc<SigningKey>, clock: &Arc<ManualClock>) -> AccessTokens {
    let config = AccessTokenConfig {
        issuer: issuer.to_owned(),
        audience: audience.to_owned(),
        lifetime: Duration::from_hours(24),
    };
    let ring = SharedKeyRing::new(KeyRing::new(Arc::clone(key)));
    AccessTokens::new(config, ring, Arc::new(RevocationList::new(None)), Arc::default(), clock.clone())
}

fn issue(tokens: &AccessTokens, clock: &ManualClock, role: Role, premium_until: Option<Timestamp>) -> String {
    let now = clock.now();
    let grant = AccessGrant {
        user_id: UserId::new(now, &OsRandom),
        session_id: SessionId::new(now, &OsRandom),
        generation: 1,
        epoch: 0,
        role,
        amr: &["pwd".to_owned()],
        auth_time: now,
        session_expires_at: now.plus(Duration::from_hours(48)),
        premium_until,
    };
    tokens.issue(&grant, &OsRandom).unwrap().token.expose().to_owned()
}
