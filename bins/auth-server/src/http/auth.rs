//! Signing up, in and out, and staying signed in.

use actix_web::{HttpRequest, HttpResponse, web};
use auth_actix::{CurrentUser, Json, OptionalJson, Problem};
use auth_core::{ErrorCode, FieldError};
use auth_service::{AuthService, LoginAttempt, Registered, Registration};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use super::answer::Tokens;
use super::body::exposed;
use super::client::Caller;
use super::refusal::Answer;
use super::step::{Step, VerificationRequired};

/// What it takes to register.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RegisterBody {
    /// The address; it identifies the account.
    #[schema(required, nullable = false, format = Email, max_length = 254, example = "ada@example.org")]
    email: Option<String>,
    /// 12 to 256 characters unless the operator has set other bounds; none of the common ones.
    #[schema(required, nullable = false, value_type = String, format = Password, min_length = 8, max_length = 1024,
        example = "seven wooden gates of Thebes")]
    password: Option<SecretString>,
    /// 3 to 32 letters, digits, `.`, `_`, `-`. Refused where addresses must be verified first.
    #[schema(min_length = 3, max_length = 32, pattern = r"^[^\s@]+$", example = "ada")]
    username: Option<String>,
    /// The name that is shown.
    #[schema(min_length = 1, max_length = 100, pattern = r"^.*\S.*$", example = "Ada Lovelace")]
    display_name: Option<String>,
}

/// What it takes to log in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LoginBody {
    /// The address or the username.
    #[schema(required, nullable = false, example = "ada@example.org")]
    identifier: Option<String>,
    #[schema(required, nullable = false, value_type = String, format = Password, max_length = 4096,
        example = "seven wooden gates of Thebes")]
    password: Option<SecretString>,
    /// From an earlier sign-in on this device.
    #[schema(value_type = Option<String>)]
    device_token: Option<SecretString>,
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshBody {
    #[schema(required, nullable = false, value_type = String)]
    refresh_token: Option<SecretString>,
}

/// Whose session to end, if not by `Authorization`.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LogoutBody {
    /// Any authentic refresh token of the session, an outdated one too.
    #[schema(value_type = Option<String>)]
    refresh_token: Option<SecretString>,
}

/// Register, and be signed in.
///
/// Where addresses must be verified (`AUTH_REQUIRE_VERIFIED_EMAIL`), a mail is sent and nothing tells whether the
/// address is taken.
#[utoipa::path(post, path = "/auth/register", operation_id = "register", tag = "sign-in", request_body = RegisterBody, responses(
    (status = 201, description = "The account is made and a session opened", body = Step),
    (status = 202, description = "The address has to be verified first, whoever owns it",
        body = VerificationRequired),
    (status = 403, description = "`registration_closed`"),
    (status = 409, description = "`email_taken` or `username_taken`"),
    (status = 422, description = "`validation_failed`: fields are missing or refused (`invalid_email`, `weak_password`, \
        `breached_password`, …)"),
))]
pub(super) async fn register(
    service: web::Data<AuthService>,
    body: Json<RegisterBody>,
    caller: Caller,
) -> Answer<HttpResponse> {
    let body = body.0;
    let registration = Registration {
        email: body.email.as_deref(),
        password: exposed(body.password.as_ref()),
        username: body.username.as_deref(),
        display_name: body.display_name.as_deref(),
    };
    Ok(match service.register(registration, &caller.0).await? {
        Registered::Step(step) => HttpResponse::Created().json(Step::from(step)),
        Registered::VerificationRequired => HttpResponse::Accepted().json(VerificationRequired::REGISTRATION),
    })
}

/// Log in by address or username.
#[utoipa::path(post, path = "/auth/login", operation_id = "logIn", tag = "sign-in", request_body = LoginBody, responses(
    (status = 200, description = "A session is opened, or something is still due before", body = Step),
    (status = 401, description = "`invalid_credentials`: the same for an unknown user and a wrong password"),
    (status = 403, description = "With the right password only: `account_disabled`, or `verified_email_required` where \
        addresses must be verified and the account has none"),
))]
pub(super) async fn login(
    service: web::Data<AuthService>,
    body: Json<LoginBody>,
    caller: Caller,
) -> Answer<HttpResponse> {
    let body = body.0;
    let attempt = LoginAttempt {
        identifier: body.identifier.as_deref(),
        password: exposed(body.password.as_ref()),
        device_token: exposed(body.device_token.as_ref()),
    };
    let step = service.log_in(attempt, &caller.0).await?;
    Ok(HttpResponse::Ok().json(Step::from(step)))
}

/// Exchange a refresh token for new tokens.
///
/// Within `AUTH_REFRESH_GRACE` of the last rotation the refresh token comes back unchanged. What a client must do so
/// that it is never taken for a thief: `docs/tokens.md`.
#[utoipa::path(post, path = "/auth/refresh", operation_id = "refresh", tag = "sign-in", request_body = RefreshBody, responses(
    (status = 200, description = "New tokens", body = Tokens),
    (status = 401, description = "`refresh_token_invalid`, `refresh_token_expired`, or `refresh_token_reused`"),
    (status = 503, description = "`retry_later`: present the same token again after `Retry-After` seconds"),
))]
pub(super) async fn refresh(
    service: web::Data<AuthService>,
    body: Json<RefreshBody>,
    caller: Caller,
) -> Answer<HttpResponse> {
    let Some(token) = &body.0.refresh_token else {
        return Err(Problem::invalid(vec![FieldError::required("refresh_token")]).into());
    };
    let tokens = service.refresh(token.expose_secret(), &caller.0).await?;
    Ok(HttpResponse::Ok().json(Tokens::from(tokens)))
}

/// Sign this session out.
///
/// By `Authorization`, or by a refresh token in the body, which leads if both are there.
#[utoipa::path(post, path = "/auth/logout", operation_id = "logOut", tag = "sign-in", request_body = Option<LogoutBody>,
    security((), ("bearer" = [])), responses(
    (status = 204, description = "Signed out, now or before"),
    (status = 401, description = "`not_authenticated`, `token_invalid`, or `token_expired`"),
))]
pub(super) async fn logout(
    service: web::Data<AuthService>,
    body: OptionalJson<LogoutBody>,
    request: HttpRequest,
    caller: Caller,
) -> Answer<HttpResponse> {
    use actix_web::FromRequest as _;
    if let Some(token) = &body.0.refresh_token {
        service.log_out_by_refresh_token(token.expose_secret(), &caller.0).await?;
        return Ok(HttpResponse::NoContent().finish());
    }
    match CurrentUser::extract(&request).await {
        Ok(user) => service.log_out(user.id(), user.session(), &caller.0).await?,
        Err(refused) if refused.code() == ErrorCode::SessionRevoked => {}
        Err(refused) => return Err(refused.into()),
    }
    Ok(HttpResponse::NoContent().finish())
}

/// Sign every session of mine out.
#[utoipa::path(post, path = "/auth/logout-all", operation_id = "logOutEverywhere", tag = "sign-in", security(("bearer" = [])), responses(
    (status = 204, description = "Every session has ended, this one too"),
))]
pub(super) async fn logout_all(
    service: web::Data<AuthService>,
    user: CurrentUser,
    caller: Caller,
) -> Answer<HttpResponse> {
    service.log_out_everywhere(user.id(), &caller.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Is this access token good?
///
/// For reverse proxies (`auth_request`, forward-auth) and services that don't check tokens themselves. No I/O.
#[utoipa::path(get, path = "/auth/verify", operation_id = "verifyAccessToken", tag = "sign-in", security(("bearer" = [])), responses(
    (status = 204, description = "It is", headers(
        ("X-Auth-User" = uuid::Uuid, description = "The user's id"),
        ("X-Auth-Role" = super::words::Role, description = "The user's role"),
        ("X-Auth-Session" = uuid::Uuid, description = "The session's id"),
    )),
))]
pub(super) async fn verify(user: CurrentUser) -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header(("X-Auth-User", user.id().to_string()))
        .insert_header(("X-Auth-Role", user.role().as_str()))
        .insert_header(("X-Auth-Session", user.session().to_string()))
        .finish()
}
