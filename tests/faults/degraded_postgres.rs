//! PostgreSQL gone, slow, silent, and back (docs/operations.md).

use std::time::Duration;

use crate::cluster::Cluster;
use crate::process::Launch;
use crate::proxy::{FaultProxy, Line};
use crate::surroundings::Surroundings;
use crate::wait::until;

/// Slower than usual, and well within every time-out.
const SLOW: Line = Line::Delay(Duration::from_millis(20));

/// A cluster, the line to it, and a launch by that line.
fn by_a_line() -> Option<(Cluster, FaultProxy, Launch)> {
    let cluster = Cluster::start_new()?;
    let line = FaultProxy::to(cluster.address());
    let launch = Launch::at(&Cluster::url_by(line.address()), cluster.folder());
    Some((cluster, line, launch))
}

/// Waits until the database answers again; nobody helps.
fn wait_until_it_is_back(world: &Surroundings) {
    until("the database is back", || {
        let caller = world.caller();
        caller.get("/health/ready").unwrap().status == 200 && caller.register(&world.newcomer()).unwrap().status == 201
    });
}

/// W-16
#[test]
fn a_postgres_in_trouble_is_503_where_it_is_needed_and_heals() {
    let Some((cluster, line, launch)) = by_a_line() else { return };
    // What was revoked was read not long ago: the other test is about a list that is too old.
    let world = Surroundings::of(launch.set("AUTH_REVOCATION_MAX_AGE", "1d"), &cluster.url());
    for (state, trouble) in
        [("PostgreSQL slow", SLOW), ("PostgreSQL silent", Line::Stall), ("PostgreSQL gone", Line::Cut)]
    {
        let given = world.prepare();
        line.set(trouble);
        world.assert_answers(state, &given);
        line.set(Line::Pass);
        wait_until_it_is_back(&world);
        world.assert_all_well("PostgreSQL back");
    }
}

/// a list of revocations that can't be read is believed until `AUTH_REVOCATION_MAX_AGE`, and no longer.
#[test]
fn a_postgres_that_is_gone_for_longer_is_missed_by_every_access_token() {
    let Some((cluster, line, launch)) = by_a_line() else { return };
    let world = Surroundings::of(launch.set("AUTH_REVOCATION_MAX_AGE", "6s"), &cluster.url());
    for trouble in [Line::Cut, Line::Stall] {
        let given = world.prepare();
        line.set(trouble);
        let token = &given.access_token;
        until("the list is too old", || world.caller().get_as(token, "/auth/verify").unwrap().status != 204);
        world.assert_answers("PostgreSQL gone or silent for longer", &given);
        line.set(Line::Pass);
        wait_until_it_is_back(&world);
        until("tokens are believed", || world.caller().get_as(token, "/auth/verify").unwrap().status == 204);
    }
    world.assert_all_well("PostgreSQL back");
}
