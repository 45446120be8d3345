//! Codes and access tokens that were given out, and what they are bound to.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::http::random_text;

/// What a user has approved.
#[derive(Clone)]
pub(crate) struct Grant {
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) challenge: String,
    pub(crate) nonce: Option<String>,
    pub(crate) scope: String,
    pub(crate) user: Value,
    pub(crate) emails: Value,
}

impl Grant {
    /// Whether it is one of OpenID Connect (Core, section 3.1.2.1).
    pub(crate) fn is_openid(&self) -> bool {
        self.scope.split(' ').any(|scope| scope == "openid")
    }
}

/// A code is kept after its use, so that a second one can be told (RFC 6749, section 4.1.2).
struct Code {
    grant: Grant,
    /// The access token that it was exchanged for.
    used_for: Option<String>,
}

#[derive(Default)]
pub(crate) struct Grants {
    codes: BTreeMap<String, Code>,
    access_tokens: BTreeMap<String, Grant>,
    /// Everything that only the client may know.
    secrets: Vec<String>,
}

impl Grants {
    pub(crate) fn new_code(&mut self, grant: Grant) -> String {
        let code = self.secret("code");
        self.codes.insert(code.clone(), Code { grant, used_for: None });
        code
    }

    /// What a code stands for that nobody has used. A used one ends the access token that it was exchanged for.
    pub(crate) fn unused(&mut self, code: &str) -> Option<Grant> {
        let code = self.codes.get(code)?;
        if let Some(access_token) = &code.used_for {
            self.access_tokens.remove(access_token);
            return None;
        }
        Some(code.grant.clone())
    }

    /// Uses a code up: the access token.
    pub(crate) fn redeem(&mut self, code: &str, grant: &Grant) -> String {
        let access_token = self.secret("access");
        self.access_tokens.insert(access_token.clone(), grant.clone());
        if let Some(code) = self.codes.get_mut(code) {
            code.used_for = Some(access_token.clone());
        }
        access_token
    }

    pub(crate) fn by_access_token(&self, access_token: &str) -> Option<&Grant> {
        self.access_tokens.get(access_token)
    }

    pub(crate) fn secret(&mut self, kind: &str) -> String {
        let secret = format!("{kind}-{}", random_text());
        self.keep_secret(&secret);
        secret
    }

    pub(crate) fn keep_secret(&mut self, secret: &str) {
        self.secrets.push(secret.to_owned());
    }

    pub(crate) fn secrets(&self) -> Vec<String> {
        self.secrets.clone()
    }
}
