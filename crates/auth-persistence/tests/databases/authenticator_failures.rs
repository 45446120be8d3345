//! Counts of failures.

use auth_persistence::authenticator_failure::{ANY_LANE, Authenticator, add, clear, count};
use auth_persistence::user;

use crate::fixture::{TestDatabase, on_both_databases, sixteen_at_once};
use crate::rows::{new_user, user_id};

on_both_databases!(
    each_lane_of_each_authenticator_counts_apart,
    all_lanes_of_one_authenticator_are_cleared,
    no_failure_is_lost_of_many_at_once,
);

use Authenticator::{Password, SecondFactor};

fn counted(test: &TestDatabase, authenticator: Authenticator, lane: &'static str) -> i64 {
    test.read(move |c| count(c, user_id(1), authenticator, lane))
}

fn each_lane_of_each_authenticator_counts_apart(test: &TestDatabase) {
    test.write(|c| user::insert(c, &new_user(1)));
    test.write(|c| user::insert(c, &new_user(2)));
    assert_eq!(counted(test, Password, ANY_LANE), 0);
    for expected in 1..=3 {
        assert_eq!(test.write(|c| add(c, user_id(1), Password, ANY_LANE)), expected);
    }
    assert_eq!(test.write(|c| add(c, user_id(1), Password, "device")), 1);
    assert_eq!(test.write(|c| add(c, user_id(1), SecondFactor, ANY_LANE)), 1);
    assert_eq!(test.write(|c| add(c, user_id(2), Password, ANY_LANE)), 1);
    assert_eq!(counted(test, Password, ANY_LANE), 3);
    assert_eq!((counted(test, Password, "device"), counted(test, SecondFactor, "device")), (1, 0));
}

fn all_lanes_of_one_authenticator_are_cleared(test: &TestDatabase) {
    test.write(|c| {
        user::insert(c, &new_user(1))?;
        add(c, user_id(1), Password, ANY_LANE)?;
        add(c, user_id(1), Password, "device")?;
        add(c, user_id(1), SecondFactor, ANY_LANE)
    });
    assert_eq!(test.write(|c| clear(c, user_id(1), Password)), 2);
    assert_eq!(test.write(|c| clear(c, user_id(1), Password)), 0);
    assert_eq!((counted(test, Password, ANY_LANE), counted(test, SecondFactor, ANY_LANE)), (0, 1));
}

/// Each sees a number of its own, so that exactly one is the hundredth.
fn no_failure_is_lost_of_many_at_once(test: &TestDatabase) {
    test.write(|c| user::insert(c, &new_user(1)));
    let mut seen = sixteen_at_once(|_| test.write(|c| add(c, user_id(1), Password, ANY_LANE)));
    seen.sort_unstable();
    assert_eq!(seen, (1..=16).collect::<Vec<_>>());
}
