//! Devices that a user signed in on.

use auth_core::Timestamp;
use auth_persistence::device::{self, Device};
use auth_persistence::{DbConnection, DbError, user};

use crate::fixture::{TestDatabase, on_both_databases, sixteen_at_once};
use crate::rows::{HOUR, NOW, TICK, new_user, token_hash, user_id, uuid};

on_both_databases!(
    a_device_is_found_by_its_token_s_hash_while_it_is_known,
    a_device_is_renewed_for_its_user_while_it_is_known,
    the_one_unused_for_longest_makes_room,
    of_devices_used_at_one_time_the_one_made_last_stays,
    sign_ins_at_once_leave_no_more_than_there_may_be,
    all_of_a_user_are_forgotten_and_nobody_else_s,
    devices_that_are_known_no_more_are_deleted_in_batches,
    devices_go_with_their_user,
    a_device_of_nobody_is_refused,
    two_devices_have_two_tokens,
);

/// Device `number` of user `user`, last used so many hours after noon.
fn new_device(number: u8, user: u64, hours: u32) -> Device {
    let last_used_at = NOW.plus(HOUR * hours);
    Device {
        id: uuid(6_000_000 + u64::from(number)),
        user_id: user_id(user),
        label: Some("Firefox on Linux".to_owned()),
        created_at: NOW,
        last_used_at,
        expires_at: last_used_at.plus(24 * HOUR),
    }
}

/// Stores it with the token hash of its number.
fn add(c: &mut DbConnection, number: u8, user: u64, hours: u32) -> Result<(), DbError> {
    device::insert(c, &new_device(number, user, hours), &token_hash(number))
}

fn two_users(test: &TestDatabase) {
    test.write(|c| {
        user::insert(c, &new_user(1))?;
        user::insert(c, &new_user(2))
    });
}

fn find(test: &TestDatabase, number: u8, now: Timestamp) -> Option<Device> {
    test.read(move |c| device::find(c, &token_hash(number), now))
}

/// Which of the devices 1 to 9 are there still, the one used last first.
fn left(test: &TestDatabase, user: u64) -> Vec<u8> {
    let list = test.read(move |c| device::list(c, user_id(user)));
    let number = |id| (1..=9).find(|number| new_device(*number, user, 0).id == id).unwrap();
    list.into_iter().map(|device| number(device.id)).collect()
}

fn a_device_is_found_by_its_token_s_hash_while_it_is_known(test: &TestDatabase) {
    two_users(test);
    test.write(|c| add(c, 1, 1, 0));
    let device = new_device(1, 1, 0);
    assert_eq!(find(test, 1, NOW), Some(device.clone()));
    assert_eq!(find(test, 2, NOW), None);
    assert_eq!(find(test, 1, device.expires_at.minus(TICK)), Some(device.clone()));
    assert_eq!(find(test, 1, device.expires_at), None);
    let nameless = Device { label: None, ..new_device(2, 2, 0) };
    let stored = nameless.clone();
    test.write(move |c| device::insert(c, &stored, &token_hash(2)));
    assert_eq!(find(test, 2, NOW), Some(nameless));
}

fn a_device_is_renewed_for_its_user_while_it_is_known(test: &TestDatabase) {
    two_users(test);
    test.write(|c| add(c, 1, 1, 0));
    let device = new_device(1, 1, 0);
    let renew = |user, now: Timestamp| {
        test.write(move |c| device::renew(c, uuid(6_000_001), user_id(user), now, now.plus(24 * HOUR)))
    };
    assert!(!renew(2, NOW), "another user's");
    assert_eq!(find(test, 1, NOW), Some(device.clone()));
    let late = device.expires_at.minus(TICK);
    assert!(renew(1, late));
    let expected = Device { last_used_at: late, expires_at: late.plus(24 * HOUR), ..device };
    assert_eq!(find(test, 1, NOW.plus(30 * HOUR)), Some(expected.clone()));
    assert!(!renew(1, expected.expires_at), "it is known no more");
    assert_eq!(test.read(|c| device::list(c, user_id(1))), [expected]);
}

/// `MAX_DEVICES`: here it is three.
fn the_one_unused_for_longest_makes_room(test: &TestDatabase) {
    two_users(test);
    test.write(|c| {
        for (number, hours) in [(1, 4), (2, 1), (3, 3)] {
            add(c, number, 1, hours)?;
        }
        add(c, 9, 2, 0)
    });
    assert_eq!(test.write(|c| device::keep_newest(c, user_id(1), 3)), 0);
    test.write(|c| add(c, 4, 1, 5));
    assert_eq!(test.write(|c| device::keep_newest(c, user_id(1), 3)), 1);
    assert_eq!(left(test, 1), [4, 1, 3], "made earlier than 2, but used later");
    assert_eq!(test.write(|c| device::keep_newest(c, user_id(1), 1)), 2);
    assert_eq!((left(test, 1), left(test, 2)), (vec![4], vec![9]));
}

fn of_devices_used_at_one_time_the_one_made_last_stays(test: &TestDatabase) {
    two_users(test);
    test.write(|c| (1..=4).try_for_each(|number| add(c, number, 1, 0)));
    assert_eq!(test.write(|c| device::keep_newest(c, user_id(1), 2)), 2);
    // Ids begin with the time, and these with one time: then the higher one counts as the later.
    let mut by_id: Vec<u8> = (1..=4).collect();
    by_id.sort_by_key(|number| std::cmp::Reverse(new_device(*number, 1, 0).id));
    assert_eq!(left(test, 1), by_id[..2]);
}

/// Each locks the user's row first, as every sign-in does.
fn sign_ins_at_once_leave_no_more_than_there_may_be(test: &TestDatabase) {
    two_users(test);
    for round in 0..4 {
        sixteen_at_once(|number| {
            let number = 100 + 16 * round + u8::try_from(number).unwrap();
            test.write(move |c| {
                user::lock(c, user_id(1))?;
                add(c, number, 1, 0)?;
                device::keep_newest(c, user_id(1), 20)
            });
        });
        let expected = [16, 20, 20, 20][usize::from(round)];
        assert_eq!(test.read(|c| device::list(c, user_id(1))).len(), expected);
    }
}

fn all_of_a_user_are_forgotten_and_nobody_else_s(test: &TestDatabase) {
    two_users(test);
    test.write(|c| {
        add(c, 1, 1, 0)?;
        add(c, 2, 1, 1)?;
        add(c, 3, 2, 0)
    });
    assert_eq!(test.write(|c| device::forget_all(c, user_id(1))), 2);
    assert_eq!(test.write(|c| device::forget_all(c, user_id(1))), 0);
    assert_eq!((left(test, 1), left(test, 2)), (vec![], vec![3]));
    assert!(find(test, 1, NOW).is_none() && find(test, 3, NOW).is_some());
}

fn devices_that_are_known_no_more_are_deleted_in_batches(test: &TestDatabase) {
    two_users(test);
    test.write(|c| {
        for (number, hours) in [(1, 0), (2, 1), (3, 2), (4, 3)] {
            add(c, number, 1, hours)?;
        }
        Ok(())
    });
    let now = NOW.plus(26 * HOUR);
    let delete = |limit| test.write(move |c| device::delete_expired(c, now, limit));
    assert_eq!(delete(2), 2);
    assert_eq!(left(test, 1).len(), 2);
    assert_eq!(delete(2), 1, "to the microsecond");
    assert_eq!(delete(2), 0);
    assert_eq!(left(test, 1), [4]);
}

fn devices_go_with_their_user(test: &TestDatabase) {
    two_users(test);
    test.write(|c| {
        add(c, 1, 1, 0)?;
        add(c, 2, 2, 0)
    });
    assert!(test.write(|c| user::delete(c, user_id(1))));
    assert!(find(test, 1, NOW).is_none() && find(test, 2, NOW).is_some());
}

fn a_device_of_nobody_is_refused(test: &TestDatabase) {
    assert!(matches!(test.refused(|c| add(c, 1, 1, 0)), DbError::ForeignKeyViolation));
}

fn two_devices_have_two_tokens(test: &TestDatabase) {
    two_users(test);
    test.write(|c| add(c, 1, 1, 0));
    let refused = test.refused(|c| device::insert(c, &new_device(2, 2, 0), &token_hash(1)));
    assert!(matches!(refused, DbError::UniqueViolation { .. }), "{refused:?}");
    assert_eq!(find(test, 1, NOW).unwrap().user_id, user_id(1));
}
