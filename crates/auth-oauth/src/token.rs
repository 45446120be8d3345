//! The code for a token (RFC 6749, sections 4.1.3, 4.1.4, 5.1 and 5.2).

use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::StatusCode;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;
use url::Url;
use url::form_urlencoded::Serializer;
use zeroize::Zeroizing;

use crate::error::OAuthError;
use crate::flow::Flow;
use crate::http::{Answer, CallError, Calls};
use crate::json;
use crate::providers::ClientCredentials;

/// The longest access token that is taken, in bytes.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Error codes that are named in our log: those of RFC 6749, section 5.2, and of GitHub.
const ERRORS: [&str; 10] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "bad_verification_code",
    "incorrect_client_credentials",
    "redirect_uri_mismatch",
    "unverified_user_email",
];

/// How a client shows its secret (OpenID Connect Core, section 9). One without a secret sends its id alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientAuthentication {
    /// `client_secret_post`.
    Post,
    /// `client_secret_basic`.
    Basic,
}

/// A code to be exchanged.
pub(crate) struct TokenRequest<'a> {
    pub(crate) url: &'a Url,
    pub(crate) client: &'a ClientCredentials,
    pub(crate) authentication: ClientAuthentication,
    pub(crate) flow: &'a Flow,
    pub(crate) code: &'a str,
}

/// What came for it.
pub(crate) struct TokenAnswer {
    pub(crate) access_token: SecretString,
    /// For OpenID Connect (Core, section 3.1.3.3).
    pub(crate) id_token: Option<SecretString>,
}

impl fmt::Debug for TokenAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenAnswer").finish_non_exhaustive()
    }
}

/// What an answer may hold. A member of another type, or one that stands twice, makes the whole unreadable.
#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    access_token: Option<SecretString>,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    id_token: Option<SecretString>,
    #[serde(default)]
    error: Option<Value>,
}

impl TokenRequest<'_> {
    /// Exchanges the code.
    pub(crate) async fn send(&self, calls: &Calls<'_>) -> Result<TokenAnswer, OAuthError> {
        let (form, basic) = self.form();
        let basic = basic.as_deref().map(String::as_str);
        calls.post_form(self.url, form, basic, read).await.map_err(|error| error.at("the token endpoint"))
    }

    /// The body, and what follows `Basic `.
    fn form(&self) -> (String, Option<Zeroizing<String>>) {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", self.code)
            .append_pair("redirect_uri", self.flow.redirect_uri().as_str())
            .append_pair("code_verifier", self.flow.code_verifier());
        let ClientCredentials { client_id, client_secret } = self.client;
        let basic = match (client_secret, self.authentication) {
            (Some(secret), ClientAuthentication::Basic) => Some(basic(client_id, secret)),
            (Some(secret), ClientAuthentication::Post) => {
                form.append_pair("client_id", client_id).append_pair("client_secret", secret.expose_secret());
                None
            }
            (None, _) => {
                form.append_pair("client_id", client_id);
                None
            }
        };
        (form.finish(), basic)
    }
}

/// Each part is encoded before the two are joined (RFC 6749, section 2.3.1).
fn basic(client_id: &str, secret: &SecretString) -> Zeroizing<String> {
    let pair = Zeroizing::new(format!("{}:{}", *encoded(client_id), *encoded(secret.expose_secret())));
    Zeroizing::new(BASE64.encode(pair.as_bytes()))
}

/// Everything but the unreserved characters of RFC 3986, section 2.3. Whoever decodes as the standard wants it finds
/// what was there, and a provider that forgets to decode finds it too, as long as it has nothing but those. The encoding
/// of forms would do for the first alone: it also replaces `~`, which each secret of Entra has.
fn encoded(text: &str) -> Zeroizing<String> {
    // Room for all of it, so that no copy stays behind where it grows.
    let mut encoded = Zeroizing::new(String::with_capacity(3 * text.len()));
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Reads an answer. GitHub refuses with a 200, so an error counts whatever the status.
fn read(answer: &Answer) -> Result<TokenAnswer, CallError> {
    let is_ok = answer.status == StatusCode::OK;
    let unreadable = if is_ok { CallError::Malformed } else { CallError::Status(answer.status.as_u16()) };
    let body: Body = json::object(&answer.body).map_err(|_| unreadable)?;
    if let Some(error) = &body.error {
        return Err(CallError::Refused(known_error(error)));
    }
    if !is_ok {
        return Err(unreadable);
    }
    // Required (RFC 6749, section 5.1); a client that doesn't know the type must not use the token (section 7.1).
    let is_bearer = body.token_type.is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
    let is_token = |token: &SecretString| (1..=MAX_TOKEN_BYTES).contains(&token.expose_secret().len());
    match body.access_token.filter(is_token) {
        Some(access_token) if is_bearer => Ok(TokenAnswer { access_token, id_token: body.id_token }),
        Some(_) | None => Err(CallError::Malformed),
    }
}

/// The code as we spell it: what the provider wrote is quoted nowhere.
fn known_error(error: &Value) -> &'static str {
    ERRORS.into_iter().find(|known| error.as_str() == Some(known)).unwrap_or("another error")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: impl AsRef<[u8]>) -> Answer {
        let status = StatusCode::from_u16(status).unwrap();
        Answer { status, content_type: None, body: Zeroizing::new(body.as_ref().to_vec()) }
    }

    fn read_text(status: u16, body: &str) -> Result<TokenAnswer, CallError> {
        read(&answer(status, body))
    }

    #[test]
    fn a_good_answer_is_read() {
        let token = read_text(200, r#"{"access_token":"at","token_type":"bEaReR","scope":[],"id_token":"it","x":{}}"#);
        let token = token.unwrap();
        assert_eq!(token.access_token.expose_secret(), "at");
        assert_eq!(token.id_token.unwrap().expose_secret(), "it");
    }

    /// O-22.
    #[test]
    fn an_answer_that_is_none_is_unreadable() {
        let too_long = format!(r#"{{"access_token":"{}","token_type":"bearer"}}"#, "t".repeat(MAX_TOKEN_BYTES + 1));
        for body in [
            "",
            "<html></html>",
            "null",
            "{}",
            r#"["at","bearer"]"#,
            r#"{"access_token":"at"}"#,
            r#"{"access_token":"at","token_type":null}"#,
            r#"{"access_token":"at","token_type":"mac"}"#,
            r#"{"access_token":"at","token_type":["bearer"]}"#,
            r#"{"token_type":"bearer"}"#,
            r#"{"access_token":"","token_type":"bearer"}"#,
            r#"{"access_token":null,"token_type":"bearer"}"#,
            r#"{"access_token":1,"token_type":"bearer"}"#,
            r#"{"access_token":{"a":1},"token_type":"bearer"}"#,
            r#"{"access_token":"at","token_type":"bearer","id_token":1}"#,
            r#"{"access_token":"at","access_token":"at","token_type":"bearer"}"#,
            r#"{"access_token":"at","token_type":"bearer"}{}"#,
            "access_token=at&token_type=bearer",
            &too_long,
        ] {
            assert_eq!(read_text(200, body).unwrap_err(), CallError::Malformed, "{body:.60}");
        }
        assert_eq!(read(&answer(200, b"{\"access_token\":\"\xff\"}")).unwrap_err(), CallError::Malformed);
    }

    /// O-22, and O-24: an error is named in our words, with any status.
    #[test]
    fn a_refusal_is_named_if_it_is_known() {
        for (status, body, name) in [
            (200, r#"{"error":"bad_verification_code","error_description":"no"}"#, "bad_verification_code"),
            (400, r#"{"error":"invalid_grant"}"#, "invalid_grant"),
            (401, r#"{"error":"invalid_client"}"#, "invalid_client"),
            (200, r#"{"error":"invalid_grant","access_token":"at","token_type":"bearer"}"#, "invalid_grant"),
            (400, r#"{"error":"<script>"}"#, "another error"),
            (400, r#"{"error":""}"#, "another error"),
            (400, r#"{"error":{"code":1}}"#, "another error"),
        ] {
            assert_eq!(read_text(status, body).unwrap_err(), CallError::Refused(name), "{body}");
        }
        for body in ["", "<html>", r#"{"access_token":"at","token_type":"bearer"}"#] {
            assert_eq!(read_text(403, body).unwrap_err(), CallError::Status(403), "{body}");
        }
    }

    /// RFC 6749, section 2.3.1: a colon or a blank in either part changes nothing.
    #[test]
    fn credentials_are_encoded_before_they_are_joined() {
        let basic = basic("a:b", &SecretString::from("c d+ä%*"));
        assert_eq!(BASE64.decode(basic.as_str()).unwrap(), b"a%3Ab:c%20d%2B%C3%A4%25%2A");
    }

    /// Whether a provider decodes them or forgets to, they are the same.
    #[test]
    fn a_secret_of_unreserved_characters_is_sent_as_it_is() {
        let basic = basic("6f1d-client", &SecretString::from("Xy8Q~aB.c_D-0"));
        assert_eq!(BASE64.decode(basic.as_str()).unwrap(), b"6f1d-client:Xy8Q~aB.c_D-0");
    }
}
