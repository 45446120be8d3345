//! Who signs in elsewhere, and what their browser brings back.

use auth_service::{OAuthCallback, OAuthStarted};
use identity_provider::people;
use serde_json::{Value, json};
use url::Url;

use super::{CORP, DISCORD, parameter};

/// Somebody at a provider, as the provider tells of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Person<'a> {
    pub(crate) provider: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) email: Option<&'a str>,
    /// What the provider says of the address.
    pub(crate) verified: Verified<'a>,
}

/// Whether an address is verified.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verified<'a> {
    Yes,
    No,
    Untold,
    /// As this text of JSON.
    Told(&'a str),
}

impl<'a> Person<'a> {
    /// Whose address the provider has verified.
    pub(crate) const fn at(provider: &'a str, subject: &'a str, email: &'a str) -> Self {
        Self { provider, subject, email: Some(email), verified: Verified::Yes }
    }

    /// Of whom no address is told.
    pub(crate) const fn nameless(provider: &'a str, subject: &'a str) -> Self {
        Self { provider, subject, email: None, verified: Verified::Untold }
    }

    pub(crate) const fn unverified(self) -> Self {
        Self { verified: Verified::No, ..self }
    }

    pub(crate) const fn with_email(self, email: &'a str) -> Self {
        Self { email: Some(email), verified: Verified::Yes, ..self }
    }

    pub(super) fn json(&self) -> Value {
        let email = self.email.unwrap_or_default();
        let (mut user, flag) = match self.provider {
            DISCORD => (people::discord(self.subject, email), "verified"),
            CORP => (people::openid(self.subject, email), "email_verified"),
            _ => (people::google(self.subject, email), "email_verified"),
        };
        let claims = user.as_object_mut().unwrap();
        if self.email.is_none() {
            claims.remove("email");
        }
        match self.verified {
            Verified::Yes => claims.insert(flag.to_owned(), json!(true)),
            Verified::No => claims.insert(flag.to_owned(), json!(false)),
            Verified::Untold => claims.remove(flag),
            Verified::Told(text) => claims.insert(flag.to_owned(), serde_json::from_str(text).unwrap()),
        };
        user
    }
}

/// What a browser comes back from a provider with.
#[derive(Clone)]
pub(crate) struct Return {
    pub(crate) provider: String,
    pub(crate) state: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) iss: Option<String>,
    pub(crate) binding: Option<String>,
}

impl Return {
    pub(super) fn of(provider: &str, started: &OAuthStarted, url: &Url) -> Self {
        let [state, code, error, iss] = ["state", "code", "error", "iss"].map(|name| parameter(url, name));
        let binding = Some(started.binding.expose().to_owned());
        Self { provider: provider.to_owned(), state, code, error, iss, binding }
    }

    pub(crate) fn callback(&self) -> OAuthCallback<'_> {
        OAuthCallback {
            provider: &self.provider,
            state: self.state.as_deref(),
            code: self.code.as_deref(),
            error: self.error.as_deref(),
            iss: self.iss.as_deref(),
            binding: self.binding.as_deref(),
        }
    }
}
