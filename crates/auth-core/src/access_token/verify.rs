//! Verifying access tokens.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;

use super::cache::TokenDigest;
use super::claims::WireClaims;
use super::header::Header;
use super::{AccessClaims, AccessTokenError, AccessTokens, MAX_ACCESS_TOKEN_LENGTH};
use crate::time::Timestamp;

impl AccessTokens {
    /// Verifies `token`, the bare text after `Bearer `.
    ///
    /// In this order: its length; three segments of canonical base64url; a header of exactly `alg`, `kid`, `typ`; a key
    /// of that name in the ring that has not retired, and whose one algorithm is `alg`; the signature; the claims, each
    /// present and of its type; issuer and audience by exact comparison; times; the session and the epoch against the
    /// revocation list. All but the last is remembered for a token that passed.
    ///
    /// # Errors
    ///
    /// When the token is refused: see [`AccessTokenError`].
    pub fn verify(&self, token: &str) -> Result<Arc<AccessClaims>, AccessTokenError> {
        if token.len() > MAX_ACCESS_TOKEN_LENGTH {
            return Err(AccessTokenError::Invalid);
        }
        let now = self.clock.now();
        let digest = sha256(token);
        // Before the ring itself is read, so that a verification under an old ring is never taken for one under the new.
        let ring_generation = self.keys.generation();
        let claims = match self.verified.get(&digest, ring_generation, now) {
            Some(claims) => claims,
            None => self.verify_in_full(token, digest, ring_generation, now)?,
        };
        self.revocations.check(&claims)?;
        if self.revocations.is_stale(now) {
            return Err(AccessTokenError::RevocationsStale);
        }
        Ok(claims)
    }

    /// Until when the user of verified `claims` has premium: what was changed since the token was issued is preferred to
    /// its claim.
    pub fn premium_until(&self, claims: &AccessClaims) -> Option<Timestamp> {
        self.revocations.premium_until(claims)
    }

    /// Whether the user of verified `claims` has premium now.
    pub fn is_premium(&self, claims: &AccessClaims) -> bool {
        self.is_to_come(self.premium_until(claims))
    }

    /// Whether there is such an end, as of premium, and it hasn't come.
    pub fn is_to_come(&self, end: Option<Timestamp>) -> bool {
        end.is_some_and(|end| end > self.clock.now())
    }

    fn verify_in_full(
        &self,
        token: &str,
        digest: TokenDigest,
        ring_generation: u64,
        now: Timestamp,
    ) -> Result<Arc<AccessClaims>, AccessTokenError> {
        let segments = Segments::split(token).ok_or(AccessTokenError::Invalid)?;
        let key_retires_at = self.verify_signature(&segments, now)?;
        let payload = decode(segments.payload).ok_or(AccessTokenError::Invalid)?;
        let claims = Arc::new(WireClaims::parse(&payload)?.check(&self.config, now)?);
        self.seen.record(claims.session_id, claims.generation);
        let good_until = key_retires_at.map_or(claims.expires_at, |end| end.min(claims.expires_at));
        self.verified.put(digest, ring_generation, good_until, Arc::clone(&claims));
        Ok(claims)
    }

    /// Checks header and signature; tells when the key retires.
    fn verify_signature(&self, segments: &Segments<'_>, now: Timestamp) -> Result<Option<Timestamp>, AccessTokenError> {
        let ring = self.keys.current();
        let json = decode(segments.header).ok_or(AccessTokenError::Invalid)?;
        let header = Header::parse(&json).ok_or(AccessTokenError::Invalid)?;
        let (key, retires_at) = ring.find(header.kid, now).ok_or(AccessTokenError::Invalid)?;
        let signature = decode(segments.signature).ok_or(AccessTokenError::Invalid)?;
        if header.is_for(key.algorithm()) && key.verify(segments.signed.as_bytes(), &signature) {
            Ok(retires_at)
        } else {
            Err(AccessTokenError::Invalid)
        }
    }
}

/// A token's parts (RFC 7515, section 7.1).
pub(super) struct Segments<'a> {
    pub(super) header: &'a str,
    pub(super) payload: &'a str,
    pub(super) signature: &'a str,
    /// What the signature is over: header, dot, payload.
    pub(super) signed: &'a str,
}

impl<'a> Segments<'a> {
    pub(super) fn split(token: &'a str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let complete = !header.is_empty() && !payload.is_empty() && !signature.is_empty();
        (complete && !payload.contains('.')).then_some(Self { header, payload, signature, signed })
    }
}

/// Decodes a segment: no padding, nothing but the alphabet, and zero in the last character's unused bits, so that each
/// value has one spelling.
pub(super) fn decode(segment: &str) -> Option<Vec<u8>> {
    BASE64URL.decode(segment).ok()
}

fn sha256(token: &str) -> TokenDigest {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    bytes
}
