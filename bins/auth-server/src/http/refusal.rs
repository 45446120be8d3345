//! How the errors of use cases become answers: by their `ErrorCode`, here and nowhere else.

use actix_web::Error;
use auth_actix::Problem;
use auth_service::{
    AccountError, ChallengeError, Fault, LinkError, LoginError, RefreshError, RegisterError, SessionError,
};

/// The refusal of a handler.
#[derive(Debug)]
pub(super) struct Refusal(Problem);

pub(super) type Answer<T> = Result<T, Refusal>;

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        refusal.0.into()
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self(Problem::new(fault.code()).caused_by(fault))
    }
}

impl From<RegisterError> for Refusal {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Invalid(errors) => Self(Problem::invalid(errors)),
            error => Self(Problem::new(error.code()).caused_by(error)),
        }
    }
}

impl From<LoginError> for Refusal {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Invalid(errors) => Self(Problem::invalid(errors)),
            error => Self(Problem::new(error.code()).caused_by(error)),
        }
    }
}

impl From<RefreshError> for Refusal {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::RetryLater(time) => {
                Self(Problem::new(error.code()).retry_after(time.as_secs() + u64::from(time.subsec_nanos() > 0)))
            }
            error => Self(Problem::new(error.code()).caused_by(error)),
        }
    }
}

impl From<SessionError> for Refusal {
    fn from(error: SessionError) -> Self {
        Self(Problem::new(error.code()).caused_by(error))
    }
}

impl From<AccountError> for Refusal {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Invalid(errors) => Self(Problem::invalid(errors)),
            error => Self(Problem::new(error.code()).caused_by(error)),
        }
    }
}

impl From<ChallengeError> for Refusal {
    fn from(error: ChallengeError) -> Self {
        match error {
            ChallengeError::Invalid(errors) => Self(Problem::invalid(errors)),
            error => Self(Problem::new(error.code()).caused_by(error)),
        }
    }
}

impl From<LinkError> for Refusal {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Invalid(errors) => Self(Problem::invalid(errors)),
            error => Self(Problem::new(error.code()).caused_by(error)),
        }
    }
}
