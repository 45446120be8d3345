//! Names and short texts.

use crate::settings::fault::Parsed;

/// First path segments under `/auth`, and providers that are built in: none of them can name an issuer.
const TAKEN_NAMES: [&str; 18] = [
    "register",
    "login",
    "challenge",
    "refresh",
    "logout",
    "logout-all",
    "password",
    "secure-account",
    "email",
    "reauth",
    "providers",
    "oauth",
    "link",
    "verify",
    "callback",
    "google",
    "discord",
    "github",
];

/// What an issuer is called in paths and variables.
pub(crate) fn issuer_name(text: &str) -> Parsed<String> {
    if TAKEN_NAMES.contains(&text) {
        return Err(format!("choose another name than `{text}`, which is a path or a provider of the server").into());
    }
    let shape = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.len() <= 32
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if shape {
        return Ok(text.to_owned());
    }
    Err("write names of 1 to 32 characters: a lower-case letter, then lower-case letters, digits and `_`".into())
}

/// A PostgreSQL schema that needs no quotes and is not the system's.
pub(crate) fn schema_name(text: &str) -> Parsed<String> {
    let shape = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text.len() <= 63
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if shape && !text.starts_with("pg_") && text != "information_schema" {
        return Ok(text.to_owned());
    }
    Err("write 1 to 63 lower-case letters, digits and `_`, no digit first, and no name of PostgreSQL's own (`pg_…`)"
        .into())
}

/// What stands before keys in Redis.
pub(crate) fn key_prefix(text: &str) -> Parsed<String> {
    let shape = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if shape { Ok(text.to_owned()) } else { Err("write 1 to 64 printable ASCII characters without white space".into()) }
}

/// An issuer, an audience or a client's id: compared byte by byte, so nothing in it may be invisible.
pub(crate) fn token_name(text: &str) -> Parsed<String> {
    let shape = (1..=255).contains(&text.len()) && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    if shape { Ok(text.to_owned()) } else { Err("write 1 to 255 bytes without white space".into()) }
}

/// A text of up to 64 characters for people to read, on one line.
pub(crate) fn one_line(text: &str) -> Parsed<String> {
    let shape = (1..=64).contains(&text.chars().count()) && text.trim() == text && !text.contains(char::is_control);
    let shape = shape && !text.is_empty();
    if shape {
        Ok(text.to_owned())
    } else {
        Err("write 1 to 64 characters without control characters or blanks at the ends".into())
    }
}

/// OAuth scopes (RFC 6749, section 3.3), separated by commas or blanks; OpenID Connect needs `openid` among them.
pub(crate) fn scopes(text: &str) -> Parsed<Vec<String>> {
    let scopes: Vec<String> = text.split([',', ' ']).filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
    let plain = |scope: &String| scope.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'));
    if scopes.iter().all(plain) && scopes.iter().any(|scope| scope == "openid") {
        return Ok(scopes);
    }
    Err("write scopes separated by commas, `openid` among them: `openid,email,profile`".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::value::assert_refuses;

    #[test]
    fn issuers_can_t_take_a_path_or_a_provider() {
        assert!(issuer_name("corp_2").is_ok());
        assert!(issuer_name(&"a".repeat(32)).is_ok());
        assert_refuses(issuer_name, &TAKEN_NAMES);
        assert_refuses(issuer_name, &["", "Corp", "2corp", "_corp", "cor-p", "corp ", "корп", &"a".repeat(33)]);
    }

    #[test]
    fn schemas_need_no_quotes() {
        assert!(schema_name("_auth2").is_ok());
        assert!(schema_name(&"a".repeat(63)).is_ok());
        assert_refuses(
            schema_name,
            &["", "Auth", "2a", "a-b", "a.b", "a\"b", "pg_auth", "information_schema", &"a".repeat(64)],
        );
    }

    #[test]
    fn prefixes_and_names_have_no_white_space() {
        assert!(key_prefix("auth:").is_ok());
        assert_refuses(key_prefix, &["", "a b", "ä", &"a".repeat(65)]);
        assert!(token_name("https://auth.example.com").is_ok());
        assert_refuses(token_name, &["", "a b", "a\n", &"a".repeat(256)]);
    }

    #[test]
    fn a_product_s_name_is_one_short_line() {
        assert!(one_line("Müller & Söhne").is_ok());
        assert!(one_line(&"ä".repeat(64)).is_ok());
        assert_refuses(one_line, &["", " ", "a\nb", "a\u{7f}", " a", &"ä".repeat(65)]);
    }

    #[test]
    fn scopes_hold_openid() {
        assert_eq!(scopes("openid,email profile").unwrap(), ["openid", "email", "profile"]);
        assert_refuses(scopes, &["", "email", "openid,\"x\"", "openid,ä"]);
    }
}
