//! Logging in with an address or a username, and a password.

use auth_core::password::{Password, PasswordHash};
use auth_core::{Email, ErrorCode, FieldError, UserId};
use auth_persistence::DbError;
use auth_persistence::authenticator_failure::{self, Authenticator};
use auth_persistence::pending_registration::{self, PendingRegistration};
use auth_persistence::user::{self, User};
use serde_json::json;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use crate::audit::Event;
use crate::authenticator::{ACCOUNT_DISABLED, MAX_FAILURES, Matched};
use crate::client::Client;
use crate::device::lane_of;
use crate::fault::Fault;
use crate::identifier::Identifier;
use crate::letter::Template;
use crate::operation::Operation;
use crate::register::{kept, required};
use crate::service::{AuthService, Inner};
use crate::session::{Admission, NotOpened, Proof};
use crate::step::Step;

/// What somebody sends to get in, as they typed it.
#[derive(Clone, Copy, Default)]
pub struct LoginAttempt<'a> {
    /// An address or a username; required.
    pub identifier: Option<&'a str>,
    /// The password; required.
    pub password: Option<&'a str>,
    /// What an earlier sign-in on this device gave it. One that isn't known, or another user's, is as good as none.
    pub device_token: Option<&'a str>,
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
        let result = inner.log_in_within_limits(identifier, &password, attempt.device_token, client).await;
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

/// Whose password it was.
enum Entry {
    /// An account's.
    Account(Step),
    /// Somebody's who registered the address, which anybody can. It is a wrong one for an account that has the address, so
    /// it stays charged, and that whether or not there is one.
    Pending(Step),
}

impl Inner {
    /// The charge is taken before anything is hashed, and given back unless the password was refused.
    async fn log_in_within_limits(
        &self,
        text: &str,
        password: &Password,
        device_token: Option<&str>,
        client: &Client,
    ) -> Result<Step, LoginError> {
        let identifier = Identifier::parse(text);
        let device = self.known_device(&identifier, device_token).await?;
        let charged = if let Some(device) = device {
            self.charge([self.device_login_charge(device.id)], Some(device.user), client).await?
        } else {
            let counts = [self.login_charge(client), self.account_charge(identifier.canonical())];
            self.charge(counts, None, client).await?
        };
        let result = self.log_in(text, &identifier, password, device.map(|device| device.id), client).await;
        match result {
            Ok(Entry::Account(step)) => {
                self.refund(charged).await;
                Ok(step)
            }
            Ok(Entry::Pending(step)) => Ok(step),
            Err(error) => {
                if matches!(error, LoginError::Fault(_)) {
                    self.refund(charged).await;
                }
                Err(error)
            }
        }
    }

    async fn log_in(
        &self,
        text: &str,
        identifier: &Identifier,
        password: &Password,
        device: Option<Uuid>,
        client: &Client,
    ) -> Result<Entry, LoginError> {
        let lane = lane_of(device);
        for _ in 0..ATTEMPTS {
            let Candidates { user, failures, pending } = self.find_candidates(identifier, lane).await?;
            let id = user.as_ref().map(|user| user.id);
            let matched = self.check_password(user, password).await?;
            // A disabled password costs what a wrong one costs.
            let Some(matched) = matched.filter(|_| failures < MAX_FAILURES) else {
                if self.config.require_verified_email
                    && let Some(pending) = self.check_pending(pending, password).await?
                {
                    // Wrong for an account that has the address, which nobody could guess at unseen otherwise.
                    self.record_failed_password(id, "wrong_credentials", lane, client).await?;
                    if let Ok(email) = Email::parse(text) {
                        self.queue_asked(Template::VerifyEmail, email, client).await?;
                    }
                    let state = Self::pending_state(pending);
                    let methods = state.kind.methods().to_vec();
                    return Ok(Entry::Pending(Step::Challenge(self.challenge(state, methods).await?)));
                }
                return Err(self.refuse(LoginError::InvalidCredentials, "wrong_credentials", id, lane, client).await?);
            };
            let renewed = self.renew(&matched, password).await?;
            match self.admit_with_password(matched, renewed, device, client.clone()).await {
                Ok(Some(admission)) => return Ok(Entry::Account(self.step(admission).await?)),
                Ok(None) => {
                    let error = LoginError::InvalidCredentials;
                    return Err(self.refuse(error, "password_disabled", id, lane, client).await?);
                }
                // The hash was replaced meanwhile: by another log-in's rehash, or with a new password.
                Err(NotOpened::Outdated) => {}
                Err(NotOpened::Disabled) => {
                    return Err(self.refuse(LoginError::AccountDisabled, ACCOUNT_DISABLED, id, lane, client).await?);
                }
                Err(NotOpened::NoVerifiedEmail) => {
                    let error = LoginError::VerifiedEmailRequired;
                    return Err(self.refuse(error, "verified_email_required", id, lane, client).await?);
                }
                Err(NotOpened::Database(error)) => return Err(error.into()),
            }
        }
        Err(LoginError::Fault(Fault::Unavailable("the account is being changed all the time".to_owned())))
    }

    async fn find_candidates(&self, identifier: &Identifier, lane: &'static str) -> Result<Candidates, LoginError> {
        let identifier = identifier.clone();
        let (asks_pending, now) = (self.config.require_verified_email, self.clock.now());
        self.database
            .read(move |conn| {
                let user = identifier.find(conn)?;
                let email = if let Identifier::Email(email) = &identifier { email } else { "" };
                let failures = match &user {
                    Some(user) => authenticator_failure::count(conn, user.id, Authenticator::Password, lane)?,
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
        device: Option<Uuid>,
        client: Client,
    ) -> Result<Option<Admission>, NotOpened> {
        let inner = self.handle();
        let lane = lane_of(device);
        self.database
            .write(move |conn| {
                // First of all, as everything that touches an account's rows does.
                user::lock(conn, matched.user)?;
                if !Self::confirm_password(conn, matched.user, lane)? {
                    return Ok(None);
                }
                let mut hash = matched.hash;
                if let Some(renewed) = renewed
                    && user::update_rehashed_password(conn, matched.user, hash.as_str(), renewed.as_str())?
                {
                    inner.record(conn, Event::PasswordRehashed, Some(matched.user), &client, json!({}))?;
                    hash = renewed;
                }
                let proof = Proof::password(matched.epoch, hash).on_device(device);
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
        lane: &'static str,
        client: &Client,
    ) -> Result<LoginError, DbError> {
        self.record_failed_password(user, reason, lane, client).await?;
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
