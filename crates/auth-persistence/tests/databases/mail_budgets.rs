//! Budgets of mails.

use std::num::NonZeroU32;

use auth_core::Timestamp;
use auth_persistence::mail_budget::{delete_idle, take};

use crate::fixture::{TestDatabase, on_both_databases, sixteen_at_once};
use crate::rows::{HOUR, NOW, TICK};

on_both_databases!(
    a_budget_lets_a_burst_through_and_then_one_per_interval,
    a_budget_of_one_is_a_distance,
    a_whole_budget_comes_back_and_no_more,
    a_refused_mail_costs_nothing,
    each_address_and_purpose_has_a_budget_of_its_own,
    a_clock_that_was_far_ahead_stops_no_mails,
    a_clock_that_is_a_little_behind_gives_nothing_away,
    whole_budgets_are_deleted,
    no_more_than_the_burst_of_many_at_once_get_through,
);

fn taken(test: &TestDatabase, now: Timestamp, burst: u32) -> bool {
    let burst = NonZeroU32::new(burst).unwrap();
    test.write(move |c| take(c, "a@example.com", "reset_password", now, burst, HOUR))
}

/// How many mails get through at `now`.
fn left(test: &TestDatabase, now: Timestamp, burst: u32) -> usize {
    (0..20).filter(|_| taken(test, now, burst)).count()
}

fn a_budget_lets_a_burst_through_and_then_one_per_interval(test: &TestDatabase) {
    assert_eq!(left(test, NOW, 3), 3);
    assert_eq!(left(test, NOW.plus(HOUR).minus(TICK), 3), 0);
    assert_eq!(left(test, NOW.plus(HOUR), 3), 1);
    assert_eq!(left(test, NOW.plus(3 * HOUR), 3), 2);
}

fn a_budget_of_one_is_a_distance(test: &TestDatabase) {
    assert_eq!(left(test, NOW, 1), 1);
    assert_eq!(left(test, NOW.plus(HOUR).minus(TICK), 1), 0);
    assert_eq!(left(test, NOW.plus(HOUR), 1), 1);
}

fn a_whole_budget_comes_back_and_no_more(test: &TestDatabase) {
    assert_eq!(left(test, NOW, 3), 3);
    assert_eq!(left(test, NOW.plus(100 * HOUR), 3), 3);
}

fn a_refused_mail_costs_nothing(test: &TestDatabase) {
    assert_eq!(left(test, NOW, 2), 2);
    for _ in 0..50 {
        assert!(!taken(test, NOW.plus(HOUR).minus(TICK), 2));
    }
    assert!(taken(test, NOW.plus(HOUR), 2));
}

fn each_address_and_purpose_has_a_budget_of_its_own(test: &TestDatabase) {
    let once = |address: &'static str, purpose: &'static str| {
        test.write(move |c| take(c, address, purpose, NOW, NonZeroU32::MIN, HOUR))
    };
    assert!(once("a@example.com", "reset_password"));
    assert!(once("b@example.com", "reset_password"));
    assert!(once("a@example.com", "verify_email"));
    assert!(!once("a@example.com", "reset_password"));
}

fn a_clock_that_was_far_ahead_stops_no_mails(test: &TestDatabase) {
    assert_eq!(left(test, NOW.plus(1000 * HOUR), 3), 3);
    assert_eq!(left(test, NOW, 3), 3);
}

/// Two instances' clocks never agree: what the faster one took is not there for the slower one.
fn a_clock_that_is_a_little_behind_gives_nothing_away(test: &TestDatabase) {
    assert_eq!(left(test, NOW.plus(3 * HOUR), 3), 3);
    assert_eq!(left(test, NOW, 3), 0);
}

fn whole_budgets_are_deleted(test: &TestDatabase) {
    for (number, full_at) in [NOW, NOW.minus(TICK), NOW.plus(TICK)].into_iter().enumerate() {
        let address = format!("{number}@example.com");
        test.write(move |c| take(c, &address, "a", full_at.minus(HOUR), NonZeroU32::MIN, HOUR));
    }
    assert_eq!([1, 9, 9].map(|limit| test.write(move |c| delete_idle(c, NOW, limit))), [1, 1, 0]);
}

/// P-07: from however many clients at once.
fn no_more_than_the_burst_of_many_at_once_get_through(test: &TestDatabase) {
    let outcomes = sixteen_at_once(|_| taken(test, NOW, 5));
    assert_eq!(outcomes.into_iter().filter(|taken| *taken).count(), 5);
}
