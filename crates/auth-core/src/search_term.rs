//! What somebody types to find a user by a part of an address or a name.

use std::fmt;

use crate::text;

/// A text to look for in other texts, whatever the case and the spelling of either (NFKC after full case folding, as
/// usernames are compared).
///
/// 1 to 256 characters between white space, which is dropped. Every character stands for itself.
///
/// ```
/// use auth_core::SearchTerm;
///
/// let term = SearchTerm::parse(" STRASSE ")?;
/// assert_eq!(term.as_str(), "STRASSE");
/// assert!(term.is_in("Ada von der Straße"));
/// assert!(!SearchTerm::parse("a%b")?.is_in("aab"));
/// # Ok::<(), auth_core::InvalidSearchTerm>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SearchTerm {
    text: String,
    folded: String,
}

impl SearchTerm {
    /// The longest term, in characters.
    pub const MAX_CHARACTERS: usize = 256;

    /// Reads a term.
    ///
    /// # Errors
    ///
    /// [`InvalidSearchTerm`] when nothing is left of it, or too much.
    pub fn parse(text: &str) -> Result<Self, InvalidSearchTerm> {
        let text = text::nfc(text.trim());
        if !(1..=Self::MAX_CHARACTERS).contains(&text.chars().count()) {
            return Err(InvalidSearchTerm);
        }
        Ok(Self { folded: text::fold(&text), text: text.into_owned() })
    }

    /// The term as it was typed, in NFC.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the term stands anywhere in `text`.
    pub fn is_in(&self, text: &str) -> bool {
        // What ASCII is folded to is its lower case.
        let folded = if text.is_ascii() { text.to_ascii_lowercase() } else { text::fold(text) };
        folded.contains(&self.folded)
    }
}

/// A part of an address or a name is personal data: it isn't printed.
impl fmt::Debug for SearchTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SearchTerm(…)")
    }
}

/// The text is no term to search for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a search term has 1 to 256 characters")]
pub struct InvalidSearchTerm;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn finds(term: &str, text: &str) -> bool {
        SearchTerm::parse(term).unwrap().is_in(text)
    }

    #[test]
    fn case_and_spelling_make_no_difference() {
        for (term, text) in [
            ("ADA", "ada@example.org"),
            ("example.ORG", "Ada@Example.org"),
            ("ärger", "Frau ÄRGER"),
            ("a\u{308}rger", "ÄRGER"),
            ("ΣΊΣΥΦΟΣ", "Σίσυφος"),
            ("ａｄａ", "Ada"),
            ("fi", "ﬁn"),
        ] {
            assert!(finds(term, text), "{term} in {text}");
        }
        for (term, text) in [("ada", "aad"), ("i", "ı"), ("%", "ada"), ("_", "ada"), ("\\", "ada"), (".", "ada")] {
            assert!(!finds(term, text), "{term} in {text}");
        }
    }

    #[test]
    fn a_term_has_1_to_256_characters() {
        for text in ["", "  \t\n", &"x".repeat(257), &"é".repeat(257)] {
            assert_eq!(SearchTerm::parse(text), Err(InvalidSearchTerm));
        }
        for text in ["x", &"x".repeat(256), &"é".repeat(256), &format!("  {}  ", "x".repeat(256))] {
            assert!(SearchTerm::parse(text).is_ok());
        }
    }

    proptest! {
        #[test]
        fn ascii_is_compared_as_everything_else(term in "[ -~]{1,4}", text in "[ -~]{0,40}") {
            prop_assume!(!term.trim().is_empty());
            let term = SearchTerm::parse(&term).unwrap();
            prop_assert_eq!(term.is_in(&text), text::fold(&text).contains(&text::fold(term.as_str())));
        }

        #[test]
        fn every_whole_text_is_found_in_itself(text in "\\PC{1,40}") {
            prop_assume!(!text.trim().is_empty());
            prop_assert!(finds(&text, &text));
        }
    }
}
