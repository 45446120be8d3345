//! The one way to call a provider: bounded in time, memory and number, and never elsewhere than where it was meant to.

mod calls;
mod error;
mod resolver;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{Breaker, BreakerConfig, BreakerState, Clock};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Request, Response, StatusCode, redirect, retry};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

pub(crate) use self::calls::{Calls, End, GetJson};
pub(crate) use self::error::CallError;
use self::resolver::{LookUp, NoPublicAddress, Resolver};
use crate::network::NetworkPolicy;
use crate::providers::InvalidProvider;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// How long a provider is waited for. More than an hour counts as an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// The most that a connection may take, its look-up and TLS included.
    pub connect: Duration,
    /// The most that one call may take, to the last byte of the answer.
    pub call: Duration,
    /// The most that an exchange may take, whatever it calls.
    pub exchange: Duration,
}

/// 3 s, 5 s, 9 s: a callback is answered within 10 s.
impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), call: Duration::from_secs(5), exchange: Duration::from_secs(9) }
    }
}

impl Timeouts {
    /// Within what can be added to a point in time.
    fn bounded(self) -> Self {
        let bounded = |time: Duration| time.min(Duration::from_hours(1));
        Self { connect: bounded(self.connect), call: bounded(self.call), exchange: bounded(self.exchange) }
    }
}

/// When all calls of one step of a flow have to be over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// Waits no longer: for a place, or for somebody else's call.
    pub(crate) async fn bound<T>(self, future: impl Future<Output = T>) -> Result<T, CallError> {
        timeout_at(self.0, future).await.map_err(|_| CallError::Unavailable)
    }
}

/// What a [`ProviderHttp`] is made of.
#[derive(Clone, Copy)]
pub(crate) struct HttpConfig {
    /// Where calls may go.
    pub(crate) network: NetworkPolicy,
    /// Whether any URL is https: without one, a system without certificates is no reason to fail.
    pub(crate) needs_tls: bool,
    /// How long calls may take.
    pub(crate) timeouts: Timeouts,
    /// When calls are given up for a while.
    pub(crate) breaker: BreakerConfig,
}

/// The calls to one provider.
///
/// Redirects aren't followed, proxies of the environment aren't used and nothing is tried again: a code is good for
/// one request. At most [`ProviderHttp::IN_FLIGHT`] calls are under way, so that a provider that hangs holds up its own
/// users alone; the others wait their turn, within their deadline.
pub(crate) struct ProviderHttp {
    client: Client,
    network: NetworkPolicy,
    timeouts: Timeouts,
    breaker: Breaker,
    places: Semaphore,
}

/// An answer: 200, or a 4xx with as much of its body as could be read.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// The media type in lower case, without its parameters.
    pub(crate) content_type: Option<String>,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

impl ProviderHttp {
    /// Calls that may be under way at a time.
    pub(crate) const IN_FLIGHT: usize = 32;
    /// The longest answer that is read, in bytes.
    const MAX_ANSWER_BYTES: usize = 1024 * 1024;
    /// Long enough for the calls of one exchange, and shorter than servers keep an idle connection: one that is closed
    /// just when it is used again would fail a request that can't be repeated.
    const IDLE: Duration = Duration::from_secs(4);
    /// GitHub refuses calls without one.
    const USER_AGENT: &'static str = concat!("gatehouse/", env!("CARGO_PKG_VERSION"));

    /// A client. Nothing is called yet.
    pub(crate) fn new(config: HttpConfig, clock: Arc<dyn Clock>) -> Result<Self, InvalidProvider> {
        Self::with_look_up(config, clock, resolver::system())
    }

    fn with_look_up(config: HttpConfig, clock: Arc<dyn Clock>, look_up: LookUp) -> Result<Self, InvalidProvider> {
        let HttpConfig { network, needs_tls, timeouts, breaker } = config;
        let timeouts = timeouts.bounded();
        let mut builder = Client::builder()
            .user_agent(Self::USER_AGENT)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .no_proxy()
            .https_only(network == NetworkPolicy::Public)
            .connect_timeout(timeouts.connect)
            .pool_idle_timeout(Self::IDLE)
            .dns_resolver(Arc::new(Resolver { network, look_up }));
        if !needs_tls {
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|error| InvalidProvider::Client(error.into()))?;
        let breaker = Breaker::new(breaker, clock);
        Ok(Self { client, network, timeouts, breaker, places: Semaphore::new(Self::IN_FLIGHT) })
    }

    /// Whether calls reach the provider.
    pub(crate) fn breaker_state(&self) -> BreakerState {
        self.breaker.state()
    }

    /// The calls of a step of a flow that begins now.
    pub(crate) fn calls(&self) -> Calls<'_> {
        self.calls_until(Deadline(Instant::now() + self.timeouts.exchange))
    }

    fn calls_until(&self, deadline: Deadline) -> Calls<'_> {
        Calls::new(self, deadline)
    }

    /// A place among the calls under way. Nobody waits for a provider that is taken to be down.
    async fn place(&self, deadline: Deadline) -> Result<SemaphorePermit<'_>, CallError> {
        if self.breaker.state() == BreakerState::Open {
            return Err(CallError::Unavailable);
        }
        deadline.bound(self.places.acquire()).await?.map_err(|_| CallError::Unavailable)
    }

    async fn send(&self, request: Request) -> Result<Answer, CallError> {
        let response = self.client.execute(request).await.map_err(|error| reason(&error))?;
        let status = response.status();
        if status != StatusCode::OK && !status.is_client_error() {
            return Err(CallError::Status(status.as_u16()));
        }
        let content_type = content_type(&response);
        let body = match read_body(response).await {
            // What a refusal says is only for the log.
            Err(_) if status.is_client_error() => Zeroizing::default(),
            body => body?,
        };
        Ok(Answer { status, content_type, body })
    }
}

fn content_type(response: &Response) -> Option<String> {
    let header = response.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    Some(header.split(';').next()?.trim().to_ascii_lowercase())
}

/// The body, as far as it is within the bound.
async fn read_body(mut response: Response) -> Result<Zeroizing<Vec<u8>>, CallError> {
    let mut body = Zeroizing::new(Vec::new());
    while let Some(chunk) = response.chunk().await.map_err(|error| reason(&error))? {
        if body.len() + chunk.len() > ProviderHttp::MAX_ANSWER_BYTES {
            return Err(CallError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A header that isn't printed.
fn secret_header(scheme: &str, secret: &str) -> Result<HeaderValue, CallError> {
    let text = Zeroizing::new(format!("{scheme}{secret}"));
    let mut value = HeaderValue::from_str(&text).map_err(|_| CallError::Malformed)?;
    value.set_sensitive(true);
    Ok(value)
}

fn reason(error: &reqwest::Error) -> CallError {
    if error.is_timeout() {
        CallError::TimedOut
    } else if leads_inwards(error) {
        CallError::Inwards
    } else {
        CallError::Unreachable
    }
}

/// Whether the look-up refused all that it found.
fn leads_inwards(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<NoPublicAddress>() {
            return true;
        }
        cause = error.source();
    }
    false
}
