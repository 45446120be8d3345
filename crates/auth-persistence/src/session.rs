//! Sessions: one row each, from log-in to expiry. How a refresh changes the row is in [`refresh`](crate::refresh).

use std::num::NonZeroU32;

use auth_core::{SessionId, Timestamp, UserId};
use diesel::prelude::*;

use crate::chosen::choose;
use crate::column::{Generation, PreviousGeneration, Salt, SeenGeneration, Skips};
use crate::connection::{DbConnection, MultiBackend};
use crate::error::DbError;
use crate::hidden::Hidden;
use crate::schema::{sessions, users};
use crate::sql_type::{at, key};
use crate::statement::update;
use crate::user::User;

/// A session, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(MultiBackend))]
pub struct Session {
    /// The session's id.
    pub id: SessionId,
    /// Whose session it is.
    pub user_id: UserId,
    /// The generation of the current refresh token.
    #[diesel(deserialize_as = Generation)]
    pub generation: u32,
    /// The generation whose successor is the current one, or would have been but for lost answers.
    #[diesel(deserialize_as = PreviousGeneration)]
    pub previous_generation: Option<u32>,
    /// The highest generation that a client is known to have received.
    #[diesel(deserialize_as = SeenGeneration)]
    pub seen_generation: u32,
    /// How many answers in a row seem to have been lost (for metrics only).
    #[diesel(deserialize_as = Skips)]
    pub skips: u32,
    /// What ties refresh tokens to this row.
    #[diesel(deserialize_as = Salt)]
    pub salt: Hidden<[u8; 32]>,
    /// When `generation` last grew; none until the first refresh.
    pub rotated_at: Option<Timestamp>,
    /// When the current token was last handed out; none until the first refresh.
    pub handed_at: Option<Timestamp>,
    /// When the session began.
    pub created_at: Timestamp,
    /// When the user last proved who they are.
    pub authenticated_at: Timestamp,
    /// When it ends in any case.
    pub expires_at: Timestamp,
    /// The last refresh, or the log-in.
    pub last_used_at: Timestamp,
    /// When it was ended.
    pub revoked_at: Option<Timestamp>,
    /// Why it was ended.
    pub revoke_reason: Option<String>,
    /// The client's address at log-in.
    pub ip: Option<String>,
    /// The client's name for itself at log-in.
    pub user_agent: Option<String>,
    /// How the user proved who they are: values of `amr` (RFC 8176), separated by commas.
    pub auth_methods: String,
}

/// A session to be stored.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The session's id.
    pub id: SessionId,
    /// Whose session it is.
    pub user_id: UserId,
    /// The generation of the first refresh token.
    pub generation: u32,
    /// What ties refresh tokens to this row: random.
    pub salt: Hidden<[u8; 32]>,
    /// The time of the log-in.
    pub created_at: Timestamp,
    /// When it ends in any case.
    pub expires_at: Timestamp,
    /// The client's address.
    pub ip: Option<String>,
    /// The client's name for itself.
    pub user_agent: Option<String>,
    /// How the user proved who they are: values of `amr` (RFC 8176), separated by commas.
    pub auth_methods: String,
}

/// The row as it is stored, so that nobody has to read it back.
impl From<NewSession> for Session {
    fn from(new: NewSession) -> Self {
        Self {
            id: new.id,
            user_id: new.user_id,
            generation: new.generation,
            previous_generation: None,
            seen_generation: 0,
            skips: 0,
            salt: new.salt,
            rotated_at: None,
            handed_at: None,
            created_at: new.created_at,
            authenticated_at: new.created_at,
            expires_at: new.expires_at,
            last_used_at: new.created_at,
            revoked_at: None,
            revoke_reason: None,
            ip: new.ip,
            user_agent: new.user_agent,
            auth_methods: new.auth_methods,
        }
    }
}

/// Stores `session`.
///
/// # Errors
///
/// [`DbError::ForeignKeyViolation`] when the user was deleted meanwhile.
pub fn insert(connection: &mut DbConnection, session: &NewSession) -> Result<(), DbError> {
    diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(key(session.id)),
            sessions::user_id.eq(key(session.user_id)),
            sessions::generation.eq(i64::from(session.generation)),
            sessions::seen_generation.eq(0),
            sessions::skips.eq(0),
            sessions::salt.eq(session.salt.expose().as_slice()),
            sessions::created_at.eq(at(session.created_at)),
            sessions::authenticated_at.eq(at(session.created_at)),
            sessions::expires_at.eq(at(session.expires_at)),
            sessions::last_used_at.eq(at(session.created_at)),
            sessions::ip.eq(session.ip.as_deref()),
            sessions::user_agent.eq(session.user_agent.as_deref()),
            sessions::auth_methods.eq(&session.auth_methods),
        ))
        .execute(connection)?;
    Ok(())
}

/// The session with this id, whether live or not.
///
/// # Errors
///
/// When the database can't be read.
pub fn find(connection: &mut DbConnection, id: SessionId) -> Result<Option<Session>, DbError> {
    Ok(sessions::table.find(key(id)).select(Session::as_select()).get_result(connection).optional()?)
}

/// The session with this id, whether live or not, and its user.
///
/// # Errors
///
/// When the database can't be read.
pub fn find_with_user(connection: &mut DbConnection, id: SessionId) -> Result<Option<(Session, User)>, DbError> {
    Ok(sessions::table
        .inner_join(users::table)
        .filter(sessions::id.eq(key(id)))
        .select((Session::as_select(), User::as_select()))
        .get_result(connection)
        .optional()?)
}

/// All sessions of the user whose rows are still there, the oldest first.
///
/// # Errors
///
/// When the database can't be read.
pub fn list(connection: &mut DbConnection, user: UserId) -> Result<Vec<Session>, DbError> {
    Ok(sessions::table
        .filter(sessions::user_id.eq(key(user)))
        .order((sessions::created_at, sessions::id))
        .select(Session::as_select())
        .load(connection)?)
}

/// The user's sessions that are neither revoked nor expired and were used after `idle_cutoff`, the newest first.
///
/// # Errors
///
/// When the database can't be read.
pub fn list_live(
    connection: &mut DbConnection,
    user: UserId,
    now: Timestamp,
    idle_cutoff: Timestamp,
) -> Result<Vec<Session>, DbError> {
    Ok(sessions::table
        .filter(sessions::user_id.eq(key(user)))
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(at(now)))
        .filter(sessions::last_used_at.gt(at(idle_cutoff)))
        .order((sessions::created_at.desc(), sessions::id.desc()))
        .select(Session::as_select())
        .load(connection)?)
}

/// Notes that `user` proved again who they are, and how if `methods` are given (as in
/// [`auth_methods`](Session::auth_methods)). False: the session is not there, not theirs, revoked or expired.
///
/// # Errors
///
/// When the database can't be written.
pub fn prove_again(
    connection: &mut DbConnection,
    id: SessionId,
    user: UserId,
    methods: Option<&str>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let proof = (sessions::authenticated_at.eq(at(now)), methods.map(|methods| sessions::auth_methods.eq(methods)));
    let live = sessions::id
        .eq(key(id))
        .and(sessions::user_id.eq(key(user)))
        .and(sessions::revoked_at.is_null())
        .and(sessions::expires_at.gt(at(now)));
    Ok(update(sessions::table, proof, live).execute(connection)? == 1)
}

/// Revokes one session of `user`. False: it is not there, not theirs, or was revoked before.
///
/// # Errors
///
/// When the database can't be written.
pub fn revoke(
    connection: &mut DbConnection,
    id: SessionId,
    user: UserId,
    reason: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let end = (sessions::revoked_at.eq(Some(at(now))), sessions::revoke_reason.eq(reason));
    let theirs = sessions::id.eq(key(id)).and(sessions::user_id.eq(key(user))).and(sessions::revoked_at.is_null());
    Ok(update(sessions::table, end, theirs).execute(connection)? == 1)
}

/// Revokes all sessions of `user`, or all but one, and returns those that it revoked, each with the time when it
/// would have ended.
///
/// # Errors
///
/// When the database can't be written.
pub fn revoke_all(
    connection: &mut DbConnection,
    user: UserId,
    except: Option<SessionId>,
    reason: &str,
    now: Timestamp,
) -> Result<Vec<(SessionId, Timestamp)>, DbError> {
    // No session has the nil id.
    let except = except.map_or(uuid::Uuid::nil(), |id| *id.as_uuid());
    let theirs = sessions::table
        .filter(sessions::user_id.eq(key(user)))
        .filter(sessions::id.ne(key(except)))
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(at(now)));
    Ok(diesel::update(theirs)
        .set((sessions::revoked_at.eq(Some(at(now))), sessions::revoke_reason.eq(reason)))
        .returning((sessions::id, sessions::expires_at))
        .get_results(connection)?)
}

/// Keeps the newest `keep` live sessions of `user` and revokes the others, which it returns, each with the time when
/// it would have ended. To be called in the transaction of a log-in, after the insert.
///
/// # Errors
///
/// When the database can't be written.
pub fn revoke_oldest_beyond(
    connection: &mut DbConnection,
    user: UserId,
    keep: NonZeroU32,
    reason: &str,
    now: Timestamp,
) -> Result<Vec<(SessionId, Timestamp)>, DbError> {
    let surplus: Vec<(SessionId, Timestamp)> = sessions::table
        .filter(sessions::user_id.eq(key(user)))
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(at(now)))
        .order((sessions::created_at.desc(), sessions::id.desc()))
        .offset(i64::from(keep.get()))
        .select((sessions::id, sessions::expires_at))
        .load(connection)?;
    // Somebody else may have revoked one meanwhile; then it is theirs to report.
    let mut revoked = Vec::with_capacity(surplus.len());
    for (id, expires_at) in surplus {
        if revoke(connection, id, user, reason, now)? {
            revoked.push((id, expires_at));
        }
    }
    Ok(revoked)
}

/// Deletes sessions that had ended by their time by `before`, at most `limit` of them, and returns how many there were.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete_expired(connection: &mut DbConnection, before: Timestamp, limit: u32) -> Result<usize, DbError> {
    let expired = sessions::expires_at.le(at(before));
    let chosen = choose(connection, sessions::table, expired, sessions::expires_at, limit);
    Ok(chosen.delete().execute(connection)?)
}

/// Deletes sessions that had been revoked by `before`, at most `limit` of them, and returns how many there were.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete_revoked(connection: &mut DbConnection, before: Timestamp, limit: u32) -> Result<usize, DbError> {
    let revoked = sessions::revoked_at.le(at(before));
    let chosen = choose(connection, sessions::table, revoked, sessions::revoked_at, limit);
    Ok(chosen.delete().execute(connection)?)
}
