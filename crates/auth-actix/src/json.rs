//! Bodies in JSON, read strictly (RFC 8259).

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use actix_web::web::{Bytes, BytesMut};
use actix_web::{FromRequest, HttpRequest};
use auth_core::ErrorCode;
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;

use crate::Problem;

/// The largest body that is read, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// How long a client may take to send its body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A JSON body of type `T`.
///
/// Refused are: another `Content-Type` than `application/json` or another charset than UTF-8, and any
/// `Content-Encoding` (415); more than [`MAX_BODY_BYTES`] (413); what isn't one JSON object of `T`'s shape (400). Give
/// `T` `#[serde(deny_unknown_fields)]`, and repeated and unknown fields are refused too.
///
/// What was sent is never part of the refusal.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let checked = check_type(request.headers()).and_then(|()| check_length(request.headers()));
        let payload = payload.take();
        Box::pin(async move {
            checked?;
            parse(&read(payload).await?).map(Self)
        })
    }
}

/// A JSON body of type `T`, or none: without a body, with an empty one, `T` is made from nothing.
#[derive(Debug)]
pub struct OptionalJson<T>(pub T);

impl<T: DeserializeOwned + Default> FromRequest for OptionalJson<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (type_checked, length_checked) = (check_type(request.headers()), check_length(request.headers()));
        let payload = payload.take();
        Box::pin(async move {
            length_checked?;
            let body = read(payload).await?;
            if body.is_empty() {
                return Ok(Self(T::default()));
            }
            type_checked?;
            parse(&body).map(Self)
        })
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // serde would read an array of the fields' values as well.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(Problem::new(ErrorCode::MalformedRequest).detail("the body is not a JSON object"));
    }
    serde_json::from_slice(body).map_err(|error| {
        // serde's own text may quote what was sent, which may be a password: only its place is told.
        let (line, column) = (error.line(), error.column());
        Problem::new(ErrorCode::MalformedRequest).detail(match error.classify() {
            serde_json::error::Category::Data => {
                format!("a field at line {line}, column {column} has the wrong type, is unknown, or stands there twice")
            }
            _ => format!("the body is not valid JSON at line {line}, column {column}"),
        })
    })
}

fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(Problem::new(ErrorCode::UnsupportedMediaType).detail("send the body without Content-Encoding"));
    }
    let mut types = headers.get_all(CONTENT_TYPE);
    let only = types.next().filter(|_| types.next().is_none());
    if !only.and_then(|value| value.to_str().ok()).is_some_and(is_json) {
        return Err(ErrorCode::UnsupportedMediaType.into());
    }
    Ok(())
}

/// Refuses at once what announces that it is too large.
fn check_length(headers: &HeaderMap) -> Result<(), Problem> {
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > MAX_BODY_BYTES as u64) {
        return Err(ErrorCode::PayloadTooLarge.into());
    }
    Ok(())
}

fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
        && parts.all(|parameter| {
            parameter.split_once('=').is_some_and(|(name, value)| {
                name.eq_ignore_ascii_case("charset") && value.trim_matches('"').eq_ignore_ascii_case("utf-8")
            })
        })
}

async fn read(payload: Payload) -> Result<Bytes, Problem> {
    actix_web::rt::time::timeout(BODY_TIMEOUT, collect(payload))
        .await
        .unwrap_or_else(|_| Err(Problem::new(ErrorCode::MalformedRequest).detail("the body did not arrive in time")))
}

async fn collect(mut payload: Payload) -> Result<Bytes, Problem> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::new(ErrorCode::MalformedRequest).detail("the body can't be read"))?;
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(ErrorCode::PayloadTooLarge.into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        name: Option<String>,
    }

    async fn post(content_type: Option<&'static str>, body: impl Into<Bytes>) -> Result<Option<String>, ErrorCode> {
        let mut request = TestRequest::post();
        if let Some(content_type) = content_type {
            request = request.insert_header((CONTENT_TYPE, content_type));
        }
        let (request, mut payload) = request.set_payload(body.into()).to_http_parts();
        Json::<Body>::from_request(&request, &mut payload)
            .await
            .map(|body| body.0.name)
            .map_err(|problem| problem.code())
    }

    const JSON: Option<&str> = Some("application/json");

    #[actix_web::test]
    async fn only_json_in_utf_8_is_read() {
        for good in ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""] {
            assert_eq!(post(Some(good), r#"{"name":"a"}"#).await, Ok(Some("a".to_owned())), "{good}");
        }
        for bad in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/json; charset=utf-16",
            "application/json;x",
            "application/json, text/plain",
            "",
        ] {
            assert_eq!(post(Some(bad), r#"{"name":"a"}"#).await, Err(ErrorCode::UnsupportedMediaType), "{bad}");
        }
        assert_eq!(post(None, "{}").await, Err(ErrorCode::UnsupportedMediaType));
    }

    #[actix_web::test]
    async fn what_is_not_one_json_text_of_the_right_shape_is_malformed() {
        let deep = "[".repeat(60_000);
        let bad: [&[u8]; 15] = [
            b"",
            b"{",
            b"null",
            b"[]",
            br#"["a"]"#,
            br#"{"name":1}"#,
            br#"{"name":"a","name":"b"}"#,
            br#"{"name":"a","n\u0061me":"b"}"#,
            br#"{"other":"a"}"#,
            br#"{"name":"a"} x"#,
            br#"{"name":"a"}{}"#,
            br#"{"name":"\ud800"}"#,
            b"{\"name\":\"\xff\"}",
            b"\xef\xbb\xbf{}",
            deep.as_bytes(),
        ];
        for body in bad {
            let answer = post(JSON, Bytes::copy_from_slice(body)).await;
            assert_eq!(answer, Err(ErrorCode::MalformedRequest), "{:?}", String::from_utf8_lossy(body));
        }
    }

    #[actix_web::test]
    async fn a_body_up_to_64_kib_is_read_and_no_larger_one() {
        let of_size = |size: usize| format!(r#"{{"name":"{}"}}"#, "a".repeat(size - r#"{"name":""}"#.len()));
        assert!(post(JSON, of_size(MAX_BODY_BYTES)).await.is_ok());
        assert_eq!(post(JSON, of_size(MAX_BODY_BYTES + 1)).await, Err(ErrorCode::PayloadTooLarge));
    }

    #[actix_web::test]
    async fn an_optional_body_may_be_missing() {
        let (request, mut payload) = TestRequest::delete().to_http_parts();
        assert!(OptionalJson::<Body>::from_request(&request, &mut payload).await.unwrap().0.name.is_none());
    }

    #[test]
    fn no_refusal_quotes_what_was_sent() {
        let problem = parse::<Body>(br#"{"hunter2":"x"}"#).unwrap_err();
        assert!(!problem.to_string().contains("hunter2"));
    }
}
