//! Tokens whose signature and claims were verified: an `EdDSA` check costs fifteen times the rest of a bearer check.
//!
//! The table has a fixed number of places, in sets of two, and a lock for each set. Only tokens that passed every check
//! get in, so strangers can't fill it. Revocation is not remembered: it is looked up each time.

use std::sync::{Arc, Mutex, PoisonError};

use super::AccessClaims;
use crate::time::Timestamp;

/// Sets of two places: 16 384 tokens in all, about 6 MiB when full.
const SETS: usize = 8192;

/// The SHA-256 of a whole token, signature included.
pub(super) type TokenDigest = [u8; 32];

/// The verified tokens.
pub(super) struct VerifiedTokens(Box<[Mutex<[Option<Entry>; 2]>]>);

struct Entry {
    digest: TokenDigest,
    ring_generation: u64,
    good_until: Timestamp,
    claims: Arc<AccessClaims>,
}

impl Entry {
    fn is(&self, digest: &TokenDigest, ring_generation: u64, now: Timestamp) -> bool {
        // Not in constant time: whoever can't make the token can't steer its digest either.
        self.digest == *digest && self.ring_generation == ring_generation && now < self.good_until
    }
}

impl Default for VerifiedTokens {
    fn default() -> Self {
        Self((0..SETS).map(|_| Mutex::default()).collect())
    }
}

impl VerifiedTokens {
    /// The claims of a token that was verified under this ring and has not expired.
    pub(super) fn get(&self, digest: &TokenDigest, ring_generation: u64, now: Timestamp) -> Option<Arc<AccessClaims>> {
        let mut set = self.set(digest).lock().unwrap_or_else(PoisonError::into_inner);
        let place = set.iter().position(|entry| entry.as_ref().is_some_and(|e| e.is(digest, ring_generation, now)))?;
        // The one used last is in front, so that the other makes room.
        set.swap(0, place);
        set[0].as_ref().map(|entry| Arc::clone(&entry.claims))
    }

    /// Remembers a verified token until `good_until`, in place of the one of its set that was used longest ago.
    pub(super) fn put(
        &self,
        digest: TokenDigest,
        ring_generation: u64,
        good_until: Timestamp,
        claims: Arc<AccessClaims>,
    ) {
        let mut set = self.set(&digest).lock().unwrap_or_else(PoisonError::into_inner);
        let same = set.iter().position(|entry| entry.as_ref().is_some_and(|e| e.digest == digest));
        let replaced = same.unwrap_or(1);
        set[replaced] = Some(Entry { digest, ring_generation, good_until, claims });
        set.swap(0, replaced);
    }

    fn set(&self, digest: &TokenDigest) -> &Mutex<[Option<Entry>; 2]> {
        &self.0[usize::from(u16::from_be_bytes([digest[0], digest[1]])) % SETS]
    }
}
