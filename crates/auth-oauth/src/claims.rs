//! What a provider says of a user, read with distrust.

use std::fmt;

use auth_core::{DisplayName, Email};
use serde_json::{Map, Value};
use url::Url;

use crate::error::OAuthError;

/// The longest subject, in characters (OpenID Connect Core, section 2).
const MAX_SUBJECT_CHARS: usize = 255;
/// The longest URL of a picture, in bytes.
const MAX_URL_BYTES: usize = 2048;

/// A JSON object that a provider answered, none of whose members stands twice.
#[derive(Clone)]
pub struct Claims(Map<String, Value>);

/// Without personal data.
impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Claims").finish_non_exhaustive()
    }
}

impl Claims {
    pub(crate) fn new(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// Whether there is a member of this name, be it null.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A text, as it is.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// Who the user is at the provider: a text, or a whole number as text, so that `123` and `"123"` are one.
    ///
    /// # Errors
    ///
    /// [`OAuthError::Provider`] when it is absent, of another type, empty, longer than 255 characters, holds control
    /// characters, or is what programs write for want of a value (`null`, `undefined`): whoever else comes with the
    /// same would be the same user.
    pub fn subject(&self, name: &str) -> Result<String, OAuthError> {
        let subject = match self.0.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) => number.as_u64().map(|number| number.to_string()),
            _ => None,
        };
        subject
            .filter(|subject| is_subject(subject))
            .ok_or_else(|| OAuthError::Provider("the user has no subject that can be used".to_owned()))
    }

    /// An address, if it can be read as one.
    pub fn email(&self, name: &str) -> Option<Email> {
        Email::parse(self.text(name)?).ok()
    }

    /// Whether a member is `true`: no text, no number.
    pub fn is_true(&self, name: &str) -> bool {
        self.0.get(name) == Some(&Value::Bool(true))
    }

    /// A name to be shown, without blanks around it, if it is one that can be ([`DisplayName`]).
    pub fn display_name(&self, name: &str) -> Option<String> {
        self.text(name).and_then(display_name)
    }

    /// A URL that can be shown to browsers: https, without credentials, 2048 bytes at most.
    pub fn https_url(&self, name: &str) -> Option<String> {
        self.text(name).and_then(https_url)
    }
}

/// [`Claims::display_name`] of a text.
pub(crate) fn display_name(text: &str) -> Option<String> {
    DisplayName::parse(text.trim()).ok().map(|name| name.as_str().to_owned())
}

/// [`Claims::https_url`] of a text.
pub(crate) fn https_url(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let is_plain = url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
    (is_plain && url.as_str().len() <= MAX_URL_BYTES).then(|| url.into())
}

fn is_subject(text: &str) -> bool {
    !text.trim().is_empty()
        && text.chars().count() <= MAX_SUBJECT_CHARS
        && !text.chars().any(char::is_control)
        && !["null", "undefined"].iter().any(|word| text.trim().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Claims {
        let Value::Object(members) = value else { panic!("an object") };
        Claims::new(members)
    }

    /// O-12.
    #[test]
    fn a_subject_is_text_or_a_whole_number() {
        let longest = "ä".repeat(255);
        for (value, expected) in [
            (json!("123"), "123"),
            (json!(123), "123"),
            (json!(u64::MAX), "18446744073709551615"),
            (json!("00123"), "00123"),
            (json!("Nullable"), "Nullable"),
            (json!("a b"), "a b"),
            (json!(longest), &longest),
        ] {
            assert_eq!(claims(json!({ "id": value })).subject("id").unwrap(), expected);
        }
    }

    /// O-12: each of these would be shared by everybody who has none.
    #[test]
    fn a_subject_that_is_none_is_refused() {
        let too_long = "s".repeat(256);
        for value in [
            json!(null),
            json!(""),
            json!("  "),
            json!("\u{2003}"),
            json!("null"),
            json!("NULL"),
            json!("undefined"),
            json!(" Undefined "),
            json!("a\nb"),
            json!("a\0"),
            json!("\u{85}a"),
            json!(too_long),
            json!(1.5),
            json!(1.0),
            json!(1e30),
            json!(-1),
            json!(true),
            json!(["1"]),
            json!({ "id": "1" }),
        ] {
            let claims = claims(json!({ "id": value }));
            assert!(matches!(claims.subject("id"), Err(OAuthError::Provider(_))), "{value}");
        }
        assert!(claims(json!({ "Id": "1" })).subject("id").is_err());
    }

    /// O-10.
    #[test]
    fn only_true_is_true() {
        assert!(claims(json!({ "verified": true })).is_true("verified"));
        for value in [json!(false), json!("true"), json!(1), json!(null), json!([true]), json!("yes")] {
            assert!(!claims(json!({ "verified": value })).is_true("verified"), "{value}");
        }
        assert!(!claims(json!({})).is_true("verified"));
    }

    #[test]
    fn what_cant_be_shown_is_left_out() {
        let name = |value: Value| claims(json!({ "name": value })).display_name("name");
        assert_eq!(name(json!(" Ada\u{a0}")).as_deref(), Some("Ada"));
        assert_eq!(name(json!("x".repeat(100))).map(|name| name.len()), Some(100));
        for value in [json!("x".repeat(101)), json!(" "), json!("a\nb"), json!("a\u{202e}b"), json!(1), json!(null)] {
            assert_eq!(name(value.clone()), None, "{value}");
        }
    }

    #[test]
    fn a_picture_is_an_https_url() {
        let url = |value: &str| claims(json!({ "picture": value })).https_url("picture");
        assert_eq!(url("https://cdn.example/a?s=96").as_deref(), Some("https://cdn.example/a?s=96"));
        assert_eq!(
            url(" https://cdn.example/\"><script>\n").as_deref(),
            Some("https://cdn.example/%22%3E%3Cscript%3E")
        );
        let long = |length: usize| format!("https://cdn.example/{}", "x".repeat(length - "https://cdn.example/".len()));
        assert!(url(&long(2048)).is_some());
        for refused in [
            "",
            "/a.png",
            "//cdn.example/a",
            "http://cdn.example/a",
            "javascript:alert(1)",
            "data:image/png;base64,AAAA",
            "https://user@cdn.example/a",
            "https://:pass@cdn.example/a",
            "https://",
            &long(2049),
        ] {
            assert_eq!(url(refused), None, "{refused}");
        }
    }

    #[test]
    fn an_address_that_cant_be_read_is_none() {
        let email = |value: Value| claims(json!({ "email": value })).email("email");
        assert_eq!(email(json!("Ada@Example.org")).unwrap().as_str(), "Ada@Example.org");
        for value in [json!(""), json!("ada"), json!("a@b.co,c@d.co"), json!(["a@b.co"]), json!(null), json!(1)] {
            assert!(email(value.clone()).is_none(), "{value}");
        }
    }

    #[test]
    fn claims_are_not_printed() {
        let claims = claims(json!({ "email": "ada@example.org" }));
        assert!(!format!("{claims:?}").contains("ada"));
    }
}
