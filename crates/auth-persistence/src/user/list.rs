//! Users a part at a time, the newest first, each time along an index.

use auth_core::{Role, Timestamp, UserId};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use uuid::Uuid;

use super::User;
use crate::column::RoleColumn;
use crate::connection::{DbConnection, MultiBackend};
use crate::error::DbError;
use crate::schema::users::{self, dsl};
use crate::sql_type::key;

/// What somebody may look for in a user.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(MultiBackend))]
pub struct Candidate {
    /// The user's id.
    pub id: UserId,
    /// The address as it was given.
    pub email: Option<String>,
    /// The name as it was given.
    pub username: Option<String>,
    /// The name to show.
    pub display_name: Option<String>,
    /// What the user may do.
    #[diesel(deserialize_as = RoleColumn)]
    pub role: Role,
    /// Since when the user may not log in.
    pub disabled_at: Option<Timestamp>,
}

/// Which users are walked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walk {
    /// All of them.
    All,
    /// Administrators.
    Admins,
    /// Those who may not log in.
    Disabled,
}

/// The newest users on this walk, or the newest before the user `before`, at most `limit` of them. Users that are made
/// meanwhile neither move nor repeat those of a later part.
///
/// # Errors
///
/// When the database can't be read.
pub fn newest(
    connection: &mut DbConnection,
    walk: Walk,
    before: Option<UserId>,
    limit: u32,
) -> Result<Vec<Candidate>, DbError> {
    // No user has the highest id: so it is one statement, parsed once.
    let before = before.unwrap_or(UserId::from_uuid(Uuid::max()));
    let users = dsl::users.filter(dsl::id.lt(key(before))).order(dsl::id.desc()).limit(limit.into());
    let users = users.select(Candidate::as_select());
    // Written out, not bound: only so does either database use an index of these users alone.
    Ok(match walk {
        Walk::All => users.load(connection)?,
        Walk::Admins => users.filter(sql::<Bool>("role = 'admin'")).load(connection)?,
        Walk::Disabled => users.filter(dsl::disabled_at.is_not_null()).load(connection)?,
    })
}

/// The users with these ids, as far as they are there, the newest first.
///
/// # Errors
///
/// When the database can't be read.
pub fn load(connection: &mut DbConnection, ids: &[UserId]) -> Result<Vec<User>, DbError> {
    let ids: Vec<_> = ids.iter().copied().map(key).collect();
    let users = dsl::users.filter(dsl::id.eq_any(ids)).order(dsl::id.desc());
    Ok(users.select(User::as_select()).load(connection)?)
}
