//! The issuer's keys: fetched by one caller at a time, shared by all, and in use while the issuer is away.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use auth_core::{Clock, KeyRing, SharedKeyRing};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use reqwest::StatusCode;
use reqwest::header::CACHE_CONTROL;
use tokio::task::AbortHandle;

use super::endpoint::{Answer, CallError, Endpoint};
use super::freshness::{Freshness, Keys, max_age};

/// The keys, and where newer ones come from. A clone is the same.
#[derive(Clone)]
pub(super) struct KeySet(Arc<Parts>);

struct Parts {
    /// For the log.
    issuer: String,
    endpoint: Endpoint,
    ring: SharedKeyRing,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    freshness: Freshness,
    flight: Option<Flight>,
}

/// A fetch under way, in a task of its own: it goes on when the request that began it is given up.
struct Flight {
    landed: Landed,
    task: AbortHandle,
}

/// Is ready when a fetch is over, however it ended.
pub(super) type Landed = Shared<BoxFuture<'static, ()>>;

impl KeySet {
    /// So far without keys.
    pub(super) fn new(issuer: String, endpoint: Endpoint, clock: Arc<dyn Clock>) -> Self {
        let ring = SharedKeyRing::new(KeyRing::verifying_only());
        Self(Arc::new(Parts { issuer, endpoint, ring, clock, state: Mutex::default() }))
    }

    /// The keys that verify.
    pub(super) fn ring(&self) -> &SharedKeyRing {
        &self.0.ring
    }

    /// Whether there are keys that may be used. Stale ones are replaced in the background.
    pub(super) fn is_usable(&self) -> bool {
        let mut state = self.0.lock();
        let now = self.0.clock.monotonic();
        let keys = state.freshness.keys(now);
        if keys == Keys::Stale && state.freshness.may_fetch(now) {
            drop(self.join(&mut state));
        }
        keys != Keys::Missing
    }

    /// The fetch under way, or a new one where the keys aren't fresh and no fetch failed a moment ago.
    pub(super) fn refresh(&self) -> Option<Landed> {
        let mut state = self.0.lock();
        let now = self.0.clock.monotonic();
        let is_due = state.freshness.keys(now) != Keys::Fresh && state.freshness.may_fetch(now);
        if is_due { Some(self.join(&mut state)) } else { state.under_way() }
    }

    /// The fetch that is under way.
    pub(super) fn under_way(&self) -> Option<Landed> {
        self.0.lock().under_way()
    }

    /// A fetch on behalf of a token that names an unknown key, at most once a minute.
    pub(super) fn renew(&self) -> Option<Landed> {
        let mut state = self.0.lock();
        let may = state.freshness.begin_renewal(self.0.clock.monotonic());
        may.then(|| self.join(&mut state))
    }

    /// Whether the last fetch failed.
    pub(super) fn is_outage(&self) -> bool {
        self.0.lock().freshness.is_outage()
    }

    /// After how long it is worth asking for keys again.
    pub(super) fn wait(&self) -> Duration {
        self.0.lock().freshness.wait(self.0.clock.monotonic())
    }

    /// The fetch under way, or a new one.
    fn join(&self, state: &mut State) -> Landed {
        state.under_way().unwrap_or_else(|| {
            let parts = Arc::clone(&self.0);
            let task = tokio::spawn(async move { parts.replace_keys().await });
            let abort = task.abort_handle();
            let landed = task.map(drop).boxed().shared();
            state.flight = Some(Flight { landed: landed.clone(), task: abort });
            landed
        })
    }
}

impl State {
    /// A task that was cancelled with its runtime is over too, and holds up nobody.
    fn under_way(&self) -> Option<Landed> {
        self.flight.as_ref().filter(|flight| !flight.task.is_finished()).map(|flight| flight.landed.clone())
    }
}

impl Parts {
    async fn replace_keys(&self) {
        let began_at = self.clock.monotonic();
        let result = self.endpoint.get(None, read_keys).await;
        let mut state = self.lock();
        match result {
            Ok((ring, max_age)) => {
                self.put(ring);
                if state.freshness.succeeded(began_at, max_age) {
                    tracing::info!(issuer = self.issuer, "the issuer's keys can be fetched again");
                }
            }
            Err(error) => {
                let has_keys = state.freshness.keys(self.clock.monotonic()) != Keys::Missing;
                if state.freshness.failed(self.clock.monotonic()) {
                    let issuer = self.issuer.as_str();
                    tracing::warn!(issuer, has_keys, %error, "the issuer's keys can't be fetched; known ones go on");
                }
            }
        }
    }

    /// Puts the keys in force. A key that is gone is trusted no more.
    fn put(&self, ring: KeyRing) {
        let now = self.clock.now();
        // An unchanged set leaves remembered verifications alone.
        let published = ring.jwks(now);
        if published != self.ring.current().jwks(now) {
            self.ring.replace(ring);
            tracing::info!(issuer = self.issuer, "the issuer's keys were replaced");
        }
        if published == KeyRing::verifying_only().jwks(now) {
            tracing::warn!(issuer = self.issuer, "the issuer publishes no key that verifies: no token is good");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_keys(answer: &Answer) -> Result<(KeyRing, Option<Duration>), CallError> {
    if answer.status != StatusCode::OK {
        return Err(CallError::Status(answer.status.as_u16()));
    }
    let text = std::str::from_utf8(&answer.body).map_err(|_| CallError::Malformed)?;
    let ring = KeyRing::from_jwks(text).map_err(|_| CallError::Malformed)?;
    let cache_control = answer.headers.get(CACHE_CONTROL).and_then(|value| value.to_str().ok());
    Ok((ring, cache_control.and_then(max_age)))
}
