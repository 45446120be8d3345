//! Numbers for operators, in the text format that Prometheus reads (REQ-52).
//!
//! The crates below count with the facade `metrics` and know nothing of who reads it; without a recorder that costs them
//! next to nothing. Here is the one list of names, so that each is there, with 0, from the first scrape on.

use std::sync::Arc;
use std::time::Duration;

use auth_core::{Breaker, BreakerState};
use metrics::{Label, SharedString, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

/// How often what was measured is put into its buckets: until then each measurement is kept by itself.
const UPKEEP: Duration = Duration::from_secs(5);

/// Upper ends of the buckets of durations, in seconds: from a look-up by index to the longest wait for a hash.
const SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// A number and what it tells.
struct Metric {
    name: &'static str,
    kind: Kind,
    meaning: &'static str,
    label: Option<Split>,
}

/// What a number is split by, and the values that are there from the start.
type Split = (&'static str, &'static [&'static str]);

enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Durations in seconds.
    Histogram,
}

const TEMPLATES: [&str; 8] = [
    "verify_email",
    "reset_password",
    "change_email",
    "email_changed",
    "account_exists",
    "security_alert",
    "password_changed",
    "activate",
];

const METRICS: [Metric; 13] = [
    counts("auth_login_success_total", "Sign-ins that opened a session", None),
    counts("auth_login_failure_total", "Sign-ins that were refused", None),
    counts("auth_token_refresh_total", "Refreshes that gave tokens", None),
    counts(
        "auth_breach_checks_total",
        "Passwords that were looked up among the breached ones, by what came of it",
        Some(("outcome", &["breached", "not_found", "unknown"])),
    ),
    counts("auth_mails_sent_total", "Mails that a mail server took over", Some(("template", &TEMPLATES))),
    counts("auth_mails_failed_total", "Mails that a mail server refused for good", Some(("template", &TEMPLATES))),
    counts(
        "auth_mails_expired_total",
        "Mails whose purpose ended before they were sent",
        Some(("template", &TEMPLATES)),
    ),
    counts(
        "auth_mails_dropped_total",
        "Mails that were not to be sent, by the reason",
        Some(("reason", &["nobody", "too_many"])),
    ),
    shows("auth_outbox_waiting", "Mails that wait to be sent", None),
    shows("auth_outbox_failed", "Mails that were refused for good and are kept", None),
    shows("auth_outbox_oldest_seconds", "How long the oldest waiting mail has been waiting", None),
    shows(
        "auth_breaker_state",
        "Circuit breakers: 0 closed, 1 half open, 2 open",
        Some(("dependency", &["smtp", "hibp"])),
    ),
    Metric {
        name: "auth_operation_duration_seconds",
        kind: Kind::Histogram,
        meaning: "How long an operation took",
        label: Some(("operation", &[])),
    },
];

const fn counts(name: &'static str, meaning: &'static str, label: Option<Split>) -> Metric {
    Metric { name, kind: Kind::Counter, meaning, label }
}

const fn shows(name: &'static str, meaning: &'static str, label: Option<Split>) -> Metric {
    Metric { name, kind: Kind::Gauge, meaning, label }
}

impl Metric {
    fn describe(&self) {
        match self.kind {
            Kind::Counter => describe_counter!(self.name, self.meaning),
            Kind::Gauge => describe_gauge!(self.name, self.meaning),
            Kind::Histogram => describe_histogram!(self.name, self.meaning),
        }
    }

    /// Has it shown with 0, once for each value of its label.
    fn begin(&self) {
        match self.label {
            None => self.begin_with(Vec::new()),
            Some((label, values)) => {
                for value in values {
                    self.begin_with(vec![Label::from_static_parts(label, value)]);
                }
            }
        }
    }

    fn begin_with(&self, labels: Vec<Label>) {
        let name = SharedString::const_str(self.name);
        match self.kind {
            Kind::Counter => counter!(name, labels).absolute(0),
            Kind::Gauge => gauge!(name, labels).set(0),
            Kind::Histogram => drop(histogram!(name, labels)),
        }
    }
}

/// What the process has counted so far; a clone reads the same numbers.
#[derive(Clone)]
pub(crate) struct Metrics {
    counted: PrometheusHandle,
    /// Breakers that are looked at when somebody asks, by what they guard.
    breakers: Vec<(&'static str, Arc<Breaker>)>,
}

impl Metrics {
    /// Counts from now on, for the whole process.
    ///
    /// # Errors
    ///
    /// When the process counts already.
    pub(crate) fn start() -> Result<Self, BuildError> {
        let recorder = recorder()?;
        let metrics = Self { counted: recorder.handle(), breakers: Vec::new() };
        metrics::set_global_recorder(recorder)?;
        begin();
        Ok(metrics)
    }

    /// Shows the state of `breaker`, too, which guards `dependency`.
    #[must_use]
    pub(crate) fn watching(mut self, dependency: &'static str, breaker: Arc<Breaker>) -> Self {
        self.breakers.push((dependency, breaker));
        self
    }

    /// Everything in the text format 0.0.4.
    pub(crate) fn render(&self) -> String {
        for (dependency, breaker) in &self.breakers {
            gauge!("auth_breaker_state", "dependency" => *dependency).set(state(breaker.state()));
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
const fn state(state: BreakerState) -> f64 {
    match state {
        BreakerState::Closed => 0.0,
        BreakerState::HalfOpen => 1.0,
        BreakerState::Open => 2.0,
    }
}

fn recorder() -> Result<PrometheusRecorder, BuildError> {
    Ok(PrometheusBuilder::new().set_buckets(&SECONDS)?.build_recorder())
}

/// Describes every metric and has it shown.
fn begin() {
    for metric in &METRICS {
        metric.describe();
        metric.begin();
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Numbers of a test's own, beside those of the process; what `count` counts goes there.
    pub(crate) fn counted(count: impl FnOnce()) -> Metrics {
        let recorder = recorder().unwrap();
        metrics::with_local_recorder(&recorder, || {
            begin();
            count();
        });
        Metrics { counted: recorder.handle(), breakers: Vec::new() }
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
        for metric in METRICS.iter().filter(|metric| metric.label.is_none_or(|(_, values)| !values.is_empty())) {
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
        let breaker = Arc::new(Breaker::new(auth_core::BreakerConfig::default(), clock.clone()));
        let metrics =
            Metrics { counted: recorder.handle(), breakers: Vec::new() }.watching("hibp", Arc::clone(&breaker));
        let shown = || metrics::with_local_recorder(&recorder, || metrics.render());
        assert!(shown().contains("auth_breaker_state{dependency=\"hibp\"} 0\n"));
        while let Ok(permit) = breaker.acquire() {
            permit.fail();
        }
        assert!(shown().contains("auth_breaker_state{dependency=\"hibp\"} 2\n"));
        clock.advance(Duration::from_secs(30));
        assert!(shown().contains("auth_breaker_state{dependency=\"hibp\"} 1\n"));
    }

    #[test]
    fn names_and_meanings_keep_to_the_format() {
        for metric in &METRICS {
            assert!(metric.name.starts_with("auth_"), "{}", metric.name);
            assert_eq!(metric.name.ends_with("_total"), matches!(metric.kind, Kind::Counter), "{}", metric.name);
            assert!(!metric.meaning.contains(['\\', '\n']), "{}", metric.meaning);
            assert_eq!(METRICS.iter().filter(|other| other.name == metric.name).count(), 1, "{}", metric.name);
        }
    }
}
