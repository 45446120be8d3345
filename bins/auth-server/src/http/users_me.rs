//! The signed-in user's own account.

use actix_web::{HttpResponse, web};
use auth_actix::{CurrentUser, Json, OptionalJson};
use auth_service::{AuthService, ProfileChange};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::answer::User;
use super::body::ProofBody;
use super::client::Caller;
use super::refusal::Answer;

/// What to change; `null` clears a field, a field that isn't there stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeBody {
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    display_name: Option<Option<String>>,
    /// An https URL.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, format = Uri)]
    avatar_url: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    username: Option<Option<String>>,
}

/// A field that is there, `null` or not.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}

/// My account.
#[utoipa::path(get, path = "/users/me", tag = "account", security(("bearer" = [])), responses(
    (status = 200, description = "The account", body = User),
    (status = 403, description = "`account_disabled`"),
))]
pub(super) async fn show(service: web::Data<AuthService>, user: CurrentUser) -> Answer<HttpResponse> {
    Ok(HttpResponse::Ok().json(User::from(service.profile(user.id()).await?)))
}

/// Change my account.
#[utoipa::path(patch, path = "/users/me", tag = "account", security(("bearer" = [])), request_body = ChangeBody,
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
#[utoipa::path(delete, path = "/users/me", tag = "account", security(("bearer" = [])),
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
#[utoipa::path(get, path = "/users/me/export", tag = "account", security(("bearer" = [])), responses(
    (status = 200, description = "My data", body = Object),
    (status = 403, description = "`account_disabled`"),
))]
pub(super) async fn export(service: web::Data<AuthService>, user: CurrentUser) -> Answer<HttpResponse> {
    Ok(HttpResponse::Ok().json(service.export(user.claims()).await?))
}
