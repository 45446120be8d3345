//! Access tokens: JSON Web Tokens of the profile RFC 9068, issued and verified.
//!
//! Header: exactly `alg`, `kid` and `typ: "at+jwt"`. Claims: `iss, sub, aud, exp, iat, jti, sid, gen, epoch, role, amr,
//! auth_time`, and `premium_until` where there is one. The verifier takes what the issuer writes and nothing else: see
//! [`AccessTokens::verify`].

mod cache;
mod claims;
mod error;
mod header;
mod issue;
mod unknown_key;
mod verify;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::key::SharedKeyRing;
use crate::revocation::RevocationList;
use crate::seen::SeenGenerations;
use crate::time::Clock;

pub use claims::AccessClaims;
pub use error::AccessTokenError;
pub use issue::{AccessGrant, AccessToken, IssuedAccessToken};

/// The longest life of an access token, whatever is configured: the verifier refuses tokens that claim more.
pub const MAX_ACCESS_TOKEN_LIFETIME: Duration = Duration::from_hours(24);

/// The longest access token in characters; a longer one is refused unread.
pub const MAX_ACCESS_TOKEN_LENGTH: usize = 4096;

/// What all access tokens of one issuer have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessTokenConfig {
    /// The claim `iss`, compared byte by byte.
    pub issuer: String,
    /// The claim `aud`, compared byte by byte.
    pub audience: String,
    /// How long a token lives, in whole seconds; never longer than its session or [`MAX_ACCESS_TOKEN_LIFETIME`].
    pub lifetime: Duration,
}

/// Issues and verifies access tokens.
pub struct AccessTokens {
    config: AccessTokenConfig,
    keys: SharedKeyRing,
    revocations: Arc<RevocationList>,
    seen: Arc<SeenGenerations>,
    clock: Arc<dyn Clock>,
    verified: cache::VerifiedTokens,
}

impl AccessTokens {
    /// Issues and verifies by `keys`; verified tokens are looked up in `revocations` and recorded in `seen`.
    pub fn new(
        config: AccessTokenConfig,
        keys: SharedKeyRing,
        revocations: Arc<RevocationList>,
        seen: Arc<SeenGenerations>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { config, keys, revocations, seen, clock, verified: cache::VerifiedTokens::default() }
    }

    /// The keys that sign and verify.
    pub const fn keys(&self) -> &SharedKeyRing {
        &self.keys
    }
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessTokens").field("config", &self.config).finish_non_exhaustive()
    }
}
