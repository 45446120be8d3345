//! Names of whom a rate limit counts for, as keyed hashes: whoever reads the counts learns no address of anybody.
//!
//! ```text
//! hash     = HMAC-SHA256(hash key, length of kind (8, big endian) ‖ kind ‖ subject)
//! hash key = HKDF-SHA256(data key, info "rate limit subject")
//! ```

use std::fmt;

use aws_lc_rs::hmac;

use crate::secret::DataKey;

/// Hashes subjects of rate limits. All instances of one database come to the same hashes.
#[derive(Clone)]
pub struct SubjectHasher(hmac::Key);

impl SubjectHasher {
    /// Hashes under `key`, the data key of purpose `token_hash`.
    pub fn new(key: &DataKey) -> Self {
        Self(key.mac_key("rate limit subject"))
    }

    /// The hash of `subject`, which is of this `kind`: an address, an account.
    pub fn hash(&self, kind: &str, subject: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&(kind.len() as u64).to_be_bytes());
        context.update(kind.as_bytes());
        context.update(subject);
        let mut hash = [0; 32];
        hash.copy_from_slice(context.sign().as_ref());
        hash
    }
}

impl fmt::Debug for SubjectHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectHasher(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_and_subject_and_key_decide_the_hash() {
        let hasher = |byte| SubjectHasher::new(&DataKey::from_bytes([byte; 32]));
        let hash = hasher(1).hash("address", b"192.0.2.1");
        assert_eq!(hash, hasher(1).hash("address", b"192.0.2.1"));
        for other in [
            hasher(1).hash("address", b"192.0.2.2"),
            hasher(1).hash("account", b"192.0.2.1"),
            hasher(1).hash("addres", b"s192.0.2.1"),
            hasher(2).hash("address", b"192.0.2.1"),
        ] {
            assert_ne!(hash, other);
        }
    }
}
