//! Passwords that are guessed first.

use icu_properties::props::GeneralCategory as G;
use zeroize::Zeroizing;

use crate::text;

/// The word in `text`: case-folded, without digits and punctuation at both ends, nor the white space that sets them
/// off. A text of nothing else is kept, so that a number is compared as it is.
pub(super) fn bare(text: &str) -> Zeroizing<String> {
    let folded = Zeroizing::new(text::fold(text));
    let word = folded.trim_matches(is_padding);
    if word.is_empty() { folded } else { Zeroizing::new(word.to_owned()) }
}

fn is_padding(c: char) -> bool {
    c.is_ascii_punctuation()
        || c.is_whitespace()
        || matches!(
            text::category(c),
            G::DecimalNumber
                | G::ConnectorPunctuation
                | G::DashPunctuation
                | G::OpenPunctuation
                | G::ClosePunctuation
                | G::InitialPunctuation
                | G::FinalPunctuation
                | G::OtherPunctuation
        )
}

/// Whether a password is on the list of common passwords: as it is, case-folded, or `bare`.
#[cfg(feature = "common-passwords")]
pub(super) fn is_common(password: &str, bare: &str) -> bool {
    use passwords::analyzer::is_common_password;

    let folded = Zeroizing::new(text::fold(password));
    is_common_password(password) || is_common_password(folded.as_str()) || is_common_password(bare)
}

/// Without the list, no password is common.
#[cfg(not(feature = "common-passwords"))]
pub(super) const fn is_common(_password: &str, _bare: &str) -> bool {
    false
}
