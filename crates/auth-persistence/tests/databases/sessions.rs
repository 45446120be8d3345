//! Sessions, apart from refreshing.

use std::num::NonZeroU32;

use auth_core::{SessionId, Timestamp};
use auth_persistence::session::{self, NewSession};
use auth_persistence::user;

use crate::fixture::{TestDatabase, on_both_databases};
use crate::rows::{HOUR, NOW, TICK, new_session, new_user, session_id, user_id, user_with_session};

on_both_databases!(
    a_session_is_read_as_written,
    a_session_is_found_with_its_user,
    live_sessions_are_listed_newest_first,
    a_session_is_revoked_once_and_by_its_owner_only,
    all_sessions_but_one_are_revoked,
    the_oldest_sessions_beyond_a_number_are_revoked,
    sessions_that_ended_long_ago_are_deleted_a_batch_at_a_time,
    sessions_revoked_long_ago_are_deleted_a_batch_at_a_time,
);

/// Stores users 1 and 2; the sessions 1 to 4 of user 1, each an hour younger than the one before; session 5 of user 2.
fn some_sessions(test: &TestDatabase) {
    test.write(|c| {
        user::insert(c, &new_user(1))?;
        user::insert(c, &new_user(2))?;
        for number in 1..=4 {
            let created_at = NOW.plus(HOUR * u32::try_from(number).unwrap());
            session::insert(c, &NewSession { created_at, ..new_session(number, 1) })?;
        }
        session::insert(c, &new_session(5, 2))
    });
}

fn is_revoked(test: &TestDatabase, number: u64) -> bool {
    test.read(move |c| session::find(c, session_id(number))).unwrap().revoked_at.is_some()
}

fn a_session_is_read_as_written(test: &TestDatabase) {
    test.write(user_with_session);
    let session = test.read(|c| session::find(c, session_id(1))).unwrap();
    let new = new_session(1, 1);
    assert_eq!((session.id, session.user_id), (new.id, new.user_id));
    assert_eq!((session.generation, session.previous_generation), (1, None));
    assert_eq!((session.seen_generation, session.skips), (0, 0));
    assert_eq!(session.salt, new.salt);
    assert_eq!((session.rotated_at, session.handed_at), (None, None));
    assert_eq!((session.created_at, session.authenticated_at, session.last_used_at), (NOW, NOW, NOW));
    assert_eq!(session.expires_at, new.expires_at);
    assert_eq!((session.revoked_at, session.revoke_reason), (None, None));
    assert_eq!((session.ip, session.user_agent, session.auth_methods), (new.ip, None, new.auth_methods));
}

fn a_session_is_found_with_its_user(test: &TestDatabase) {
    some_sessions(test);
    let (session, user) = test.read(|c| session::find_with_user(c, session_id(5))).unwrap();
    assert_eq!((session.id, user.id), (session_id(5), user_id(2)));
    assert!(test.read(|c| session::find_with_user(c, session_id(6))).is_none());
}

fn live(test: &TestDatabase, now: Timestamp, idle_cutoff: Timestamp) -> Vec<SessionId> {
    let live = test.read(move |c| session::list_live(c, user_id(1), now, idle_cutoff));
    live.into_iter().map(|session| session.id).collect()
}

fn live_sessions_are_listed_newest_first(test: &TestDatabase) {
    some_sessions(test);
    test.write(|c| session::revoke(c, session_id(2), user_id(1), "logout", NOW));
    let expected = [4, 3, 1].map(session_id);
    assert_eq!(live(test, NOW, Timestamp::UNIX_EPOCH), expected);
    assert_eq!(live(test, NOW, NOW.plus(HOUR)), expected[..2], "idle for too long, to the microsecond");
    assert_eq!(live(test, NOW.plus(24 * HOUR), Timestamp::UNIX_EPOCH), [], "expired, to the microsecond");
}

fn a_session_is_revoked_once_and_by_its_owner_only(test: &TestDatabase) {
    some_sessions(test);
    assert!(!test.write(|c| session::revoke(c, session_id(1), user_id(2), "logout", NOW)));
    assert!(test.write(|c| session::revoke(c, session_id(1), user_id(1), "logout", NOW)));
    assert!(!test.write(|c| session::revoke(c, session_id(1), user_id(1), "again", NOW.plus(HOUR))));
    let session = test.read(|c| session::find(c, session_id(1))).unwrap();
    assert_eq!((session.revoked_at, session.revoke_reason.as_deref()), (Some(NOW), Some("logout")));
}

fn all_sessions_but_one_are_revoked(test: &TestDatabase) {
    some_sessions(test);
    let mut revoked = test.write(|c| session::revoke_all(c, user_id(1), Some(session_id(3)), "password", NOW));
    revoked.sort_unstable();
    let mut expected = [1, 2, 4].map(|number| (session_id(number), new_session(1, 1).expires_at));
    expected.sort_unstable();
    assert_eq!(revoked, expected);
    assert!(!is_revoked(test, 3) && !is_revoked(test, 5));
    let revoked = test.write(|c| session::revoke_all(c, user_id(1), None, "password", NOW));
    assert_eq!(revoked, [(session_id(3), new_session(1, 1).expires_at)]);
}

fn the_oldest_sessions_beyond_a_number_are_revoked(test: &TestDatabase) {
    some_sessions(test);
    let keep = NonZeroU32::new(3).unwrap();
    let revoke = move |c: &mut _| session::revoke_oldest_beyond(c, user_id(1), keep, "limit", NOW);
    assert_eq!(test.write(revoke), [(session_id(1), new_session(1, 1).expires_at)]);
    assert_eq!(test.write(revoke), []);
    assert_eq!([2, 3, 4, 5].map(|number| is_revoked(test, number)), [false; 4]);
}

fn left(test: &TestDatabase) -> Vec<u64> {
    (1..=5).filter(|&number| test.read(move |c| session::find(c, session_id(number))).is_some()).collect()
}

/// REQ-14
fn sessions_that_ended_long_ago_are_deleted_a_batch_at_a_time(test: &TestDatabase) {
    test.write(|c| {
        user::insert(c, &new_user(1))?;
        for (number, expires_at) in [(1, NOW.minus(TICK)), (2, NOW), (3, NOW.minus(HOUR)), (4, NOW.plus(TICK))] {
            session::insert(c, &NewSession { expires_at, ..new_session(number, 1) })?;
        }
        Ok(())
    });
    let deleted = |limit| test.write(move |c| session::delete_expired(c, NOW, limit));
    assert_eq!((deleted(1), left(test)), (1, vec![1, 2, 4]), "the oldest first");
    assert_eq!([1, 9, 9].map(deleted), [1, 1, 0]);
    assert_eq!(left(test), [4]);
}

/// REQ-14
fn sessions_revoked_long_ago_are_deleted_a_batch_at_a_time(test: &TestDatabase) {
    some_sessions(test);
    for (number, at) in [(1, NOW.minus(TICK)), (2, NOW), (3, NOW.plus(TICK))] {
        assert!(test.write(move |c| session::revoke(c, session_id(number), user_id(1), "logout", at)));
    }
    let deleted = |limit| test.write(move |c| session::delete_revoked(c, NOW, limit));
    assert_eq!((deleted(1), left(test)), (1, vec![2, 3, 4, 5]), "the first revoked first");
    assert_eq!([9, 9].map(deleted), [1, 0]);
    assert_eq!(left(test), [3, 4, 5], "and none that is live");
}
