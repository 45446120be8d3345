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
//!
//! ```
//! use std::sync::Arc;
//!
//! use auth_core::{BreakerConfig, OsRandom, SystemClock};
//! use auth_oauth::{ClientCredentials, Flow, NetworkPolicy, Providers};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = ClientCredentials { client_id: "id".to_owned(), client_secret: Some("secret".into()) };
//! let builder = Providers::builder(NetworkPolicy::Public, BreakerConfig::default(), Arc::new(SystemClock));
//! let providers = builder.google(client, None).build()?;
//!
//! // The browser is sent to the provider; the flow is kept on the server, under its state.
//! let google = providers.find("google").ok_or("no such provider")?;
//! let (state, flow) = (Flow::new_state(&OsRandom), Flow::begin("https://app.example/callback".parse()?, &OsRandom));
//! let url = google.authorization_url(&flow, &state).await?;
//! assert_eq!(url.host_str(), Some("accounts.google.com"));
//!
//! // It comes back with a code: `google.exchange(&flow, response)` says who it is.
//! # Ok(())
//! # }
//! ```
//!
//! The README has a whole sign-in, with a provider on the other side.
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
