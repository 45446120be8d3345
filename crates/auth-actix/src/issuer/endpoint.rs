//! The one way to call the issuer: bounded in time and memory, never elsewhere than where it was meant to, behind a
//! circuit breaker.

use std::sync::Arc;
use std::time::Duration;

use auth_core::{Breaker, BreakerConfig, Clock};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, Response, StatusCode, redirect, retry};
use url::Url;

use super::config::InvalidRemoteIssuer;

/// One address of the issuer.
///
/// Redirects aren't followed, proxies of the environment aren't used and nothing is tried again.
pub(super) struct Endpoint {
    client: Client,
    url: Url,
    breaker: Breaker,
}

/// An answer, whatever its status.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Why a call has no answer that can be used. It holds nothing of what was sent or answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    /// Nobody was asked: the issuer is taken to be down.
    #[error("it was not called, having failed too often")]
    BreakerOpen,
    /// It took too long.
    #[error("it took too long")]
    TimedOut,
    /// No connection, or none that lasted, or no HTTP on it.
    #[error("it is unreachable")]
    Unreachable,
    /// An answer with another status than was asked for.
    #[error("it answered with the status {0}")]
    Status(u16),
    /// An answer longer than [`Endpoint::MAX_ANSWER_BYTES`].
    #[error("its answer is too long")]
    TooLong,
    /// An answer that can't be read.
    #[error("its answer can't be read")]
    Malformed,
}

impl CallError {
    /// Whether the issuer is to blame. A 4xx blames the request, so it works.
    const fn is_failure(self) -> bool {
        !matches!(self, Self::BreakerOpen | Self::Status(400..=499))
    }
}

impl Endpoint {
    /// The longest answer that is read, in bytes: a hundred of the longest keys have 200 KB.
    const MAX_ANSWER_BYTES: usize = 256 * 1024;
    /// Shorter than servers keep an idle connection, so that none is closed just when it is used again.
    const IDLE: Duration = Duration::from_secs(4);
    const MAX_TIMEOUT: Duration = Duration::from_mins(1);
    const USER_AGENT: &'static str = concat!("gatehouse/", env!("CARGO_PKG_VERSION"));

    /// Nothing is called yet.
    pub(super) fn new(
        url: Url,
        timeout: Duration,
        breaker: BreakerConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, InvalidRemoteIssuer> {
        let is_tls = url.scheme() == "https";
        let mut builder = Client::builder()
            .user_agent(Self::USER_AGENT)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .no_proxy()
            .https_only(is_tls)
            .pool_idle_timeout(Self::IDLE)
            .timeout(timeout.min(Self::MAX_TIMEOUT));
        if !is_tls {
            // Without TLS, a system without certificates is no reason to fail.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|error| InvalidRemoteIssuer::Client(error.into()))?;
        Ok(Self { client, url, breaker: Breaker::new(breaker, clock) })
    }

    /// Gets what is there, and has it read by `read`. An answer that `read` can't read is the issuer's failure too. A
    /// call whose future is dropped counts as nothing.
    pub(super) async fn get<T>(
        &self,
        bearer: Option<&str>,
        read: impl FnOnce(&Answer) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let permit = self.breaker.acquire().map_err(|_| CallError::BreakerOpen)?;
        let result = self.call(bearer).await.and_then(|answer| read(&answer));
        match &result {
            Err(error) if error.is_failure() => permit.fail(),
            Ok(_) | Err(_) => permit.succeed(),
        }
        result
    }

    async fn call(&self, bearer: Option<&str>) -> Result<Answer, CallError> {
        let mut request = self.client.get(self.url.clone());
        if let Some(token) = bearer {
            request = request.header(AUTHORIZATION, secret_header(token)?);
        }
        let response = request.send().await.map_err(|error| reason(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Answer { status, headers, body: read_body(response).await? })
    }
}

/// A header that isn't printed.
fn secret_header(token: &str) -> Result<HeaderValue, CallError> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| CallError::Malformed)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The body, as far as it is within the bound.
async fn read_body(mut response: Response) -> Result<Vec<u8>, CallError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| reason(&error))? {
        if body.len() + chunk.len() > Endpoint::MAX_ANSWER_BYTES {
            return Err(CallError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn reason(error: &reqwest::Error) -> CallError {
    if error.is_timeout() { CallError::TimedOut } else { CallError::Unreachable }
}
