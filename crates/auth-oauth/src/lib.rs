//! Sign-in with other providers: where to send the browser, and who came back, as one normalised user.
//!
//! - [`Providers`]: the providers of a service by name. Google, Discord and GitHub are built in; OpenID Connect issuers
//!   are configuration ([`OidcIssuer`]); what speaks plain OAuth 2.0 is an [`OAuth2Provider`], one small file.
//! - [`Provider`]: the [authorization URL](Provider::authorization_url), and the [exchange](Provider::exchange) of the
//!   code for an [`OAuthUserInfo`].
//! - [`Flow`]: what has to be kept on the server in between. Code flow with PKCE S256, always.
//! - [`OAuthError`]: why there is no user, as a stable code, and as a text for the log that quotes nobody.
//!
//! Each provider has an HTTP client of its own: https to public addresses alone ([`NetworkPolicy`]), no redirects,
//! bounded answers, [`Timeouts`], a circuit breaker, and a bound on the calls under way. Its tokens live for the length
//! of an exchange. A tokio runtime with timer and I/O is needed.
#![deny(missing_docs)]

mod authorization;
mod claims;
mod discord;
mod error;
mod flow;
mod github;
mod google;
mod http;
mod json;
mod network;
mod oidc;
mod plain;
mod provider;
mod providers;
mod refused_url;
mod token;
mod user_api;
mod user_info;

pub use claims::Claims;
pub use error::OAuthError;
pub use flow::{AuthorizationResponse, Flow};
pub use http::Timeouts;
pub use network::NetworkPolicy;
pub use plain::{DefaultEndpoints, OAuth2Provider, ReadingUser};
pub use provider::Provider;
pub use providers::{ClientCredentials, Endpoints, InvalidProvider, OidcIssuer, Providers, ProvidersBuilder};
pub use refused_url::RefusedUrl;
pub use user_api::UserApi;
pub use user_info::OAuthUserInfo;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExample;
