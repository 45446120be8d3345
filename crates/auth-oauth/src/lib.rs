//! Sign-in with other providers: where to send the browser, and who came back, as one normalised user.
//!
//! This is a skeleton of the outward interface.
#![deny(missing_docs)]

mod error;
mod flow;
mod provider;
mod providers;
mod user_info;

pub use error::OAuthError;
pub use flow::{AuthorizationResponse, Flow};
pub use provider::Provider;
pub use providers::{ClientCredentials, Endpoints, InvalidProvider, NetworkPolicy, OidcIssuer, Providers, ProvidersBuilder};
pub use user_info::OAuthUserInfo;
