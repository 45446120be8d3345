//! bcrypt (Provos and Mazières, USENIX 1999), plain and over a hash of the password.

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::alphabet::BCRYPT;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{NO_PAD, STANDARD};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::encoding::{decimal, fields};
use crate::password::InvalidPasswordHash;

/// The bytes of a password that bcrypt sees.
const SEEN_BYTES: usize = 72;
/// Characters of a salt and of a tag.
const SALT_CHARACTERS: usize = 22;
const TAG_CHARACTERS: usize = 31;

/// Old implementations left the unused bits of the last characters as they were.
const BASE64: GeneralPurpose = GeneralPurpose::new(&BCRYPT, NO_PAD.with_decode_allow_trailing_bits(true));

/// What a text of bcrypt says: `$2b$12$` and 53 characters.
///
/// `$2a$`, `$2b$` and `$2y$` are one function; the letters tell which mistakes of old implementations its maker had
/// mended. Hashes that such a mistake made (`$2x$`, and passwords of 255 bytes and more under `$2a$`) don't verify.
#[derive(Clone)]
pub(in crate::password) struct BcryptHash {
    cost: u32,
    salt: [u8; 16],
    tag: [u8; 23],
    input: Input,
}

/// What is given to bcrypt for a password.
#[derive(Clone)]
enum Input {
    /// The password.
    Plain,
    /// SHA-256, in hexadecimal.
    HexSha256,
    /// SHA-256, in base64.
    Base64Sha256,
    /// HMAC-SHA256 with the salt's text as the key, in base64.
    Base64HmacSha256 { key: [u8; SALT_CHARACTERS] },
}

impl BcryptHash {
    /// The highest cost that is verified: 14 takes about a second, each more twice as long.
    const MAX_COST: u32 = 14;
    const COSTS: std::ops::RangeInclusive<u32> = 4..=31;

    /// Reads `$2b$12$…`.
    pub(in crate::password) fn parse(text: &str) -> Result<Self, InvalidPasswordHash> {
        Self::parse_over(Input::Plain, text)
    }

    /// Reads what follows `bcrypt_sha256$` in Django.
    pub(in crate::password) fn parse_django_sha256(text: &str) -> Result<Self, InvalidPasswordHash> {
        Self::parse_over(Input::HexSha256, text)
    }

    fn parse_over(input: Input, text: &str) -> Result<Self, InvalidPasswordHash> {
        let ["", version, cost, rest] = fields(text)? else { return Err(InvalidPasswordHash::Malformed) };
        if !matches!(version, "2a" | "2b" | "2y") {
            return Err(InvalidPasswordHash::UnknownScheme);
        }
        // The cost has two digits.
        let cost = match cost.strip_prefix('0') {
            Some(digit) if digit.len() == 1 => digit,
            None if cost.len() == 2 => cost,
            _ => return Err(InvalidPasswordHash::Malformed),
        };
        let (salt, tag) = rest.split_at_checked(SALT_CHARACTERS).ok_or(InvalidPasswordHash::Malformed)?;
        Self::from_parts(input, cost, salt, tag)
    }

    /// Reads what follows `$bcrypt-sha256$` in Passlib: `v=2,t=2b,r=12$salt$tag`, and `2b,12$salt$tag` of before
    /// 1.7.3.
    pub(in crate::password) fn parse_passlib_sha256(text: &str) -> Result<Self, InvalidPasswordHash> {
        let [params, salt, tag] = fields(text)?;
        if let Some(cost) = params.strip_prefix("2a,").or_else(|| params.strip_prefix("2b,")) {
            return Self::from_parts(Input::Base64Sha256, cost, salt, tag);
        }
        let cost = params.strip_prefix("v=2,t=2b,r=").ok_or(InvalidPasswordHash::UnknownScheme)?;
        let key = salt.as_bytes().try_into().map_err(|_| InvalidPasswordHash::Malformed)?;
        Self::from_parts(Input::Base64HmacSha256 { key }, cost, salt, tag)
    }

    fn from_parts(input: Input, cost: &str, salt: &str, tag: &str) -> Result<Self, InvalidPasswordHash> {
        let cost = decimal(cost)?;
        if salt.len() != SALT_CHARACTERS || tag.len() != TAG_CHARACTERS || !Self::COSTS.contains(&cost) {
            return Err(InvalidPasswordHash::Malformed);
        }
        if cost > Self::MAX_COST {
            return Err(InvalidPasswordHash::TooCostly);
        }
        Ok(Self { cost, salt: base64(salt)?, tag: base64(tag)?, input })
    }

    /// Whether it was made from `password`.
    ///
    /// Implementations in C end a password at its first NUL, and others repeat what is before it; neither would
    /// tell passwords apart, so one with a NUL among its first 72 bytes is never the right one.
    pub(in crate::password) fn matches(&self, password: &[u8]) -> bool {
        let input = self.input.of(password);
        let seen = &input[..input.len().min(SEEN_BYTES)];
        // The NUL after the password belongs to what is hashed, if there is room.
        let mut key = Zeroizing::new([0; SEEN_BYTES]);
        key[..seen.len()].copy_from_slice(seen);
        let used = SEEN_BYTES.min(seen.len() + 1);
        let tag = Zeroizing::new(::bcrypt::bcrypt(self.cost, self.salt, &key[..used]));
        let is_equal: bool = tag[..self.tag.len()].ct_eq(&self.tag).into();
        is_equal && !seen.contains(&0)
    }
}

impl Input {
    fn of(&self, password: &[u8]) -> Zeroizing<Vec<u8>> {
        let sha256 = || digest::digest(&digest::SHA256, password);
        Zeroizing::new(match self {
            Self::Plain => password.to_vec(),
            Self::HexSha256 => hexadecimal(sha256().as_ref()),
            Self::Base64Sha256 => STANDARD.encode(sha256()).into_bytes(),
            Self::Base64HmacSha256 { key } => {
                STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), password)).into_bytes()
            }
        })
    }
}

fn hexadecimal(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).collect()
}

fn base64<const N: usize>(text: &str) -> Result<[u8; N], InvalidPasswordHash> {
    let bytes = BASE64.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or(InvalidPasswordHash::Malformed)
}
