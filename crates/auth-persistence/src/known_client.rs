//! Clients that a user signed in with before, so that a new one can be told of. How a client is named is decided
//! elsewhere.

use auth_core::{Timestamp, UserId};
use diesel::dsl::exists;
use diesel::prelude::*;

use crate::connection::DbConnection;
use crate::error::DbError;
use crate::schema::known_clients::{self, dsl};
use crate::sql_type::{at, key};
use crate::statement::on_either;

/// Whether the user signed in with this client before.
///
/// # Errors
///
/// When the database can't be read.
pub fn is_known(connection: &mut DbConnection, user: UserId, client: &str) -> Result<bool, DbError> {
    Ok(diesel::select(exists(known_clients::table.find((key(user), client)))).get_result(connection)?)
}

/// Whether the user signed in with any client before.
///
/// # Errors
///
/// When the database can't be read.
pub fn any(connection: &mut DbConnection, user: UserId) -> Result<bool, DbError> {
    let theirs = known_clients::table.filter(dsl::user_id.eq(key(user)));
    Ok(diesel::select(exists(theirs)).get_result(connection)?)
}

/// Notes that the user signed in with this client now.
///
/// # Errors
///
/// [`DbError::ForeignKeyViolation`] when the user was deleted meanwhile.
pub fn note(connection: &mut DbConnection, user: UserId, client: &str, now: Timestamp) -> Result<(), DbError> {
    let seen = dsl::last_seen_at.eq(at(now));
    on_either!(connection, |connection| {
        diesel::insert_into(known_clients::table)
            .values((dsl::user_id.eq(key(user)), dsl::client.eq(client), seen))
            .on_conflict((dsl::user_id, dsl::client))
            .do_update()
            .set(seen)
            .execute(connection)?;
        Ok(())
    })
}

/// The clients that the user signed in with, each with the time when it was noted, the newest first.
///
/// # Errors
///
/// When the database can't be read.
pub fn list(connection: &mut DbConnection, user: UserId) -> Result<Vec<(String, Timestamp)>, DbError> {
    Ok(known_clients::table
        .filter(dsl::user_id.eq(key(user)))
        .order((dsl::last_seen_at.desc(), dsl::client))
        .select((dsl::client, dsl::last_seen_at))
        .load(connection)?)
}

/// Forgets all of the user's clients but the `keep` that were seen last, and returns how many it forgot.
///
/// # Errors
///
/// When the database can't be written.
pub fn keep_newest(connection: &mut DbConnection, user: UserId, keep: u32) -> Result<usize, DbError> {
    let surplus: Vec<(String, Timestamp)> = known_clients::table
        .filter(dsl::user_id.eq(key(user)))
        .order((dsl::last_seen_at.desc(), dsl::client))
        .offset(keep.into())
        .select((dsl::client, dsl::last_seen_at))
        .load(connection)?;
    let mut forgotten = 0;
    for (client, last_seen_at) in surplus {
        // Who was seen again meanwhile stays.
        let row = known_clients::table.find((key(user), client)).filter(dsl::last_seen_at.eq(at(last_seen_at)));
        forgotten += diesel::delete(row).execute(connection)?;
    }
    Ok(forgotten)
}
