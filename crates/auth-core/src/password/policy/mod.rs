//! What may be set as a password (REQ-02).

mod character_class;
mod guessable;

pub use self::character_class::{CharacterClass, UnknownCharacterClass};
use super::secret::Password;
use crate::{DisplayName, Email, Username};

/// The rules for a password that is set. A password that only signs in is never held against them.
///
/// Lengths are counted in Unicode code points, after normalising.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    min_length: usize,
    max_length: usize,
    required: Vec<CharacterClass>,
}

/// Who sets the password, and where: a password that is one of these is refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct PasswordContext<'a> {
    /// The account's address.
    pub email: Option<&'a Email>,
    /// The account's username.
    pub username: Option<&'a Username>,
    /// The name that the account's owner shows.
    pub display_name: Option<&'a DisplayName>,
    /// What the service calls itself; empty if it has no name.
    pub product_name: &'a str,
}

impl PasswordPolicy {
    /// A policy that asks for `min_length` (8 to 64) to `max_length` (128 to 1024) code points.
    ///
    /// # Errors
    ///
    /// [`InvalidPasswordPolicy`] when a bound is outside its range.
    pub fn new(min_length: usize, max_length: usize) -> Result<Self, InvalidPasswordPolicy> {
        if !(8..=64).contains(&min_length) || !(128..=1024).contains(&max_length) {
            return Err(InvalidPasswordPolicy);
        }
        Ok(Self { min_length, max_length, required: Vec::new() })
    }

    /// The same policy, which also asks for a character of each of `classes`. NIST SP 800-63B and ASVS 6.2.5 advise
    /// against such rules; they are here for those who are bound to have them.
    #[must_use]
    pub fn requiring(mut self, classes: impl IntoIterator<Item = CharacterClass>) -> Self {
        self.required = classes.into_iter().collect();
        self
    }

    /// The fewest code points.
    pub const fn min_length(&self) -> usize {
        self.min_length
    }

    /// The most code points.
    pub const fn max_length(&self) -> usize {
        self.max_length
    }

    /// Whether `password` may be set.
    ///
    /// Refused is one that is too short or too long, lacks a required class, or is easily guessed: it is the
    /// address, its local part, the username, the display name or the product's name, or on the list of common
    /// passwords (cargo feature `common-passwords`). Case, and digits and punctuation at both ends, make no
    /// difference to that; other text around the word does.
    ///
    /// # Errors
    ///
    /// The first rule that is broken.
    pub fn check(&self, password: &Password, context: &PasswordContext<'_>) -> Result<(), PasswordWeakness> {
        let length = password.expose().chars().count();
        if length < self.min_length {
            return Err(PasswordWeakness::TooShort { min: self.min_length });
        }
        // 1024 code points have at most 4096 bytes, so no bound in bytes is needed beside this one.
        if length > self.max_length {
            return Err(PasswordWeakness::TooLong { max: self.max_length });
        }
        if let Some(class) = self.required.iter().find(|class| !password.expose().chars().any(|c| class.contains(c))) {
            return Err(PasswordWeakness::MissingClass(*class));
        }
        let bare = guessable::bare(password.expose());
        if context.names().any(|name| *guessable::bare(name) == *bare) {
            return Err(PasswordWeakness::KnownName);
        }
        if guessable::is_common(password.expose(), &bare) {
            return Err(PasswordWeakness::Common);
        }
        Ok(())
    }
}

/// 12 to 256 code points of any kind.
impl Default for PasswordPolicy {
    fn default() -> Self {
        Self { min_length: 12, max_length: 256, required: Vec::new() }
    }
}

impl<'a> PasswordContext<'a> {
    fn names(&self) -> impl Iterator<Item = &'a str> {
        let email = self.email.map(|email| [email.as_str(), email.canonical(), email.local_part()]);
        let username = self.username.map(Username::as_str);
        let display_name = self.display_name.map(DisplayName::as_str);
        email.into_iter().flatten().chain(username).chain(display_name).chain([self.product_name])
    }
}

/// Why a password may not be set. All are the field code [`PasswordWeakness::FIELD_CODE`]; the text tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordWeakness {
    /// Fewer code points than the policy asks for.
    #[error("must have at least {min} characters")]
    TooShort {
        /// The fewest code points.
        min: usize,
    },
    /// More code points than the policy takes.
    #[error("must have at most {max} characters")]
    TooLong {
        /// The most code points.
        max: usize,
    },
    /// No character of a class that the policy requires.
    #[error("must have {0}")]
    MissingClass(CharacterClass),
    /// The account's address or name, or the product's name.
    #[error("must not be your address, your name or the name of this service")]
    KnownName,
    /// On the list of common passwords.
    #[error("is among the most common passwords")]
    Common,
}

impl PasswordWeakness {
    /// The code under which a form's field reports any of these.
    pub const FIELD_CODE: &'static str = "weak_password";

    /// A text for the person who chose the password. It stays the same from release to release.
    pub fn message(self) -> String {
        self.to_string()
    }
}

/// The least length is not 8 to 64, or the greatest not 128 to 1024.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a password's least length is set to 8 to 64 characters, its greatest to 128 to 1024")]
pub struct InvalidPasswordPolicy;

#[cfg(test)]
mod tests;
