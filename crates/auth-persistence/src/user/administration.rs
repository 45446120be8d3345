//! What administrators decide about a user.

use auth_core::{Role, Timestamp, UserId};
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::connection::DbConnection;
use crate::error::DbError;
use crate::schema::users;
use crate::sql_type::{at, key};
use crate::statement::update;

/// Gives the user a role. False: there is no such user.
///
/// # Errors
///
/// When the database can't be written.
pub fn set_role(connection: &mut DbConnection, id: UserId, role: Role, now: Timestamp) -> Result<bool, DbError> {
    let change = (users::role.eq(role.as_str()), users::updated_at.eq(at(now)));
    Ok(update(users::table, change, users::id.eq(key(id))).execute(connection)? == 1)
}

/// Notes since when the user may not log in; `None`: the user may. False: there is no such user.
///
/// # Errors
///
/// When the database can't be written.
pub fn set_disabled(
    connection: &mut DbConnection,
    id: UserId,
    since: Option<Timestamp>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let change = (users::disabled_at.eq(since.map(at)), users::updated_at.eq(at(now)));
    Ok(update(users::table, change, users::id.eq(key(id))).execute(connection)? == 1)
}

/// Demands a new password at the next sign-in, or not any more. False: there is no such user, or none with a password that
/// could be demanded to be another.
///
/// # Errors
///
/// When the database can't be written.
pub fn set_password_must_change(
    connection: &mut DbConnection,
    id: UserId,
    demanded: bool,
    now: Timestamp,
) -> Result<bool, DbError> {
    let change = (users::password_must_change.eq(demanded), users::updated_at.eq(at(now)));
    let can_be = users::password_hash.is_not_null().or((!demanded).into_sql::<Bool>());
    Ok(update(users::table, change, users::id.eq(key(id)).and(can_be)).execute(connection)? == 1)
}

/// Notes since when the address counts as its owner's; `None`: it doesn't. False: there is no such user, or none with an
/// address.
///
/// # Errors
///
/// When the database can't be written.
pub fn set_email_verified(
    connection: &mut DbConnection,
    id: UserId,
    since: Option<Timestamp>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let change = (
        users::email_verified_at.eq(since.map(at)),
        users::email_vouched_at.eq(since.map(at)),
        users::updated_at.eq(at(now)),
    );
    let with_address = users::id.eq(key(id)).and(users::email.is_not_null());
    Ok(update(users::table, change, with_address).execute(connection)? == 1)
}
