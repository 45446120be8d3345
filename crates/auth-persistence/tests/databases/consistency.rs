//! Values that somebody else wrote against the rules are told by table and column.

use auth_core::TokenPurpose;
use auth_persistence::one_time_token::{self, Subject};
use auth_persistence::{DbError, user};

use crate::fixture::{TestDatabase, on_both_databases, run};
use crate::rows::{NOW, new_token, new_user, token_hash, user_id};

on_both_databases!(an_unknown_role_is_an_inconsistent_row, a_token_of_nobody_is_an_inconsistent_row);

fn an_unknown_role_is_an_inconsistent_row(test: &TestDatabase) {
    test.write(|c| user::insert(c, &new_user(1)));
    let lift = if test.is_sqlite() {
        "PRAGMA ignore_check_constraints = ON"
    } else {
        "ALTER TABLE users DROP CONSTRAINT users_role_check"
    };
    test.write(move |c| {
        run(c, lift)?;
        run(c, "UPDATE users SET role = 'root'")
    });
    let error = test.database.read_blocking(|c| user::find(c, user_id(1))).unwrap_err();
    assert_eq!(error, DbError::InconsistentRow { table: "users", column: "role".to_owned() });
}

fn a_token_of_nobody_is_an_inconsistent_row(test: &TestDatabase) {
    test.write(|c| user::insert(c, &new_user(1)));
    test.write(|c| one_time_token::insert(c, &new_token(1, Subject::User(user_id(1)))));
    let lift = if test.is_sqlite() {
        "PRAGMA ignore_check_constraints = ON"
    } else {
        "ALTER TABLE one_time_tokens DROP CONSTRAINT one_time_tokens_check"
    };
    test.write(move |c| {
        run(c, lift)?;
        run(c, "UPDATE one_time_tokens SET user_id = NULL")
    });
    let spend = |c: &mut _| one_time_token::spend(c, TokenPurpose::ResetPassword, &token_hash(1), NOW);
    let expected = DbError::InconsistentRow { table: "one_time_tokens", column: "pending_id".to_owned() };
    assert_eq!(test.refused(spend), expected);
}
