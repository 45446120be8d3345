//! One-time tokens: found by their keyed hash, spent once.
//!
//! A row is good while it is neither used nor expired. Used rows stay until they expire.

use auth_core::{Timestamp, TokenHash, TokenPurpose, UserId};
use diesel::prelude::*;
use uuid::Uuid;

use crate::chosen::choose;
use crate::column::{HiddenBytes, OptionalHiddenText, Purpose, SubjectColumns};
use crate::connection::{DbConnection, MultiBackend};
use crate::error::DbError;
use crate::hidden::Hidden;
use crate::schema::one_time_tokens::{self, dsl};
use crate::sql_type::{at, key};
use crate::statement::update;

/// Whose token it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A user's.
    User(UserId),
    /// A pending registration's; the id is that of the user that it may become.
    Pending(UserId),
}

/// A token, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = one_time_tokens, check_for_backend(MultiBackend))]
pub struct OneTimeToken {
    /// The row's id.
    pub id: Uuid,
    /// Whose token it is.
    #[diesel(select_expression = (dsl::user_id, dsl::pending_id), deserialize_as = SubjectColumns)]
    pub subject: Subject,
    /// What it is good for.
    #[diesel(deserialize_as = Purpose)]
    pub purpose: TokenPurpose,
    /// What was decided when it was made, such as the new address of a change.
    #[diesel(deserialize_as = OptionalHiddenText)]
    pub payload: Option<Hidden<String>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is good no more.
    pub expires_at: Timestamp,
}

/// A token to be stored.
#[derive(Clone, Debug)]
pub struct NewOneTimeToken {
    /// The row's id.
    pub id: Uuid,
    /// Whose token it is.
    pub subject: Subject,
    /// What it is good for.
    pub purpose: TokenPurpose,
    /// The token's keyed hash.
    pub hash: TokenHash,
    /// What was decided now.
    pub payload: Option<Hidden<String>>,
    /// Now.
    pub created_at: Timestamp,
    /// From when on it is good no more.
    pub expires_at: Timestamp,
}

/// It is the token with this hash, good at `$now`.
macro_rules! good {
    ($purpose:expr, $hash:expr, $now:expr) => {
        dsl::token_hash
            .eq($hash.as_bytes().as_slice())
            .and(dsl::purpose.eq($purpose.as_str()))
            .and(dsl::used_at.is_null())
            .and(dsl::expires_at.gt(at($now)))
    };
}

/// Stores `token`.
///
/// # Errors
///
/// [`DbError::ForeignKeyViolation`] when the user or the registration was deleted meanwhile;
/// [`DbError::UniqueViolation`] with [`Conflict::OneTimeTokenHash`](crate::Conflict::OneTimeTokenHash) or
/// [`Conflict::OneTimeTokenId`](crate::Conflict::OneTimeTokenId) when it is there already.
pub fn insert(connection: &mut DbConnection, token: &NewOneTimeToken) -> Result<(), DbError> {
    let (user, pending) = match token.subject {
        Subject::User(id) => (Some(key(id)), None),
        Subject::Pending(id) => (None, Some(key(id))),
    };
    diesel::insert_into(one_time_tokens::table)
        .values((
            dsl::id.eq(key(token.id)),
            dsl::user_id.eq(user),
            dsl::pending_id.eq(pending),
            dsl::purpose.eq(token.purpose.as_str()),
            dsl::token_hash.eq(token.hash.as_bytes().as_slice()),
            dsl::payload.eq(token.payload.as_ref().map(Hidden::expose)),
            dsl::created_at.eq(at(token.created_at)),
            dsl::expires_at.eq(at(token.expires_at)),
        ))
        .execute(connection)?;
    Ok(())
}

/// The token for `purpose` with this hash, if it is good at `now`. It stays good: only [`spend`] decides.
///
/// # Errors
///
/// When the database can't be read.
pub fn find(
    connection: &mut DbConnection,
    purpose: TokenPurpose,
    hash: &TokenHash,
    now: Timestamp,
) -> Result<Option<OneTimeToken>, DbError> {
    let token = one_time_tokens::table.filter(good!(purpose, hash, now));
    Ok(token.select(OneTimeToken::as_select()).get_result(connection).optional()?)
}

/// Uses the token for `purpose` with this hash, if it is good at `now`: of many callers at once, one gets it.
///
/// # Errors
///
/// When the database can't be written.
pub fn spend(
    connection: &mut DbConnection,
    purpose: TokenPurpose,
    hash: &TokenHash,
    now: Timestamp,
) -> Result<Option<OneTimeToken>, DbError> {
    let used = dsl::used_at.eq(Some(at(now)));
    let spent = update(one_time_tokens::table, used, good!(purpose, hash, now)).returning(OneTimeToken::as_select());
    Ok(spent.get_result(connection).optional()?)
}

/// The user's tokens for `purpose` that are good at `now`.
///
/// # Errors
///
/// When the database can't be read.
pub fn list_for_user(
    connection: &mut DbConnection,
    user: UserId,
    purpose: TokenPurpose,
    now: Timestamp,
) -> Result<Vec<OneTimeToken>, DbError> {
    Ok(one_time_tokens::table
        .filter(dsl::user_id.eq(key(user)))
        .filter(dsl::purpose.eq(purpose.as_str()))
        .filter(dsl::used_at.is_null())
        .filter(dsl::expires_at.gt(at(now)))
        .select(OneTimeToken::as_select())
        .load(connection)?)
}

/// Uses one token up. False: it was used already, or isn't there.
///
/// # Errors
///
/// When the database can't be written.
pub fn end(connection: &mut DbConnection, id: Uuid, now: Timestamp) -> Result<bool, DbError> {
    let unused = dsl::id.eq(key(id)).and(dsl::used_at.is_null());
    Ok(update(one_time_tokens::table, dsl::used_at.eq(Some(at(now))), unused).execute(connection)? == 1)
}

/// Uses up all tokens of the user for these purposes, and returns how many were unused.
///
/// # Errors
///
/// When the database can't be written.
pub fn end_for_user(
    connection: &mut DbConnection,
    user: UserId,
    purposes: &[TokenPurpose],
    now: Timestamp,
) -> Result<usize, DbError> {
    let purposes = purposes.iter().map(|purpose| purpose.as_str());
    let unused = dsl::user_id.eq(key(user)).and(dsl::purpose.eq_any(purposes)).and(dsl::used_at.is_null());
    Ok(update(one_time_tokens::table, dsl::used_at.eq(Some(at(now))), unused).execute(connection)?)
}

/// Uses up all tokens of the pending registration for these purposes, and returns how many were unused.
///
/// # Errors
///
/// When the database can't be written.
pub fn end_for_pending(
    connection: &mut DbConnection,
    id: UserId,
    purposes: &[TokenPurpose],
    now: Timestamp,
) -> Result<usize, DbError> {
    let purposes = purposes.iter().map(|purpose| purpose.as_str());
    let unused = dsl::pending_id.eq(key(id)).and(dsl::purpose.eq_any(purposes)).and(dsl::used_at.is_null());
    Ok(update(one_time_tokens::table, dsl::used_at.eq(Some(at(now))), unused).execute(connection)?)
}

/// A token that outlives the row that it belongs to.
#[derive(Queryable, Selectable)]
#[diesel(table_name = one_time_tokens, check_for_backend(MultiBackend))]
pub(crate) struct KeptToken {
    id: Uuid,
    purpose: String,
    #[diesel(deserialize_as = HiddenBytes)]
    token_hash: Hidden<Vec<u8>>,
    created_at: Timestamp,
    expires_at: Timestamp,
}

pub(crate) fn unused_of_pending(
    connection: &mut DbConnection,
    pending: UserId,
    purpose: TokenPurpose,
) -> Result<Vec<KeptToken>, DbError> {
    Ok(one_time_tokens::table
        .filter(dsl::pending_id.eq(key(pending)))
        .filter(dsl::purpose.eq(purpose.as_str()))
        .filter(dsl::used_at.is_null())
        .select(KeptToken::as_select())
        .load(connection)?)
}

pub(crate) fn insert_for_pending(
    connection: &mut DbConnection,
    pending: UserId,
    token: &KeptToken,
) -> Result<(), DbError> {
    diesel::insert_into(one_time_tokens::table)
        .values((
            dsl::id.eq(key(token.id)),
            dsl::pending_id.eq(Some(key(pending))),
            dsl::purpose.eq(&token.purpose),
            dsl::token_hash.eq(token.token_hash.expose().as_slice()),
            dsl::created_at.eq(at(token.created_at)),
            dsl::expires_at.eq(at(token.expires_at)),
        ))
        .execute(connection)?;
    Ok(())
}

/// Deletes tokens, used or not, that had expired by `before`, at most `limit` of them, and returns how many there were.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete_expired(connection: &mut DbConnection, before: Timestamp, limit: u32) -> Result<usize, DbError> {
    let expired = dsl::expires_at.le(at(before));
    let chosen = choose(connection, one_time_tokens::table, expired, dsl::expires_at, limit);
    Ok(chosen.delete().execute(connection)?)
}
