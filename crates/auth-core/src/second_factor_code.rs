//! What somebody answers when a second factor is asked for: one field takes either kind of code.

use crate::backup_code::BackupCode;
use crate::totp::TotpCode;

/// A code of an authenticator app or a backup code. Their lengths tell them apart: no text is both.
#[derive(Clone, Debug)]
pub enum SecondFactorCode {
    /// Six digits.
    Totp(TotpCode),
    /// 13 symbols.
    Backup(BackupCode),
}

impl SecondFactorCode {
    /// Reads a code; none if the text is neither kind, as [`TotpCode::parse`] and [`BackupCode::parse`] read them.
    pub fn parse(text: &str) -> Option<Self> {
        TotpCode::parse(text).map(Self::Totp).or_else(|| BackupCode::parse(text).map(Self::Backup))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn six_digits_are_a_code_of_an_app_and_13_symbols_a_backup_code() {
        assert!(matches!(SecondFactorCode::parse("000000"), Some(SecondFactorCode::Totp(_))));
        for text in ["0000-0000-00000", "0000000000000", "oooo oooo ooooo"] {
            assert!(matches!(SecondFactorCode::parse(text), Some(SecondFactorCode::Backup(_))), "{text}");
        }
    }

    /// M-09: a text of six digits with anything between them is no code of either kind.
    #[test]
    fn anything_else_is_neither() {
        for text in ["", "00000", "0000000", "000 000", "000-000", "-000000", "00000000", "000000000000"] {
            assert!(SecondFactorCode::parse(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_both(text in "[0-9A-Za-z -]{0,20}") {
            prop_assert!(TotpCode::parse(&text).is_none() || BackupCode::parse(&text).is_none());
        }
    }

    #[test]
    fn no_kind_is_printed() {
        let printed = ["000000", "0000-0000-00000"].map(|text| format!("{:?}", SecondFactorCode::parse(text).unwrap()));
        assert_eq!(printed, ["Totp(TotpCode(…))", "Backup(BackupCode(…))"]);
    }
}
