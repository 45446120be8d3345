//! Users.

mod administration;
mod credential;
mod list;
mod profile;
mod transfer;

use auth_core::{DisplayName, Email, Role, Timestamp, UserId, Username};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

pub use self::administration::{set_disabled, set_email_verified, set_password_must_change, set_role};
pub use self::credential::{
    confirm_email_owner, mark_email_verified, set_email, set_mfa_enabled, set_password, update_password_hash,
    update_rehashed_password,
};
pub use self::list::{Candidate, Walk, load, newest};
pub use self::profile::{Change, UserChange, fill_profile, update_profile};
pub use self::transfer::{find_any, insert_stored, page_by_id};
use crate::column::{OptionalHiddenText, RoleColumn};
use crate::connection::{DbConnection, MultiBackend};
use crate::error::DbError;
use crate::hidden::Hidden;
use crate::schema::users;
use crate::sql_type::{at, key};
use crate::statement::update;

/// A user, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(MultiBackend))]
pub struct User {
    /// The user's id.
    pub id: UserId,
    /// The address as it was given.
    pub email: Option<String>,
    /// The address in the form that is unique.
    pub email_normalized: Option<String>,
    /// When the address was proven.
    pub email_verified_at: Option<Timestamp>,
    /// The name as it was given.
    pub username: Option<String>,
    /// The name in the form that is unique.
    pub username_normalized: Option<String>,
    /// The password's hash, a PHC or modular-crypt string; none for who never had a password.
    #[diesel(deserialize_as = OptionalHiddenText)]
    pub password_hash: Option<Hidden<String>>,
    /// The name to show.
    pub display_name: Option<String>,
    /// Where the picture is.
    pub avatar_url: Option<String>,
    /// What the user may do.
    #[diesel(deserialize_as = RoleColumn)]
    pub role: Role,
    /// Since when the user may not log in.
    pub disabled_at: Option<Timestamp>,
    /// Whether the next thing to do is to set a new password.
    pub password_must_change: bool,
    /// Until when the user has what is paid for.
    pub premium_until: Option<Timestamp>,
    /// The last time that the user logged in.
    pub last_login_at: Option<Timestamp>,
    /// Access tokens of a lower epoch are not valid any more.
    pub token_epoch: i64,
    /// Half-done sign-ins that began under a lower epoch are not valid any more.
    pub security_epoch: i64,
    /// How often `premium_until` was changed.
    pub premium_epoch: i64,
    /// Since when a second factor is asked for.
    pub mfa_enabled_at: Option<Timestamp>,
    /// When the address was last replaced by way of a mailed link, if nobody has shown since that account and address are
    /// one person's.
    pub email_changed_at: Option<Timestamp>,
    /// When an administrator vouched for the address, if nobody has shown since that account and address are one person's.
    pub email_vouched_at: Option<Timestamp>,
    /// When the user was made.
    pub created_at: Timestamp,
    /// When the user's own data were last changed.
    pub updated_at: Timestamp,
}

impl User {
    /// Whether somebody has shown to have the address. That an administrator vouched for it shows nothing.
    pub const fn has_shown_address(&self) -> bool {
        self.email_verified_at.is_some() && self.email_vouched_at.is_none()
    }
}

/// A user to be stored. What is not here starts empty.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The user's id.
    pub id: UserId,
    /// The address.
    pub email: Option<Email>,
    /// When the address was proven, if it was.
    pub email_verified_at: Option<Timestamp>,
    /// The name.
    pub username: Option<Username>,
    /// The password's hash, a PHC or modular-crypt string.
    pub password_hash: Option<Hidden<String>>,
    /// The name to show.
    pub display_name: Option<DisplayName>,
    /// Where the picture is.
    pub avatar_url: Option<String>,
    /// What the user may do.
    pub role: Role,
    /// Whether the first thing to do is to set a new password.
    pub password_must_change: bool,
    /// The time of making.
    pub created_at: Timestamp,
}

/// Stores `user`.
///
/// # Errors
///
/// [`DbError::UniqueViolation`] with [`Conflict::UserEmail`](crate::Conflict::UserEmail) or
/// [`Conflict::UserUsername`](crate::Conflict::UserUsername) when another user has the address or the name.
pub fn insert(connection: &mut DbConnection, user: &NewUser) -> Result<(), DbError> {
    diesel::insert_into(users::table)
        .values((
            users::id.eq(key(user.id)),
            users::email.eq(user.email.as_ref().map(Email::as_str)),
            users::email_normalized.eq(user.email.as_ref().map(Email::canonical)),
            users::email_verified_at.eq(user.email_verified_at.map(at)),
            users::username.eq(user.username.as_ref().map(Username::as_str)),
            users::username_normalized.eq(user.username.as_ref().map(Username::canonical)),
            users::password_hash.eq(user.password_hash.as_ref().map(|hash| hash.expose().as_str())),
            users::display_name.eq(user.display_name.as_ref().map(DisplayName::as_str)),
            users::avatar_url.eq(user.avatar_url.as_deref()),
            users::role.eq(user.role.as_str()),
            users::password_must_change.eq(user.password_must_change),
            users::token_epoch.eq(0),
            users::security_epoch.eq(0),
            users::created_at.eq(at(user.created_at)),
            users::updated_at.eq(at(user.created_at)),
        ))
        .execute(connection)?;
    Ok(())
}

/// The user with this id.
///
/// # Errors
///
/// When the database can't be read.
pub fn find(connection: &mut DbConnection, id: UserId) -> Result<Option<User>, DbError> {
    Ok(users::table.find(key(id)).select(User::as_select()).get_result(connection).optional()?)
}

/// The user with this address, given in its normalized form ([`Email::canonical`]).
///
/// # Errors
///
/// When the database can't be read.
pub fn find_by_email(connection: &mut DbConnection, canonical: &str) -> Result<Option<User>, DbError> {
    let query = users::table.filter(users::email_normalized.eq(canonical));
    Ok(query.select(User::as_select()).get_result(connection).optional()?)
}

/// The user with this name, given in its normalized form ([`Username::canonical`]).
///
/// # Errors
///
/// When the database can't be read.
pub fn find_by_username(connection: &mut DbConnection, canonical: &str) -> Result<Option<User>, DbError> {
    let query = users::table.filter(users::username_normalized.eq(canonical));
    Ok(query.select(User::as_select()).get_result(connection).optional()?)
}

/// Notes that the user logged in. False: there is no such user.
///
/// # Errors
///
/// When the database can't be written.
pub fn update_last_login(connection: &mut DbConnection, id: UserId, now: Timestamp) -> Result<bool, DbError> {
    let noted = users::last_login_at.eq(Some(at(now)));
    Ok(update(users::table, noted, users::id.eq(key(id))).execute(connection)? == 1)
}

/// Ends all access tokens of the user, and returns the lowest epoch that is still good; none without such a user.
///
/// # Errors
///
/// When the database can't be written.
pub fn raise_token_epoch(connection: &mut DbConnection, id: UserId) -> Result<Option<i64>, DbError> {
    let raise = diesel::update(users::table.find(key(id)))
        .set(users::token_epoch.eq(users::token_epoch + 1))
        .returning(users::token_epoch);
    Ok(raise.get_result(connection).optional()?)
}

/// Ends all half-done sign-ins of the user, and returns the epoch that the next ones carry; none without such a user.
///
/// # Errors
///
/// When the database can't be written.
pub fn raise_security_epoch(connection: &mut DbConnection, id: UserId) -> Result<Option<i64>, DbError> {
    let raise = users::security_epoch.eq(users::security_epoch + 1);
    let raised = update(users::table, raise, users::id.eq(key(id))).returning(users::security_epoch);
    Ok(raised.get_result(connection).optional()?)
}

/// Sets until when the user has premium, `None` for not at all, and returns how often that was changed by now; none without
/// such a user.
///
/// # Errors
///
/// When the database can't be written.
pub fn set_premium(
    connection: &mut DbConnection,
    id: UserId,
    until: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<i64>, DbError> {
    let change = (
        users::premium_until.eq(until.map(at)),
        users::premium_epoch.eq(users::premium_epoch + 1),
        users::updated_at.eq(at(now)),
    );
    let raised = update(users::table, change, users::id.eq(key(id))).returning(users::premium_epoch);
    Ok(raised.get_result(connection).optional()?)
}

/// Deletes the user, with all sessions, tokens and queued mails; audit events and revocations stay. False: there is no such
/// user.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete(connection: &mut DbConnection, id: UserId) -> Result<bool, DbError> {
    Ok(diesel::delete(users::table.find(key(id))).execute(connection)? == 1)
}

/// How many administrators may log in.
///
/// # Errors
///
/// When the database can't be read.
pub fn count_active_admins(connection: &mut DbConnection) -> Result<i64, DbError> {
    // Written out, not bound: only so does either database use the index of administrators.
    let admins = users::table.filter(sql::<Bool>("role = 'admin'")).filter(users::disabled_at.is_null());
    Ok(admins.count().get_result(connection)?)
}

/// Makes everything that ends the sessions of this user, or opens one, wait for each other until the end of this
/// transaction: to be called before any of the user's sessions is touched, or two transactions could wait for each other
/// for ever. What is read after it is what holds. SQLite has one writer in any case.
///
/// # Errors
///
/// When the database can't be written.
pub fn lock(connection: &mut DbConnection, id: UserId) -> Result<(), DbError> {
    if let DbConnection::Pg(connection) = connection {
        // The weakest lock that stands against itself and against updates: rows that refer to the user may be inserted.
        let row = users::table.find(key(id)).select(users::id).for_no_key_update();
        row.execute(connection)?;
    }
    Ok(())
}

/// Makes decisions about the set of administrators wait for each other until the end of this transaction, so that two
/// of them can't each leave it to the other to be the last one. SQLite has one writer in any case.
///
/// # Errors
///
/// When the database can't be written.
pub fn lock_admins(connection: &mut DbConnection) -> Result<(), DbError> {
    if let DbConnection::Pg(connection) = connection {
        let lock = "SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.admins'))";
        diesel::sql_query(lock).execute(connection)?;
    }
    Ok(())
}
