//! Backup codes.

use auth_persistence::backup_code::{count_left, delete_all, replace_all, spend};
use auth_persistence::{Conflict, DbConnection, DbError, user};

use crate::fixture::{TestDatabase, on_both_databases, sixteen_at_once};
use crate::rows::{HOUR, NOW, new_user, user_id};

on_both_databases!(
    each_code_is_spent_once,
    one_of_many_spends_a_code,
    many_codes_are_spent_at_once,
    a_code_is_of_no_use_to_another_user,
    codes_of_an_earlier_set_are_gone,
    codes_replaced_at_once_leave_one_set,
    a_set_that_is_refused_leaves_the_earlier_one,
    a_spent_code_may_come_again_with_a_new_set,
    no_codes_are_a_set_too,
    all_codes_of_one_user_are_deleted,
);

/// Ten hashes, different for each `set`.
fn hashes(set: u8) -> [[u8; 32]; 10] {
    std::array::from_fn(|number| {
        let mut hash = [set; 32];
        hash[31] = u8::try_from(number).unwrap();
        hash
    })
}

/// Stores users 1 and 2, and set 1 for user 1.
fn ten_codes(c: &mut DbConnection) -> Result<(), DbError> {
    user::insert(c, &new_user(1))?;
    user::insert(c, &new_user(2))?;
    replace_all(c, user_id(1), &hashes(1), NOW)
}

fn spent(test: &TestDatabase, user: u64, hash: [u8; 32]) -> bool {
    test.database.statements_blocking(move |c| spend(c, user_id(user), &hash, NOW.plus(HOUR))).unwrap()
}

fn left(test: &TestDatabase, user: u64) -> i64 {
    test.read(move |c| count_left(c, user_id(user)))
}

/// REQ-22, M-13.
fn each_code_is_spent_once(test: &TestDatabase) {
    test.write(ten_codes);
    assert_eq!(left(test, 1), 10);
    for (hash, expected) in hashes(1).into_iter().zip((0..10).rev()) {
        assert!(spent(test, 1, hash));
        assert!(!spent(test, 1, hash));
        assert_eq!(left(test, 1), expected);
    }
    assert!(!spent(test, 1, [9; 32]), "there is none like this");
}

/// REQ-22, M-13: also at once.
fn one_of_many_spends_a_code(test: &TestDatabase) {
    test.write(ten_codes);
    for hash in hashes(1) {
        let wins = sixteen_at_once(|_| spent(test, 1, hash));
        assert_eq!(wins.into_iter().filter(|won| *won).count(), 1);
    }
    assert_eq!(left(test, 1), 0);
}

fn many_codes_are_spent_at_once(test: &TestDatabase) {
    test.write(ten_codes);
    let hashes = hashes(1);
    let wins = sixteen_at_once(|number| spent(test, 1, hashes[usize::try_from(number % 8).unwrap()]));
    for code in 0..8 {
        assert!(wins[code] != wins[code + 8], "code {code}");
    }
    assert_eq!(left(test, 1), 2);
}

/// M-13.
fn a_code_is_of_no_use_to_another_user(test: &TestDatabase) {
    test.write(ten_codes);
    assert!(!spent(test, 2, hashes(1)[0]));
    assert_eq!((left(test, 1), left(test, 2)), (10, 0));
    // The same hash may be in the sets of both.
    test.write(|c| replace_all(c, user_id(2), &hashes(1), NOW));
    assert!(spent(test, 2, hashes(1)[0]));
    assert_eq!((left(test, 1), left(test, 2)), (10, 9));
    assert!(spent(test, 1, hashes(1)[0]));
}

/// M-13.
fn codes_of_an_earlier_set_are_gone(test: &TestDatabase) {
    test.write(ten_codes);
    assert!(spent(test, 1, hashes(1)[0]));
    test.write(|c| replace_all(c, user_id(2), &hashes(3), NOW));
    test.write(|c| replace_all(c, user_id(1), &hashes(2), NOW));
    assert_eq!((left(test, 1), left(test, 2)), (10, 10));
    assert!(hashes(1).into_iter().all(|hash| !spent(test, 1, hash)));
    assert!(hashes(2).into_iter().all(|hash| spent(test, 1, hash)));
}

/// Never twenty that work.
fn codes_replaced_at_once_leave_one_set(test: &TestDatabase) {
    test.write(ten_codes);
    for round in 0..5 {
        sixteen_at_once(|number| {
            let set = u8::try_from(16 * round + number).unwrap();
            test.write(move |c| {
                user::lock(c, user_id(1))?;
                replace_all(c, user_id(1), &hashes(set), NOW)
            });
        });
        assert_eq!(left(test, 1), 10, "round {round}");
    }
}

fn a_set_that_is_refused_leaves_the_earlier_one(test: &TestDatabase) {
    test.write(ten_codes);
    let error = test.refused(|c| replace_all(c, user_id(1), &[[7; 32], [7; 32]], NOW));
    assert_eq!(error, DbError::UniqueViolation(Conflict::BackupCode));
    assert_eq!(left(test, 1), 10);
    assert!(spent(test, 1, hashes(1)[9]));
}

fn a_spent_code_may_come_again_with_a_new_set(test: &TestDatabase) {
    test.write(ten_codes);
    assert!(spent(test, 1, hashes(1)[0]));
    test.write(|c| replace_all(c, user_id(1), &hashes(1), NOW));
    assert!(spent(test, 1, hashes(1)[0]));
}

fn no_codes_are_a_set_too(test: &TestDatabase) {
    test.write(ten_codes);
    test.write(|c| replace_all(c, user_id(1), &[], NOW));
    assert_eq!(left(test, 1), 0);
    assert!(!spent(test, 1, hashes(1)[0]));
}

fn all_codes_of_one_user_are_deleted(test: &TestDatabase) {
    test.write(ten_codes);
    test.write(|c| replace_all(c, user_id(2), &hashes(2), NOW));
    assert!(spent(test, 1, hashes(1)[0]));
    assert_eq!(test.write(|c| delete_all(c, user_id(1))), 10, "the spent one too");
    assert_eq!(test.write(|c| delete_all(c, user_id(1))), 0);
    assert!(!spent(test, 1, hashes(1)[1]));
    assert_eq!((left(test, 1), left(test, 2)), (0, 10));
}
