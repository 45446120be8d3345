//! The operator's secret (`AUTH_SECRET`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::random::Random;
use crate::secret_text::secret_text;

/// Parts of the values that documents, templates and habits offer as a secret, in lower case.
const EXAMPLES: [&str; 11] = [
    "change-me",
    "change_me",
    "changeme",
    "replace-me",
    "replaceme",
    "your-secret",
    "your_secret",
    "yoursecret",
    "example",
    "openssl rand",
    "auth_secret",
];

secret_text!(
    /// The secret that only the operator knows: it derives the key that seals the data keys.
    AuthSecret
);

impl AuthSecret {
    /// The least length in bytes: 256 bits even if every byte were random.
    pub const MIN_BYTES: usize = 32;
    /// The least number of different bytes in a secret.
    pub const MIN_DISTINCT_BYTES: usize = 8;

    /// Takes `text` as the secret, byte by byte as it is.
    ///
    /// # Errors
    ///
    /// When the text is short, comes from a document, or is plainly no random value.
    pub fn new(text: &str) -> Result<Self, InvalidAuthSecret> {
        if text.len() < Self::MIN_BYTES {
            return Err(InvalidAuthSecret::TooShort);
        }
        let lower = Zeroizing::new(text.to_ascii_lowercase());
        if EXAMPLES.iter().any(|example| lower.contains(example)) {
            return Err(InvalidAuthSecret::Example);
        }
        if distinct_bytes(text.as_bytes()) < Self::MIN_DISTINCT_BYTES || repeats_itself(text.as_bytes()) {
            return Err(InvalidAuthSecret::Predictable);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// A new secret: 384 random bits as base64 text.
    pub fn generate(random: &dyn Random) -> Self {
        Self(Zeroizing::new(STANDARD.encode(Zeroizing::new(random.bytes::<48>()))))
    }
}

fn distinct_bytes(text: &[u8]) -> usize {
    let mut met = [false; 256];
    for byte in text {
        met[usize::from(*byte)] = true;
    }
    met.iter().filter(|met| **met).count()
}

/// Whether the text is one piece written twice or more.
fn repeats_itself(text: &[u8]) -> bool {
    (1..=text.len() / 2).any(|period| text.iter().zip(&text[period..]).all(|(one, other)| one == other))
}

/// Why a text can't be the operator's secret. The text itself is never part of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAuthSecret {
    /// Fewer than [`AuthSecret::MIN_BYTES`] bytes.
    #[error("shorter than 32 bytes")]
    TooShort,
    /// It contains a value that documents and templates offer.
    #[error("an example from a document, not a secret")]
    Example,
    /// Fewer than [`AuthSecret::MIN_DISTINCT_BYTES`] different bytes, or one piece repeated.
    #[error("too regular to be random")]
    Predictable,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::OsRandom;

    /// T-27, 13.2.3 of ASVS 5.
    #[test]
    fn a_short_an_exemplary_or_a_regular_secret_is_refused() {
        for (text, why) in [
            ("", InvalidAuthSecret::TooShort),
            ("0123456789abcdefghijklmnopqrstu", InvalidAuthSecret::TooShort),
            ("Change-Me-please-0123456789-abcdefgh", InvalidAuthSecret::Example),
            ("CHANGEME0123456789abcdefghijklmnop", InvalidAuthSecret::Example),
            ("your-secret-of-at-least-32-characters", InvalidAuthSecret::Example),
            ("this is an example of a long secret text", InvalidAuthSecret::Example),
            ("$(openssl rand -base64 48) 0123456789", InvalidAuthSecret::Example),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", InvalidAuthSecret::Predictable),
            ("abcdefgabcdefgabcdefgabcdefgaaaaaaaaaab", InvalidAuthSecret::Predictable),
            ("0123456789abcdef0123456789abcdef", InvalidAuthSecret::Predictable),
        ] {
            assert_eq!(AuthSecret::new(text).unwrap_err(), why, "{text}");
        }
    }

    #[test]
    fn a_generated_secret_is_accepted_and_differs_from_the_next() {
        let secret = AuthSecret::generate(&OsRandom);
        assert_eq!(AuthSecret::new(secret.expose()).unwrap().expose(), secret.expose());
        assert_ne!(AuthSecret::generate(&OsRandom).expose(), secret.expose());
    }

    #[test]
    fn a_secret_is_not_printed() {
        let secret = AuthSecret::generate(&OsRandom);
        assert_eq!(format!("{secret:?}"), "AuthSecret(…)");
    }
}
