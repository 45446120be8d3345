//! What one instance tells all others at once. Nothing is kept: whoever isn't there misses it, so everybody has another
//! way to hear of it, too.

use std::fmt;
use std::sync::Arc;
#[cfg(feature = "redis")]
use std::sync::OnceLock;

use tokio::sync::broadcast;

#[cfg(feature = "redis")]
use crate::in_redis::{Redis, Subscription};

/// How many messages a listener may be behind before it misses some.
const BEHIND: usize = 1024;

/// A channel that all instances share. A clone is a handle on the same.
#[derive(Clone)]
pub struct Broadcast(Arc<Channel>);

struct Channel {
    /// To the listeners of this process.
    local: broadcast::Sender<Heard>,
    #[cfg(feature = "redis")]
    shared: Option<Shared>,
}

#[cfg(feature = "redis")]
struct Shared {
    /// Begun by the first listener, and ended with the channel.
    subscription: OnceLock<Subscription>,
    redis: Redis,
}

/// Something heard.
#[derive(Clone, PartialEq, Eq)]
pub enum Heard {
    /// A message, from this instance or another one.
    Message(Vec<u8>),
    /// Messages may have been missed: the connection is new, or the listener was too slow.
    Gap,
}

/// A listener. What is told while it isn't asked is kept for it: up to 1024 messages, after which it misses the oldest.
pub struct Listener(broadcast::Receiver<Heard>);

impl Broadcast {
    /// A channel within this process.
    pub fn in_memory() -> Self {
        Self(Arc::new(Channel {
            local: broadcast::Sender::new(BEHIND),
            #[cfg(feature = "redis")]
            shared: None,
        }))
    }

    /// A channel in Redis, which all instances share that have the same server and prefix. Whoever may write to Redis can
    /// tell anything here, and whoever may read it hears everything: seal what is told, and check what is heard.
    ///
    /// Listening takes a connection of its own, from the first listener to the last handle on the channel. It is opened
    /// again whenever it breaks, a second later at most once Redis is there; each time, listeners hear a
    /// [`Gap`](Heard::Gap).
    #[cfg(feature = "redis")]
    pub fn in_redis(redis: &Redis) -> Self {
        let shared = Shared { subscription: OnceLock::new(), redis: redis.clone() };
        Self(Arc::new(Channel { local: broadcast::Sender::new(BEHIND), shared: Some(shared) }))
    }

    /// Tells all listeners, those of this handle, too. It doesn't wait, and nobody hears whether it arrived: while Redis is
    /// away, what is told is lost.
    pub fn tell(&self, message: Vec<u8>) {
        #[cfg(feature = "redis")]
        if let Some(shared) = &self.0.shared {
            shared.redis.publish(message);
            return;
        }
        let _ = self.0.local.send(Heard::Message(message));
    }

    /// Begins to listen. In Redis, what is told before the first connection stands is missed, and a
    /// [`Gap`](Heard::Gap) says so.
    pub fn listen(&self) -> Listener {
        let listener = Listener(self.0.local.subscribe());
        #[cfg(feature = "redis")]
        if let Some(Shared { subscription, redis }) = &self.0.shared {
            subscription.get_or_init(|| redis.subscribe(self.0.local.clone()));
        }
        listener
    }
}

impl Listener {
    /// What is heard next; `None` when the last handle on the channel is gone. Nothing is lost when the caller stops waiting.
    pub async fn next(&mut self) -> Option<Heard> {
        match self.0.recv().await {
            Ok(heard) => Some(heard),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(Heard::Gap),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

impl fmt::Debug for Broadcast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Broadcast(…)")
    }
}

/// Without the message.
impl fmt::Debug for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Message(_) => "Message(…)",
            Self::Gap => "Gap",
        })
    }
}
