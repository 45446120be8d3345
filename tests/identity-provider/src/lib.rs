//! An identity provider for tests, on 127.0.0.1: OAuth 2.0 with PKCE (RFC 6749, RFC 7636) as Google, Discord and GitHub
//! speak it, and OpenID Connect with discovery, JWKS and `id_token`s. It keeps what it was asked, is as strict as the
//! standards allow, and misbehaves on demand.
//!
//! Nobody has to click: a test approves an authorization URL in the user's stead, and gets the URL that a browser would
//! be sent back to.
//!
//! ```
//! use identity_provider::{Answer, Endpoint, IdentityProvider, Signing, people};
//!
//! let provider = IdentityProvider::start();
//! provider.set_user(people::openid("subject-7", "ada@example.org"));
//! provider.set_claims(|claims| {
//!     claims.remove("nonce");
//! });
//! provider.sign_with(Signing::Es256);
//! provider.misbehave(Endpoint::Token, Answer::Hang);
//! assert!(provider.requests().is_empty());
//! ```
#![deny(missing_docs)]
#![expect(clippy::unwrap_used, reason = "a test whose provider can't work has failed")]

mod authorize;
mod behaviour;
mod discovery;
mod grants;
mod http;
mod id_token;
mod keys;
pub mod people;
mod provider;
mod recorded;
mod serve;
mod settings;
mod state;
mod token;
mod userinfo;

pub use behaviour::{Answer, Endpoint};
pub use id_token::Signing;
pub use provider::IdentityProvider;
pub use recorded::Recorded;
