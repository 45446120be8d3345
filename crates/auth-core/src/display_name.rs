//! Names that are shown to people.

use crate::text;

/// A name as its owner wants to be called: kept exactly as given.
///
/// 1 to 100 characters, not only white space; nothing that breaks a line, hides, or turns the direction of text,
/// since it is printed in mails and lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisplayName(String);

impl DisplayName {
    /// Reads a name.
    ///
    /// # Errors
    ///
    /// [`InvalidDisplayName`] when it breaks a rule.
    pub fn parse(name: &str) -> Result<Self, InvalidDisplayName> {
        let length = name.chars().count();
        if !(1..=100).contains(&length) || name.trim().is_empty() || name.chars().any(text::is_unprintable) {
            return Err(InvalidDisplayName);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name is empty, too long, or holds characters that can't be shown in one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a display name has 1 to 100 characters of one line")]
pub struct InvalidDisplayName;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_as_given_or_refused() {
        assert_eq!(DisplayName::parse(" Ada  L. ").unwrap().as_str(), " Ada  L. ");
        for name in ["", "  ", "a\nb", "a\u{202e}b", &"x".repeat(101)] {
            assert_eq!(DisplayName::parse(name), Err(InvalidDisplayName), "{name:?}");
        }
    }
}
