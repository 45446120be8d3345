//! Values that somebody else wrote against the rules are told by table and column.

use auth_persistence::{DbError, user};

use crate::fixture::{TestDatabase, on_both_databases, run};
use crate::rows::{new_user, user_id};

on_both_databases!(an_unknown_role_is_an_inconsistent_row);

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
