//! The operator's secrets, current and previous, as keys that wrap data keys.

use std::fmt;

use zeroize::Zeroizing;

use super::auth_secret::AuthSecret;
use super::data_key::{DataKey, DataKeyPurpose};
use super::derivation::derive;
use super::seal::{CannotOpen, SealContext, Sealer};
use crate::random::Random;

/// Wraps data keys under the current secret, and unwraps those of the current and the previous one.
pub struct SecretRing {
    current: Sealer,
    previous: Option<Sealer>,
}

impl SecretRing {
    /// The ring of `current`, and of `previous` while the secret is being replaced.
    pub fn new(current: &AuthSecret, previous: Option<&AuthSecret>) -> Self {
        Self { current: key_encryption_key(current), previous: previous.map(key_encryption_key) }
    }

    /// Seals `key` under the current secret; it opens only for the same `purpose` and `version`.
    pub fn wrap(&self, purpose: DataKeyPurpose, version: u8, key: &DataKey, random: &dyn Random) -> Vec<u8> {
        self.current.seal(context(&row(purpose, version)), key.expose(), random)
    }

    /// Opens a wrapped key, by the current secret if it can, else by the previous one.
    ///
    /// # Errors
    ///
    /// When neither secret opens it for this `purpose` and `version`.
    pub fn unwrap(&self, purpose: DataKeyPurpose, version: u8, wrapped: &[u8]) -> Result<UnwrappedKey, CannotOpen> {
        let row = row(purpose, version);
        let open = |sealer: &Sealer| data_key(&sealer.open(context(&row), wrapped)?);
        if let Ok(key) = open(&self.current) {
            return Ok(UnwrappedKey { key, wrapped_by: WrappedBy::Current });
        }
        let previous = self.previous.as_ref().ok_or(CannotOpen)?;
        Ok(UnwrappedKey { key: open(previous)?, wrapped_by: WrappedBy::Previous })
    }
}

/// The ring of one secret that isn't being replaced.
impl From<&AuthSecret> for SecretRing {
    fn from(current: &AuthSecret) -> Self {
        Self::new(current, None)
    }
}

impl fmt::Debug for SecretRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretRing(…)")
    }
}

/// A data key, and which secret it was sealed under.
#[derive(Debug)]
pub struct UnwrappedKey {
    /// The key.
    pub key: DataKey,
    /// The secret that opened it: a key that the previous one opened is due for wrapping anew.
    pub wrapped_by: WrappedBy,
}

/// One of the two secrets of a [`SecretRing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrappedBy {
    /// The secret in force.
    Current,
    /// The secret that is being replaced.
    Previous,
}

fn key_encryption_key(secret: &AuthSecret) -> Sealer {
    Sealer::under(&derive(secret.expose().as_bytes(), b"gatehouse auth secret", b"key-encryption key"))
}

/// The row of `data_keys`: unambiguous, since no purpose's name contains a slash.
fn row(purpose: DataKeyPurpose, version: u8) -> Vec<u8> {
    [purpose.as_str().as_bytes(), b"/", &[version]].concat()
}

fn context(row: &[u8]) -> SealContext<'_> {
    SealContext { table: "data_keys", column: "key_sealed", row }
}

fn data_key(bytes: &Zeroizing<Vec<u8>>) -> Result<DataKey, CannotOpen> {
    Ok(DataKey::from_bytes(bytes.as_slice().try_into().map_err(|_| CannotOpen)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::OsRandom;

    fn ring(current: &AuthSecret, previous: Option<&AuthSecret>) -> SecretRing {
        SecretRing::new(current, previous)
    }

    #[test]
    fn a_wrapped_key_opens_for_its_purpose_and_version_only() {
        let ring = ring(&AuthSecret::generate(&OsRandom), None);
        let key = DataKey::generate(&OsRandom);
        let wrapped = ring.wrap(DataKeyPurpose::RefreshMac, 3, &key, &OsRandom);
        for purpose in DataKeyPurpose::ALL {
            for version in [0, 3, 4] {
                let opened = ring.unwrap(purpose, version, &wrapped);
                if (purpose, version) == (DataKeyPurpose::RefreshMac, 3) {
                    assert_eq!(opened.unwrap().key.expose(), key.expose());
                } else {
                    assert_eq!(opened.unwrap_err(), CannotOpen, "{purpose} {version}");
                }
            }
        }
    }

    #[test]
    fn the_previous_secret_still_opens_but_no_longer_wraps() {
        let (old, new) = (AuthSecret::generate(&OsRandom), AuthSecret::generate(&OsRandom));
        let wrapped = ring(&old, None).wrap(DataKeyPurpose::TokenHash, 1, &DataKey::generate(&OsRandom), &OsRandom);
        let both = ring(&new, Some(&old));
        let opened = both.unwrap(DataKeyPurpose::TokenHash, 1, &wrapped).unwrap();
        assert_eq!(opened.wrapped_by, WrappedBy::Previous);
        let again = both.wrap(DataKeyPurpose::TokenHash, 1, &opened.key, &OsRandom);
        let opened_again = ring(&new, None).unwrap(DataKeyPurpose::TokenHash, 1, &again).unwrap();
        assert_eq!(opened_again.wrapped_by, WrappedBy::Current);
        assert_eq!(opened_again.key.expose(), opened.key.expose());
        assert_eq!(ring(&new, None).unwrap(DataKeyPurpose::TokenHash, 1, &wrapped).unwrap_err(), CannotOpen);
    }

    #[test]
    fn neither_the_ring_nor_an_opened_key_is_printed() {
        let ring = ring(&AuthSecret::generate(&OsRandom), None);
        let wrapped = ring.wrap(DataKeyPurpose::AuditChain, 1, &DataKey::from_bytes([7; 32]), &OsRandom);
        let opened = ring.unwrap(DataKeyPurpose::AuditChain, 1, &wrapped).unwrap();
        assert_eq!(format!("{ring:?}"), "SecretRing(…)");
        assert_eq!(format!("{opened:?}"), "UnwrappedKey { key: DataKey(…), wrapped_by: Current }");
    }
}
