//! Accounts of other providers that sign a user in. Each signs in one user, and a user has one of each provider.
//!
//! An account is told by its issuer and subject, never by its address: addresses change hands. What else the provider
//! says of it is kept to be shown.

use std::fmt;

use auth_core::{DisplayName, Email, Timestamp, UserId};
use diesel::prelude::*;

use crate::column::{HiddenText, OptionalHiddenText};
use crate::connection::{DbConnection, MultiBackend};
use crate::error::DbError;
use crate::hidden::Hidden;
use crate::schema::oauth_accounts::{self, dsl};
use crate::sql_type::{Key, at, key};
use crate::statement::update;

/// A linked account, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = oauth_accounts, check_for_backend(MultiBackend))]
pub struct OAuthAccount {
    /// Whom it signs in.
    pub user_id: UserId,
    /// The provider's name in paths.
    pub provider: String,
    /// What the subject is unique within.
    pub issuer: String,
    /// Who it is at the provider.
    #[diesel(deserialize_as = HiddenText)]
    pub subject: Hidden<String>,
    /// The address there, as the provider gave it last.
    #[diesel(deserialize_as = OptionalHiddenText)]
    pub email: Option<Hidden<String>>,
    /// The name there.
    #[diesel(deserialize_as = OptionalHiddenText)]
    pub display_name: Option<Hidden<String>>,
    /// Where the picture there is.
    #[diesel(deserialize_as = OptionalHiddenText)]
    pub avatar_url: Option<Hidden<String>>,
    /// When it was linked.
    pub linked_at: Timestamp,
}

/// An account to be linked.
#[derive(Clone)]
pub struct NewOAuthAccount {
    /// Whom it is to sign in.
    pub user_id: UserId,
    /// The provider's name in paths, 1 to 32 characters.
    pub provider: String,
    /// What the subject is unique within: the issuer's URL with OpenID Connect, else the provider's name; 1 to 1024
    /// bytes.
    pub issuer: String,
    /// Who it is at the provider, 1 to 255 characters (OpenID Connect Core 1.0, section 2: `sub`).
    pub subject: String,
    /// The address there, verified or not.
    pub email: Option<Email>,
    /// The name there.
    pub display_name: Option<DisplayName>,
    /// Where the picture there is, 1 to 2048 bytes.
    pub avatar_url: Option<String>,
    /// Now.
    pub linked_at: Timestamp,
}

/// Without personal data.
impl fmt::Debug for NewOAuthAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewOAuthAccount")
            .field("user_id", &self.user_id)
            .field("provider", &self.provider)
            .field("issuer", &self.issuer)
            .field("linked_at", &self.linked_at)
            .finish_non_exhaustive()
    }
}

/// Links `account`. Of many callers that link one account at once, one does.
///
/// Whoever goes on after a conflict calls it in a [nested transaction](crate::nested_transaction): on PostgreSQL the one
/// around it is of no more use otherwise.
///
/// # Errors
///
/// [`DbError::UniqueViolation`] with [`Conflict::OAuthIdentity`](crate::Conflict::OAuthIdentity) when the account signs
/// in a user already, be it this one or another, or with [`Conflict::OAuthProvider`](crate::Conflict::OAuthProvider)
/// when it does not, but the user has another account of this provider; [`DbError::ForeignKeyViolation`] when the user was
/// deleted meanwhile; [`DbError::Internal`] when a text is empty or too long.
pub fn insert(connection: &mut DbConnection, account: &NewOAuthAccount) -> Result<(), DbError> {
    diesel::insert_into(oauth_accounts::table)
        .values((
            dsl::user_id.eq(key(account.user_id)),
            dsl::provider.eq(&account.provider),
            dsl::issuer.eq(&account.issuer),
            dsl::subject.eq(&account.subject),
            dsl::email.eq(account.email.as_ref().map(Email::as_str)),
            dsl::display_name.eq(account.display_name.as_ref().map(DisplayName::as_str)),
            dsl::avatar_url.eq(account.avatar_url.as_deref()),
            dsl::linked_at.eq(at(account.linked_at)),
        ))
        .execute(connection)?;
    Ok(())
}

/// The account of this subject. Both are compared byte by byte.
///
/// # Errors
///
/// When the database can't be read.
pub fn find(connection: &mut DbConnection, issuer: &str, subject: &str) -> Result<Option<OAuthAccount>, DbError> {
    let account = oauth_accounts::table.find((issuer, subject));
    Ok(account.select(OAuthAccount::as_select()).get_result(connection).optional()?)
}

/// The user's accounts, the longest linked first.
///
/// # Errors
///
/// When the database can't be read.
pub fn list(connection: &mut DbConnection, user: UserId) -> Result<Vec<OAuthAccount>, DbError> {
    Ok(oauth_accounts::table
        .filter(dsl::user_id.eq(key(user)))
        .order((dsl::linked_at, dsl::provider))
        .select(OAuthAccount::as_select())
        .load(connection)?)
}

/// The accounts of these users, at most a few thousand: those of one user together, in the order of [`list`].
///
/// # Errors
///
/// When the database can't be read.
pub fn list_of(connection: &mut DbConnection, users: &[UserId]) -> Result<Vec<OAuthAccount>, DbError> {
    let users: Vec<Key> = users.iter().map(|id| key(*id)).collect();
    Ok(oauth_accounts::table
        .filter(dsl::user_id.eq_any(users))
        .order((dsl::user_id, dsl::linked_at, dsl::provider))
        .select(OAuthAccount::as_select())
        .load(connection)?)
}

/// Those of these subjects of one issuer, at most a few thousand, that sign a user in.
///
/// # Errors
///
/// When the database can't be read.
pub fn find_any(connection: &mut DbConnection, issuer: &str, subjects: &[&str]) -> Result<Vec<OAuthAccount>, DbError> {
    Ok(oauth_accounts::table
        .filter(dsl::issuer.eq(issuer))
        .filter(dsl::subject.eq_any(subjects))
        .select(OAuthAccount::as_select())
        .load(connection)?)
}

/// Notes what the provider says of the account now; what it says no more is dropped. False: there is no such account.
///
/// # Errors
///
/// When the database can't be written, or [`DbError::Internal`] when `avatar_url` is empty or longer than 2048 bytes.
pub fn refresh(
    connection: &mut DbConnection,
    issuer: &str,
    subject: &str,
    email: Option<&Email>,
    display_name: Option<&DisplayName>,
    avatar_url: Option<&str>,
) -> Result<bool, DbError> {
    let said = (
        dsl::email.eq(email.map(Email::as_str)),
        dsl::display_name.eq(display_name.map(DisplayName::as_str)),
        dsl::avatar_url.eq(avatar_url),
    );
    let account = dsl::issuer.eq(issuer).and(dsl::subject.eq(subject));
    Ok(update(oauth_accounts::table, said, account).execute(connection)? == 1)
}

/// Unlinks the user's account of this provider. False: there is none.
///
/// To be called after [`user::lock`](crate::user::lock) by whoever decides by what else the user has to sign in with:
/// without the lock, two callers at once could each leave it to the other's to be the last.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete(connection: &mut DbConnection, user: UserId, provider: &str) -> Result<bool, DbError> {
    let account = oauth_accounts::table.filter(dsl::user_id.eq(key(user))).filter(dsl::provider.eq(provider));
    Ok(diesel::delete(account).execute(connection)? == 1)
}

/// Unlinks all of the user's accounts, and returns the names of their providers in order.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete_all(connection: &mut DbConnection, user: UserId) -> Result<Vec<String>, DbError> {
    let accounts = oauth_accounts::table.filter(dsl::user_id.eq(key(user)));
    let mut providers: Vec<String> = diesel::delete(accounts).returning(dsl::provider).get_results(connection)?;
    providers.sort_unstable();
    Ok(providers)
}
