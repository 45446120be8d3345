//! Refusals as problem details (RFC 9457): the one place where an [`ErrorCode`] becomes an HTTP answer.

use std::borrow::Cow;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use auth_core::{ErrorCode, FieldError, Timestamp};
use serde::Serialize;

use crate::RequestId;
use crate::rate_limit::{RATE_LIMIT, RATE_LIMIT_POLICY, RateLimit};

/// A refusal on its way to the client.
///
/// What it says is for the client: no cause, no path, no SQL. The cause goes to the log under the same request id
/// ([`Problem::caused_by`]).
#[derive(Debug)]
pub struct Problem(Box<Parts>);

/// Behind a box, since every handler's result has room for it.
#[derive(Clone, Debug)]
struct Parts {
    code: ErrorCode,
    detail: Option<Cow<'static, str>>,
    errors: Vec<FieldError>,
    retry_after: Option<u64>,
    rate_limit: Option<RateLimit>,
    allow: Option<HeaderValue>,
    cause: Option<String>,
    rendered: Option<Rendered>,
}

/// The parts of an answer that belong to its request.
#[derive(Clone, Debug)]
struct Rendered {
    request_id: RequestId,
    at: Timestamp,
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    error_code: ErrorCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl Problem {
    /// A refusal of this kind.
    pub fn new(code: ErrorCode) -> Self {
        let (errors, rendered) = (Vec::new(), None);
        let (detail, retry_after, rate_limit, allow, cause) = (None, None, None, None, None);
        Self(Box::new(Parts { code, detail, errors, retry_after, rate_limit, allow, cause, rendered }))
    }

    /// Fields that are missing or refused.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let mut problem = Self::new(ErrorCode::ValidationFailed);
        problem.0.errors = errors;
        problem
    }

    /// Says more to the client than the title does.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// After how many seconds to try again (RFC 9110, section 10.2.3).
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// Which limit was reached, and when to try again (RFC 9110, section 10.2.3).
    #[must_use]
    pub fn rate_limited(mut self, limit: RateLimit) -> Self {
        self.0.retry_after = Some(limit.seconds());
        self.0.rate_limit = Some(limit);
        self
    }

    /// Which methods the resource has (RFC 9110, section 10.2.1).
    #[must_use]
    pub fn allow(mut self, methods: HeaderValue) -> Self {
        self.0.allow = Some(methods);
        self
    }

    /// What the operator finds in the log, and no client sees.
    #[must_use]
    pub fn caused_by(mut self, cause: impl fmt::Display) -> Self {
        self.0.cause = Some(cause.to_string());
        self
    }

    /// The code of the refusal.
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// The refusal that fits an answer which somebody else began, for instance actix for an unknown path.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        Self::new(match status {
            StatusCode::UNAUTHORIZED => ErrorCode::NotAuthenticated,
            StatusCode::FORBIDDEN => ErrorCode::Forbidden,
            StatusCode::NOT_FOUND => ErrorCode::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => ErrorCode::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::PayloadTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ErrorCode::UnsupportedMediaType,
            StatusCode::UNPROCESSABLE_ENTITY => ErrorCode::ValidationFailed,
            StatusCode::TOO_MANY_REQUESTS => ErrorCode::RateLimited,
            StatusCode::SERVICE_UNAVAILABLE => ErrorCode::Overloaded,
            status if status.is_client_error() => ErrorCode::MalformedRequest,
            _ => ErrorCode::InternalError,
        })
    }

    /// The same refusal once more: actix lends errors and never gives them away.
    pub(crate) fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }

    /// What the log should keep of it, if anything.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// The same refusal as the answer to one request.
    pub(crate) fn rendered(
        mut self,
        request_id: RequestId,
        at: Timestamp,
        headers: Vec<(HeaderName, HeaderValue)>,
    ) -> Self {
        self.0.rendered = Some(Rendered { request_id, at, headers });
        self
    }

    /// The answer to the request with this id.
    pub(crate) fn response(&self, request_id: &RequestId, at: Timestamp) -> HttpResponse {
        self.begin().body(self.body(Some((request_id, at))))
    }

    fn begin(&self) -> HttpResponseBuilder {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((CONTENT_TYPE, HeaderValue::from_static("application/problem+json")));
        response.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
        if self.0.code.status() == 401 {
            // RFC 9110, section 11.6.1: a 401 names the scheme to use.
            response.insert_header((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        }
        let retry_after = self.0.retry_after.or((self.0.code.status() == 503).then_some(1));
        if let Some(seconds) = retry_after {
            response.insert_header((RETRY_AFTER, HeaderValue::from(seconds)));
        }
        if let Some(limit) = &self.0.rate_limit {
            response.insert_header((RATE_LIMIT_POLICY, limit.policy()));
            response.insert_header((RATE_LIMIT, limit.state()));
        }
        if let Some(methods) = &self.0.allow {
            response.insert_header((ALLOW, methods.clone()));
        }
        response
    }

    fn body(&self, request: Option<(&RequestId, Timestamp)>) -> String {
        let body = Body {
            kind: "about:blank",
            title: self.0.code.title(),
            status: self.0.code.status(),
            detail: self.0.detail.as_deref().unwrap_or(self.0.code.title()),
            error_code: self.0.code,
            timestamp: request.map(|(_, at)| at),
            request_id: request.map(|(id, _)| id.as_str()),
            errors: &self.0.errors,
        };
        serde_json::to_string(&body).unwrap_or_default()
    }
}

impl From<ErrorCode> for Problem {
    fn from(code: ErrorCode) -> Self {
        Self::new(code)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.as_str(), self.0.detail.as_deref().unwrap_or(self.0.code.title()))
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Without [`RequestContext`](crate::RequestContext) around the application the answer lacks id and time.
    fn error_response(&self) -> HttpResponse {
        let mut response = self.begin();
        let Some(rendered) = &self.0.rendered else { return response.body(self.body(None)) };
        for (name, value) in &rendered.headers {
            response.insert_header((name.clone(), value.clone()));
        }
        response.body(self.body(Some((&rendered.request_id, rendered.at))))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody;

    use super::*;

    fn parts(problem: &Problem) -> (HttpResponse<()>, serde_json::Value) {
        let (head, body) = problem.error_response().into_parts();
        let bytes = body.try_into_bytes().unwrap_or_default();
        (head.set_body(()), serde_json::from_slice(&bytes).unwrap())
    }

    /// REQ-54
    #[test]
    fn every_code_is_a_problem_with_its_status_and_code() {
        for code in ErrorCode::ALL {
            let (head, body) = parts(&Problem::new(*code).caused_by("secret path"));
            assert_eq!(head.status().as_u16(), code.status());
            assert_eq!(head.headers().get(CONTENT_TYPE).unwrap(), "application/problem+json");
            assert_eq!(body["error_code"], code.as_str());
            assert_eq!(body["status"], code.status());
            assert_eq!(head.headers().contains_key(WWW_AUTHENTICATE), code.status() == 401);
            assert_eq!(head.headers().contains_key(RETRY_AFTER), code.status() == 503);
            assert!(!body.to_string().contains("secret path"));
        }
    }

    #[test]
    fn refused_fields_are_listed() {
        let (_, body) = parts(&Problem::invalid(vec![FieldError::required("email")]));
        assert_eq!(body["errors"][0]["field"], "email");
        assert_eq!(body["errors"][0]["code"], "required");
    }
}
