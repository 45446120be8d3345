//! Making and checking password hashes.

use std::sync::Arc;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::argon2::{Argon2Hash, Argon2Params, Implementation, Recipe, Workspace};
use super::hash::{PasswordHash, Scheme};
use super::secret::Password;
use crate::random::{OsRandom, Random};

/// Which implementation of Argon2 may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Argon2Backend {
    /// The fastest one that is built in and passes the self-test.
    #[default]
    Auto,
    /// The `argon2` crate.
    Portable,
}

/// Bytes of salt in a new hash (RFC 9106, section 3.1).
const SALT_BYTES: usize = 16;
/// Bytes of tag in a new hash.
const TAG_BYTES: usize = 32;

/// Makes hashes with one set of parameters, and checks passwords against hashes of any, and of other systems.
///
/// Each call computes where it is called, for milliseconds: a server gives it to a [`HashPool`](super::HashPool).
#[derive(Clone)]
pub struct PasswordHasher {
    params: Argon2Params,
    implementation: Implementation,
    random: Arc<dyn Random>,
}

impl PasswordHasher {
    /// A hasher that makes hashes with `params`. The self-test of the fast implementation runs here; it takes a few
    /// milliseconds.
    pub fn new(params: Argon2Params, backend: Argon2Backend) -> Self {
        Self { params, implementation: Implementation::choose(backend), random: Arc::new(OsRandom) }
    }

    /// The same hasher with salts from `random` instead of the operating system.
    #[must_use]
    pub fn with_random(mut self, random: Arc<dyn Random>) -> Self {
        self.random = random;
        self
    }

    /// The implementation that computes: `portable` or `simd`.
    pub const fn backend_in_use(&self) -> &'static str {
        self.implementation.name()
    }

    /// The parameters of new hashes.
    pub const fn params(&self) -> Argon2Params {
        self.params
    }

    /// A new hash of `password`: Argon2id, version 19, 16 bytes of salt, 32 of tag.
    ///
    /// # Errors
    ///
    /// [`HashError`] when there isn't enough memory.
    pub fn hash(&self, password: &Password, workspace: &mut Workspace) -> Result<PasswordHash, HashError> {
        let salt = self.random.bytes::<SALT_BYTES>().to_vec();
        let mut hash = Argon2Hash { recipe: Recipe::current(self.params), salt, tag: vec![0; TAG_BYTES] };
        self.implementation.compute(&hash.recipe, password.bytes(), &hash.salt, &mut hash.tag, workspace)?;
        Ok(hash.into())
    }

    /// Whether `hash` was made from `password`, in a time that doesn't tell how near a wrong one came.
    ///
    /// # Errors
    ///
    /// [`HashError`] when there isn't enough memory.
    pub fn verify(
        &self,
        password: &Password,
        hash: &PasswordHash,
        workspace: &mut Workspace,
    ) -> Result<bool, HashError> {
        let matches = match hash.scheme() {
            Scheme::Argon2(stored) => self.verify_argon2(password, stored, workspace),
            Scheme::Bcrypt(stored) => Ok(stored.matches(password.bytes())),
            Scheme::Scrypt(stored) => stored.matches(password.bytes()),
            Scheme::Pbkdf2(stored) => Ok(stored.matches(password.bytes())),
        };
        workspace.release_above(self.params.memory_kib());
        matches
    }

    fn verify_argon2(
        &self,
        password: &Password,
        stored: &Argon2Hash,
        workspace: &mut Workspace,
    ) -> Result<bool, HashError> {
        let mut tag = Zeroizing::new(vec![0; stored.tag.len()]);
        self.implementation.compute(&stored.recipe, password.bytes(), &stored.salt, &mut tag, workspace)?;
        Ok(tag.ct_eq(&stored.tag).into())
    }

    /// Whether `hash` should be replaced by a new one at the next chance, which is when its password is at hand:
    /// it is of another function, version, cost or spelling, or its salt or tag is shorter than that of a new one.
    pub fn needs_rehash(&self, hash: &PasswordHash) -> bool {
        match hash.scheme() {
            Scheme::Argon2(stored) => {
                stored.recipe != Recipe::current(self.params)
                    || !hash.as_str().starts_with('$')
                    || stored.salt.len() < SALT_BYTES
                    || stored.tag.len() < TAG_BYTES
            }
            Scheme::Bcrypt(_) | Scheme::Scrypt(_) | Scheme::Pbkdf2(_) => true,
        }
    }

    /// A hash that no password is known for, which costs as much to verify as a new one. Nothing is computed to
    /// make it: its tag is random.
    pub fn absent_hash(&self) -> PasswordHash {
        let salt = self.random.bytes::<SALT_BYTES>().to_vec();
        let tag = self.random.bytes::<TAG_BYTES>().to_vec();
        Argon2Hash { recipe: Recipe::current(self.params), salt, tag }.into()
    }
}

/// A hash could not be computed, because its memory could not be allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is not enough memory to hash a password")]
pub struct HashError;

#[cfg(test)]
mod tests;
