//! Answering a challenge.

use auth_core::{ErrorCode, FieldError};
use auth_persistence::DbError;

use crate::client::Client;
use crate::fault::Fault;
use crate::operation::Operation;
use crate::register::required;
use crate::service::AuthService;
use crate::session::NotOpened;
use crate::step::{ChallengeKind, ChallengeMethod, Step};

/// What somebody sends to go on with a half-done sign-in.
#[derive(Clone, Copy, Default)]
pub struct ChallengeAnswer<'a> {
    /// The challenge's token; required.
    pub token: Option<&'a str>,
    /// How it is answered, one of the challenge's methods; required.
    pub method: Option<&'a str>,
    /// For `totp` and `backup_code`: the code. For `email_link`: the token of the mailed link, if it was not opened
    /// elsewhere.
    pub code: Option<&'a str>,
    /// For `new_password`: the new password.
    pub new_password: Option<&'a str>,
}

/// Why a sign-in doesn't go on.
#[derive(Debug, thiserror::Error)]
pub enum ChallengeError {
    /// Fields are missing or refused. The challenge stays good, and no try is counted.
    #[error("some fields are refused")]
    Invalid(Vec<FieldError>),
    /// Unknown, outdated, used, or guessed at too often.
    #[error("the challenge is not valid")]
    ChallengeInvalid,
    /// A wrong code; the challenge can be tried again, five times in all.
    #[error("the code is not valid")]
    InvalidCode,
    /// The address was not verified yet. No try is counted.
    #[error("the address is not verified yet")]
    VerificationPending,
    /// Addresses must be verified here, and the account has none.
    #[error("a verified address is needed")]
    VerifiedEmailRequired,
    /// The account was switched off meanwhile.
    #[error("the account is disabled")]
    AccountDisabled,
    /// Nothing to do with the caller.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl ChallengeError {
    /// The stable code of this error.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(_) => ErrorCode::ValidationFailed,
            Self::ChallengeInvalid => ErrorCode::ChallengeInvalid,
            Self::InvalidCode => ErrorCode::InvalidCode,
            Self::VerificationPending => ErrorCode::VerificationPending,
            Self::VerifiedEmailRequired => ErrorCode::VerifiedEmailRequired,
            Self::AccountDisabled => ErrorCode::AccountDisabled,
            Self::Fault(fault) => fault.code(),
        }
    }
}

impl From<DbError> for ChallengeError {
    fn from(error: DbError) -> Self {
        Self::Fault(error.into())
    }
}

impl From<NotOpened> for ChallengeError {
    fn from(error: NotOpened) -> Self {
        match error {
            NotOpened::Disabled => Self::AccountDisabled,
            NotOpened::NoVerifiedEmail => Self::VerifiedEmailRequired,
            NotOpened::Outdated => Self::ChallengeInvalid,
            NotOpened::Database(error) => error.into(),
        }
    }
}

impl AuthService {
    /// Goes on with a half-done sign-in: the next challenge, or the tokens.
    ///
    /// # Errors
    ///
    /// [`ChallengeError`].
    pub async fn answer_challenge(&self, answer: ChallengeAnswer<'_>, client: &Client) -> Result<Step, ChallengeError> {
        let _measured = Operation::begin("challenge");
        let inner = self.inner();
        let mut errors = Vec::new();
        let token = required(answer.token, "token", &mut errors);
        let method = required(answer.method, "method", &mut errors);
        let (Some(token), Some(method)) = (token, method) else { return Err(ChallengeError::Invalid(errors)) };
        let found = inner.find_challenge(token).await?.ok_or(ChallengeError::ChallengeInvalid)?;
        let kind = found.state.kind;
        let method = kind.methods().iter().copied().find(|known| known.as_str() == method);
        let method = method.ok_or_else(|| refused_method(kind))?;
        match kind {
            ChallengeKind::ChangePassword => {
                let new = required(answer.new_password, "new_password", &mut errors);
                let new = new.ok_or(ChallengeError::Invalid(errors))?;
                inner.answer_with_new_password(found, new, client).await
            }
            ChallengeKind::Mfa => {
                let code = required(answer.code, "code", &mut errors).ok_or(ChallengeError::Invalid(errors))?;
                inner.answer_with_code(found, method, code, client).await
            }
            ChallengeKind::VerifyEmail => inner.answer_with_email_link(found, answer.code, client).await,
        }
    }
}

fn refused_method(kind: ChallengeKind) -> ChallengeError {
    let methods: Vec<&str> = kind.methods().iter().copied().map(ChallengeMethod::as_str).collect();
    let message = format!("this challenge is answered by {}", methods.join(" or "));
    ChallengeError::Invalid(vec![FieldError::new("method", "unknown_method", message)])
}
