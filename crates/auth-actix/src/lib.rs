//! What an actix service needs to trust Gatehouse's access tokens: extractors, problem answers, request ids.
//!
//! A handler that takes [`CurrentUser`] is reached by signed-in users only; [`OptionalUser`] lets everybody in and says
//! who is known; [`AdminUser`] wants the role. The check costs no I/O: signature, claims, time, and a list of what was
//! revoked lately, all in this process. Refusals leave as problem details (RFC 9457) with a stable `error_code`:
//! [`Problem`]. [`RequestContext`] gives every request an id, and every answer its headers. [`Json`] reads bodies
//! strictly.
//!
//! The crate stands on `auth-core` alone: a service that only guards its routes builds no database.
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
//! // A service beside the server makes its ring from the server's JWKS instead, and never signs.
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
mod context;
mod json;
mod observer;
mod pending;
mod problem;
mod rate_limit;
mod request_id;
mod trace_parent;

pub use bearer::{AdminUser, CurrentUser, OptionalUser};
pub use context::{RequestContext, RequestContextService};
pub use json::{Json, MAX_BODY_BYTES, OptionalJson};
pub use observer::{EndedRequest, RequestObserver};
pub use problem::Problem;
pub use rate_limit::RateLimit;
pub use request_id::{RequestId, X_REQUEST_ID};
pub use trace_parent::TraceParent;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExample;
