//! Registering: an account, and its first session.

use auth_core::password::{Password, PasswordContext, PasswordHash};
use auth_core::{DisplayName, Email, ErrorCode, FieldError, Role, Timestamp, UserId, Username};
use auth_persistence::user::{self, NewUser};
use auth_persistence::{Conflict, DbError, Hidden};

use serde_json::{Value, json};

use crate::audit::Event;
use crate::client::Client;
use crate::fault::Fault;
use crate::new_password::RefusedPassword;
use crate::operation::Operation;
use crate::pending::Waiting;
use crate::service::{AuthService, Inner};
use crate::session::{Admission, NotOpened, Proof};
use crate::step::Step;

/// What somebody sends to get an account, as they typed it.
#[derive(Clone, Copy, Default)]
pub struct Registration<'a> {
    /// The address; required.
    pub email: Option<&'a str>,
    /// The password; required.
    pub password: Option<&'a str>,
    /// A name to sign in with.
    pub username: Option<&'a str>,
    /// A name to be shown.
    pub display_name: Option<&'a str>,
}

/// Why no account was made.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Sign-up is switched off.
    #[error("registration is closed")]
    Closed,
    /// Fields are missing or refused.
    #[error("some fields are refused")]
    Invalid(Vec<FieldError>),
    /// Another account has the address.
    #[error("the address is taken")]
    EmailTaken,
    /// Another account has the username.
    #[error("the username is taken")]
    UsernameTaken,
    /// Nothing to do with the caller.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl RegisterError {
    /// The stable code of this error.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Closed => ErrorCode::RegistrationClosed,
            Self::Invalid(_) => ErrorCode::ValidationFailed,
            Self::EmailTaken => ErrorCode::EmailTaken,
            Self::UsernameTaken => ErrorCode::UsernameTaken,
            Self::Fault(fault) => fault.code(),
        }
    }
}

impl From<DbError> for RegisterError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::UniqueViolation(Conflict::UserEmail) => Self::EmailTaken,
            DbError::UniqueViolation(Conflict::UserUsername) => Self::UsernameTaken,
            error => Self::Fault(error.into()),
        }
    }
}

impl From<RefusedPassword> for RegisterError {
    fn from(error: RefusedPassword) -> Self {
        match error {
            RefusedPassword::Refused(error) => Self::Invalid(vec![error]),
            RefusedPassword::Fault(fault) => Self::Fault(fault),
        }
    }
}

/// What registering led to.
#[derive(Debug)]
pub enum Registered {
    /// An account, and its first session or what is due before it.
    Step(Step),
    /// A mail to the address; nothing tells whether it is free.
    VerificationRequired,
}

impl Registered {
    /// What registering led to, as clients get it. It may hold tokens: answer with it, and log it never.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Step(step) => step.to_json(),
            Self::VerificationRequired => json!({ "status": "verification_required" }),
        }
    }
}

impl From<NotOpened> for RegisterError {
    fn from(error: NotOpened) -> Self {
        match error {
            NotOpened::Database(error) => error.into(),
            error => Self::Fault(Fault::internal(error)),
        }
    }
}

/// A registration whose fields are all acceptable.
#[derive(Debug)]
struct Accepted {
    email: Email,
    username: Option<Username>,
    display_name: Option<DisplayName>,
    password: Password,
}

impl AuthService {
    /// Makes an account and opens its first session; where addresses must be verified, sends a mail and nothing else.
    ///
    /// # Errors
    ///
    /// [`RegisterError`]; no account exists then.
    pub async fn register(&self, registration: Registration<'_>, client: &Client) -> Result<Registered, RegisterError> {
        let _measured = Operation::begin("register");
        let inner = self.inner();
        if !inner.config.registration_open {
            return Err(RegisterError::Closed);
        }
        let accepted = inner.accept(&registration)?;
        let charged = inner.charge([inner.register_charge(client)], None, client).await?;
        if let Err(refused) = inner.refuse_breached("password", &accepted.password).await {
            // Refused as what a look at the fields refuses is.
            inner.refund(charged).await;
            return Err(refused.into());
        }
        if inner.config.require_verified_email {
            return inner.register_until_verified(accepted, client).await;
        }
        inner.refuse_taken(&accepted).await?;
        let hash = inner.hash_pool.hash(accepted.password.clone()).await.map_err(Fault::from)?;
        let admission = inner.insert_registered(accepted, hash, client.clone()).await?;
        Ok(Registered::Step(inner.step(admission).await?))
    }
}

impl Inner {
    fn accept(&self, registration: &Registration<'_>) -> Result<Accepted, RegisterError> {
        let mut errors = Vec::new();
        let email = required(registration.email, "email", &mut errors)
            .and_then(|text| kept(Email::parse(text), "email", "invalid_email", &mut errors));
        if self.config.require_verified_email && registration.username.is_some() {
            let message = "choose a username once the address is verified";
            errors.push(FieldError::new("username", "not_yet", message));
        }
        let username = registration
            .username
            .and_then(|text| kept(Username::parse(text), "username", "invalid_username", &mut errors));
        let display_name = registration
            .display_name
            .and_then(|text| kept(DisplayName::parse(text), "display_name", "invalid_display_name", &mut errors));
        let password = required(registration.password, "password", &mut errors)
            .and_then(|text| kept(Password::new(text), "password", "weak_password", &mut errors));
        if let Some(password) = &password {
            let context = PasswordContext {
                email: email.as_ref(),
                username: username.as_ref(),
                display_name: display_name.as_ref(),
                product_name: &self.config.product_name,
            };
            kept(self.password_policy.check(password, &context), "password", "weak_password", &mut errors);
        }
        match (email, password) {
            (Some(email), Some(password)) if errors.is_empty() => {
                Ok(Accepted { email, username, display_name, password })
            }
            _ => Err(RegisterError::Invalid(errors)),
        }
    }

    /// Saves the hash for an address or username that is taken already. The constraints decide in the end.
    async fn refuse_taken(&self, accepted: &Accepted) -> Result<(), RegisterError> {
        let email = accepted.email.canonical().to_owned();
        let username = accepted.username.as_ref().map(|name| name.canonical().to_owned());
        self.database
            .read(move |conn| {
                if user::find_by_email(conn, &email)?.is_some() {
                    return Err(RegisterError::EmailTaken);
                }
                match username {
                    Some(name) if user::find_by_username(conn, &name)?.is_some() => Err(RegisterError::UsernameTaken),
                    _ => Ok(()),
                }
            })
            .await
    }

    /// The same work whoever owns the address.
    async fn register_until_verified(&self, accepted: Accepted, client: &Client) -> Result<Registered, RegisterError> {
        let hash = self.hash_pool.hash(accepted.password).await.map_err(Fault::from)?;
        let waiting = Waiting { email: accepted.email, display_name: accepted.display_name, hash };
        self.insert_pending(waiting, client).await?;
        Ok(Registered::VerificationRequired)
    }

    async fn insert_registered(
        &self,
        accepted: Accepted,
        hash: PasswordHash,
        client: Client,
    ) -> Result<Admission, RegisterError> {
        let inner = self.handle();
        self.database
            .write(move |conn| {
                let now = inner.clock.now();
                let id = UserId::new(now, &*inner.random);
                inner.insert_user(conn, &new_user(id, accepted, &hash, now))?;
                inner.record(conn, Event::UserRegistered, Some(id), &client, json!({}))?;
                if let Some(user) = user::find(conn, id)? {
                    inner.queue_verification(conn, &user)?;
                }
                Ok(inner.admit(conn, id, Proof::password(0, hash), &client)?)
            })
            .await
    }
}

fn new_user(id: UserId, accepted: Accepted, hash: &PasswordHash, now: Timestamp) -> NewUser {
    NewUser {
        id,
        email: Some(accepted.email),
        email_verified_at: None,
        username: accepted.username,
        password_hash: Some(Hidden::new(hash.as_str().to_owned())),
        display_name: accepted.display_name,
        avatar_url: None,
        role: Role::User,
        password_must_change: false,
        created_at: now,
    }
}

/// The value; without one, nothing and one error more.
pub(crate) fn required<'a>(
    value: Option<&'a str>,
    field: &'static str,
    errors: &mut Vec<FieldError>,
) -> Option<&'a str> {
    if value.is_none() {
        errors.push(FieldError::required(field));
    }
    value
}

/// The value, or nothing and one error more.
pub(crate) fn kept<T, E: std::fmt::Display>(
    result: Result<T, E>,
    field: &'static str,
    code: &'static str,
    errors: &mut Vec<FieldError>,
) -> Option<T> {
    result.map_err(|error| errors.push(FieldError::new(field, code, error.to_string()))).ok()
}
