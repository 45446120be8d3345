//! Which instance does what.

use std::time::Duration;

use auth_core::Timestamp;
use auth_persistence::lease;

use crate::fixture::{TestDatabase, on_both_databases, sixteen_at_once};
use crate::rows::{HOUR, NOW, TICK, uuid};

on_both_databases!(
    a_lease_is_its_holders_until_its_time_is_over,
    a_lease_is_renewed_by_its_holder_alone,
    a_lease_is_given_up_by_its_holder_alone,
    leases_of_different_names_are_different_ones,
    a_lease_of_a_clock_that_was_far_ahead_keeps_nobody_out,
    of_many_at_once_one_gets_the_lease,
);

const LIFE: Duration = Duration::from_secs(30);

fn takes(test: &TestDatabase, holder: u64, now: Timestamp) -> bool {
    test.write(move |c| lease::take(c, "work", uuid(holder), now, now.plus(LIFE)))
}

fn a_lease_is_its_holders_until_its_time_is_over(test: &TestDatabase) {
    assert!(takes(test, 1, NOW));
    assert!(!takes(test, 2, NOW));
    assert!(!takes(test, 2, NOW.plus(LIFE).minus(TICK)));
    assert!(takes(test, 2, NOW.plus(LIFE)));
    assert!(!takes(test, 1, NOW.plus(LIFE)), "it is another's now");
}

fn a_lease_is_renewed_by_its_holder_alone(test: &TestDatabase) {
    assert!(takes(test, 1, NOW));
    assert!(takes(test, 1, NOW.plus(LIFE).minus(TICK)));
    assert!(!takes(test, 2, NOW.plus(LIFE)), "it was renewed");
    assert!(takes(test, 2, NOW.plus(2 * LIFE).minus(TICK)), "who was refused renewed nothing");
}

fn a_lease_is_given_up_by_its_holder_alone(test: &TestDatabase) {
    let gives_up = |holder| test.write(move |c| lease::release(c, "work", uuid(holder)));
    assert!(takes(test, 1, NOW));
    assert!(!gives_up(2));
    assert!(!takes(test, 2, NOW));
    assert!(gives_up(1));
    assert!(!gives_up(1));
    assert!(takes(test, 2, NOW));
}

fn leases_of_different_names_are_different_ones(test: &TestDatabase) {
    assert!(takes(test, 1, NOW));
    assert!(test.write(|c| lease::take(c, "other", uuid(2), NOW, NOW.plus(LIFE))));
    assert!(test.write(|c| lease::release(c, "other", uuid(2))));
    assert!(!takes(test, 2, NOW));
}

/// Nobody has that long a lease who goes by the same time.
fn a_lease_of_a_clock_that_was_far_ahead_keeps_nobody_out(test: &TestDatabase) {
    assert!(takes(test, 1, NOW.plus(HOUR)));
    assert!(!takes(test, 2, NOW));
    assert!(takes(test, 1, NOW.plus(HOUR).plus(TICK)));
    assert!(takes(test, 2, NOW));
}

///
fn of_many_at_once_one_gets_the_lease(test: &TestDatabase) {
    for round in 0..4 {
        let now = NOW.plus(LIFE * round);
        let outcomes = sixteen_at_once(|number| takes(test, number, now));
        assert_eq!(outcomes.into_iter().filter(|taken| *taken).count(), 1);
    }
}
