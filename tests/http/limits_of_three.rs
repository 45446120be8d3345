//! Three servers on one PostgreSQL and one Redis: together they allow what one alone would (REQ-50, REQ-60).

use std::sync::Arc;

use serde_json::json;

use crate::contract::{assert_problem, assert_tokens};
use crate::rate_limits::assert_limited;
use crate::redis_corner::Corner;
use crate::support::{Backend, PASSWORD, Response, Server, ServerOptions, TestDatabase, at_once};

const WRONG: &str = "wrong wooden gates";
const ADA: &str = "ada@example.org";

/// So long that nothing comes back while a test runs.
const SETTINGS: [(&str, &str); 7] = [
    ("AUTH_RATE_LIMITS", "on"),
    ("AUTH_RATE_LOGIN", "7/10h"),
    ("AUTH_RATE_LOGIN_ACCOUNT", "10/10h"),
    ("AUTH_RATE_REGISTER", "4/10h"),
    ("AUTH_RATE_REFRESH", "20/10h"),
    ("AUTH_RATE_API", "400/10h"),
    ("AUTH_TRUSTED_PROXIES", "127.0.0.0/8"),
];

/// Instances behind one balancer.
struct Three {
    servers: [Server; 3],
    corner: Corner,
}

impl Three {
    /// None where PostgreSQL or Redis is missing.
    fn start() -> Option<Self> {
        let backend = Backend::postgres()?;
        let corner = Corner::new()?;
        let database = Arc::new(TestDatabase::new(&backend));
        let servers = [0, 1, 2].map(|_| {
            let settings = corner.settings(&SETTINGS);
            let options =
                settings.iter().fold(ServerOptions::default(), |options, (name, value)| options.set(name, value));
            Server::start_on(database.clone(), options)
        });
        Some(Self { servers, corner })
    }

    /// By turns.
    fn one(&self, number: usize) -> &Server {
        &self.servers[number % 3]
    }

    fn log_in(&self, number: usize, ip: &str, identifier: &str, password: &str) -> Response {
        let body = json!({ "identifier": identifier, "password": password });
        self.one(number).client.header("X-Forwarded-For", ip).post("/auth/login", &body)
    }
}

fn with_status(answers: &[Response], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

/// L-07, by a hundred and fifty at once: of one account from anywhere, of one address, and of both.
#[test]
fn of_many_at_once_exactly_the_quota_passes() {
    let Some(three) = Three::start() else { return };
    three.one(0).register(ADA);
    let by_name = at_once(150, |n| three.log_in(n, &format!("198.51.100.{n}"), ADA, WRONG));
    assert_eq!((with_status(&by_name, 401), with_status(&by_name, 429)), (10, 140));
    for answer in by_name.iter().filter(|answer| answer.status == 429) {
        assert_limited(answer, "login_account", 10, 36_000);
    }
    let by_address = at_once(150, |n| three.log_in(n, "2001:db8::1", &format!("nobody{n}"), WRONG));
    assert_eq!((with_status(&by_address, 401), with_status(&by_address, 429)), (7, 143));
    let failed = "audit_events WHERE event = 'login.failed'";
    assert_eq!(three.one(0).database.count(failed), 17, "no more than these were looked at");
    // Each instance writes down the first refusal that it knows of, or Redis tells which is the first of all.
    let hits = three.one(0).database.count("audit_events WHERE event = 'rate_limit.hit'");
    assert!((2..=6).contains(&hits), "{hits}");
}

#[test]
fn what_is_right_at_one_is_given_back_for_all() {
    let Some(three) = Three::start() else { return };
    three.one(0).register(ADA);
    for number in 0..24 {
        assert_tokens(&three.log_in(number, "198.51.100.1", ADA, PASSWORD), 200);
    }
    for number in 0..7 {
        assert_problem(&three.log_in(number, "198.51.100.1", ADA, WRONG), 401, "invalid_credentials");
    }
    for number in 0..3 {
        assert_limited(&three.log_in(number, "198.51.100.1", ADA, PASSWORD), "login", 7, 36_000);
        assert_problem(&three.log_in(number, "198.51.100.2", ADA, WRONG), 401, "invalid_credentials");
    }
    for number in 0..3 {
        assert_limited(&three.log_in(number, "198.51.100.3", ADA, PASSWORD), "login_account", 10, 36_000);
    }
}

#[test]
fn sign_ups_refreshes_and_requests_are_counted_for_all() {
    let Some(three) = Three::start() else { return };
    let sign_ups = at_once(12, |n| {
        let client = three.one(n).client.header("X-Forwarded-For", "198.51.100.1");
        client.post("/auth/register", &json!({ "email": format!("person{n}@example.org"), "password": PASSWORD }))
    });
    assert_eq!((with_status(&sign_ups, 201), with_status(&sign_ups, 429)), (4, 8));
    let mut tokens = sign_ups.iter().find(|answer| answer.status == 201).unwrap().json();
    for number in 0..20 {
        tokens = assert_tokens(&three.one(number).refresh(&tokens), 200);
    }
    for number in 0..3 {
        assert_limited(&three.one(number).refresh(&tokens), "refresh", 20, 36_000);
    }
    let asked = at_once(30, |n| {
        let client = three.one(n).client.header("X-Forwarded-For", "203.0.113.1");
        (0..15).map(|_| client.get("/auth/providers")).collect::<Vec<_>>()
    });
    let asked = asked.concat();
    assert_eq!((with_status(&asked, 200), with_status(&asked, 429)), (400, 50));
}

/// Whoever reads Redis learns neither who came too often nor whom they tried.
#[test]
fn counts_tell_nothing_of_whom_they_are_for() {
    let Some(three) = Three::start() else { return };
    three.one(0).register(ADA);
    for number in 0..10 {
        three.log_in(number, &format!("198.51.100.{number}"), ADA, WRONG);
    }
    let names = three.corner.names();
    for limit in ["login", "login_account", "register"] {
        assert!(names.iter().any(|name| name.contains(&format!(":limit:{limit}:"))), "{names:?}");
    }
    let dump = String::from_utf8_lossy(&three.corner.dump()).to_lowercase();
    for secret in ["ada@", "example.org", "198.51."] {
        assert!(!dump.contains(secret), "{secret}");
    }
}
