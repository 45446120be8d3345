//! A document of a provider that is fetched when it is first needed, and kept.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use auth_core::{Clock, Timestamp};

use crate::error::OAuthError;

/// How long a document is used without a look whether there is a newer one.
pub(super) const FRESH: Duration = Duration::from_hours(1);
/// How long it is used while the provider can't be asked, or answers nothing that can be used.
pub(super) const USABLE: Duration = Duration::from_hours(24);
/// How long nobody asks again after a failure, as long as there is a usable document.
pub(super) const PAUSE: Duration = Duration::from_mins(1);
/// How long nobody asks again after a failure where there is none.
pub(super) const PAUSE_WITHOUT: Duration = Duration::from_secs(10);
/// How often at most a newer document is asked for before its time.
pub(super) const RENEWAL: Duration = Duration::from_mins(1);

/// A document, fetched by one caller at a time.
///
/// A refusal without a call (breaker open, no place free) costs nothing and isn't remembered: the next caller asks
/// again. Nor is a fetch that was cancelled. How long to wait for somebody else's fetch is up to the caller. Whatever
/// the clock does, nothing is fresh for longer than [`FRESH`] from the last look at it.
pub(super) struct Kept<T> {
    /// The issuer's name, for the log.
    provider: String,
    /// What it is, for the log.
    document: &'static str,
    clock: Arc<dyn Clock>,
    state: Mutex<State<T>>,
    /// Held while fetching.
    turn: tokio::sync::Mutex<()>,
}

struct State<T> {
    known: Option<(Arc<T>, Timestamp)>,
    failure: Option<(String, Timestamp)>,
    renewed_at: Option<Timestamp>,
}

enum Look<T> {
    Fresh(Arc<T>),
    Stale(Arc<T>),
    Nothing,
}

impl<T> Kept<T> {
    pub(super) fn new(provider: &str, document: &'static str, clock: Arc<dyn Clock>) -> Self {
        let state = Mutex::new(State { known: None, failure: None, renewed_at: None });
        Self { provider: provider.to_owned(), document, clock, state, turn: tokio::sync::Mutex::new(()) }
    }

    /// The document: a fresh one, or a usable one where `fetch` gives none. Of those who come while a usable one is
    /// being replaced, only one waits; of those who come while there is none, all do, and share the result.
    pub(super) async fn get<F>(&self, fetch: impl FnOnce() -> F) -> Result<Arc<T>, OAuthError>
    where
        F: Future<Output = Result<T, OAuthError>>,
    {
        let _turn = match self.look() {
            Look::Fresh(known) => return Ok(known),
            Look::Stale(known) => match self.turn.try_lock() {
                Ok(turn) => turn,
                Err(_) => return Ok(known),
            },
            Look::Nothing => self.turn.lock().await,
        };
        // Whoever had the turn before may have fetched it, or failed to.
        match self.look() {
            Look::Fresh(known) => Ok(known),
            Look::Stale(known) if self.recent_failure(PAUSE).is_some() => Ok(known),
            Look::Stale(known) => Ok(self.fetch(fetch).await.unwrap_or(known)),
            Look::Nothing => match self.recent_failure(PAUSE_WITHOUT) {
                Some(reason) => Err(OAuthError::Provider(reason)),
                None => self.fetch(fetch).await,
            },
        }
    }

    /// A newer document than `known`, which lacks something that it should have. `None` where one was asked for less
    /// than [`RENEWAL`] ago.
    ///
    /// # Errors
    ///
    /// Those of `fetch`. What is known stays.
    pub(super) async fn newer_than<F>(
        &self,
        known: &Arc<T>,
        fetch: impl FnOnce() -> F,
    ) -> Result<Option<Arc<T>>, OAuthError>
    where
        F: Future<Output = Result<T, OAuthError>>,
    {
        let _turn = self.turn.lock().await;
        if let Look::Fresh(current) | Look::Stale(current) = self.look()
            && !Arc::ptr_eq(&current, known)
        {
            return Ok(Some(current));
        }
        if !self.begin_renewal() {
            return Ok(None);
        }
        self.fetch(fetch).await.map(Some)
    }

    /// To be called in one's turn. A failure is logged here, once, however many flows end by it.
    async fn fetch<F>(&self, fetch: impl FnOnce() -> F) -> Result<Arc<T>, OAuthError>
    where
        F: Future<Output = Result<T, OAuthError>>,
    {
        let began_at = self.clock.now();
        // A call is large and seldom: it has no place in the future of each flow.
        let result = Box::pin(fetch()).await.map(Arc::new);
        let mut state = self.lock();
        match &result {
            Ok(document) => (state.known, state.failure) = (Some((Arc::clone(document), began_at)), None),
            Err(OAuthError::Provider(reason)) => {
                let (provider, document) = (&self.provider, self.document);
                if state.known.is_some() {
                    tracing::warn!(
                        provider,
                        document,
                        reason,
                        "an issuer's document can't be renewed; the old one goes on"
                    );
                } else {
                    tracing::warn!(
                        provider,
                        document,
                        reason,
                        "an issuer's document can't be had; nobody signs in by it"
                    );
                }
                state.failure = Some((reason.clone(), self.clock.now()));
            }
            Err(_) => {}
        }
        result
    }

    fn look(&self) -> Look<T> {
        let (mut state, now) = (self.lock(), self.clock.now());
        let Some((known, fetched_at)) = &mut state.known else { return Look::Nothing };
        *fetched_at = now.min(*fetched_at);
        match now.saturating_since(*fetched_at) {
            age if age < FRESH => Look::Fresh(Arc::clone(known)),
            age if age < USABLE => Look::Stale(Arc::clone(known)),
            _ => {
                // For good: a clock that is set back doesn't bring it back.
                state.known = None;
                Look::Nothing
            }
        }
    }

    /// Why the last fetch failed, if that is less than `pause` ago.
    fn recent_failure(&self, pause: Duration) -> Option<String> {
        let (mut state, now) = (self.lock(), self.clock.now());
        let (reason, failed_at) = state.failure.as_mut()?;
        *failed_at = now.min(*failed_at);
        (now.saturating_since(*failed_at) < pause).then(|| reason.clone())
    }

    /// Whether a renewal may begin now, which then counts as begun.
    fn begin_renewal(&self) -> bool {
        let (mut state, now) = (self.lock(), self.clock.now());
        let last = state.renewed_at.map(|renewed_at| now.min(renewed_at));
        let may = last.is_none_or(|last| now.saturating_since(last) >= RENEWAL);
        state.renewed_at = if may { Some(now) } else { last };
        may
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
