//! Gatehouse's use cases: placeholder.
#![deny(missing_docs)]

mod account;
mod alert;
mod audit;
mod client;
mod config;
mod fault;
mod jobs;
mod keys;
mod login;
mod logout;
mod profile;
mod refresh;
mod register;
mod revocation_feed;
mod seen_flush;
mod service;
mod session;
mod sessions;

pub use account::{AccountError, Export, FRESH_PROOF, FreshProof, ProfileChange};
pub use client::Client;
pub use config::{ReuseScope, ServiceConfig};
pub use fault::Fault;
pub use jobs::Jobs;
pub use keys::KeyError;
pub use login::{LoginAttempt, LoginError};
pub use logout::SessionError;
pub use profile::Profile;
pub use refresh::RefreshError;
pub use register::{RegisterError, Registration};
pub use service::{AuthService, Parts, StartError};
pub use session::Tokens;
pub use sessions::SessionInfo;
