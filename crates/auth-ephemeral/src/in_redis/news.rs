//! News: published on the connection of all, heard on one of its own, which is opened again and again.
//!
//! Redis keeps nothing of them. So after each time that nobody listened, listeners are told that there is a gap.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, PushInfo, PushKind, RedisResult, Value, cmd};
use tokio::sync::{Notify, broadcast};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::Redis;
use super::link::OPENING;
use super::trouble::{NewsTroubles, cause};
use crate::broadcast::Heard;

/// Between two tries to connect: twice as long each time, up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How often the server is asked whether it is still there, and how long it has to say so.
const PING: Duration = Duration::from_secs(3);
const PONG: Duration = Duration::from_secs(2);

/// Listening, until it is dropped.
pub(crate) struct Subscription(AbortHandle);

impl Redis {
    /// Publishes `message` without waiting. It is lost if that fails.
    pub(crate) fn publish(&self, message: Vec<u8>) {
        let (inner, channel) = (Arc::clone(&self.0), self.channel());
        drop(self.0.link.spawn(async move {
            let mut command = cmd("PUBLISH");
            command.arg(channel).arg(message);
            let _: Result<u64, _> = inner.ask(&command).await;
        }));
    }

    /// Hands what is published to `heard`.
    pub(crate) fn subscribe(&self, heard: broadcast::Sender<Heard>) -> Subscription {
        let subscriber = Subscriber { client: self.0.link.client(), channel: self.channel(), heard };
        Subscription(self.0.link.spawn(subscriber.run()).abort_handle())
    }

    fn channel(&self) -> String {
        format!("{}broadcast", self.0.prefix)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Subscriber {
    client: Client,
    channel: String,
    heard: broadcast::Sender<Heard>,
}

impl Subscriber {
    async fn run(self) -> Infallible {
        let (mut troubles, mut pause) = (NewsTroubles::default(), SHORTEST_PAUSE);
        loop {
            let closed = Arc::new(Notify::new());
            match self.connect(Arc::clone(&closed)).await {
                Ok(connection) => {
                    let _ = self.heard.send(Heard::Gap);
                    troubles.end();
                    // One that is cut at once each time is no reason for haste.
                    if stay(connection, &closed).await {
                        pause = SHORTEST_PAUSE;
                    }
                }
                Err(cause) => troubles.note(cause),
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// A connection that hands on what comes, and tells `closed` when nothing will come any more.
    async fn connect(&self, closed: Arc<Notify>) -> Result<MultiplexedConnection, String> {
        let heard = self.heard.clone();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(OPENING))
            .set_response_timeout(Some(OPENING))
            .set_push_sender(move |push: PushInfo| {
                if push.kind == PushKind::Disconnection {
                    closed.notify_one();
                }
                if let Some(message) = message(push) {
                    let _ = heard.send(Heard::Message(message));
                }
                Ok::<(), Infallible>(())
            });
        let connect = async {
            let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
            connection.subscribe(&self.channel).await?;
            RedisResult::Ok(connection)
        };
        match timeout(OPENING, connect).await {
            Ok(connected) => connected.map_err(|error| cause(&error)),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }
}

/// Stays with a connection as long as the server does. True: the server was asked whether it is there, and it was.
async fn stay(mut connection: MultiplexedConnection, closed: &Notify) -> bool {
    let mut has_lasted = false;
    while timeout(PING, closed.notified()).await.is_err() {
        let answer: Result<RedisResult<Value>, _> = timeout(PONG, cmd("PING").query_async(&mut connection)).await;
        match answer {
            // What it says doesn't matter: a user who may not ask is answered, too.
            Ok(Ok(_)) => has_lasted = true,
            Ok(Err(error)) if error.code().is_some() => has_lasted = true,
            _ => break,
        }
    }
    has_lasted
}

/// `message`, channel, payload.
fn message(push: PushInfo) -> Option<Vec<u8>> {
    match push.data.into_iter().nth(1) {
        Some(Value::BulkString(payload)) if push.kind == PushKind::Message => Some(payload),
        _ => None,
    }
}
