//! Argon2 hashes as PHC strings.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use password_hash::phc;

use super::{Argon2Params, InvalidArgon2Params, Recipe, Variant, Version};
use crate::password::InvalidPasswordHash;

/// What a PHC string of Argon2 says: `$argon2id$v=19$m=19456,t=2,p=1$salt$tag`.
///
/// A salt has 8 to 48 bytes, a tag 10 to 64. Its cost is within the bounds of [`Argon2Params`], so that whoever has
/// one can compute it.
#[derive(Clone)]
pub(in crate::password) struct Argon2Hash {
    pub(in crate::password) recipe: Recipe,
    pub(in crate::password) salt: Vec<u8>,
    pub(in crate::password) tag: Vec<u8>,
}

impl Argon2Hash {
    /// Reads a PHC string whose identifier is one of Argon2's.
    pub(in crate::password) fn parse(variant: Variant, text: &str) -> Result<Self, InvalidPasswordHash> {
        let hash = phc::PasswordHash::new(text).map_err(|_| InvalidPasswordHash::Malformed)?;
        let version = match hash.version {
            // Version 16 is older than the field.
            None | Some(16) => Version::V16,
            Some(19) => Version::V19,
            Some(_) => return Err(InvalidPasswordHash::UnknownScheme),
        };
        let params = parse_params(&hash.params)?;
        let (Some(salt), Some(tag)) = (hash.salt, hash.hash) else { return Err(InvalidPasswordHash::Malformed) };
        Ok(Self { recipe: Recipe { variant, version, params }, salt: salt.to_vec(), tag: tag.as_bytes().to_vec() })
    }
}

fn parse_params(params: &phc::ParamsString) -> Result<Argon2Params, InvalidPasswordHash> {
    let [mut memory, mut iterations, mut parallelism] = [None; 3];
    for (name, value) in params.iter() {
        // `keyid` and `data` are refused with the rest: they ask for inputs that we don't have.
        let field = match name.as_str() {
            "m" => &mut memory,
            "t" => &mut iterations,
            "p" => &mut parallelism,
            _ => return Err(InvalidPasswordHash::UnknownScheme),
        };
        let value = value.decimal().map_err(|_| InvalidPasswordHash::Malformed)?;
        if field.replace(value).is_some() {
            return Err(InvalidPasswordHash::Malformed);
        }
    }
    let (Some(memory), Some(iterations), Some(parallelism)) = (memory, iterations, parallelism) else {
        return Err(InvalidPasswordHash::Malformed);
    };
    Argon2Params::new(memory, iterations, parallelism).map_err(|error| match error {
        InvalidArgon2Params::TooCostly => InvalidPasswordHash::TooCostly,
        _ => InvalidPasswordHash::Malformed,
    })
}

/// The PHC string.
impl fmt::Display for Argon2Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let identifier = match self.recipe.variant {
            Variant::D => "argon2d",
            Variant::I => "argon2i",
            Variant::Id => "argon2id",
        };
        let version = match self.recipe.version {
            Version::V16 => 16,
            Version::V19 => 19,
        };
        let params = self.recipe.params;
        let [salt, tag] = [&self.salt, &self.tag].map(|bytes| STANDARD_NO_PAD.encode(bytes));
        write!(
            f,
            "${identifier}$v={version}$m={},t={},p={}${salt}${tag}",
            params.memory_kib(),
            params.iterations(),
            params.parallelism()
        )
    }
}
