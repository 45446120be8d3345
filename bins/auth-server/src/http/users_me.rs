//! The signed-in user's own account.

use actix_web::{HttpResponse, web};
use auth_actix::{CurrentUser, Json, OptionalJson};
use auth_service::{AuthService, ProfileChange};
use serde::Deserialize;
use utoipa::ToSchema;

use super::answer::User;
use super::body::{ProofBody, given};
use super::client::Caller;
use super::export::Export;
use super::refusal::Answer;

/// What to change; `null` clears a field, a field that isn't there stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeBody {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100, pattern = r"^.*\S.*$", example = "Ada Lovelace")]
    display_name: Option<Option<String>>,
    /// An https URL.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = Uri, max_length = 2048, pattern = "^[Hh][Tt][Tt][Pp][Ss]:.+$",
        example = "https://cdn.example.org/ada.png")]
    avatar_url: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    /// 3 to 32 letters, digits, `.`, `_`, `-`.
    #[schema(value_type = Option<String>, min_length = 3, max_length = 32, pattern = r"^[^\s@]+$", example = "ada")]
    username: Option<Option<String>>,
}

/// My account.
#[utoipa::path(get, path = "/users/me", operation_id = "getMe", tag = "account", security(("bearer" = [])), responses(
    (status = 200, description = "The account", body = User),
    (status = 403, description = "`account_disabled`"),
))]
pub(super) async fn show(service: web::Data<AuthService>, user: CurrentUser) -> Answer<HttpResponse> {
    Ok(HttpResponse::Ok().json(User::from(service.profile(user.id()).await?)))
}

/// Change my account.
#[utoipa::path(patch, path = "/users/me", operation_id = "changeMe", tag = "account", security(("bearer" = [])), request_body = ChangeBody,
    responses(
    (status = 200, description = "The changed account", body = User),
    (status = 403, description = "`account_disabled`"),
    (status = 409, description = "`username_taken`"),
))]
pub(super) async fn change(
    service: web::Data<AuthService>,
    user: CurrentUser,
    body: Json<ChangeBody>,
) -> Answer<HttpResponse> {
    let body = &body.0;
    let change = ProfileChange {
        display_name: body.display_name.as_ref().map(Option::as_deref),
        avatar_url: body.avatar_url.as_ref().map(Option::as_deref),
        username: body.username.as_ref().map(Option::as_deref),
    };
    Ok(HttpResponse::Ok().json(User::from(service.change_profile(user.id(), change).await?)))
}

/// Delete my account and everything of mine.
#[utoipa::path(delete, path = "/users/me", operation_id = "deleteMe", tag = "account", security(("bearer" = [])),
    request_body = Option<ProofBody>, responses(
    (status = 204, description = "The account is gone"),
    (status = 401, description = "`invalid_credentials` or `invalid_code`"),
    (status = 403, description = "`reauth_required` or `account_disabled`"),
    (status = 409, description = "`last_admin`"),
))]
pub(super) async fn delete(
    service: web::Data<AuthService>,
    user: CurrentUser,
    body: OptionalJson<ProofBody>,
    caller: Caller,
) -> Answer<HttpResponse> {
    service.delete_account(user.claims(), body.0.proof(), &caller.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Everything that is stored about me, but for secrets.
#[utoipa::path(get, path = "/users/me/export", operation_id = "exportMe", tag = "account", security(("bearer" = [])), responses(
    (status = 200, description = "My data", body = Export),
    (status = 403, description = "`account_disabled`"),
))]
pub(super) async fn export(service: web::Data<AuthService>, user: CurrentUser) -> Answer<HttpResponse> {
    Ok(HttpResponse::Ok().json(service.export(user.claims()).await?))
}
