//! Keys that sign access tokens; the private halves are sealed under a data key.

use auth_core::Timestamp;
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;

use crate::column::HiddenBytes;
use crate::connection::{DbConnection, MultiBackend};
use crate::error::DbError;
use crate::hidden::Hidden;
use crate::schema::signing_keys;
use crate::sql_type::at;

/// A signing key, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = signing_keys, check_for_backend(MultiBackend))]
pub struct SealedSigningKey {
    /// The key's name in tokens.
    pub kid: String,
    /// The algorithm, as in `alg` (RFC 7518 and 8037).
    pub algorithm: String,
    /// The private key, or the secret of a symmetric one, sealed.
    #[diesel(deserialize_as = HiddenBytes)]
    pub private_sealed: Hidden<Vec<u8>>,
    /// The public key as a JWK (RFC 7517); none for a symmetric key.
    pub public_jwk: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it signs.
    pub activates_at: Timestamp,
    /// From when on its tokens are not accepted any more.
    pub retires_at: Option<Timestamp>,
}

/// What is known of a signing key without the key itself.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = signing_keys, check_for_backend(MultiBackend))]
pub struct SigningKeyEntry {
    /// The key's name in tokens.
    pub kid: String,
    /// The algorithm, as in `alg` (RFC 7518 and 8037).
    pub algorithm: String,
    /// When it was made: from then on it is published.
    pub created_at: Timestamp,
    /// From when on it signs.
    pub activates_at: Timestamp,
    /// From when on its tokens are not accepted any more.
    pub retires_at: Option<Timestamp>,
}

/// All signing keys, retired ones too, in the order of activation.
///
/// # Errors
///
/// When the database can't be read.
pub fn entries(connection: &mut DbConnection) -> Result<Vec<SigningKeyEntry>, DbError> {
    let keys = signing_keys::table.order((signing_keys::activates_at, signing_keys::kid));
    Ok(keys.select(SigningKeyEntry::as_select()).load(connection)?)
}

/// Keeps everybody else from changing signing keys until the transaction ends, so that what is read now still holds when
/// it is acted upon. Reading goes on. On SQLite a write transaction is alone anyway.
///
/// # Errors
///
/// [`DbError::Busy`] when another transaction doesn't end in time.
pub fn lock(connection: &mut DbConnection) -> Result<(), DbError> {
    if let DbConnection::Pg(pg) = connection {
        pg.batch_execute("LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE")?;
    }
    Ok(())
}

/// All signing keys that are not retired at `now`, in the order of activation.
///
/// # Errors
///
/// When the database can't be read.
pub fn list(connection: &mut DbConnection, now: Timestamp) -> Result<Vec<SealedSigningKey>, DbError> {
    let usable = signing_keys::retires_at.is_null().or(signing_keys::retires_at.gt(at(now)));
    Ok(signing_keys::table
        .filter(usable)
        .order((signing_keys::activates_at, signing_keys::kid))
        .select(SealedSigningKey::as_select())
        .load(connection)?)
}

/// Stores `signing_key`. Whoever makes a key does so under [`lock`], after a look at [`entries`].
///
/// # Errors
///
/// [`DbError::UniqueViolation`] with [`Conflict::SigningKey`](crate::Conflict::SigningKey) when the `kid` is taken.
pub fn insert(connection: &mut DbConnection, signing_key: &SealedSigningKey) -> Result<(), DbError> {
    diesel::insert_into(signing_keys::table)
        .values((
            signing_keys::kid.eq(&signing_key.kid),
            signing_keys::algorithm.eq(&signing_key.algorithm),
            signing_keys::private_sealed.eq(signing_key.private_sealed.expose()),
            signing_keys::public_jwk.eq(&signing_key.public_jwk),
            signing_keys::created_at.eq(at(signing_key.created_at)),
            signing_keys::activates_at.eq(at(signing_key.activates_at)),
            signing_keys::retires_at.eq(signing_key.retires_at.map(at)),
        ))
        .execute(connection)?;
    Ok(())
}

/// Lets a key's tokens be refused from `retires_at` on. False: there is no such key, or it retires earlier anyway.
///
/// # Errors
///
/// When the database can't be written.
pub fn retire(connection: &mut DbConnection, kid: &str, retires_at: Timestamp) -> Result<bool, DbError> {
    let later = signing_keys::retires_at.is_null().or(signing_keys::retires_at.gt(at(retires_at)));
    let key = signing_keys::table.filter(signing_keys::kid.eq(kid)).filter(later);
    Ok(diesel::update(key).set(signing_keys::retires_at.eq(Some(at(retires_at)))).execute(connection)? == 1)
}

/// Deletes the keys that retired by `end`, and their private halves with them: how many.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete_retired(connection: &mut DbConnection, end: Timestamp) -> Result<usize, DbError> {
    Ok(diesel::delete(signing_keys::table.filter(signing_keys::retires_at.le(at(end)))).execute(connection)?)
}
