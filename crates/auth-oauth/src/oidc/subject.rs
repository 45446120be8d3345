//! What a provider may call a person.

/// Whether `subject` can be one: 1 to 255 characters of printable ASCII (OpenID Connect Core, section 2), not blank,
/// and not what a program writes that had none to give.
pub(super) fn is_subject(subject: &str) -> bool {
    (1..=255).contains(&subject.len())
        && subject.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && !subject.trim().is_empty()
        && !["undefined", "null"].contains(&subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// O-12.
    #[test]
    fn a_subject_is_a_text_of_printable_ascii() {
        let longest = "s".repeat(255);
        for subject in ["1", "0", "248289761001", "auth0|5f7c8ec7c33c6c004bbafe82", "a b", "None", &longest] {
            assert!(is_subject(subject), "{subject}");
        }
        let too_long = "s".repeat(256);
        for subject in ["", " ", "   ", "undefined", "null", "a\0", "a\n", "a\u{7f}", "ä", "\u{200b}", &too_long] {
            assert!(!is_subject(subject), "{subject:?}");
        }
    }
}
