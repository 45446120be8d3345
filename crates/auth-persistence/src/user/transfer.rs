//! Users in bulk: whole rows, from and to another database or system.

use auth_core::UserId;
use diesel::prelude::*;

use super::User;
use crate::connection::DbConnection;
use crate::error::DbError;
use crate::schema::users;
use crate::sql_type::{Key, at, key};

/// Stores `user` as it is, every column of it.
///
/// # Errors
///
/// [`DbError::UniqueViolation`] when there is a user with this id, or another one has the address
/// ([`Conflict::UserEmail`](crate::Conflict::UserEmail)) or the name
/// ([`Conflict::UserUsername`](crate::Conflict::UserUsername)).
pub fn insert_stored(connection: &mut DbConnection, user: &User) -> Result<(), DbError> {
    diesel::insert_into(users::table)
        .values((
            (
                users::id.eq(key(user.id)),
                users::email.eq(user.email.as_deref()),
                users::email_normalized.eq(user.email_normalized.as_deref()),
                users::email_verified_at.eq(user.email_verified_at.map(at)),
                users::username.eq(user.username.as_deref()),
                users::username_normalized.eq(user.username_normalized.as_deref()),
                users::password_hash.eq(user.password_hash.as_ref().map(|hash| hash.expose().as_str())),
                users::display_name.eq(user.display_name.as_deref()),
                users::avatar_url.eq(user.avatar_url.as_deref()),
                users::role.eq(user.role.as_str()),
                users::disabled_at.eq(user.disabled_at.map(at)),
                users::password_must_change.eq(user.password_must_change),
            ),
            users::premium_until.eq(user.premium_until.map(at)),
            users::last_login_at.eq(user.last_login_at.map(at)),
            users::token_epoch.eq(user.token_epoch),
            users::security_epoch.eq(user.security_epoch),
            users::premium_epoch.eq(user.premium_epoch),
            users::mfa_enabled_at.eq(user.mfa_enabled_at.map(at)),
            users::email_changed_at.eq(user.email_changed_at.map(at)),
            users::email_vouched_at.eq(user.email_vouched_at.map(at)),
            users::created_at.eq(at(user.created_at)),
            users::updated_at.eq(at(user.updated_at)),
        ))
        .execute(connection)?;
    Ok(())
}

/// The `limit` users whose ids follow `after`, in the order of their ids; the first ones without `after`.
///
/// # Errors
///
/// When the database can't be read.
pub fn page_by_id(connection: &mut DbConnection, after: Option<UserId>, limit: u32) -> Result<Vec<User>, DbError> {
    let page = users::table.order(users::id).limit(i64::from(limit)).select(User::as_select());
    Ok(match after {
        Some(after) => page.filter(users::id.gt(key(after))).load(connection)?,
        None => page.load(connection)?,
    })
}

/// The users who have any of these ids, addresses or names, in no order; the latter two in their normalized forms. Each
/// list holds at most a few thousand.
///
/// # Errors
///
/// When the database can't be read.
pub fn find_any(
    connection: &mut DbConnection,
    ids: &[UserId],
    emails: &[&str],
    usernames: &[&str],
) -> Result<Vec<User>, DbError> {
    let mut found = Vec::new();
    // Each by its own index.
    if !ids.is_empty() {
        let ids: Vec<Key> = ids.iter().map(|id| key(*id)).collect();
        found = users::table.filter(users::id.eq_any(ids)).select(User::as_select()).load(connection)?;
    }
    if !emails.is_empty() {
        let by_email = users::table.filter(users::email_normalized.eq_any(emails)).select(User::as_select());
        found.extend(by_email.load::<User>(connection)?);
    }
    if !usernames.is_empty() {
        let by_name = users::table.filter(users::username_normalized.eq_any(usernames)).select(User::as_select());
        found.extend(by_name.load::<User>(connection)?);
    }
    found.sort_unstable_by_key(|user| user.id);
    found.dedup_by_key(|user| user.id);
    Ok(found)
}
