//! Registrations that wait for their address to be proven: the newest of each address, whether or not an account has
//! the address. The id of such a row becomes the user's.

use auth_core::{DisplayName, Email, Timestamp, TokenPurpose, UserId};
use diesel::prelude::*;

use crate::chosen::choose;
use crate::column::HiddenText;
use crate::connection::{DbConnection, MultiBackend};
use crate::error::{Conflict, DbError};
use crate::hidden::Hidden;
use crate::one_time_token::{self, KeptToken};
use crate::schema::pending_registrations::{self, dsl};
use crate::sql_type::{at, key};
use crate::transaction::nested_transaction;

/// A pending registration, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = pending_registrations, check_for_backend(MultiBackend))]
pub struct PendingRegistration {
    /// The id that the user will have.
    pub id: UserId,
    /// The address as it was given.
    #[diesel(deserialize_as = HiddenText)]
    pub email: Hidden<String>,
    /// The address in the form that is unique.
    #[diesel(deserialize_as = HiddenText)]
    pub email_normalized: Hidden<String>,
    /// The password's hash, a PHC string.
    #[diesel(deserialize_as = HiddenText)]
    pub password_hash: Hidden<String>,
    /// The name to show.
    pub display_name: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is of no use.
    pub expires_at: Timestamp,
}

/// A pending registration to be stored.
#[derive(Clone, Debug)]
pub struct NewPending {
    /// The id that the user will have.
    pub id: UserId,
    /// The address.
    pub email: Email,
    /// The password's hash, a PHC string.
    pub password_hash: Hidden<String>,
    /// The name to show.
    pub display_name: Option<DisplayName>,
    /// Now.
    pub created_at: Timestamp,
    /// From when on it is of no use.
    pub expires_at: Timestamp,
}

/// Stores `pending` in place of an earlier one of the same address, whose tokens go with it, but for those to reset the
/// password: they are the address's owner's, whoever registered it last. False: another one came at the same time and
/// was faster; nothing was changed.
///
/// # Errors
///
/// [`DbError::UniqueViolation`] with [`Conflict::PendingRegistrationId`] when the id is taken.
pub fn replace(connection: &mut DbConnection, pending: &NewPending) -> Result<bool, DbError> {
    // The savepoint keeps the transaction around it usable on PostgreSQL after the conflict.
    let replaced = nested_transaction(connection, |connection| {
        let kept = reset_tokens(connection, pending.email.canonical())?;
        delete_by_email(connection, pending.email.canonical())?;
        insert(connection, pending)?;
        kept.iter().try_for_each(|token| one_time_token::insert_for_pending(connection, pending.id, token))
    });
    match replaced {
        Ok(()) => Ok(true),
        Err(DbError::UniqueViolation(Conflict::PendingRegistrationEmail)) => Ok(false),
        Err(error) => Err(error),
    }
}

fn reset_tokens(connection: &mut DbConnection, canonical: &str) -> Result<Vec<KeptToken>, DbError> {
    let row = pending_registrations::table.filter(dsl::email_normalized.eq(canonical)).select(dsl::id);
    let Some(id) = row.get_result::<UserId>(connection).optional()? else { return Ok(Vec::new()) };
    lock(connection, id)?;
    one_time_token::unused_of_pending(connection, id, TokenPurpose::ResetPassword)
}

fn insert(connection: &mut DbConnection, pending: &NewPending) -> Result<(), DbError> {
    diesel::insert_into(pending_registrations::table)
        .values((
            dsl::id.eq(key(pending.id)),
            dsl::email.eq(pending.email.as_str()),
            dsl::email_normalized.eq(pending.email.canonical()),
            dsl::password_hash.eq(pending.password_hash.expose()),
            dsl::display_name.eq(pending.display_name.as_ref().map(DisplayName::as_str)),
            dsl::created_at.eq(at(pending.created_at)),
            dsl::expires_at.eq(at(pending.expires_at)),
        ))
        .execute(connection)?;
    Ok(())
}

/// The registration with this id, if it has not expired at `now`.
///
/// # Errors
///
/// When the database can't be read.
pub fn find(connection: &mut DbConnection, id: UserId, now: Timestamp) -> Result<Option<PendingRegistration>, DbError> {
    let live = pending_registrations::table.find(key(id)).filter(dsl::expires_at.gt(at(now)));
    Ok(live.select(PendingRegistration::as_select()).get_result(connection).optional()?)
}

/// The registration of this address, given in its normalized form, if it has not expired at `now`.
///
/// # Errors
///
/// When the database can't be read.
pub fn find_by_email(
    connection: &mut DbConnection,
    canonical: &str,
    now: Timestamp,
) -> Result<Option<PendingRegistration>, DbError> {
    let live =
        pending_registrations::table.filter(dsl::email_normalized.eq(canonical)).filter(dsl::expires_at.gt(at(now)));
    Ok(live.select(PendingRegistration::as_select()).get_result(connection).optional()?)
}

/// Removes the registration with this id, and its tokens, and returns it: one caller gets it, and makes the account.
///
/// # Errors
///
/// When the database can't be written.
pub fn take(connection: &mut DbConnection, id: UserId, now: Timestamp) -> Result<Option<PendingRegistration>, DbError> {
    let live = pending_registrations::table.find(key(id)).filter(dsl::expires_at.gt(at(now)));
    let taken = diesel::delete(live).returning(pending_registrations::all_columns);
    Ok(taken.get_result(connection).optional()?)
}

/// Makes everything that spends a link of this registration, or replaces it, wait for each other until the end of this
/// transaction: to be called before any of its links is touched, or two transactions could wait for each other for ever.
/// SQLite has one writer in any case.
///
/// # Errors
///
/// When the database can't be written.
pub fn lock(connection: &mut DbConnection, id: UserId) -> Result<(), DbError> {
    if let DbConnection::Pg(connection) = connection {
        let row = pending_registrations::table.find(key(id)).select(dsl::id).for_update();
        row.execute(connection)?;
    }
    Ok(())
}

/// Deletes the registration of this address, given in its normalized form, and its tokens; returns how many there were.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete_by_email(connection: &mut DbConnection, canonical: &str) -> Result<usize, DbError> {
    let rows = pending_registrations::table.filter(dsl::email_normalized.eq(canonical));
    Ok(diesel::delete(rows).execute(connection)?)
}

/// Deletes what has expired at `now`, at most `limit` rows, and returns how many there were.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete_expired(connection: &mut DbConnection, now: Timestamp, limit: u32) -> Result<usize, DbError> {
    let expired = dsl::expires_at.le(at(now));
    let chosen = choose(connection, pending_registrations::table, expired, dsl::expires_at, limit);
    Ok(chosen.delete().execute(connection)?)
}
