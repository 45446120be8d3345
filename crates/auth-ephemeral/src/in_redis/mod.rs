//! Entries, counts and news in Redis 6 or newer, where several instances share them.
//!
//! Each operation is one command or one script, so that it happens whole or not at all whatever else comes at the same
//! moment. None waits longer than [`RedisConfig::timeout`], connecting included, and none waits at all while the breaker
//! takes Redis to be down.

mod entries;
mod limits;
mod link;
mod news;
mod place;
mod trouble;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{Breaker, BreakerConfig, BreakerOpen, BreakerState, Clock, Random};
use redis::{Cmd, FromRedisValue};
use secrecy::SecretString;

use self::link::Link;
pub(crate) use self::news::Subscription;
use self::trouble::{Refusals, Troubles, cause, is_forbidden, is_full};
use crate::store::EphemeralError;

/// How to reach Redis, and how long to wait for it.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    /// `redis://[[user]:password@]host[:port][/number]`, or `rediss://…` for TLS, or
    /// `unix:///path[?db=number&user=…&pass=…]` for a socket of this machine. Port 6379 and database 0, unless they are
    /// given; user and password percent-encoded. Certificates are checked always, against the system's roots.
    pub url: SecretString,
    /// Stands before every key; one for each deployment on the same Redis.
    pub prefix: String,
    /// How long an operation may take, connecting included.
    pub timeout: Duration,
    /// When Redis is taken to be down, and for how long.
    pub breaker: BreakerConfig,
}

impl RedisConfig {
    /// 200 ms.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_millis(200);

    /// A configuration with the prefix `auth:`, 200 ms for an operation and a breaker of 5 failures and 30 s.
    pub fn new(url: impl Into<SecretString>) -> Self {
        Self {
            url: url.into(),
            prefix: "auth:".to_owned(),
            timeout: Self::DEFAULT_TIMEOUT,
            breaker: BreakerConfig::default(),
        }
    }
}

/// Why no use of Redis can be made. The URL is never part of the message.
#[derive(Debug, thiserror::Error)]
pub enum InvalidRedis {
    /// Not a URL as [`RedisConfig::url`] wants it.
    #[error("not `redis://[[user]:password@]host[:port][/number]`, `rediss://…` for TLS, or `unix:///path`")]
    Url,
    /// No thread can be started for the connection.
    #[error("no thread can be started for the connection: {0}")]
    Thread(#[source] io::Error),
}

/// A Redis server, reached by one connection that all share. A clone is a handle on the same.
///
/// A thread of its own looks after the connection, so that operations may come from any async runtime, and it takes
/// nothing from the caller's. It ends with the last handle.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    link: Link,
    prefix: String,
    timeout: Duration,
    breaker: Breaker,
    troubles: Troubles,
    refusals: Refusals,
    random: Arc<dyn Random>,
}

impl Redis {
    /// The server of `config`. Nothing is connected yet: a Redis that is away is no reason not to start.
    ///
    /// # Errors
    ///
    /// [`InvalidRedis`].
    pub fn open(config: RedisConfig, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Result<Self, InvalidRedis> {
        let RedisConfig { url, prefix, timeout, breaker } = config;
        let (link, breaker) = (Link::new(&url)?, Breaker::new(breaker, clock));
        let (troubles, refusals) = (Troubles::default(), Refusals::default());
        Ok(Self(Arc::new(Inner { link, prefix, timeout, breaker, troubles, refusals, random })))
    }

    /// Whether Redis takes writes, which a replica, and a server without memory, doesn't. While the breaker is open it
    /// isn't asked; when the breaker is half-open, this is its probe.
    ///
    /// # Errors
    ///
    /// [`EphemeralError`].
    pub async fn check(&self) -> Result<(), EphemeralError> {
        let mut command = redis::cmd("SET");
        command.arg(format!("{}check", self.0.prefix)).arg("").arg("PX").arg(1000);
        self.ask(command).await
    }

    /// Whether Redis is taken to be up, for the metrics.
    pub fn breaker_state(&self) -> BreakerState {
        self.0.breaker.state()
    }

    /// Has Redis carry out `command`. It is not taken back when the caller goes away.
    pub(crate) async fn ask<T: FromRedisValue + Send + 'static>(&self, command: Cmd) -> Result<T, EphemeralError> {
        if self.breaker_state() == BreakerState::Open {
            return Err(EphemeralError::Unavailable);
        }
        let inner = Arc::clone(&self.0);
        let asked = self.0.link.spawn(async move { inner.ask(&command).await });
        asked.await.unwrap_or(Err(EphemeralError::Unavailable))
    }
}

/// Without the URL.
impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("prefix", &self.0.prefix).finish_non_exhaustive()
    }
}

impl Inner {
    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, EphemeralError> {
        let permit = self.breaker.acquire().map_err(|BreakerOpen| EphemeralError::Unavailable)?;
        let session = self.link.session();
        let cause = match tokio::time::timeout(self.timeout, session.ask(command)).await {
            Ok(Ok(answer)) => {
                permit.succeed();
                self.troubles.end();
                return Ok(answer);
            }
            // It works; it has no memory to give.
            Ok(Err(error)) if is_full(&error) => {
                permit.succeed();
                return Err(EphemeralError::Full);
            }
            // So does one that only won't do this: what it still does must not suffer by that.
            Ok(Err(error)) if session.is_open() && is_forbidden(&error) => {
                permit.succeed();
                self.refusals.note(command);
                return Err(EphemeralError::Unavailable);
            }
            Ok(Err(error)) => cause(&error),
            Err(_) => "no answer in time".to_owned(),
        };
        permit.fail();
        self.link.give_up(&session);
        self.troubles.note(cause);
        Err(EphemeralError::Unavailable)
    }
}
