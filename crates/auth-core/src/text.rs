//! Unicode forms: the one place that says how text is normalised before it is compared or hashed.

use std::borrow::Cow;

use icu_casemap::CaseMapper;
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use icu_properties::CodePointMapData;
use icu_properties::props::{BidiControl, BinaryProperty, GeneralCategory};

/// NFC (Unicode Standard Annex 15): one spelling for what looks the same.
pub(crate) fn nfc(text: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfc().normalize(text)
}

/// NFKC (the same): one spelling for what means the same.
pub(crate) fn nfkc(text: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfkc().normalize(text)
}

/// NFKC after full case folding, stable under itself: the form in which usernames and passwords are compared.
pub(crate) fn fold(text: &str) -> String {
    let decomposed = DecomposingNormalizerBorrowed::new_nfkd().normalize(text);
    let folded = CaseMapper::new().fold_string(&decomposed).into_owned();
    let folded = DecomposingNormalizerBorrowed::new_nfkd().normalize(&folded).into_owned();
    let folded = CaseMapper::new().fold_string(&folded).into_owned();
    ComposingNormalizerBorrowed::new_nfkc().normalize(&folded).into_owned()
}

pub(crate) fn category(character: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(character)
}

/// Letters with their marks, and decimal digits, of any script: not numbers like `²` or `Ⅷ`.
pub(crate) fn is_letter_or_digit(character: char) -> bool {
    use GeneralCategory as G;
    matches!(
        category(character),
        G::LowercaseLetter
            | G::UppercaseLetter
            | G::TitlecaseLetter
            | G::ModifierLetter
            | G::OtherLetter
            | G::NonspacingMark
            | G::SpacingMark
            | G::DecimalNumber
    )
}

/// Characters that no line of text that is shown to people may hold: they break lines, hide, or turn the direction.
pub(crate) fn is_unprintable(character: char) -> bool {
    matches!(
        category(character),
        GeneralCategory::Control
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::Surrogate
            | GeneralCategory::Unassigned
    ) || BidiControl::for_char(character)
        || ('\u{e0000}'..='\u{e0fff}').contains(&character)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fold_joins_spellings_of_one_word() {
        assert_eq!(fold("ＡＤＭＩＮ"), "admin");
        assert_eq!(fold("Straße"), fold("STRASSE"));
        assert_eq!(fold("\u{212a}elvin"), "kelvin");
        assert_ne!(fold("mıke"), fold("mike"));
    }

    #[test]
    fn directions_and_line_breaks_are_unprintable_and_emoji_are_not() {
        assert!("\u{202e}\u{2066}\u{2028}\r\n\0\u{7f}".chars().all(is_unprintable));
        assert!(!"👩‍🚀 ä 漢".chars().any(is_unprintable));
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(text in "\\PC{0,40}") {
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }
    }
}
