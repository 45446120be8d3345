//! The signed-in user's sessions.

use actix_web::{HttpResponse, web};
use auth_actix::{CurrentUser, Problem};
use auth_core::{ErrorCode, SessionId};
use auth_service::AuthService;

use super::answer::Sessions;
use super::client::Caller;
use super::refusal::Answer;

/// My live sessions, newest first.
#[utoipa::path(get, path = "/users/me/sessions", operation_id = "listSessions", tag = "sessions", security(("bearer" = [])), responses(
    (status = 200, description = "The sessions", body = Sessions, links(
        ("revoke" = (operation_id = "revokeSession", parameters(("id" = "$response.body#/sessions/0/id")),
            description = "Each can be ended by its id")),
    )),
))]
pub(super) async fn list(service: web::Data<AuthService>, user: CurrentUser) -> Answer<HttpResponse> {
    let sessions = service.sessions(user.id(), user.session()).await?;
    Ok(HttpResponse::Ok().json(Sessions::from(sessions)))
}

/// End all my sessions but this one.
#[utoipa::path(delete, path = "/users/me/sessions", operation_id = "revokeOtherSessions", tag = "sessions", security(("bearer" = [])), responses(
    (status = 204, description = "The others have ended"),
))]
pub(super) async fn revoke_others(
    service: web::Data<AuthService>,
    user: CurrentUser,
    caller: Caller,
) -> Answer<HttpResponse> {
    service.revoke_other_sessions(user.id(), user.session(), &caller.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// End one of my sessions.
#[utoipa::path(delete, path = "/users/me/sessions/{id}", operation_id = "revokeSession", tag = "sessions", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The session's id")), responses(
    (status = 204, description = "It has ended"),
    (status = 404, description = "`not_found`: no live session of mine, whatever else it may be"),
))]
pub(super) async fn revoke(
    service: web::Data<AuthService>,
    user: CurrentUser,
    id: web::Path<String>,
    caller: Caller,
) -> Answer<HttpResponse> {
    let session: SessionId = id.parse().map_err(|_| Problem::new(ErrorCode::NotFound))?;
    service.revoke_session(user.id(), session, &caller.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
