//! Providers that speak OAuth 2.0 and have a way of their own to say who the user is.

use std::pin::Pin;
use std::sync::Arc;

use url::Url;

use crate::authorization::AuthorizationRequest;
use crate::error::OAuthError;
use crate::flow::{AuthorizationResponse, Flow};
use crate::http::Calls;
use crate::providers::{ClientCredentials, Endpoints};
use crate::token::{ClientAuthentication, TokenRequest};
use crate::user_api::UserApi;
use crate::user_info::OAuthUserInfo;

/// What is particular to a provider of plain OAuth 2.0. Everything else is the same for all of them: the flow with
/// PKCE, the exchange of the code (`client_secret_post`), the HTTP client and its bounds.
///
/// ```
/// use auth_oauth::{DefaultEndpoints, OAuth2Provider, OAuthUserInfo, ReadingUser, UserApi};
///
/// struct Codeberg;
///
/// impl OAuth2Provider for Codeberg {
///     fn names(&self) -> (&str, &str) {
///         ("codeberg", "Codeberg")
///     }
///     fn scope(&self) -> &str {
///         "read:user"
///     }
///     fn endpoints(&self) -> DefaultEndpoints<'_> {
///         DefaultEndpoints {
///             authorize: "https://codeberg.org/login/oauth/authorize",
///             token: "https://codeberg.org/login/oauth/access_token",
///             userinfo: "https://codeberg.org/api/v1/user",
///         }
///     }
///     fn read_user<'a>(&'a self, api: &'a UserApi<'_>) -> ReadingUser<'a> {
///         Box::pin(async move {
///             let user = api.userinfo().await?;
///             Ok(OAuthUserInfo {
///                 subject: user.subject("id")?,
///                 // It doesn't say whether the address was verified, so that it proves nothing.
///                 email: None,
///                 email_verified: false,
///                 display_name: user.display_name("full_name").or_else(|| user.display_name("login")),
///                 avatar_url: user.https_url("avatar_url"),
///             })
///         })
///     }
/// }
/// ```
pub trait OAuth2Provider: Send + Sync + 'static {
    /// Its name in paths, `[a-z][a-z0-9_]{0,31}`, and what people see. The name is part of every identity: it never
    /// changes.
    fn names(&self) -> (&str, &str);

    /// Scopes to ask for, separated by blanks (RFC 6749, section 3.3).
    fn scope(&self) -> &str;

    /// Where it is, unless the configuration says otherwise.
    fn endpoints(&self) -> DefaultEndpoints<'_>;

    /// Who answers at the default authorization endpoint, where that is known (RFC 9207).
    fn issuer(&self) -> Option<&str> {
        None
    }

    /// Reads the user whose access token `api` holds.
    fn read_user<'a>(&'a self, api: &'a UserApi<'_>) -> ReadingUser<'a>;
}

/// A user being read.
pub type ReadingUser<'a> = Pin<Box<dyn Future<Output = Result<OAuthUserInfo, OAuthError>> + Send + 'a>>;

/// [`Endpoints`] as text.
#[derive(Clone, Copy, Debug)]
pub struct DefaultEndpoints<'a> {
    /// Where browsers are sent.
    pub authorize: &'a str,
    /// Where the code is exchanged.
    pub token: &'a str,
    /// Where the user is read.
    pub userinfo: &'a str,
}

impl DefaultEndpoints<'_> {
    pub(crate) fn parse(self) -> Result<Endpoints, url::ParseError> {
        Ok(Endpoints {
            authorize_url: Url::parse(self.authorize)?,
            token_url: Url::parse(self.token)?,
            userinfo_url: Url::parse(self.userinfo)?,
        })
    }
}

/// A configured provider of plain OAuth 2.0.
pub(crate) struct PlainProvider {
    provider: Arc<dyn OAuth2Provider>,
    client: ClientCredentials,
    endpoints: Endpoints,
    is_default_endpoint: bool,
}

impl PlainProvider {
    pub(crate) fn new(provider: Arc<dyn OAuth2Provider>, client: ClientCredentials, endpoints: Endpoints) -> Self {
        let is_default_endpoint = is_same_endpoint(provider.endpoints().authorize, &endpoints.authorize_url);
        Self { provider, client, endpoints, is_default_endpoint }
    }

    /// What its subjects are unique within: see [`Provider::identity_issuer`](crate::Provider::identity_issuer).
    pub(crate) fn identity_issuer(&self) -> String {
        let (name, origin) = (self.name(), self.endpoints.authorize_url.origin());
        if Url::parse(self.provider.endpoints().authorize).is_ok_and(|default| default.origin() == origin) {
            name.to_owned()
        } else {
            format!("{name}@{}", origin.ascii_serialization())
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.provider.names().0
    }

    pub(crate) fn display_name(&self) -> &str {
        self.provider.names().1
    }

    pub(crate) fn authorization_url(&self, flow: &Flow, state: &str) -> Url {
        let request = AuthorizationRequest {
            endpoint: &self.endpoints.authorize_url,
            client_id: &self.client.client_id,
            scope: self.provider.scope(),
            state,
            flow,
            nonce: None,
        };
        request.url()
    }

    pub(crate) async fn exchange(
        &self,
        calls: &Calls<'_>,
        flow: &Flow,
        response: AuthorizationResponse<'_>,
    ) -> Result<OAuthUserInfo, OAuthError> {
        self.check_issuer(response.iss)?;
        let request = TokenRequest {
            url: &self.endpoints.token_url,
            client: &self.client,
            authentication: ClientAuthentication::Post,
            flow,
            code: response.code,
        };
        let access_token = request.send(calls).await?.access_token;
        let api = UserApi::new(calls, access_token, &self.endpoints.userinfo_url);
        self.provider.read_user(&api).await
    }

    /// That an `iss` is of the server that the browser was sent to (RFC 9207, section 2.4).
    ///
    /// For a provider's own authorization endpoint it has to be the provider's issuer, byte by byte; if that isn't known,
    /// an answer with one is discarded, as the section asks. For a configured endpoint, that of an enterprise
    /// installation for instance, nobody configured an issuer, and the section leaves the choice to us: it has to be of
    /// the endpoint's origin, which the answer of another provider never is.
    ///
    /// An answer without `iss` is taken, since not every provider sends one. What keeps providers apart then is that
    /// each has a redirect URI and a state of its own (RFC 9700, section 4.4.2.2).
    fn check_issuer(&self, iss: Option<&str>) -> Result<(), OAuthError> {
        let Some(iss) = iss else { return Ok(()) };
        let is_known = if self.is_default_endpoint {
            self.provider.issuer() == Some(iss)
        } else {
            Url::parse(iss).is_ok_and(|iss| iss.origin() == self.endpoints.authorize_url.origin())
        };
        if is_known { Ok(()) } else { Err(OAuthError::IssuerMismatch) }
    }
}

/// Whether it is the same endpoint, whatever parameters it has.
fn is_same_endpoint(default: &str, configured: &Url) -> bool {
    let Ok(mut default) = Url::parse(default) else { return false };
    let mut configured = configured.clone();
    default.set_query(None);
    configured.set_query(None);
    default == configured
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::google::Google;

    fn google(authorize_url: &str) -> PlainProvider {
        let client = ClientCredentials { client_id: "id".to_owned(), client_secret: None };
        let authorize_url = Url::parse(authorize_url).unwrap();
        let endpoints = Endpoints { authorize_url, ..Google.endpoints().parse().unwrap() };
        PlainProvider::new(Arc::new(Google), client, endpoints)
    }

    /// O-12: user 3 of one server isn't user 3 of another.
    #[test]
    fn another_server_has_other_identities() {
        for (url, expected) in [
            (Google.endpoints().authorize, "google"),
            ("https://accounts.google.com/o/oauth2/v3/auth?prompt=select_account", "google"),
            ("https://ghe.example/login/oauth/authorize", "google@https://ghe.example"),
            ("https://GHE.example:443/", "google@https://ghe.example"),
            ("https://ghe.example:8443/a?b=c", "google@https://ghe.example:8443"),
            ("http://accounts.google.com/o/oauth2/v2/auth", "google@http://accounts.google.com"),
        ] {
            assert_eq!(google(url).identity_issuer(), expected, "{url}");
        }
    }

    /// O-07: the issuer is Google's own, byte by byte.
    #[test]
    fn at_the_default_endpoint_the_issuer_is_known() {
        for url in [Google.endpoints().authorize, "https://accounts.google.com/o/oauth2/v2/auth?prompt=select_account"]
        {
            let google = google(url);
            assert!(google.check_issuer(None).is_ok());
            assert!(google.check_issuer(Some("https://accounts.google.com")).is_ok());
            for iss in [
                "",
                "https://accounts.google.com/",
                "https://ACCOUNTS.google.com",
                "https://accounts.google.com:443",
                "accounts.google.com",
                "https://discord.com",
            ] {
                assert!(matches!(google.check_issuer(Some(iss)), Err(OAuthError::IssuerMismatch)), "{iss}");
            }
        }
    }

    /// O-07: of a configured endpoint only the origin is known.
    #[test]
    fn at_another_endpoint_the_issuer_has_its_origin() {
        let google = google("https://sign-in.example:8443/authorize");
        assert!(google.check_issuer(None).is_ok());
        assert!(google.check_issuer(Some("https://sign-in.example:8443/tenant")).is_ok());
        for iss in [
            "",
            "sign-in.example:8443",
            "https://accounts.google.com",
            "https://sign-in.example",
            "http://sign-in.example:8443",
            "https://sign-in.example:8443@evil.example",
            "https://evil.example/https://sign-in.example:8443",
        ] {
            assert!(matches!(google.check_issuer(Some(iss)), Err(OAuthError::IssuerMismatch)), "{iss}");
        }
    }
}
