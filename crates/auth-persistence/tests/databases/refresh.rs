//! The refresh table, row by row: each condition is tried on both sides of its boundary.

use std::sync::Barrier;
use std::time::Duration;

use auth_core::Timestamp;
use auth_persistence::refresh::{REUSE, extend_hand_out, fast_forward, mark_seen, revoke_reused, rotate, skip};
use auth_persistence::session::{self, Session};
use auth_persistence::{DbConnection, DbError};

use crate::fixture::{TestDatabase, on_both_databases, run};
use crate::rows::{NOW, session_id, user_id, user_with_session};

on_both_databases!(
    row_1_marks_what_was_seen_and_never_less,
    row_2_rotates_a_fresh_session_at_once,
    row_2_waits_until_the_last_hand_out_is_a_grace_ago,
    row_2_without_grace_always_rotates,
    row_3_hands_out_again_inside_the_window,
    row_3_never_moves_the_hand_out_back,
    row_5_skips_a_lost_answer_after_the_last_hand_out,
    row_5_needs_the_current_token_unseen,
    row_6_revokes_a_late_predecessor_whose_successor_was_seen,
    row_6_revokes_whatever_is_older_than_the_predecessor,
    row_6_without_grace_revokes_everything_old,
    row_7_catches_up_with_a_newer_token,
    no_row_touches_a_revoked_session,
    no_row_touches_a_session_of_another_generation,
    a_time_too_far_ahead_counts_as_elapsed,
    one_of_many_rotations_at_once_wins,
);

const G: Duration = Duration::from_secs(30);
const TICK: Duration = Duration::from_micros(1);

type Row = fn(&mut DbConnection, Timestamp) -> Result<bool, DbError>;

fn state(test: &TestDatabase) -> Session {
    test.read(|c| session::find(c, session_id(1))).unwrap()
}

/// Session 1 at generation 3 after 2, rotated and handed out `NOW`, 2 seen.
fn rotated_twice(test: &TestDatabase) {
    test.write(|c| {
        user_with_session(c)?;
        assert!(rotate(c, session_id(1), 1, NOW.minus(G), Some(G))?);
        assert!(rotate(c, session_id(1), 2, NOW, Some(G))?);
        Ok(())
    });
}

fn tried(test: &TestDatabase, row: Row, now: Timestamp) -> bool {
    test.write(move |c| row(c, now))
}

/// Does `row` apply at `now`? The database stays as it was.
fn applies(test: &TestDatabase, row: Row, now: Timestamp) -> bool {
    let before = state(test);
    let outcome: Result<(), Applied> = test.database.write_blocking(move |c| Err(Applied(row(c, now)?)));
    assert_eq!(state(test), before);
    outcome.unwrap_err().0
}

struct Applied(bool);

impl From<DbError> for Applied {
    fn from(error: DbError) -> Self {
        panic!("{error}")
    }
}

fn row_1_marks_what_was_seen_and_never_less(test: &TestDatabase) {
    rotated_twice(test);
    assert!(!test.write(|c| mark_seen(c, session_id(1), 2)), "marked already");
    assert!(!test.write(|c| mark_seen(c, session_id(1), 4)), "not yet given out");
    assert!(test.write(|c| mark_seen(c, session_id(1), 3)));
    assert!(!test.write(|c| mark_seen(c, session_id(1), 3)));
    assert_eq!(state(test).seen_generation, 3);
}

fn row_2_rotates_a_fresh_session_at_once(test: &TestDatabase) {
    test.write(user_with_session);
    assert!(tried(test, |c, now| rotate(c, session_id(1), 1, now, Some(G)), NOW));
    let after = state(test);
    assert_eq!((after.generation, after.previous_generation, after.seen_generation), (2, Some(1), 1));
    assert_eq!((after.rotated_at, after.handed_at, after.last_used_at, after.skips), (Some(NOW), Some(NOW), NOW, 0));
}

fn row_2_waits_until_the_last_hand_out_is_a_grace_ago(test: &TestDatabase) {
    const ROTATE: Row = |c, now| rotate(c, session_id(1), 3, now, Some(G));
    rotated_twice(test);
    assert!(!applies(test, ROTATE, NOW));
    assert!(!applies(test, ROTATE, NOW.plus(G).minus(TICK)));
    assert!(applies(test, ROTATE, NOW.plus(G)));
    // Handed out once more at the last moment: the time counts from there.
    let last = NOW.plus(G).minus(TICK);
    assert!(test.write(move |c| extend_hand_out(c, session_id(1), 3, 2, last, G)));
    assert!(!applies(test, ROTATE, NOW.plus(G)));
    assert!(applies(test, ROTATE, last.plus(G)));
}

fn row_2_without_grace_always_rotates(test: &TestDatabase) {
    rotated_twice(test);
    assert!(tried(test, |c, now| rotate(c, session_id(1), 3, now, None), NOW));
    assert!(tried(test, |c, now| rotate(c, session_id(1), 4, now, None), NOW.minus(G)));
    assert_eq!(state(test).generation, 5);
}

fn row_3_hands_out_again_inside_the_window(test: &TestDatabase) {
    const EXTEND: Row = |c, now| extend_hand_out(c, session_id(1), 3, 2, now, G);
    rotated_twice(test);
    assert!(applies(test, EXTEND, NOW));
    assert!(!applies(test, EXTEND, NOW.plus(G)));
    assert!(!applies(test, |c, now| extend_hand_out(c, session_id(1), 3, 1, now, G), NOW));
    let last = NOW.plus(G).minus(TICK);
    assert!(tried(test, EXTEND, last));
    assert_eq!((state(test).rotated_at, state(test).handed_at), (Some(NOW), Some(last)), "the window does not slide");
    assert!(!applies(test, EXTEND, NOW.plus(G)));
}

fn row_3_never_moves_the_hand_out_back(test: &TestDatabase) {
    rotated_twice(test);
    let later = NOW.plus(2 * TICK);
    assert!(test.write(move |c| extend_hand_out(c, session_id(1), 3, 2, later, G)));
    assert!(test.write(|c| extend_hand_out(c, session_id(1), 3, 2, NOW.plus(TICK), G)));
    assert_eq!(state(test).handed_at, Some(later));
}

fn row_5_skips_a_lost_answer_after_the_last_hand_out(test: &TestDatabase) {
    const SKIP: Row = |c, now| skip(c, session_id(1), 3, 2, now, G);
    rotated_twice(test);
    assert!(!applies(test, SKIP, NOW.plus(G).minus(TICK)));
    assert!(!applies(test, |c, now| skip(c, session_id(1), 3, 1, now, G), NOW.plus(G)), "not the predecessor");
    assert!(tried(test, SKIP, NOW.plus(G)));
    let after = state(test);
    assert_eq!((after.generation, after.previous_generation, after.seen_generation), (4, Some(2), 2));
    assert_eq!((after.rotated_at, after.handed_at), (Some(NOW.plus(G)), Some(NOW.plus(G))));
    assert_eq!((after.last_used_at, after.skips), (NOW.plus(G), 1));
    assert!(tried(test, |c, now| rotate(c, session_id(1), 4, now, Some(G)), NOW.plus(2 * G)));
    assert_eq!(state(test).skips, 0);
}

fn row_5_needs_the_current_token_unseen(test: &TestDatabase) {
    rotated_twice(test);
    test.write(|c| mark_seen(c, session_id(1), 3));
    assert!(!applies(test, |c, now| skip(c, session_id(1), 3, 2, now, G), NOW.plus(G)));
}

fn row_6_revokes_a_late_predecessor_whose_successor_was_seen(test: &TestDatabase) {
    const REVOKE: Row = |c, now| revoke_reused(c, session_id(1), 3, 2, now, Some(G));
    rotated_twice(test);
    assert!(!applies(test, REVOKE, NOW.plus(G)), "unseen: a lost answer");
    test.write(|c| mark_seen(c, session_id(1), 3));
    assert!(!applies(test, REVOKE, NOW.plus(G).minus(TICK)), "the last hand-out may be on its way");
    assert!(!applies(test, |c, now| revoke_reused(c, session_id(1), 3, 3, now, Some(G)), NOW.plus(G)), "current");
    assert!(tried(test, REVOKE, NOW.plus(G)));
    let after = state(test);
    assert_eq!((after.revoked_at, after.revoke_reason.as_deref()), (Some(NOW.plus(G)), Some(REUSE)));
    assert!(!tried(test, REVOKE, NOW.plus(G)), "once");
}

fn row_6_revokes_whatever_is_older_than_the_predecessor(test: &TestDatabase) {
    rotated_twice(test);
    assert!(applies(test, |c, now| revoke_reused(c, session_id(1), 3, 1, now, Some(G)), NOW));
    // After row 7 there is no predecessor.
    test.write(|c| fast_forward(c, session_id(1), 3, 9, NOW));
    assert!(applies(test, |c, now| revoke_reused(c, session_id(1), 9, 8, now, Some(G)), NOW));
    assert!(!applies(test, |c, now| revoke_reused(c, session_id(1), 9, 10, now, Some(G)), NOW), "newer");
}

fn row_6_without_grace_revokes_everything_old(test: &TestDatabase) {
    rotated_twice(test);
    assert!(applies(test, |c, now| revoke_reused(c, session_id(1), 3, 2, now, None), NOW.minus(G)));
    assert!(applies(test, |c, now| revoke_reused(c, session_id(1), 3, 1, now, None), NOW));
    assert!(!applies(test, |c, now| revoke_reused(c, session_id(1), 3, 3, now, None), NOW));
}

fn row_7_catches_up_with_a_newer_token(test: &TestDatabase) {
    rotated_twice(test);
    assert!(!applies(test, |c, now| fast_forward(c, session_id(1), 3, 3, now), NOW));
    assert!(tried(test, |c, now| fast_forward(c, session_id(1), 3, 9, now), NOW));
    let after = state(test);
    assert_eq!((after.generation, after.previous_generation, after.seen_generation), (9, None, 2));
    assert_eq!((after.rotated_at, after.handed_at), (None, None));
    assert!(applies(test, |c, now| rotate(c, session_id(1), 9, now, Some(G)), NOW));
}

/// Every row, under conditions in which it would apply to the session of [`rotated_twice`].
const ROWS: [(&str, Row); 8] = [
    ("1", |c, _| mark_seen(c, session_id(1), 3)),
    ("2", |c, _| rotate(c, session_id(1), 3, NOW.plus(G), Some(G))),
    ("2, strict", |c, _| rotate(c, session_id(1), 3, NOW, None)),
    ("3", |c, _| extend_hand_out(c, session_id(1), 3, 2, NOW, G)),
    ("5", |c, _| skip(c, session_id(1), 3, 2, NOW.plus(G), G)),
    ("6", |c, _| revoke_reused(c, session_id(1), 3, 1, NOW, Some(G))),
    ("6, strict", |c, _| revoke_reused(c, session_id(1), 3, 1, NOW, None)),
    ("7", |c, _| fast_forward(c, session_id(1), 3, 9, NOW)),
];

fn no_row_touches_a_revoked_session(test: &TestDatabase) {
    rotated_twice(test);
    for (name, row) in ROWS {
        assert!(applies(test, row, NOW), "row {name} must apply before");
    }
    test.write(|c| session::revoke(c, session_id(1), user_id(1), "logout", NOW));
    for (name, row) in ROWS {
        assert!(!applies(test, row, NOW), "row {name}");
    }
}

fn no_row_touches_a_session_of_another_generation(test: &TestDatabase) {
    rotated_twice(test);
    test.write(|c| run(c, "UPDATE sessions SET generation = 5"));
    for (name, row) in &ROWS[1..] {
        assert!(!applies(test, *row, NOW), "row {name}");
    }
}

fn a_time_too_far_ahead_counts_as_elapsed(test: &TestDatabase) {
    rotated_twice(test);
    // The clock was ahead when the session was rotated, and is set back.
    let (inside, beyond) = (NOW.minus(G), NOW.minus(G).minus(TICK));
    assert!(!applies(test, |c, now| rotate(c, session_id(1), 3, now, Some(G)), inside));
    assert!(applies(test, |c, now| rotate(c, session_id(1), 3, now, Some(G)), beyond));
    assert!(applies(test, |c, now| extend_hand_out(c, session_id(1), 3, 2, now, G), inside));
    assert!(!applies(test, |c, now| extend_hand_out(c, session_id(1), 3, 2, now, G), beyond));
    assert!(!applies(test, |c, now| skip(c, session_id(1), 3, 2, now, G), inside));
    assert!(applies(test, |c, now| skip(c, session_id(1), 3, 2, now, G), beyond));
    test.write(|c| mark_seen(c, session_id(1), 3));
    assert!(!applies(test, |c, now| revoke_reused(c, session_id(1), 3, 2, now, Some(G)), inside));
    assert!(applies(test, |c, now| revoke_reused(c, session_id(1), 3, 2, now, Some(G)), beyond));
}

fn one_of_many_rotations_at_once_wins(test: &TestDatabase) {
    test.write(user_with_session);
    for generation in 1..=25 {
        let barrier = Barrier::new(8);
        let attempt = || {
            barrier.wait();
            test.database.statements_blocking(move |c| rotate(c, session_id(1), generation, NOW, None)).unwrap()
        };
        let winners = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(attempt)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).filter(|won| *won).count()
        });
        assert_eq!(winners, 1, "generation {generation}");
    }
    assert_eq!(state(test).generation, 26);
}
