//! Logging in with an address or a username, and a password.

use auth_core::password::{Password, PasswordHash};
use auth_core::{Email, ErrorCode, FieldError, UserId, Username};
use auth_persistence::DbError;
use auth_persistence::authenticator_failure::{self, ANY_LANE, Authenticator};
use auth_persistence::pending_registration::{self, PendingRegistration};
use auth_persistence::user::{self, User};
use serde_json::json;
use tokio::time::{Instant, sleep_until};

use crate::audit::Event;
use crate::authenticator::{ACCOUNT_DISABLED, MAX_FAILURES, Matched};
use crate::client::Client;
use crate::fault::Fault;
use crate::letter::Template;
use crate::operation::Operation;
use crate::register::{kept, required};
use crate::service::{AuthService, Inner};
use crate::session::{Admission, NotOpened, Proof};
use crate::step::Step;

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
    /// Addresses must be verified here, and the account has none.
    #[error("a verified address is needed")]
    VerifiedEmailRequired,
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
            Self::VerifiedEmailRequired => ErrorCode::VerifiedEmailRequired,
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

impl AuthService {
    /// Lets a user in who knows their password, or says what is due before.
    ///
    /// An unknown identifier costs the same work as a wrong password: as many hashes, and a row in the audit trail.
    ///
    /// # Errors
    ///
    /// [`LoginError`]; no session was opened then.
    pub async fn log_in(&self, attempt: LoginAttempt<'_>, client: &Client) -> Result<Step, LoginError> {
        let _measured = Operation::begin("log_in");
        let inner = self.inner();
        let floor = inner.config.login_floor.map(|floor| Instant::now() + floor);
        let (identifier, password) = accept(&attempt)?;
        let result = inner.log_in(identifier, &password, client).await;
        if let (Some(floor), Err(LoginError::InvalidCredentials | LoginError::AccountDisabled)) = (floor, &result) {
            sleep_until(floor).await;
        }
        result
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
    async fn log_in(&self, identifier: &str, password: &Password, client: &Client) -> Result<Step, LoginError> {
        for _ in 0..ATTEMPTS {
            let Candidates { user, failures, pending } = self.find_by_identifier(identifier).await?;
            let id = user.as_ref().map(|user| user.id);
            let matched = self.check_password(user, password).await?;
            // A disabled password costs what a wrong one costs.
            let Some(matched) = matched.filter(|_| failures < MAX_FAILURES) else {
                if self.config.require_verified_email
                    && let Some(pending) = self.check_pending(pending, password).await?
                {
                    // Wrong for an account that has the address, which nobody could guess at unseen otherwise.
                    self.record_failed_password(id, "wrong_credentials", client).await?;
                    if let Ok(email) = Email::parse(identifier) {
                        self.queue_asked(Template::VerifyEmail, email, client).await?;
                    }
                    let state = Self::pending_state(pending);
                    let methods = state.kind.methods().to_vec();
                    return Ok(Step::Challenge(self.challenge(state, methods).await?));
                }
                return Err(self.refuse(LoginError::InvalidCredentials, "wrong_credentials", id, client).await?);
            };
            let renewed = self.renew(&matched, password).await?;
            match self.admit_with_password(matched, renewed, client.clone()).await {
                Ok(Some(admission)) => return Ok(self.step(admission).await?),
                Ok(None) => {
                    return Err(self.refuse(LoginError::InvalidCredentials, "password_disabled", id, client).await?);
                }
                // The hash was replaced meanwhile: by another log-in's rehash, or with a new password.
                Err(NotOpened::Outdated) => {}
                Err(NotOpened::Disabled) => {
                    return Err(self.refuse(LoginError::AccountDisabled, ACCOUNT_DISABLED, id, client).await?);
                }
                Err(NotOpened::NoVerifiedEmail) => {
                    let error = LoginError::VerifiedEmailRequired;
                    return Err(self.refuse(error, "verified_email_required", id, client).await?);
                }
                Err(NotOpened::Database(error)) => return Err(error.into()),
            }
        }
        Err(LoginError::Fault(Fault::Unavailable("the account is being changed all the time".to_owned())))
    }

    async fn find_by_identifier(&self, identifier: &str) -> Result<Candidates, LoginError> {
        let canonical = if identifier.len() > Email::MAX_BYTES {
            // Longer than any name: nobody's, and not worth the work of folding it.
            None
        } else if identifier.contains('@') {
            Email::parse(identifier).ok().map(|email| (true, email.canonical().to_owned()))
        } else {
            // No name has a NUL, and PostgreSQL can't even be asked for one.
            Some((false, Username::canonicalize(identifier))).filter(|(_, name)| !name.contains('\0'))
        };
        let (asks_pending, now) = (self.config.require_verified_email, self.clock.now());
        self.database
            .read(move |conn| {
                let (user, email) = match &canonical {
                    Some((true, email)) => (user::find_by_email(conn, email)?, email.as_str()),
                    Some((false, name)) => (user::find_by_username(conn, name)?, ""),
                    // As much work as the others, for an address that nobody can have.
                    None => (user::find_by_email(conn, "")?, ""),
                };
                let failures = match &user {
                    Some(user) => authenticator_failure::count(conn, user.id, Authenticator::Password, ANY_LANE)?,
                    None => 0,
                };
                let pending = if asks_pending { pending_registration::find_by_email(conn, email, now)? } else { None };
                Ok(Candidates { user, failures, pending })
            })
            .await
    }

    /// A hash with today's parameters, if the stored one has others.
    async fn renew(&self, matched: &Matched, password: &Password) -> Result<Option<PasswordHash>, Fault> {
        if !matched.needs_rehash {
            return Ok(None);
        }
        Ok(Some(self.hash_pool.hash(password.clone()).await?))
    }

    /// What the gate says to a right password; none if the password is disabled.
    async fn admit_with_password(
        &self,
        matched: Matched,
        renewed: Option<PasswordHash>,
        client: Client,
    ) -> Result<Option<Admission>, NotOpened> {
        let inner = self.handle();
        self.database
            .write(move |conn| {
                // First of all, as everything that touches an account's rows does.
                user::lock(conn, matched.user)?;
                if !Self::confirm_password(conn, matched.user)? {
                    return Ok(None);
                }
                let mut hash = matched.hash;
                if let Some(renewed) = renewed
                    && user::update_rehashed_password(conn, matched.user, hash.as_str(), renewed.as_str())?
                {
                    inner.record(conn, Event::PasswordRehashed, Some(matched.user), &client, json!({}))?;
                    hash = renewed;
                }
                let proof = Proof::password(matched.epoch, hash);
                inner.admit_sign_in(conn, matched.user, proof, &client).map(Some)
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
        self.record_failed_password(user, reason, client).await?;
        Ok(error)
    }
}

/// Whose password it may be.
struct Candidates {
    user: Option<User>,
    /// Wrong passwords in a row.
    failures: i64,
    /// Somebody who registered the address and has not verified it.
    pending: Option<PendingRegistration>,
}
