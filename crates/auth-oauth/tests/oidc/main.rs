//! Sign-in with an OpenID Connect issuer, over HTTP against a provider that misbehaves on demand.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod discovery;
mod flow;
mod id_token;
mod keys;
mod response_issuer;
mod user_info;

use std::sync::Arc;
use std::time::Duration;

use auth_core::{BreakerConfig, Clock as _, ManualClock, OsRandom};
use auth_oauth::{
    AuthorizationResponse, ClientCredentials, Flow, NetworkPolicy, OAuthError, OAuthUserInfo, OidcIssuer, Provider,
    Providers, ProvidersBuilder, Timeouts,
};
use identity_provider::IdentityProvider;
use url::Url;

const REDIRECT_URI: &str = "https://auth.example.com/auth/company/callback";
/// Long enough for a busy machine: no test waits for it.
const PATIENT: Timeouts =
    Timeouts { connect: Duration::from_mins(1), call: Duration::from_mins(1), exchange: Duration::from_mins(1) };
/// For the tests that wait until it is over.
const SHORT: Timeouts =
    Timeouts { connect: Duration::from_secs(1), call: Duration::from_secs(1), exchange: Duration::from_secs(3) };

/// An issuer, a client of it, and the time of both.
struct Desk {
    issuer: IdentityProvider,
    clock: Arc<ManualClock>,
    client: Provider,
}

/// A browser that has come back.
struct Visit {
    flow: Flow,
    code: String,
    iss: Option<String>,
}

impl Desk {
    fn start() -> Self {
        Self::start_with(|_, _| {}, |builder| builder)
    }

    /// The issuer and the client may be changed before they meet.
    fn start_with(
        change: impl FnOnce(&IdentityProvider, &mut OidcIssuer),
        build: impl FnOnce(ProvidersBuilder) -> ProvidersBuilder,
    ) -> Self {
        let (issuer, clock) = (IdentityProvider::start(), Arc::new(ManualClock::default()));
        issuer.set_time(clock.now().as_seconds());
        let mut config = config(&issuer);
        change(&issuer, &mut config);
        let builder = Providers::builder(NetworkPolicy::Any, BreakerConfig::default(), clock.clone()).timeouts(PATIENT);
        let providers = build(builder).openid_connect(config).build().unwrap();
        let client = providers.find("company").unwrap().clone();
        Self { issuer, clock, client }
    }

    /// With timeouts that a test waits for.
    fn impatient() -> Self {
        Self::start_with(|_, _| {}, |builder| builder.timeouts(SHORT))
    }

    /// Lets time pass, for both.
    fn pass(&self, span: Duration) {
        self.clock.advance(span);
        self.issuer.set_time(self.clock.now().as_seconds());
    }

    /// The start of a flow.
    async fn begin(&self) -> Result<(Flow, Url), OAuthError> {
        let flow = Flow::begin(Url::parse(REDIRECT_URI).unwrap(), &OsRandom);
        let url = self.client.authorization_url(&flow, &Flow::new_state(&OsRandom)).await?;
        Ok((flow, url))
    }

    /// The start, and the approval by the user.
    async fn visit(&self) -> Visit {
        let (flow, url) = self.begin().await.unwrap();
        let back = self.issuer.approve(&url);
        let parameter =
            |name: &str| back.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        Visit { flow, code: parameter("code").unwrap(), iss: parameter("iss") }
    }

    async fn finish(&self, visit: &Visit) -> Result<OAuthUserInfo, OAuthError> {
        let response = AuthorizationResponse { code: &visit.code, iss: visit.iss.as_deref() };
        self.client.exchange(&visit.flow, response).await
    }

    /// The whole flow.
    async fn sign_in(&self) -> Result<OAuthUserInfo, OAuthError> {
        let visit = self.visit().await;
        self.finish(&visit).await
    }

    /// Why a whole flow has no user. The text is for the log: nothing secret is in it.
    #[track_caller]
    fn refusal(&self, result: Result<OAuthUserInfo, OAuthError>) -> String {
        let Err(OAuthError::Provider(reason)) = result else { panic!("{result:?}") };
        assert!(!self.issuer.secrets().iter().any(|secret| reason.contains(secret)), "{reason}");
        reason
    }
}

fn config(issuer: &IdentityProvider) -> OidcIssuer {
    OidcIssuer {
        name: "company".to_owned(),
        display_name: "The Company".to_owned(),
        issuer: issuer.issuer(),
        client: credentials("client-id", Some("client-secret")),
        scopes: ["openid", "email", "profile"].map(str::to_owned).to_vec(),
    }
}

fn credentials(id: &str, secret: Option<&str>) -> ClientCredentials {
    ClientCredentials { client_id: id.to_owned(), client_secret: secret.map(Into::into) }
}
