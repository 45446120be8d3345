//! What administrators look at and decide.

use auth_core::{AuditEventId, Role, UserId};
use auth_persistence::audit_event::{self, AuditEvent};
use auth_persistence::audit_trail::{self, Events, Span};
use auth_persistence::user::{self, NewUser, Walk};
use uuid::Uuid;

use crate::fixture::{TestDatabase, on_both_databases};
use crate::rows::{NOW, TICK, audit_event, new_user, user_id};

on_both_databases!(
    users_are_walked_through_newest_first_a_part_at_a_time,
    administrators_and_disabled_users_have_walks_of_their_own,
    users_are_loaded_by_their_ids,
    each_decision_changes_its_column_and_the_time,
    a_decision_about_nobody_changes_nothing,
    an_address_or_a_password_that_is_not_there_is_not_decided_about,
    the_trail_is_read_between_two_ids,
);

/// In the order of the numbers.
fn id(number: u64) -> UserId {
    UserId::from_uuid(Uuid::from_u64_pair(0x0190_0000_0000_7000, number))
}

fn users(test: &TestDatabase, numbers: impl IntoIterator<Item = u64> + Send + 'static) {
    test.write(move |c| {
        numbers.into_iter().try_for_each(|number| user::insert(c, &NewUser { id: id(number), ..new_user(number) }))
    });
}

fn part(test: &TestDatabase, walk: Walk, before: Option<u64>, limit: u32) -> Vec<UserId> {
    let users = test.read(move |c| user::newest(c, walk, before.map(id), limit));
    users.into_iter().map(|user| user.id).collect()
}

fn users_are_walked_through_newest_first_a_part_at_a_time(test: &TestDatabase) {
    users(test, [3, 1, 5, 2, 4]);
    assert_eq!(part(test, Walk::All, None, 9), [5, 4, 3, 2, 1].map(id));
    assert_eq!(part(test, Walk::All, None, 2), [5, 4].map(id));
    users(test, [6]);
    assert_eq!(part(test, Walk::All, Some(4), 2), [3, 2].map(id));
    assert_eq!(part(test, Walk::All, Some(1), 2), []);
    let newest = test.read(|c| user::newest(c, Walk::All, None, 1)).remove(0);
    assert_eq!((newest.email.as_deref(), newest.username.as_deref()), (Some("User6@Example.com"), Some("Name6")));
    assert_eq!((newest.display_name, newest.role, newest.disabled_at), (None, Role::User, None));
}

fn administrators_and_disabled_users_have_walks_of_their_own(test: &TestDatabase) {
    users(test, 1..=6);
    test.write(|c| {
        for number in [2, 3, 5] {
            user::set_role(c, id(number), Role::Admin, NOW)?;
        }
        for number in [1, 3, 6] {
            user::set_disabled(c, id(number), Some(NOW), NOW)?;
        }
        Ok(())
    });
    assert_eq!(part(test, Walk::Admins, None, 9), [5, 3, 2].map(id));
    assert_eq!(part(test, Walk::Admins, Some(5), 1), [3].map(id));
    assert_eq!(part(test, Walk::Disabled, None, 9), [6, 3, 1].map(id));
    assert_eq!(part(test, Walk::Disabled, Some(3), 9), [1].map(id));
}

fn users_are_loaded_by_their_ids(test: &TestDatabase) {
    users(test, 1..=4);
    let load = |numbers: &[u64]| {
        let ids: Vec<UserId> = numbers.iter().copied().map(id).collect();
        test.read(move |c| user::load(c, &ids)).into_iter().map(|user| user.id).collect::<Vec<_>>()
    };
    assert_eq!(load(&[1, 4, 2, 9]), [4, 2, 1].map(id));
    assert_eq!(load(&[]), []);
}

fn each_decision_changes_its_column_and_the_time(test: &TestDatabase) {
    test.write(|c| user::insert(c, &new_user(1)));
    let before = test.read(|c| user::find(c, user_id(1))).unwrap();
    let later = NOW.plus(TICK);
    test.write(move |c| {
        assert!(user::set_role(c, user_id(1), Role::Admin, later)?);
        assert!(user::set_disabled(c, user_id(1), Some(NOW), later)?);
        assert!(user::set_password_must_change(c, user_id(1), true, later)?);
        assert!(user::set_email_verified(c, user_id(1), Some(NOW), later)?);
        Ok(())
    });
    let mut expected = before.clone();
    expected.role = Role::Admin;
    expected.disabled_at = Some(NOW);
    expected.password_must_change = true;
    expected.email_verified_at = Some(NOW);
    expected.email_vouched_at = Some(NOW);
    expected.updated_at = later;
    assert_eq!(test.read(|c| user::find(c, user_id(1))), Some(expected));
    test.write(|c| {
        assert!(user::set_role(c, user_id(1), Role::User, NOW)?);
        assert!(user::set_disabled(c, user_id(1), None, NOW)?);
        assert!(user::set_password_must_change(c, user_id(1), false, NOW)?);
        assert!(user::set_email_verified(c, user_id(1), None, NOW)?);
        Ok(())
    });
    assert_eq!(test.read(|c| user::find(c, user_id(1))), Some(before));
}

fn a_decision_about_nobody_changes_nothing(test: &TestDatabase) {
    test.write(|c| {
        user::insert(c, &new_user(1))?;
        assert!(!user::set_role(c, user_id(2), Role::Admin, NOW)?);
        assert!(!user::set_disabled(c, user_id(2), Some(NOW), NOW)?);
        assert!(!user::set_password_must_change(c, user_id(2), true, NOW)?);
        assert!(!user::set_email_verified(c, user_id(2), Some(NOW), NOW)?);
        Ok(())
    });
    assert_eq!(test.read(|c| user::find(c, user_id(1))).unwrap().role, Role::User);
}

fn an_address_or_a_password_that_is_not_there_is_not_decided_about(test: &TestDatabase) {
    test.write(|c| {
        user::insert(c, &NewUser { email: None, password_hash: None, ..new_user(1) })?;
        assert!(!user::set_password_must_change(c, user_id(1), true, NOW)?);
        assert!(!user::set_email_verified(c, user_id(1), Some(NOW), NOW)?);
        // A password that was made unusable leaves the demand, which can be taken back.
        assert!(user::set_password_must_change(c, user_id(1), false, NOW)?);
        Ok(())
    });
    let user = test.read(|c| user::find(c, user_id(1))).unwrap();
    assert_eq!((user.password_must_change, user.email_verified_at), (false, None));
}

fn the_trail_is_read_between_two_ids(test: &TestDatabase) {
    let event_id = |number| AuditEventId::from_uuid(*id(number).as_uuid());
    test.write(move |c| {
        for (number, user, event) in [(1, 1, "a"), (2, 2, "a"), (3, 1, "b"), (4, 2, "b"), (5, 1, "a")] {
            let row = AuditEvent { id: event_id(number), event: event.to_owned(), ..audit_event(number, user) };
            audit_event::insert(c, &row, None)?;
        }
        Ok(())
    });
    let numbers = |rows: Vec<AuditEvent>| rows.iter().map(|row| row.id.as_uuid().as_u64_pair().1).collect::<Vec<_>>();
    let (all, inner) = (Span::default(), Span { from: Some(event_id(2)), before: Some(event_id(5)) });
    for (span, limit, of_all, of_user, of_event) in [
        (all, 9, [5, 4, 3, 2, 1].as_slice(), [5, 3, 1].as_slice(), [5, 2, 1].as_slice()),
        (all, 2, &[5, 4], &[5, 3], &[5, 2]),
        (inner, 9, &[4, 3, 2], &[3], &[2]),
    ] {
        let read = |events| numbers(test.read(move |c| audit_trail::newest(c, events, span, limit)));
        assert_eq!(read(Events::All), of_all);
        assert_eq!(read(Events::OfUser(user_id(1))), of_user);
        assert_eq!(read(Events::Named("a")), of_event);
    }
}
