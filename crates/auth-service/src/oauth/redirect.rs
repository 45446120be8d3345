//! Where a flow ends in the app, and what is appended to that address: never a token.

use auth_core::{ErrorCode, FieldError};
use serde::{Deserialize, Serialize};
use url::Url;

use super::error::OAuthFlowError;
use super::start::OAuthStart;
use crate::service::Inner;

/// The longest page address that is taken, in bytes, as it is written in the end.
const MAX_REDIRECT: usize = 2048;
/// The longest `app_state` that is given back, in characters.
const MAX_APP_STATE: usize = 512;
/// A SHA-256 in base64url (RFC 7636, section 4.2), in characters.
const CHALLENGE_LENGTH: usize = 43;
/// What is appended, and so must not be there before.
const OURS: [&str; 4] = ["code", "error", "app_state", "linked"];

/// A page of the app, checked.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Redirect {
    to: Url,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_state: Option<String>,
    /// What the code is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code_challenge: Option<String>,
}

impl Redirect {
    /// The page with a code to be exchanged.
    pub(super) fn with_code(&self, code: &str) -> Url {
        self.with("code", code)
    }

    /// The page with what went wrong.
    pub(super) fn with_error(&self, error: ErrorCode) -> Url {
        self.with("error", error.as_str())
    }

    /// The page with the name of the provider that is linked now.
    pub(super) fn with_linked(&self, provider: &str) -> Url {
        self.with("linked", provider)
    }

    fn with(&self, name: &str, value: &str) -> Url {
        let mut url = self.to.clone();
        url.query_pairs_mut().append_pair(name, value);
        if let Some(app_state) = &self.app_state {
            url.query_pairs_mut().append_pair("app_state", app_state);
        }
        url
    }
}

impl Inner {
    /// Where `start` should end; none: at the server's own answer.
    pub(super) fn redirect(&self, start: OAuthStart<'_>) -> Result<Option<Redirect>, OAuthFlowError> {
        let to = start.redirect_to.map(|text| self.allowed_redirect(text).ok_or(OAuthFlowError::RedirectNotAllowed));
        let to = to.transpose()?;
        // Also without a page: a start that is wrong is refused, not half read.
        let mut errors = Vec::new();
        if start.code_challenge.is_some_and(|challenge| !is_challenge(challenge)) {
            let message = "an S256 code challenge: 43 characters of base64url";
            errors.push(FieldError::new("code_challenge", "invalid_code_challenge", message));
        }
        if start.app_state.is_some_and(|state| !is_app_state(state)) {
            let message = format!("at most {MAX_APP_STATE} printable characters of ASCII");
            errors.push(FieldError::new("app_state", "invalid_app_state", message));
        }
        if !errors.is_empty() {
            return Err(OAuthFlowError::Invalid(errors));
        }
        let (app_state, code_challenge) = (start.app_state.map(str::to_owned), start.code_challenge.map(str::to_owned));
        Ok(to.map(|to| Redirect { to, app_state, code_challenge }))
    }

    /// A page of an origin that the operator has listed. Browsers read addresses leniently: what they might read
    /// differently than the library is refused.
    fn allowed_redirect(&self, text: &str) -> Option<Url> {
        let is_plain = text.len() <= MAX_REDIRECT && !text.contains(|c: char| c == '\\' || c <= ' ' || c == '\u{7f}');
        let url = Url::parse(text).ok().filter(|url| is_plain && url.as_str().len() <= MAX_REDIRECT)?;
        let has_authority = text.get(url.scheme().len()..).is_some_and(|rest| rest.starts_with("://"));
        let has_user = !url.username().is_empty() || url.password().is_some();
        let has_ours = url.query_pairs().any(|(name, _)| OURS.contains(&&*name));
        if !has_authority || has_user || has_ours || url.fragment().is_some() {
            return None;
        }
        self.config.redirect_origins.contains(&url.origin()).then_some(url)
    }
}

/// What a `state` may be made of (RFC 6749, appendix A.5).
fn is_app_state(text: &str) -> bool {
    text.len() <= MAX_APP_STATE && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

fn is_challenge(text: &str) -> bool {
    text.len() == CHALLENGE_LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}
