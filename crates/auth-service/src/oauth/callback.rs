//! What a provider sends a browser back with: whose flow it is, and who came back.

use std::fmt;

use auth_core::TokenPurpose;
use auth_ephemeral::Space;
use auth_oauth::{AuthorizationResponse, OAuthError, OAuthUserInfo, Provider};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use url::Url;

use super::LinkedAccount;
use super::error::OAuthFlowError;
use super::redirect::Redirect;
use super::start::{FlowState, Purpose};
use crate::client::Client;
use crate::fault::Fault;
use crate::operation::Operation;
use crate::service::{AuthService, Inner};
use crate::step::Step;

/// What a browser brings back from a provider (RFC 6749, sections 4.1.2 and 4.1.2.1).
#[derive(Clone, Copy, Default)]
pub struct OAuthCallback<'a> {
    /// The name of the provider whose callback it is.
    pub provider: &'a str,
    /// The `state` of the flow.
    pub state: Option<&'a str>,
    /// The authorization code.
    pub code: Option<&'a str>,
    /// What went wrong at the provider.
    pub error: Option<&'a str>,
    /// The issuer, where the provider names itself (RFC 9207).
    pub iss: Option<&'a str>,
    /// What the browser shows: [`OAuthStarted::binding`](super::OAuthStarted::binding).
    pub binding: Option<&'a str>,
}

/// Without what could finish a flow.
impl fmt::Debug for OAuthCallback<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthCallback").field("provider", &self.provider).finish_non_exhaustive()
    }
}

/// How a callback is answered.
pub enum OAuthOutcome<T> {
    /// Right here.
    Here(Result<T, OAuthFlowError>),
    /// At a page of the app, which takes what it needs from the address: a code to exchange, or what went wrong.
    Redirect(Url),
}

/// Without the address, which may hold a code.
impl<T: fmt::Debug> fmt::Debug for OAuthOutcome<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here(result) => f.debug_tuple("Here").field(result).finish(),
            Self::Redirect(_) => f.write_str("Redirect(…)"),
        }
    }
}

/// A flow whose `state` was shown by the browser that began it; nobody can show it again.
pub(super) struct Proven {
    pub(super) provider: Provider,
    pub(super) state: FlowState,
}

impl AuthService {
    /// Signs in whoever came back from the provider.
    pub async fn finish_oauth(&self, callback: OAuthCallback<'_>, client: &Client) -> OAuthOutcome<Step> {
        let _measured = Operation::begin("oauth_callback");
        let inner = self.inner();
        let proven = match inner.prove_flow(callback, |purpose| purpose == Purpose::SignIn, client).await {
            Ok(proven) => proven,
            Err(error) => return OAuthOutcome::Here(Err(error)),
        };
        let name = proven.provider.name();
        match &proven.state.redirect {
            None => {
                let result = inner.sign_in_here(&proven, callback, client).await;
                told(result.as_ref().err(), name);
                note_provider(result.as_ref().err(), name, client);
                OAuthOutcome::Here(result)
            }
            Some(redirect) => {
                let result = inner.sign_in_there(&proven, redirect, callback, client).await;
                told(result.as_ref().err(), name);
                note(result.as_ref().err(), name, client);
                OAuthOutcome::Redirect(result.unwrap_or_else(|error| redirect.with_error(error.code())))
            }
        }
    }

    /// Links the account of whoever came back from the provider to the account that began the flow.
    pub async fn finish_oauth_link(&self, callback: OAuthCallback<'_>, client: &Client) -> OAuthOutcome<LinkedAccount> {
        let inner = self.inner();
        let proven = match inner.prove_flow(callback, |purpose| purpose != Purpose::SignIn, client).await {
            Ok(proven) => proven,
            Err(error) => return OAuthOutcome::Here(Err(error)),
        };
        let name = proven.provider.name();
        let result = inner.link_proven(&proven, callback, client).await;
        match &proven.state.redirect {
            None => {
                note_provider(result.as_ref().err(), name, client);
                OAuthOutcome::Here(result)
            }
            Some(redirect) => {
                note(result.as_ref().err(), name, client);
                OAuthOutcome::Redirect(match result {
                    Ok(_) => redirect.with_linked(name),
                    Err(error) => redirect.with_error(error.code()),
                })
            }
        }
    }
}

impl Inner {
    /// The flow of the callback, taken so that nobody uses it again, if it is one of this provider, for this purpose and
    /// of this browser. Another browser's try leaves it to its own.
    async fn prove_flow(
        &self,
        callback: OAuthCallback<'_>,
        is_wanted: impl Fn(Purpose) -> bool,
        client: &Client,
    ) -> Result<Proven, OAuthFlowError> {
        let provider = self.provider(callback.provider)?;
        let (state, binding) = callback.state.zip(callback.binding).ok_or(OAuthFlowError::StateInvalid)?;
        let _kept = self.charge([self.oauth_charge(client)], None, client).await?;
        let key = self.one_time_tokens.hash(TokenPurpose::OauthState, state).ok_or(OAuthFlowError::StateInvalid)?;
        let shown = self.one_time_tokens.hash(TokenPurpose::OauthBinding, binding);
        let shown = shown.ok_or(OAuthFlowError::StateInvalid)?;
        let value = self.ephemeral.get(Space::OauthState, key.as_bytes()).await.map_err(Fault::from)?;
        let value = value.ok_or(OAuthFlowError::StateInvalid)?;
        let state: FlowState = serde_json::from_slice(&value).map_err(Fault::internal)?;
        let shown = BASE64URL.encode(shown.as_bytes());
        let is_own = verify_slices_are_equal(state.binding.as_bytes(), shown.as_bytes()).is_ok();
        if !is_own || state.provider != provider.name() || !is_wanted(state.purpose) {
            return Err(OAuthFlowError::StateInvalid);
        }
        let taken = self.ephemeral.take(Space::OauthState, key.as_bytes()).await.map_err(Fault::from)?;
        if taken.is_none() {
            return Err(OAuthFlowError::StateInvalid);
        }
        Ok(Proven { provider, state })
    }

    /// Who came back.
    pub(super) async fn user_of(
        &self,
        proven: &Proven,
        callback: OAuthCallback<'_>,
    ) -> Result<OAuthUserInfo, OAuthFlowError> {
        if let Some(error) = callback.error {
            return Err(refused(error));
        }
        let code = callback.code.filter(|code| !code.is_empty());
        let code = code.ok_or_else(|| OAuthError::Provider("neither a code nor an error came back".to_owned()))?;
        let response = AuthorizationResponse { code, iss: callback.iss };
        Ok(proven.provider.exchange(&proven.state.flow, response).await?)
    }

    /// The page of the app, with a code that stands for what was proven.
    async fn sign_in_there(
        &self,
        proven: &Proven,
        redirect: &Redirect,
        callback: OAuthCallback<'_>,
        client: &Client,
    ) -> Result<Url, OAuthFlowError> {
        let info = self.user_of(proven, callback).await?;
        let (user, federation) = self.identify(&proven.provider, info, client).await?;
        let code = self.issue_code(&user, redirect.code_challenge.clone(), federation).await?;
        Ok(redirect.with_code(code.expose()))
    }
}

/// What people answer at a provider (RFC 6749, section 4.1.2.1; OpenID Connect Core, section 3.1.2.6).
const ANSWERS: [&str; 5] =
    ["access_denied", "login_required", "consent_required", "interaction_required", "account_selection_required"];

/// What a provider reports of itself or of how it is set up, named in the log: nothing else of what it sends is.
const FAULTS: [&str; 9] = [
    "server_error",
    "temporarily_unavailable",
    "invalid_request",
    "unauthorized_client",
    "unsupported_response_type",
    "invalid_scope",
    "invalid_client",
    "redirect_uri_mismatch",
    "application_suspended",
];

fn refused(error: &str) -> OAuthFlowError {
    if ANSWERS.contains(&error) {
        return OAuthFlowError::Denied;
    }
    let named = FAULTS.into_iter().find(|known| *known == error).unwrap_or("an error of its own");
    OAuthError::Provider(format!("it sent the browser back with {named}")).into()
}

fn told(error: Option<&OAuthFlowError>, provider: &str) {
    let outcome = error.map_or("success", |error| error.code().as_str());
    metrics::counter!("auth_oauth_sign_ins_total", "provider" => provider.to_owned(), "outcome" => outcome)
        .increment(1);
}

/// Notes what went wrong at a provider: the client is told the code alone.
fn note_provider(error: Option<&OAuthFlowError>, provider: &str, client: &Client) {
    if let Some(OAuthFlowError::Provider(_)) = error {
        note(error, provider, client);
    }
}

/// The same, and what went wrong here, where nobody answers with the error itself.
fn note(error: Option<&OAuthFlowError>, provider: &str, client: &Client) {
    if let Some(error) = error.filter(|error| error.is_fault()) {
        tracing::warn!(provider, request_id = client.request_id(), %error, "a flow with another provider ended");
    }
}
