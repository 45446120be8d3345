//! Sign-in with an OpenID Connect issuer (Core 1.0, Discovery 1.0; RFC 9207), known by its configuration alone.
//!
//! - `discovery`: what the issuer says about itself; `kept`: for how long that is believed.
//! - `jwks`, `jwk`: its keys, and which of them are fit.
//! - `id_token`: who came back. `user_info`: what else is known of them.

mod algorithm;
mod discovery;
#[cfg(test)]
mod fixture;
mod id_token;
mod json;
mod jwk;
mod jwks;
mod kept;
mod profile;
mod subject;
mod user_info;

use std::sync::Arc;

use auth_core::Clock;
use secrecy::ExposeSecret as _;
use url::Url;

use self::discovery::Metadata;
use self::id_token::{IdToken, InvalidIdToken, VerifiedIdToken};
use self::jwks::JwkSet;
use self::kept::Kept;
use crate::authorization::AuthorizationRequest;
use crate::error::OAuthError;
use crate::flow::{AuthorizationResponse, Flow};
use crate::http::Calls;
use crate::network::NetworkPolicy;
use crate::providers::{ClientCredentials, InvalidProvider, OidcIssuer};
use crate::token::{TokenAnswer, TokenRequest};
use crate::user_info::OAuthUserInfo;

/// An OpenID Connect issuer.
pub(crate) struct OidcProvider {
    issuer: String,
    client: ClientCredentials,
    /// Separated by blanks.
    scope: String,
    metadata_url: Url,
    network: NetworkPolicy,
    clock: Arc<dyn Clock>,
    metadata: Kept<Metadata>,
    keys: Kept<JwkSet>,
}

impl OidcProvider {
    /// An issuer. Nothing is called yet.
    pub(crate) fn new(
        issuer: OidcIssuer,
        network: NetworkPolicy,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, InvalidProvider> {
        let OidcIssuer { name, issuer, client, mut scopes, .. } = issuer;
        let metadata = Kept::new(&name, "metadata", Arc::clone(&clock));
        let keys = Kept::new(&name, "key set", Arc::clone(&clock));
        let metadata_url = discovery::metadata_url(&issuer, network);
        let metadata_url = metadata_url.map_err(|reason| InvalidProvider::Url(name, reason))?;
        // Without it, it wouldn't be OpenID Connect (Core, section 3.1.2.1).
        if !scopes.iter().any(|scope| scope == "openid") {
            scopes.insert(0, "openid".to_owned());
        }
        Ok(Self { issuer, client, scope: scopes.join(" "), metadata_url, network, clock, metadata, keys })
    }

    /// Where to send the browser. Calls the issuer only if its metadata isn't known or has become old, and goes on with
    /// what is known if it can't be called.
    pub(crate) async fn authorization_url(
        &self,
        calls: &Calls<'_>,
        flow: &Flow,
        state: &str,
    ) -> Result<Url, OAuthError> {
        let metadata = self.metadata(calls).await?;
        let request = AuthorizationRequest {
            endpoint: &metadata.authorization_endpoint,
            client_id: &self.client.client_id,
            scope: &self.scope,
            state,
            flow,
            nonce: Some(flow.nonce()),
        };
        Ok(request.url())
    }

    /// Who came back.
    pub(crate) async fn exchange(
        &self,
        calls: &Calls<'_>,
        flow: &Flow,
        response: AuthorizationResponse<'_>,
    ) -> Result<OAuthUserInfo, OAuthError> {
        if response.iss.is_some_and(|iss| iss != self.issuer) {
            return Err(OAuthError::IssuerMismatch);
        }
        let metadata = self.metadata(calls).await?;
        if response.iss.is_none() && metadata.names_itself {
            return Err(OAuthError::IssuerMismatch);
        }
        let request = TokenRequest {
            url: &metadata.token_endpoint,
            client: &self.client,
            authentication: metadata.authentication,
            flow,
            code: response.code,
        };
        let answer = request.send(calls).await?;
        let verified = self.verify(calls, &metadata, flow, &answer).await?;
        let profile = match &metadata.userinfo_endpoint {
            Some(url) if !verified.profile.has_settled_address() => {
                let more = user_info::read(calls, url, &answer.access_token, &verified.subject).await?;
                verified.profile.or(more)
            }
            Some(_) | None => verified.profile,
        };
        Ok(profile.into_user(verified.subject))
    }

    /// The ID token of an answer, once it is proven.
    async fn verify(
        &self,
        calls: &Calls<'_>,
        metadata: &Metadata,
        flow: &Flow,
        answer: &TokenAnswer,
    ) -> Result<VerifiedIdToken, OAuthError> {
        let missing = || OAuthError::Provider("there is no id_token in the answer".to_owned());
        let id_token = answer.id_token.as_ref().ok_or_else(missing)?;
        let id_token = IdToken::parse(id_token.expose_secret())?;
        if !metadata.algorithms.contains(&id_token.algorithm()) {
            return Err(InvalidIdToken::UnlistedAlgorithm.into());
        }
        let keys = self.keys_for(calls, &id_token, metadata).await?;
        let key = keys.find(id_token.kid(), id_token.algorithm()).map_err(InvalidIdToken::Key)?;
        let expected = id_token::Expected {
            issuer: &self.issuer,
            client_id: &self.client.client_id,
            nonce: flow.nonce(),
            access_token: answer.access_token.expose_secret(),
            now: self.clock.now(),
        };
        Ok(id_token.verify(key, &expected)?)
    }

    /// The issuer's keys; newer ones if those that are known haven't the token's.
    async fn keys_for(
        &self,
        calls: &Calls<'_>,
        id_token: &IdToken<'_>,
        metadata: &Metadata,
    ) -> Result<Arc<JwkSet>, OAuthError> {
        let keys = bound(calls, self.keys.get(|| self.fetch_keys(calls, metadata))).await?;
        if keys.find(id_token.kid(), id_token.algorithm()).is_ok() {
            return Ok(keys);
        }
        let newer = bound(calls, self.keys.newer_than(&keys, || self.fetch_keys(calls, metadata))).await?;
        Ok(newer.unwrap_or(keys))
    }

    async fn metadata(&self, calls: &Calls<'_>) -> Result<Arc<Metadata>, OAuthError> {
        bound(calls, self.metadata.get(|| self.fetch_metadata(calls))).await
    }

    async fn fetch_metadata(&self, calls: &Calls<'_>) -> Result<Metadata, OAuthError> {
        let document = calls.get_json(&self.metadata_url).await;
        let document = document.map_err(|error| error.at("the metadata"))?;
        let expected = discovery::Expected {
            issuer: &self.issuer,
            network: self.network,
            has_secret: self.client.client_secret.is_some(),
        };
        Metadata::read(&document, &expected).map_err(|error| OAuthError::Provider(error.to_string()))
    }

    async fn fetch_keys(&self, calls: &Calls<'_>, metadata: &Metadata) -> Result<JwkSet, OAuthError> {
        let set = calls.get_json(&metadata.jwks_uri).await;
        let set = set.map_err(|error| error.at("the key set"))?;
        JwkSet::read(&set).map_err(|error| OAuthError::Provider(error.to_string()))
    }
}

/// What `getting` gives. A fetch ends by its own deadline; whoever waits for somebody else's has to end by theirs. An
/// error that no call of ours led to, but an earlier one or somebody else's, tells the breaker nothing.
async fn bound<T>(calls: &Calls<'_>, getting: impl Future<Output = Result<T, OAuthError>>) -> Result<T, OAuthError> {
    let made = calls.made();
    let result = calls.deadline().bound(getting).await.map_err(|error| error.at("another flow's call")).flatten();
    if result.is_err() && calls.made() == made {
        calls.disregard();
    }
    result
}

impl From<InvalidIdToken> for OAuthError {
    fn from(error: InvalidIdToken) -> Self {
        Self::Provider(error.to_string())
    }
}
