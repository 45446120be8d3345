//! What the tests share: providers that are all one fake, and a browser that agrees to everything.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{BreakerConfig, ManualClock, OsRandom};
use auth_oauth::{
    AuthorizationResponse, ClientCredentials, Endpoints, Flow, NetworkPolicy, OAuthError, OAuthUserInfo, Provider,
    Providers, ProvidersBuilder, Timeouts,
};
use identity_provider::IdentityProvider;
use url::Url;

pub(crate) const RECOVERY: Duration = Duration::from_secs(30);
/// Long enough for a busy machine: no test waits for it.
pub(crate) const PATIENT: Duration = Duration::from_mins(1);
/// For the tests that wait until it is over.
pub(crate) const SHORT: Duration = Duration::from_secs(5);

pub(crate) const CALLBACK: &str = "https://auth.example.com/auth/provider/callback";

pub(crate) fn client() -> ClientCredentials {
    ClientCredentials { client_id: "client-id".to_owned(), client_secret: Some("client-secret".into()) }
}

pub(crate) fn endpoints(provider: &IdentityProvider) -> Endpoints {
    let url = |text: String| Url::parse(&text).unwrap();
    Endpoints {
        authorize_url: url(provider.authorize_url()),
        token_url: url(provider.token_url()),
        userinfo_url: url(provider.userinfo_url()),
    }
}

/// A builder for development whose breakers open after `failures`, and their clock.
pub(crate) fn builder(failures: u32) -> (ProvidersBuilder, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    let breaker = BreakerConfig { failures: NonZeroU32::new(failures).unwrap(), recovery: RECOVERY };
    let timeouts = Timeouts { connect: PATIENT, call: PATIENT, exchange: PATIENT };
    (Providers::builder(NetworkPolicy::Any, breaker, clock.clone()).timeouts(timeouts), clock)
}

/// The three that are built in, each of them this fake.
pub(crate) fn providers(provider: &IdentityProvider) -> Providers {
    configured(builder(1000).0, provider)
}

pub(crate) fn configured(builder: ProvidersBuilder, provider: &IdentityProvider) -> Providers {
    let endpoints = Some(endpoints(provider));
    let builder = builder.google(client(), endpoints.clone()).discord(client(), endpoints.clone());
    builder.github(client(), endpoints).build().unwrap()
}

/// A flow whose browser is back.
pub(crate) struct Returned {
    pub(crate) flow: Flow,
    pub(crate) code: String,
    pub(crate) iss: Option<String>,
}

impl Returned {
    pub(crate) async fn exchange(&self, provider: &Provider) -> Result<OAuthUserInfo, OAuthError> {
        provider.exchange(&self.flow, AuthorizationResponse { code: &self.code, iss: self.iss.as_deref() }).await
    }
}

/// Sends a browser to the provider, which agrees.
pub(crate) async fn agree(provider: &Provider, fake: &IdentityProvider) -> Returned {
    let state = Flow::new_state(&OsRandom);
    let flow = Flow::begin(Url::parse(CALLBACK).unwrap(), &OsRandom);
    let url = provider.authorization_url(&flow, &state).await.unwrap();
    let callback = fake.approve(&url);
    let parameter = |name: &str| callback.query_pairs().find(|pair| pair.0 == name).map(|pair| pair.1.into_owned());
    assert_eq!(parameter("state"), Some(state));
    Returned { flow, code: parameter("code").unwrap(), iss: parameter("iss") }
}

/// A whole sign-in by one of the three.
pub(crate) async fn sign_in(name: &str, fake: &IdentityProvider) -> Result<OAuthUserInfo, OAuthError> {
    let providers = providers(fake);
    let provider = providers.find(name).unwrap();
    agree(provider, fake).await.exchange(provider).await
}

/// That neither the error nor anything else that may be printed tells a secret.
#[track_caller]
pub(crate) fn assert_tells_nothing(error: &OAuthError, returned: &Returned, fake: &IdentityProvider) {
    let printed = format!("{error} {error:?} {:?}", returned.flow);
    let mut secrets = fake.secrets();
    secrets.extend([returned.code.clone(), returned.flow.code_verifier().to_owned(), returned.flow.nonce().to_owned()]);
    for secret in secrets {
        assert!(!printed.contains(&secret), "{printed} tells {secret}");
    }
}
