//! Signing in with another provider.

use actix_web::{HttpRequest, HttpResponse, web};
use auth_actix::Json;
use auth_service::{AuthService, OAuthProviderInfo};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::exposed;
use super::client::Caller;
use super::oauth_answer::{Cookies, FlowCookie, Started, started};
use super::oauth_query::{CallbackQuery, StartQuery};
use super::refusal::Answer;
use super::step::Step;

/// The providers that people can sign in with.
#[derive(Serialize, ToSchema)]
pub(super) struct Providers {
    providers: Vec<Provider>,
}

/// A provider that people can sign in with.
#[derive(Serialize, ToSchema)]
pub(super) struct Provider {
    /// What stands for `{provider}` in paths.
    name: String,
    /// What people see.
    display_name: String,
}

impl From<OAuthProviderInfo> for Provider {
    fn from(provider: OAuthProviderInfo) -> Self {
        Self { name: provider.name, display_name: provider.display_name }
    }
}

/// What an app's page took from its address at the end of a sign-in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExchangeBody {
    /// What stood after `code=`.
    #[schema(required, nullable = false, value_type = String)]
    code: Option<SecretString>,
    /// What the `code_challenge` of the start was made of (RFC 7636); needed if there was one.
    #[schema(value_type = Option<String>, example = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")]
    code_verifier: Option<SecretString>,
}

/// Whom people can sign in with.
#[utoipa::path(get, path = "/auth/providers", operation_id = "listProviders", tag = "other providers", responses(
    (status = 200, description = "The providers that are configured", body = Providers),
))]
pub(super) async fn providers(service: web::Data<AuthService>) -> HttpResponse {
    let providers = service.oauth_providers().into_iter().map(Provider::from).collect();
    HttpResponse::Ok().json(Providers { providers })
}

/// Begin to sign in with another provider.
///
/// Sends the browser to the provider, with a cookie that binds the flow to it. With `Accept: application/json` the
/// address is told instead, for an app that opens it in the same browser.
#[utoipa::path(get, path = "/auth/{provider}", operation_id = "startSignIn", tag = "other providers", params(
    ("provider" = String, Path, description = "`google`, `discord`, `github`, or a configured issuer's name",
        pattern = "^[a-z][a-z0-9_]{0,31}$", example = "github"),
    ("redirect_to" = Option<String>, Query, description = "The app's page where the sign-in ends, of an origin that is \
        listed in `AUTH_REDIRECT_ORIGINS`: there comes `code`, to be exchanged at `POST /auth/oauth/exchange`, or \
        `error`. Without it the callback itself answers", format = Uri, max_length = 2048),
    ("code_challenge" = Option<String>, Query, description = "An S256 challenge (RFC 7636) that binds the code to the \
        app's own browser: send one, else a stranger's link signs its opener in as that stranger",
        pattern = "^[A-Za-z0-9_-]{43}$"),
    ("app_state" = Option<String>, Query, description = "Given back beside `code` or `error`, up to 512 bytes",
        max_length = 512, pattern = "^[ -~]*$"),
), responses(
    (status = 200, description = "Where to send the browser, for `Accept: application/json`", body = Started,
        headers(("Set-Cookie" = String, description = "Binds the flow to the browser for 10 minutes"))),
    (status = 302, description = "To the provider", headers(
        ("Location" = String, description = "The provider's page"),
        ("Set-Cookie" = String, description = "Binds the flow to the browser for 10 minutes"),
    )),
    (status = 400, description = "`malformed_request`: a parameter is unknown or stands there twice; \
        `redirect_not_allowed`: `AUTH_REDIRECT_ORIGINS` does not list the page's origin, or the page's address has a user, \
        a password, a fragment or a parameter `code`, `error`, `app_state` or `linked`"),
    (status = 404, description = "`provider_unknown`"),
    (status = 422, description = "`validation_failed`: `code_challenge` or `app_state` is refused"),
    (status = 501, description = "`provider_not_configured`: it has no client id here"),
    (status = 502, description = "`provider_error`: an issuer's metadata can't be used"),
    (status = 503, description = "`provider_unavailable`: an issuer's metadata is out of reach; `overloaded`"),
))]
pub(super) async fn start(
    service: web::Data<AuthService>,
    provider: web::Path<String>,
    query: StartQuery,
    cookies: Cookies,
    request: HttpRequest,
    caller: Caller,
) -> Answer<HttpResponse> {
    let flow = service.start_oauth(query.start(&provider), &caller.0).await?;
    Ok(started(&flow, **cookies, &request))
}

/// Where the provider sends the browser back to. No app calls it.
///
/// If the start had no `redirect_to`, it answers like every sign-in. If it had one, the browser goes there with `code`,
/// and once the flow is known to be this browser's, also with what went wrong, as `error`: one of the codes below.
#[utoipa::path(get, path = "/auth/{provider}/callback", operation_id = "finishSignIn", tag = "other providers", params(
    ("provider" = String, Path, description = "As at the start", pattern = "^[a-z][a-z0-9_]{0,31}$", example = "github"),
    ("state" = Option<String>, Query, description = "The flow; each is good once, for 10 minutes"),
    ("code" = Option<String>, Query, description = "What the provider gives for the user's consent"),
    ("error" = Option<String>, Query, description = "What the provider says instead"),
    ("iss" = Option<String>, Query, description = "Which issuer says so (RFC 9207)"),
), responses(
    (status = 200, description = "A session is opened, or something is still due before", body = Step),
    (status = 302, description = "To the app's page, with `code` and `app_state`, or with `error` and `app_state`",
        headers(("Location" = String, description = "The app's page"))),
    (status = 400, description = "`malformed_request`: a parameter stands there twice; `oauth_state_invalid`: no flow of \
        this browser, or an outdated one; `oauth_denied`: the user did not agree"),
    (status = 403, description = "`account_disabled`, `registration_closed`, or `verified_email_required`"),
    (status = 404, description = "`provider_unknown`"),
    (status = 409, description = "`account_exists`: an account has the address and is not taken for the same person's. \
        Set a new password by `POST /auth/password/forgot`: the mail proves the address, and drops what a stranger may \
        have set up. Or, if the account is yours and its address verified, sign in to it and link at \
        `GET /auth/link/{provider}`, once another account there is unlinked"),
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
    let outcome = service.finish_oauth(query.callback(&provider, cookie.value), &caller.0).await;
    cookie.end(outcome, Step::from)
}

/// Exchange the code that came to the app's page: once, within 60 seconds.
#[utoipa::path(post, path = "/auth/oauth/exchange", operation_id = "exchangeCode", tag = "other providers", request_body = ExchangeBody, responses(
    (status = 200, description = "A session is opened, or something is still due before", body = Step),
    (status = 400, description = "`malformed_request`; `token_invalid_or_expired`: the code is unknown, used or outdated, or \
        the verifier is not that of the start"),
    (status = 403, description = "`account_disabled` or `verified_email_required`"),
    (status = 422, description = "`validation_failed`: `code` is missing"),
))]
pub(super) async fn exchange(
    service: web::Data<AuthService>,
    body: Json<ExchangeBody>,
    caller: Caller,
) -> Answer<HttpResponse> {
    let (code, verifier) = (exposed(body.0.code.as_ref()), exposed(body.0.code_verifier.as_ref()));
    let step = service.exchange_oauth_code(code, verifier, &caller.0).await?;
    Ok(HttpResponse::Ok().json(Step::from(step)))
}
