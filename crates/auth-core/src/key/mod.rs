//! Signing keys: made, loaded, published, replaced.
//!
//! Each key has exactly one algorithm (RFC 8725, section 3.1) and a name (`kid`). A [`KeyRing`] holds the key that
//! signs and all keys that still verify; a [`SharedKeyRing`] lets it be replaced while tokens are being checked.

mod algorithm;
#[cfg(test)]
pub(crate) mod fixture;
mod jwk;
mod jwk_set;
mod ring;
mod rsa_policy;
mod signing;
mod verification;
#[cfg(test)]
mod wycheproof;

pub use algorithm::{SigningAlgorithm, UnknownAlgorithm};
pub use jwk::{InvalidJwk, PublicJwk};
pub use jwk_set::InvalidJwkSet;
pub use ring::{DuplicateKeyId, KeyRing, SharedKeyRing};
pub use signing::{CannotSign, SigningKey};
pub use verification::{InvalidKey, VerificationKey};
