//! Kinds of characters that a policy may ask for.

use std::fmt;
use std::str::FromStr;

use icu_properties::props::GeneralCategory as G;

use crate::text;

/// A kind of character, by its Unicode general category. Settings spell it `lower`, `upper`, `digit`, `symbol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CharacterClass {
    /// Lower-case letters.
    Lower,
    /// Upper-case and title-case letters.
    Upper,
    /// Decimal digits.
    Digit,
    /// Punctuation, symbols and spaces.
    Symbol,
}

impl CharacterClass {
    /// Whether `c` is of this kind.
    pub(super) fn contains(self, c: char) -> bool {
        let category = text::category(c);
        match self {
            Self::Lower => category == G::LowercaseLetter,
            Self::Upper => matches!(category, G::UppercaseLetter | G::TitlecaseLetter),
            Self::Digit => category == G::DecimalNumber,
            Self::Symbol => matches!(
                category,
                G::ConnectorPunctuation
                    | G::DashPunctuation
                    | G::OpenPunctuation
                    | G::ClosePunctuation
                    | G::InitialPunctuation
                    | G::FinalPunctuation
                    | G::OtherPunctuation
                    | G::MathSymbol
                    | G::CurrencySymbol
                    | G::ModifierSymbol
                    | G::OtherSymbol
                    | G::SpaceSeparator
            ),
        }
    }
}

/// As a password must have it: `a digit`.
impl fmt::Display for CharacterClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lower => "a lower-case letter",
            Self::Upper => "an upper-case letter",
            Self::Digit => "a digit",
            Self::Symbol => "a symbol",
        })
    }
}

/// From the name in the settings.
impl FromStr for CharacterClass {
    type Err = UnknownCharacterClass;

    fn from_str(name: &str) -> Result<Self, UnknownCharacterClass> {
        match name {
            "lower" => Ok(Self::Lower),
            "upper" => Ok(Self::Upper),
            "digit" => Ok(Self::Digit),
            "symbol" => Ok(Self::Symbol),
            _ => Err(UnknownCharacterClass),
        }
    }
}

/// None of `lower`, `upper`, `digit`, `symbol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a class of characters is lower, upper, digit or symbol")]
pub struct UnknownCharacterClass;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_classed_beyond_ascii() {
        let cases = [("lower", "aßжſ"), ("upper", "AÄЖǅ"), ("digit", "0٣９"), ("symbol", "!_-«€+ 🙂`")];
        for (name, members) in cases {
            for (other, _) in cases {
                let class: CharacterClass = other.parse().unwrap();
                assert!(members.chars().all(|c| class.contains(c) == (name == other)), "{members} in {other}");
            }
        }
        assert_eq!("Lower".parse::<CharacterClass>(), Err(UnknownCharacterClass));
    }
}
