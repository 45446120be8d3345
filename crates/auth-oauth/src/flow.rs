//! One flow, from the start to the callback (RFC 6749, section 4.1, with PKCE, RFC 7636).

use std::fmt;

use auth_core::Random;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::{Deserialize, Serialize};
use url::Url;

/// What has to be remembered between the start of a flow and its callback, beside the `state` that finds it again. Keep
/// it on the server: whoever has it can finish somebody else's flow.
#[derive(Clone, Serialize, Deserialize)]
pub struct Flow {
    redirect_uri: Url,
    nonce: String,
    code_verifier: String,
}

impl Flow {
    /// A new flow that comes back to `redirect_uri`: nonce and code verifier have 256 bits each.
    pub fn begin(redirect_uri: Url, random: &dyn Random) -> Self {
        Self { redirect_uri, nonce: random_text(random), code_verifier: random_text(random) }
    }

    /// A `state` for a flow, of 256 bits, if you have no better one: keep its hash and compare what comes back.
    pub fn new_state(random: &dyn Random) -> String {
        random_text(random)
    }

    /// Where the provider sends the browser back to.
    pub fn redirect_uri(&self) -> &Url {
        &self.redirect_uri
    }

    /// What an `id_token` has to carry (OpenID Connect Core, section 3.1.2.1).
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// What only the one who began the flow knows (RFC 7636, section 4.1).
    pub fn code_verifier(&self) -> &str {
        &self.code_verifier
    }
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow").field("redirect_uri", &self.redirect_uri.as_str()).finish_non_exhaustive()
    }
}

fn random_text(random: &dyn Random) -> String {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    BASE64URL.encode(bytes)
}

/// What a browser brings back from a provider, once its `state` has been checked.
#[derive(Clone, Copy)]
pub struct AuthorizationResponse<'a> {
    /// The authorization code.
    pub code: &'a str,
    /// The issuer, where the provider names itself (RFC 9207).
    pub iss: Option<&'a str>,
}

impl fmt::Debug for AuthorizationResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationResponse").field("iss", &self.iss).finish_non_exhaustive()
    }
}
