//! News of revocations and of premium, which every instance reads again and again. The truth is in
//! `sessions.revoked_at`, `users.token_epoch` and `users.premium_until`; the news outlive a deleted user, and go when no
//! access token can be alive that they concern.

use auth_core::{SessionId, Timestamp, UserId};
use diesel::prelude::*;
use uuid::Uuid;

use crate::chosen::choose;
use crate::connection::{DbConnection, MultiBackend};
use crate::error::DbError;
use crate::schema::revocations;
use crate::sql_type::{at, key};

/// One piece of news: either a session ended, or a user's epoch rose, or a user's premium was changed.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = revocations, check_for_backend(MultiBackend))]
pub struct Revocation {
    /// The id of this piece of news.
    pub id: Uuid,
    /// When it happened, by the clock of the instance that wrote it.
    pub at: Timestamp,
    /// The session that ended.
    pub session_id: Option<SessionId>,
    /// Whose session it was, or whose epoch rose, or whose premium was changed.
    pub user_id: Option<UserId>,
    /// The lowest epoch of the user's access tokens that is still good.
    pub lowest_epoch: Option<i64>,
    /// How often the user's premium had been changed then: of two such pieces of news the one of the higher number holds.
    pub premium_epoch: Option<i64>,
    /// Until when the user has premium, where `premium_epoch` is set; `None`: not at all.
    pub premium_until: Option<Timestamp>,
    /// From when on no access token is alive that this concerns.
    pub expires_at: Timestamp,
}

/// Stores `news`.
///
/// # Errors
///
/// When the database can't be written.
pub fn insert(connection: &mut DbConnection, news: &[Revocation]) -> Result<(), DbError> {
    for revocation in news {
        diesel::insert_into(revocations::table)
            .values((
                revocations::id.eq(key(revocation.id)),
                revocations::at.eq(at(revocation.at)),
                revocations::session_id.eq(revocation.session_id.map(key)),
                revocations::user_id.eq(revocation.user_id.map(key)),
                revocations::lowest_epoch.eq(revocation.lowest_epoch),
                revocations::premium_epoch.eq(revocation.premium_epoch),
                revocations::premium_until.eq(revocation.premium_until.map(at)),
                revocations::expires_at.eq(at(revocation.expires_at)),
            ))
            .execute(connection)?;
    }
    Ok(())
}

/// The news of `since` and later, the oldest first. A row may become visible a little after its own time (a slow
/// commit, another instance's clock), so each reading must overlap the one before.
///
/// # Errors
///
/// When the database can't be read.
pub fn list_since(connection: &mut DbConnection, since: Timestamp) -> Result<Vec<Revocation>, DbError> {
    Ok(revocations::table
        .filter(revocations::at.ge(at(since)))
        .order((revocations::at, revocations::id))
        .select(Revocation::as_select())
        .load(connection)?)
}

/// Deletes news that concern no living access token any more at `now`, at most `limit` of them, and returns how many there
/// were.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete_expired(connection: &mut DbConnection, now: Timestamp, limit: u32) -> Result<usize, DbError> {
    let expired = revocations::expires_at.le(at(now));
    let chosen = choose(connection, revocations::table, expired, revocations::expires_at, limit);
    Ok(chosen.delete().execute(connection)?)
}
