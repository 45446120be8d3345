//! placeholder
#![deny(missing_docs)]

mod access_token;
mod display_name;
mod email;
mod error_code;
mod id;
mod key;
mod one_time_token;
mod random;
mod refresh_token;
mod revocation;
mod role;
mod secret;
mod secret_text;
mod seen;
mod text;
mod time;
mod username;
#[cfg(test)]
mod vectors;

pub mod password;

pub use access_token::{
    AccessClaims, AccessGrant, AccessToken, AccessTokenConfig, AccessTokenError, AccessTokens, IssuedAccessToken,
    MAX_ACCESS_TOKEN_LENGTH, MAX_ACCESS_TOKEN_LIFETIME,
};
pub use display_name::{DisplayName, InvalidDisplayName};
pub use email::{Email, InvalidEmail};
pub use error_code::{ErrorCode, FieldError};
pub use id::{AuditEventId, InvalidId, SessionId, UserId, new_uuid};
pub use key::{
    CannotSign, DuplicateKeyId, InvalidJwk, InvalidKey, KeyRing, PublicJwk, SharedKeyRing, SigningAlgorithm, SigningKey,
    UnknownAlgorithm, VerificationKey,
};
pub use one_time_token::{OneTimeToken, OneTimeTokens, TokenHash, TokenPurpose, UnknownTokenPurpose};
#[cfg(any(test, feature = "testing"))]
pub use random::SeededRandom;
pub use random::{OsRandom, Random};
pub use refresh_token::{
    InvalidRefreshKeys, InvalidRefreshToken, PresentedRefreshToken, RefreshToken, RefreshTokens, SessionSalt,
};
pub use revocation::{RevocationList, Revoked};
pub use role::{Role, UnknownRole};
pub use secret::{
    AuthSecret, CannotOpen, DataKey, DataKeyPurpose, InvalidAuthSecret, SealContext, Sealer, SecretRing,
    UnknownDataKeyPurpose, UnwrappedKey, WrappedBy,
};
pub use seen::SeenGenerations;
#[cfg(any(test, feature = "testing"))]
pub use time::ManualClock;
pub use time::{Clock, SystemClock, Timestamp};
pub use username::{InvalidUsername, Username};
