//! Secrets at rest: what seals what, and how the secret that seals the rest is replaced.
//!
//! ```text
//! AUTH_SECRET ──HKDF──▶ key-encryption key ──seals──▶ data keys ──HKDF──▶ one subkey for each use
//! ```
//!
//! The operator's secret derives nothing but the key-encryption key. Whoever replaces it re-seals a handful of data
//! keys; no hash and no sealed value is ever made again.

mod auth_secret;
mod data_key;
mod derivation;
mod ring;
mod seal;

pub use auth_secret::{AuthSecret, InvalidAuthSecret};
pub use data_key::{DataKey, DataKeyPurpose, UnknownDataKeyPurpose};
pub use ring::{SecretRing, UnwrappedKey, WrappedBy};
pub use seal::{CannotOpen, SealContext, Sealer};
