//! For operators and machines: is it alive, is it ready, which keys verify its tokens.

use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpResponse, web};
use auth_ephemeral::Redis;
use auth_service::AuthService;
use serde::Serialize;
use utoipa::ToSchema;

use super::words;

/// Whether the server is about to stop.
#[derive(Debug, Default)]
pub(crate) struct Stopping(AtomicBool);

impl Stopping {
    pub(crate) fn begin(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn has_begun(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// What instances share: Redis, where there is one.
pub(crate) struct SharedState(pub(crate) Option<Redis>);

impl SharedState {
    /// `up` or `degraded`; nothing without Redis.
    pub(crate) async fn check(&self) -> Option<&'static str> {
        let answered = self.0.as_ref()?.check().await;
        Some(if answered.is_ok() { "up" } else { "degraded" })
    }
}

/// The state of the process.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    #[schema(schema_with = words::healthy)]
    status: &'static str,
}

/// Whether requests should be sent here.
#[derive(Serialize, ToSchema)]
pub(super) struct Readiness {
    #[schema(schema_with = words::readiness)]
    status: &'static str,
    checks: Checks,
}

/// What the server stands on.
#[derive(Serialize, ToSchema)]
struct Checks {
    #[schema(schema_with = words::up_or_down)]
    database: &'static str,
    /// Mails wait while it is down, and requests are answered.
    #[schema(schema_with = words::up_or_down)]
    mail: &'static str,
    /// Where there is one: sign-ins that take two steps are refused while it is away, and all other requests are answered.
    #[schema(schema_with = words::up_or_degraded)]
    #[serde(skip_serializing_if = "Option::is_none")]
    redis: Option<&'static str>,
}

/// A JWK Set.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape that auth_core's key ring writes, for the OpenAPI document")]
pub(super) struct KeySet {
    keys: Vec<PublicKey>,
}

/// A public key (RFC 7517). Which members there are follows from `kty`: `crv` and `x` (RFC 8037), `crv`, `x` and `y`, or
/// `n` and `e` (RFC 7518, section 6).
#[derive(ToSchema)]
#[expect(dead_code, reason = "part of the shape of a key set, for the OpenAPI document")]
struct PublicKey {
    #[schema(example = "OKP")]
    kty: String,
    /// Which key a token was signed with: its header names it.
    kid: String,
    #[schema(example = "sig")]
    r#use: String,
    #[schema(example = "EdDSA")]
    alg: String,
    #[schema(nullable = false, example = "Ed25519")]
    crv: Option<String>,
    #[schema(nullable = false)]
    x: Option<String>,
    #[schema(nullable = false)]
    y: Option<String>,
    #[schema(nullable = false)]
    n: Option<String>,
    #[schema(nullable = false)]
    e: Option<String>,
}

/// The process is alive. No I/O.
#[utoipa::path(get, path = "/health", operation_id = "getHealth", tag = "system", responses((status = 200, description = "Alive", body = Health)))]
pub(super) async fn health() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "healthy" })
}

/// The server can do its work.
#[utoipa::path(get, path = "/health/ready", operation_id = "getReadiness", tag = "system", responses(
    (status = 200, description = "Ready", body = Readiness),
    (status = 503, description = "The database is out of reach, or the server is stopping",
        body = Readiness),
))]
pub(super) async fn ready(
    service: web::Data<AuthService>,
    shared: web::Data<SharedState>,
    stopping: web::Data<Stopping>,
) -> HttpResponse {
    let (database, redis) = tokio::join!(service.check_database(), shared.check());
    if let Err(error) = &database {
        tracing::warn!(%error, "not ready");
    }
    let status = match (stopping.has_begun(), &database) {
        (true, _) => "stopping",
        (false, Err(_)) => "unavailable",
        (false, Ok(())) => "ready",
    };
    let state = |up: bool| if up { "up" } else { "down" };
    let checks = Checks { database: state(database.is_ok()), mail: state(service.mail_is_up()), redis };
    let mut response = if status == "ready" { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.json(Readiness { status, checks })
}

/// The public keys that verify access tokens, as a JWK Set (RFC 7517).
#[utoipa::path(get, path = "/.well-known/jwks.json", operation_id = "getSigningKeys", tag = "system", responses(
    (status = 200, description = "The keys; none with HS256", body = KeySet),
))]
pub(super) async fn jwks(service: web::Data<AuthService>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .body(service.jwks())
}
