//! Numbers for operators, in the text format that Prometheus reads (REQ-52).
//!
//! The crates below count with the facade `metrics` and know nothing of who reads it; without a recorder that costs them
//! next to nothing.

mod http;
mod list;
mod metric;
mod samples;

use std::sync::Arc;
use std::time::Duration;

use auth_core::BreakerState;
use auth_oauth::Providers;
use auth_service::AuthService;
use metrics::{SharedString, counter, gauge};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

pub(crate) use self::http::HttpMetrics;
#[cfg(feature = "opentelemetry")]
pub(crate) use self::http::known_method;
use self::list::SIGN_IN_OUTCOMES;

/// How often what was measured is put into its buckets: until then each measurement is kept by itself.
const UPKEEP: Duration = Duration::from_secs(5);

/// Upper ends of the buckets of durations, in seconds: from a look-up by index to the longest wait for a hash.
const SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// What the process has counted so far; a clone reads the same numbers.
#[derive(Clone)]
pub(crate) struct Metrics {
    counted: PrometheusHandle,
    /// What is looked at when somebody asks.
    samples: Vec<Sample>,
}

/// Sets a few of the numbers.
type Sample = Arc<dyn Fn() + Send + Sync>;

impl Metrics {
    /// Counts from now on, for the whole process.
    ///
    /// # Errors
    ///
    /// When the process counts already.
    pub(crate) fn start() -> Result<Self, BuildError> {
        let recorder = recorder()?;
        let metrics = Self { counted: recorder.handle(), samples: Vec::new() };
        metrics::set_global_recorder(recorder)?;
        begin();
        Ok(metrics)
    }

    /// Shows the state of a breaker, too, which guards `dependency`.
    #[must_use]
    pub(crate) fn watching(
        mut self,
        dependency: impl Into<SharedString>,
        state: impl Fn() -> BreakerState + Send + Sync + 'static,
    ) -> Self {
        let breaker = dependency.into();
        self.samples.push(Arc::new(move || {
            gauge!("auth_breaker_state", "dependency" => breaker.clone()).set(number(state()));
        }));
        self
    }

    /// Shows the load of `service`, too.
    #[must_use]
    pub(crate) fn watching_service(mut self, service: &AuthService) -> Self {
        let service = service.clone();
        self.samples.push(Arc::new(move || samples::take(&service)));
        self
    }

    /// Shows each provider that is configured, too: its breaker as `oauth_` and its name, which no other dependency has,
    /// and its sign-ins with 0.
    #[must_use]
    pub(crate) fn watching_providers(self, providers: &Providers) -> Self {
        providers.configured().fold(self, |metrics, provider| {
            for outcome in SIGN_IN_OUTCOMES {
                let name = provider.name().to_owned();
                counter!("auth_oauth_sign_ins_total", "provider" => name, "outcome" => outcome).absolute(0);
            }
            let (name, provider) = (format!("oauth_{}", provider.name()), provider.clone());
            metrics.watching(name, move || provider.breaker_state())
        })
    }

    /// Everything in the text format 0.0.4.
    pub(crate) fn render(&self) -> String {
        for sample in &self.samples {
            sample();
        }
        self.counted.render()
    }

    /// Puts measurements into their buckets now and then, so that they don't pile up while nobody reads them. Ends with
    /// the runtime.
    pub(crate) async fn keep(self) {
        let mut ticks = tokio::time::interval(UPKEEP);
        loop {
            ticks.tick().await;
            self.counted.run_upkeep();
        }
    }
}

/// As a number that grows with the trouble.
const fn number(state: BreakerState) -> f64 {
    match state {
        BreakerState::Closed => 0.0,
        BreakerState::HalfOpen => 1.0,
        BreakerState::Open => 2.0,
    }
}

/// Describes every number and shows those that can be told before anything happened.
fn begin() {
    list::begin();
    http::begin();
}

fn recorder() -> Result<PrometheusRecorder, BuildError> {
    Ok(PrometheusBuilder::new().set_buckets(&SECONDS)?.build_recorder())
}

#[cfg(test)]
pub(crate) mod tests {
    use actix_web::http::{Method, StatusCode};
    use auth_actix::{EndedRequest, RequestId};
    use auth_oauth::{ClientCredentials, Endpoints, NetworkPolicy, OidcIssuer};
    use metrics::histogram;

    use super::list::METRICS;
    use super::metric::Split;
    use super::*;

    /// Numbers of a test's own, beside those of the process; what `count` counts goes there.
    pub(crate) fn counted(count: impl FnOnce()) -> Metrics {
        let recorder = recorder().unwrap();
        metrics::with_local_recorder(&recorder, || {
            begin();
            count();
        });
        Metrics { counted: recorder.handle(), samples: Vec::new() }
    }

    /// REQ-52
    #[test]
    fn everything_is_there_with_0_from_the_first_scrape() {
        let text = counted(|| {}).render();
        for line in [
            "auth_login_success_total 0",
            "auth_login_failure_total 0",
            "auth_token_refresh_total 0",
            "auth_breach_checks_total{outcome=\"unknown\"} 0",
            "auth_mails_sent_total{template=\"verify_email\"} 0",
            "auth_mails_failed_total{template=\"activate\"} 0",
            "auth_mails_expired_total{template=\"reset_password\"} 0",
            "auth_outbox_waiting 0",
            "auth_outbox_failed 0",
            "auth_outbox_oldest_seconds 0",
            "auth_breaker_state{dependency=\"smtp\"} 0",
            "auth_breaker_state{dependency=\"hibp\"} 0",
        ] {
            assert!(text.lines().any(|there| there == line), "{line}\n{text}");
        }
        for metric in METRICS.iter().filter(|metric| !matches!(metric.split, Split::Open(_))) {
            assert!(text.contains(&format!("# HELP {} {}\n", metric.name, metric.meaning)), "{}\n{text}", metric.name);
        }
    }

    #[test]
    fn what_is_counted_is_read() {
        let text = counted(|| {
            counter!("auth_login_success_total").increment(2);
            gauge!("auth_breaker_state", "dependency" => "smtp").set(2);
            histogram!("auth_operation_duration_seconds", "operation" => "log_in").record(0.03);
        })
        .render();
        for line in [
            "auth_login_success_total 2",
            "auth_breaker_state{dependency=\"smtp\"} 2",
            "# TYPE auth_operation_duration_seconds histogram",
            "auth_operation_duration_seconds_bucket{operation=\"log_in\",le=\"0.025\"} 0",
            "auth_operation_duration_seconds_bucket{operation=\"log_in\",le=\"0.05\"} 1",
            "auth_operation_duration_seconds_count{operation=\"log_in\"} 1",
        ] {
            assert!(text.lines().any(|there| there == line), "{line}\n{text}");
        }
    }

    /// REQ-43
    #[test]
    fn a_breaker_is_looked_at_when_somebody_asks() {
        let recorder = recorder().unwrap();
        let clock = Arc::new(auth_core::ManualClock::default());
        let breaker = Arc::new(auth_core::Breaker::new(auth_core::BreakerConfig::default(), clock.clone()));
        let watched = Arc::clone(&breaker);
        let metrics = Metrics { counted: recorder.handle(), samples: Vec::new() };
        let metrics = metrics.watching("hibp", move || watched.state());
        let shown = || metrics::with_local_recorder(&recorder, || metrics.render());
        assert!(shown().contains("auth_breaker_state{dependency=\"hibp\"} 0\n"));
        while let Ok(permit) = breaker.acquire() {
            permit.fail();
        }
        assert!(shown().contains("auth_breaker_state{dependency=\"hibp\"} 2\n"));
        clock.advance(Duration::from_secs(30));
        assert!(shown().contains("auth_breaker_state{dependency=\"hibp\"} 1\n"));
    }

    /// REQ-43: also of a name that another dependency has.
    #[test]
    fn each_configured_provider_is_shown() {
        let client = || ClientCredentials { client_id: "id".to_owned(), client_secret: None };
        let breaker = auth_core::BreakerConfig::default();
        let clock = Arc::new(auth_core::ManualClock::default());
        let issuer = OidcIssuer {
            name: "hibp".to_owned(),
            display_name: "hibp".to_owned(),
            issuer: "http://idp.localhost".to_owned(),
            client: client(),
            scopes: vec!["openid".to_owned()],
        };
        let at = |path: &str| format!("http://github.localhost/{path}").parse().unwrap();
        let endpoints = Endpoints { authorize_url: at("a"), token_url: at("t"), userinfo_url: at("u") };
        let providers = Providers::builder(NetworkPolicy::Any, breaker, clock);
        let providers = providers.github(client(), Some(endpoints)).openid_connect(issuer).build().unwrap();
        let recorder = recorder().unwrap();
        let metrics = Metrics { counted: recorder.handle(), samples: Vec::new() };
        let text = metrics::with_local_recorder(&recorder, || metrics.watching_providers(&providers).render());
        let counted = r#"auth_oauth_sign_ins_total{provider="github",outcome="success"} 0"#;
        assert!(text.lines().any(|line| line == counted), "{text}");
        let shown: Vec<&str> = text.lines().filter(|line| line.starts_with("auth_breaker_state{")).collect();
        for name in ["oauth_github", "oauth_hibp"] {
            assert!(shown.contains(&&*format!("auth_breaker_state{{dependency=\"{name}\"}} 0")), "{text}");
        }
        assert_eq!(shown.len(), 2, "{text}");
    }

    /// REQ-52: by template; no text of a client makes a label.
    #[test]
    fn requests_are_counted_by_route_method_and_status() {
        let id = RequestId::of(&actix_web::http::header::HeaderMap::new());
        let text = counted(|| {
            let requests = HttpMetrics::new();
            let odd = Method::from_bytes(b"BREW").unwrap();
            for (method, route, status) in [
                (&Method::GET, Some("/users/me"), Some(StatusCode::OK)),
                (&Method::GET, Some("/users/me"), Some(StatusCode::OK)),
                (&Method::GET, Some("/users/me"), Some(StatusCode::UNAUTHORIZED)),
                (&odd, Some("/users/me"), Some(StatusCode::METHOD_NOT_ALLOWED)),
                (&Method::GET, None, Some(StatusCode::NOT_FOUND)),
                (&Method::POST, Some("/auth/login"), None),
            ] {
                requests.began();
                let duration = Duration::from_millis(2);
                requests.ended(&EndedRequest { id: &id, method, route, status, duration, trace_parent: None });
            }
            requests.began();
        })
        .render();
        for line in [
            r#"auth_http_requests_total{method="GET",route="/users/me",status="200"} 2"#,
            r#"auth_http_requests_total{method="GET",route="/users/me",status="401"} 1"#,
            r#"auth_http_requests_total{method="other",route="/users/me",status="405"} 1"#,
            r#"auth_http_requests_total{method="GET",route="unmatched",status="404"} 1"#,
            r#"auth_http_requests_total{method="POST",route="/auth/login",status="none"} 1"#,
            r#"auth_http_request_duration_seconds_bucket{route="/users/me",le="0.001"} 0"#,
            r#"auth_http_request_duration_seconds_count{route="/users/me"} 4"#,
            "auth_http_requests_in_flight 1",
        ] {
            assert!(text.lines().any(|there| there == line), "{line}\n{text}");
        }
    }
}
