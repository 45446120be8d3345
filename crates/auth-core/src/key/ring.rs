//! All keys of one moment, and the place from which everybody reads them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use serde::Serialize;

use super::jwk::PublicJwk;
use super::signing::SigningKey;
use super::verification::VerificationKey;
use crate::time::Timestamp;

/// The key that signs, if this process issues tokens, and every key that verifies.
#[derive(Debug, Default)]
pub struct KeyRing {
    signing: Option<Arc<SigningKey>>,
    keys: Vec<RingKey>,
}

#[derive(Debug)]
struct RingKey {
    key: Arc<VerificationKey>,
    retires_at: Option<Timestamp>,
}

impl KeyRing {
    /// The ring of a process that issues tokens: `signing` signs, and verifies without an end.
    pub fn new(signing: Arc<SigningKey>) -> Self {
        let key = Arc::clone(signing.verification_key());
        Self { signing: Some(signing), keys: vec![RingKey { key, retires_at: None }] }
    }

    /// The ring, so far empty, of a process that only verifies.
    pub fn verifying_only() -> Self {
        Self::default()
    }

    /// Adds a key that verifies, from `retires_at` on no more.
    ///
    /// # Errors
    ///
    /// When the ring has a key of that name.
    pub fn with_key(
        mut self,
        key: Arc<VerificationKey>,
        retires_at: Option<Timestamp>,
    ) -> Result<Self, DuplicateKeyId> {
        if self.keys.iter().any(|other| other.key.kid() == key.kid()) {
            return Err(DuplicateKeyId);
        }
        self.keys.push(RingKey { key, retires_at });
        Ok(self)
    }

    /// The key that signs.
    pub const fn signing_key(&self) -> Option<&Arc<SigningKey>> {
        self.signing.as_ref()
    }

    /// The key called `kid`, unless it has retired at `now`, and when it will.
    pub fn find(&self, kid: &str, now: Timestamp) -> Option<(&VerificationKey, Option<Timestamp>)> {
        let found = self.live(now).find(|entry| entry.key.kid() == kid)?;
        Some((&found.key, found.retires_at))
    }

    /// The key set that others verify by (RFC 7517, section 5), as JSON: public keys that have not retired at `now`.
    pub fn jwks(&self, now: Timestamp) -> String {
        #[derive(Serialize)]
        struct KeySet<'a> {
            keys: Vec<&'a PublicJwk>,
        }
        let keys = self.live(now).filter_map(|entry| entry.key.public_jwk()).collect();
        // Text and arrays of text can always be written.
        serde_json::to_string(&KeySet { keys }).unwrap_or_default()
    }

    fn live(&self, now: Timestamp) -> impl Iterator<Item = &RingKey> {
        self.keys.iter().filter(move |entry| entry.retires_at.is_none_or(|end| now < end))
    }
}

/// The ring has a key of that name already: two keys of one name would make it unclear which of them verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("two keys have the same kid")]
pub struct DuplicateKeyId;

/// The ring in force, shared by all who sign and verify; a clone is the same ring.
#[derive(Clone, Debug)]
pub struct SharedKeyRing(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    ring: RwLock<Arc<KeyRing>>,
    generation: AtomicU64,
}

impl SharedKeyRing {
    /// Shares `ring`.
    pub fn new(ring: KeyRing) -> Self {
        Self(Arc::new(Shared { ring: RwLock::new(Arc::new(ring)), generation: AtomicU64::new(0) }))
    }

    /// The ring in force.
    pub fn current(&self) -> Arc<KeyRing> {
        Arc::clone(&self.0.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts `ring` in force.
    pub fn replace(&self, ring: KeyRing) {
        *self.0.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        // After the swap: whoever reads the new number also reads the new ring.
        self.0.generation.fetch_add(1, Ordering::Release);
    }

    /// How often the ring was replaced. What was verified under another number counts for nothing; to remember a
    /// verification, read this number before the ring.
    pub fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Acquire)
    }
}
