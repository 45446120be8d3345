//! Whether a password is in a public list of breached ones, asked by k-anonymity.

mod range;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use reqwest::header::HeaderValue;
use reqwest::{Client, Response, StatusCode, redirect};
use url::Url;
use zeroize::Zeroizing;

use self::range::{MalformedRange, PREFIX_DIGITS};
use crate::breaker::Breaker;
use crate::password::Password;

/// Where breached passwords are asked for, and for how long.
#[derive(Clone, Debug)]
pub struct BreachConfig {
    /// The address that the first five digits of a hash are added to, with or without a slash at its end. `https`, or
    /// `http` for a copy of the list in one's own network. A query stays as it is.
    pub url: Url,
    /// The most that one check may take, from the look-up of the name to the last byte of the answer.
    pub timeout: Duration,
}

impl BreachConfig {
    /// The time that a check may take, unless another is set: 1 s.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);
}

/// A client of the range API of Have I Been Pwned (version 3), or of a copy of it.
///
/// Of a password, the first five hexadecimal digits of its SHA-1 leave the process and nothing else. Hundreds of
/// breached passwords share each five digits; whether this one is among them is found out here. Padding is asked for,
/// so that the length of an answer doesn't tell an onlooker which one it is.
///
/// Redirects aren't followed and proxies of the environment (`HTTPS_PROXY` and so on) aren't used: what the address
/// says is what is called. For `https`, certificates are checked against those that the system trusts, as loaded by
/// [`BreachedPasswords::new`]; `SSL_CERT_FILE` and `SSL_CERT_DIR` name others.
///
/// Cheap to clone. [`BreachedPasswords::check`] needs a tokio runtime with its timer and its I/O.
#[derive(Clone)]
pub struct BreachedPasswords {
    client: Client,
    url: Url,
    breaker: Arc<Breaker>,
}

/// What is known of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreachVerdict {
    /// It is in the list.
    Breached,
    /// It isn't.
    NotFound,
    /// Nobody could be asked. Let it pass, and tell the operator.
    Unknown(UnknownReason),
}

/// Why a check had no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownReason {
    /// The breaker is open, or its probe is under way: nobody was asked.
    BreakerOpen,
    /// It took longer than [`BreachConfig::timeout`].
    TimedOut,
    /// No connection, or none that lasted, or no HTTP on it.
    Unreachable,
    /// An answer with another status than 200.
    Status(u16),
    /// An answer longer than 1 MiB.
    TooLong,
    /// An answer that isn't a list of hashes.
    Malformed,
}

impl UnknownReason {
    /// The name for logs and metrics: `breaker_open`, `timed_out`, `unreachable`, `status`, `too_long` or
    /// `malformed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BreakerOpen => "breaker_open",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Status(_) => "status",
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
        }
    }

    /// Whether the service is to blame. A 4xx blames the request (429: that there were too many), so it works.
    const fn is_failure(self) -> bool {
        !matches!(self, Self::Status(400..=499))
    }
}

/// Why no client can be made.
#[derive(Debug, thiserror::Error)]
pub enum InvalidBreachConfig {
    /// Not `http` or `https`.
    #[error("the address of the range API begins with https:// or http://")]
    Url,
    /// No TLS, for instance because the system has no certificates to trust.
    #[error("the client of the range API can't be set up")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl BreachedPasswords {
    /// The longest answer that is read, in bytes. A padded one has some tens of KB.
    const MAX_ANSWER_BYTES: usize = 1024 * 1024;
    /// The API asks each client for its name.
    const USER_AGENT: &'static str = concat!("gatehouse/", env!("CARGO_PKG_VERSION"));

    /// A client. Nothing is called yet.
    ///
    /// # Errors
    ///
    /// What is wrong with `config`, or with the system's certificates.
    pub fn new(config: BreachConfig, breaker: Arc<Breaker>) -> Result<Self, InvalidBreachConfig> {
        let BreachConfig { url, timeout } = config;
        let is_tls = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(InvalidBreachConfig::Url),
        };
        let mut builder = Client::builder()
            .user_agent(Self::USER_AGENT)
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .timeout(timeout);
        if !is_tls {
            // Without TLS, a system without certificates is no reason to fail.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|error| InvalidBreachConfig::Client(error.into()))?;
        Ok(Self { client, url, breaker })
    }

    /// Asks whether `password` is in the list.
    ///
    /// A time-out, a connection error, an answer that is neither 200 nor 4xx, and one that can't be read are failures
    /// to the breaker. A check whose future is dropped counts as nothing.
    pub async fn check(&self, password: &Password) -> BreachVerdict {
        let Ok(permit) = self.breaker.acquire() else {
            return BreachVerdict::Unknown(UnknownReason::BreakerOpen);
        };
        let result = self.look_up(&sha1(password)).await;
        match result {
            Err(reason) if reason.is_failure() => permit.fail(),
            Ok(_) | Err(_) => permit.succeed(),
        }
        match result {
            Ok(true) => BreachVerdict::Breached,
            Ok(false) => BreachVerdict::NotFound,
            Err(reason) => BreachVerdict::Unknown(reason),
        }
    }

    /// Whether a hash, in hexadecimal, is in the list.
    async fn look_up(&self, hash: &str) -> Result<bool, UnknownReason> {
        let (prefix, suffix) = hash.split_at(PREFIX_DIGITS);
        let mut url = self.url.clone();
        url.path_segments_mut().map_err(|()| UnknownReason::Unreachable)?.pop_if_empty().push(prefix);
        let request = self.client.get(url).header("add-padding", HeaderValue::from_static("true"));
        let response = request.send().await.map_err(|error| reason(&error))?;
        if response.status() != StatusCode::OK {
            return Err(UnknownReason::Status(response.status().as_u16()));
        }
        let body = read(response).await?;
        range::contains(&body, suffix).map_err(|MalformedRange| UnknownReason::Malformed)
    }
}

/// The body, as far as it is within the bound.
async fn read(mut response: Response) -> Result<Vec<u8>, UnknownReason> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| reason(&error))? {
        if body.len() + chunk.len() > BreachedPasswords::MAX_ANSWER_BYTES {
            return Err(UnknownReason::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn reason(error: &reqwest::Error) -> UnknownReason {
    if error.is_timeout() { UnknownReason::TimedOut } else { UnknownReason::Unreachable }
}

/// The SHA-1 of a password in upper-case hexadecimal: the key of the list, not a way to keep a password.
fn sha1(password: &Password) -> Zeroizing<String> {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password.expose().as_bytes());
    let digits = hash.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|half| DIGITS[usize::from(half)]);
    Zeroizing::new(digits.collect())
}
