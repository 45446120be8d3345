//! What a password must be like.

use url::Url;

use crate::settings::definition::Definition;
use crate::settings::reader::Reader;
use crate::settings::table::Group;
use crate::settings::value::{choice, list, number, outgoing_url, switch};

static MIN_LENGTH: Definition =
    Definition::new("AUTH_PASSWORD_MIN_LENGTH", "12", "shortest password, 8 to 64 Unicode code points");
static MAX_LENGTH: Definition =
    Definition::new("AUTH_PASSWORD_MAX_LENGTH", "256", "longest password, 128 to 1024 Unicode code points");
static REQUIRE: Definition = Definition::unset(
    "AUTH_PASSWORD_REQUIRE",
    "classes that a password must hold, out of `lower,upper,digit,symbol`; NIST SP 800-63B advises against any",
);
static HIBP: Definition = Definition::new(
    "AUTH_HIBP",
    "on",
    "ask Have I Been Pwned whether a new password has leaked (it hears five digits of a hash); `off` for closed networks",
);
static HIBP_URL: Definition =
    Definition::new("AUTH_HIBP_URL", "https://api.pwnedpasswords.com/range/", "its range API, or your copy of it");

pub(crate) static GROUP: Group =
    Group { title: "Password policy", rows: &[&MIN_LENGTH, &MAX_LENGTH, &REQUIRE, &HIBP, &HIBP_URL] };

/// A kind of character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CharacterClass {
    /// Lower-case letters.
    Lower,
    /// Upper-case letters.
    Upper,
    /// Digits.
    Digit,
    /// Everything else.
    Symbol,
}

/// Settings of the password policy.
#[derive(Clone, Debug)]
pub struct PasswordSettings {
    /// Code points, 8 to 64.
    pub min_length: usize,
    /// Code points, 128 to 1024.
    pub max_length: usize,
    /// Classes that must occur.
    pub require: Vec<CharacterClass>,
    /// Whether leaked passwords are looked up.
    pub hibp: bool,
    /// Where.
    pub hibp_url: Url,
}

impl PasswordSettings {
    pub(crate) fn read(reader: &mut Reader) -> Self {
        let class = choice(&[
            ("lower", CharacterClass::Lower),
            ("upper", CharacterClass::Upper),
            ("digit", CharacterClass::Digit),
            ("symbol", CharacterClass::Symbol),
        ]);
        Self {
            min_length: reader.value(&MIN_LENGTH, number(8..=64)),
            max_length: reader.value(&MAX_LENGTH, number(128..=1024)),
            require: reader.optional(&REQUIRE, list(class)).unwrap_or_default(),
            hibp: reader.value(&HIBP, switch),
            hibp_url: reader.value(&HIBP_URL, outgoing_url),
        }
    }
}
