//! Why an access token is refused.

use crate::error_code::ErrorCode;
use crate::revocation::Revoked;

/// Why an access token is refused. What exactly is wrong with an invalid one is nobody's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessTokenError {
    /// Not a token of ours, or not for this audience.
    #[error("the access token is not valid")]
    Invalid,
    /// Past its `exp`, or older than a change that ended all of the user's tokens.
    #[error("the access token has expired")]
    Expired,
    /// Its session was ended.
    #[error("the session of the access token has ended")]
    SessionRevoked,
    /// It may be good, but whether it was revoked can't be told: the news are too old.
    #[error("revocations can't be checked")]
    RevocationsStale,
}

impl AccessTokenError {
    /// The code that clients see.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Invalid => ErrorCode::TokenInvalid,
            Self::Expired => ErrorCode::TokenExpired,
            Self::SessionRevoked => ErrorCode::SessionRevoked,
            Self::RevocationsStale => ErrorCode::Overloaded,
        }
    }
}

impl From<Revoked> for AccessTokenError {
    fn from(revoked: Revoked) -> Self {
        match revoked {
            Revoked::Session => Self::SessionRevoked,
            Revoked::Epoch => Self::Expired,
        }
    }
}
