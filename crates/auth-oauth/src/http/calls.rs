//! The calls of one step of a flow, its start or its exchange: one deadline, and one word to the breaker.

use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use auth_core::{BreakerState, Permit};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use reqwest::{RequestBuilder, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::{Answer, CallError, Deadline, FORM, JSON, ProviderHttp, secret_header};
use crate::json;

/// The calls of one step of a flow.
///
/// They share a permit of the breaker, taken with the first of them and settled at the end: a provider whose token
/// endpoint works, and whose userinfo or keys don't, fails as often as somebody doesn't get in. Dropped unsettled, as a
/// cancelled step drops them, they say nothing.
pub(crate) struct Calls<'a> {
    http: &'a ProviderHttp,
    deadline: Deadline,
    state: Mutex<State<'a>>,
}

#[derive(Default)]
struct State<'a> {
    permit: Option<Permit<'a>>,
    made: u32,
    heard: Heard,
}

/// What the last call tells of the provider.
#[derive(Clone, Copy, Default)]
enum Heard {
    /// Nothing: it was not made, or had no time.
    #[default]
    Nothing,
    /// That it works, be it that it refused.
    Answer,
    /// That it doesn't.
    Failure,
}

/// How a step ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Somebody came back: all that an exchange needs works.
    SignedIn,
    /// The browser can be sent to the provider.
    Begun,
    /// Neither.
    Error,
}

impl<'a> Calls<'a> {
    pub(super) fn new(http: &'a ProviderHttp, deadline: Deadline) -> Self {
        Self { http, deadline, state: Mutex::default() }
    }

    /// When they have to be over.
    pub(crate) const fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// How many were made until now.
    pub(crate) fn made(&self) -> u32 {
        self.lock().made
    }

    /// Has the calls until now tell nothing: the step ends by something else.
    pub(crate) fn disregard(&self) {
        self.hear(Heard::Nothing);
    }

    /// Tells the breaker how it went.
    ///
    /// Only a whole sign-in takes earlier failures back: a refused code shows that one endpoint works, and anybody can
    /// bring one. It is enough to close a breaker that is half-open, since the provider is there again.
    pub(crate) fn settle(self, end: End) {
        let State { permit, heard, .. } = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Some(permit) = permit else { return };
        match (end, heard) {
            (End::SignedIn, _) => permit.succeed(),
            (End::Error, Heard::Failure) => permit.fail(),
            (_, Heard::Answer) if self.http.breaker.state() == BreakerState::HalfOpen => permit.succeed(),
            _ => drop(permit),
        }
    }

    /// Reads JSON.
    pub(crate) async fn get_json(&self, url: &Url) -> Result<Value, CallError> {
        self.get(url, None, |answer| json_of(answer, |_| true)).await
    }

    /// Gets JSON and has it read by `read`: of a 200, and of a 4xx.
    pub(crate) async fn get<T>(
        &self,
        url: &Url,
        bearer: Option<&SecretString>,
        read: impl FnOnce(&Answer) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let mut request = self.http.client.get(url.clone()).header(ACCEPT, JSON);
        if let Some(token) = bearer {
            request = request.header(AUTHORIZATION, secret_header("Bearer ", token.expose_secret())?);
        }
        self.call(request, read).await
    }

    /// Posts a form and has the answer read by `read`: of a 200, and of a 4xx. `basic` is the text after `Basic `.
    pub(crate) async fn post_form<T>(
        &self,
        url: &Url,
        form: String,
        basic: Option<&str>,
        read: impl FnOnce(&Answer) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let request = self.http.client.post(url.clone());
        let mut request = request.header(ACCEPT, JSON).header(CONTENT_TYPE, FORM).body(form);
        if let Some(credentials) = basic {
            request = request.header(AUTHORIZATION, secret_header("Basic ", credentials)?);
        }
        self.call(request, read).await
    }

    /// Makes a call, and keeps what it tells of the provider. An answer that `read` can't read is a failure too.
    async fn call<T>(
        &self,
        request: RequestBuilder,
        read: impl FnOnce(&Answer) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        self.disregard();
        let request = request.build().map_err(|_| CallError::Address)?;
        if !self.http.network.allows(request.url()) {
            return Err(CallError::Address);
        }
        let _place = self.http.place(self.deadline).await?;
        self.begin()?;
        let (began, longest) = (Instant::now(), self.http.timeouts.call);
        let until = self.deadline.0.min(began + longest);
        let result = match timeout_at(until, self.http.send(request)).await {
            Ok(answer) => answer.and_then(|answer| read(&answer)),
            Err(_) => Err(CallError::TimedOut),
        };
        self.hear(match &result {
            // It waited for its place too long to have time for the provider, which is not to blame.
            Err(CallError::TimedOut) if until - began < longest / 2 => Heard::Nothing,
            Err(error) if error.is_failure() => Heard::Failure,
            Ok(_) | Err(_) => Heard::Answer,
        });
        result
    }

    /// Leave to call, given once for all calls.
    fn begin(&self) -> Result<(), CallError> {
        let mut state = self.lock();
        if state.permit.is_none() {
            state.permit = Some(self.http.breaker.acquire().map_err(|_| CallError::Unavailable)?);
        }
        state.made += 1;
        Ok(())
    }

    fn hear(&self, heard: Heard) {
        self.lock().heard = heard;
    }

    fn lock(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The JSON of an answer, if `is_readable` says so.
fn json_of(answer: &Answer, is_readable: fn(&Value) -> bool) -> Result<Value, CallError> {
    match answer.status {
        StatusCode::OK => json::parse(&answer.body).ok().filter(is_readable).ok_or(CallError::Malformed),
        status => Err(CallError::Status(status.as_u16())),
    }
}

/// Reads JSON as the owner of an access token, by [`Calls`] of however long a life.
pub(crate) trait GetJson: Sync {
    /// The JSON at `url`. What `is_readable` doesn't want can't be read.
    fn get_json<'a>(
        &'a self,
        url: &'a Url,
        bearer: &'a SecretString,
        is_readable: fn(&Value) -> bool,
    ) -> GettingJson<'a>;
}

/// JSON under way.
pub(crate) type GettingJson<'a> = Pin<Box<dyn Future<Output = Result<Value, CallError>> + Send + 'a>>;

impl GetJson for Calls<'_> {
    fn get_json<'a>(
        &'a self,
        url: &'a Url,
        bearer: &'a SecretString,
        is_readable: fn(&Value) -> bool,
    ) -> GettingJson<'a> {
        Box::pin(self.get(url, Some(bearer), move |answer| json_of(answer, is_readable)))
    }
}
