//! The mail server, the list of breached passwords, and a provider: gone, slow, silent, and back (docs/operations.md).

use std::time::Duration;

use crate::caller::PASSWORD;
use crate::database::{Backend, TestDatabase};
use crate::process::Launch;
use crate::provider_flow::sign_in;
use crate::proxy::Line;
use crate::queue::{Queue, WAITING};
use crate::surroundings::Surroundings;
use crate::wait::until;

/// Slower than usual, and well within every time-out.
const SLOW: Line = Line::Delay(Duration::from_millis(40));

fn on_sqlite() -> (TestDatabase, Surroundings) {
    let database = TestDatabase::new(&Backend::Sqlite);
    let world = Surroundings::of(Launch::on(&database), &database.url);
    (database, world)
}

#[test]
fn all_is_well() {
    let (_database, world) = on_sqlite();
    world.assert_all_well("all is well");
}

/// REQ-58: nobody notices, and every mail is sent in the end.
#[test]
fn a_mail_server_in_trouble_changes_no_answer_and_loses_no_mail() {
    let (database, world) = on_sqlite();
    for (state, line) in
        [("mail server slow", SLOW), ("mail server silent", Line::Stall), ("mail server gone", Line::Cut)]
    {
        let given = world.prepare();
        world.to_sink.set(line);
        world.assert_answers(state, &given);
        // As many as are on their way by now, and more.
        world.assert_answers(state, &world.prepare());
    }
    let queue = Queue(&database);
    assert_ne!(queue.count(WAITING), 0, "the mails of a mail server that is gone wait");
    world.to_sink.set(Line::Pass);
    world.assert_all_well("mail server back");
    until("all mails are sent", || {
        // Those that were tried meanwhile wait for up to a minute.
        queue.end_waits();
        queue.count(WAITING) == 0
    });
    assert_eq!(queue.count("failed_at IS NOT NULL"), 0, "a mail was given up");
}

/// X-12, REQ-43: it fails open, and is believed when it is back.
#[test]
fn a_breach_list_in_trouble_changes_no_answer_and_is_asked_again_when_it_is_back() {
    let (_database, world) = on_sqlite();
    for (state, line) in
        [("breach list slow", SLOW), ("breach list silent", Line::Stall), ("breach list gone", Line::Cut)]
    {
        let given = world.prepare();
        world.to_breaches.set(line);
        world.assert_answers(state, &given);
        world.to_breaches.set(Line::Pass);
    }
    until("the list is asked again", || world.metric("auth_breaker_state{dependency=\"hibp\"}") != "2");
    world.assert_all_well("breach list back");
    world.breaches.list(PASSWORD, 7);
    until("a listed password is refused", || world.caller().register(&world.newcomer()).unwrap().status == 422);
}

/// X-13, REQ-43: its own callbacks fail, and nothing else does.
#[test]
fn a_provider_in_trouble_fails_its_own_callbacks_alone_until_it_is_back() {
    let (_database, world) = on_sqlite();
    for (state, line) in [("provider slow", SLOW), ("provider silent", Line::Stall), ("provider gone", Line::Cut)] {
        let given = world.prepare();
        world.to_provider.set(line);
        world.assert_answers(state, &given);
        world.to_provider.set(Line::Pass);
    }
    until("the provider is believed", || sign_in(world.caller(), "google", &world.provider).status == 200);
    world.assert_all_well("provider back");
}

/// X-13, REQ-43: nobody waits for it any more.
#[test]
fn a_provider_whose_breaker_is_open_is_asked_by_nobody() {
    let database = TestDatabase::new(&Backend::Sqlite);
    // The breaker stays open for as long as the test looks.
    let launch = Launch::on(&database).set("AUTH_BREAKER_FAILURES", "1").set("AUTH_BREAKER_RECOVERY", "1h");
    let world = Surroundings::with_breakers_of(launch, &database.url);
    let given = world.prepare();
    world.to_provider.set(Line::Cut);
    assert_eq!(sign_in(world.caller(), "google", &world.provider).status, 502);
    world.to_provider.set(Line::Pass);
    world.assert_answers("provider gone, breaker open", &given);
}
