//! The claims: as they are in the token, and as the program uses them.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use super::{AccessTokenConfig, AccessTokenError, MAX_ACCESS_TOKEN_LIFETIME};
use crate::id::{SessionId, UserId};
use crate::role::Role;
use crate::time::Timestamp;

/// How far ahead of our clock a token may have been issued; its end is exact.
const LEEWAY: Duration = Duration::from_secs(5);

/// What a verified access token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// `sub`: whose token it is.
    pub user_id: UserId,
    /// `sid`: the session it belongs to.
    pub session_id: SessionId,
    /// `gen`: the generation of the refresh token that came in the same answer.
    pub generation: u32,
    /// `epoch`: the user's token epoch when it was issued.
    pub epoch: i64,
    /// `role`: what the user might do when it was issued.
    pub role: Role,
    /// `amr`: how the user signed in (RFC 8176).
    pub amr: Vec<String>,
    /// `auth_time`: when the user last proved who they are.
    pub auth_time: Timestamp,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `exp`: the first moment at which it is good no more.
    pub expires_at: Timestamp,
    /// `jti`: this token's own name, 128 random bits.
    pub token_id: String,
    /// `premium_until`: until when the user has paid, as known when it was issued.
    pub premium_until: Option<Timestamp>,
}

/// The claims on the wire. A repeated claim, a missing one, or one of another JSON type is an error; claims that are
/// not listed are ignored, so that an older verifier accepts a newer issuer's tokens.
#[derive(Serialize, Deserialize)]
pub(super) struct WireClaims<'a> {
    #[serde(borrow)]
    pub(super) iss: Cow<'a, str>,
    #[serde(deserialize_with = "spelled_id")]
    pub(super) sub: UserId,
    #[serde(borrow)]
    pub(super) aud: Cow<'a, str>,
    pub(super) exp: i64,
    pub(super) iat: i64,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) nbf: Option<i64>,
    #[serde(borrow)]
    pub(super) jti: Cow<'a, str>,
    #[serde(deserialize_with = "spelled_id")]
    pub(super) sid: SessionId,
    #[serde(rename = "gen")]
    pub(super) generation: u32,
    pub(super) epoch: i64,
    pub(super) role: Role,
    #[serde(borrow)]
    pub(super) amr: Vec<Cow<'a, str>>,
    pub(super) auth_time: i64,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) premium_until: Option<i64>,
}

/// An id in its one spelling: serde's own way for UUIDs takes several.
fn spelled_id<'de, D: Deserializer<'de>, T: std::str::FromStr<Err: std::fmt::Display>>(d: D) -> Result<T, D::Error> {
    <Cow<'de, str>>::deserialize(d)?.parse().map_err(serde::de::Error::custom)
}

/// A claim that may be absent, but not `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    i64::deserialize(deserializer).map(Some)
}

impl<'a> WireClaims<'a> {
    /// Reads claims whose signature has been verified.
    pub(super) fn parse(json: &'a [u8]) -> Result<Self, AccessTokenError> {
        // As text first: where serde_json skips a claim that it doesn't know, it lets bytes pass that are no UTF-8.
        let text = std::str::from_utf8(json).map_err(|_| AccessTokenError::Invalid)?;
        // serde would read an array of the values as well.
        if !text.starts_with('{') {
            return Err(AccessTokenError::Invalid);
        }
        serde_json::from_str(text).map_err(|_| AccessTokenError::Invalid)
    }

    /// Checks issuer, audience and times.
    pub(super) fn check(self, config: &AccessTokenConfig, now: Timestamp) -> Result<AccessClaims, AccessTokenError> {
        if self.iss != config.issuer || self.aud != config.audience || self.jti.is_empty() {
            return Err(AccessTokenError::Invalid);
        }
        let latest_start = now.plus(LEEWAY).as_seconds();
        if self.iat > latest_start || self.nbf.is_some_and(|nbf| nbf > latest_start) || !self.has_sane_lifetime() {
            return Err(AccessTokenError::Invalid);
        }
        // A token from before the lifetime was shortened could outlive what the revocation list remembers.
        let outlives_config = self.lifetime() > config.lifetime.as_secs();
        if outlives_config || self.exp <= now.as_seconds() {
            return Err(AccessTokenError::Expired);
        }
        Ok(self.into_claims())
    }

    fn has_sane_lifetime(&self) -> bool {
        self.lifetime() <= MAX_ACCESS_TOKEN_LIFETIME.as_secs()
    }

    /// In seconds; of a token that ends before it begins, more than any is given.
    fn lifetime(&self) -> u64 {
        u64::try_from(self.exp.saturating_sub(self.iat)).unwrap_or(u64::MAX)
    }

    fn into_claims(self) -> AccessClaims {
        AccessClaims {
            user_id: self.sub,
            session_id: self.sid,
            generation: self.generation,
            epoch: self.epoch,
            role: self.role,
            amr: self.amr.into_iter().map(Cow::into_owned).collect(),
            auth_time: Timestamp::from_seconds(self.auth_time),
            issued_at: Timestamp::from_seconds(self.iat),
            expires_at: Timestamp::from_seconds(self.exp),
            token_id: self.jti.into_owned(),
            premium_until: self.premium_until.map(Timestamp::from_seconds),
        }
    }
}
