//! Usernames.

use icu_properties::CodePointMapData;
use icu_properties::props::Script;

use crate::text;

/// A name that a user may sign in with, and the form in which it is unique.
///
/// 3 to 32 letters, digits, `.`, `_` and `-`, of one script; no `.` at either end; not shaped like a UUID; not a
/// reserved word. Unique by NFKC and case folding.
///
/// ```
/// use auth_core::Username;
///
/// let name = Username::parse("Ada_L")?;
/// assert_eq!(name.as_str(), "Ada_L");
/// assert_eq!(name.canonical(), "ada_l");
/// assert!(Username::parse("Administrator").is_err());
/// # Ok::<(), auth_core::InvalidUsername>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Username {
    name: String,
    canonical: String,
}

/// Names that a stranger would take for the operator, or that paths and mail hosts give a meaning.
const RESERVED: &[&str] = &[
    "abuse",
    "account",
    "admin",
    "administrator",
    "anonymous",
    "api",
    "auth",
    "billing",
    "gatehouse",
    "guest",
    "help",
    "hostmaster",
    "info",
    "login",
    "logout",
    "mail",
    "me",
    "moderator",
    "noreply",
    "no-reply",
    "null",
    "official",
    "operator",
    "owner",
    "postmaster",
    "register",
    "root",
    "security",
    "self",
    "staff",
    "superuser",
    "support",
    "sysadmin",
    "system",
    "undefined",
    "user",
    "users",
    "webmaster",
];

/// More than 32 characters need in UTF-8, decomposed: what is longer isn't worth folding.
const MAX_BYTES: usize = 512;

impl Username {
    /// Reads a username.
    ///
    /// # Errors
    ///
    /// Which rule it breaks.
    pub fn parse(text: &str) -> Result<Self, InvalidUsername> {
        if text.len() > MAX_BYTES {
            return Err(InvalidUsername::Length);
        }
        let name = text::nfc(text).into_owned();
        let canonical = text::fold(&name);
        for form in [&name, &canonical] {
            check_form(form)?;
        }
        let bare: String = canonical.chars().filter(|c| !".-_".contains(*c)).collect();
        if RESERVED.contains(&canonical.as_str()) || RESERVED.contains(&bare.as_str()) {
            return Err(InvalidUsername::Reserved);
        }
        Ok(Self { name, canonical })
    }

    /// The name as its owner spelt it.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The form that tells names apart.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The canonical form of what somebody typed to sign in, whether or not such a name may exist.
    pub fn canonicalize(text: &str) -> String {
        text::fold(text.trim())
    }
}

fn check_form(name: &str) -> Result<(), InvalidUsername> {
    let length = name.chars().count();
    if !(3..=32).contains(&length) {
        return Err(InvalidUsername::Length);
    }
    if !name.chars().all(is_allowed) || name.starts_with('.') || name.ends_with('.') {
        return Err(InvalidUsername::Character);
    }
    if name.bytes().filter(u8::is_ascii_hexdigit).count() == 32 && uuid::Uuid::try_parse(name).is_ok() {
        return Err(InvalidUsername::Reserved);
    }
    let mut scripts = name.chars().map(script).filter(|s| *s != Script::Common && *s != Script::Inherited);
    let first = scripts.next();
    if scripts.any(|script| Some(script) != first && !is_japanese_pair(Some(script), first)) {
        return Err(InvalidUsername::MixedScripts);
    }
    Ok(())
}

fn is_allowed(c: char) -> bool {
    matches!(c, '.' | '_' | '-') || text::is_letter_or_digit(c)
}

fn script(c: char) -> Script {
    CodePointMapData::<Script>::new().get(c)
}

/// Japanese is written in three scripts at once, Korean names in two (Unicode Technical Standard 39, section 5.1).
fn is_japanese_pair(a: Option<Script>, b: Option<Script>) -> bool {
    let written_together = [Script::Han, Script::Hiragana, Script::Katakana];
    a.zip(b).is_some_and(|(a, b)| written_together.contains(&a) && written_together.contains(&b))
}

/// Why a username is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUsername {
    /// Not 3 to 32 characters.
    #[error("a username has 3 to 32 characters")]
    Length,
    /// A character that is none of letter, digit, `.`, `_`, `-`, or a `.` at an end.
    #[error("a username has letters, digits, '.', '_' and '-' only, and no '.' at its ends")]
    Character,
    /// Letters of more than one script.
    #[error("a username keeps to the letters of one script")]
    MixedScripts,
    /// A reserved word, or shaped like an id.
    #[error("this username is reserved")]
    Reserved,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_names() {
        for name in ["bob", "Ada_L", "x-1.y", "jürgen", "наташа", "山田たろう", "user01", "z".repeat(32).as_str()]
        {
            assert!(Username::parse(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn refused_names_with_their_reason() {
        use InvalidUsername::*;
        let cases = [
            ("ab", Length),
            ("", Length),
            ("a@b", Character),
            ("a b", Character),
            ("bob\0x", Character),
            ("bob ", Character),
            ("bob.", Character),
            ("b\u{200b}ob", Character),
            ("\u{202e}bob", Character),
            ("аdmin", MixedScripts),
            ("admin", Reserved),
            ("ＡＤＭＩＮ", Reserved),
            ("a.d.m.i.n", Reserved),
            ("018f4e6e-6c9b-7000-8000", Character),
        ];
        for (name, reason) in &cases[..cases.len() - 1] {
            assert_eq!(Username::parse(name), Err(*reason), "{name:?}");
        }
        assert_eq!(Username::parse(&"a".repeat(33)), Err(Length));
        assert_eq!(Username::parse("018f4e6e6c9b70008000000000000000"), Err(Reserved));
    }

    #[test]
    fn spellings_of_one_name_are_one_canonically() {
        let canonical = |name| Username::parse(name).unwrap().canonical().to_owned();
        assert_eq!(canonical("BOB"), canonical("bob"));
        assert_eq!(canonical("ｂｏｂ"), canonical("bob"));
        assert_eq!(canonical("Bob"), Username::canonicalize(" BOB "));
    }
}
