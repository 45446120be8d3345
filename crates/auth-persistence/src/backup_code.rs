//! Codes for users without their authenticator: found by their keyed hash, spent once.
//!
//! Spent codes stay until all of the user's codes are replaced or deleted.

use auth_core::{Timestamp, UserId};
use diesel::prelude::*;

use crate::connection::DbConnection;
use crate::error::DbError;
use crate::schema::backup_codes::{self, dsl};
use crate::sql_type::{at, key};
use crate::statement::update;

/// Stores `hashes` in place of all codes of the user, spent or not.
///
/// To be called in a transaction, after [`user::lock`](crate::user::lock): without the lock, two callers at once on
/// PostgreSQL could each leave the other's codes in place.
///
/// # Errors
///
/// [`DbError::ForeignKeyViolation`] when the user was deleted meanwhile; [`DbError::UniqueViolation`] with
/// [`Conflict::BackupCode`](crate::Conflict::BackupCode) when one hash is there twice.
pub fn replace_all(
    connection: &mut DbConnection,
    user: UserId,
    hashes: &[[u8; 32]],
    now: Timestamp,
) -> Result<(), DbError> {
    delete_all(connection, user)?;
    for hash in hashes {
        diesel::insert_into(backup_codes::table)
            .values((dsl::user_id.eq(key(user)), dsl::code_hash.eq(hash.as_slice()), dsl::created_at.eq(at(now))))
            .execute(connection)?;
    }
    Ok(())
}

/// Spends the user's code with this hash: of many callers at once, one does. False: it was spent before, or there is
/// none.
///
/// # Errors
///
/// When the database can't be written.
pub fn spend(connection: &mut DbConnection, user: UserId, hash: &[u8; 32], now: Timestamp) -> Result<bool, DbError> {
    let unused = dsl::user_id.eq(key(user)).and(dsl::code_hash.eq(hash.as_slice())).and(dsl::used_at.is_null());
    Ok(update(backup_codes::table, dsl::used_at.eq(Some(at(now))), unused).execute(connection)? == 1)
}

/// How many of the user's codes are not spent.
///
/// # Errors
///
/// When the database can't be read.
pub fn count_left(connection: &mut DbConnection, user: UserId) -> Result<i64, DbError> {
    let unused = backup_codes::table.filter(dsl::user_id.eq(key(user))).filter(dsl::used_at.is_null());
    Ok(unused.count().get_result(connection)?)
}

/// Deletes all codes of the user, spent or not, and returns how many there were.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete_all(connection: &mut DbConnection, user: UserId) -> Result<usize, DbError> {
    Ok(diesel::delete(backup_codes::table.filter(dsl::user_id.eq(key(user)))).execute(connection)?)
}
