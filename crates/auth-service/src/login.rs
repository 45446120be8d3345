//! Logging in with an address or a username, and a password.

use auth_core::password::{Password, PasswordHash};
use auth_core::{Email, ErrorCode, FieldError, UserId, Username};
use auth_persistence::DbError;
use auth_persistence::user::{self, User};
use serde_json::json;

use crate::audit::Event;
use crate::client::Client;
use crate::fault::Fault;
use crate::register::{kept, required};
use crate::service::{AuthService, Inner};
use crate::session::{NotOpened, Opened, Proof, Tokens};

/// What somebody sends to get in, as they typed it.
pub struct LoginAttempt<'a> {
    /// An address or a username; required.
    pub identifier: Option<&'a str>,
    /// The password; required.
    pub password: Option<&'a str>,
}

/// Why nobody was let in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Fields are missing, or can't be right for anybody.
    #[error("some fields are refused")]
    Invalid(Vec<FieldError>),
    /// Wrong identifier or password: the same for a user who isn't there, after the same work.
    #[error("wrong identifier or password")]
    InvalidCredentials,
    /// The right password, for an account that is switched off.
    #[error("the account is disabled")]
    AccountDisabled,
    /// The right password, which has to be changed first.
    #[error("the password must be changed")]
    PasswordMustChange,
    /// Nothing to do with the caller.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl LoginError {
    /// The stable code of this error.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(_) => ErrorCode::ValidationFailed,
            Self::InvalidCredentials => ErrorCode::InvalidCredentials,
            Self::AccountDisabled => ErrorCode::AccountDisabled,
            Self::PasswordMustChange => ErrorCode::Forbidden,
            Self::Fault(fault) => fault.code(),
        }
    }
}

impl From<DbError> for LoginError {
    fn from(error: DbError) -> Self {
        Self::Fault(error.into())
    }
}

/// How often a password is checked again because its hash was replaced during the check.
const ATTEMPTS: usize = 3;

/// A user whose password was right.
pub(crate) struct Matched {
    pub(crate) user: UserId,
    pub(crate) hash: PasswordHash,
    /// The hash has to be made anew, with today's parameters.
    needs_rehash: bool,
}

impl AuthService {
    /// Lets a user in who knows their password.
    ///
    /// An unknown identifier costs the same work as a wrong password: a hash, and a row in the audit trail.
    ///
    /// # Errors
    ///
    /// [`LoginError`]; no session was opened then.
    pub async fn log_in(&self, attempt: LoginAttempt<'_>, client: &Client) -> Result<Tokens, LoginError> {
        let inner = self.inner();
        let (identifier, password) = accept(&attempt)?;
        for _ in 0..ATTEMPTS {
            let user = inner.find_by_identifier(identifier).await?;
            let id = user.as_ref().map(|user| user.id);
            let Some(matched) = inner.check_password(user, &password).await? else {
                return Err(inner.refuse(LoginError::InvalidCredentials, "wrong_credentials", id, client).await?);
            };
            let renewed = inner.renew(&matched, &password).await?;
            match inner.open_after_password(matched, renewed, client.clone()).await {
                Ok(opened) => {
                    inner.apply(&opened.ended);
                    return Ok(inner.tokens(&opened.session, opened.user)?);
                }
                // The hash was replaced meanwhile: by another log-in's rehash, or with a new password.
                Err(NotOpened::Outdated) => {}
                Err(NotOpened::Disabled) => {
                    return Err(inner.refuse(LoginError::AccountDisabled, "account_disabled", id, client).await?);
                }
                Err(NotOpened::PasswordMustChange) => {
                    return Err(inner
                        .refuse(LoginError::PasswordMustChange, "password_must_change", id, client)
                        .await?);
                }
                Err(NotOpened::Database(error)) => return Err(error.into()),
            }
        }
        Err(LoginError::Fault(Fault::Unavailable("the account is being changed all the time".to_owned())))
    }
}

fn accept<'a>(attempt: &LoginAttempt<'a>) -> Result<(&'a str, Password), LoginError> {
    let mut errors = Vec::new();
    let identifier = required(attempt.identifier, "identifier", &mut errors);
    let password = required(attempt.password, "password", &mut errors)
        .and_then(|text| kept(Password::new(text), "password", "too_long", &mut errors));
    identifier.zip(password).ok_or(LoginError::Invalid(errors))
}

impl Inner {
    async fn find_by_identifier(&self, identifier: &str) -> Result<Option<User>, LoginError> {
        let canonical = if identifier.len() > Email::MAX_BYTES {
            // Longer than any name: nobody's, and not worth the work of folding it.
            None
        } else if identifier.contains('@') {
            Email::parse(identifier).ok().map(|email| (true, email.canonical().to_owned()))
        } else {
            // No name has a NUL, and PostgreSQL can't even be asked for one.
            Some((false, Username::canonicalize(identifier))).filter(|(_, name)| !name.contains('\0'))
        };
        self.database
            .read(move |conn| match canonical {
                Some((true, email)) => user::find_by_email(conn, &email),
                Some((false, name)) => user::find_by_username(conn, &name),
                // As much work as the others, for an address that nobody can have.
                None => user::find_by_email(conn, ""),
            })
            .await
            .map_err(LoginError::from)
    }

    /// The user, if `password` is theirs. Nobody and a user without a password cost the same hash.
    pub(crate) async fn check_password(
        &self,
        user: Option<User>,
        password: &Password,
    ) -> Result<Option<Matched>, Fault> {
        let stored = user.and_then(|user| {
            let hash = PasswordHash::parse(user.password_hash?.into_inner());
            if hash.is_err() {
                tracing::error!(user_id = %user.id, "the stored password hash can't be read");
            }
            hash.ok().map(|hash| (user.id, hash))
        });
        let Some((user, hash)) = stored else {
            self.hash_pool.verify_absent(password.clone()).await?;
            return Ok(None);
        };
        let verified = self.hash_pool.verify(password.clone(), hash.clone()).await?;
        Ok(verified.matches.then_some(Matched { user, hash, needs_rehash: verified.needs_rehash }))
    }

    /// A hash with today's parameters, if the stored one has others.
    async fn renew(&self, matched: &Matched, password: &Password) -> Result<Option<PasswordHash>, Fault> {
        if !matched.needs_rehash {
            return Ok(None);
        }
        Ok(Some(self.hash_pool.hash(password.clone()).await?))
    }

    async fn open_after_password(
        &self,
        matched: Matched,
        renewed: Option<PasswordHash>,
        client: Client,
    ) -> Result<Opened, NotOpened> {
        let inner = self.handle();
        self.database
            .write(move |conn| {
                let mut hash = &matched.hash;
                if let Some(renewed) = &renewed
                    && user::update_rehashed_password(conn, matched.user, hash.as_str(), renewed.as_str())?
                {
                    inner.record(conn, Event::PasswordRehashed, Some(matched.user), &client, json!({}))?;
                    hash = renewed;
                }
                let proof = Proof { password_hash: Some(hash.as_str()), methods: &["pwd"] };
                let opened = inner.open_session(conn, matched.user, &proof, &client)?;
                let details = json!({ "session_id": opened.session.id });
                inner.record(conn, Event::LoginSucceeded, Some(matched.user), &client, details)?;
                Ok(opened)
            })
            .await
    }

    /// `error`, once it is on record.
    async fn refuse(
        &self,
        error: LoginError,
        reason: &'static str,
        user: Option<UserId>,
        client: &Client,
    ) -> Result<LoginError, DbError> {
        self.record_failed_login(user, reason, client).await?;
        Ok(error)
    }

    /// Committed before the refusal is answered: a refused request never rolls its own record back.
    pub(crate) async fn record_failed_login(
        &self,
        user: Option<UserId>,
        reason: &'static str,
        client: &Client,
    ) -> Result<(), DbError> {
        let (inner, client) = (self.handle(), client.clone());
        self.database
            .write(move |conn| inner.record(conn, Event::LoginFailed, user, &client, json!({ "reason": reason })))
            .await
    }
}
