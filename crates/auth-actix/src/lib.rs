//! What an actix service needs to trust Gatehouse's access tokens: extractors, problem answers, request ids.
//!
//! A handler that takes [`CurrentUser`] is reached by signed-in users only; [`OptionalUser`] lets everybody in and says
//! who is known; [`AdminUser`] and [`RequireRole`] want a role, [`RequirePremium`] a user who has paid. Refusals leave as
//! problem details (RFC 9457) with a stable `error_code`: [`Problem`]. [`RequestContext`] gives every request an id, and
//! every answer its headers. [`Json`] reads bodies strictly.
//!
//! The extractors work in any actix service, and find out by the application's data whom it trusts:
//!
//! - **`web::Data<AccessTokens>`: our key ring in process.** The check costs no I/O and is never waited for: signature,
//!   claims, time, and a list of what was revoked lately. What is revoked counts within a second.
//! - **`web::Data<RemoteIssuer>`: only the issuer's URL** (feature `remote-issuer`). The published keys are fetched, kept,
//!   replaced, and go on while the issuer is away. What is revoked counts when the access token expires; a handler that
//!   takes [`Confirmed`] asks the issuer's `GET /auth/verify` and knows at once, or answers 503.
//!
//! The crate stands on `auth-core` alone: a service that only guards its routes builds no database; without the feature
//! it builds no HTTP client either.
//!
//! A whole service with the key ring in process; one that knows the issuer's URL alone differs by its `app_data`, and is
//! `examples/actix-jwks`:
//!
//! ```
//! use std::sync::Arc;
//!
//! use actix_web::{App, http::StatusCode, test, web};
//! use auth_actix::{CurrentUser, RequestContext};
//! use auth_core::{
//!     AccessGrant, AccessTokenConfig, AccessTokens, KeyRing, OsRandom, RevocationList, Role, SessionId, SharedKeyRing,
//!     SigningAlgorithm, SigningKey, SystemClock, Clock, UserId,
//! };
//!
//! async fn greet(user: CurrentUser) -> String {
//!     format!("Hello, {}", user.id())
//! }
//!
//! # actix_web::rt::System::new().block_on(async {
//! let key = SigningKey::generate(SigningAlgorithm::EdDsa, &OsRandom).unwrap();
//! let clock = Arc::new(SystemClock);
//! let tokens = AccessTokens::new(
//!     AccessTokenConfig {
//!         issuer: "https://auth.example.org".to_owned(),
//!         audience: "https://auth.example.org".to_owned(),
//!         lifetime: std::time::Duration::from_secs(900),
//!     },
//!     SharedKeyRing::new(KeyRing::new(Arc::new(key))),
//!     Arc::new(RevocationList::new(None)),
//!     Arc::default(),
//!     clock.clone(),
//! );
//! let now = clock.now();
//! let issued = tokens.issue(
//!     &AccessGrant {
//!         user_id: UserId::new(now, &OsRandom),
//!         session_id: SessionId::new(now, &OsRandom),
//!         generation: 1,
//!         epoch: 0,
//!         role: Role::User,
//!         amr: &["pwd".to_owned()],
//!         auth_time: now,
//!         session_expires_at: now.plus(std::time::Duration::from_secs(3600)),
//!         premium_until: None,
//!     },
//!     &OsRandom,
//! ).unwrap();
//!
//! let app = test::init_service(
//!     App::new()
//!         .app_data(web::Data::new(tokens))
//!         .route("/greet", web::get().to(greet))
//!         .wrap(RequestContext::new(clock, Vec::new(), Vec::new())),
//! ).await;
//!
//! let request = test::TestRequest::get().uri("/greet").to_request();
//! assert_eq!(test::call_service(&app, request).await.status(), StatusCode::UNAUTHORIZED);
//!
//! let bearer = format!("Bearer {}", issued.token.expose());
//! let request = test::TestRequest::get().uri("/greet").insert_header(("Authorization", bearer)).to_request();
//! assert_eq!(test::call_service(&app, request).await.status(), StatusCode::OK);
//! # });
//! ```
#![deny(missing_docs)]

mod bearer;
mod confirmed;
mod context;
mod current_user;
#[cfg(test)]
mod fixture;
mod guard;
#[cfg(feature = "remote-issuer")]
mod issuer;
mod json;
mod observer;
mod pending;
mod premium;
mod problem;
mod rate_limit;
mod request_id;
mod role;
mod trace_parent;

pub use confirmed::{Confirmed, ConfirmedUser};
pub use context::{RequestContext, RequestContextService};
pub use current_user::{CurrentUser, OptionalUser};
pub use guard::{Guard, Verdict};
#[cfg(feature = "remote-issuer")]
pub use issuer::{InvalidRemoteIssuer, IssuerAway, RemoteIssuer, RemoteIssuerConfig};
pub use json::{Json, MAX_BODY_BYTES, OptionalJson};
pub use observer::{EndedRequest, RequestObserver};
pub use premium::RequirePremium;
pub use problem::Problem;
pub use rate_limit::RateLimit;
pub use request_id::{RequestId, X_REQUEST_ID};
pub use role::{Admin, AdminUser, RequireRole, RequiredRole};
pub use trace_parent::TraceParent;

// It shows the feature too.
#[cfg(all(doctest, feature = "remote-issuer"))]
#[doc = include_str!("../README.md")]
struct ReadmeExample;
