//! What can go wrong in every use case, whatever it does.

use auth_core::ErrorCode;
use auth_core::password::HashJobError;
use auth_persistence::DbError;

use crate::limits::RateLimited;

/// A use case could not be carried out, for a reason that has nothing to do with what it is.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Too much to do at the moment, or the database is out of reach: the same call may succeed soon.
    #[error("temporarily unavailable: {0}")]
    Unavailable(String),
    /// The caller, or whoever it concerns, did it too often.
    #[error(transparent)]
    RateLimited(RateLimited),
    /// A defect: the database, the keys and the code don't agree.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Fault {
    /// The stable code of this fault.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Unavailable(_) => ErrorCode::Overloaded,
            Self::RateLimited(_) => ErrorCode::RateLimited,
            Self::Internal(_) => ErrorCode::InternalError,
        }
    }

    pub(crate) fn internal(cause: impl std::fmt::Display) -> Self {
        Self::Internal(cause.to_string())
    }
}

impl From<DbError> for Fault {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Busy | DbError::Unavailable(_) | DbError::Overloaded => Self::Unavailable(error.to_string()),
            error => Self::Internal(error.to_string()),
        }
    }
}

impl From<HashJobError> for Fault {
    fn from(error: HashJobError) -> Self {
        match error {
            HashJobError::Overloaded | HashJobError::Stopped => Self::Unavailable(error.to_string()),
            HashJobError::Failed => Self::Internal(error.to_string()),
        }
    }
}
