//! What administrators do (REQ-42): find users, make, change and delete them, help them in again, read the audit trail.
//!
//! Whoever calls has to be an administrator as the database has it now, whatever the access token says, and a change
//! wants a fresh proof of who is there, which holds until the transaction that makes the change. Every change takes its
//! locks in one order: the set of administrators, the row of who calls, the row of whom the call is about. So changes by
//! administrators wait for each other, and of two who demote each other one finds that nobody else would be left.

mod account;
mod change;
mod create;
mod rescue;
mod trail;
mod users;
mod walk;

use auth_core::{AccessClaims, ErrorCode, FieldError, Role, Timestamp, UserId};
use auth_persistence::user::{self, User};
use auth_persistence::{Conflict, DbConnection, DbError, session};
use serde::Deserialize as _;
use serde::de::IntoDeserializer;
use serde::de::value::Error as InvalidTime;

pub use self::change::AccountChange;
pub use self::create::NewAccount;
pub use self::trail::AuditQuery;
pub use self::users::UserQuery;
use crate::account::{AccountError, active};
use crate::audit::Event;
use crate::client::Client;
use crate::fresh_proof::FreshProof;
use crate::register::kept;
use crate::revocation_feed::Revoked;
use crate::service::Inner;

/// Why an administrator's call was refused.
#[derive(Debug, thiserror::Error)]
pub enum AdministrationError {
    /// Who calls is no administrator, or not any more.
    #[error("the user {0} is no administrator")]
    Forbidden(UserId),
    /// There is no such user.
    #[error("no such user")]
    NotFound,
    /// Another account has the address, or may take it back.
    #[error("the address is taken")]
    EmailTaken,
    /// The user has no address that a mail could go to.
    #[error("the user has no address")]
    NoEmail,
    /// The user is switched off.
    #[error("the user is disabled")]
    UserDisabled,
    /// What can be refused to users, too.
    #[error(transparent)]
    Account(#[from] AccountError),
}

impl AdministrationError {
    /// The stable code of this error.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Forbidden(_) => ErrorCode::Forbidden,
            Self::NotFound => ErrorCode::NotFound,
            Self::EmailTaken => ErrorCode::EmailTaken,
            Self::NoEmail => ErrorCode::NoEmail,
            Self::UserDisabled => ErrorCode::UserDisabled,
            Self::Account(error) => error.code(),
        }
    }
}

impl From<DbError> for AdministrationError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::UniqueViolation(Conflict::UserEmail) => Self::EmailTaken,
            error => Self::Account(error.into()),
        }
    }
}

/// An administrator at work: who did it, and from where.
pub(crate) struct Administrator {
    id: UserId,
    client: Client,
}

impl Inner {
    /// Shows `work` the database, if `claims` are an administrator's.
    async fn look<T: Send + 'static>(
        &self,
        claims: &AccessClaims,
        work: impl FnOnce(&mut DbConnection) -> Result<T, AdministrationError> + Send + 'static,
    ) -> Result<T, AdministrationError> {
        let claims = claims.clone();
        self.database
            .read(move |conn| {
                let found = session::find_with_user(conn, claims.session_id)?;
                let found = found.filter(|(row, _)| row.user_id == claims.user_id && row.revoked_at.is_none());
                require_role(&active(found.map(|(_, user)| user))?)?;
                work(conn)
            })
            .await
    }

    /// Has an administrator do `work`, in one transaction in which the set of administrators is locked, and makes known
    /// what that revoked.
    async fn administer<T: Send + 'static>(
        &self,
        claims: &AccessClaims,
        proof: FreshProof<'_>,
        client: &Client,
        work: impl FnOnce(&Self, &mut DbConnection, &Administrator) -> Result<(Vec<Revoked>, T), AdministrationError>
        + Send
        + 'static,
    ) -> Result<T, AdministrationError> {
        let proven = self.require_fresh_proof(claims, proof, client).await?;
        let (handle, claims, client) = (self.handle(), claims.clone(), client.clone());
        let (news, value) = self
            .database
            .write(move |conn| {
                user::lock_admins(conn)?;
                let admin = proven.still_holds(conn, &claims)?;
                require_role(&admin)?;
                work(&handle, conn, &Administrator { id: admin.id, client })
            })
            .await?;
        self.apply(&news);
        Ok(value)
    }

    /// [`Inner::administer`] for what concerns one user, whose row is locked.
    async fn administer_user<T: Send + 'static>(
        &self,
        claims: &AccessClaims,
        user: UserId,
        proof: FreshProof<'_>,
        client: &Client,
        work: impl FnOnce(&Self, &mut DbConnection, &Administrator, User) -> Result<(Vec<Revoked>, T), AdministrationError>
        + Send
        + 'static,
    ) -> Result<T, AdministrationError> {
        self.administer(claims, proof, client, move |inner, conn, by| {
            user::lock(conn, user)?;
            let user = user::find(conn, user)?.ok_or(AdministrationError::NotFound)?;
            work(inner, conn, by, user)
        })
        .await
    }

    /// Writes that `by` did `event` to the account of `user`.
    fn record_administration(
        &self,
        conn: &mut DbConnection,
        by: &Administrator,
        event: Event,
        user: UserId,
        details: serde_json::Value,
    ) -> Result<(), DbError> {
        self.record_by(conn, Some(by.id), event, Some(user), &by.client, details)
    }
}

fn require_role(user: &User) -> Result<(), AdministrationError> {
    if user.role == Role::Admin { Ok(()) } else { Err(AdministrationError::Forbidden(user.id)) }
}

/// The role of this name, or nothing and one error more.
fn parse_role(text: &str, errors: &mut Vec<FieldError>) -> Option<Role> {
    kept(text.parse().map_err(|_| "a role is user or admin"), "role", "invalid_role", errors)
}

/// A time as RFC 3339 writes it, with an offset.
fn parse_time(text: &str) -> Result<Timestamp, &'static str> {
    Timestamp::deserialize(IntoDeserializer::<InvalidTime>::into_deserializer(text))
        .map_err(|_| "this must be a time of RFC 3339, as 2026-01-31T09:30:00Z, of the years 365 to 9999 (9999-12-30)")
}
