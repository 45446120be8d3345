//! How often in a row an authenticator of a user was tried in vain. The counts only grow and are cleared; what follows
//! from them is decided elsewhere (NIST SP 800-63B, section 5.2.2, wants a bound).

use auth_core::UserId;
use diesel::prelude::*;

use crate::connection::DbConnection;
use crate::error::DbError;
use crate::schema::authenticator_failures::{self, dsl};
use crate::sql_type::key;
use crate::statement::on_either;

/// The lane of attempts about whose device nothing is known.
pub const ANY_LANE: &str = "any";

/// The lane of attempts on devices that the user has signed in on: others can't use it up.
pub const KNOWN_DEVICE: &str = "known_device";

/// What somebody proves with who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Authenticator {
    /// The password.
    Password,
    /// What is asked for after it: a time-based code, a backup code.
    SecondFactor,
}

impl Authenticator {
    /// The name that the database stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::SecondFactor => "second_factor",
        }
    }
}

/// Counts one failure and returns how many there are in this lane now.
///
/// # Errors
///
/// [`DbError::ForeignKeyViolation`] when the user was deleted meanwhile.
pub fn add(
    connection: &mut DbConnection,
    user: UserId,
    authenticator: Authenticator,
    lane: &str,
) -> Result<i64, DbError> {
    on_either!(connection, |connection| {
        Ok(diesel::insert_into(authenticator_failures::table)
            .values((
                dsl::user_id.eq(key(user)),
                dsl::authenticator.eq(authenticator.as_str()),
                dsl::lane.eq(lane),
                dsl::count.eq(1),
            ))
            .on_conflict((dsl::user_id, dsl::authenticator, dsl::lane))
            .do_update()
            .set(dsl::count.eq(dsl::count + 1))
            .returning(dsl::count)
            .get_result(connection)?)
    })
}

/// How many failures there are in this lane.
///
/// # Errors
///
/// When the database can't be read.
pub fn count(
    connection: &mut DbConnection,
    user: UserId,
    authenticator: Authenticator,
    lane: &str,
) -> Result<i64, DbError> {
    let row = authenticator_failures::table.find((key(user), authenticator.as_str(), lane));
    Ok(row.select(dsl::count).get_result(connection).optional()?.unwrap_or(0))
}

/// Forgets the failures of this lane if there are fewer than `limit`, and returns whether it did. A failure that is
/// committed at the same time is either forgotten with them, or the one that reaches the limit and stays.
///
/// # Errors
///
/// When the database can't be written.
pub fn clear_below(
    connection: &mut DbConnection,
    user: UserId,
    authenticator: Authenticator,
    lane: &str,
    limit: i64,
) -> Result<bool, DbError> {
    let row = authenticator_failures::table.find((key(user), authenticator.as_str(), lane));
    Ok(diesel::delete(row.filter(dsl::count.lt(limit))).execute(connection)? == 1)
}

/// Forgets the failures of all lanes, and returns of how many.
///
/// # Errors
///
/// When the database can't be written.
pub fn clear(connection: &mut DbConnection, user: UserId, authenticator: Authenticator) -> Result<usize, DbError> {
    let lanes = authenticator_failures::table
        .filter(dsl::user_id.eq(key(user)))
        .filter(dsl::authenticator.eq(authenticator.as_str()));
    Ok(diesel::delete(lanes).execute(connection)?)
}
