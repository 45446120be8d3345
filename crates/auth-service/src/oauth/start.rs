//! The start of a flow: what is kept of it, and where the browser goes.

use std::fmt;
use std::time::Duration;

use auth_core::{AccessClaims, OneTimeToken, SessionId, TokenPurpose, UserId};
use auth_ephemeral::Space;
use auth_oauth::{Flow, Provider};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::{Deserialize, Serialize};
use url::Url;

use super::error::OAuthFlowError;
use super::redirect::Redirect;
use crate::client::Client;
use crate::fault::Fault;
use crate::fresh_proof::FreshProof;
use crate::service::{AuthService, Inner};

/// How long somebody may take at the provider.
const FLOW_LIFE: Duration = Duration::from_mins(10);

/// How many characters of a hash tell flows of one browser apart.
const FLOW_ID_LENGTH: usize = 16;

/// How somebody begins to sign in with another provider, or to link an account there.
#[derive(Clone, Copy, Debug, Default)]
pub struct OAuthStart<'a> {
    /// The provider's name.
    pub provider: &'a str,
    /// The app's page where the flow ends; without one the callback itself answers.
    pub redirect_to: Option<&'a str>,
    /// An S256 challenge (RFC 7636) whose verifier is wanted when the code is exchanged: it binds the code to the app's
    /// own browser.
    pub code_challenge: Option<&'a str>,
    /// What the app wants back beside the code: at most 512 bytes.
    pub app_state: Option<&'a str>,
}

/// A flow that was begun.
pub struct OAuthStarted {
    /// Where the browser goes.
    pub authorization_url: Url,
    /// What the browser keeps and shows at the callback: the value of a cookie that no script and no other site reads.
    pub binding: OneTimeToken,
    /// What tells this flow's cookie from others of the same browser: [`oauth_flow_id`] of its `state`.
    pub flow_id: String,
}

/// Without the address, which holds the `state`.
impl fmt::Debug for OAuthStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthStarted").field("flow_id", &self.flow_id).finish_non_exhaustive()
    }
}

/// A short name of the flow with this `state`: 16 characters of base64url. It tells nothing of the `state`.
pub fn oauth_flow_id(state: &str) -> String {
    let mut id = BASE64URL.encode(digest(&SHA256, state.as_bytes()));
    id.truncate(FLOW_ID_LENGTH);
    id
}

/// What a flow is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Purpose {
    SignIn,
    /// For whom, and the session in which it was begun.
    Link {
        user: UserId,
        session: SessionId,
    },
}

impl Purpose {
    /// Whose flow it is, if that is known.
    const fn user(self) -> Option<UserId> {
        match self {
            Self::SignIn => None,
            Self::Link { user, .. } => Some(user),
        }
    }
}

/// A flow between its start and its callback.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct FlowState {
    pub(super) provider: String,
    pub(super) purpose: Purpose,
    /// The keyed hash of what the browser shows, in base64url: half as long as a list of numbers.
    pub(super) binding: String,
    pub(super) flow: Flow,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) redirect: Option<Redirect>,
}

impl AuthService {
    /// Begins a sign-in.
    ///
    /// # Errors
    ///
    /// [`OAuthFlowError`].
    pub async fn start_oauth(&self, start: OAuthStart<'_>, client: &Client) -> Result<OAuthStarted, OAuthFlowError> {
        let inner = self.inner();
        inner.start(start, Purpose::SignIn, client).await.inspect_err(|error| note(error, start.provider, client))
    }

    /// Begins to link an account at the provider to the account of `claims`, who has proven lately who they are.
    ///
    /// # Errors
    ///
    /// [`OAuthFlowError`].
    pub async fn start_oauth_link(
        &self,
        start: OAuthStart<'_>,
        claims: &AccessClaims,
        client: &Client,
    ) -> Result<OAuthStarted, OAuthFlowError> {
        let inner = self.inner();
        inner.require_fresh_proof(claims, FreshProof::default(), client).await?;
        let purpose = Purpose::Link { user: claims.user_id, session: claims.session_id };
        inner.start(start, purpose, client).await.inspect_err(|error| note(error, start.provider, client))
    }
}

impl Inner {
    async fn start(
        &self,
        start: OAuthStart<'_>,
        purpose: Purpose,
        client: &Client,
    ) -> Result<OAuthStarted, OAuthFlowError> {
        let provider = self.provider(start.provider)?;
        let redirect = self.redirect(start)?;
        let _kept = self.charge([self.oauth_charge(client)], purpose.user(), client).await?;
        let flow = Flow::begin(self.redirect_uri(&provider, purpose), &*self.random);
        let (state, key) = self.one_time_tokens.issue(TokenPurpose::OauthState, &*self.random);
        let (binding, binding_hash) = self.one_time_tokens.issue(TokenPurpose::OauthBinding, &*self.random);
        let authorization_url = provider.authorization_url(&flow, state.expose()).await?;
        let kept = FlowState {
            provider: provider.name().to_owned(),
            purpose,
            binding: BASE64URL.encode(binding_hash.as_bytes()),
            flow,
            redirect,
        };
        let value = serde_json::to_vec(&kept).map_err(Fault::internal)?;
        self.ephemeral.put(Space::OauthState, key.as_bytes(), value, FLOW_LIFE).await.map_err(Fault::from)?;
        Ok(OAuthStarted { authorization_url, binding, flow_id: oauth_flow_id(state.expose()) })
    }

    fn redirect_uri(&self, provider: &Provider, purpose: Purpose) -> Url {
        let name = provider.name();
        self.callback_url(&match purpose {
            Purpose::SignIn => format!("/auth/{name}/callback"),
            Purpose::Link { .. } => format!("/auth/link/{name}/callback"),
        })
    }
}

/// Anybody can begin as many flows as they like, so this is for who looks for it.
fn note(error: &OAuthFlowError, provider: &str, client: &Client) {
    tracing::debug!(provider, request_id = client.request_id(), %error, "a flow with another provider was not begun");
}
