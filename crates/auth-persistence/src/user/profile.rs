//! What users tell of themselves.

use auth_core::{DisplayName, Timestamp, UserId, Username};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, SingleValue, SqlType};

use crate::connection::DbConnection;
use crate::error::DbError;
use crate::schema::users;
use crate::sql_type::{at, key};
use crate::statement::update;

/// What becomes of one optional column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It becomes empty.
    Clear,
    /// It becomes this.
    Set(T),
}

/// A change of what users may change themselves.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// The name to show.
    pub display_name: Change<DisplayName>,
    /// Where the picture is.
    pub avatar_url: Change<String>,
    /// The name to log in with.
    pub username: Change<Username>,
}

impl<T> Change<T> {
    /// The column's new value, if there is one.
    fn column<'a>(&'a self, text: impl FnOnce(&'a T) -> &'a str) -> Option<Option<&'a str>> {
        match self {
            Self::Keep => None,
            Self::Clear => Some(None),
            Self::Set(value) => Some(Some(text(value))),
        }
    }
}

/// Changes what users may change themselves. False: there is no such user.
///
/// # Errors
///
/// [`DbError::UniqueViolation`] with [`Conflict::UserUsername`](crate::Conflict::UserUsername) when another user has
/// the name.
pub fn update_profile(
    connection: &mut DbConnection,
    id: UserId,
    change: &UserChange,
    now: Timestamp,
) -> Result<bool, DbError> {
    let columns = (
        change.display_name.column(DisplayName::as_str).map(|value| users::display_name.eq(value)),
        change.avatar_url.column(String::as_str).map(|value| users::avatar_url.eq(value)),
        change.username.column(Username::as_str).map(|value| users::username.eq(value)),
        change.username.column(Username::canonical).map(|value| users::username_normalized.eq(value)),
        users::updated_at.eq(at(now)),
    );
    Ok(diesel::update(users::table.find(key(id))).set(columns).execute(connection)? == 1)
}

#[declare_sql_function]
extern "SQL" {
    /// The first of both that is not NULL.
    fn coalesce<T: SqlType + SingleValue>(value: Nullable<T>, fallback: Nullable<T>) -> Nullable<T>;
}

/// Fills what the user has not told: the name, the picture, or both. What is there stays. False: nothing was to be
/// filled, or there is no such user.
///
/// # Errors
///
/// When the database can't be written.
pub fn fill_profile(
    connection: &mut DbConnection,
    id: UserId,
    display_name: Option<&DisplayName>,
    avatar_url: Option<&str>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let display_name = display_name.map(DisplayName::as_str);
    let filled = (
        users::display_name.eq(coalesce(users::display_name, display_name)),
        users::avatar_url.eq(coalesce(users::avatar_url, avatar_url)),
        users::updated_at.eq(at(now)),
    );
    let fills_name = users::display_name.is_null().and(display_name.is_some().into_sql::<Bool>());
    let fills_avatar = users::avatar_url.is_null().and(avatar_url.is_some().into_sql::<Bool>());
    let unfilled = users::id.eq(key(id)).and(fills_name.or(fills_avatar));
    Ok(update(users::table, filled, unfilled).execute(connection)? == 1)
}
