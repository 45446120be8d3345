//! Keys that verify.

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey};
use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;

use super::algorithm::SigningAlgorithm;
use super::jwk::{PublicJwk, PublicMaterial, is_key_id};

/// A key that verifies signatures of one algorithm, parsed once.
pub struct VerificationKey {
    kid: String,
    algorithm: SigningAlgorithm,
    key: DecodingKey,
    jwk: Option<PublicJwk>,
}

impl VerificationKey {
    /// The least length of an HS256 secret in bytes (RFC 7518, section 3.2).
    pub const MIN_SECRET_BYTES: usize = 32;

    /// The key that `jwk` describes.
    ///
    /// # Errors
    ///
    /// When the key is no point of its curve.
    pub fn from_jwk(jwk: PublicJwk) -> Result<Self, InvalidKey> {
        let key = match &jwk.material {
            PublicMaterial::Ed25519(x) => {
                ParsedPublicKey::new(&ED25519, x).map_err(|_| InvalidKey::Malformed)?;
                DecodingKey::from_ed_der(x)
            }
            PublicMaterial::P256 { x, y } => {
                let point = [&[4], x.as_slice(), y].concat();
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point).map_err(|_| InvalidKey::Malformed)?;
                DecodingKey::from_ec_der(&point)
            }
            PublicMaterial::Rsa { n, e } => DecodingKey::from_rsa_raw_components(n, e),
        };
        Ok(Self { kid: jwk.kid.clone(), algorithm: jwk.algorithm(), key, jwk: Some(jwk) })
    }

    /// The HS256 key `secret`, which is never published.
    ///
    /// # Errors
    ///
    /// When the secret has fewer than [`Self::MIN_SECRET_BYTES`] bytes, or `kid` can't be a name.
    pub fn from_secret(kid: &str, secret: &[u8]) -> Result<Self, InvalidKey> {
        if !is_key_id(kid) {
            return Err(InvalidKey::KeyId);
        }
        if secret.len() < Self::MIN_SECRET_BYTES {
            return Err(InvalidKey::Weak);
        }
        let key = DecodingKey::from_secret(secret);
        Ok(Self { kid: kid.to_owned(), algorithm: SigningAlgorithm::Hs256, key, jwk: None })
    }

    /// The key's name.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The key's only algorithm.
    pub const fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    /// The key for those who verify elsewhere; none of HS256.
    pub const fn public_jwk(&self) -> Option<&PublicJwk> {
        self.jwk.as_ref()
    }

    /// Whether `signature` is this key's over `message`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        // The provider by its name: the crate's process-wide default panics where another crate turns on a second one.
        (DEFAULT_PROVIDER.verifier_factory)(&self.algorithm.to_jsonwebtoken(), &self.key)
            .is_ok_and(|verifier| verifier.verify(message, &signature.to_vec()).is_ok())
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerificationKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// Why bytes are no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Not a key of the algorithm, or no point of its curve.
    #[error("not a key of its algorithm")]
    Malformed,
    /// An HS256 secret below 256 bits, or an RSA key below 2048 bits or otherwise weak.
    #[error("a weak key")]
    Weak,
    /// The name is not 1 to 128 of `A-Z a-z 0-9 - _ .`.
    #[error("no usable kid")]
    KeyId,
    /// The cryptographic library could not make a key.
    #[error("no key could be made")]
    Generation,
}
