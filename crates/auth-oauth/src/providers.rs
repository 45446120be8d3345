//! The providers of a service, by name.

use std::fmt;
use std::sync::Arc;

use auth_core::{BreakerConfig, Clock};
use secrecy::SecretString;
use url::Url;

use crate::discord::Discord;
use crate::github::GitHub;
use crate::google::Google;
use crate::http::{HttpConfig, ProviderHttp, Timeouts};
use crate::network::NetworkPolicy;
use crate::oidc::OidcProvider;
use crate::plain::{OAuth2Provider, PlainProvider};
use crate::provider::Provider;
use crate::refused_url::RefusedUrl;

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
    /// The issuer, byte by byte as in its tokens; at most 1024 bytes.
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
    /// A URL of the provider of this name: see [`NetworkPolicy::check`].
    #[error("a URL of `{0}` is refused: {1}")]
    Url(String, #[source] RefusedUrl),
    /// No TLS, for instance because the system has no certificates to trust.
    #[error("the HTTP client can't be set up")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The providers of a service. The built-in ones are always there, configured or not. A cheap handle.
#[derive(Clone, Debug)]
pub struct Providers(Arc<[Provider]>);

impl Providers {
    /// Begins with the built-in providers, none of them configured.
    pub fn builder(network: NetworkPolicy, breaker: BreakerConfig, clock: Arc<dyn Clock>) -> ProvidersBuilder {
        let timeouts = Timeouts::default();
        ProvidersBuilder {
            network,
            breaker,
            timeouts,
            clock,
            built_in: Vec::new(),
            plain: Vec::new(),
            oidc: Vec::new(),
        }
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

/// The built-in providers, none of them configured: nobody signs in by another provider.
impl Default for Providers {
    fn default() -> Self {
        Self(not_configured(&[]).into())
    }
}

/// The built-in providers that are not among `configured`.
fn not_configured(configured: &[Provider]) -> Vec<Provider> {
    let all = [Google.names(), Discord.names(), GitHub.names()];
    let missing = all.into_iter().filter(|(name, _)| configured.iter().all(|provider| provider.name() != *name));
    missing.map(|(name, display_name)| Provider::not_configured(name, display_name)).collect()
}

/// Makes [`Providers`].
pub struct ProvidersBuilder {
    network: NetworkPolicy,
    breaker: BreakerConfig,
    timeouts: Timeouts,
    clock: Arc<dyn Clock>,
    built_in: Vec<Plain>,
    plain: Vec<Plain>,
    oidc: Vec<OidcIssuer>,
}

/// A plain OAuth provider to be configured.
struct Plain {
    provider: Arc<dyn OAuth2Provider>,
    client: ClientCredentials,
    endpoints: Option<Endpoints>,
}

impl fmt::Debug for ProvidersBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvidersBuilder").field("network", &self.network).finish_non_exhaustive()
    }
}

impl ProvidersBuilder {
    /// Sets how long providers are waited for.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Configures Google; without `endpoints`, where it is on the internet.
    #[must_use]
    pub fn google(self, client: ClientCredentials, endpoints: Option<Endpoints>) -> Self {
        self.built_in(Google, client, endpoints)
    }

    /// Configures Discord.
    #[must_use]
    pub fn discord(self, client: ClientCredentials, endpoints: Option<Endpoints>) -> Self {
        self.built_in(Discord, client, endpoints)
    }

    /// Configures GitHub.
    #[must_use]
    pub fn github(self, client: ClientCredentials, endpoints: Option<Endpoints>) -> Self {
        self.built_in(GitHub, client, endpoints)
    }

    /// Adds a provider of your own that speaks plain OAuth 2.0.
    #[must_use]
    pub fn oauth2(
        mut self,
        provider: impl OAuth2Provider,
        client: ClientCredentials,
        endpoints: Option<Endpoints>,
    ) -> Self {
        self.plain.push(Plain { provider: Arc::new(provider), client, endpoints });
        self
    }

    /// Adds an OpenID Connect issuer.
    #[must_use]
    pub fn openid_connect(mut self, issuer: OidcIssuer) -> Self {
        self.oidc.push(issuer);
        self
    }

    fn built_in(
        mut self,
        provider: impl OAuth2Provider,
        client: ClientCredentials,
        endpoints: Option<Endpoints>,
    ) -> Self {
        self.built_in.push(Plain { provider: Arc::new(provider), client, endpoints });
        self
    }

    /// The providers. Nothing is called yet.
    ///
    /// # Errors
    ///
    /// [`InvalidProvider`]: names that are bad, stand twice or belong to a built-in provider, URLs that the network
    /// policy refuses, or no TLS.
    pub fn build(mut self) -> Result<Providers, InvalidProvider> {
        let mut providers = Vec::new();
        let (built_in, plain, oidc) =
            (std::mem::take(&mut self.built_in), std::mem::take(&mut self.plain), std::mem::take(&mut self.oidc));
        for configured in built_in {
            add(&mut providers, self.plain_provider(configured)?)?;
        }
        let missing = not_configured(&providers);
        providers.extend(missing);
        for configured in plain {
            add(&mut providers, self.plain_provider(configured)?)?;
        }
        for issuer in oidc {
            add(&mut providers, self.oidc_provider(issuer)?)?;
        }
        Ok(Providers(providers.into()))
    }

    fn plain_provider(&self, Plain { provider, client, endpoints }: Plain) -> Result<Provider, InvalidProvider> {
        let name = provider.names().0.to_owned();
        let refused = |reason| InvalidProvider::Url(name.clone(), reason);
        let endpoints = match endpoints {
            Some(endpoints) => endpoints,
            None => provider.endpoints().parse().map_err(|_| refused(RefusedUrl::NotAbsolute))?,
        };
        let Endpoints { authorize_url, token_url, userinfo_url } = &endpoints;
        self.network.check_authorization_endpoint(authorize_url).map_err(refused)?;
        let called = [token_url, userinfo_url];
        called.into_iter().try_for_each(|url| self.network.check(url)).map_err(refused)?;
        let http = self.http(called.into_iter().any(|url| url.scheme() == "https"))?;
        Ok(Provider::plain(PlainProvider::new(provider, client, endpoints), http))
    }

    fn oidc_provider(&self, issuer: OidcIssuer) -> Result<Provider, InvalidProvider> {
        let http = self.http(!issuer.issuer.starts_with("http://"))?;
        let names = [issuer.name.clone(), issuer.display_name.clone(), issuer.issuer.clone()];
        let provider = OidcProvider::new(issuer, self.network, Arc::clone(&self.clock))?;
        Ok(Provider::oidc(names, provider, http))
    }

    fn http(&self, needs_tls: bool) -> Result<Arc<ProviderHttp>, InvalidProvider> {
        let config = HttpConfig { network: self.network, needs_tls, timeouts: self.timeouts, breaker: self.breaker };
        ProviderHttp::new(config, Arc::clone(&self.clock)).map(Arc::new)
    }
}

/// Adds a provider whose name is good and new.
fn add(providers: &mut Vec<Provider>, provider: Provider) -> Result<(), InvalidProvider> {
    let name = provider.name();
    if !is_name(name) || providers.iter().any(|other| other.name() == name) {
        return Err(InvalidProvider::Name(name.to_owned()));
    }
    providers.push(provider);
    Ok(())
}

/// `[a-z][a-z0-9_]{0,31}`.
fn is_name(name: &str) -> bool {
    name.len() <= 32
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
