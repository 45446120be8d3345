//! What every request gets: an id, the default headers, problem answers, and one line in the log.

use std::future::{Future, Ready, ready};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::{Error, HttpMessage, ResponseError as _};
use auth_core::{Clock, ErrorCode};
use futures_util::FutureExt as _;

use crate::observer::RequestObserver;
use crate::pending::Pending;
use crate::request_id::X_REQUEST_ID;
use crate::{Problem, RequestId};

/// The most that the headers of a request may have, in bytes of names and values.
const MAX_HEADER_BYTES: usize = 32 * 1024;

/// Middleware to wrap an application in, outside of all other middleware.
///
/// - The request gets a [`RequestId`], which the answer carries as `X-Request-ID`.
/// - Answers get the default headers that they don't set themselves.
/// - A request with more than 32 KiB of headers is refused.
/// - Every refusal, also actix's own for unknown paths, leaves as a [`Problem`] with id and time; its cause is logged.
///   Only a body of type `application/json` that a handler gave its refusal is left as it is.
/// - A panic in a handler becomes a 500; the worker lives on.
/// - One access line is logged at `info`, but for the quiet paths: method, route, status, duration, request id, and the
///   trace's id if the request has a valid `traceparent`.
#[derive(Clone)]
pub struct RequestContext(Rc<Options>);

struct Options {
    clock: Arc<dyn Clock>,
    headers: Vec<(HeaderName, HeaderValue)>,
    quiet: Vec<&'static str>,
    observer: Option<Rc<dyn RequestObserver>>,
}

impl RequestContext {
    /// Middleware that adds `headers` to answers and keeps silent about the paths `quiet` and those below them.
    pub fn new(clock: Arc<dyn Clock>, headers: Vec<(HeaderName, HeaderValue)>, quiet: Vec<&'static str>) -> Self {
        Self(Rc::new(Options { clock, headers, quiet, observer: None }))
    }

    /// Tells `observer` of every request, those to quiet paths as well.
    #[must_use]
    pub fn observed_by(self, observer: Rc<dyn RequestObserver>) -> Self {
        let Options { clock, headers, quiet, .. } = &*self.0;
        let (clock, headers, quiet) = (Arc::clone(clock), headers.clone(), quiet.clone());
        Self(Rc::new(Options { clock, headers, quiet, observer: Some(observer) }))
    }
}

impl<S, B> Transform<S, ServiceRequest> for RequestContext
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = RequestContextService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(RequestContextService { service, options: Rc::clone(&self.0) }))
    }
}

/// The middleware at work: see [`RequestContext`].
pub struct RequestContextService<S> {
    service: S,
    options: Rc<Options>,
}

impl<S, B> Service<ServiceRequest> for RequestContextService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let id = RequestId::of(request.headers());
        request.extensions_mut().insert(id.clone());
        let options = Rc::clone(&self.options);
        let pending = Pending::begin(&request, id, &options.quiet, options.observer.as_ref());
        if is_too_large(request.headers()) {
            let problem = Problem::new(ErrorCode::MalformedRequest).detail("the headers have more than 32 KiB");
            return Box::pin(ready(Err(refuse(problem, pending, &options))));
        }
        let answer = AssertUnwindSafe(self.service.call(request)).catch_unwind();
        Box::pin(async move {
            let problem = match answer.await {
                Ok(Ok(response)) => {
                    let response = finish(response, &pending, &options);
                    pending.end(response.status());
                    return Ok(response);
                }
                Ok(Err(error)) => Problem::from_error(&error),
                Err(_panic) => Problem::new(ErrorCode::InternalError).caused_by("a handler panicked"),
            };
            Err(refuse(problem, pending, &options))
        })
    }
}

/// Whether the headers are more than any client of ours needs; actix itself reads up to 128 KiB.
fn is_too_large(headers: &HeaderMap) -> bool {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>() > MAX_HEADER_BYTES
}

impl Problem {
    /// The refusal that an error of actix or of a handler stands for.
    fn from_error(error: &Error) -> Self {
        match error.as_error::<Self>() {
            Some(problem) => problem.duplicate(),
            None => Self::of_status(error.as_response_error().status_code()).caused_by(error),
        }
    }
}

/// The answer with its headers, and as a problem if it refuses in another form.
fn finish<B: MessageBody + 'static>(
    response: ServiceResponse<B>,
    pending: &Pending,
    options: &Options,
) -> ServiceResponse<EitherBody<B>> {
    let mut response = match problem_of(&response) {
        None => response.map_into_left_body(),
        Some(problem) => {
            log_cause(&problem, pending);
            let mut answer = problem.response(pending.id(), options.clock.now());
            keep_headers(response.headers(), answer.headers_mut());
            response.into_response(answer.map_into_boxed_body()).map_into_right_body::<B>()
        }
    };
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, pending.id().header());
    for (name, value) in &options.headers {
        if !headers.contains_key(name) {
            headers.insert(name.clone(), value.clone());
        }
    }
    response
}

/// What other middleware said about the answer, for instance which pages may read it, holds for the problem too.
fn keep_headers(before: &HeaderMap, after: &mut HeaderMap) {
    let own: Vec<HeaderName> = after.keys().cloned().chain([CONTENT_LENGTH, CONTENT_ENCODING]).collect();
    for (name, value) in before.iter().filter(|(name, _)| !own.contains(name)) {
        after.append(name.clone(), value.clone());
    }
}

fn problem_of<B>(response: &ServiceResponse<B>) -> Option<Problem> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    if let Some(error) = response.response().error() {
        return Some(Problem::from_error(error));
    }
    let problem = Problem::of_status(status);
    // A handler that answers a refusal in JSON of its own means it so: readiness, for one, has a shape of its own.
    let is_meant = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/problem+json" || kind == "application/json");
    match response.headers().get(actix_web::http::header::ALLOW) {
        _ if is_meant => None,
        Some(methods) => Some(problem.allow(methods.clone())),
        None => Some(problem),
    }
}

fn refuse(problem: Problem, pending: Pending, options: &Options) -> Error {
    log_cause(&problem, &pending);
    let id = pending.id().clone();
    let mut headers = vec![(X_REQUEST_ID, id.header())];
    headers.extend(options.headers.iter().cloned());
    pending.end(problem.status_code());
    problem.rendered(id, options.clock.now(), headers).into()
}

fn log_cause(problem: &Problem, pending: &Pending) {
    let (code, id) = (problem.code().as_str(), pending.id());
    match problem.cause() {
        Some(cause) if problem.code().status() >= 500 => {
            tracing::error!(request_id = %id, trace_id = pending.trace_id(), error_code = code, cause, "request failed");
        }
        Some(cause) => {
            tracing::debug!(request_id = %id, trace_id = pending.trace_id(), error_code = code, cause, "request refused");
        }
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::StatusCode;
    use actix_web::http::header::{ALLOW, CACHE_CONTROL, HeaderMap};
    use actix_web::test::{TestRequest, call_service, init_service};
    use actix_web::{App, HttpResponse, web};
    use auth_core::ManualClock;
    use serde_json::Value;

    use super::*;

    /// Status, headers and body of the answer to `GET path`, with the request id `id`.
    async fn get(path: &str, id: &str) -> (StatusCode, HeaderMap, Value) {
        let headers = vec![(CACHE_CONTROL, HeaderValue::from_static("no-store"))];
        let app = App::new()
            .route("/fine", web::get().to(|| async { HttpResponse::Ok().json(1) }))
            .route(
                "/cached",
                web::get().to(|| async { HttpResponse::Ok().insert_header((CACHE_CONTROL, "x")).json(1) }),
            )
            .route("/refused", web::get().to(|| async { Err::<HttpResponse, _>(Problem::from(ErrorCode::EmailTaken)) }))
            .route(
                "/bare",
                web::get().to(|| async { HttpResponse::MethodNotAllowed().insert_header((ALLOW, "GET")).finish() }),
            )
            .route("/panic", web::get().to(panicking))
            .wrap(RequestContext::new(Arc::new(ManualClock::default()), headers, Vec::new()));
        let app = init_service(app).await;
        let request = TestRequest::get().uri(path).insert_header((X_REQUEST_ID, id)).to_request();
        let response = match app.call(request).await {
            Ok(response) => response.into_parts().1.map_into_boxed_body(),
            Err(error) => error.error_response(),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let body = actix_web::body::to_bytes(response.into_body()).await.unwrap();
        (status, headers, serde_json::from_slice(&body).unwrap())
    }

    #[expect(clippy::panic, reason = "what a defect in a handler does")]
    async fn panicking() -> HttpResponse {
        panic!("a handler's defect");
    }

    #[actix_web::test]
    async fn every_answer_carries_the_id_and_the_default_headers() {
        for path in ["/fine", "/refused", "/bare", "/panic", "/nowhere"] {
            let (_, headers, _) = get(path, "one").await;
            assert_eq!(headers.get(X_REQUEST_ID).unwrap(), "one", "{path}");
            assert_eq!(headers.get(CACHE_CONTROL).unwrap(), "no-store", "{path}");
        }
        assert_eq!(get("/cached", "one").await.1.get(CACHE_CONTROL).unwrap(), "x");
    }

    /// REQ-54
    #[actix_web::test]
    async fn every_refusal_is_a_problem_with_id_and_time() {
        let cases = [
            ("/refused", "email_taken"),
            ("/bare", "method_not_allowed"),
            ("/panic", "internal_error"),
            ("/nowhere", "not_found"),
        ];
        for (path, code) in cases {
            let (status, headers, body) = get(path, "two").await;
            assert_eq!(headers.get(CONTENT_TYPE).unwrap(), "application/problem+json", "{path}");
            assert_eq!(body["error_code"], code);
            assert_eq!(body["status"], status.as_u16());
            assert_eq!(body["request_id"], "two");
            assert_eq!(body["timestamp"], "2026-03-01T12:00:00Z");
        }
        assert_eq!(get("/bare", "two").await.1.get(ALLOW).unwrap(), "GET");
    }

    /// the same service goes on answering.
    #[actix_web::test]
    async fn a_panic_in_a_handler_is_a_500_without_its_text() {
        let (status, _, body) = get("/panic", "three").await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!body.to_string().contains("defect"));
    }

    #[actix_web::test]
    async fn a_service_that_panicked_still_answers() {
        let app = App::new()
            .route("/fine", web::get().to(HttpResponse::Ok))
            .route("/panic", web::get().to(panicking))
            .wrap(RequestContext::new(Arc::new(ManualClock::default()), Vec::new(), Vec::new()));
        let app = init_service(app).await;
        assert!(app.call(TestRequest::get().uri("/panic").to_request()).await.is_err());
        let answer = call_service(&app, TestRequest::get().uri("/fine").to_request()).await;
        assert_eq!(answer.status(), StatusCode::OK);
    }
}
