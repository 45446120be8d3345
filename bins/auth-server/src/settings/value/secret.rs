//! Secrets, and what is no secret although it stands in a secret's place (13.2.3 of the ASVS: no default credentials).

use auth_core::{AuthSecret, InvalidAuthSecret, Random};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::settings::fault::Parsed;

/// What people leave standing from examples. None of these turns up in a random secret by chance.
const PLACEHOLDERS: [&str; 18] = [
    "changeme",
    "change-me",
    "change_me",
    "change this",
    "change-this",
    "changethis",
    "replaceme",
    "replace-me",
    "replace_me",
    "example",
    "placeholder",
    "your-secret",
    "your_secret",
    "my-secret",
    "my_secret",
    "supersecret",
    "super-secret",
    "0123456789abcdef",
];

/// Passwords that services come with.
const DEFAULT_PASSWORDS: [&str; 12] = [
    "password",
    "passwd",
    "postgres",
    "redis",
    "admin",
    "root",
    "guest",
    "test",
    "secret",
    "auth",
    "gatehouse",
    "123456",
];

const NEW_SECRET_BYTES: usize = 48;

/// A client's secret (RFC 6749, appendix A.2): printable ASCII. A line break in it comes from copying, not from the
/// provider.
pub(crate) fn client_secret(text: &str) -> Parsed<SecretString> {
    let printable = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if printable { Ok(text.into()) } else { Err("must be printable ASCII without a line break".into()) }
}

/// A secret that keys are derived from: as the start takes it, and no placeholder.
pub(crate) fn signing_secret(text: &str) -> Parsed<SecretString> {
    match AuthSecret::new(text) {
        Ok(_) if !is_placeholder(text) => Ok(text.into()),
        Err(InvalidAuthSecret::TooShort) => Err(format!(
            "needs at least {} bytes and has {}; `openssl rand -base64 48` makes a good one",
            AuthSecret::MIN_BYTES,
            text.len()
        )
        .into()),
        _ => Err("is an example or a pattern that others can guess; `openssl rand -base64 48` makes a good one".into()),
    }
}

/// The first administrator's password: anything but a placeholder. The policy's lengths are checked with the policy.
pub(crate) fn admin_password(text: &str) -> Parsed<SecretString> {
    if is_placeholder(text) || is_default_password(text) {
        return Err("is a default that others can guess; choose one that nobody else has".into());
    }
    Ok(text.into())
}

/// Whether it is a text that examples put in a secret's place.
pub(crate) fn is_placeholder(text: &str) -> bool {
    let text = Zeroizing::new(text.to_lowercase());
    PLACEHOLDERS.iter().any(|placeholder| text.contains(placeholder))
}

/// Whether it is a password that services come with.
pub(crate) fn is_default_password(text: &str) -> bool {
    DEFAULT_PASSWORDS.iter().any(|password| text.eq_ignore_ascii_case(password))
}

/// A fresh value for `AUTH_SECRET`: 48 random bytes in base64.
pub fn new_secret(random: &dyn Random) -> Zeroizing<String> {
    let bytes = Zeroizing::new(random.bytes::<NEW_SECRET_BYTES>());
    Zeroizing::new(STANDARD.encode(bytes.as_slice()))
}

#[cfg(test)]
mod tests {
    use auth_core::OsRandom;

    use super::*;
    use crate::settings::value::assert_refuses;

    #[test]
    fn short_secrets_and_examples_are_refused() {
        assert_refuses(
            signing_secret,
            &[
                "",
                "short",
                "0123456789012345678901234567890",
                "changeme-changeme-changeme-changeme",
                "CHANGE-ME-to-something-long-and-random",
                "your-secret-goes-here-and-is-32-bytes",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                "abcabcabcabcabcabcabcabcabcabcabcabc",
            ],
        );
    }

    #[test]
    fn a_fresh_secret_is_accepted_and_never_the_same() {
        let secret = new_secret(&OsRandom);
        assert_eq!(secret.len(), 64);
        assert!(signing_secret(&secret).is_ok());
        assert_ne!(secret, new_secret(&OsRandom));
    }

    #[test]
    fn thirty_two_bytes_are_enough() {
        assert!(signing_secret("dlgH7zQmX2vKp0RwYc5tNe8sUa3fJb6i").is_ok());
    }

    #[test]
    fn a_client_s_secret_is_on_one_line() {
        assert!(client_secret("GOCSPX-a b~").is_ok());
        assert_refuses(client_secret, &["a\n", "a\tb", "ä"]);
    }

    #[test]
    fn default_passwords_are_refused_for_the_administrator() {
        assert_refuses(admin_password, &["admin", "Password", "changeme123", "my-secret-password"]);
        assert!(admin_password("lilac tractor 88 moons").is_ok());
    }
}
