//! Statements about all users at once.

use std::collections::BTreeSet;

use auth_core::UserId;
use auth_persistence::{everybody, session, user};

use crate::fixture::{TestDatabase, on_both_databases};
use crate::rows::{HOUR, NOW, new_session, new_user, session_id, user_id};

/// Each stretch goes on where the last one ended, and the last is followed by none.
fn stretches_reach_every_user_once(test: &TestDatabase) {
    test.write(|conn| (1..=7).try_for_each(|number| user::insert(conn, &new_user(number))));
    let (mut after, mut reached) = (None, Vec::new());
    while let Some(stretch) = test.read(move |conn| everybody::stretch(conn, after, 3)) {
        let raised = test.write(move |conn| everybody::raise_epochs(conn, stretch));
        assert!(raised.iter().all(|(_, epoch)| *epoch == 1), "{raised:?}");
        assert!(raised.len() <= 3, "{raised:?}");
        reached.extend(raised.into_iter().map(|(id, _)| id));
        after = Some(stretch.last());
    }
    let distinct: BTreeSet<UserId> = reached.iter().copied().collect();
    assert_eq!((reached.len(), distinct), (7, (1..=7).map(user_id).collect()));
    let one = test.read(|conn| user::find(conn, user_id(1))).unwrap();
    assert_eq!((one.token_epoch, one.security_epoch, one.premium_epoch), (1, 1, 0));
}

fn the_sessions_of_a_stretch_end_and_no_others(test: &TestDatabase) {
    test.write(|conn| {
        for number in 1..=3 {
            user::insert(conn, &new_user(number))?;
        }
        session::insert(conn, &new_session(1, 1))?;
        session::insert(conn, &new_session(2, 1))?;
        session::insert(conn, &new_session(3, 3))?;
        session::revoke(conn, session_id(2), user_id(1), "logout", NOW).map(drop)
    });
    let mut ids: Vec<UserId> = (1..=3).map(user_id).collect();
    ids.sort_unstable();
    let first_two = test.read(|conn| everybody::stretch(conn, None, 2)).unwrap();
    assert_eq!(first_two.last(), ids[1]);
    let theirs = test.read(move |conn| everybody::with_sessions(conn, first_two));
    let expected: Vec<UserId> = ids[..2].iter().copied().filter(|id| *id != user_id(2)).collect();
    assert_eq!(theirs.iter().collect::<BTreeSet<_>>(), expected.iter().collect());
    let revoked = test.write(move |conn| everybody::revoke_sessions(conn, first_two, "test", NOW.plus(HOUR)));
    assert_eq!(revoked, expected.len());
    for (number, user) in [(1, 1), (3, 3)] {
        let is_ended = test.read(move |conn| session::find(conn, session_id(number))).unwrap().revoked_at.is_some();
        assert_eq!(is_ended, expected.contains(&user_id(user)), "{number}");
    }
    let before = test.read(|conn| session::find(conn, session_id(2))).unwrap();
    assert_eq!(before.revoked_at, Some(NOW), "what had ended ended then");
    assert_eq!(test.write(|conn| everybody::revoke_every_session(conn, "test", NOW)), 2 - revoked);
}

on_both_databases!(stretches_reach_every_user_once, the_sessions_of_a_stretch_end_and_no_others);
