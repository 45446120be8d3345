//! The providers of a service, by name.

use std::sync::Arc;

use auth_core::{BreakerConfig, Clock};
use secrecy::SecretString;
use url::Url;

use crate::provider::Provider;

/// Where providers may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkPolicy {
    /// On the internet, by https alone: names that lead to private, loopback or link-local addresses are refused.
    Public,
    /// Anywhere, by http too: for development and tests.
    Any,
}

/// What a provider knows your app by.
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    /// Client id.
    pub client_id: String,
    /// Client secret; `None` for a public client.
    pub client_secret: Option<SecretString>,
}

/// Where a plain OAuth provider is called.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// Where browsers are sent.
    pub authorize_url: Url,
    /// Where the code is exchanged.
    pub token_url: Url,
    /// Where the user is read.
    pub userinfo_url: Url,
}

/// An OpenID Connect issuer.
#[derive(Clone, Debug)]
pub struct OidcIssuer {
    /// Its name in paths: `[a-z][a-z0-9_]{0,31}`.
    pub name: String,
    /// What people see.
    pub display_name: String,
    /// The issuer, byte by byte as in its tokens.
    pub issuer: String,
    /// What it knows your app by.
    pub client: ClientCredentials,
    /// Scopes to ask for, `openid` among them.
    pub scopes: Vec<String>,
}

/// Why a provider can't be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidProvider {
    /// Two of one name, or a name that isn't `[a-z][a-z0-9_]{0,31}`.
    #[error("`{0}` can't be a provider's name")]
    Name(String),
    /// A URL that the network policy refuses.
    #[error("the URL of `{0}` is refused: https is needed outside development")]
    Url(String),
    /// No TLS, for instance because the system has no certificates to trust.
    #[error("the HTTP client can't be set up")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The providers of a service. The built-in ones are always there, configured or not. A cheap handle.
#[derive(Clone, Debug)]
pub struct Providers(Arc<[Provider]>);

impl Providers {
    /// Begins with the built-in providers, none of them configured.
    pub fn builder(_network: NetworkPolicy, _breaker: BreakerConfig, _clock: Arc<dyn Clock>) -> ProvidersBuilder {
        ProvidersBuilder {}
    }

    /// The provider of a name, configured or not.
    pub fn find(&self, name: &str) -> Option<&Provider> {
        self.0.iter().find(|provider| provider.name() == name)
    }

    /// Those that people can sign in by.
    pub fn configured(&self) -> impl Iterator<Item = &Provider> {
        self.0.iter().filter(|provider| provider.is_configured())
    }
}

/// Makes [`Providers`].
#[derive(Debug)]
pub struct ProvidersBuilder {}

impl ProvidersBuilder {
    /// Configures Google; without `endpoints`, where it is on the internet.
    #[must_use]
    pub fn google(self, _client: ClientCredentials, _endpoints: Option<Endpoints>) -> Self {
        self
    }

    /// Configures Discord.
    #[must_use]
    pub fn discord(self, _client: ClientCredentials, _endpoints: Option<Endpoints>) -> Self {
        self
    }

    /// Configures GitHub.
    #[must_use]
    pub fn github(self, _client: ClientCredentials, _endpoints: Option<Endpoints>) -> Self {
        self
    }

    /// Adds an OpenID Connect issuer.
    #[must_use]
    pub fn openid_connect(self, _issuer: OidcIssuer) -> Self {
        self
    }

    /// The providers. Nothing is called yet.
    ///
    /// # Errors
    ///
    /// [`InvalidProvider`].
    pub fn build(self) -> Result<Providers, InvalidProvider> {
        Ok(Providers(Arc::new([])))
    }
}
