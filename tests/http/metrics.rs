//! `GET /metrics` (REQ-52).

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::calls::{forgot, log_in};
use crate::contract::{assert_hardened, assert_problem, assert_tokens};
use crate::mails::settle;
use crate::support::{Client, PASSWORD, Response, Server, ServerOptions, eventually, on_every_database};

/// The value in the line of `name`, which may have labels.
#[track_caller]
pub(crate) fn metric(server: &Server, name: &str) -> f64 {
    value(&server.client.get("/metrics"), name)
}

#[track_caller]
fn value(answer: &Response, name: &str) -> f64 {
    let text = answer.text();
    let line = text.lines().find_map(|line| line.strip_prefix(name).and_then(|rest| rest.strip_prefix(' ')));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in {text}"))
}

const FROM_THE_START: [&str; 41] = [
    "auth_login_success_total",
    "auth_login_failure_total",
    "auth_token_refresh_total",
    "auth_breach_checks_total{outcome=\"breached\"}",
    "auth_breach_checks_total{outcome=\"not_found\"}",
    "auth_breach_checks_total{outcome=\"unknown\"}",
    "auth_mails_sent_total{template=\"verify_email\"}",
    "auth_mails_sent_total{template=\"reset_password\"}",
    "auth_mails_sent_total{template=\"change_email\"}",
    "auth_mails_sent_total{template=\"email_changed\"}",
    "auth_mails_sent_total{template=\"account_exists\"}",
    "auth_mails_sent_total{template=\"security_alert\"}",
    "auth_mails_sent_total{template=\"password_changed\"}",
    "auth_mails_failed_total{template=\"verify_email\"}",
    "auth_mails_dropped_total{reason=\"nobody\"}",
    "auth_mails_dropped_total{reason=\"too_many\"}",
    "auth_outbox_waiting",
    "auth_outbox_failed",
    "auth_outbox_oldest_seconds",
    "auth_breaker_state{dependency=\"smtp\"}",
    "auth_breaker_state{dependency=\"hibp\"}",
    "auth_operation_duration_seconds_count{operation=\"log_in\"}",
    "auth_rate_limited_total{limit=\"login\"}",
    "auth_rate_limited_total{limit=\"login_account\"}",
    "auth_rate_limited_total{limit=\"login_device\"}",
    "auth_rate_limited_total{limit=\"register\"}",
    "auth_rate_limited_total{limit=\"refresh\"}",
    "auth_rate_limited_total{limit=\"mfa\"}",
    "auth_rate_limited_total{limit=\"mfa_device\"}",
    "auth_rate_limited_total{limit=\"mail\"}",
    "auth_rate_limited_total{limit=\"oauth\"}",
    "auth_rate_limited_total{limit=\"api\"}",
    "auth_rate_limiter_degraded",
    "auth_hash_pool_queued",
    "auth_hash_pool_busy",
    "auth_hash_pool_wait_seconds_count",
    "auth_hash_pool_shed_total",
    "auth_revocation_lag_seconds_count",
    "auth_revocations_listed",
    "auth_audit_chain_faults_total",
    "auth_deleted_rows_total{table=\"sessions\"}",
];

/// Names and kinds as the document for operators has them.
fn documented() -> impl Iterator<Item = (&'static str, &'static str)> {
    include_str!("../../docs/observability.md").lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
        Some((name, rest.split_once(" | ")?.0)).filter(|(name, _)| name.starts_with("auth_"))
    })
}

/// Names and values of all labels.
fn labels(text: &str) -> Vec<(String, String)> {
    let sets = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (_, rest) = line.split_once('{')?;
        rest.rsplit_once('}').map(|(labels, _)| labels)
    });
    let read = |label: &str| {
        let (name, value) = label.split_once("=\"").unwrap_or_else(|| panic!("{label}"));
        (name.to_owned(), value.trim_end_matches('"').to_owned())
    };
    // No label of ours has such a text in it.
    sets.flat_map(|labels| labels.split("\",").map(read)).collect()
}

on_every_database! {
    fn everything_is_there_with_0_at_the_first_scrape_and_rises(server: &Server) {
        let first = server.client.get("/metrics");
        assert_eq!((first.status, first.header("content-type")), (200, Some("text/plain; version=0.0.4; charset=utf-8")));
        assert_hardened(&first);
        for name in FROM_THE_START {
            assert!(value(&first, name).abs() < f64::EPSILON, "{name}: {}", first.text());
        }
        // One is split by names of the operator's, who has none here.
        for (name, kind) in documented().filter(|(name, _)| *name != "auth_oauth_sign_ins_total") {
            assert!(first.text().contains(&format!("# TYPE {name} {kind}\n")), "{name}: {}", first.text());
        }
        let tokens = server.register("ada@example.org");
        for _ in 0..2 {
            server.log_in("ada@example.org");
        }
        assert_tokens(&server.refresh(&tokens), 200);
        for _ in 0..3 {
            log_in(server, "ada@example.org", "wrong wooden gates");
        }
        settle(server);
        for email in ["ada@example.org", "ada@example.org", "nobody@example.org"] {
            assert_eq!(forgot(server, email).status, 202);
        }
        settle(server);
        let dropped = || value(&server.client.get("/metrics"), "auth_mails_dropped_total{reason=\"nobody\"}");
        eventually("the last one, which is gone before it is counted, is counted", || dropped() > 0.5);
        let then = server.client.get("/metrics");
        for (name, expected) in [
            ("auth_login_success_total", 2),
            ("auth_login_failure_total", 3),
            ("auth_token_refresh_total", 1),
            ("auth_operation_duration_seconds_count{operation=\"log_in\"}", 5),
            ("auth_mails_sent_total{template=\"verify_email\"}", 1),
            ("auth_mails_sent_total{template=\"reset_password\"}", 1),
            ("auth_mails_dropped_total{reason=\"nobody\"}", 1),
            ("auth_mails_dropped_total{reason=\"too_many\"}", 1),
        ] {
            assert!((value(&then, name) - f64::from(expected)).abs() < f64::EPSILON, "{name}: {}", then.text());
        }
    }

    /// What waits and what has failed is seen while it does.
    fn the_outbox_is_measured(server: &Server, ServerOptions::default().set("AUTH_BREAKER_RECOVERY", "100ms")) {
        server.sink().set_mode(smtp_sink::Mode::Defer(451));
        server.register("ada@example.org");
        eventually("the mail is seen to wait", || metric(server, "auth_outbox_waiting") > 0.5);
        eventually("its age is seen", || metric(server, "auth_outbox_oldest_seconds") > 1.0);
        server.sink().set_mode(smtp_sink::Mode::RefuseAll);
        server.register("eve@example.org");
        eventually("the failure is counted", || metric(server, "auth_mails_failed_total{template=\"verify_email\"}") > 0.5);
        eventually("the failure is seen", || metric(server, "auth_outbox_failed") > 0.5);
        assert!(metric(server, "auth_breaker_state{dependency=\"smtp\"}") < 0.5, "the server itself is well");
    }

    /// REQ-52: by the template of the route, whoever answers and whatever was asked.
    fn requests_are_counted_by_route(server: &Server) {
        let tokens = server.register("ada@example.org");
        let me = server.as_user(&tokens);
        for _ in 0..2 {
            assert_eq!(me.delete("/users/me/sessions/0195c2a0-0000-7000-8000-000000000000").status, 404);
        }
        assert_eq!(me.delete("/users/me/sessions/x?token=canary").status, 404);
        assert_eq!(server.client.get("/users/me").status, 401);
        assert_eq!(server.client.post("/health", &json!({})).status, 405);
        assert_eq!(server.client.send("BREW", "/users/me", None).status, 405);
        let headers = server.client.header("x-large", "x".repeat(40_000));
        assert_eq!(headers.get("/health").status, 400);
        for path in ["/nowhere/canary", "/link/a/b"] {
            assert_eq!(server.client.get(path).status, 404);
        }
        let then = server.client.get("/metrics");
        for (labels, expected) in [
            (r#"method="POST",route="/auth/register",status="201""#, 1),
            (r#"method="DELETE",route="/users/me/sessions/{id}",status="404""#, 3),
            (r#"method="GET",route="/users/me",status="401""#, 1),
            (r#"method="POST",route="/health",status="405""#, 1),
            (r#"method="other",route="/users/me",status="405""#, 1),
            (r#"method="GET",route="/health",status="400""#, 1),
            (r#"method="GET",route="unmatched",status="404""#, 2),
        ] {
            let name = format!("auth_http_requests_total{{{labels}}}");
            assert!((value(&then, &name) - f64::from(expected)).abs() < f64::EPSILON, "{name}: {}", then.text());
        }
        let measured = value(&then, r#"auth_http_request_duration_seconds_count{route="/users/me"}"#);
        assert!((measured - 2.0).abs() < f64::EPSILON, "{}", then.text());
        assert!(value(&then, "auth_http_requests_in_flight") > 0.5, "the scrape itself");
        assert!(!then.text().contains("canary"), "{}", then.text());
    }

    /// The load of the parts is looked at with each scrape.
    fn pools_and_revocations_are_measured(server: &Server) {
        let tokens = server.register("ada@example.org");
        server.as_user(&tokens).post("/auth/logout", &json!({}));
        let then = server.client.get("/metrics");
        for name in [
            "auth_hash_pool_threads",
            "auth_hash_pool_memory_bytes",
            "auth_hash_pool_wait_seconds_count",
            "auth_database_threads",
            "auth_database_jobs_total",
            "auth_revocations_listed",
        ] {
            assert!(value(&then, name) > 0.5, "{name}: {}", then.text());
        }
        let backends = ["simd", "portable"].map(|name| value(&then, &format!("auth_hash_pool_backend{{backend=\"{name}\"}}")));
        assert!((backends.iter().sum::<f64>() - 1.0).abs() < f64::EPSILON, "{backends:?}");
        eventually("the revocations have been read", || metric(server, "auth_revocation_list_age_seconds") >= 0.0);
    }

    /// No label and no value is a user's text: no address, no name, no id.
    fn nothing_personal_is_in_the_numbers(server: &Server) {
        let account = json!({ "email": "canary@example.org", "password": PASSWORD, "username": "canary_name" });
        let tokens = assert_tokens(&server.client.post("/auth/register", &account), 201);
        log_in(server, "canary@example.org", "canary-password");
        log_in(server, "canary_name", PASSWORD);
        forgot(server, "canary@example.org");
        let me = server.as_user(&tokens);
        let sessions = me.get("/users/me/sessions").text();
        let session = sessions.split('"').find(|text| text.len() == 36).unwrap().to_owned();
        me.delete(&format!("/users/me/sessions/{session}"));
        for path in ["/canary", "/auth/canary", "/link/canary?token=canary", "/users/canary@example.org"] {
            me.get(path);
        }
        settle(server);
        let user = tokens["user"]["id"].as_str().unwrap();
        let text = server.client.header("User-Agent", "canary").get("/metrics?x=canary").text();
        for needle in ["canary", "example.org", user, &session] {
            assert!(!text.contains(needle), "{needle}: {text}");
        }
        let labels = labels(&text);
        let known = [
            "outcome", "template", "reason", "dependency", "operation", "limit", "backend", "table", "method", "route",
            "status", "le",
        ];
        for (name, value) in &labels {
            assert!(known.contains(&name.as_str()), "{name}={value}");
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "/_-.{}:|+".contains(c);
            assert!(value.len() < 48 && value.chars().all(is_plain), "{name}={value}");
            assert!(value.parse::<uuid::Uuid>().is_err(), "{name}={value}");
        }
        assert!(labels.iter().any(|(name, value)| name == "route" && value == "/users/me/sessions/{id}"), "{labels:?}");
    }
}

fn production() -> ServerOptions {
    ServerOptions::default()
        .set("AUTH_ENV", "production")
        .set("AUTH_BASE_URL", "https://auth.example.org")
        .set("AUTH_ARGON2_MEMORY_KIB", "19456")
        .set("AUTH_ARGON2_ITERATIONS", "2")
        .set("AUTH_MAIL_FROM", "Auth <auth@example.org>")
}

/// W-23: in production the numbers are at an address of their own, and nothing else is there.
#[test]
fn production_serves_metrics_at_an_address_of_their_own() {
    let server = Server::on_sqlite(production().set("AUTH_METRICS_BIND", "127.0.0.1:0"));
    assert_problem(&server.client.get("/metrics"), 404, "not_found");
    let line = server.wait_for_log(|line| line.contains("metrics are served")).unwrap();
    let line: Value = serde_json::from_str(&line).unwrap();
    let address: SocketAddr = line["address"].as_str().unwrap().parse().unwrap();
    let operator = Client::new(address);
    assert!(value(&operator.get("/metrics"), "auth_login_success_total").abs() < f64::EPSILON);
    server.register("ada@example.org");
    server.log_in("ada@example.org");
    assert!(value(&operator.get("/metrics"), "auth_login_success_total") > 0.5);
    for path in ["/", "/health", "/users/me", "/openapi.json", "/docs", "/auth/login", "/link/activate"] {
        assert_problem(&operator.get(path), 404, "not_found");
    }
    assert_problem(
        &operator.post("/auth/login", &json!({ "identifier": "a", "password": PASSWORD })),
        404,
        "not_found",
    );
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn production_serves_no_metrics_unless_it_is_told_where() {
    let server = Server::on_sqlite(production());
    assert_problem(&server.client.get("/metrics"), 404, "not_found");
    assert!(server.log().iter().all(|line| !line.contains("metrics are served")));
    let (code, said) =
        Server::refused(production().set("AUTH_SMTP_URL", "smtp://127.0.0.1:1").set("AUTH_METRICS", "on"));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("AUTH_METRICS_BIND"), "{said}");
}

/// REQ-58: a production server that could send no mail doesn't start.
#[test]
fn production_starts_with_a_mail_server_only() {
    let (code, said) = Server::refused(production().set("AUTH_SMTP_URL", ""));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("AUTH_SMTP_URL"), "{said}");
    for wrong in ["mail.example", "http://mail.example", "smtp://user@mail.example", "smtp://mail.example?tls=maybe"] {
        let (code, said) = Server::refused(production().set("AUTH_SMTP_URL", wrong));
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("AUTH_SMTP_URL"), "{said}");
    }
    let (_, said) = Server::refused(production().set("AUTH_SMTP_URL", "imap://user:canary-password@mail.example"));
    assert!(!said.contains("canary-password"), "{said}");
}

#[test]
fn switched_off_there_are_none() {
    let server = Server::on_sqlite(ServerOptions::default().set("AUTH_METRICS", "off"));
    assert_problem(&server.client.get("/metrics"), 404, "not_found");
    server.register("ada@example.org");
}
