//! Limits while Redis is killed, frozen, emptied, full, or refuses to count: stricter, and never none (X-11, L-26).

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use auth_core::{BreakerState, ManualClock};
use auth_ephemeral::{EphemeralStore, RateLimiter, Redis, Space};

use super::contract::{HOUR, charge, drain, take};
use crate::contract::wait;
use crate::redis_server::{RedisServer, open, until};

fn limiter(redis: &Redis) -> (RateLimiter, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    (RateLimiter::in_redis(redis, Arc::clone(&clock) as _), clock)
}

/// Waits until Redis counts again, whatever is taken meanwhile.
fn until_shared(limiter: &RateLimiter) {
    until("Redis counts again", || {
        let _ = take(limiter, &[charge("probe", 1, 1000)]);
        !limiter.is_degraded()
    });
}

#[test]
fn without_redis_half_of_each_quota_is_there_and_at_least_one() {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let (limiter, clock) = limiter(&open("", address));
    assert!(!limiter.is_degraded(), "nothing was tried yet");
    for (key, count, half) in [(1, 10, 5), (2, 5, 2), (3, 2, 1), (4, 1, 1)] {
        let charge = charge("login", key, count);
        assert_eq!(drain(&limiter, &charge), half, "{count}");
        assert!(limiter.is_degraded());
        let refused = take(&limiter, std::slice::from_ref(&charge)).unwrap_err();
        assert_eq!((refused.quota.count.get() as usize, refused.quota.per), (half, charge.quota.per));
        assert!(!refused.is_first, "that was when it was drained");
        clock.advance(refused.retry_after);
        let taken = take(&limiter, std::slice::from_ref(&charge)).unwrap();
        assert_eq!(drain(&limiter, &charge), 0);
        wait(limiter.give_back(taken));
        assert_eq!(drain(&limiter, &charge), 1);
    }
}

#[test]
fn a_redis_that_is_killed_is_done_without_and_used_again_when_it_is_back() {
    let Some(mut server) = RedisServer::start_new() else { return };
    let (limiter, _) = limiter(&open("", server.address()));
    let (charge, other) = (charge("login", 1, 4), charge("login", 2, 4));
    let of_redis = take(&limiter, std::slice::from_ref(&charge)).unwrap();
    assert_eq!((drain(&limiter, &charge), limiter.is_degraded()), (3, false));

    server.kill();
    assert_eq!((drain(&limiter, &charge), limiter.is_degraded()), (2, true));
    wait(limiter.give_back(of_redis));
    assert_eq!(drain(&limiter, &charge), 0, "what Redis took is not given back to the process's count");
    let of_process = take(&limiter, std::slice::from_ref(&other)).unwrap();
    assert_eq!(drain(&limiter, &other), 1);

    server.start();
    until_shared(&limiter);
    assert_eq!((drain(&limiter, &charge), drain(&limiter, &other)), (4, 4), "it came back empty");
    wait(limiter.give_back(of_process));
    assert_eq!(drain(&limiter, &other), 0, "what the process took is not given back to Redis");

    server.kill();
    assert_eq!((drain(&limiter, &charge), drain(&limiter, &other)), (0, 1), "the process hasn't forgotten");
}

#[test]
fn a_redis_that_hangs_is_done_without_and_forgets_nothing() {
    let Some(server) = RedisServer::start_new() else { return };
    let (limiter, _) = limiter(&open("", server.address()));
    let used = charge("login", 1, 4);
    assert_eq!(drain(&limiter, &used), 4);
    server.freeze();
    let granted = drain(&limiter, &charge("login", 2, 4));
    let is_degraded = limiter.is_degraded();
    server.thaw();
    assert_eq!((granted, is_degraded), (2, true));
    until_shared(&limiter);
    assert_eq!(drain(&limiter, &used), 0);
}

#[test]
fn a_redis_that_is_emptied_goes_on_counting() {
    let Some(server) = RedisServer::start_new() else { return };
    let (limiter, _) = limiter(&open("", server.address()));
    let charge = charge("login", 1, 4);
    assert_eq!(drain(&limiter, &charge), 4);
    server.ask::<()>("FLUSHALL");
    server.ask::<()>("SCRIPT FLUSH");
    assert_eq!((drain(&limiter, &charge), limiter.is_degraded()), (4, false));
}

/// It can't keep a new count, and whoever had none must not get round the limit by that.
#[test]
fn a_redis_without_memory_is_done_without() {
    let Some(server) = RedisServer::start_new() else { return };
    let redis = open("", server.address());
    let (limiter, _) = limiter(&redis);
    server.ask::<()>("CONFIG SET maxmemory 1");
    let charge = charge("login", 1, 4);
    assert_eq!((drain(&limiter, &charge), limiter.is_degraded()), (2, true));
    assert_eq!(redis.breaker_state(), BreakerState::Closed, "it answers, after all");
    server.ask::<()>("CONFIG SET maxmemory 0");
    until_shared(&limiter);
    assert_eq!(drain(&limiter, &charge), 4);
}

/// Rights of before there were limits: nothing else suffers by what they lack.
#[test]
fn a_user_who_may_not_count_keeps_the_store_and_is_limited() {
    let Some(server) = RedisServer::start_new() else { return };
    server.ask::<()>("ACL SETUSER gate on >pw ~auth:* -@all +hello +select +get +set +del +setrange +eval");
    let redis = open("gate:pw@", server.address());
    let ((limiter, _), store) = (limiter(&redis), EphemeralStore::in_redis(&redis));
    for key in 0..10 {
        // More in a row than the breaker bears.
        assert_eq!((drain(&limiter, &charge("login", key, 20)), limiter.is_degraded()), (10, true));
        wait(store.put(Space::Challenge, &[key; 32], vec![key], HOUR)).unwrap();
        assert_eq!(wait(store.take(Space::Challenge, &[key; 32])), Ok(Some(vec![key])));
    }
    assert_eq!(redis.breaker_state(), BreakerState::Closed);
    server.ask::<()>("ACL SETUSER gate +time");
    assert_eq!((drain(&limiter, &charge("login", 1, 4)), limiter.is_degraded()), (4, false));
}

/// A wait is told in the process's own time, too.
#[test]
fn without_redis_what_is_used_up_comes_back_with_time() {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let (limiter, clock) = limiter(&open("", address));
    let charge = charge("login", 1, 6);
    assert_eq!(drain(&limiter, &charge), 3);
    clock.advance(HOUR);
    assert_eq!(drain(&limiter, &charge), 0);
    clock.advance(HOUR.saturating_sub(Duration::from_secs(1)));
    assert_eq!(drain(&limiter, &charge), 0);
    clock.advance(Duration::from_secs(1));
    assert_eq!(drain(&limiter, &charge), 1);
}
