//! Keys for tests.

use std::sync::LazyLock;

use super::{SigningAlgorithm, SigningKey};
use crate::random::OsRandom;

/// An RSA key takes long to make: one for all tests.
static RSA: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(SigningAlgorithm::Rs256, &OsRandom).unwrap());

/// A key that signs: the same one at each call for RS256, a new one for the others.
pub(crate) fn signing_key(algorithm: SigningAlgorithm) -> SigningKey {
    if algorithm == SigningAlgorithm::Rs256 {
        return SigningKey::from_private(RSA.kid(), algorithm, &RSA.private_bytes()).unwrap();
    }
    SigningKey::generate(algorithm, &OsRandom).unwrap()
}
