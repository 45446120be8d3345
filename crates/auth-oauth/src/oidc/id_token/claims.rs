//! The claims that make an ID token one of this provider, for us, of this flow.

use std::time::Duration;

use auth_core::Timestamp;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Number;
use subtle::ConstantTimeEq as _;

use super::{Expected, InvalidIdToken};
use crate::oidc::algorithm::IdTokenAlgorithm;
use crate::oidc::json;
use crate::oidc::subject::is_subject;

/// For how long after `exp` a token is still taken.
const EXPIRY_LEEWAY: Duration = Duration::from_secs(5);
/// How far a provider's clock may be from ours.
const CLOCK_SKEW: Duration = Duration::from_mins(1);
/// How old a token may be. It is made when the code is exchanged, a moment ago, or at the earliest with the code: a
/// flow lives for 10 minutes, so an older token is of none that is still open, whatever its `exp` says.
const MAX_AGE: Duration = Duration::from_mins(10);

/// The claims of the standard. Those that have to be there are optional here, so that each
/// one's absence has its own name in the log.
#[derive(Deserialize)]
pub(super) struct Claims {
    #[serde(default, deserialize_with = "json::present")]
    iss: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    sub: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    aud: Option<Audience>,
    #[serde(default, deserialize_with = "json::present")]
    azp: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    exp: Option<NumericDate>,
    #[serde(default, deserialize_with = "json::present")]
    iat: Option<NumericDate>,
    #[serde(default, deserialize_with = "json::present")]
    nbf: Option<NumericDate>,
    #[serde(default, deserialize_with = "json::present")]
    nonce: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    at_hash: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Seconds since 1970. They may have a fraction (RFC 7519, section 2), which is cut off: the clocks of two machines don't
/// agree that well.
#[derive(Clone, Copy)]
struct NumericDate(i64);

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = Number::deserialize(deserializer)?;
        let seconds = number.as_i64().or_else(|| number.as_f64().filter(|_| number.is_f64()).and_then(whole));
        seconds.map(Self).ok_or_else(|| D::Error::custom("not a time"))
    }
}

/// The whole seconds, as far as the number is exact.
fn whole(seconds: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "it is within 2^53, and the fraction goes on purpose")]
    (seconds.abs() < EXACT).then(|| seconds.floor() as i64)
}

impl Claims {
    /// The subject, if everything is as `expected`.
    pub(super) fn check(self, expected: &Expected<'_>, algorithm: IdTokenAlgorithm) -> Result<String, InvalidIdToken> {
        if self.iss.as_deref() != Some(expected.issuer) {
            return Err(InvalidIdToken::Issuer);
        }
        self.check_audience(expected.client_id)?;
        self.check_times(expected.now)?;
        let nonce = self.nonce.as_deref().unwrap_or_default();
        if !bool::from(nonce.as_bytes().ct_eq(expected.nonce.as_bytes())) {
            return Err(InvalidIdToken::Nonce);
        }
        if self.at_hash.is_some_and(|hash| hash != at_hash(expected.access_token, algorithm)) {
            return Err(InvalidIdToken::AccessTokenHash);
        }
        self.sub.filter(|subject| is_subject(subject)).ok_or(InvalidIdToken::Subject)
    }

    /// Points 3 to 5. We trust no other audience, so a token that has one must at least have been issued to us.
    fn check_audience(&self, client_id: &str) -> Result<(), InvalidIdToken> {
        let audiences = match &self.aud {
            None => &[],
            Some(Audience::One(audience)) => std::slice::from_ref(audience),
            Some(Audience::Several(audiences)) => audiences.as_slice(),
        };
        let has_others = audiences.iter().any(|audience| audience != client_id);
        if !audiences.iter().any(|audience| audience == client_id) || (has_others && self.azp.is_none()) {
            return Err(InvalidIdToken::Audience);
        }
        if self.azp.as_deref().is_some_and(|party| party != client_id) {
            return Err(InvalidIdToken::AuthorizedParty);
        }
        Ok(())
    }

    /// Points 9 and 10, and `nbf` (RFC 7519, section 4.1.5).
    fn check_times(&self, now: Timestamp) -> Result<(), InvalidIdToken> {
        let latest = now.plus(CLOCK_SKEW).as_seconds();
        let oldest = now.minus(MAX_AGE + CLOCK_SKEW).as_seconds();
        let latest_expired = now.minus(EXPIRY_LEEWAY).as_seconds();
        if self.exp.is_none_or(|NumericDate(exp)| exp <= latest_expired) {
            return Err(InvalidIdToken::Expired);
        }
        if self.iat.is_none_or(|NumericDate(iat)| iat > latest || iat < oldest) {
            return Err(InvalidIdToken::IssuedAt);
        }
        if self.nbf.is_some_and(|NumericDate(nbf)| nbf > latest) {
            return Err(InvalidIdToken::NotBefore);
        }
        Ok(())
    }
}

/// The left half of the access token's hash (OpenID Connect Core, section 3.1.3.6).
pub(super) fn at_hash(access_token: &str, algorithm: IdTokenAlgorithm) -> String {
    let hash = digest::digest(algorithm.hash(), access_token.as_bytes());
    let hash = hash.as_ref();
    BASE64URL.encode(&hash[..hash.len() / 2])
}
