//! Accounts at other providers that the signed-in user can sign in with.

use actix_web::{HttpRequest, HttpResponse, web};
use auth_actix::{CurrentUser, OptionalJson};
use auth_core::Timestamp;
use auth_service::AuthService;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::ProofBody;
use super::client::Caller;
use super::oauth_answer::{Cookies, FlowCookie, Started, started};
use super::oauth_query::{CallbackQuery, StartQuery};
use super::refusal::Answer;

/// The accounts at other providers that I can sign in with.
#[derive(Serialize, ToSchema)]
pub(super) struct LinkedAccounts {
    accounts: Vec<LinkedAccount>,
}

/// An account at another provider, as it described it last.
#[derive(Serialize, ToSchema)]
pub(super) struct LinkedAccount {
    /// The provider's name in paths.
    provider: String,
    /// The address there. It proves nothing.
    #[schema(required, format = Email)]
    email: Option<String>,
    #[schema(required)]
    display_name: Option<String>,
    #[schema(required, format = Uri)]
    avatar_url: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    linked_at: Timestamp,
}

impl From<auth_service::LinkedAccount> for LinkedAccount {
    fn from(account: auth_service::LinkedAccount) -> Self {
        Self {
            provider: account.provider,
            email: account.email,
            display_name: account.display_name,
            avatar_url: account.avatar_url,
            linked_at: account.linked_at,
        }
    }
}

/// Begin to link an account at another provider to mine.
///
/// As `GET /auth/{provider}`, for an app that calls it with `Accept: application/json` and opens the address in the same
/// browser. Wants a sign-in, or a proof at `POST /auth/reauth`, of the last 10 minutes.
#[utoipa::path(get, path = "/auth/link/{provider}", operation_id = "startLinking", tag = "other providers", security(("bearer" = [])), params(
    ("provider" = String, Path, description = "`google`, `discord`, `github`, or a configured issuer's name",
        pattern = "^[a-z][a-z0-9_]{0,31}$", example = "github"),
    ("redirect_to" = Option<String>, Query, description = "The app's page where the linking ends, with `linked` (the \
        provider's name) or `error`. Without it the callback itself answers", format = Uri, max_length = 2048),
    ("code_challenge" = Option<String>, Query, description = "Read as at `GET /auth/{provider}`; linking gives no code",
        pattern = "^[A-Za-z0-9_-]{43}$"),
    ("app_state" = Option<String>, Query, description = "Given back beside `linked` or `error`, up to 512 bytes",
        max_length = 512, pattern = "^[ -~]*$"),
), responses(
    (status = 200, description = "Where to send the browser, for `Accept: application/json`", body = Started,
        headers(("Set-Cookie" = String, description = "Binds the flow to the browser for 10 minutes"))),
    (status = 302, description = "To the provider", headers(
        ("Location" = String, description = "The provider's page"),
        ("Set-Cookie" = String, description = "Binds the flow to the browser for 10 minutes"),
    )),
    (status = 400, description = "`malformed_request`: a parameter is unknown or stands there twice; \
        `redirect_not_allowed`: as at `GET /auth/{provider}`"),
    (status = 403, description = "`reauth_required` or `account_disabled`"),
    (status = 404, description = "`provider_unknown`"),
    (status = 422, description = "`validation_failed`: `code_challenge` or `app_state` is refused"),
    (status = 501, description = "`provider_not_configured`: it has no client id here"),
    (status = 502, description = "`provider_error`: an issuer's metadata can't be used"),
    (status = 503, description = "`provider_unavailable`: an issuer's metadata is out of reach; `overloaded`"),
))]
pub(super) async fn start(
    service: web::Data<AuthService>,
    user: CurrentUser,
    provider: web::Path<String>,
    query: StartQuery,
    cookies: Cookies,
    request: HttpRequest,
    caller: Caller,
) -> Answer<HttpResponse> {
    let flow = service.start_oauth_link(query.start(&provider), user.claims(), &caller.0).await?;
    Ok(started(&flow, **cookies, &request))
}

/// Where the provider sends the browser back to. No app calls it.
///
/// The cookie of the flow tells whose account is meant, so no access token is wanted; the session that began the flow
/// must still be there.
#[utoipa::path(get, path = "/auth/link/{provider}/callback", operation_id = "finishLinking", tag = "other providers", params(
    ("provider" = String, Path, description = "As at the start", pattern = "^[a-z][a-z0-9_]{0,31}$", example = "github"),
    ("state" = Option<String>, Query, description = "The flow; each is good once, for 10 minutes"),
    ("code" = Option<String>, Query, description = "What the provider gives for the user's consent"),
    ("error" = Option<String>, Query, description = "What the provider says instead"),
    ("iss" = Option<String>, Query, description = "Which issuer says so (RFC 9207)"),
), responses(
    (status = 200, description = "It is linked", body = LinkedAccount),
    (status = 302, description = "To the app's page, with `linked` and `app_state`, or with `error` and `app_state`",
        headers(("Location" = String, description = "The app's page"))),
    (status = 400, description = "`malformed_request`: a parameter stands there twice; `oauth_state_invalid`: no flow of \
        this browser, or an outdated one, or the session in which it began has ended; `oauth_denied`: the user did not agree"),
    (status = 403, description = "`account_disabled`"),
    (status = 404, description = "`provider_unknown`"),
    (status = 409, description = "`already_linked`: that account to somebody's, mine included; or mine to another one \
        there, which `DELETE /users/me/link/{provider}` takes off"),
    (status = 501, description = "`provider_not_configured`: it has no client id here"),
    (status = 502, description = "`provider_error`: the provider refused, or answered what can't be used"),
    (status = 503, description = "`provider_unavailable`: the provider is out of reach; `overloaded`"),
))]
pub(super) async fn callback(
    service: web::Data<AuthService>,
    provider: web::Path<String>,
    query: CallbackQuery,
    cookies: Cookies,
    request: HttpRequest,
    caller: Caller,
) -> HttpResponse {
    let cookie = FlowCookie::of(&query, **cookies, request.headers());
    let outcome = service.finish_oauth_link(query.callback(&provider, cookie.value), &caller.0).await;
    cookie.end(outcome, LinkedAccount::from)
}

/// The accounts at other providers that I can sign in with.
#[utoipa::path(get, path = "/users/me/linked-accounts", operation_id = "listLinkedAccounts", tag = "other providers", security(("bearer" = [])), responses(
    (status = 200, description = "The accounts", body = LinkedAccounts),
    (status = 403, description = "`account_disabled`"),
))]
pub(super) async fn list(service: web::Data<AuthService>, user: CurrentUser) -> Answer<HttpResponse> {
    let accounts = service.linked_accounts(user.id()).await?.into_iter().map(LinkedAccount::from).collect();
    Ok(HttpResponse::Ok().json(LinkedAccounts { accounts }))
}

/// Take an account at another provider off mine, unless I could not sign in any more.
#[utoipa::path(delete, path = "/users/me/link/{provider}", operation_id = "unlinkAccount", tag = "other providers", security(("bearer" = [])),
    params(("provider" = String, Path, description = "The provider's name", pattern = "^[a-z][a-z0-9_]{0,31}$",
        example = "github")), request_body = Option<ProofBody>, responses(
    (status = 204, description = "It is not linked any more"),
    (status = 401, description = "`invalid_credentials` or `invalid_code`"),
    (status = 403, description = "`reauth_required` or `account_disabled`"),
    (status = 404, description = "`not_linked`"),
    (status = 409, description = "`last_sign_in_method`: there is no password, and no other account to sign in with"),
))]
pub(super) async fn unlink(
    service: web::Data<AuthService>,
    user: CurrentUser,
    provider: web::Path<String>,
    body: OptionalJson<ProofBody>,
    caller: Caller,
) -> Answer<HttpResponse> {
    service.unlink(user.claims(), &provider, body.0.proof(), &caller.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
