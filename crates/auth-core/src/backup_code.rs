//! Backup codes: look-up secrets (NIST SP 800-63B-4, section 3.1.2) for those who lost their authenticator app.
//!
//! ```text
//! code     = 13 symbols of Crockford's base 32, drawn independently: 65 random bits
//! text     = the symbols in capitals as XXXX-XXXX-XXXXX
//! hash     = HMAC-SHA256(hash key, the user's id (16 bytes) ‖ the 13 symbols in ASCII)
//! hash key = HKDF-SHA256(data key, info "backup code")
//! ```
//!
//! HKDF's salt is `gatehouse data key`; both fields of the HMAC's input have a fixed length.
//!
//! - **To be typed.** The alphabet has no I, L, O and U. Who reads a 1 as I or L, or a 0 as O, is understood, and so is
//!   who leaves out the hyphens, puts spaces, or types small letters.
//! - **At rest.** Secrets of less than 112 bits are to be hashed with a salt of at least 32 bits by a password hashing
//!   scheme whose cost may be small, since they are random (section 3.1.2.2). Here the user's id is the salt and the
//!   cost is one HMAC, because its key does more: it isn't in the clear in the database, and without it there is
//!   nothing to try 2⁶⁵ codes on. A code of one user is no code of another.
//! - **Used once.** The caller spends a hash by one statement, and counts failures together with those of TOTP.

use std::fmt;

use aws_lc_rs::hmac;
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use zeroize::Zeroizing;

use crate::id::UserId;
use crate::random::Random;
use crate::secret::DataKey;
use crate::secret_text::secret_text;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const SYMBOLS: usize = 13;

secret_text!(
    /// A backup code, as `XXXX-XXXX-XXXXX`. It is shown once, when it is made.
    BackupCode
);

impl BackupCode {
    /// How many codes a user has at a time.
    pub const SET_SIZE: usize = 10;

    /// The codes of one user: 65 random bits each.
    pub fn generate_set(random: &dyn Random) -> [Self; Self::SET_SIZE] {
        std::array::from_fn(|_| {
            let mut symbols = Zeroizing::new([0; SYMBOLS]);
            random.fill(symbols.as_mut_slice());
            // 32 divides 256, so every symbol is as likely as every other.
            symbols.iter_mut().for_each(|byte| *byte = ALPHABET[usize::from(*byte % 32)]);
            Self::of(&symbols)
        })
    }

    /// Reads a code; none if the text can't be one. Case, hyphens and spaces don't matter; O is 0, I and L are 1.
    pub fn parse(text: &str) -> Option<Self> {
        let mut symbols = Zeroizing::new([0; SYMBOLS]);
        let mut length = 0;
        for byte in text.bytes().filter(|byte| !b"- ".contains(byte)) {
            *symbols.get_mut(length)? = symbol(byte)?;
            length += 1;
        }
        (length == SYMBOLS).then(|| Self::of(&symbols))
    }

    fn of(symbols: &[u8; SYMBOLS]) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(SYMBOLS + 2));
        for (place, symbol) in symbols.iter().enumerate() {
            if place == 4 || place == 8 {
                text.push('-');
            }
            text.push(char::from(*symbol));
        }
        Self(text)
    }
}

/// The symbol that a typed character stands for.
fn symbol(byte: u8) -> Option<u8> {
    match byte.to_ascii_uppercase() {
        b'O' => Some(b'0'),
        b'I' | b'L' => Some(b'1'),
        other => ALPHABET.contains(&other).then_some(other),
    }
}

/// A backup code's keyed hash: what the database stores. Hashes are compared in constant time.
#[derive(Clone)]
pub struct BackupCodeHash([u8; 32]);

impl BackupCodeHash {
    /// The hash with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be stored.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Where among `stored` this hash is. All of them are compared, so that the place doesn't show in the time.
    pub fn position_in<'a>(&self, stored: impl IntoIterator<Item = &'a Self>) -> Option<usize> {
        let (mut found, mut position) = (Choice::from(0), 0_u64);
        for (place, hash) in (0..).zip(stored) {
            let same = self.0.ct_eq(&hash.0);
            position.conditional_assign(&place, same);
            found |= same;
        }
        usize::try_from(position).ok().filter(|_| bool::from(found))
    }
}

impl PartialEq for BackupCodeHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for BackupCodeHash {}

impl fmt::Debug for BackupCodeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupCodeHash(…)")
    }
}

/// Hashes backup codes.
pub struct BackupCodeHasher(hmac::Key);

impl BackupCodeHasher {
    /// Hashes under `key`, the data key of purpose `backup_code_hash`.
    pub fn new(key: &DataKey) -> Self {
        Self(key.mac_key("backup code"))
    }

    /// The hash of `code` as a code of `user`.
    pub fn hash(&self, user: UserId, code: &BackupCode) -> BackupCodeHash {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(user.as_uuid().as_bytes());
        code.expose().split('-').for_each(|group| context.update(group.as_bytes()));
        let mut hash = [0; 32];
        hash.copy_from_slice(context.sign().as_ref());
        BackupCodeHash(hash)
    }
}

impl fmt::Debug for BackupCodeHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupCodeHasher(…)")
    }
}

#[cfg(test)]
mod tests;
