//! Gatehouse's use cases: register, log in, stay signed in, log out, and look after one's account and sessions.
//!
//! [`AuthService`] is all of it: a cheap handle with one async function for each use case. It knows no HTTP (put actix,
//! axum, tonic or nothing before it) and holds no SQL (`auth-persistence` does). What it refuses it refuses by small
//! error types with a stable [`ErrorCode`](auth_core::ErrorCode) each.
//!
//! One function alone opens sessions, and one ends everything of a user. What must not get lost (audit events, mails)
//! is written in the transaction of its cause; what a refusal has to remember is committed before the refusal is
//! answered.
//!
//! ```
//! use std::sync::Arc;
//!
//! use auth_core::password::{Argon2Backend, HashPool, HashPoolConfig, PasswordHasher};
//! use auth_core::{AuthSecret, OsRandom, SecretRing, SystemClock};
//! use auth_persistence::{Database, DatabaseConfig};
//! use auth_service::{AuthService, Client, LoginAttempt, Parts, Registration, ServiceConfig};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let database = Database::open(DatabaseConfig::new("sqlite::memory:"))?;
//! database.migrate()?;
//! let hasher = PasswordHasher::new(Default::default(), Argon2Backend::Auto);
//! let service = AuthService::start(
//!     ServiceConfig::default(),
//!     Parts {
//!         database,
//!         // A real service reads one secret of at least 32 bytes and keeps it.
//!         secrets: SecretRing::new(&AuthSecret::generate(&OsRandom), None),
//!         hash_pool: HashPool::start(HashPoolConfig::default(), hasher, Arc::new(SystemClock))?,
//!         clock: Arc::new(SystemClock),
//!         random: Arc::new(OsRandom),
//!     },
//! )?;
//! service.sync_revocations().await?;
//! let jobs = service.run_jobs();
//!
//! let (email, password) = (Some("ada@example.org"), Some("seven wooden gates of Thebes"));
//! let client = Client::at(Some("192.0.2.1".parse()?));
//! service.register(Registration { email, password, username: None, display_name: None }, &client).await?;
//! let tokens = service.log_in(LoginAttempt { identifier: email, password }, &client).await?;
//!
//! let claims = service.access_tokens().verify(tokens.access_token.expose())?;
//! let tokens = service.refresh(tokens.refresh_token.expose(), &client).await?;
//! service.log_out(claims.user_id, claims.session_id, &client).await?;
//! assert!(service.access_tokens().verify(tokens.access_token.expose()).is_err());
//! jobs.stop().await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExample;
