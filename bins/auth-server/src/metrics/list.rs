//! The one list of names, so that each is there, with 0, from the first scrape on.

use metrics::{Label, SharedString, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// Describes every metric and has it shown.
pub(super) fn begin() {
    for metric in &METRICS {
        metric.describe();
        metric.begin();
    }
}

/// A number and what it tells.
pub(super) struct Metric {
    pub(super) name: &'static str,
    kind: Kind,
    pub(super) meaning: &'static str,
    pub(super) label: Option<Split>,
}

/// What a number is split by, and the values that are there from the start.
pub(super) type Split = (&'static str, &'static [&'static str]);

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

/// What comes of sign-ins with other providers, beside the refusals that have to do with the user.
pub(super) const SIGN_IN_OUTCOMES: [&str; 4] = ["success", "oauth_denied", "provider_error", "provider_unavailable"];

pub(super) const METRICS: [Metric; 15] = [
    counts("auth_login_success_total", "Sign-ins that opened a session", None),
    counts("auth_login_failure_total", "Sign-ins that were refused", None),
    // Split by `provider`, too, whose names are the operator's.
    counts(
        "auth_oauth_sign_ins_total",
        "Sign-ins with another provider that came back from it, by what came of them",
        Some(("outcome", &[])),
    ),
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
    shows("auth_signing_key_age_seconds", "How long the key that signs access tokens has been signing", None),
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

#[cfg(test)]
mod tests {
    use super::*;

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
