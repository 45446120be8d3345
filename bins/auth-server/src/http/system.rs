//! For operators and machines: is it alive, is it ready, which keys verify its tokens.

use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpResponse, web};
use auth_ephemeral::Redis;
use auth_service::AuthService;
use serde::Serialize;
use utoipa::ToSchema;

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
    /// `healthy`
    status: &'static str,
}

/// Whether requests should be sent here.
#[derive(Serialize, ToSchema)]
pub(super) struct Readiness {
    /// `ready`, `stopping` or `unavailable`
    status: &'static str,
    checks: Checks,
}

#[derive(Serialize, ToSchema)]
struct Checks {
    /// `up` or `down`
    database: &'static str,
    /// `up` or `down`; mails wait while it is down, and requests are answered
    mail: &'static str,
    /// `up` or `degraded`, where there is one: sign-ins that take two steps are refused while it is away, and all other
    /// requests are answered
    #[serde(skip_serializing_if = "Option::is_none")]
    redis: Option<&'static str>,
}

/// The process is alive. No I/O.
#[utoipa::path(get, path = "/health", tag = "system", responses((status = 200, description = "Alive", body = Health)))]
pub(super) async fn health() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "healthy" })
}

/// The server can do its work.
#[utoipa::path(get, path = "/health/ready", tag = "system", responses(
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
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "system", responses(
    (status = 200, description = "The keys; none with HS256", body = Object),
))]
pub(super) async fn jwks(service: web::Data<AuthService>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .body(service.jwks())
}
