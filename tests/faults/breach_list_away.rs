//! A list of breached passwords that is slow, overloaded, or answers nonsense (REQ-03, REQ-43).

use std::time::{Duration, Instant};

use crate::breaches::{BreachMode, FakeBreaches};
use crate::caller::PASSWORD;
use crate::database::{Backend, TestDatabase};
use crate::process::Launch;
use crate::wait::until;

/// The second that the list gets, and what a busy machine adds.
const AT_MOST: Duration = Duration::from_secs(8);

///
#[test]
fn a_breach_list_in_trouble_delays_nobody_for_long_and_is_left_alone_for_a_while_on_sqlite() {
    survive_the_breach_list(&Backend::Sqlite);
}

///
#[test]
fn a_breach_list_in_trouble_delays_nobody_for_long_and_is_left_alone_for_a_while_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        survive_the_breach_list(&backend);
    }
}

fn survive_the_breach_list(backend: &Backend) {
    let (database, list) = (TestDatabase::new(backend), FakeBreaches::start());
    list.list(PASSWORD, 7);
    let launch = Launch::on(&database)
        .set("AUTH_HIBP", "on")
        .set("AUTH_HIBP_URL", &list.url())
        .set("AUTH_BREAKER_RECOVERY", "12s");
    let server = launch.start();
    let caller = server.caller();
    let register = |number: usize, trouble| {
        list.set_mode(trouble);
        let begin = Instant::now();
        caller.registered(&format!("person{number}@example.org"));
        assert!(begin.elapsed() < AT_MOST, "{trouble:?} took {:?}", begin.elapsed());
        list.heads().len()
    };
    // A list that says "not so fast" is alive, so this is no failure of it.
    assert_eq!(register(0, BreachMode::Status(429)), 1);
    let failures = [BreachMode::Hang, BreachMode::Slow, BreachMode::Status(503), BreachMode::Body("<html>")];
    for (number, failure) in (1..).zip(failures.into_iter().chain([BreachMode::Status(500)])) {
        assert_eq!(register(number, failure), number + 1, "{failure:?}");
    }
    assert!(server.has_said("could not be checked for breaches"));
    // Five failures in a row: nobody waits for it now.
    assert_eq!(register(6, BreachMode::Hang), 6, "it was asked although the breaker is open");
    let metrics = caller.get("/metrics").unwrap().text();
    assert!(metrics.contains("auth_breaker_state{dependency=\"hibp\"} 2"), "{metrics}");
    list.set_mode(BreachMode::Answer);
    let mut number = 6;
    until("the list is believed again", || {
        number += 1;
        let answer = caller.register(&format!("person{number}@example.org")).unwrap();
        answer.status == 422 && answer.text().contains("breached_password")
    });
}
