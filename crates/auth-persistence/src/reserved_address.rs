//! Addresses that are kept for the user who had them, while a change of address may still be taken back.

use auth_core::{Timestamp, UserId};
use diesel::prelude::*;

use crate::chosen::choose;
use crate::connection::DbConnection;
use crate::error::DbError;
use crate::schema::reserved_addresses::{self, dsl};
use crate::sql_type::{at, key};
use crate::statement::on_either;

/// Keeps the address, in its normalized form, for `user`; who it was kept for before does not matter.
///
/// # Errors
///
/// [`DbError::ForeignKeyViolation`] when the user was deleted meanwhile.
pub fn reserve(connection: &mut DbConnection, canonical: &str, user: UserId, until: Timestamp) -> Result<(), DbError> {
    let kept = (dsl::user_id.eq(key(user)), dsl::expires_at.eq(at(until)));
    on_either!(connection, |connection| {
        diesel::insert_into(reserved_addresses::table)
            .values((dsl::email_normalized.eq(canonical), kept))
            .on_conflict(dsl::email_normalized)
            .do_update()
            .set(kept)
            .execute(connection)?;
        Ok(())
    })
}

/// The user for whom the address is kept at `now`.
///
/// # Errors
///
/// When the database can't be read.
pub fn holder(connection: &mut DbConnection, canonical: &str, now: Timestamp) -> Result<Option<UserId>, DbError> {
    let kept = reserved_addresses::table.find(canonical).filter(dsl::expires_at.gt(at(now)));
    Ok(kept.select(dsl::user_id).get_result(connection).optional()?)
}

/// Those of these addresses, at most a few thousand, that are kept at `now`, and for whom.
///
/// # Errors
///
/// When the database can't be read.
pub fn find_any(
    connection: &mut DbConnection,
    canonicals: &[&str],
    now: Timestamp,
) -> Result<Vec<(String, UserId)>, DbError> {
    Ok(reserved_addresses::table
        .filter(dsl::email_normalized.eq_any(canonicals))
        .filter(dsl::expires_at.gt(at(now)))
        .select((dsl::email_normalized, dsl::user_id))
        .load(connection)?)
}

/// The addresses that are kept for the user, each with the time until when.
///
/// # Errors
///
/// When the database can't be read.
pub fn list(connection: &mut DbConnection, user: UserId) -> Result<Vec<(String, Timestamp)>, DbError> {
    Ok(reserved_addresses::table
        .filter(dsl::user_id.eq(key(user)))
        .order(dsl::expires_at)
        .select((dsl::email_normalized, dsl::expires_at))
        .load(connection)?)
}

/// Keeps the address no longer. False: it was not kept for `user`.
///
/// # Errors
///
/// When the database can't be written.
pub fn release(connection: &mut DbConnection, canonical: &str, user: UserId) -> Result<bool, DbError> {
    let kept = reserved_addresses::table.find(canonical).filter(dsl::user_id.eq(key(user)));
    Ok(diesel::delete(kept).execute(connection)? == 1)
}

/// Deletes what is not kept any more at `now`, at most `limit` rows, and returns how many there were.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete_expired(connection: &mut DbConnection, now: Timestamp, limit: u32) -> Result<usize, DbError> {
    let expired = dsl::expires_at.le(at(now));
    let chosen = choose(connection, reserved_addresses::table, expired, dsl::expires_at, limit);
    Ok(chosen.delete().execute(connection)?)
}
