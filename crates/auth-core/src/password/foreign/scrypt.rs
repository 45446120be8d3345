//! scrypt (RFC 7914).

use ::scrypt::Params;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::encoding::{crypt_bytes, crypt_number, decimal, fields, hexadecimal, parameters, salt, tag, text_salt};
use crate::password::{HashError, InvalidPasswordHash};
use crate::text::nfkc;

/// What a text of scrypt says.
#[derive(Clone)]
pub(in crate::password) struct ScryptHash {
    pub(super) params: Params,
    pub(super) salt: Vec<u8>,
    pub(super) tag: Vec<u8>,
    pub(super) input: Input,
}

/// What is given to scrypt for a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// The password.
    Plain,
    /// The password in NFKC (Unicode Standard Annex 15).
    Nfkc,
}

impl ScryptHash {
    /// The most memory, 128 bytes times N times r: 256 MiB. OWASP's settings and those of other systems take up to
    /// 128 MiB.
    const MAX_MEMORY_KIB: u64 = 256 * 1024;
    /// The most memory times p: 512 MiB filled and read once, which takes one to two seconds.
    const MAX_WORK_KIB: u64 = 512 * 1024;
    /// The highest r times p. The blocks that the memory is filled from have 128 bytes times this, and PBKDF2 makes
    /// them at a cost that isn't counted above; no system comes near.
    const MAX_BLOCKS: u64 = 1024;

    /// Reads what follows `$scrypt$`: `ln=16,r=8,p=1$salt$tag`.
    pub(in crate::password) fn parse(text: &str) -> Result<Self, InvalidPasswordHash> {
        let [params, salt_text, tag_text] = fields(text)?;
        let [Some(log_n), Some(r), Some(p)] = parameters(params, ["ln", "r", "p"])? else {
            return Err(InvalidPasswordHash::Malformed);
        };
        Ok(Self { params: bounded(log_n, r, p)?, salt: salt(salt_text)?, tag: tag(tag_text)?, input: Input::Plain })
    }

    /// Reads what follows `scrypt$` in Django: `n$salt$r$p$tag`. The salt is its text.
    pub(in crate::password) fn parse_django(text: &str) -> Result<Self, InvalidPasswordHash> {
        let [n, salt, r, p, tag_text] = fields(text)?;
        let n = decimal(n)?;
        if !n.is_power_of_two() {
            return Err(InvalidPasswordHash::Malformed);
        }
        let params = bounded(n.ilog2(), decimal(r)?, decimal(p)?)?;
        Ok(Self { params, salt: text_salt(salt)?, tag: tag(tag_text)?, input: Input::Plain })
    }

    /// Reads what follows `$7$` in crypt: one character of log₂ N, five of r, five of p, a salt that is its text,
    /// and after a `$` 32 bytes of tag.
    pub(in crate::password) fn parse_crypt(text: &str) -> Result<Self, InvalidPasswordHash> {
        let [head, tag] = fields(text)?;
        let (params, salt) = head.split_at_checked(11).ok_or(InvalidPasswordHash::Malformed)?;
        let [log_n, r, p] = [0..1, 1..6, 6..11].map(|digits| crypt_number(&params.as_bytes()[digits]));
        let (salt, tag) = (text_salt(salt)?, crypt_bytes(tag.as_bytes())?);
        Ok(Self { params: bounded(log_n?, r?, p?)?, salt, tag, input: Input::Plain })
    }

    /// Reads what better-auth writes: `salt:tag`, both in hexadecimal. The salt is its text; the parameters are always the
    /// same.
    pub(in crate::password) fn parse_better_auth(salt: &str, tag: &str) -> Result<Self, InvalidPasswordHash> {
        const SALT_BYTES: usize = 16;
        const TAG_BYTES: usize = 64;
        if hexadecimal(salt)?.len() != SALT_BYTES {
            return Err(InvalidPasswordHash::Malformed);
        }
        let (params, tag) = (bounded(14, 16, 1)?, hexadecimal(tag)?);
        if tag.len() != TAG_BYTES {
            return Err(InvalidPasswordHash::Malformed);
        }
        Ok(Self { params, salt: text_salt(salt)?, tag, input: Input::Nfkc })
    }

    /// Whether it was made from `password`. The memory is given back and not kept for the next; the crate can't wipe
    /// it, which is one more reason to replace these hashes.
    pub(in crate::password) fn matches(&self, password: &[u8]) -> Result<bool, HashError> {
        let needed = usize::try_from(memory_kib(self.params.log_n().into(), self.params.r())).map_err(|_| HashError)?;
        // The crate aborts the process where there is no memory; asking first tells.
        Vec::<[u8; 1024]>::new().try_reserve_exact(needed).map_err(|_| HashError)?;
        let mut tag = Zeroizing::new(vec![0; self.tag.len()]);
        let password = self.input.of(password);
        ::scrypt::scrypt(&password, &self.salt, &self.params, &mut tag).map_err(|_| HashError)?;
        Ok(tag.ct_eq(&self.tag).into())
    }
}

impl Input {
    fn of(self, password: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match (self, std::str::from_utf8(password)) {
            (Self::Nfkc, Ok(password)) => nfkc(password).into_owned().into_bytes(),
            _ => password.to_vec(),
        })
    }
}

/// 128 bytes times N times r, rounded up to KiB, for an N below 2^32.
const fn memory_kib(log_n: u32, r: u32) -> u64 {
    ((r as u64) << log_n).div_ceil(8)
}

/// Parameters within the bounds.
fn bounded(log_n: u32, r: u32, p: u32) -> Result<Params, InvalidPasswordHash> {
    if log_n == 0 || r == 0 || p == 0 {
        return Err(InvalidPasswordHash::Malformed);
    }
    let is_affordable = log_n < 32
        && u64::from(r) * u64::from(p) <= ScryptHash::MAX_BLOCKS
        && memory_kib(log_n, r) <= ScryptHash::MAX_MEMORY_KIB
        && memory_kib(log_n, r) * u64::from(p) <= ScryptHash::MAX_WORK_KIB;
    if !is_affordable {
        return Err(InvalidPasswordHash::TooCostly);
    }
    let log_n = u8::try_from(log_n).map_err(|_| InvalidPasswordHash::TooCostly)?;
    Params::new(log_n, r, p).map_err(|_| InvalidPasswordHash::Malformed)
}
