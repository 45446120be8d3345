//! Redis is killed, frozen, emptied, full, or won't let anybody in: what needs it is refused with 503, nothing else
//! notices, and all is well when Redis is, without a restart.

use std::thread;

use crate::provider_flow::assert_refused;
use crate::redis_bed::RedisBed;
use crate::redis_server::RedisServer;
use crate::wait::until;

/// As many at once as there are no workers for.
const CROWD: usize = 16;

/// X-11, L-26: one word in the log, and no more of it than that.
#[test]
fn a_redis_that_is_away_at_the_start_keeps_no_server_from_starting_and_is_used_when_it_comes() {
    let Some(mut redis) = RedisServer::stopped() else { return };
    let bed = RedisBed::start(&redis.url());
    assert_eq!(bed.server.said().matches("Redis is out of reach").count(), 1, "{}", bed.server.said());
    let caller = bed.caller();
    assert_eq!(bed.redis_state(), "degraded");
    for _ in 0..5 {
        bed.admin_logs_in().assert_overloaded();
        bed.start_flow().assert_overloaded();
        assert_eq!(caller.log_in("ada@example.org").unwrap().status, 200);
    }
    assert_ne!(bed.breaker(), "0", "each call knocks anew");
    redis.start();
    bed.wait_until_it_is_well();
    bed.server.wait_for_word("Redis answers again");
    bed.finish(&bed.begin());
}

/// it comes back empty, so what was begun has to be begun again.
#[test]
fn a_redis_that_is_killed_and_restarted_is_used_again() {
    let Some(mut redis) = RedisServer::start_new() else { return };
    let bed = RedisBed::start(&redis.url());
    let begun = bed.begin();
    redis.kill();
    for newcomer in ["bob@example.org", "cleo@example.org"] {
        bed.assert_redis_is_missed(&begun, newcomer);
    }
    redis.start();
    bed.wait_until_it_is_well();
    assert_refused(&bed.answer_challenge(&begun), 401, "challenge_invalid");
    assert_refused(&bed.come_back(&begun), 400, "oauth_state_invalid");
    bed.finish(&bed.begin());
}

/// a restart that nobody notices costs nobody anything: the connection is opened anew before it is asked for.
#[test]
fn a_restart_between_two_requests_goes_unnoticed() {
    let Some(mut redis) = RedisServer::start_new() else { return };
    let bed = RedisBed::start(&redis.url());
    drop(bed.begin());
    for _ in 0..3 {
        redis.kill();
        redis.start();
        assert_eq!(bed.start_flow().status, 302);
        assert_eq!(bed.admin_logs_in().status, 200);
    }
    assert!(!bed.server.has_said("Redis is out of reach"), "{}", bed.server.said());
}

/// it takes connections and says nothing. What was begun before, and not tried meanwhile, goes on.
#[test]
fn a_redis_that_hangs_keeps_nobody_waiting_and_loses_nothing() {
    let Some(redis) = RedisServer::start_new() else { return };
    let bed = RedisBed::start(&redis.url());
    let (tried, kept) = (bed.begin(), bed.begin());
    redis.freeze();
    let thawed = Thaw(&redis);
    for newcomer in ["bob@example.org", "cleo@example.org"] {
        bed.assert_redis_is_missed(&tried, newcomer);
    }
    assert_ne!(bed.breaker(), "0");
    thread::scope(|scope| {
        for _ in 0..CROWD {
            scope.spawn(|| bed.start_flow().assert_overloaded());
            scope.spawn(|| assert_eq!(bed.caller().log_in("ada@example.org").expect("an answer").status, 200));
        }
    });
    drop(thawed);
    bed.wait_until_it_is_well();
    bed.finish(&kept);
}

/// in the middle of a failover it takes no writes.
#[test]
fn a_redis_that_became_a_replica_is_as_good_as_none_until_it_is_none() {
    let Some(redis) = RedisServer::start_new() else { return };
    let bed = RedisBed::start(&redis.url());
    let (tried, kept) = (bed.begin(), bed.begin());
    redis.ask::<()>("REPLICAOF 127.0.0.1 1");
    bed.assert_redis_is_missed(&tried, "bob@example.org");
    redis.ask::<()>("REPLICAOF NO ONE");
    bed.wait_until_it_is_well();
    bed.finish(&kept);
}

/// nothing fails; what was begun is unknown, and can be begun again at once.
#[test]
fn a_redis_that_was_emptied_has_people_begin_again() {
    let Some(redis) = RedisServer::start_new() else { return };
    let bed = RedisBed::start(&redis.url());
    let begun = bed.begin();
    redis.ask::<()>("FLUSHALL");
    redis.ask::<()>("SCRIPT FLUSH");
    assert_refused(&bed.answer_challenge(&begun), 401, "challenge_invalid");
    assert_refused(&bed.come_back(&begun), 400, "oauth_state_invalid");
    bed.finish(&bed.begin());
    assert_eq!(bed.redis_state(), "up");
}

/// O-30: no room for new ones, and no harm to those that are there.
#[test]
fn a_full_redis_refuses_new_flows_and_keeps_the_others() {
    let Some(redis) = RedisServer::start_new() else { return };
    let bed = RedisBed::start(&redis.url());
    let begun = bed.begin();
    redis.ask::<()>("CONFIG SET maxmemory 1");
    for _ in 0..10 {
        bed.start_flow().assert_overloaded();
        bed.admin_logs_in().assert_overloaded();
    }
    assert_eq!((bed.redis_state(), bed.breaker()), ("degraded".to_owned(), "0".to_owned()));
    let answer = bed.come_back(&begun);
    assert_eq!(answer.status, 200, "{answer:?}");
    redis.ask::<()>("CONFIG SET maxmemory 0");
    assert_eq!(bed.start_flow().status, 302);
    bed.wait_until_it_is_well();
}

/// X-11, T-27: the password is set right where it is wrong, in Redis, and is never in the log.
#[test]
fn a_wrong_password_is_told_without_it_and_heals_when_it_becomes_right() {
    let Some(redis) = RedisServer::stopped() else { return };
    let mut redis = redis.with("--requirepass", "of-redis-Gh7Kq2");
    redis.start();
    let bed = RedisBed::start(&format!("redis://:of-the-server-Vx3Wd9@{}", redis.address()));
    assert_eq!(bed.redis_state(), "degraded");
    bed.start_flow().assert_overloaded();
    bed.server.wait_for_word("Redis is out of reach");
    redis.ask::<()>("CONFIG SET requirepass of-the-server-Vx3Wd9");
    bed.wait_until_it_is_well();
    until("a flow begins", || bed.start_flow().status == 302);
    let said = bed.server.said();
    assert!(said.contains("WRONGPASS"), "{said}");
    assert!(!said.contains("Gh7Kq2") && !said.contains("Vx3Wd9"), "{said}");
}

/// A server that is frozen, until this is dropped.
struct Thaw<'a>(&'a RedisServer);

impl Drop for Thaw<'_> {
    fn drop(&mut self) {
        self.0.thaw();
    }
}
