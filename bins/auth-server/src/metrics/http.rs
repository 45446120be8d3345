//! Requests by route, method and status, and how long they took.

use std::cell::RefCell;
use std::collections::HashMap;

use actix_web::http::Method;
use auth_actix::EndedRequest;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

/// Stands for every path that has no route.
const UNMATCHED: &str = "unmatched";

/// The numbers of one worker. Looking a number up by its labels costs more than counting, so what was looked up is kept:
/// routes, methods and statuses are few, whatever clients send.
pub(crate) struct HttpMetrics {
    in_flight: Gauge,
    routes: RefCell<HashMap<String, Route>>,
}

struct Route {
    durations: Histogram,
    /// By method and status; a route has a handful of them.
    counts: Vec<(&'static str, u16, Counter)>,
}

impl HttpMetrics {
    pub(crate) fn new() -> Self {
        Self { in_flight: gauge!("auth_http_requests_in_flight"), routes: RefCell::default() }
    }

    pub(crate) fn began(&self) {
        self.in_flight.increment(1);
    }

    pub(crate) fn ended(&self, request: &EndedRequest<'_>) {
        self.in_flight.decrement(1);
        let name = request.route.unwrap_or(UNMATCHED);
        let status = request.status.map_or(0, |status| status.as_u16());
        let mut routes = self.routes.borrow_mut();
        match routes.get_mut(name) {
            Some(route) => route.count(name, request, status),
            None => routes.entry(name.to_owned()).or_insert(Route::new(name)).count(name, request, status),
        }
    }
}

impl Route {
    fn new(name: &str) -> Self {
        let durations = histogram!("auth_http_request_duration_seconds", "route" => name.to_owned());
        Self { durations, counts: Vec::new() }
    }

    fn count(&mut self, name: &str, request: &EndedRequest<'_>, status: u16) {
        self.durations.record(request.duration);
        let method = known_method(request.method).unwrap_or("other");
        if let Some((.., count)) = self.counts.iter().find(|(known, code, _)| *code == status && *known == method) {
            count.increment(1);
            return;
        }
        let code = if status == 0 { "none".to_owned() } else { status.to_string() };
        let count = counter!(
            "auth_http_requests_total", "method" => method, "route" => name.to_owned(), "status" => code
        );
        count.increment(1);
        self.counts.push((method, status, count));
    }
}

/// Shows the numbers before the first request.
pub(super) fn begin() {
    counter!("auth_http_requests_total", "method" => "GET", "route" => UNMATCHED, "status" => "404").absolute(0);
    drop(histogram!("auth_http_request_duration_seconds", "route" => UNMATCHED));
}

/// The name of a method that has one: a client may make up others without end.
pub(crate) fn known_method(method: &Method) -> Option<&'static str> {
    let known = match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => return None,
    };
    Some(known)
}
