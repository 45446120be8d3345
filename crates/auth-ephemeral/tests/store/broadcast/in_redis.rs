//! The contract on the channel in Redis, and what happens to it when Redis isn't there.

use std::time::Duration;

use auth_core::BreakerState;
use auth_ephemeral::{Broadcast, EphemeralStore, Heard, Listener, Space};
use tokio::time::timeout;

use super::contract::{CHATTER, Subject, broadcast_tests, message, next};
use crate::contract::wait;
use crate::redis_server::{Proxy, RedisServer, open, until};
use crate::test_redis::Corner;

/// After which something is told again.
const MOMENT: Duration = Duration::from_millis(100);

struct InRedis(Corner);

impl Subject for InRedis {
    fn new() -> Option<Self> {
        Corner::new().map(Self)
    }

    fn instance(&self) -> Broadcast {
        Broadcast::in_redis(&self.0.redis())
    }

    fn listener(&self, broadcast: &Broadcast) -> Listener {
        listening(broadcast)
    }
}

broadcast_tests! { InRedis }

/// A listener that hears what is told from now on: it has heard what was told last.
fn listening(broadcast: &Broadcast) -> Listener {
    let mut listener = broadcast.listen();
    hear_each_other(broadcast, &mut listener);
    listener
}

/// Tells something until it is heard, and then hears all of it.
fn hear_each_other(teller: &Broadcast, listener: &mut Listener) {
    let said = |word: &[u8]| [CHATTER, word].concat();
    until("the listener is connected", || {
        teller.tell(said(b"are you there"));
        let heard = wait(async { timeout(MOMENT, listener.next()).await.ok().flatten() });
        heard.is_some_and(|heard| heard != Heard::Gap)
    });
    teller.tell(said(b"you are"));
    while next(listener) != Some(Heard::Message(said(b"you are"))) {}
}

impl InRedis {
    fn subscribers(&self) -> u32 {
        let (_, subscribers): (String, u32) = self.0.ask("PUBSUB", &["NUMSUB", &format!("{}broadcast", self.0.prefix)]);
        subscribers
    }
}

/// A connection that nobody needs is not there.
#[test]
fn the_first_listener_connects_and_the_last_handle_ends_it() {
    let Some(subject) = InRedis::new() else { return };
    // It goes on, and holds on to nothing.
    let redis = subject.0.redis();
    let broadcast = Broadcast::in_redis(&redis);
    broadcast.tell(vec![1]);
    assert_eq!(subject.subscribers(), 0);
    let mut listeners: Vec<_> = (0..3).map(|_| listening(&broadcast)).collect();
    assert_eq!(subject.subscribers(), 1, "one for all listeners");
    let clone = broadcast.clone();
    drop(broadcast);
    hear_each_other(&clone, &mut listeners[0]);
    drop(clone);
    until("nobody is subscribed", || subject.subscribers() == 0);
    assert_eq!(wait(redis.check()), Ok(()));
}

/// What was told before the connection stood may have been missed.
#[test]
fn a_new_connection_is_a_gap() {
    let Some(subject) = InRedis::new() else { return };
    let broadcast = subject.instance();
    assert_eq!(next(&mut broadcast.listen()), Some(Heard::Gap));
}

/// REQ-60
#[test]
fn channels_of_other_prefixes_are_not_heard() {
    let Some(subject) = InRedis::new() else { return };
    let Some(other) = InRedis::new() else { return };
    let (mine, others) = (subject.instance(), other.instance());
    let (mut listener, mut foreign) = (listening(&mine), listening(&others));
    others.tell(b"foreign".to_vec());
    assert_eq!(message(&mut foreign), b"foreign");
    mine.tell(b"mine".to_vec());
    assert_eq!(message(&mut listener), b"mine");
}

/// what is told meanwhile is lost, and that is said.
#[test]
fn a_redis_that_is_killed_and_restarted_is_listened_to_again_after_a_gap() {
    let Some(mut server) = RedisServer::start_new() else { return };
    let [teller, hearer] = [(); 2].map(|()| Broadcast::in_redis(&open("", server.address())));
    let mut listener = listening(&hearer);
    for _ in 0..2 {
        server.kill();
        teller.tell(b"lost".to_vec());
        server.start();
        assert_eq!(next(&mut listener), Some(Heard::Gap));
        hear_each_other(&teller, &mut listener);
    }
}

/// it comes later than the instances.
#[test]
fn a_redis_that_is_away_at_the_start_is_listened_to_when_it_comes() {
    let Some(mut server) = RedisServer::start_new() else { return };
    server.kill();
    let broadcast = Broadcast::in_redis(&open("", server.address()));
    let mut listener = broadcast.listen();
    for _ in 0..10 {
        broadcast.tell(b"lost".to_vec());
    }
    server.start();
    assert_eq!(next(&mut listener), Some(Heard::Gap));
    hear_each_other(&broadcast, &mut listener);
}

///
#[test]
fn a_connection_that_redis_closes_is_opened_again_after_a_gap() {
    let Some(server) = RedisServer::start_new() else { return };
    let broadcast = Broadcast::in_redis(&open("", server.address()));
    let mut listener = listening(&broadcast);
    for _ in 0..3 {
        assert_eq!(server.ask::<u32>("CLIENT KILL TYPE pubsub"), 1);
        assert_eq!(next(&mut listener), Some(Heard::Gap));
        hear_each_other(&broadcast, &mut listener);
    }
}

/// nobody says that the connection is over, and nothing comes on it any more.
#[test]
fn a_peer_that_is_dead_without_a_word_is_noticed() {
    let Some(server) = RedisServer::start_new() else { return };
    let proxy = Proxy::start(server.address());
    let hearer = Broadcast::in_redis(&open("", proxy.address));
    let teller = Broadcast::in_redis(&open("", server.address()));
    let mut listener = hearer.listen();
    hear_each_other(&teller, &mut listener);
    proxy.stall();
    assert_eq!(next(&mut listener), Some(Heard::Gap));
    hear_each_other(&teller, &mut listener);
}

/// it hangs, and nobody who tells waits for it.
#[test]
fn a_redis_that_hangs_is_listened_to_again_when_it_doesn_t() {
    let Some(server) = RedisServer::start_new() else { return };
    let broadcast = Broadcast::in_redis(&open("", server.address()));
    let mut listener = listening(&broadcast);
    server.freeze();
    for _ in 0..1000 {
        broadcast.tell(b"perhaps lost".to_vec());
    }
    server.thaw();
    hear_each_other(&broadcast, &mut listener);
}

/// Rights of before there were news: nothing else suffers by what they lack, and they are used as soon as they are there.
#[test]
fn a_user_who_may_not_tell_or_listen_keeps_the_store() {
    let Some(server) = RedisServer::start_new() else { return };
    server
        .ask::<()>("ACL SETUSER gate on >pw ~auth:* resetchannels -@all +hello +select +get +set +del +setrange +eval");
    let redis = open("gate:pw@", server.address());
    let (broadcast, store) = (Broadcast::in_redis(&redis), EphemeralStore::in_redis(&redis));
    let mut listener = broadcast.listen();
    for key in 0..20 {
        // More in a row than the breaker bears.
        for _ in 0..10 {
            broadcast.tell(vec![1]);
        }
        wait(store.put(Space::Challenge, &[key; 32], vec![key], Duration::from_mins(5))).unwrap();
        assert_eq!(wait(store.take(Space::Challenge, &[key; 32])), Ok(Some(vec![key])));
    }
    assert_eq!(redis.breaker_state(), BreakerState::Closed);
    server.ask::<()>("ACL SETUSER gate &auth:* +publish +subscribe");
    assert_eq!(next(&mut listener), Some(Heard::Gap));
    hear_each_other(&broadcast, &mut listener);
}
