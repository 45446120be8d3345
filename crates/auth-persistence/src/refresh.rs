//! What a refresh token may do to its session: each row of the refresh table is one conditional statement.
//!
//! Every function but [`mark_seen`] names the generation `current` that the caller decided upon; `false` says that the
//! row is not as the caller saw it, because somebody was faster or the time moved on: **read again and decide again,
//! never conclude that the token was reused**.
//!
//! `grace` is the time within which a client may present a token again, because its answer may be lost or on its way.
//! A time in the row counts as elapsed when it is `grace` or more ago (exactly `grace` is elapsed), and also when it
//! is more than `grace` ahead of `now`: a clock that was far ahead and set back must not freeze a session. Strict
//! mode, `grace = None`, knows [`rotate`] and [`revoke_reused`] alone.

use std::time::Duration;

use auth_core::{SessionId, Timestamp};
use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel::query_builder::QueryFragment;

use crate::connection::{DbConnection, MultiBackend};
use crate::error::DbError;
use crate::schema::sessions::{self, dsl};
use crate::sql_type::{At, at, key};
use crate::statement::{Update, update};

/// The reason that [`revoke_reused`] records.
pub const REUSE: &str = "reuse";

/// It is the session `$id`, live and at generation `$current`.
macro_rules! session_at {
    ($id:expr, $current:expr) => {
        dsl::id.eq(key($id)).and(dsl::revoked_at.is_null()).and(dsl::generation.eq(i64::from($current)))
    };
}

/// `$time` is `$grace` or more ago, or more than `$grace` ahead.
macro_rules! elapsed {
    ($time:expr, $now:expr, $grace:expr) => {
        $time.le(at($now.minus($grace))).or($time.gt(at($now.plus($grace))))
    };
}

/// Row 2: the current token, handed out long enough ago, is replaced by its successor, generation `current + 1`.
///
/// # Errors
///
/// When the database can't be written.
pub fn rotate(
    connection: &mut DbConnection,
    id: SessionId,
    current: u32,
    now: Timestamp,
    grace: Option<Duration>,
) -> Result<bool, DbError> {
    let current_token = i64::from(current);
    let successor = (
        dsl::previous_generation.eq(Some(current_token)),
        dsl::generation.eq(current_token + 1),
        dsl::rotated_at.eq(Some(at(now))),
        dsl::handed_at.eq(Some(at(now))),
        dsl::seen_generation.eq(current_token),
        dsl::skips.eq(0),
        dsl::last_used_at.eq(at(now)),
    );
    let session = session_at!(id, current);
    match grace {
        None => one_row(connection, update(sessions::table, successor, session)),
        Some(grace) => {
            let due = dsl::handed_at.is_null().or(elapsed!(dsl::handed_at, now, grace));
            one_row(connection, update(sessions::table, successor, session.and(due)))
        }
    }
}

/// Row 3: the previous token, `presented` while the window since the rotation is open, gets the current one once more.
/// The window does not slide.
///
/// # Errors
///
/// When the database can't be written.
pub fn extend_hand_out(
    connection: &mut DbConnection,
    id: SessionId,
    current: u32,
    presented: u32,
    now: Timestamp,
    grace: Duration,
) -> Result<bool, DbError> {
    let (opened, ahead) = (at(now.minus(grace)), at(now.plus(grace)));
    let session = session_at!(id, current)
        .and(dsl::previous_generation.eq(i64::from(presented)))
        .and(dsl::rotated_at.gt(opened))
        .and(dsl::rotated_at.le(ahead));
    // The later of `handed_at` and now; one too far ahead counts as elapsed and is replaced.
    let later = dsl::handed_at.gt(at(now)).and(dsl::handed_at.le(ahead));
    let handed_at = case_when(later, dsl::handed_at).otherwise(Some(at(now)));
    one_row(connection, update(sessions::table, dsl::handed_at.eq(handed_at), session))
}

/// Row 5: the previous token, `presented` late while nobody has shown the current one: its answer was lost. The
/// current generation is skipped.
///
/// # Errors
///
/// When the database can't be written.
pub fn skip(
    connection: &mut DbConnection,
    id: SessionId,
    current: u32,
    presented: u32,
    now: Timestamp,
    grace: Duration,
) -> Result<bool, DbError> {
    let lost = session_at!(id, current)
        .and(dsl::previous_generation.eq(i64::from(presented)))
        .and(dsl::seen_generation.lt(i64::from(current)))
        .and(elapsed!(dsl::handed_at, now, grace));
    let next = (
        dsl::generation.eq(i64::from(current) + 1),
        dsl::rotated_at.eq(Some(at(now))),
        dsl::handed_at.eq(Some(at(now))),
        dsl::skips.eq(dsl::skips + 1),
        dsl::last_used_at.eq(at(now)),
    );
    one_row(connection, update(sessions::table, next, lost))
}

/// Row 6: `presented` was used before by somebody else: the session ends. True also tells the caller to write the
/// audit event and the mail, in the same transaction.
///
/// # Errors
///
/// When the database can't be written.
pub fn revoke_reused(
    connection: &mut DbConnection,
    id: SessionId,
    current: u32,
    presented: u32,
    now: Timestamp,
    grace: Option<Duration>,
) -> Result<bool, DbError> {
    if presented >= current {
        return Ok(false);
    }
    let token = i64::from(presented);
    let revoked = (dsl::revoked_at.eq(Some(at(now))), dsl::revoke_reason.eq(REUSE));
    let session = session_at!(id, current);
    match grace {
        None => one_row(connection, update(sessions::table, revoked, session)),
        Some(grace) => {
            let late = dsl::previous_generation
                .eq(token)
                .and(dsl::seen_generation.ge(i64::from(current)))
                .and(elapsed!(dsl::handed_at, now, grace));
            let ancient = dsl::previous_generation.is_null().or(dsl::previous_generation.ne(token));
            one_row(connection, update(sessions::table, revoked, session.and(late.or(ancient))))
        }
    }
}

/// Row 1 and the flush of what an instance has seen: a client is known to have received `generation`. `false` is fine:
/// that was known already, or the session is over.
///
/// # Errors
///
/// When the database can't be written.
pub fn mark_seen(connection: &mut DbConnection, id: SessionId, generation: u32) -> Result<bool, DbError> {
    let seen = i64::from(generation);
    let session = dsl::id
        .eq(key(id))
        .and(dsl::revoked_at.is_null())
        .and(dsl::seen_generation.lt(seen))
        .and(dsl::generation.ge(seen));
    one_row(connection, update(sessions::table, dsl::seen_generation.eq(seen), session))
}

/// Row 7: an authentic token newer than the row, which only happens when commits were lost (a restored backup, a
/// lagging replica promoted). The row catches up; the next refresh rotates at once.
///
/// # Errors
///
/// When the database can't be written.
pub fn fast_forward(
    connection: &mut DbConnection,
    id: SessionId,
    current: u32,
    presented: u32,
    now: Timestamp,
) -> Result<bool, DbError> {
    if presented <= current {
        return Ok(false);
    }
    let caught_up = (
        dsl::generation.eq(i64::from(presented)),
        dsl::previous_generation.eq(None::<i64>),
        dsl::rotated_at.eq(None::<At>),
        dsl::handed_at.eq(None::<At>),
        dsl::last_used_at.eq(at(now)),
    );
    one_row(connection, update(sessions::table, caught_up, session_at!(id, current)))
}

fn one_row<T, S, F>(connection: &mut DbConnection, update: Update<T, S, F>) -> Result<bool, DbError>
where
    Update<T, S, F>: QueryFragment<MultiBackend>,
{
    Ok(update.execute(connection)? == 1)
}
