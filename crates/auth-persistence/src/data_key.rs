//! Data keys, sealed under `AUTH_SECRET`.

use auth_core::Timestamp;
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;

use crate::column::{HiddenBytes, KeyVersion};
use crate::connection::{DbConnection, MultiBackend};
use crate::error::DbError;
use crate::hidden::Hidden;
use crate::schema::data_keys;
use crate::sql_type::at;

/// A data key, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = data_keys, check_for_backend(MultiBackend))]
pub struct SealedDataKey {
    /// What the key is for.
    pub purpose: String,
    /// Which of the keys for this purpose it is.
    #[diesel(deserialize_as = KeyVersion)]
    pub version: u8,
    /// The key, sealed.
    #[diesel(deserialize_as = HiddenBytes)]
    pub key_sealed: Hidden<Vec<u8>>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// All data keys, by purpose and version.
///
/// # Errors
///
/// When the database can't be read.
pub fn list(connection: &mut DbConnection) -> Result<Vec<SealedDataKey>, DbError> {
    let keys = data_keys::table.order((data_keys::purpose, data_keys::version));
    Ok(keys.select(SealedDataKey::as_select()).load(connection)?)
}

/// Keeps everybody else from making and sealing data keys until the transaction ends. Reading goes on. On SQLite a write
/// transaction is alone anyway.
///
/// # Errors
///
/// [`DbError::Busy`] when another transaction doesn't end in time.
pub fn lock(connection: &mut DbConnection) -> Result<(), DbError> {
    if let DbConnection::Pg(pg) = connection {
        pg.batch_execute("LOCK TABLE data_keys IN SHARE ROW EXCLUSIVE MODE")?;
    }
    Ok(())
}

/// Stores `data_key`. Whoever makes the first keys does so under
/// [`with_startup_lock`](crate::Database::with_startup_lock), after a look at [`list`].
///
/// # Errors
///
/// [`DbError::UniqueViolation`] with [`Conflict::DataKey`](crate::Conflict::DataKey) when there is one already.
pub fn insert(connection: &mut DbConnection, data_key: &SealedDataKey) -> Result<(), DbError> {
    diesel::insert_into(data_keys::table)
        .values((
            data_keys::purpose.eq(&data_key.purpose),
            data_keys::version.eq(i16::from(data_key.version)),
            data_keys::key_sealed.eq(data_key.key_sealed.expose()),
            data_keys::created_at.eq(at(data_key.created_at)),
        ))
        .execute(connection)?;
    Ok(())
}

/// Replaces the sealed form of one key if it is still `old`: the same key under a new `AUTH_SECRET`.
///
/// # Errors
///
/// When the database can't be written.
pub fn update_sealed(
    connection: &mut DbConnection,
    purpose: &str,
    version: u8,
    old: &[u8],
    new: &[u8],
) -> Result<bool, DbError> {
    let data_key = data_keys::table.find((purpose, i16::from(version))).filter(data_keys::key_sealed.eq(old));
    Ok(diesel::update(data_key).set(data_keys::key_sealed.eq(new)).execute(connection)? == 1)
}
