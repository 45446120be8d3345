//! The connection: opened when it is needed, given up when it fails, and opened anew by whoever comes next.
//!
//! The redis crate has a connection manager, which doesn't try again once a password was refused, and holds callers up
//! while it waits between tries. Here nobody waits for anything but an answer, and the breaker says when to try.

use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use redis::aio::MultiplexedConnection;
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, FromRedisValue, IntoConnectionInfo as _,
    ProtocolVersion, PushInfo, PushKind, RedisResult,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::InvalidRedis;

/// How long it may take to find the server, connect, shake hands and log in. Longer than an operation may take: those who
/// began to connect gave up, but whoever comes later has use of it.
pub(super) const OPENING: Duration = Duration::from_secs(2);

/// A connection on which nothing was said for so long is asked whether somebody is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// A connection that is being opened or is open, for all who want it.
type Opening = Shared<BoxFuture<'static, RedisResult<MultiplexedConnection>>>;

/// The one connection of all callers, and the thread that looks after it.
pub(super) struct Link {
    client: Client,
    current: Arc<Mutex<Current>>,
    runtime: Handle,
    /// The thread ends when this is dropped.
    _end: oneshot::Sender<Infallible>,
}

#[derive(Default)]
struct Current {
    /// Of the newest connection; those before it are given up.
    number: u64,
    opening: Option<Opening>,
}

/// A connection as one operation sees it.
pub(super) struct Session {
    number: u64,
    opening: Opening,
}

impl Link {
    pub(super) fn new(url: &SecretString) -> Result<Self, InvalidRedis> {
        let client = Client::open(connection_info(url)?).map_err(|_| InvalidRedis::Url)?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(InvalidRedis::Thread)?;
        let (handle, (end, ended)) = (runtime.handle().clone(), oneshot::channel());
        let look_after = move || {
            let _ = runtime.block_on(ended);
        };
        thread::Builder::new().name("redis".to_owned()).spawn(look_after).map_err(InvalidRedis::Thread)?;
        Ok(Self { client, current: Arc::default(), runtime: handle, _end: end })
    }

    /// Has the connection's own thread do `work`.
    pub(super) fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.runtime.spawn(work)
    }

    /// To open a connection beside this one.
    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    /// The connection, which may be about to be opened.
    pub(super) fn session(&self) -> Session {
        let mut current = lock(&self.current);
        let usable = current.opening.clone().filter(|opening| !matches!(opening.peek(), Some(Err(_))));
        let opening = usable.unwrap_or_else(|| {
            current.number += 1;
            let opening = self.open(current.number);
            // It goes on also when nobody waits for it any longer.
            self.runtime.spawn(opening.clone());
            current.opening = Some(opening.clone());
            opening
        });
        Session { number: current.number, opening }
    }

    /// Has later operations open another connection, unless this one isn't open yet: then it has its time.
    pub(super) fn give_up(&self, session: &Session) {
        if session.opening.peek().is_some() {
            forget(&self.current, session.number);
        }
    }

    fn open(&self, number: u64) -> Opening {
        let current = Arc::downgrade(&self.current);
        // The number of operations under way is bounded by those who wait for them, and each has its own time.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(OPENING))
            .set_response_timeout(None)
            .set_push_sender(move |push: PushInfo| {
                forget_if_closed(&push, &current, number);
                Ok::<(), Infallible>(())
            });
        let client = self.client.clone();
        async move { client.get_multiplexed_async_connection_with_config(&config).await }.boxed().shared()
    }
}

impl Session {
    pub(super) fn is_open(&self) -> bool {
        matches!(self.opening.peek(), Some(Ok(_)))
    }

    /// What Redis answers to `command`, once the connection is open.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let mut connection = self.opening.clone().await?;
        command.query_async(&mut connection).await
    }
}

/// A server that goes away while nothing is asked is forgotten at once, so that nobody's question is lost to find it out.
fn forget_if_closed(push: &PushInfo, current: &Weak<Mutex<Current>>, number: u64) {
    if push.kind == PushKind::Disconnection
        && let Some(current) = current.upgrade()
    {
        forget(&current, number);
    }
}

fn forget(current: &Mutex<Current>, number: u64) {
    let mut current = lock(current);
    if current.number == number {
        current.opening = None;
    }
}

fn lock(current: &Mutex<Current>) -> MutexGuard<'_, Current> {
    current.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connection_info(url: &SecretString) -> Result<ConnectionInfo, InvalidRedis> {
    let info = url.expose_secret().into_connection_info().map_err(|_| InvalidRedis::Url)?;
    if let ConnectionAddr::TcpTls { insecure, .. } = info.addr() {
        if *insecure {
            return Err(InvalidRedis::Url);
        }
        // The redis crate takes the process's provider. Where a host application has chosen one, that stays.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
    // RESP3 has the server, and the driver of the connection, tell what nobody asked for: that it is closed, and news.
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
    let tcp = TcpSettings::default().set_nodelay(true).set_keepalive(TcpKeepalive::new().with_time(KEEP_ALIVE));
    Ok(info.set_redis_settings(settings).set_tcp_settings(tcp))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(url: &str) -> Option<ConnectionInfo> {
        connection_info(&url.into()).ok()
    }

    #[test]
    fn urls_say_where_who_and_which_database() {
        for (url, address, user, password, database) in [
            ("redis://localhost", "localhost:6379", None, None, 0),
            ("redis://:p%40w@127.0.0.1:7000/3", "127.0.0.1:7000", None, Some("p@w"), 3),
            ("rediss://ada:pw@cache.example", "cache.example:6379", Some("ada"), Some("pw"), 0),
            ("redis://[::1]:6380", "::1:6380", None, None, 0),
            ("unix:///run/redis.sock", "/run/redis.sock", None, None, 0),
            ("unix:///run/redis.sock?db=2&user=ada&pass=p%40w", "/run/redis.sock", Some("ada"), Some("p@w"), 2),
        ] {
            let info = info(url).unwrap();
            let settings = info.redis_settings();
            assert_eq!(info.addr().to_string(), address, "{url}");
            assert_eq!((settings.username(), settings.password(), settings.db()), (user, password, database), "{url}");
            assert_eq!(
                matches!(info.addr(), ConnectionAddr::TcpTls { insecure: false, .. }),
                url.starts_with("rediss")
            );
        }
    }

    #[test]
    fn what_is_no_url_of_redis_or_checks_no_certificate_is_refused() {
        for url in [
            "",
            "localhost:6379",
            "http://localhost",
            "redis://",
            "redis://h/x",
            "redis://0.0.0.0",
            "rediss://h#insecure",
        ] {
            assert!(info(url).is_none(), "{url}");
        }
    }
}
