//! Issuing access tokens.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use zeroize::Zeroizing;

use super::claims::WireClaims;
use super::header::Header;
use super::{AccessTokens, MAX_ACCESS_TOKEN_LIFETIME};
use crate::id::{SessionId, UserId};
use crate::key::CannotSign;
use crate::random::Random;
use crate::role::Role;
use crate::secret_text::secret_text;
use crate::time::Timestamp;

/// What an access token is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessGrant<'a> {
    /// Whose token it is.
    pub user_id: UserId,
    /// The session it belongs to.
    pub session_id: SessionId,
    /// The generation of the refresh token that goes into the same answer.
    pub generation: u32,
    /// The user's token epoch.
    pub epoch: i64,
    /// What the user may do.
    pub role: Role,
    /// How the user signed in (RFC 8176).
    pub amr: &'a [String],
    /// When the user last proved who they are.
    pub auth_time: Timestamp,
    /// When the session ends, which the token doesn't outlive.
    pub session_expires_at: Timestamp,
    /// Until when the user has paid, if they have.
    pub premium_until: Option<Timestamp>,
}

secret_text!(
    /// An access token's text.
    AccessToken
);

/// A new access token.
#[derive(Clone, Debug)]
pub struct IssuedAccessToken {
    /// The token.
    pub token: AccessToken,
    /// How many seconds it lives (RFC 6749, section 5.1).
    pub expires_in: u64,
}

impl AccessTokens {
    /// Issues a token now, with 128 bits of `random` as its name.
    ///
    /// # Errors
    ///
    /// When the ring has no key that signs, or the library fails.
    pub fn issue(&self, grant: &AccessGrant<'_>, random: &dyn Random) -> Result<IssuedAccessToken, CannotSign> {
        let iat = self.clock.now().as_seconds();
        let exp = self.expiry(iat, grant.session_expires_at);
        let claims = self.claims(grant, iat, exp, random);
        let token = self.sign(&claims)?;
        Ok(IssuedAccessToken { token, expires_in: u64::try_from(exp - iat).unwrap_or(0) })
    }

    /// The token's end: its lifetime or its session's end, whichever is first, but never before its beginning.
    fn expiry(&self, iat: i64, session_end: Timestamp) -> i64 {
        let lifetime = self.config.lifetime.min(MAX_ACCESS_TOKEN_LIFETIME);
        Timestamp::from_seconds(iat).plus(whole_seconds(lifetime)).min(session_end).as_seconds().max(iat)
    }

    fn claims<'a>(&'a self, grant: &AccessGrant<'a>, iat: i64, exp: i64, random: &dyn Random) -> WireClaims<'a> {
        WireClaims {
            iss: Cow::Borrowed(&self.config.issuer),
            sub: grant.user_id,
            aud: Cow::Borrowed(&self.config.audience),
            exp,
            iat,
            nbf: None,
            jti: Cow::Owned(BASE64URL.encode(random.bytes::<16>())),
            sid: grant.session_id,
            generation: grant.generation,
            epoch: grant.epoch,
            role: grant.role,
            amr: grant.amr.iter().map(|method| Cow::Borrowed(method.as_str())).collect(),
            auth_time: grant.auth_time.as_seconds(),
            premium_until: grant.premium_until.map(Timestamp::as_seconds),
        }
    }

    fn sign(&self, claims: &WireClaims<'_>) -> Result<AccessToken, CannotSign> {
        let ring = self.keys.current();
        let key = ring.signing_key().ok_or(CannotSign)?;
        // Room for the longest signature too (RSA): the token is written once and never moved.
        let mut token = String::with_capacity(1536);
        append_json(&mut token, &Header::new(key.algorithm(), key.kid()))?;
        token.push('.');
        append_json(&mut token, claims)?;
        let signature = key.sign(token.as_bytes())?;
        token.push('.');
        BASE64URL.encode_string(signature, &mut token);
        Ok(AccessToken(Zeroizing::new(token)))
    }
}

const fn whole_seconds(span: Duration) -> Duration {
    Duration::from_secs(span.as_secs())
}

fn append_json<T: serde::Serialize>(token: &mut String, value: &T) -> Result<(), CannotSign> {
    let mut json = Vec::with_capacity(512);
    serde_json::to_writer(&mut json, value).map_err(|_| CannotSign)?;
    BASE64URL.encode_string(json, token);
    Ok(())
}
