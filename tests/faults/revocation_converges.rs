//! Whatever happens to Redis, and to a server's process, no instance goes on taking an access token whose session has ended
//! elsewhere (REQ-12, T-20, X-11).

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::caller::text;
use crate::database::{Backend, TestDatabase};
use crate::process::{Launch, Process};
use crate::redis_server::RedisServer;
use crate::wait::{until, until_some};

const ADA: &str = "ada@example.org";

/// The bound on the age of the list where a server is paused for longer.
const MAX_AGE: Duration = Duration::from_secs(1);

/// So many that what else goes on meanwhile is less.
const CHECKS: u64 = 1_000;

fn with_redis(database: &TestDatabase, redis: &RedisServer) -> Launch {
    Launch::on(database)
        .set("REDIS_URL", &redis.url())
        .set("AUTH_BREAKER_RECOVERY", "500ms")
        .set("AUTH_REDIS_TIMEOUT", "2s")
}

fn log_in(server: &Process) -> String {
    let answer = server.caller().log_in(ADA).expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    text(&answer.json(), "access_token")
}

/// What a server says of a token.
fn status(server: &Process, token: &str) -> u16 {
    server.caller().get_as(token, "/auth/verify").expect("an answer").status
}

fn log_out(server: &Process, token: &str) {
    let answer = server.caller().post_as(token, "/auth/logout").expect("an answer");
    assert_eq!(answer.status, 204, "{answer:?}");
    assert_eq!(status(server, token), 401, "its own at once");
}

/// A session ends at the first server, and at all.
fn ends_everywhere(servers: &[Process], when: &str) -> String {
    let token = log_in(&servers[0]);
    for server in servers {
        assert_eq!(status(server, &token), 204, "{when}");
    }
    log_out(&servers[0], &token);
    until(&format!("all refuse, {when}"), || servers.iter().all(|server| status(server, &token) == 401));
    token
}

/// away, back, silent, back; and whoever starts meanwhile knows everything.
fn whatever_becomes_of_redis(backend: &Backend) {
    let Some(mut redis) = RedisServer::start_new() else { return };
    let database = TestDatabase::new(backend);
    let launch = with_redis(&database, &redis);
    let servers = [0, 1, 2].map(|_| launch.start());
    servers[0].caller().registered(ADA);
    let mut ended = vec![ends_everywhere(&servers, "with Redis")];
    redis.kill();
    ended.push(ends_everywhere(&servers, "without Redis"));
    redis.start();
    ended.push(ends_everywhere(&servers, "with Redis again"));
    redis.freeze();
    ended.push(ends_everywhere(&servers, "with a frozen Redis"));
    let fresh = launch.start();
    for token in &ended {
        assert_eq!(status(&fresh, token), 401);
    }
    redis.thaw();
    ends_everywhere(&servers, "with a thawed Redis");
}

#[test]
fn whatever_becomes_of_redis_all_instances_learn_of_a_revocation_on_sqlite() {
    whatever_becomes_of_redis(&Backend::Sqlite);
}

#[test]
fn whatever_becomes_of_redis_all_instances_learn_of_a_revocation_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        whatever_becomes_of_redis(&backend);
    }
}

/// the broadcast is followed again by itself: between two readings of the feed news come by Redis.
#[test]
fn news_come_by_redis_again_when_it_was_restarted() {
    let Some(mut redis) = RedisServer::start_new() else { return };
    let database = TestDatabase::new(&Backend::Sqlite);
    let launch = with_redis(&database, &redis).set("AUTH_REVOCATION_POLL", "1m").set("AUTH_REVOCATION_MAX_AGE", "1h");
    let servers = [0, 1].map(|_| launch.start());
    servers[0].caller().registered(ADA);
    for _ in 0..2 {
        redis.kill();
        redis.start();
        // Until the connection is there again; what was told before that is read when it is.
        until("news are heard", || {
            let begun = Instant::now();
            ends_everywhere(&servers, "with a restarted Redis");
            list_age(&servers[1]) > begun.elapsed().as_secs_f64()
        });
    }
}

/// How long ago a server read the feed, in seconds.
fn list_age(server: &Process) -> f64 {
    metric(server, "auth_revocation_list_age_seconds")
}

fn metric(server: &Process, name: &str) -> f64 {
    let text = server.caller().get("/metrics").expect("an answer").text();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

/// Longer than the list is believed: not one token is taken before the feed was read.
fn paused_and_continued(backend: &Backend) {
    let database = TestDatabase::new(backend);
    let launch = Launch::on(&database);
    let (one, paused) = (launch.start(), launch.clone().set("AUTH_REVOCATION_MAX_AGE", "1s").start());
    one.caller().registered(ADA);
    let (token, kept) = (log_in(&one), log_in(&one));
    for token in [&token, &kept] {
        // Of a second, a busy machine can take half before the feed is read again.
        until("it is taken, and remembered as good", || status(&paused, token) == 204);
    }
    paused.signal(Signal::STOP);
    let since = Instant::now();
    log_out(&one, &token);
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..8).map(|_| scope.spawn(|| status(&paused, &token))).collect();
        until("the list is too old", || since.elapsed() > 2 * MAX_AGE);
        paused.signal(Signal::CONT);
        for answer in waiting {
            let answer = answer.join().unwrap();
            assert!([401, 503].contains(&answer), "{answer}");
        }
    });
    let first = until_some("the feed is read", || Some(status(&paused, &token)).filter(|status| *status != 503));
    assert_eq!(first, 401);
    until("good tokens are taken again", || status(&paused, &kept) == 204);
}

/// REQ-12
#[test]
fn a_server_that_was_paused_takes_no_ended_session_on_sqlite() {
    paused_and_continued(&Backend::Sqlite);
}

/// REQ-12
#[test]
fn a_server_that_was_paused_takes_no_ended_session_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        paused_and_continued(&backend);
    }
}

/// REQ-12: neither the database nor Redis is asked about an access token, be it good or revoked.
#[test]
fn checking_access_tokens_asks_neither_the_database_nor_redis() {
    let Some(redis) = RedisServer::start_new() else { return };
    let database = TestDatabase::new(&Backend::Sqlite);
    let server = with_redis(&database, &redis).start();
    server.caller().registered(ADA);
    let (ended, good) = (log_in(&server), log_in(&server));
    log_out(&server, &ended);
    let count = || (metric(&server, "auth_database_jobs_total"), commands(&redis));
    let before = count();
    for _ in 0..CHECKS / 2 {
        assert_eq!((status(&server, &ended), status(&server, &good)), (401, 204));
    }
    let after = count();
    // What goes on in the background is counted, too.
    let checks = f64::from(u32::try_from(CHECKS).unwrap());
    assert!(after.0 - before.0 < checks, "{before:?} {after:?}");
    assert!(after.1 - before.1 < CHECKS, "{before:?} {after:?}");
}

/// How many commands Redis was ever given.
fn commands(redis: &RedisServer) -> u64 {
    let stats: String = redis.ask("INFO commandstats");
    let calls = stats.lines().filter_map(|line| line.split_once("calls=")?.1.split(',').next()?.parse::<u64>().ok());
    calls.sum()
}
