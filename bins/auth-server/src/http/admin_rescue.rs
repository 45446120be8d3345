//! How administrators help users in again, and put strangers out.

use actix_web::{HttpResponse, web};
use auth_actix::{AdminUser, OptionalJson};
use auth_service::AuthService;

use super::admin_users::Target;
use super::body::ProofBody;
use super::client::Caller;
use super::refusal::Answer;

/// Take a user's second factor off, also a disabled one.
///
/// Ends all sessions and half-done sign-ins of the user, who gets a mail about it. Without a second factor nothing happens.
#[utoipa::path(post, path = "/admin/users/{id}/reset-mfa", operation_id = "resetUserMfa", tag = "administration",
    security(("bearer" = [])), params(("id" = uuid::Uuid, Path, description = "The user's id")),
    request_body = Option<ProofBody>, responses(
    (status = 204, description = "No second factor is asked any more"),
    (status = 401, description = "`invalid_credentials` or `invalid_code`"),
    (status = 403, description = "`forbidden`, `reauth_required` or `account_disabled`"),
    (status = 404, description = "`not_found`: no user has this id"),
))]
pub(super) async fn reset_mfa(
    service: web::Data<AuthService>,
    admin: AdminUser,
    user: Target,
    body: OptionalJson<ProofBody>,
    caller: Caller,
) -> Answer<HttpResponse> {
    service.reset_second_factor(admin.0.claims(), user.0, body.0.proof(), &caller.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// End all sessions and half-done sign-ins of a user.
#[utoipa::path(post, path = "/admin/users/{id}/revoke-sessions", operation_id = "revokeUserSessions",
    tag = "administration", security(("bearer" = [])), params(("id" = uuid::Uuid, Path, description = "The user's id")),
    request_body = Option<ProofBody>, responses(
    (status = 204, description = "They have ended"),
    (status = 401, description = "`invalid_credentials` or `invalid_code`"),
    (status = 403, description = "`forbidden`, `reauth_required` or `account_disabled`"),
    (status = 404, description = "`not_found`: no user has this id"),
))]
pub(super) async fn revoke_sessions(
    service: web::Data<AuthService>,
    admin: AdminUser,
    user: Target,
    body: OptionalJson<ProofBody>,
    caller: Caller,
) -> Answer<HttpResponse> {
    service.revoke_sessions_of(admin.0.claims(), user.0, body.0.proof(), &caller.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Mail a user a link to set a new password.
///
/// Also to a user who has none yet. An address gets no more of these mails than by `POST /auth/password/forgot`: one too
/// many is not sent.
#[utoipa::path(post, path = "/admin/users/{id}/send-password-reset", operation_id = "sendUserPasswordReset",
    tag = "administration", security(("bearer" = [])), params(("id" = uuid::Uuid, Path, description = "The user's id")),
    request_body = Option<ProofBody>, responses(
    (status = 204, description = "The mail is on its way"),
    (status = 401, description = "`invalid_credentials` or `invalid_code`"),
    (status = 403, description = "`forbidden`, `reauth_required` or `account_disabled`"),
    (status = 404, description = "`not_found`: no user has this id"),
    (status = 409, description = "`no_email`: there is nowhere to send it to; or `user_disabled`: the link would open \
        nothing"),
))]
pub(super) async fn send_password_reset(
    service: web::Data<AuthService>,
    admin: AdminUser,
    user: Target,
    body: OptionalJson<ProofBody>,
    caller: Caller,
) -> Answer<HttpResponse> {
    service.send_password_reset(admin.0.claims(), user.0, body.0.proof(), &caller.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
