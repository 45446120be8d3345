//! The HTTP surface: which path leads where. Handlers extract, call one use case, and map its answer.

mod admin_audit;
mod admin_rescue;
mod admin_users;
mod answer;
mod auth;
mod binding_cookie;
mod body;
mod challenge;
mod client;
mod cors;
mod docs;
mod email;
mod export;
mod limit;
mod link;
mod metrics;
mod oauth;
mod oauth_answer;
mod oauth_link;
mod oauth_query;
mod observed;
mod openapi;
mod openapi_shared;
mod query;
mod recovery;
mod refusal;
mod second_factor;
mod security_events;
mod sessions;
mod step;
mod system;
mod users_me;
mod words;

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource, Route};
use auth_actix::Problem;
use auth_core::ErrorCode;

pub(crate) use self::binding_cookie::BindingCookies;
pub(crate) use self::client::TrustedProxies;
pub(crate) use self::cors::{cors, credentials};
pub(crate) use self::docs::AppName;
pub(crate) use self::limit::limit_requests;
pub(crate) use self::link::LinkPages;
pub(crate) use self::metrics::{alone as metrics_alone, route as metrics_route};
pub(crate) use self::observed::Observed;
pub(crate) use self::openapi::json as openapi_json;
pub(crate) use self::system::{SharedState, Stopping};

/// Paths whose requests are not worth a line in the log.
pub(crate) const QUIET_PATHS: [&str; 4] = ["/health", "/metrics", "/docs", "/openapi.json"];

/// Where other services fetch what access tokens are verified with.
const SIGNING_KEYS: &str = "/.well-known/jwks.json";

/// The two routes that begin a flow with another provider.
const SIGN_IN_START: &str = "/auth/{provider}";
const LINK_START: &str = "/auth/link/{provider}";

/// All routes. Where two fit a path, the first counts, so fixed ones come first.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/auth/register", "POST", [web::post().to(auth::register)]))
        .service(resource("/auth/login", "POST", [web::post().to(auth::login)]))
        .service(resource("/auth/refresh", "POST", [web::post().to(auth::refresh)]))
        .service(resource("/auth/logout", "POST", [web::post().to(auth::logout)]))
        .service(resource("/auth/logout-all", "POST", [web::post().to(auth::logout_all)]))
        .service(resource("/auth/verify", "GET", [web::get().to(auth::verify)]))
        .service(resource("/auth/challenge", "POST", [web::post().to(challenge::answer)]))
        .service(resource("/auth/reauth", "POST", [web::post().to(second_factor::reauth)]))
        .service(resource("/auth/password/forgot", "POST", [web::post().to(recovery::forgot)]))
        .service(resource("/auth/password/reset", "POST", [web::post().to(recovery::reset)]))
        .service(resource("/auth/password/change", "POST", [web::post().to(recovery::change)]))
        .service(resource("/auth/secure-account", "POST", [web::post().to(recovery::secure)]))
        .service(resource("/auth/email/verify", "POST", [web::post().to(email::verify)]))
        .service(resource("/auth/email/resend", "POST", [web::post().to(email::resend)]))
        .service(resource("/auth/email/change/confirm", "POST", [web::post().to(email::confirm_change)]))
        .service(resource("/auth/email/change/undo", "POST", [web::post().to(email::undo_change)]))
        .service(resource(
            "/users/me",
            "GET, PATCH, DELETE",
            [web::get().to(users_me::show), web::patch().to(users_me::change), web::delete().to(users_me::delete)],
        ))
        .service(resource("/users/me/email", "POST", [web::post().to(email::request_change)]))
        .service(resource("/users/me/mfa", "GET", [web::get().to(second_factor::show)]))
        .service(resource("/users/me/mfa/totp", "POST", [web::post().to(second_factor::begin)]))
        .service(resource("/users/me/mfa/totp/confirm", "POST", [web::post().to(second_factor::confirm)]))
        .service(resource("/users/me/mfa/totp/disable", "POST", [web::post().to(second_factor::disable)]))
        .service(resource("/users/me/mfa/backup-codes", "POST", [web::post().to(second_factor::backup_codes)]))
        .service(resource("/users/me/export", "GET", [web::get().to(users_me::export)]))
        .service(resource("/users/me/security-events", "GET", [web::get().to(security_events::list)]))
        .service(resource(
            "/users/me/sessions",
            "GET, DELETE",
            [web::get().to(sessions::list), web::delete().to(sessions::revoke_others)],
        ))
        .service(resource("/users/me/sessions/{id}", "DELETE", [web::delete().to(sessions::revoke)]))
        .service(resource("/users/me/linked-accounts", "GET", [web::get().to(oauth_link::list)]))
        .service(resource("/users/me/link/{provider}", "DELETE", [web::delete().to(oauth_link::unlink)]))
        .service(resource("/link/{purpose}", "GET", [web::get().to(link::page)]))
        .service(resource("/health", "GET", [web::get().to(system::health)]))
        .service(resource("/health/ready", "GET", [web::get().to(system::ready)]))
        .service(resource(SIGNING_KEYS, "GET", [web::get().to(system::jwks)]))
        .service(resource("/openapi.json", "GET", [web::get().to(docs::document)]))
        .service(resource("/docs", "GET", [web::get().to(docs::page)]))
        .service(resource("/docs/{file}", "GET", [web::get().to(docs::asset)]))
        .configure(admin_routes)
        .configure(provider_routes)
        .default_service(nothing());
}

/// Routes for administrators alone.
fn admin_routes(config: &mut ServiceConfig) {
    config
        .service(resource(
            "/admin/users",
            "GET, POST",
            [web::get().to(admin_users::list), web::post().to(admin_users::create)],
        ))
        .service(resource(
            "/admin/users/{id}",
            "GET, PATCH, DELETE",
            [
                web::get().to(admin_users::show),
                web::patch().to(admin_users::change),
                web::delete().to(admin_users::delete),
            ],
        ))
        .service(resource("/admin/users/{id}/reset-mfa", "POST", [web::post().to(admin_rescue::reset_mfa)]))
        .service(resource("/admin/users/{id}/revoke-sessions", "POST", [web::post().to(admin_rescue::revoke_sessions)]))
        .service(resource(
            "/admin/users/{id}/send-password-reset",
            "POST",
            [web::post().to(admin_rescue::send_password_reset)],
        ))
        .service(resource("/admin/audit", "GET", [web::get().to(admin_audit::list)]));
}

/// Routes with a provider's name in them, after all that are fixed.
fn provider_routes(config: &mut ServiceConfig) {
    config
        .service(resource("/auth/providers", "GET", [web::get().to(oauth::providers)]))
        .service(resource("/auth/oauth/exchange", "POST", [web::post().to(oauth::exchange)]))
        .service(resource(LINK_START, "GET", [web::get().to(oauth_link::start)]))
        .service(resource("/auth/link/{provider}/callback", "GET", [web::get().to(oauth_link::callback)]))
        // Nothing is at these alone, and no provider has such a name.
        .service(web::resource("/auth/{part:password|email|link|oauth}").default_service(nothing()))
        .service(resource(SIGN_IN_START, "GET", [web::get().to(oauth::start)]))
        .service(resource("/auth/{provider}/callback", "GET", [web::get().to(oauth::callback)]));
}

/// The answer of every path that isn't there.
fn nothing() -> Route {
    web::route().to(|| async { Err::<HttpResponse, _>(Problem::new(ErrorCode::NotFound)) })
}

/// A path with its methods, and an answer for all others that names them (RFC 9110, section 15.5.6).
fn resource<const N: usize>(path: &str, allow: &'static str, routes: [Route; N]) -> Resource {
    let refuse = move || async move {
        let problem = Problem::new(ErrorCode::MethodNotAllowed).allow(HeaderValue::from_static(allow));
        Err::<HttpResponse, _>(problem)
    };
    routes.into_iter().fold(web::resource(path), Resource::route).default_service(web::route().to(refuse))
}

/// Headers of every answer that doesn't say otherwise: no browser shows it, frames it, guesses at it or keeps it.
pub(crate) fn default_headers(is_https: bool) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = vec![
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    ];
    if is_https {
        let a_year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.push((STRICT_TRANSPORT_SECURITY, a_year));
    }
    headers
}
