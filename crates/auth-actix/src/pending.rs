//! A request on its way, from its head to the line that the log has about it.

use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::dev::ServiceRequest;
use actix_web::http::{Method, StatusCode};

use crate::observer::{EndedRequest, RequestObserver};
use crate::{RequestId, TraceParent};

/// The most that is logged of a path that no route is at, and of a method that may be any word, in characters.
const MOST_OF_PATH: usize = 256;
const MOST_OF_METHOD: usize = 32;

/// Whose end is logged and told to the observer. If it is dropped before, the client has gone away.
pub(crate) struct Pending {
    id: RequestId,
    method: Method,
    route: Option<String>,
    /// Of a request that is logged and has no route.
    path: Option<String>,
    trace_parent: Option<TraceParent>,
    began: Instant,
    is_logged: bool,
    observer: Option<Rc<dyn RequestObserver>>,
    is_over: bool,
}

impl Pending {
    pub(crate) fn begin(
        request: &ServiceRequest,
        id: RequestId,
        quiet: &[&str],
        observer: Option<&Rc<dyn RequestObserver>>,
    ) -> Self {
        let began = Instant::now();
        let is_logged = tracing::enabled!(target: "access", tracing::Level::INFO)
            && !quiet.iter().any(|quiet| is_below(request.path(), quiet));
        if let Some(observer) = observer {
            observer.began();
        }
        // Asked of the routes before the request is handed over: what a panic or other middleware makes of it tells none.
        // The path is taken as the router will see it, decoded.
        let is_of_interest = is_logged || observer.is_some();
        let route = is_of_interest.then(|| request.resource_map().match_pattern(request.match_info().unprocessed()));
        let route = route.flatten();
        // Tokens are never in a path of ours; one that isn't ours is what helps to find the mistake.
        let path = is_logged && route.is_none();
        let path = path.then(|| request.path().chars().take(MOST_OF_PATH).collect());
        Self {
            id,
            method: request.method().clone(),
            route,
            path,
            trace_parent: TraceParent::of(request.headers()),
            began,
            is_logged,
            observer: observer.map(Rc::clone),
            is_over: false,
        }
    }

    pub(crate) const fn id(&self) -> &RequestId {
        &self.id
    }

    /// The id of the trace that the request is part of, as text.
    pub(crate) fn trace_id(&self) -> Option<String> {
        self.trace_parent.map(|parent| format!("{:032x}", parent.trace_id()))
    }

    pub(crate) fn end(mut self, status: StatusCode) {
        self.is_over = true;
        self.tell(Some(status));
    }

    fn tell(&self, status: Option<StatusCode>) {
        let duration = self.began.elapsed();
        if let Some(observer) = &self.observer {
            observer.ended(&EndedRequest {
                id: &self.id,
                method: &self.method,
                route: self.route.as_deref(),
                status,
                duration,
                trace_parent: self.trace_parent,
            });
        }
        if self.is_logged {
            self.log(status, duration);
        }
    }

    fn log(&self, status: Option<StatusCode>, duration: Duration) {
        let method = self.method.as_str();
        tracing::info!(
            target: "access",
            request_id = %self.id,
            trace_id = self.trace_id(),
            method = method.get(..MOST_OF_METHOD).unwrap_or(method),
            route = self.route.as_deref().unwrap_or("-"),
            path = self.path.as_deref(),
            status = status.map(|status| status.as_u16()),
            duration_ms = milliseconds(duration),
            "{}",
            if status.is_some() { "request" } else { "request given up by its client" }
        );
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.is_over {
            self.tell(None);
        }
    }
}

/// In milliseconds, to the microsecond; no request takes more than an hour.
fn milliseconds(duration: Duration) -> f64 {
    f64::from(u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)) / 1000.0
}

/// Whether `path` is `root` or lies below it.
fn is_below(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::sync::Arc;

    use actix_web::dev::Service as _;
    use actix_web::middleware::{Next, from_fn};
    use actix_web::test::{TestRequest, init_service};
    use actix_web::{App, HttpResponse, web};
    use auth_core::{ErrorCode, ManualClock};
    use futures_util::FutureExt as _;

    use super::*;
    use crate::{Problem, RequestContext};

    #[expect(clippy::panic, reason = "what a defect in a handler does")]
    async fn panicking() -> HttpResponse {
        panic!("a handler's defect");
    }

    struct Told {
        method: String,
        route: Option<String>,
        status: Option<u16>,
        trace_id: Option<u128>,
    }

    #[derive(Default)]
    struct Ends {
        begun: Cell<usize>,
        ended: RefCell<Vec<Told>>,
    }

    impl RequestObserver for Ends {
        fn began(&self) {
            self.begun.set(self.begun.get() + 1);
        }

        fn ended(&self, request: &EndedRequest<'_>) {
            self.ended.borrow_mut().push(Told {
                method: request.method.to_string(),
                route: request.route.map(str::to_owned),
                status: request.status.map(|status| status.as_u16()),
                trace_id: request.trace_parent.map(|parent| parent.trace_id()),
            });
        }
    }

    /// What the observer is told of `requests`, each of which is given up when it waits.
    async fn observed(requests: Vec<TestRequest>) -> Vec<Told> {
        let ends = Rc::new(Ends::default());
        let observer = Rc::<Ends>::clone(&ends);
        let context = RequestContext::new(Arc::new(ManualClock::default()), Vec::new(), vec!["/quiet"]);
        let app = App::new()
            .route("/quiet", web::get().to(HttpResponse::Ok))
            .route("/things/{id}", web::get().to(HttpResponse::Ok))
            .route(
                "/refused/{id}",
                web::get().to(|| async { Err::<HttpResponse, _>(Problem::from(ErrorCode::EmailTaken)) }),
            )
            .route("/panic/{id}", web::get().to(panicking))
            .route("/stuck/{id}", web::get().to(std::future::pending::<HttpResponse>))
            .wrap(from_fn(|request: ServiceRequest, next: Next<_>| async move {
                if request.headers().contains_key("x-barred") {
                    return Err(Problem::from(ErrorCode::Forbidden).into());
                }
                next.call(request).await
            }))
            .wrap(context.observed_by(observer));
        let app = init_service(app).await;
        let count = requests.len();
        for request in requests {
            let _ = app.call(request.to_request()).now_or_never();
        }
        assert_eq!(ends.begun.get(), count);
        ends.ended.take()
    }

    /// REQ-52: by the route's template, whoever answers.
    #[actix_web::test]
    async fn every_request_is_observed_by_its_route() {
        let large = "x".repeat(32 * 1024);
        let cases = [
            (TestRequest::get().uri("/quiet"), Some("/quiet"), Some(200)),
            (TestRequest::get().uri("/things/7?q=1"), Some("/things/{id}"), Some(200)),
            (TestRequest::get().uri("/%74hings/7"), Some("/things/{id}"), Some(200)),
            (TestRequest::get().uri("/refused/7"), Some("/refused/{id}"), Some(409)),
            (TestRequest::get().uri("/panic/7"), Some("/panic/{id}"), Some(500)),
            (TestRequest::get().uri("/stuck/7"), Some("/stuck/{id}"), None),
            (TestRequest::get().uri("/things/7").insert_header(("x-barred", "1")), Some("/things/{id}"), Some(403)),
            (TestRequest::get().uri("/things/7").insert_header(("x-large", large)), Some("/things/{id}"), Some(400)),
            (TestRequest::get().uri("/things"), None, Some(404)),
            (TestRequest::get().uri("/nowhere/7"), None, Some(404)),
        ];
        let (requests, expected): (Vec<_>, Vec<_>) =
            cases.into_iter().map(|(request, route, status)| (request, (route, status))).unzip();
        let told = observed(requests).await;
        let told: Vec<_> = told.iter().map(|told| (told.route.as_deref(), told.status)).collect();
        assert_eq!(told, expected);
    }

    #[actix_web::test]
    async fn the_trace_of_a_request_is_told() {
        let with = |value: &str| TestRequest::post().uri("/things/7").insert_header(("traceparent", value));
        let told = observed(vec![
            with("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            with("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"),
        ]);
        let told: Vec<_> = told.await.into_iter().map(|told| (told.method, told.trace_id)).collect();
        let trace = Some(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!(told, [("POST".to_owned(), trace), ("POST".to_owned(), None)]);
    }
}
