//! Where operators' tools read the numbers: beside everything else in development, at an address of its own elsewhere.

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{self, ServiceConfig};

use crate::metrics::Metrics;

/// Version 0.0.4 of the text format, which every tool reads.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `GET /metrics` beside other routes, if there is anything to show.
pub(crate) fn route(config: &mut ServiceConfig, metrics: Option<&web::Data<Metrics>>) {
    if let Some(metrics) = metrics {
        config.app_data(metrics.clone()).service(super::resource("/metrics", "GET", [web::get().to(show)]));
    }
}

/// `GET /metrics` and nothing else, for a listener of its own.
pub(crate) fn alone(config: &mut ServiceConfig, metrics: &web::Data<Metrics>) {
    route(config, Some(metrics));
    config.default_service(super::nothing());
}

/// Numbers for operators, in the text format of Prometheus.
///
/// In development here, if `AUTH_METRICS` is on; else only at `AUTH_METRICS_BIND`.
#[utoipa::path(get, path = "/metrics", operation_id = "getMetrics", tag = "system", responses(
    (status = 200, description = "The numbers", body = String, content_type = "text/plain"),
    (status = 404, description = "`not_found`: they are at another address, or off"),
))]
pub(super) async fn show(metrics: web::Data<Metrics>) -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, TEXT_FORMAT)).body(metrics.render())
}

#[cfg(test)]
mod tests {
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use actix_web::{App, http::StatusCode};

    use super::*;
    use crate::metrics::tests::counted;

    /// Status, type and body of the answer at a listener for metrics alone.
    async fn ask(request: TestRequest) -> (StatusCode, String, String) {
        let metrics = counted(|| ::metrics::counter!("auth_login_success_total").increment(7));
        let metrics = web::Data::new(metrics);
        let app = init_service(App::new().configure(|config| alone(config, &metrics))).await;
        let response = call_service(&app, request.to_request()).await;
        let kind = response.headers().get(CONTENT_TYPE).map(|kind| kind.to_str().unwrap().to_owned());
        let status = response.status();
        let body = String::from_utf8(read_body(response).await.to_vec()).unwrap();
        (status, kind.unwrap_or_default(), body)
    }

    /// REQ-52
    #[actix_web::test]
    async fn the_numbers_are_text() {
        let (status, kind, body) = ask(TestRequest::get().uri("/metrics")).await;
        assert_eq!((status, kind.as_str()), (StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8"));
        assert!(body.lines().any(|line| line == "auth_login_success_total 7"), "{body}");
    }

    /// W-23
    #[actix_web::test]
    async fn a_listener_of_its_own_serves_nothing_else() {
        for path in ["/", "/health", "/auth/login", "/openapi.json", "/metrics/x"] {
            assert_eq!(ask(TestRequest::get().uri(path)).await.0, StatusCode::NOT_FOUND, "{path}");
        }
        assert_eq!(ask(TestRequest::post().uri("/metrics")).await.0, StatusCode::METHOD_NOT_ALLOWED);
    }
}
