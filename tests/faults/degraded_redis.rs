//! Redis gone, slow, silent, and back (docs/operations.md); what else can be wrong with it is in `redis_away`.

use std::time::Duration;

use crate::database::{Backend, TestDatabase};
use crate::process::Launch;
use crate::proxy::{FaultProxy, Line};
use crate::redis_server::RedisServer;
use crate::surroundings::Surroundings;
use crate::wait::until;

/// Slower than usual, and well within the time-out.
const SLOW: Line = Line::Delay(Duration::from_millis(20));

///
#[test]
fn a_redis_in_trouble_is_503_where_it_is_needed_and_heals() {
    let Some(redis) = RedisServer::start_new() else { return };
    let (database, line) = (TestDatabase::new(&Backend::Sqlite), FaultProxy::to(redis.address().parse().unwrap()));
    let launch = Launch::on(&database)
        .set("REDIS_URL", &format!("redis://{}", line.address()))
        // Longer than by default, so that on a machine with other work a Redis that is well is not taken for one away.
        .set("AUTH_REDIS_TIMEOUT", "2s");
    let world = Surroundings::of(launch, &database.url);
    for (state, trouble) in [("Redis slow", SLOW), ("Redis silent", Line::Stall), ("Redis gone", Line::Cut)] {
        let given = world.prepare();
        line.set(trouble);
        world.assert_answers(state, &given);
        line.set(Line::Pass);
        until("Redis is back", || {
            let ready = world.caller().get("/health/ready").unwrap();
            assert_eq!(ready.status, 200, "an instance without Redis must not leave the balancer: {ready:?}");
            ready.json()["checks"]["redis"] == "up" && world.metric("auth_breaker_state{dependency=\"redis\"}") == "0"
        });
        world.assert_all_well("Redis back");
    }
}
