//! The one list of names, so that each is there, with 0, from the first scrape on.

use super::metric::{Metric, Split, counts, shows, times};

/// Describes every metric and has it shown.
pub(super) fn begin() {
    for metric in &METRICS {
        metric.describe();
        metric.begin();
    }
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

const LIMITS: [&str; 11] = [
    "login",
    "login_account",
    "login_device",
    "proof",
    "register",
    "refresh",
    "mfa",
    "mfa_device",
    "mail",
    "oauth",
    "api",
];

const OPERATIONS: [&str; 6] = ["register", "log_in", "challenge", "refresh", "oauth_callback", "oauth_exchange"];

/// Tables that rows are deleted from when their time is over.
const CLEANED_TABLES: [&str; 9] = [
    "sessions",
    "one_time_tokens",
    "email_outbox",
    "pending_registrations",
    "reserved_addresses",
    "mail_budgets",
    "devices",
    "audit_events",
    "revocations",
];

pub(super) const METRICS: [Metric; 38] = [
    counts("auth_login_success_total", "Sign-ins that opened a session", Split::No),
    counts("auth_login_failure_total", "Sign-ins that were refused", Split::No),
    counts(
        "auth_oauth_sign_ins_total",
        "Sign-ins with another provider that came back from it, by what came of them",
        Split::Open(&["provider", "outcome"]),
    ),
    counts("auth_token_refresh_total", "Refreshes that gave tokens", Split::No),
    times("auth_operation_duration_seconds", "How long an operation took", Split::By("operation", &OPERATIONS)),
    counts("auth_rate_limited_total", "Requests that were refused by a rate limit", Split::By("limit", &LIMITS)),
    shows(
        "auth_rate_limiter_degraded",
        "Whether the limits are counted by this instance alone, because Redis is away: 0 or 1",
        Split::No,
    ),
    counts(
        "auth_breach_checks_total",
        "Passwords that were looked up among the breached ones, by what came of it",
        Split::By("outcome", &["breached", "not_found", "unknown"]),
    ),
    shows("auth_hash_pool_queued", "Passwords that wait to be hashed", Split::No),
    shows("auth_hash_pool_busy", "Threads that hash a password now", Split::No),
    shows("auth_hash_pool_threads", "Threads that hash passwords", Split::No),
    shows("auth_hash_pool_memory_bytes", "Memory that these threads keep for hashing", Split::No),
    times("auth_hash_pool_wait_seconds", "How long a password waited before it was hashed", Split::No),
    counts("auth_hash_pool_shed_total", "Passwords that were not hashed because too many waited", Split::No),
    shows(
        "auth_hash_pool_backend",
        "Which implementation of Argon2 hashes: 1 for the one that does",
        Split::By("backend", &["simd", "portable"]),
    ),
    shows("auth_database_threads", "Threads that work on the database", Split::No),
    shows("auth_database_busy", "Threads that work on the database now", Split::No),
    shows("auth_database_queued", "Jobs that wait for such a thread", Split::No),
    counts("auth_database_jobs_total", "Jobs that were done on the database", Split::No),
    times(
        "auth_revocation_lag_seconds",
        "How long it took until what another instance revoked was known here",
        Split::No,
    ),
    shows("auth_revocation_list_age_seconds", "How long ago the revocations were last read", Split::No),
    shows("auth_revocations_listed", "Revocations that are remembered", Split::No),
    counts("auth_mails_sent_total", "Mails that a mail server took over", Split::By("template", &TEMPLATES)),
    counts("auth_mails_failed_total", "Mails that a mail server refused for good", Split::By("template", &TEMPLATES)),
    counts(
        "auth_mails_expired_total",
        "Mails whose purpose ended before they were sent",
        Split::By("template", &TEMPLATES),
    ),
    counts(
        "auth_mails_dropped_total",
        "Mails that were not to be sent, by the reason",
        Split::By("reason", &["nobody", "too_many"]),
    ),
    shows("auth_outbox_waiting", "Mails that wait to be sent", Split::No),
    shows("auth_outbox_failed", "Mails that were refused for good and are kept", Split::No),
    shows("auth_outbox_oldest_seconds", "How long the oldest waiting mail has been waiting", Split::No),
    shows(
        "auth_breaker_state",
        "Circuit breakers: 0 closed, 1 half open, 2 open",
        Split::By("dependency", &["smtp", "hibp"]),
    ),
    shows("auth_signing_key_age_seconds", "How long the key that signs access tokens has been signing", Split::No),
    shows("auth_audit_unsealed", "Rows of the audit trail that are not linked into the chain yet", Split::No),
    counts("auth_audit_sealed_total", "Rows of the audit trail that this instance linked into the chain", Split::No),
    counts("auth_audit_chain_faults_total", "Times that the chain of the audit trail was found broken", Split::No),
    counts(
        "auth_deleted_rows_total",
        "Rows that this instance deleted because their time was over",
        Split::By("table", &CLEANED_TABLES),
    ),
    counts(
        "auth_http_requests_total",
        "Requests that were answered, by route template",
        Split::Open(&["method", "route", "status"]),
    ),
    times(
        "auth_http_request_duration_seconds",
        "How long it took until the head of the answer was ready",
        Split::Open(&["route"]),
    ),
    shows("auth_http_requests_in_flight", "Requests that are being answered", Split::No),
];

#[cfg(test)]
mod tests {
    use super::super::metric::Kind;
    use super::*;

    /// What operators read of the list, as a table.
    fn table() -> String {
        let rows = METRICS.iter().map(|metric| {
            let kind = match metric.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
            };
            let labels = match metric.split {
                Split::No => String::new(),
                Split::By(label, values) => format!("`{label}`: {}", values.join(", ")),
                Split::Open(labels) => labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", "),
            };
            let row = format!("| `{}` | {kind} | {labels} | {} |", metric.name, metric.meaning);
            row.replace("|  |", "| |")
        });
        rows.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_document_for_operators_has_the_whole_list() {
        let document = include_str!("../../../../docs/observability.md");
        let there: Vec<&str> = document.lines().filter(|line| line.starts_with("| `auth_")).collect();
        assert_eq!(there.join("\n"), table(), "docs/observability.md should have\n{}", table());
    }

    #[test]
    fn names_and_meanings_keep_to_the_format() {
        for metric in &METRICS {
            assert!(metric.name.starts_with("auth_"), "{}", metric.name);
            assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.name);
            assert!(!metric.meaning.contains(['\\', '\n', '|']), "{}", metric.meaning);
            assert_eq!(METRICS.iter().filter(|other| other.name == metric.name).count(), 1, "{}", metric.name);
        }
    }
}
