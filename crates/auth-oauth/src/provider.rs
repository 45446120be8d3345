//! A provider, whatever protocol it speaks.

use std::fmt;
use std::sync::Arc;

use auth_core::BreakerState;
use url::Url;

use crate::error::OAuthError;
use crate::flow::{AuthorizationResponse, Flow};
use crate::http::{End, ProviderHttp};
use crate::oidc::OidcProvider;
use crate::plain::PlainProvider;
use crate::user_info::OAuthUserInfo;

/// The longest authorization code that is taken: those of the largest providers have some hundred bytes, with a state of
/// theirs in it some thousand.
const MAX_CODE_BYTES: usize = 4 * 1024;

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
    Plain(Box<PlainProvider>),
    Oidc(Box<OidcProvider>),
}

impl Provider {
    /// A provider without a client id.
    pub(crate) fn not_configured(name: &str, display_name: &str) -> Self {
        let (name, display_name) = (name.to_owned(), display_name.to_owned());
        Self(Arc::new(Inner { issuer: name.clone(), name, display_name, client: None }))
    }

    pub(crate) fn plain(provider: PlainProvider, http: Arc<ProviderHttp>) -> Self {
        let (name, display_name) = (provider.name().to_owned(), provider.display_name().to_owned());
        let issuer = provider.identity_issuer();
        Self(Arc::new(Inner { name, display_name, issuer, client: Some((Protocol::Plain(Box::new(provider)), http)) }))
    }

    pub(crate) fn oidc(
        [name, display_name, issuer]: [String; 3],
        provider: OidcProvider,
        http: Arc<ProviderHttp>,
    ) -> Self {
        Self(Arc::new(Inner { name, display_name, issuer, client: Some((Protocol::Oidc(Box::new(provider)), http)) }))
    }

    /// Its name in paths: `[a-z][a-z0-9_]{0,31}`.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What people see.
    pub fn display_name(&self) -> &str {
        &self.0.display_name
    }

    /// What a subject is unique within. With the subject it is the identity; the address never is.
    ///
    /// Of an OpenID provider it is the issuer. Of any other it is the name, as long as browsers are sent to the server
    /// that the provider has on the internet (the origin of its default authorization endpoint); of another server, an
    /// enterprise installation for instance, it is the name, `@` and that server's origin: `github@https://ghe.example`.
    /// So user 3 there isn't user 3 here, when the configuration turns from one to the other.
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
        let (protocol, http) = self.client()?;
        match protocol {
            Protocol::Plain(provider) => Ok(provider.authorization_url(flow, state)),
            Protocol::Oidc(provider) => {
                let calls = http.calls();
                let url = provider.authorization_url(&calls, flow, state).await;
                calls.settle(if url.is_ok() { End::Begun } else { End::Error });
                url
            }
        }
    }

    /// Who came back: exchanges the code and reads the user. Takes 10 s at most, unless [`Timeouts`](crate::Timeouts)
    /// say otherwise. The code is used up by it, whatever comes out.
    ///
    /// The breaker hears of it once: of a user, or of a call that failed. A code that no provider gives out (RFC 6749,
    /// appendix A.11: printable ASCII; at most 4 KiB) is refused before anybody is called, so that nobody's nonsense makes
    /// the provider answer with an error.
    ///
    /// # Errors
    ///
    /// [`OAuthError`].
    pub async fn exchange(
        &self,
        flow: &Flow,
        response: AuthorizationResponse<'_>,
    ) -> Result<OAuthUserInfo, OAuthError> {
        let (protocol, http) = self.client()?;
        if !is_code(response.code) {
            return Err(OAuthError::Provider("what came back can't be an authorization code".to_owned()));
        }
        let calls = http.calls();
        let user = match protocol {
            Protocol::Plain(provider) => provider.exchange(&calls, flow, response).await,
            Protocol::Oidc(provider) => provider.exchange(&calls, flow, response).await,
        };
        calls.settle(if user.is_ok() { End::SignedIn } else { End::Error });
        user
    }

    fn client(&self) -> Result<(&Protocol, &ProviderHttp), OAuthError> {
        let (protocol, http) = self.0.client.as_ref().ok_or(OAuthError::NotConfigured)?;
        Ok((protocol, http))
    }
}

/// RFC 6749, appendix A.11.
fn is_code(code: &str) -> bool {
    (1..=MAX_CODE_BYTES).contains(&code.len()) && code.bytes().all(|byte| matches!(byte, b' '..=b'~'))
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
