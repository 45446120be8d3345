//! Administrators who are made by the operator (REQ-08).

use auth_core::password::PasswordHash;
use auth_core::{DisplayName, Email, FieldError, Role, UserId};
use auth_persistence::user::{self, NewUser};
use auth_persistence::{Conflict, DbConnection, DbError, Hidden};
use serde_json::json;

use crate::audit::Event;
use crate::client::Client;
use crate::fault::Fault;
use crate::new_password::{NewPassword, RefusedPassword};
use crate::register::kept;
use crate::service::{AuthService, Inner};

/// What became of a request to make an administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminOutcome {
    /// The account was made; its password has to be changed at the first sign-in.
    Created,
    /// An administrator with this address is there already. Nothing was changed.
    Exists,
    /// An account with this address is there that is no administrator's. Nothing was changed.
    NotAdmin,
    /// There are other administrators already; only asked for by [`AuthService::ensure_first_admin`].
    OthersExist,
}

/// Why no administrator was made.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The address or the password is refused.
    #[error("{}: {}", .0.field, .0.message)]
    Invalid(FieldError),
    /// Nothing to do with the caller.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<RefusedPassword> for AdminError {
    fn from(error: RefusedPassword) -> Self {
        match error {
            RefusedPassword::Refused(error) => Self::Invalid(error),
            RefusedPassword::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<DbError> for AdminError {
    fn from(error: DbError) -> Self {
        Self::Fault(error.into())
    }
}

impl AuthService {
    /// Makes the first administrator, unless there is one already or the address has an account.
    ///
    /// # Errors
    ///
    /// [`AdminError`]; no account was made then.
    pub async fn ensure_first_admin(&self, email: &str, password: &str) -> Result<AdminOutcome, AdminError> {
        self.make_admin(email, password, true).await
    }

    /// Makes an administrator, unless the address has an account. The password has to be changed at the first sign-in.
    ///
    /// # Errors
    ///
    /// [`AdminError`]; no account was made then.
    pub async fn create_admin(&self, email: &str, password: &str) -> Result<AdminOutcome, AdminError> {
        self.make_admin(email, password, false).await
    }

    async fn make_admin(&self, email: &str, password: &str, first: bool) -> Result<AdminOutcome, AdminError> {
        let inner = self.inner();
        let mut errors = Vec::new();
        let email = kept(Email::parse(email), "email", "invalid_email", &mut errors);
        let Some(email) = email else { return Err(errors.pop().map_or_else(no_field, AdminError::Invalid)) };
        let there = email.canonical().to_owned();
        if let Some(outcome) = inner.database.read(move |conn| admin_there(conn, &there, first)).await? {
            return Ok(outcome);
        }
        let new = NewPassword {
            field: "password",
            text: password,
            email: Some(email.clone()),
            username: None,
            display_name: None::<DisplayName>,
        };
        let password = inner.accept_new_password(new).await?;
        let hash = inner.hash_pool.hash(password).await.map_err(Fault::from)?;
        let handle = inner.handle();
        Ok(inner.database.write(move |conn| handle.insert_admin(conn, &email, &hash, first)).await?)
    }
}

fn no_field() -> AdminError {
    AdminError::Invalid(FieldError::required("email"))
}

impl Inner {
    fn insert_admin(
        &self,
        conn: &mut DbConnection,
        email: &Email,
        hash: &PasswordHash,
        first: bool,
    ) -> Result<AdminOutcome, DbError> {
        // Of two instances that start together one makes the first administrator.
        user::lock_admins(conn)?;
        if let Some(outcome) = admin_there(conn, email.canonical(), first)? {
            return Ok(outcome);
        }
        let now = self.clock.now();
        let id = UserId::new(now, &*self.random);
        let admin = NewUser {
            id,
            email: Some(email.clone()),
            // The operator vouches for it.
            email_verified_at: Some(now),
            username: None,
            password_hash: Some(Hidden::new(hash.as_str().to_owned())),
            display_name: None,
            avatar_url: None,
            role: Role::Admin,
            password_must_change: true,
            created_at: now,
        };
        match self.insert_user(conn, &admin) {
            Err(DbError::UniqueViolation(Conflict::UserEmail)) => return Ok(AdminOutcome::NotAdmin),
            inserted => inserted?,
        }
        self.record(conn, Event::AdminUserCreated, Some(id), &Client::default(), json!({ "by": "operator" }))?;
        Ok(AdminOutcome::Created)
    }
}

fn admin_there(conn: &mut DbConnection, email: &str, first: bool) -> Result<Option<AdminOutcome>, DbError> {
    match user::find_by_email(conn, email)? {
        Some(user) if user.role == Role::Admin => return Ok(Some(AdminOutcome::Exists)),
        Some(_) => return Ok(Some(AdminOutcome::NotAdmin)),
        None => {}
    }
    Ok((first && user::count_active_admins(conn)? > 0).then_some(AdminOutcome::OthersExist))
}
