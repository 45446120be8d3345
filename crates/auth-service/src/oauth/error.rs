//! Why a flow ends, and what is told.

use auth_core::{ErrorCode, FieldError};
use auth_oauth::OAuthError;
use auth_persistence::DbError;

use crate::account::AccountError;
use crate::fault::Fault;
use crate::session::NotOpened;

/// Why a sign-in with another provider, or a linking, doesn't go on.
#[derive(Debug, thiserror::Error)]
pub enum OAuthFlowError {
    /// Fields are missing or refused.
    #[error("some fields are refused")]
    Invalid(Vec<FieldError>),
    /// There is no provider of that name.
    #[error("no such provider")]
    ProviderUnknown,
    /// The provider can't be used: not configured, out of reach, or its answer is of no use.
    #[error(transparent)]
    Provider(#[from] OAuthError),
    /// The page that the flow should end at is none that the operator has listed.
    #[error("the redirect is not allowed")]
    RedirectNotAllowed,
    /// The `state` belongs to no flow of this provider, this purpose and this browser, or to one that is used or outdated.
    #[error("the state belongs to no flow of this browser")]
    StateInvalid,
    /// Whoever was asked at the provider did not agree.
    #[error("the sign-in was not agreed to")]
    Denied,
    /// A new account would be made, and sign-up is switched off.
    #[error("registration is closed")]
    RegistrationClosed,
    /// Addresses must be verified here, and the provider has told none that is.
    #[error("a verified address is needed")]
    VerifiedEmailRequired,
    /// An account has the address, and nobody has verified it there: whoever owns the address resets its password by mail.
    #[error("an account that nobody has verified has the address")]
    AccountExists,
    /// The provider's account is linked already, or the user's account to another one of the provider.
    #[error("linked already")]
    AlreadyLinked,
    /// The account is switched off.
    #[error("the account is disabled")]
    AccountDisabled,
    /// The code is unknown, used or outdated, or another browser's.
    #[error("the code is not valid any more")]
    CodeInvalid,
    /// Whoever is signed in may not link now.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// Nothing to do with the caller.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl OAuthFlowError {
    /// The stable code of this error.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(_) => ErrorCode::ValidationFailed,
            Self::ProviderUnknown => ErrorCode::ProviderUnknown,
            Self::Provider(error) => error.code(),
            Self::RedirectNotAllowed => ErrorCode::RedirectNotAllowed,
            Self::StateInvalid => ErrorCode::OauthStateInvalid,
            Self::Denied => ErrorCode::OauthDenied,
            Self::RegistrationClosed => ErrorCode::RegistrationClosed,
            Self::VerifiedEmailRequired => ErrorCode::VerifiedEmailRequired,
            Self::AccountExists => ErrorCode::AccountExists,
            Self::AlreadyLinked => ErrorCode::AlreadyLinked,
            Self::AccountDisabled => ErrorCode::AccountDisabled,
            Self::CodeInvalid => ErrorCode::TokenInvalidOrExpired,
            Self::Account(error) => error.code(),
            Self::Fault(fault) => fault.code(),
        }
    }

    pub(super) const fn not_configured() -> Self {
        Self::Provider(OAuthError::NotConfigured)
    }

    /// Whether operators want to know the cause.
    pub(super) const fn is_fault(&self) -> bool {
        match self {
            Self::Provider(_) => true,
            Self::Fault(fault) | Self::Account(AccountError::Fault(fault)) => !matches!(fault, Fault::RateLimited(_)),
            _ => false,
        }
    }
}

impl From<DbError> for OAuthFlowError {
    fn from(error: DbError) -> Self {
        Self::Fault(error.into())
    }
}

impl From<NotOpened> for OAuthFlowError {
    fn from(error: NotOpened) -> Self {
        match error {
            NotOpened::Disabled => Self::AccountDisabled,
            NotOpened::NoVerifiedEmail => Self::VerifiedEmailRequired,
            NotOpened::Outdated => Self::CodeInvalid,
            NotOpened::Database(error) => error.into(),
        }
    }
}
