//! Rate limits hold while Redis is gone, slow, silent, and back, and whatever the clock is set to.

use std::time::Duration;

use crate::answer::Answer;
use crate::clock::Clock;
use crate::database::{Backend, TestDatabase};
use crate::process::{Launch, Process};
use crate::proxy::{FaultProxy, Line};
use crate::redis_server::RedisServer;
use crate::wait::until;

/// Guesses within a time that no test takes.
const ALLOWED: usize = 10;

/// Failures until Redis isn't asked any more.
const BREAKER: usize = 2;

/// A launch with that limit alone.
fn limited(database: &TestDatabase) -> Launch {
    let others = ["LOGIN_ACCOUNT", "REGISTER", "REFRESH", "MFA", "MAIL", "OAUTH", "API"];
    let launch = Launch::on(database).set("AUTH_RATE_LIMITS", "on").set("AUTH_RATE_LOGIN", &format!("{ALLOWED}/100h"));
    others.iter().fold(launch, |launch, limit| launch.set(&format!("AUTH_RATE_{limit}"), "off"))
}

fn guess(server: &Process) -> Answer {
    server.caller().log_in("nobody@example.org").expect("an answer")
}

/// How many guesses are heard before one is refused, up to three times as many as ever should be.
fn guesses_heard(server: &Process) -> usize {
    let heard = (0..3 * ALLOWED).take_while(|_| guess(server).status == 401).count();
    let refusal = guess(server);
    assert_eq!((refusal.status, &*refusal.error_code()), (429, "rate_limited"), "{refusal:?}");
    heard
}

/// Whether this instance counts for itself.
fn is_degraded(server: &Process) -> bool {
    let metrics = server.caller().get("/metrics").unwrap().text();
    let name = "auth_rate_limiter_degraded ";
    metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{metrics}")) == "1"
}

/// stricter, never unlimited; and what Redis has counted still counts when it is back.
#[test]
fn without_redis_each_instance_allows_half() {
    let Some(redis) = RedisServer::start_new() else { return };
    for trouble in [Line::Cut, Line::Stall] {
        redis.ask::<()>("FLUSHALL");
        let (database, line) = (TestDatabase::new(&Backend::Sqlite), FaultProxy::to(redis.address().parse().unwrap()));
        let launch = limited(&database)
            .set("REDIS_URL", &format!("redis://{}", line.address()))
            .set("AUTH_REDIS_TIMEOUT", "2s")
            .set("AUTH_BREAKER_FAILURES", &BREAKER.to_string())
            .set("AUTH_BREAKER_RECOVERY", "500ms");
        let server = launch.start();
        for _ in 0..3 {
            assert_eq!(guess(&server).status, 401);
        }
        assert!(!is_degraded(&server));
        line.set(trouble);
        assert_eq!(guesses_heard(&server), ALLOWED / 2, "{trouble:?}");
        assert!(is_degraded(&server));
        line.set(Line::Delay(Duration::from_millis(20)));
        until("Redis is back", || server.caller().get("/health/ready").unwrap().json()["checks"]["redis"] == "up");
        // What was asked on a silent line arrives when it passes again, and counts although nobody waits for it.
        let late = if trouble == Line::Stall { BREAKER } else { 0 };
        let heard = guesses_heard(&server);
        assert!((ALLOWED - 3 - late..=ALLOWED - 3).contains(&heard), "{trouble:?}: {heard} after 3 of {ALLOWED}");
        assert!(!is_degraded(&server));
    }
}

/// the windows go by the monotonic clock.
#[test]
fn a_clock_that_jumps_gives_no_guess_back_and_takes_none_away() {
    let database = TestDatabase::new(&Backend::Sqlite);
    let Some(clock) = Clock::right(database.folder.path(), "clock") else { return };
    let server = clock.of(limited(&database)).start();
    let mut heard = 0;
    for off in ["+1h", "-1h", "+400d"] {
        clock.set(off);
        heard += usize::from(guess(&server).status == 401);
    }
    assert_eq!(heard + guesses_heard(&server), ALLOWED);
    for off in ["+0", "+1h", "-1h", "+400d"] {
        clock.set(off);
        let refusal = guess(&server);
        assert_eq!(refusal.status, 429, "{off}: {refusal:?}");
        let wait: u64 = refusal.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=100 * 3600 / ALLOWED as u64).contains(&wait), "{off}: {refusal:?}");
    }
}
