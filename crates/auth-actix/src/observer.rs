//! What becomes of each request, for those who log and count: by route, never by path.

use std::time::Duration;

use actix_web::http::{Method, StatusCode};

use crate::{RequestId, TraceParent};

/// Is told of every request that [`RequestContext`](crate::RequestContext) sees, also of those that are refused before
/// they reach a route and of those whose handler panics. It is called on the thread that serves, so it should be quick.
pub trait RequestObserver {
    /// A request has come.
    fn began(&self);

    /// A request that had come is over.
    fn ended(&self, request: &EndedRequest<'_>);
}

/// A request that is over, without anything that its sender wrote but the method.
#[derive(Debug)]
pub struct EndedRequest<'a> {
    /// The id that the answer carries.
    pub id: &'a RequestId,
    /// As it was asked: any word may be one.
    pub method: &'a Method,
    /// The route's template, such as `/users/me/sessions/{id}`; `None` where no route is.
    pub route: Option<&'a str>,
    /// The answer's; `None` if the client went away before there was one.
    pub status: Option<StatusCode>,
    /// From the request's head being read until the answer's head was ready.
    pub duration: Duration,
    /// The trace that the request is part of.
    pub trace_parent: Option<TraceParent>,
}
