//! The rules of authentication that need no database, no HTTP server and, in the default build, no async runtime.
//!
//! - [`password`]: a policy that says what a password may be, Argon2id hashes, and a pool of threads that hashes
//!   without starving everything else. Hashes of other systems verify too, until they are replaced.
//! - `BreachedPasswords` (feature `hibp-client`): whether a password is in a public list, without telling it.
//! - [`AccessTokens`]: JWTs by RFC 9068, verified without I/O and still revocable at once ([`RevocationList`]); whoever
//!   trusts an issuer elsewhere reads its key set with [`KeyRing::from_jwks`].
//! - [`RefreshTokens`]: computed, not stored; a forgery is refused before any database is asked.
//! - [`OneTimeTokens`]: opaque tokens for links in mails, kept as keyed hashes with their purpose.
//! - [`TotpSecret`], [`BackupCode`]: the second factor; [`SecondFactorCode`] reads either kind of code.
//! - [`SecretRing`], [`DataKey`], [`Sealer`]: how secrets rest, and how they rotate.
//! - [`AuditChain`]: tags, links and signatures that make an audit trail tamper-evident.
//! - [`Breaker`]: stops calling an outside service that fails, and lets one probe through after a time.
//! - [`Email`], [`Username`], [`DisplayName`], [`UserId`]…: types that can't be built wrong.
//! - [`ErrorCode`]: every refusal that a client may see, as a stable code with its HTTP status.
//!
//! Time comes from a [`Clock`], randomness from a [`Random`]; a test brings its own (feature `testing`).
//!
//! ```
//! use auth_core::password::{Argon2Backend, HashPool, HashPoolConfig, Password, PasswordHasher, PasswordPolicy};
//! use auth_core::{Email, SystemClock};
//! use std::sync::Arc;
//!
//! let email = Email::parse("Ada@Example.org")?;
//! assert_eq!(email.canonical(), "ada@example.org");
//!
//! let password = Password::new("seven wooden gates of Thebes")?;
//! PasswordPolicy::default().check(&password, &Default::default())?;
//!
//! let hasher = PasswordHasher::new(Default::default(), Argon2Backend::Auto);
//! let pool = HashPool::start(HashPoolConfig::default(), hasher, Arc::new(SystemClock))?;
//! let hash = pool.hash(password.clone()).wait()?;
//! assert!(hash.as_str().starts_with("$argon2id$"));
//! assert!(pool.verify(password, hash).wait()?.matches);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! - `common-passwords` (on by default): the list of the 100 000 most common passwords, for the policy.
//! - `hibp-client`: the client of breached passwords; it needs a tokio runtime.
//! - `simd-argon2`: a second Argon2, about twice as fast, taken after a self-test.
//! - `testing`: a clock and a source of randomness that a test sets.
#![deny(missing_docs)]

mod access_token;
mod audit_chain;
mod backup_code;
#[cfg(feature = "hibp-client")]
mod breach;
mod breaker;
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
mod search_term;
mod second_factor_code;
mod secret;
mod secret_text;
mod seen;
mod subject_hash;
mod text;
mod time;
mod totp;
mod username;
#[cfg(test)]
mod vectors;

pub mod password;

pub use access_token::{
    AccessClaims, AccessGrant, AccessToken, AccessTokenConfig, AccessTokenError, AccessTokens, IssuedAccessToken,
    MAX_ACCESS_TOKEN_LENGTH, MAX_ACCESS_TOKEN_LIFETIME,
};
pub use audit_chain::{AuditChain, AuditFacts, AuditHead, AuditPersonal, AuditSeal, InvalidAuditKey};
pub use backup_code::{BackupCode, BackupCodeHash, BackupCodeHasher};
#[cfg(feature = "hibp-client")]
pub use breach::{BreachConfig, BreachVerdict, BreachedPasswords, InvalidBreachConfig, UnknownReason};
pub use breaker::{Breaker, BreakerConfig, BreakerOpen, BreakerState, Permit};
pub use display_name::{DisplayName, InvalidDisplayName};
pub use email::{Email, InvalidEmail};
pub use error_code::{ErrorCode, FieldError};
pub use id::{AuditEventId, InvalidId, SessionId, UserId, new_uuid};
pub use key::{
    CannotSign, DuplicateKeyId, InvalidJwk, InvalidJwkSet, InvalidKey, KeyRing, PublicJwk, SharedKeyRing,
    SigningAlgorithm, SigningKey, UnknownAlgorithm, VerificationKey,
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
pub use search_term::{InvalidSearchTerm, SearchTerm};
pub use second_factor_code::SecondFactorCode;
pub use secret::{
    AuthSecret, CannotOpen, DataKey, DataKeyPurpose, InvalidAuthSecret, SealContext, Sealer, SecretRing,
    UnknownDataKeyPurpose, UnwrappedKey, WrappedBy,
};
pub use seen::SeenGenerations;
pub use subject_hash::SubjectHasher;
#[cfg(any(test, feature = "testing"))]
pub use time::ManualClock;
pub use time::{Clock, SystemClock, Timestamp};
pub use totp::{InvalidTotpSecret, OtpauthUri, QrSvg, TotpCode, TotpSecret, TotpSecretText, TotpStep};
pub use username::{InvalidUsername, Username};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExample;
