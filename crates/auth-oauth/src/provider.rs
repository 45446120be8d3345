//! A provider, whatever protocol it speaks.

use auth_core::BreakerState;
use url::Url;

use crate::error::OAuthError;
use crate::flow::{AuthorizationResponse, Flow};
use crate::user_info::OAuthUserInfo;

/// A provider that people can sign in by, or one that is built in and not configured. A cheap handle.
#[derive(Clone, Debug)]
pub struct Provider {
    name: String,
    display_name: String,
    issuer: String,
}

impl Provider {
    /// Its name in paths: `[a-z][a-z0-9_]{0,31}`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What people see.
    pub fn display_name(&self) -> &str {
        &self.display_name
    }

    /// What a subject is unique within: the issuer of an OpenID provider, the name of any other. With the subject it is
    /// the identity; the address never is.
    pub fn identity_issuer(&self) -> &str {
        &self.issuer
    }

    /// Whether it has a client id here.
    pub fn is_configured(&self) -> bool {
        false
    }

    /// Whether calls reach it.
    pub fn breaker_state(&self) -> BreakerState {
        BreakerState::Closed
    }

    /// Where to send the browser: code flow with PKCE S256, `state` and, for OpenID Connect, the nonce.
    ///
    /// # Errors
    ///
    /// [`OAuthError`]; for a plain OAuth provider [`OAuthError::NotConfigured`] alone.
    pub async fn authorization_url(&self, _flow: &Flow, _state: &str) -> Result<Url, OAuthError> {
        Err(OAuthError::NotConfigured)
    }

    /// Who came back: exchanges the code and reads the user. Takes 10 s at most.
    ///
    /// # Errors
    ///
    /// [`OAuthError`].
    pub async fn exchange(
        &self,
        _flow: &Flow,
        _response: AuthorizationResponse<'_>,
    ) -> Result<OAuthUserInfo, OAuthError> {
        Err(OAuthError::NotConfigured)
    }
}
