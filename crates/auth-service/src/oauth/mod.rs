//! Sign-in with other providers (RFC 6749, section 4.1; OpenID Connect Core, section 3.1), and linking their accounts.
//!
//! A flow is kept for ten minutes under the keyed hash of its `state`, with the provider, what it is for, and the keyed
//! hash of a secret that only the browser that began it has. What comes back has to fit all of it; whatever is missing
//! doesn't. An identity is an issuer and a subject, never an address.

mod account;
mod callback;
mod error;
mod exchange;
mod federation;
mod link;
mod redirect;
mod sign_in;
mod start;

use auth_core::Timestamp;
use auth_oauth::Provider;
use auth_persistence::oauth_account::OAuthAccount;
use serde::Serialize;
use url::Url;

pub use self::callback::{OAuthCallback, OAuthOutcome};
pub use self::error::OAuthFlowError;
pub(crate) use self::federation::Federation;
pub use self::start::{OAuthStart, OAuthStarted, oauth_flow_id};
use crate::service::{AuthService, Inner};

/// How a sign-in with another provider appears in `amr`. RFC 8176 has no name for it; this is the one in common use.
pub(crate) const FEDERATED: &str = "fed";

/// A provider that people can sign in with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OAuthProviderInfo {
    /// Its name in paths.
    pub name: String,
    /// What people see.
    pub display_name: String,
}

/// An account at another provider that its owner can sign in with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LinkedAccount {
    /// The provider's name in paths.
    pub provider: String,
    /// The address there, as the provider told it last; it proves nothing.
    pub email: Option<String>,
    /// The name there.
    pub display_name: Option<String>,
    /// The picture there.
    pub avatar_url: Option<String>,
    /// Since when it is linked.
    pub linked_at: Timestamp,
}

impl From<OAuthAccount> for LinkedAccount {
    fn from(row: OAuthAccount) -> Self {
        Self {
            provider: row.provider,
            email: row.email.map(auth_persistence::Hidden::into_inner),
            display_name: row.display_name.map(auth_persistence::Hidden::into_inner),
            avatar_url: row.avatar_url.map(auth_persistence::Hidden::into_inner),
            linked_at: row.linked_at,
        }
    }
}

impl AuthService {
    /// The providers that people can sign in with.
    pub fn oauth_providers(&self) -> Vec<OAuthProviderInfo> {
        let info = |provider: &Provider| OAuthProviderInfo {
            name: provider.name().to_owned(),
            display_name: provider.display_name().to_owned(),
        };
        self.inner().providers.configured().map(info).collect()
    }
}

impl Inner {
    /// The provider `name`, if people can sign in with it.
    fn provider(&self, name: &str) -> Result<Provider, OAuthFlowError> {
        let provider = self.providers.find(name).ok_or(OAuthFlowError::ProviderUnknown)?;
        if provider.is_configured() { Ok(provider.clone()) } else { Err(OAuthFlowError::not_configured()) }
    }

    /// Below the base URL, whatever its path.
    fn callback_url(&self, path: &str) -> Url {
        let mut url = self.config.base_url.clone();
        url.set_path(&format!("{}{path}", self.config.base_url.path().trim_end_matches('/')));
        url.set_query(None);
        url.set_fragment(None);
        url
    }
}
