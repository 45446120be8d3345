//! Gatehouse's use cases: sign up, in and out, stay signed in, recover, and look after one's account and sessions.
//!
//! [`AuthService`] is all of it: a cheap handle with one async function for each use case. It knows no HTTP (put actix,
//! axum, tonic or nothing before it) and holds no SQL (`auth-persistence` does). What it refuses it refuses by small
//! error types with a stable [`ErrorCode`](auth_core::ErrorCode) each.
//!
//! One function alone opens sessions and says what is due before ([`Step`]), and one ends everything of a user. What
//! must not get lost (audit events, mails) is written in the transaction of its cause; what a refusal has to remember is
//! committed before the refusal is answered.
//!
//! ```
//! use auth_core::{AuthSecret, OsRandom};
//! use auth_service::{AuthService, Client, Database, DatabaseConfig, LoginAttempt, Registration, Step};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let database = Database::open(DatabaseConfig::new("sqlite::memory:"))?;
//! // A real service reads one secret of at least 32 bytes and keeps it, and sends its mails by SMTP.
//! let service = AuthService::builder(database, &AuthSecret::generate(&OsRandom)).start()?;
//! service.sync_revocations().await?;
//! let jobs = service.run_jobs();
//!
//! let (email, password) = (Some("ada@example.org"), Some("seven wooden gates of Thebes"));
//! let client = Client::at(Some("192.0.2.1".parse()?));
//! service.register(Registration { email, password, username: None, display_name: None }, &client).await?;
//! let step = service.log_in(LoginAttempt { identifier: email, password, device_token: None }, &client).await?;
//! let Step::Authenticated(tokens) = step else { return Err("something is still due".into()) };
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
//!
//! # Where to begin
//!
//! - [`AuthService::builder`] makes a service of a database and a secret, [`AuthServiceBuilder`] says with which
//!   defaults, and [`ServiceConfig`] has the settings. [`AuthService::run_jobs`] starts what goes on beside requests.
//! - [`AuthService::register`], [`log_in`](AuthService::log_in) and the sign-ins with other providers end in a [`Step`]:
//!   tokens, or a [`Challenge`] for [`answer_challenge`](AuthService::answer_challenge).
//! - [`AuthService::access_tokens`] checks access tokens, without I/O, for every route that wants a signed-in user.
//! - [`Client`] is who calls: limits, sessions and the audit trail go by the address in it.
//! - Every error has a `code()`; [`ErrorCode::status`](auth_core::ErrorCode::status) is its HTTP status.
//!
//! `docs/embedding.md` in the repository goes through it, and `examples/axum-embedded` is a whole service.
#![deny(missing_docs)]

mod account;
mod admin;
mod audit;
mod authenticator;
mod builder;
mod challenge;
mod clean_up;
mod client;
mod config;
mod device;
mod email_change;
mod export;
mod fault;
mod first_admin;
mod fresh_proof;
mod identifier;
mod jobs;
mod keys;
mod lease;
mod letter;
mod limits;
mod links;
mod login;
mod logout;
mod new_device;
mod new_password;
mod oauth;
mod operation;
mod outbox;
mod page;
mod password_change;
mod pending;
mod profile;
mod reauth;
mod recovery;
mod refresh;
mod register;
mod restored;
mod revocation_feed;
mod revocation_news;
mod revoke_everybody;
mod second_factor;
mod security_event;
mod security_events;
mod seen_flush;
mod service;
mod session;
mod sessions;
mod step;
mod user_export;
mod user_import;
mod user_record;
mod verification;

pub use account::{AccountError, ProfileChange};
pub use admin::{AccountChange, AdministrationError, AuditQuery, NewAccount, UserQuery};
pub use audit::{AuditFault, AuditReport, AuditTrail, FaultKind, InvalidCheckpoint, KnownCheckpoint, event_names};
pub use builder::AuthServiceBuilder;
pub use challenge::{ChallengeAnswer, ChallengeError};
pub use client::Client;
pub use config::{ReuseScope, ServiceConfig};
pub use export::Export;
pub use fault::Fault;
pub use first_admin::{AdminError, AdminOutcome};
pub use fresh_proof::{FRESH_PROOF, FreshProof};
pub use jobs::Jobs;
pub use keys::{KeyError, KeyInfo, KeyKeeper, KeyState, Replaced, Resealed, Rotation, Urgency};
pub use limits::{RateLimited, RateLimits};
pub use links::Links;
pub use login::{LoginAttempt, LoginError};
pub use logout::SessionError;
pub use oauth::{
    LinkedAccount, OAuthCallback, OAuthFlowError, OAuthOutcome, OAuthProviderInfo, OAuthStart, OAuthStarted,
    oauth_flow_id,
};
pub use outbox::OutboxEntry;
pub use page::{Page, PageRequest};
pub use profile::Profile;
pub use refresh::RefreshError;
pub use register::{RegisterError, Registered, Registration};
pub use restored::{Restoration, Revived};
pub use revoke_everybody::RevokedEverybody;
pub use second_factor::{SecondFactorStatus, TotpEnrolment};
pub use security_events::SecurityEvent;
pub use service::{AuthService, Parts, StartError};
pub use session::Tokens;
pub use sessions::SessionInfo;
pub use step::{CHALLENGE_LIFE, CHALLENGE_TRIES, Challenge, ChallengeKind, ChallengeMethod, Step};
pub use user_export::UserPage;
pub use user_import::{ImportOutcome, SeenUsers};
pub use user_record::{RefusedRecord, UserRecord};
pub use verification::{AccountProof, LinkError};

pub use auth_ephemeral::Quota;
pub use auth_persistence::{Database, DatabaseConfig, OpenError};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExample;
