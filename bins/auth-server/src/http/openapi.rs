//! The OpenAPI document: made from the handlers.

use utoipa::OpenApi;

use super::openapi_shared::Shared;
use super::{
    admin_audit, admin_rescue, admin_users, answer, auth, challenge, email, link, metrics, oauth, oauth_link, recovery,
    second_factor, security_events, sessions, system, users_me, words,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Gatehouse",
        description = "Authentication for your own services. Refusals are problem details (RFC 9457) with a stable \
                       `error_code`; every answer carries `X-Request-ID`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    servers((url = "/", description = "The server that this document comes from")),
    paths(
        auth::register,
        auth::login,
        auth::refresh,
        auth::logout,
        auth::logout_all,
        auth::verify,
        challenge::answer,
        recovery::forgot,
        recovery::reset,
        recovery::change,
        recovery::secure,
        email::verify,
        email::resend,
        email::request_change,
        email::confirm_change,
        email::undo_change,
        users_me::show,
        users_me::change,
        users_me::delete,
        users_me::export,
        security_events::list,
        second_factor::show,
        second_factor::begin,
        second_factor::confirm,
        second_factor::disable,
        second_factor::backup_codes,
        second_factor::reauth,
        oauth::providers,
        oauth::start,
        oauth::callback,
        oauth::exchange,
        oauth_link::start,
        oauth_link::callback,
        oauth_link::list,
        oauth_link::unlink,
        sessions::list,
        sessions::revoke_others,
        sessions::revoke,
        admin_users::list,
        admin_users::create,
        admin_users::show,
        admin_users::change,
        admin_users::delete,
        admin_rescue::reset_mfa,
        admin_rescue::revoke_sessions,
        admin_rescue::send_password_reset,
        admin_audit::list,
        system::health,
        system::ready,
        system::jwks,
        link::page,
        metrics::show
    ),
    components(schemas(answer::Problem, words::LinkPurpose)),
    tags(
        (name = "sign-in", description = "Sign up, in and out; stay signed in"),
        (name = "recovery", description = "Links in mails; a forgotten password, an address to verify or to change"),
        (name = "account", description = "My account"),
        (name = "second factor", description = "An authenticator app and backup codes"),
        (name = "other providers", description = "Sign in with an account elsewhere, and link it"),
        (name = "sessions", description = "My sessions"),
        (name = "administration", description = "For administrators: users, and the audit trail"),
        (name = "system", description = "For operators and machines")
    ),
    modifiers(&Shared)
)]
struct Document;

/// The document as JSON, with line breaks.
pub(crate) fn json() -> String {
    Document::openapi().to_pretty_json().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::value::issuer_name;

    #[test]
    fn no_issuer_can_have_the_name_of_a_route() {
        let paths = Document::openapi().paths.paths;
        let segments = paths.keys().filter_map(|path| path.strip_prefix("/auth/")?.split('/').next());
        let fixed: Vec<&str> = segments.filter(|segment| !segment.starts_with('{')).collect();
        assert!(fixed.len() > 10 && fixed.contains(&"oauth"), "{fixed:?}");
        for name in fixed {
            assert!(issuer_name(name).is_err(), "{name}");
        }
    }
}
