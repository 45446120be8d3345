//! What users sign in with: the password, the address, and whether a second factor is asked for.

use auth_core::{Email, Timestamp, UserId};
use diesel::prelude::*;

use crate::connection::DbConnection;
use crate::error::DbError;
use crate::schema::users;
use crate::sql_type::{At, at, key};
use crate::statement::update;

/// Replaces the password's hash if it is still `old`, and with it the demand to set a new one. False: somebody else
/// changed it meanwhile, so that whoever knew the old password may not decide any more.
///
/// # Errors
///
/// When the database can't be written.
pub fn update_password_hash(
    connection: &mut DbConnection,
    id: UserId,
    old: &str,
    new: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let change = (users::password_hash.eq(new), users::password_must_change.eq(false), users::updated_at.eq(at(now)));
    let unchanged = users::id.eq(key(id)).and(users::password_hash.eq(old));
    Ok(update(users::table, change, unchanged).execute(connection)? == 1)
}

/// Replaces the hash of the same password by one of stronger parameters, if it is still `old`. A demand to set a new
/// password stays.
///
/// # Errors
///
/// When the database can't be written.
pub fn update_rehashed_password(
    connection: &mut DbConnection,
    id: UserId,
    old: &str,
    new: &str,
) -> Result<bool, DbError> {
    let unchanged = users::id.eq(key(id)).and(users::password_hash.eq(old));
    Ok(update(users::table, users::password_hash.eq(new), unchanged).execute(connection)? == 1)
}

/// Replaces the password's hash whatever it was, and with it the demand to set a new one; `None` makes the password
/// unusable. False: there is no such user.
///
/// # Errors
///
/// When the database can't be written.
pub fn set_password(
    connection: &mut DbConnection,
    id: UserId,
    new: Option<&str>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let set = new.map(|_| users::password_must_change.eq(false));
    let change = (users::password_hash.eq(new), set, users::updated_at.eq(at(now)));
    Ok(update(users::table, change, users::id.eq(key(id))).execute(connection)? == 1)
}

/// Replaces the address, and notes when. False: there is no such user.
///
/// # Errors
///
/// [`DbError::UniqueViolation`] with [`Conflict::UserEmail`](crate::Conflict::UserEmail) when another user has the
/// address.
pub fn set_email(
    connection: &mut DbConnection,
    id: UserId,
    email: &Email,
    verified_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let change = (
        users::email.eq(email.as_str()),
        users::email_normalized.eq(email.canonical()),
        users::email_verified_at.eq(verified_at.map(at)),
        users::email_changed_at.eq(Some(at(now))),
        users::email_vouched_at.eq(None::<At>),
        users::updated_at.eq(at(now)),
    );
    Ok(update(users::table, change, users::id.eq(key(id))).execute(connection)? == 1)
}

/// Notes that whoever has the address has the account. False: that was known, or there is no such user.
///
/// # Errors
///
/// When the database can't be written.
pub fn confirm_email_owner(connection: &mut DbConnection, id: UserId) -> Result<bool, DbError> {
    let change = users::email_changed_at.eq(None::<At>);
    let changed = users::id.eq(key(id)).and(users::email_changed_at.is_not_null());
    Ok(update(users::table, change, changed).execute(connection)? == 1)
}

/// Notes that the address is its owner's. False: that was known, by more than an administrator's word
/// ([`User::has_shown_address`](super::User::has_shown_address)), or there is no such user or no address.
///
/// # Errors
///
/// When the database can't be written.
pub fn mark_email_verified(connection: &mut DbConnection, id: UserId, now: Timestamp) -> Result<bool, DbError> {
    let change = (users::email_verified_at.eq(Some(at(now))), users::updated_at.eq(at(now)));
    let unverified = users::id.eq(key(id)).and(users::email_verified_at.is_null()).and(users::email.is_not_null());
    let was_unverified = update(users::table, change, unverified).execute(connection)? == 1;
    let vouched_for = users::id.eq(key(id)).and(users::email_vouched_at.is_not_null());
    let change = users::email_vouched_at.eq(None::<At>);
    Ok(update(users::table, change, vouched_for).execute(connection)? == 1 || was_unverified)
}

/// Notes since when a second factor is asked for; `None`: none is. False: there is no such user.
///
/// # Errors
///
/// When the database can't be written.
pub fn set_mfa_enabled(
    connection: &mut DbConnection,
    id: UserId,
    since: Option<Timestamp>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let change = (users::mfa_enabled_at.eq(since.map(at)), users::updated_at.eq(at(now)));
    Ok(update(users::table, change, users::id.eq(key(id))).execute(connection)? == 1)
}
