//! Passwords that are forgotten or changed, and accounts that a stranger got into.

use actix_web::{HttpResponse, web};
use auth_actix::{CurrentUser, Json};
use auth_service::AuthService;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::{AddressBody, LinkBody, exposed};
use super::client::Caller;
use super::refusal::Answer;
use super::step::Accepted;

/// A new password, by a mailed link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ResetBody {
    /// What stands after `token=` in the link of a `reset_password` or an `activate` mail.
    #[schema(required, nullable = false, value_type = String)]
    token: Option<SecretString>,
    /// As at `POST /auth/register`.
    #[schema(required, nullable = false, value_type = String, format = Password, min_length = 8, max_length = 1024)]
    new_password: Option<SecretString>,
}

/// A new password, by the current one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangePasswordBody {
    #[schema(required, nullable = false, value_type = String, format = Password, max_length = 4096)]
    current_password: Option<SecretString>,
    /// As at `POST /auth/register`.
    #[schema(required, nullable = false, value_type = String, format = Password, min_length = 8, max_length = 1024)]
    new_password: Option<SecretString>,
}

/// Ask for a mail to set a new password.
///
/// The answer, its time and its work are the same whether or not the address has an account.
#[utoipa::path(post, path = "/auth/password/forgot", operation_id = "forgotPassword", tag = "recovery", request_body = AddressBody, responses(
    (status = 202, description = "If the address has an account, a mail is on its way", body = Accepted),
))]
pub(super) async fn forgot(
    service: web::Data<AuthService>,
    body: Json<AddressBody>,
    caller: Caller,
) -> Answer<HttpResponse> {
    service.forgot_password(body.0.email.as_deref(), &caller.0).await?;
    Ok(HttpResponse::Accepted().json(Accepted::REQUEST))
}

/// Set a new password by a mailed link.
///
/// Every session ends, and none is opened. It verifies the address, too, and gives an account that an admin made its
/// first password.
#[utoipa::path(post, path = "/auth/password/reset", operation_id = "resetPassword", tag = "recovery", request_body = ResetBody, responses(
    (status = 204, description = "The password is set"),
    (status = 400, description = "`token_invalid_or_expired`"),
    (status = 422, description = "`validation_failed`: fields are missing, or the new password is refused \
        (`weak_password`, `breached_password`); the link stays good"),
))]
pub(super) async fn reset(
    service: web::Data<AuthService>,
    body: Json<ResetBody>,
    caller: Caller,
) -> Answer<HttpResponse> {
    let body = body.0;
    let (token, new) = (exposed(body.token.as_ref()), exposed(body.new_password.as_ref()));
    service.reset_password(token, new, &caller.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Change my password. Every other session of mine ends.
#[utoipa::path(post, path = "/auth/password/change", operation_id = "changePassword", tag = "account", security(("bearer" = [])),
    request_body = ChangePasswordBody, responses(
    (status = 204, description = "The password is changed"),
    (status = 401, description = "`invalid_credentials`: the current password is another"),
    (status = 403, description = "`account_disabled`"),
    (status = 409, description = "`no_password`: ask for a mail to set the first one"),
    (status = 422, description = "`validation_failed`: fields are missing, or the new password is refused \
        (`weak_password`, `breached_password`, `password_unchanged`)"),
))]
pub(super) async fn change(
    service: web::Data<AuthService>,
    user: CurrentUser,
    body: Json<ChangePasswordBody>,
    caller: Caller,
) -> Answer<HttpResponse> {
    let body = body.0;
    let (current, new) = (exposed(body.current_password.as_ref()), exposed(body.new_password.as_ref()));
    service.change_password(user.claims(), current, new, &caller.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Lock everybody out, by the link of a security mail.
///
/// Every session ends, the password can't be used until it is reset, and a mail to reset it is sent.
#[utoipa::path(post, path = "/auth/secure-account", operation_id = "secureAccount", tag = "recovery", request_body = LinkBody, responses(
    (status = 204, description = "The account is secured"),
    (status = 400, description = "`token_invalid_or_expired`"),
))]
pub(super) async fn secure(
    service: web::Data<AuthService>,
    body: Json<LinkBody>,
    caller: Caller,
) -> Answer<HttpResponse> {
    service.secure_account(body.0.token(), &caller.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
