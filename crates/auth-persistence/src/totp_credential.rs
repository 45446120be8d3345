//! The secret that a user's authenticator app makes codes of, at most one for each user, and the last step whose code
//! was accepted (RFC 6238, section 5.2: a code is accepted once).
//!
//! A credential is pending until a first code confirms it. Every change is one conditional statement, whose `bool`
//! tells whether it was this call that made it.

use auth_core::{Timestamp, UserId};
use diesel::prelude::*;
use diesel::query_dsl::methods::FilterDsl;

use crate::column::HiddenBytes;
use crate::connection::{DbConnection, MultiBackend};
use crate::error::DbError;
use crate::hidden::Hidden;
use crate::schema::totp_credentials::{self, dsl};
use crate::sql_type::{Key, at, key};
use crate::statement::{on_either, update};

/// A credential, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = totp_credentials, check_for_backend(MultiBackend))]
pub struct TotpCredential {
    /// Whose credential it is.
    pub user_id: UserId,
    /// The secret, sealed.
    #[diesel(deserialize_as = HiddenBytes)]
    pub secret_sealed: Hidden<Vec<u8>>,
    /// When the secret was made.
    pub created_at: Timestamp,
    /// When a first code proved that the user has the secret; none while the credential is pending.
    pub confirmed_at: Option<Timestamp>,
    /// The time step of the last code that was accepted; none while the credential is pending.
    pub last_step: Option<i64>,
}

/// Stores a pending credential in place of an earlier pending one. False: the user has a confirmed one, which stays as
/// it is.
///
/// # Errors
///
/// [`DbError::ForeignKeyViolation`] when the user was deleted meanwhile.
pub fn begin(
    connection: &mut DbConnection,
    user: UserId,
    secret_sealed: &[u8],
    now: Timestamp,
) -> Result<bool, DbError> {
    let new = (dsl::secret_sealed.eq(secret_sealed), dsl::created_at.eq(at(now)));
    on_either!(connection, |connection| {
        let upsert = diesel::insert_into(totp_credentials::table)
            .values((dsl::user_id.eq(key(user)), new))
            .on_conflict(dsl::user_id)
            .do_update()
            .set(new)
            .filter(dsl::confirmed_at.is_null());
        Ok(upsert.execute(connection)? == 1)
    })
}

/// Stores a credential that is confirmed already, at `now`, by somebody who knows that its user has the secret. No code of it
/// was accepted here.
///
/// # Errors
///
/// [`DbError::UniqueViolation`] when the user has a credential, [`DbError::ForeignKeyViolation`] without such a user.
pub fn insert_confirmed(
    connection: &mut DbConnection,
    user: UserId,
    secret_sealed: &[u8],
    now: Timestamp,
) -> Result<(), DbError> {
    diesel::insert_into(totp_credentials::table)
        .values((
            dsl::user_id.eq(key(user)),
            dsl::secret_sealed.eq(secret_sealed),
            dsl::created_at.eq(at(now)),
            dsl::confirmed_at.eq(Some(at(now))),
            dsl::last_step.eq(Some(0)),
        ))
        .execute(connection)?;
    Ok(())
}

/// The confirmed credentials of these users, at most a few thousand, in no order.
///
/// # Errors
///
/// When the database can't be read.
pub fn list_confirmed(connection: &mut DbConnection, users: &[UserId]) -> Result<Vec<TotpCredential>, DbError> {
    let users: Vec<Key> = users.iter().map(|id| key(*id)).collect();
    let credentials = totp_credentials::table.select(TotpCredential::as_select());
    let of_users = QueryDsl::filter(credentials, dsl::user_id.eq_any(users).and(dsl::confirmed_at.is_not_null()));
    Ok(of_users.load(connection)?)
}

/// The user's credential, pending or confirmed.
///
/// # Errors
///
/// When the database can't be read.
pub fn find(connection: &mut DbConnection, user: UserId) -> Result<Option<TotpCredential>, DbError> {
    let credential = totp_credentials::table.find(key(user));
    Ok(credential.select(TotpCredential::as_select()).get_result(connection).optional()?)
}

/// Confirms the pending credential by the code of `step`, if it still has the sealed secret that the code was checked
/// with and was made after `created_after`: of many callers at once, one does.
///
/// # Errors
///
/// When the database can't be written, or [`DbError::Internal`] when `step` is negative.
pub fn confirm(
    connection: &mut DbConnection,
    user: UserId,
    secret_sealed: &[u8],
    created_after: Timestamp,
    step: i64,
    now: Timestamp,
) -> Result<bool, DbError> {
    let confirmed = (dsl::confirmed_at.eq(Some(at(now))), dsl::last_step.eq(Some(step)));
    let pending = dsl::user_id
        .eq(key(user))
        .and(dsl::confirmed_at.is_null())
        .and(dsl::secret_sealed.eq(secret_sealed))
        .and(dsl::created_at.gt(at(created_after)));
    Ok(update(totp_credentials::table, confirmed, pending).execute(connection)? == 1)
}

/// Accepts the code of `step`, if the credential is confirmed and no code of this or a later step was accepted: of many
/// callers at once, on any number of instances, one does.
///
/// # Errors
///
/// When the database can't be written.
pub fn use_step(connection: &mut DbConnection, user: UserId, step: i64) -> Result<bool, DbError> {
    let unused = dsl::user_id.eq(key(user)).and(dsl::confirmed_at.is_not_null()).and(dsl::last_step.lt(step));
    Ok(update(totp_credentials::table, dsl::last_step.eq(Some(step)), unused).execute(connection)? == 1)
}

/// Deletes the user's credential, pending or confirmed. False: there is none.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete(connection: &mut DbConnection, user: UserId) -> Result<bool, DbError> {
    Ok(diesel::delete(totp_credentials::table.find(key(user))).execute(connection)? == 1)
}
