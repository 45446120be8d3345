//! Which pages may call from a browser, and which of their calls may set a cookie (REQ-57).

use actix_cors::Cors;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION,
    CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER,
};
use actix_web::middleware::Next;
use auth_actix::X_REQUEST_ID;

use super::{LINK_START, SIGN_IN_START};
use crate::settings::value::WebOrigin;

/// Exact origins, no credentials: nearly all routes take bearer tokens, never cookies.
pub(crate) fn cors(origins: &[WebOrigin]) -> Cors {
    let cors = Cors::default()
        .allowed_methods(["GET", "POST", "PATCH", "DELETE"])
        .allowed_headers([AUTHORIZATION, CONTENT_TYPE, X_REQUEST_ID])
        .expose_headers::<[HeaderName; 4], HeaderName>([
            X_REQUEST_ID,
            RETRY_AFTER,
            HeaderName::from_static("ratelimit"),
            HeaderName::from_static("ratelimit-policy"),
        ])
        .max_age(600);
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin.as_str()))
}

/// Allows the pages that [`cors`] lets in, and no others, to begin a flow with credentials: without them browsers drop the
/// flow's cookie. Goes around `cors`.
pub(crate) async fn credentials<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let begins = begins_a_flow(&request);
    let mut response = next.call(request).await?;
    if begins && response.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// Whether it is the start of a flow, or a browser that asks whether it may send one.
fn begins_a_flow(request: &ServiceRequest) -> bool {
    let method = match *request.method() {
        Method::OPTIONS => request.headers().get(ACCESS_CONTROL_REQUEST_METHOD).map(HeaderValue::as_bytes),
        ref method => Some(method.as_str().as_bytes()),
    };
    method == Some(b"GET") && request.match_pattern().is_some_and(|route| route == SIGN_IN_START || route == LINK_START)
}

#[cfg(test)]
mod tests {
    use actix_web::App;
    use actix_web::dev::ServiceResponse;
    use actix_web::http::header::ORIGIN;
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, call_service, init_service};

    use super::*;
    use crate::settings::value::web_origin;

    const OURS: &str = "https://app.example";

    /// Whether the answer lets the page read it, and whether with credentials. No handler has what it needs here, so each
    /// fails.
    async fn allowed(request: TestRequest, origin: &str) -> (bool, bool) {
        let origins = [web_origin(OURS).unwrap()];
        let app = App::new().configure(crate::http::routes).wrap(cors(&origins)).wrap(from_fn(credentials));
        let request = request.insert_header((ORIGIN, origin)).to_request();
        let response: ServiceResponse<_> = call_service(&init_service(app).await, request).await;
        let has = |name: HeaderName| response.headers().contains_key(name);
        (has(ACCESS_CONTROL_ALLOW_ORIGIN), has(ACCESS_CONTROL_ALLOW_CREDENTIALS))
    }

    fn preflight(path: &str, method: &str) -> TestRequest {
        TestRequest::with_uri(path).method(Method::OPTIONS).insert_header((ACCESS_CONTROL_REQUEST_METHOD, method))
    }

    #[actix_web::test]
    async fn credentials_are_for_the_two_starts_alone() {
        for path in ["/auth/google", "/auth/corp?redirect_to=x", "/auth/link/google"] {
            assert_eq!(allowed(TestRequest::get().uri(path), OURS).await, (true, true), "{path}");
            assert_eq!(allowed(preflight(path, "GET"), OURS).await, (true, true), "{path}");
            assert_eq!(allowed(preflight(path, "POST"), OURS).await, (true, false), "{path}");
            assert_eq!(allowed(TestRequest::post().uri(path), OURS).await, (true, false), "{path}");
        }
        for path in [
            "/auth/login",
            "/auth/providers",
            "/auth/verify",
            "/auth/link",
            "/auth/oauth/exchange",
            "/auth/google/callback",
            "/auth/link/google/callback",
            "/users/me/linked-accounts",
            "/users/me",
            "/nowhere",
        ] {
            assert_eq!(allowed(TestRequest::get().uri(path), OURS).await, (true, false), "{path}");
            assert_eq!(allowed(preflight(path, "GET"), OURS).await, (true, false), "{path}");
        }
    }

    #[actix_web::test]
    async fn no_other_page_is_allowed_anything() {
        for origin in ["https://evil.example", "https://sub.app.example", "http://app.example", "null"] {
            for path in ["/auth/google", "/auth/link/google", "/auth/login"] {
                assert_eq!(allowed(TestRequest::get().uri(path), origin).await, (false, false), "{origin} {path}");
                assert_eq!(allowed(preflight(path, "GET"), origin).await, (false, false), "{origin} {path}");
            }
        }
    }
}
