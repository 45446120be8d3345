//! What all calls of the OpenAPI document have in common: refusals that follow from what a call takes, and headers.

use auth_core::ErrorCode;
use utoipa::Modify;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::Operation;
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder};

/// Completes what the handlers say.
pub(super) struct Shared;

impl Modify for Shared {
    fn modify(&self, document: &mut OpenApi) {
        if let Some(components) = &mut document.components {
            let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT (RFC 9068)").build();
            components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
            for (name, header) in headers() {
                components.headers.insert(name.to_owned(), header.into());
            }
        }
        for item in document.paths.paths.values_mut() {
            let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
            for operation in operations.into_iter().flatten() {
                complete(operation);
            }
        }
    }
}

fn complete(operation: &mut Operation) {
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        settle_body(body);
    }
    add_refusals(operation);
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            complete_response(status, response);
        }
    }
    // None at all would leave it open whether somebody has forgotten to say it.
    operation.security.get_or_insert_default();
}

/// A body that may be left out is no body that may be `null`.
fn settle_body(body: &mut RequestBody) {
    for content in body.content.values_mut() {
        let RefOr::T(content) = content else { continue };
        let Some(RefOr::T(Schema::OneOf(either))) = &mut content.schema else { continue };
        either.items.retain(|item| !is_null(item));
        if either.items.len() == 1 {
            content.schema = either.items.pop();
            body.required = Some(Required::False);
            return;
        }
    }
    body.required = Some(Required::True);
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::new(Type::Null))
}

/// Adds the refusals that follow from what the call takes.
fn add_refusals(operation: &mut Operation) {
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

/// Gives a refusal its shape, and every answer its headers.
fn complete_response(status: &str, response: &mut Response) {
    let is_refusal = status.starts_with('4') || status.starts_with('5');
    if is_refusal && response.content.is_empty() {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        response.content.insert("application/problem+json".to_owned(), content.into());
    }
    let is_problem = response.content.contains_key("application/problem+json");
    let own: &[&str] = match status {
        "401" => &["WWW-Authenticate"],
        "429" => &["Retry-After", "RateLimit", "RateLimit-Policy"],
        "503" if is_problem => &["Retry-After"],
        _ => &[],
    };
    for name in own.iter().chain(["X-Request-ID"].iter()) {
        let reference = Ref::new(format!("#/components/headers/{name}"));
        response.headers.insert((*name).to_owned(), RefOr::Ref(reference));
    }
}

/// The headers that many answers have, by name.
fn headers() -> [(&'static str, Header); 5] {
    let text = |description: &str| {
        let schema = ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).build();
        HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
    };
    let seconds = ObjectBuilder::new().schema_type(SchemaType::new(Type::Integer)).minimum(Some(0)).build();
    let retry_after =
        HeaderBuilder::new().schema(Some(seconds)).description(Some("Try again after so many seconds")).build();
    [
        ("X-Request-ID", text("The request's own, if it is `[A-Za-z0-9._-]{1,128}`, or a new one: the id in our log")),
        ("WWW-Authenticate", text("`Bearer`")),
        ("Retry-After", retry_after),
        ("RateLimit", text("Which limit it is, and what is left of it")),
        ("RateLimit-Policy", text("The limit's quota, and its window in seconds")),
    ]
}
