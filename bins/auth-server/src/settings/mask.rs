//! How much of a value may be shown: nothing of a secret, no password out of a URL.

use url::Url;

use super::definition::Exposure;

/// Stands for what must not be seen.
pub(crate) const MASK: &str = "***";

/// What a fault quotes at most, in characters.
const LONGEST_QUOTE: usize = 120;

/// Parameters of connection URLs that help when they are shown, with the values that can't be anything else than that.
const HARMLESS_PARAMETERS: [(&str, &[&str]); 2] =
    [("sslmode", &["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]), ("tls", &["required"])];

/// The value as `config show` prints it.
pub(crate) fn shown(exposure: Exposure, value: &str) -> String {
    match exposure {
        Exposure::Secret => MASK.to_owned(),
        Exposure::CredentialUrl => connection_url(value),
        Exposure::Public => value.split(',').map(public_item).collect::<Vec<_>>().join(","),
    }
}

/// The value as a fault quotes it: masked, on one line, not too long.
pub(crate) fn quoted(exposure: Exposure, value: &str) -> String {
    let shown = shown(exposure, value);
    if shown == MASK {
        return shown;
    }
    match shown.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{:?}…", &shown[..end]),
        None => format!("{shown:?}"),
    }
}

/// The text with its control characters written out, so that it can't forge other lines or steer a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// A connection URL without its password. Whatever can't be taken apart with certainty is masked as a whole, since a
/// mistyped URL may have its password anywhere (`#` and `/` in a password end the host part early).
fn connection_url(value: &str) -> String {
    let is_socket = value.strip_prefix("unix:///").is_some_and(|path| !path.contains(['?', '#', '@', ':']));
    if is_socket || value.starts_with("sqlite:") && !value.contains('@') {
        return value.to_owned();
    }
    match Url::parse(value) {
        Ok(url) if url.has_host() && url.fragment().is_none() && !url.path().contains('@') => {
            without_password(url).map_or_else(|| MASK.to_owned(), with_harmless_parameters)
        }
        _ => MASK.to_owned(),
    }
}

fn with_harmless_parameters(mut url: Url) -> String {
    if url.query().is_some() {
        let pairs: Vec<String> = url.query_pairs().map(|(key, value)| parameter(&key, &value)).collect();
        url.set_query(Some(&pairs.join("&")));
    }
    url.into()
}

fn parameter(key: &str, value: &str) -> String {
    let harmless = HARMLESS_PARAMETERS.iter().any(|(name, values)| *name == key && values.contains(&value));
    if harmless { format!("{key}={value}") } else { MASK.to_owned() }
}

/// One item of a public list: public settings hold no secret by design, but a URL may be pasted with its password.
fn public_item(item: &str) -> String {
    if !item.contains("://") || !item.contains('@') {
        return item.to_owned();
    }
    match Url::parse(item.trim()) {
        Ok(url) if url.username().is_empty() && url.password().is_none() => item.to_owned(),
        Ok(url) => without_password(url).map_or_else(|| MASK.to_owned(), String::from),
        Err(_) => MASK.to_owned(),
    }
}

/// `None` when the password can't be taken out.
fn without_password(mut url: Url) -> Option<Url> {
    if url.password().is_some() {
        url.set_password(Some(MASK)).ok()?;
    }
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_whole() {
        assert_eq!(shown(Exposure::Secret, "canary"), MASK);
        assert_eq!(quoted(Exposure::Secret, "canary"), MASK);
    }

    #[test]
    fn connection_urls_lose_the_password_and_keep_what_helps() {
        for (value, expected) in [
            (
                "postgres://ada:canary@db.example/auth?sslmode=require",
                "postgres://ada:***@db.example/auth?sslmode=require",
            ),
            ("redis://:canary@localhost:6379/0", "redis://:***@localhost:6379/0"),
            ("unix:///run/redis.sock", "unix:///run/redis.sock"),
            ("unix:///run/redis.sock?user=ada&pass=canary", MASK),
            ("unix:///ada:canary/redis.sock", MASK),
            ("smtps://ada@mail.example", "smtps://ada@mail.example"),
            ("postgres://db/auth?user=ada&password=canary", "postgres://db/auth?***&***"),
            ("postgres://db/auth?sslmode=a@canary", "postgres://db/auth?***"),
            ("sqlite://data/auth.db", "sqlite://data/auth.db"),
            ("sqlite::memory:", "sqlite::memory:"),
        ] {
            assert_eq!(shown(Exposure::CredentialUrl, value), expected, "{value}");
        }
    }

    #[test]
    fn connection_urls_that_are_mistyped_are_masked_whole() {
        for value in [
            "postgres://ada:can#ary@db/auth",
            "postgres://ada:12#canary@db/auth",
            "postgres://ada:12/canary@db/auth",
            "postgres:ada:canary@db/auth",
            "host=db password=canary",
            "canary",
            "",
        ] {
            assert_eq!(shown(Exposure::CredentialUrl, value), MASK, "{value}");
        }
        assert!(!shown(Exposure::CredentialUrl, "postgres://ada:12?canary@db/auth").contains("canary"));
    }

    #[test]
    fn a_password_in_a_public_url_is_masked_too() {
        assert_eq!(shown(Exposure::Public, "https://ada:canary@app.example/"), "https://ada:***@app.example/");
        assert_eq!(shown(Exposure::Public, "https://ada:can/ary@"), MASK);
        assert_eq!(shown(Exposure::Public, "http://localhost:9000/users/@me"), "http://localhost:9000/users/@me");
    }

    #[test]
    fn a_quote_is_one_short_line() {
        assert_eq!(quoted(Exposure::Public, "a\nb"), "\"a\\nb\"");
        assert!(quoted(Exposure::Public, &"ä".repeat(500)).chars().count() < 130);
    }
}
