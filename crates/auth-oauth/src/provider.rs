//! A provider, whatever protocol it speaks.

use std::fmt;
use std::sync::Arc;

use auth_core::BreakerState;
use url::Url;

use crate::error::OAuthError;
use crate::flow::{AuthorizationResponse, Flow};
use crate::http::ProviderHttp;
use crate::oidc::OidcProvider;
use crate::plain::PlainProvider;
use crate::user_info::OAuthUserInfo;

/// A provider that people can sign in by, or one that is built in and not configured. A cheap handle.
#[derive(Clone)]
pub struct Provider(Arc<Inner>);

struct Inner {
    name: String,
    display_name: String,
    issuer: String,
    client: Option<(Protocol, Arc<ProviderHttp>)>,
}

/// What a configured provider speaks.
pub(crate) enum Protocol {
    Plain(PlainProvider),
    Oidc(OidcProvider),
}

impl Provider {
    /// A provider without a client id.
    pub(crate) fn not_configured(name: &str, display_name: &str) -> Self {
        let (name, display_name) = (name.to_owned(), display_name.to_owned());
        Self(Arc::new(Inner { issuer: name.clone(), name, display_name, client: None }))
    }

    pub(crate) fn plain(provider: PlainProvider, http: Arc<ProviderHttp>) -> Self {
        let (name, display_name) = (provider.name().to_owned(), provider.display_name().to_owned());
        let client = Some((Protocol::Plain(provider), http));
        Self(Arc::new(Inner { issuer: name.clone(), name, display_name, client }))
    }

    pub(crate) fn oidc(
        [name, display_name, issuer]: [String; 3],
        provider: OidcProvider,
        http: Arc<ProviderHttp>,
    ) -> Self {
        Self(Arc::new(Inner { name, display_name, issuer, client: Some((Protocol::Oidc(provider), http)) }))
    }

    /// Its name in paths: `[a-z][a-z0-9_]{0,31}`.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What people see.
    pub fn display_name(&self) -> &str {
        &self.0.display_name
    }

    /// What a subject is unique within: the issuer of an OpenID provider, the name of any other. With the subject it is
    /// the identity; the address never is.
    pub fn identity_issuer(&self) -> &str {
        &self.0.issuer
    }

    /// Whether it has a client id here.
    pub fn is_configured(&self) -> bool {
        self.0.client.is_some()
    }

    /// Whether calls reach it.
    pub fn breaker_state(&self) -> BreakerState {
        self.0.client.as_ref().map_or(BreakerState::Closed, |(_, http)| http.breaker_state())
    }

    /// Where to send the browser: code flow with PKCE S256, `state` and, for OpenID Connect, the nonce.
    ///
    /// # Errors
    ///
    /// [`OAuthError`]; for a plain OAuth provider [`OAuthError::NotConfigured`] alone.
    pub async fn authorization_url(&self, flow: &Flow, state: &str) -> Result<Url, OAuthError> {
        match self.protocol()? {
            Protocol::Plain(provider) => Ok(provider.authorization_url(flow, state)),
            Protocol::Oidc(provider) => provider.authorization_url(flow, state).await,
        }
    }

    /// Who came back: exchanges the code and reads the user. Takes 10 s at most, unless [`Timeouts`](crate::Timeouts)
    /// say otherwise. The code is used up by it, whatever comes out.
    ///
    /// # Errors
    ///
    /// [`OAuthError`].
    pub async fn exchange(
        &self,
        flow: &Flow,
        response: AuthorizationResponse<'_>,
    ) -> Result<OAuthUserInfo, OAuthError> {
        match self.protocol()? {
            Protocol::Plain(provider) => provider.exchange(flow, response).await,
            Protocol::Oidc(provider) => provider.exchange(flow, response).await,
        }
    }

    fn protocol(&self) -> Result<&Protocol, OAuthError> {
        self.0.client.as_ref().map(|(protocol, _)| protocol).ok_or(OAuthError::NotConfigured)
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("name", &self.0.name)
            .field("issuer", &self.0.issuer)
            .field("is_configured", &self.is_configured())
            .finish_non_exhaustive()
    }
}
