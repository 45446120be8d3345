//! The id under which a request is found again in answers and logs.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use auth_core::{OsRandom, Random};

/// The header that carries the id, both ways.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request's id: the client's own if it is `[A-Za-z0-9._-]{1,128}`, else one of ours.
///
/// Anything else is replaced and never echoed, so that no client writes into our logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The id for a request with these headers.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut given = headers.get_all(&X_REQUEST_ID);
        match (given.next(), given.next()) {
            (Some(id), None) if is_acceptable(id.as_bytes()) => Self(id.clone()),
            _ => Self::new(),
        }
    }

    /// A new id, unlike every other of this and every other process.
    fn new() -> Self {
        static PROCESS: OnceLock<u64> = OnceLock::new();
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let process = *PROCESS.get_or_init(|| {
            let mut bytes = [0; 8];
            OsRandom.fill(&mut bytes);
            u64::from_le_bytes(bytes)
        });
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let text = format!("{process:016x}-{count:08x}");
        Self(HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("-")))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or("-")
    }

    /// The id as the value of [`X_REQUEST_ID`].
    pub fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

fn is_acceptable(id: &[u8]) -> bool {
    (1..=128).contains(&id.len()) && id.iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b))
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The id that [`RequestContext`](crate::RequestContext) gave to this request.
impl FromRequest for RequestId {
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.extensions().get::<Self>().cloned();
        std::future::ready(Ok(id.unwrap_or_else(|| Self::of(request.headers()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ids: &[&str]) -> RequestId {
        let mut headers = HeaderMap::new();
        for id in ids {
            headers.append(X_REQUEST_ID, HeaderValue::from_bytes(id.as_bytes()).unwrap());
        }
        RequestId::of(&headers)
    }

    #[test]
    fn a_well_formed_id_is_kept_and_any_other_replaced() {
        assert_eq!(of(&["Job-7.a_b"]).as_str(), "Job-7.a_b");
        let long = "x".repeat(129);
        for ids in [&[][..], &[""], &["a b"], &["a\u{e4}"], &["<x>"], &[long.as_str()], &["a", "b"]] {
            let id = of(ids);
            assert!(is_acceptable(id.as_str().as_bytes()) && !ids.contains(&id.as_str()), "{ids:?} gave {id}");
        }
    }

    #[test]
    fn made_ids_differ() {
        assert_ne!(of(&[]), of(&[]));
    }
}
