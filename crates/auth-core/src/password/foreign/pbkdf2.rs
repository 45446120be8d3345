//! PBKDF2 (RFC 8018, section 5.2) with HMAC-SHA256 and HMAC-SHA512.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::encoding::{decimal, fields, parameters, salt, tag, text_salt};
use crate::password::InvalidPasswordHash;

/// The hash function under PBKDF2's HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::password) enum Pbkdf2Digest {
    Sha256,
    Sha512,
}

impl Pbkdf2Digest {
    const fn bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// What a text of PBKDF2 says.
#[derive(Clone)]
pub(in crate::password) struct Pbkdf2Hash {
    pub(super) digest: Pbkdf2Digest,
    pub(super) iterations: NonZeroU32,
    pub(super) salt: Vec<u8>,
    pub(super) tag: Vec<u8>,
}

impl Pbkdf2Hash {
    /// The most iterations, for all blocks of the tag together: about two seconds where SHA-2 is done without
    /// instructions of its own. OWASP asks for 600 000, Django 6 makes 1 200 000.
    const MAX_ITERATIONS: u64 = 2_000_000;

    /// Reads what follows `$pbkdf2-sha256$`: `i=600000,l=32$salt$tag` (PHC) or `29000$salt$tag` (Passlib).
    pub(in crate::password) fn parse(digest: Pbkdf2Digest, text: &str) -> Result<Self, InvalidPasswordHash> {
        let [params, salt_text, tag_text] = fields(text)?;
        let [iterations, length] = match decimal(params) {
            Ok(iterations) => [Some(iterations), None],
            Err(_) => parameters(params, ["i", "l"])?,
        };
        let tag = tag(tag_text)?;
        if length.is_some_and(|length| length as usize != tag.len()) {
            return Err(InvalidPasswordHash::Malformed);
        }
        Self::new(digest, iterations.ok_or(InvalidPasswordHash::Malformed)?, salt(salt_text)?, tag)
    }

    /// Reads what follows `pbkdf2_sha256$` in Django: `iterations$salt$tag`. The salt is its text.
    pub(in crate::password) fn parse_django(digest: Pbkdf2Digest, text: &str) -> Result<Self, InvalidPasswordHash> {
        let [iterations, salt, tag_text] = fields(text)?;
        Self::new(digest, decimal(iterations)?, text_salt(salt)?, tag(tag_text)?)
    }

    fn new(digest: Pbkdf2Digest, iterations: u32, salt: Vec<u8>, tag: Vec<u8>) -> Result<Self, InvalidPasswordHash> {
        let iterations = NonZeroU32::new(iterations).ok_or(InvalidPasswordHash::Malformed)?;
        let blocks = tag.len().div_ceil(digest.bytes()) as u64;
        if u64::from(iterations.get()) * blocks > Self::MAX_ITERATIONS {
            return Err(InvalidPasswordHash::TooCostly);
        }
        Ok(Self { digest, iterations, salt, tag })
    }

    /// Whether it was made from `password`.
    pub(in crate::password) fn matches(&self, password: &[u8]) -> bool {
        let algorithm = match self.digest {
            Pbkdf2Digest::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Pbkdf2Digest::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        };
        let mut tag = Zeroizing::new(vec![0; self.tag.len()]);
        pbkdf2::derive(algorithm, self.iterations, &self.salt, password, &mut tag);
        tag.ct_eq(&self.tag).into()
    }
}
