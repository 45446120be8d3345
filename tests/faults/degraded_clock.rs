//! The server's clock set back and forward while it runs, and two servers whose clocks differ (docs/operations.md).

use crate::caller::{Caller, text};
use crate::clock::Clock;
use crate::database::{Backend, TestDatabase};
use crate::letters::is_reset;
use crate::process::Launch;
use crate::proxy::Line;
use crate::queue::{Queue, WAITING};
use crate::redis_server::RedisServer;
use crate::surroundings::{Surroundings, assert_answers_of};
use crate::wait::until;

/// Waits until the revocations were read by the new time: until then no access token is believed.
fn settle(world: &Surroundings, caller: Caller) {
    let token = text(&caller.registered(&world.newcomer()), "access_token");
    until("access tokens are believed", || caller.get_as(&token, "/auth/verify").unwrap().status == 204);
}

/// what was signed before lives no longer than it says, what is signed later is good at once, and what was signed
/// while the clock was ahead is not believed when it is right again.
#[test]
fn a_clock_that_jumps_lengthens_no_life_and_locks_nobody_out() {
    let database = TestDatabase::new(&Backend::Sqlite);
    let Some(clock) = Clock::right(database.folder.path(), "clock") else { return };
    let world = Surroundings::of(clock.of(Launch::on(&database)), &database.url);
    // First the one by which sessions end that the clean-up, which looks once a minute, would delete.
    for (state, off) in [("clock 400 d ahead", "+400d"), ("clock 1 h ahead", "+1h"), ("clock 1 h back", "-1h")] {
        let given = world.prepare();
        clock.set(off);
        settle(&world, world.caller());
        world.assert_answers(state, &given);
        world.assert_all_well("clock set, begun afterwards");
        let ahead = world.prepare();
        clock.set("+0");
        settle(&world, world.caller());
        if off.starts_with('+') {
            world.assert_answers("clock right again, begun while it was ahead", &ahead);
        }
        world.assert_all_well("clock set, begun afterwards");
    }
}

/// one instance's clock is wrong; what begins at one goes on at the other.
#[test]
fn clocks_that_differ_are_harmless_within_the_leeway_and_cost_a_refresh_beyond_it() {
    let Some(redis) = RedisServer::start_new() else { return };
    let database = TestDatabase::new(&Backend::Sqlite);
    let Some(clock) = Clock::right(database.folder.path(), "clock") else { return };
    let launch = Launch::on(&database).set("REDIS_URL", &redis.url()).set("AUTH_REDIS_TIMEOUT", "2s");
    let world = Surroundings::of(launch, &database.url);
    let ahead = clock.of(world.launch.clone()).start();
    for (off, at_the_right_one, at_the_one_ahead) in [
        ("+3s", "clocks 3 s apart, at the one behind", "clocks 3 s apart, at the one ahead"),
        ("+90s", "clocks 90 s apart, at the one behind", "clocks 90 s apart, at the one ahead"),
    ] {
        clock.set(off);
        settle(&world, ahead.caller());
        assert_answers_of(world.caller(), at_the_right_one, &world.prepare_at(ahead.caller()));
        assert_answers_of(ahead.caller(), at_the_one_ahead, &world.prepare());
    }
}

/// what was noted while the clock was 400 days ahead is not waited for when it is right again.
#[test]
fn a_clock_that_was_ahead_keeps_no_mail_and_no_work_waiting() {
    let database = TestDatabase::new(&Backend::Sqlite);
    let Some(clock) = Clock::right(database.folder.path(), "clock") else { return };
    let mut world = Surroundings::of(clock.of(Launch::on(&database)), &database.url);
    let (queue, person) = (Queue(&database), world.newcomer());
    let resets = |world: &Surroundings| {
        world.sink.mails().iter().filter(|mail| is_reset(mail) && mail.to.contains(&person)).count()
    };
    world.caller().registered(&person);
    clock.set("+400d");
    settle(&world, world.caller());
    assert_eq!(world.caller().forgot(&person).unwrap().status, 202);
    until("a mail is sent", || resets(&world) == 1);
    world.to_sink.set(Line::Cut);
    let waiting = world.newcomer();
    world.caller().registered(&waiting);
    until("a mail waits", || queue.count(&format!("{WAITING} AND recipient = '{waiting}' AND attempts > 0")) > 0);
    world.server.kill();

    clock.set("+0");
    world.to_sink.set(Line::Pass);
    world.server = world.launch.start();
    assert_eq!(world.caller().forgot(&person).unwrap().status, 202);
    until("the audit trail is linked", || {
        database.count("audit_events WHERE sequence IS NULL AND tag IS NOT NULL") == 0
    });
    until("a mail is sent as before", || resets(&world) == 2);
    until("no mail waits", || queue.count(WAITING) == 0);
    world.assert_all_well("clock set, begun afterwards");
}
