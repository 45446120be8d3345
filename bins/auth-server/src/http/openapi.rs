//! The OpenAPI document: made from the handlers, with the refusals that every call shares added here.

use auth_core::ErrorCode;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use super::{
    answer, auth, challenge, email, link, metrics, oauth, oauth_link, recovery, second_factor, security_events,
    sessions, system, users_me,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Gatehouse",
        description = "Authentication for your own services. Refusals are problem details (RFC 9457) with a stable \
                       `error_code`; every answer carries `X-Request-ID`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
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
        system::health,
        system::ready,
        system::jwks,
        link::page,
        metrics::show
    ),
    components(schemas(answer::Problem)),
    tags(
        (name = "sign-in", description = "Sign up, in and out; stay signed in"),
        (name = "recovery", description = "Links in mails; a forgotten password, an address to verify or to change"),
        (name = "account", description = "My account"),
        (name = "second factor", description = "An authenticator app and backup codes"),
        (name = "other providers", description = "Sign in with an account elsewhere, and link it"),
        (name = "sessions", description = "My sessions"),
        (name = "system", description = "For operators and machines")
    ),
    modifiers(&Shared)
)]
struct Document;

/// The document as JSON, with line breaks.
pub(crate) fn json() -> String {
    Document::openapi().to_pretty_json().unwrap_or_default()
}

/// What all calls have in common.
struct Shared;

impl Modify for Shared {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        if let Some(components) = &mut document.components {
            let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT (RFC 9068)").build();
            components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        }
        for item in document.paths.paths.values_mut() {
            let operations = [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete];
            for operation in operations.into_iter().flatten() {
                complete(operation);
            }
        }
    }
}

/// Gives every refusal its shape, and adds those that follow from what the call takes.
fn complete(operation: &mut Operation) {
    let mut shared: Vec<(&str, &[ErrorCode])> = vec![("500", &[ErrorCode::InternalError])];
    if operation.request_body.is_some() {
        shared.push(("400", &[ErrorCode::MalformedRequest]));
        shared.push(("413", &[ErrorCode::PayloadTooLarge]));
        shared.push(("415", &[ErrorCode::UnsupportedMediaType]));
        shared.push(("422", &[ErrorCode::ValidationFailed]));
    }
    if operation.security.is_some() {
        shared.push((
            "401",
            &[ErrorCode::NotAuthenticated, ErrorCode::TokenInvalid, ErrorCode::TokenExpired, ErrorCode::SessionRevoked],
        ));
    }
    if operation.tags.as_ref().is_none_or(|tags| !tags.contains(&"system".to_owned())) {
        shared.push(("503", &[ErrorCode::Overloaded]));
        shared.push(("429", &[ErrorCode::RateLimited]));
    }
    for (status, codes) in shared {
        let names: Vec<String> = codes.iter().map(|code| format!("`{}`", code.as_str())).collect();
        let response = operation.responses.responses.entry(status.to_owned());
        let response = response.or_insert_with(|| RefOr::T(ResponseBuilder::new().build()));
        if let RefOr::T(response) = response {
            add_codes(&mut response.description, &names);
        }
    }
    for (status, response) in &mut operation.responses.responses {
        let is_refusal = status.starts_with('4') || status.starts_with('5');
        if let RefOr::T(response) = response
            && is_refusal
            && response.content.is_empty()
        {
            add_problem(response);
        }
    }
}

/// Adds what follows from the call's shape to what its handler says of the status, unless that names some of it: then it
/// says all.
fn add_codes(description: &mut String, names: &[String]) {
    if names.iter().any(|name| description.contains(name)) {
        return;
    }
    if !description.is_empty() {
        description.push_str("; ");
    }
    description.push_str(&names.join(", "));
}

fn add_problem(response: &mut Response) {
    let content: Content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    response.content.insert("application/problem+json".to_owned(), content.into());
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
