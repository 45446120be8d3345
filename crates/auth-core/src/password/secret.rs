//! A password in clear, while it is in memory.

use std::fmt;

use zeroize::Zeroizing;

use crate::text;

/// A password as somebody typed it, in NFC.
///
/// Normalising is the one change that is made (NIST SP 800-63B, section 3.1.1.2), so that a password doesn't depend
/// on the keyboard it was typed on. It is never trimmed, cut or folded. It can't be printed, and each copy of it is
/// wiped when it is dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// The most bytes of UTF-8 that are taken, before normalising. What a password that is set may have is up to
    /// [`PasswordPolicy`](super::PasswordPolicy); this bound keeps whoever signs in from sending megabytes.
    pub const MAX_BYTES: usize = 4096;

    /// Takes a password.
    ///
    /// # Errors
    ///
    /// [`PasswordTooLong`] above [`Password::MAX_BYTES`].
    pub fn new(text: &str) -> Result<Self, PasswordTooLong> {
        if text.len() > Self::MAX_BYTES {
            return Err(PasswordTooLong);
        }
        Ok(Self(Zeroizing::new(text::nfc(text).into_owned())))
    }

    /// The password itself, for what must read it: the policy, a hash, the search in a list of breached passwords.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The bytes that are hashed.
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// More than [`Password::MAX_BYTES`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a password has at most {} bytes", Password::MAX_BYTES)]
pub struct PasswordTooLong;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_that_look_the_same_are_one_password() {
        let composed = Password::new("caf\u{e9} \u{ac00}").unwrap();
        let decomposed = Password::new("cafe\u{301} \u{1100}\u{1161}").unwrap();
        assert_eq!(composed.expose(), decomposed.expose());
    }

    #[test]
    fn nothing_but_the_normal_form_is_changed() {
        for text in ["", " a ", "A\0", "\u{feff}a", "ﬁ", "a\r\n\t", "ａ"] {
            assert_eq!(Password::new(text).unwrap().expose(), text);
        }
    }

    #[test]
    fn the_bound_is_in_bytes_before_normalising() {
        assert!(Password::new(&"é".repeat(2048)).is_ok());
        assert_eq!(Password::new(&"a".repeat(4097)).unwrap_err(), PasswordTooLong);
        assert_eq!(Password::new(&"e\u{301}".repeat(1366)).unwrap_err(), PasswordTooLong);
    }

    #[test]
    fn a_password_is_not_printed() {
        assert_eq!(format!("{:?}", Password::new("hunter2").unwrap()), "Password(…)");
    }
}
