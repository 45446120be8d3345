//! Devices that a user has signed in on, found by the keyed hash of the token that each was given.

use auth_core::{Timestamp, TokenHash, UserId};
use diesel::prelude::*;
use uuid::Uuid;

use crate::chosen::choose;
use crate::connection::{DbConnection, MultiBackend};
use crate::error::DbError;
use crate::schema::devices::{self, dsl};
use crate::sql_type::{at, key};
use crate::statement::update;

/// A device.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = devices, check_for_backend(MultiBackend))]
pub struct Device {
    /// The row's id.
    pub id: Uuid,
    /// Who signed in on it: it is known for nobody else.
    pub user_id: UserId,
    /// What it is called, as far as its program tells.
    pub label: Option<String>,
    /// When it was first signed in on.
    pub created_at: Timestamp,
    /// When it was last signed in on.
    pub last_used_at: Timestamp,
    /// From when on it is known no more.
    pub expires_at: Timestamp,
}

/// Stores `device`, whose token has this hash.
///
/// # Errors
///
/// [`DbError::ForeignKeyViolation`] when the user was deleted meanwhile.
pub fn insert(connection: &mut DbConnection, device: &Device, hash: &TokenHash) -> Result<(), DbError> {
    diesel::insert_into(devices::table)
        .values((
            dsl::id.eq(key(device.id)),
            dsl::user_id.eq(key(device.user_id)),
            dsl::token_hash.eq(hash.as_bytes().as_slice()),
            dsl::label.eq(&device.label),
            dsl::created_at.eq(at(device.created_at)),
            dsl::last_used_at.eq(at(device.last_used_at)),
            dsl::expires_at.eq(at(device.expires_at)),
        ))
        .execute(connection)?;
    Ok(())
}

/// The device whose token has this hash, if it is known at `now`.
///
/// # Errors
///
/// When the database can't be read.
pub fn find(connection: &mut DbConnection, hash: &TokenHash, now: Timestamp) -> Result<Option<Device>, DbError> {
    let known = dsl::token_hash.eq(hash.as_bytes().as_slice()).and(dsl::expires_at.gt(at(now)));
    Ok(devices::table.filter(known).select(Device::as_select()).get_result(connection).optional()?)
}

/// Notes that `user` signed in on the device `id` again, which is known until `expires_at` now. False: it isn't known any
/// more.
///
/// # Errors
///
/// When the database can't be written.
pub fn renew(
    connection: &mut DbConnection,
    id: Uuid,
    user: UserId,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<bool, DbError> {
    let known = dsl::id.eq(key(id)).and(dsl::user_id.eq(key(user))).and(dsl::expires_at.gt(at(now)));
    let renewed = (dsl::last_used_at.eq(at(now)), dsl::expires_at.eq(at(expires_at)));
    Ok(update(devices::table, renewed, known).execute(connection)? == 1)
}

/// The devices of `user`, the one used last first.
///
/// # Errors
///
/// When the database can't be read.
pub fn list(connection: &mut DbConnection, user: UserId) -> Result<Vec<Device>, DbError> {
    Ok(devices::table
        .filter(dsl::user_id.eq(key(user)))
        .order((dsl::last_used_at.desc(), dsl::id.desc()))
        .select(Device::as_select())
        .load(connection)?)
}

/// Forgets all of the user's devices but the `keep` that were used last, and returns how many it forgot. The user's row
/// is locked, so that no other sign-in adds one meanwhile.
///
/// # Errors
///
/// When the database can't be written.
pub fn keep_newest(connection: &mut DbConnection, user: UserId, keep: u32) -> Result<usize, DbError> {
    let surplus: Vec<Uuid> = devices::table
        .filter(dsl::user_id.eq(key(user)))
        .order((dsl::last_used_at.desc(), dsl::id.desc()))
        .offset(keep.into())
        .select(dsl::id)
        .load(connection)?;
    let mut forgotten = 0;
    for id in surplus {
        forgotten += diesel::delete(devices::table.find(key(id))).execute(connection)?;
    }
    Ok(forgotten)
}

/// Forgets all of the user's devices, and returns how many there were.
///
/// # Errors
///
/// When the database can't be written.
pub fn forget_all(connection: &mut DbConnection, user: UserId) -> Result<usize, DbError> {
    Ok(diesel::delete(devices::table.filter(dsl::user_id.eq(key(user)))).execute(connection)?)
}

/// Deletes the devices that are known no more at `now`, at most `limit` of them, and returns how many there were.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete_expired(connection: &mut DbConnection, now: Timestamp, limit: u32) -> Result<usize, DbError> {
    let expired = dsl::expires_at.le(at(now));
    let chosen = choose(connection, devices::table, expired, dsl::expires_at, limit);
    Ok(chosen.delete().execute(connection)?)
}
