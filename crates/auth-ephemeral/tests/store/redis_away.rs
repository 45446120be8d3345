//! A Redis that is not there, or says nothing.

use std::io::{ErrorKind, Read as _};
use std::net::{Ipv4Addr, TcpListener};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{BreakerConfig, BreakerState, ManualClock, OsRandom};
use auth_ephemeral::{EphemeralError, EphemeralStore, InvalidRedis, Redis, RedisConfig, Space};

use crate::contract::wait;

const KEY: [u8; 32] = [7; 32];
const RECOVERY: Duration = Duration::from_secs(30);

/// Longer than a word of refusal takes on any machine.
const PATIENT: Duration = Duration::from_mins(1);

fn open(url: &str, timeout: Duration) -> (Redis, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    let config = RedisConfig {
        timeout,
        breaker: BreakerConfig { failures: NonZeroU32::new(4).unwrap(), recovery: RECOVERY },
        ..RedisConfig::new(url)
    };
    (Redis::open(config, clock.clone(), Arc::new(OsRandom)).unwrap(), clock)
}

/// Does each operation once.
fn try_everything(redis: &Redis) {
    let store = EphemeralStore::in_redis(redis);
    wait(async {
        let ttl = Duration::from_secs(9);
        assert_eq!(store.put(Space::Challenge, &KEY, vec![1], ttl).await, Err(EphemeralError::Unavailable));
        assert_eq!(store.get(Space::Challenge, &KEY).await, Err(EphemeralError::Unavailable));
        assert_eq!(store.attempt(Space::Challenge, &KEY, 5).await, Err(EphemeralError::Unavailable));
        assert_eq!(store.take(Space::Challenge, &KEY).await, Err(EphemeralError::Unavailable));
    });
}

/// X-11, REQ-43: while the breaker is open, nobody knocks; then one does.
#[test]
fn a_redis_that_is_not_there_is_left_alone_by_an_open_breaker() {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let (redis, clock) = open(&format!("redis://{address}"), PATIENT);
    assert_eq!(redis.breaker_state(), BreakerState::Closed, "nothing was tried yet");
    try_everything(&redis);
    assert_eq!(redis.breaker_state(), BreakerState::Open);

    let listener = TcpListener::bind(address).unwrap();
    listener.set_nonblocking(true).unwrap();
    try_everything(&redis);
    assert_eq!(wait(redis.check()), Err(EphemeralError::Unavailable));
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "somebody knocked");

    clock.advance(RECOVERY);
    assert_eq!(redis.breaker_state(), BreakerState::HalfOpen);
    listener.set_nonblocking(false).unwrap();
    let knocked = std::thread::spawn(move || drop(listener.accept().unwrap()));
    assert_eq!(wait(redis.check()), Err(EphemeralError::Unavailable));
    assert_eq!(redis.breaker_state(), BreakerState::Open);
    knocked.join().unwrap();
}

/// it takes connections and questions, and answers nothing. Every operation ends all the same.
#[test]
fn a_redis_that_says_nothing_keeps_nobody_waiting() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let (redis, _) = open(&url, Duration::from_millis(50));
    try_everything(&redis);
    assert_eq!(redis.breaker_state(), BreakerState::Open);
    let (mut connection, _) = listener.accept().unwrap();
    let mut asked = [0; 8];
    connection.read_exact(&mut asked).unwrap();
    assert!(asked.starts_with(b"*"), "{asked:?}");
}

/// Something else listens there.
#[test]
fn what_is_no_redis_is_as_good_as_none() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let talking = std::thread::spawn(move || {
        let mut connections = Vec::new();
        for _ in 0..4 {
            let (mut connection, _) = listener.accept().unwrap();
            let _ = std::io::Write::write_all(&mut connection, b"220 mail.example ESMTP\r\n");
            connections.push(connection);
        }
    });
    let (redis, _) = open(&format!("redis://{address}"), PATIENT);
    try_everything(&redis);
    assert_eq!(redis.breaker_state(), BreakerState::Open);
    talking.join().unwrap();
}

#[test]
fn a_url_that_can_t_be_used_is_refused_without_being_quoted() {
    for url in ["redis://:canary@h/x", "http://:canary@h", "canary", "rediss://:canary@h#insecure"] {
        let refused = Redis::open(RedisConfig::new(url), Arc::new(ManualClock::default()), Arc::new(OsRandom));
        let error = refused.unwrap_err();
        assert!(matches!(error, InvalidRedis::Url), "{url}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{url}");
    }
}

/// T-27
#[test]
fn the_password_is_not_printed() {
    let config = RedisConfig::new("redis://ada:canary@127.0.0.1:1/3");
    let printed = format!("{config:?}");
    let redis = Redis::open(config, Arc::new(ManualClock::default()), Arc::new(OsRandom)).unwrap();
    let printed = format!("{printed} {redis:?} {:?}", EphemeralStore::in_redis(&redis));
    assert!(!printed.contains("canary") && printed.contains("auth:"), "{printed}");
}
