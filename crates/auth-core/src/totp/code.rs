//! A code as somebody typed it.

use zeroize::Zeroizing;

use crate::secret_text::secret_text;

secret_text!(
    /// A code that is presented as one of an authenticator app: six ASCII digits.
    TotpCode
);

impl TotpCode {
    /// How many digits a code has (RFC 4226, section 5.3, asks for at least six).
    pub const DIGITS: u8 = 6;

    /// Reads a code; none unless the text is exactly six ASCII digits.
    ///
    /// Nothing is trimmed and no other digits of Unicode are read: one code has one spelling. Apps that show a gap
    /// after the third digit leave it out when they copy.
    pub fn parse(text: &str) -> Option<Self> {
        let is_code = text.len() == usize::from(Self::DIGITS) && text.bytes().all(|byte| byte.is_ascii_digit());
        is_code.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    #[cfg(any(test, feature = "testing"))]
    pub(super) fn of(token: &totp_rs::Token) -> Self {
        Self(Zeroizing::new(token.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::vectors::read;

    /// REQ-20, M-09.
    #[test]
    fn anything_but_six_ascii_digits_is_refused() {
        let file = read("rfc/totp_window_own.json");
        let malformed = file["malformed_codes"].as_array().unwrap();
        assert!(malformed.len() > 10);
        for text in malformed.iter().map(|text| text.as_str().unwrap()) {
            assert!(TotpCode::parse(text).is_none(), "{text:?}");
        }
        for text in ["050471\n", "050471 ", "\u{feff}050471", "05 0471", "05047١", "²50471", "०५०४७१", "𝟎𝟓𝟎𝟒𝟕𝟏"]
        {
            assert!(TotpCode::parse(text).is_none(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn six_ascii_digits_are_read_as_they_are(text in "[0-9]{6}") {
            let code = TotpCode::parse(&text).unwrap();
            prop_assert_eq!(code.expose(), text);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,12}", bytes: Vec<u8>) {
            TotpCode::parse(&text);
            TotpCode::parse(&String::from_utf8_lossy(&bytes));
        }
    }

    #[test]
    fn a_code_is_not_printed() {
        assert_eq!(format!("{:?}", TotpCode::parse("123456").unwrap()), "TotpCode(…)");
    }
}
