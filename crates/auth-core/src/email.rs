//! Email addresses.

use std::fmt;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::text;

/// An email address that a mail can be sent to, and the form in which it is unique.
///
/// Accepted is the dot-atom form of RFC 5322 with the letters that RFC 6531 adds, at most 254 bytes, 64 of them
/// before the `@`. Quoted local parts, comments, address literals and lists are refused. White space around the
/// address is dropped and the rest brought to NFC; that spelling is kept, since mail goes to it.
///
/// ```
/// use auth_core::Email;
///
/// let email = Email::parse(" Ada.Lovelace@Bücher.example ")?;
/// assert_eq!(email.as_str(), "Ada.Lovelace@Bücher.example");
/// assert_eq!(email.canonical(), "ada.lovelace@xn--bcher-kva.example");
/// # Ok::<(), auth_core::InvalidEmail>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email {
    address: String,
    canonical: String,
}

impl Email {
    /// The longest address, in bytes (RFC 5321, section 4.5.3.1.3, less the angle brackets).
    pub const MAX_BYTES: usize = 254;

    /// Reads an address.
    ///
    /// # Errors
    ///
    /// [`InvalidEmail`] when it isn't one of the accepted form.
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        let address = text::nfc(text.trim()).into_owned();
        if address.len() > Self::MAX_BYTES {
            return Err(InvalidEmail);
        }
        let (local, domain) = address.split_once('@').ok_or(InvalidEmail)?;
        if !is_local_part(local) {
            return Err(InvalidEmail);
        }
        let domain = canonical_domain(domain).ok_or(InvalidEmail)?;
        let canonical = format!("{}@{domain}", text::nfc(&local.to_lowercase()));
        Ok(Self { address, canonical })
    }

    /// The address as its owner spelt it: where mail goes.
    pub fn as_str(&self) -> &str {
        &self.address
    }

    /// The form that tells addresses apart: local part in lower case, domain in ASCII (UTS 46).
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// What stands before the `@`.
    pub fn local_part(&self) -> &str {
        self.address.split('@').next().unwrap_or_default()
    }
}

/// An address is personal data: it isn't printed.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

fn is_local_part(local: &str) -> bool {
    !local.is_empty()
        && local.len() <= 64
        && !local.starts_with(['.', '-'])
        && !local.ends_with('.')
        && !local.contains("..")
        && local.chars().all(|c| if c.is_ascii() { is_atext(c) || c == '.' } else { text::is_letter_or_digit(c) })
}

/// `atext` of RFC 5322, section 3.2.3.
fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

fn canonical_domain(domain: &str) -> Option<String> {
    let ascii =
        Uts46::new().to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::Check, DnsLength::Verify).ok()?;
    let last = ascii.rsplit('.').next()?;
    if last.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(ascii.into_owned())
}

/// The text is not an email address of the accepted form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an email address")]
pub struct InvalidEmail;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accepted_addresses() {
        let longest =
            format!("{}@{}.example", "a".repeat(64), ["b".repeat(60), "c".repeat(60), "d".repeat(59)].join("."));
        assert_eq!(longest.len(), 254);
        for text in ["a@b.co", "A+tag@example.org", "o'hara@example.org", "a@localhost", "用户@例え.jp", &longest] {
            assert!(Email::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn refused_addresses() {
        let long_local = format!("{}@example.org", "a".repeat(65));
        let refused = [
            "",
            "@",
            "a",
            "a@",
            "@b.co",
            "a@b@c.co",
            "a b@c.co",
            "a@b,c@d.co",
            "a@b.co;c@d.co",
            "a@b.co\r\nBcc: x@y.co",
            "a%0d%0a@b.co\n.",
            "\"a b\"@c.co",
            "<a@b.co>",
            "a@b.co\0",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            ".a@b.co",
            "a.@b.co",
            "a..b@c.co",
            "a@b..co",
            "a@b.co.",
            "a@-b.co",
            "-oX@b.co",
            "a＠b.co",
            "a@b_c.co",
            "a\u{200b}@b.co",
            "a\u{202e}@b.co",
            "(c)a@b.co",
            &long_local,
        ];
        for text in refused {
            assert_eq!(Email::parse(text), Err(InvalidEmail), "{text:?}");
        }
    }

    #[test]
    fn spellings_of_one_address_are_one_canonically() {
        let canonical = |text| Email::parse(text).unwrap().canonical().to_owned();
        assert_eq!(canonical("ANNE@EXAMPLE.ORG"), canonical("anne@example.org"));
        assert_eq!(canonical("a@bücher.example"), canonical("a@XN--BCHER-KVA.example"));
        assert_eq!(canonical("e\u{301}@x.org"), canonical("é@x.org"));
        assert_eq!(canonical("\u{212a}@x.org"), canonical("k@x.org"));
        assert_ne!(canonical("mıke@x.org"), canonical("mike@x.org"));
        assert_ne!(canonical("a+tag@x.org"), canonical("a@x.org"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_reading_again_changes_nothing(text in "\\PC{0,20}@?\\PC{0,20}") {
            if let Ok(email) = Email::parse(&text) {
                let again = Email::parse(email.as_str()).unwrap();
                prop_assert_eq!(again.canonical(), email.canonical());
                prop_assert!(email.canonical().chars().all(|c| !c.is_control()));
            }
        }
    }
}
