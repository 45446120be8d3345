//! REQ-03, E-01, E-02, E-03, X-12: whether a password has leaked is asked of a service that may be slow, broken or away.

use std::time::{Duration, Instant};

use smtp_sink::Mode;

use crate::calls::{change_password, register};
use crate::contract::{assert_refused_fields, assert_tokens};
use crate::metrics::metric;
use crate::support::{BreachMode, FakeBreaches, PASSWORD, Response, Server, ServerOptions, eventually, sha1};

const LEAKED: &str = "a password that leaked once";

/// Longer than any answer takes, on a machine that builds and tests at the same time: what hangs takes a minute.
const BOUNDED: Duration = Duration::from_secs(20);

fn asking(breaches: &FakeBreaches) -> ServerOptions {
    ServerOptions::default().set("AUTH_HIBP", "on").set("AUTH_HIBP_URL", &breaches.url())
}

fn checked(server: &Server, outcome: &str) -> f64 {
    metric(server, &format!("auth_breach_checks_total{{outcome=\"{outcome}\"}}"))
}

/// Registers the user number `index`, in bounded time.
#[track_caller]
fn sign_up(server: &Server, index: usize, password: &str) -> Response {
    let began = Instant::now();
    let answer = register(server, &format!("{index}@example.org"), password);
    assert!(began.elapsed() < BOUNDED, "{:?}", began.elapsed());
    answer
}

#[test]
fn a_leaked_password_is_refused_and_another_is_taken() {
    let breaches = FakeBreaches::start();
    let server = Server::on_sqlite(asking(&breaches));
    breaches.list(LEAKED, 1);
    assert_refused_fields(&sign_up(&server, 0, LEAKED), &[("password", "breached_password")]);
    let tokens = assert_tokens(&sign_up(&server, 0, PASSWORD), 201);
    assert_refused_fields(
        &change_password(&server, &tokens, PASSWORD, LEAKED),
        &[("new_password", "breached_password")],
    );
    assert_eq!(
        (checked(&server, "breached"), checked(&server, "not_found"), checked(&server, "unknown")),
        (2.0, 1.0, 0.0)
    );
    assert_eq!(server.database.count("users"), 1);
}

/// E-01: five digits of a hash leave the server, in one GET with padding asked for, and nothing else.
#[test]
fn five_digits_of_a_hash_leave_the_server() {
    let breaches = FakeBreaches::start();
    let server = Server::on_sqlite(asking(&breaches));
    for (index, password) in
        [PASSWORD, "dix-sept cafés à Paris", "\u{1f511} keys of the kingdom"].into_iter().enumerate()
    {
        assert_tokens(&sign_up(&server, index, password), 201);
        let heads = breaches.heads();
        let head = &heads[index];
        let hash = sha1(password);
        assert!(head.starts_with(&format!("GET /range/{} HTTP/1.1\r\n", &hash[..5])), "{head}");
        let lower = head.to_ascii_lowercase();
        assert!(lower.contains("\r\nadd-padding: true\r\n"), "{head}");
        for told in [&hash[5..], "@example.org", "cookie", "authorization", "referer", "x-forwarded", "127.0.0.1\r\nx-"]
        {
            assert!(!lower.contains(&told.to_ascii_lowercase()), "{told}: {head}");
        }
        let names: Vec<&str> = lower.lines().skip(1).filter_map(|line| line.split(':').next()).collect();
        for name in names.iter().filter(|name| !name.is_empty()) {
            assert!(
                ["host", "accept", "user-agent", "add-padding", "accept-encoding", "connection"].contains(name),
                "{head}"
            );
        }
    }
    assert_eq!(breaches.heads().len(), 3);
}

/// What is refused by our own rules isn't asked for, and neither is a password at log-in.
#[test]
fn nobody_is_asked_without_need() {
    let breaches = FakeBreaches::start();
    let server = Server::on_sqlite(asking(&breaches));
    for weak in ["short", "password1234", "1234567890123"] {
        assert_refused_fields(&sign_up(&server, 0, weak), &[("password", "weak_password")]);
    }
    assert!(breaches.heads().is_empty());
    assert_tokens(&sign_up(&server, 0, PASSWORD), 201);
    server.log_in("0@example.org");
    assert_eq!(breaches.heads().len(), 1);
}

/// E-02: a count of 0 is padding.
#[test]
fn padding_is_no_leak() {
    let breaches = FakeBreaches::start();
    let server = Server::on_sqlite(asking(&breaches));
    breaches.list(PASSWORD, 0);
    assert_tokens(&sign_up(&server, 0, PASSWORD), 201);
    assert_eq!((checked(&server, "not_found"), checked(&server, "unknown")), (1.0, 0.0));
}

/// E-02, X-12: no answer that can be used: the password is taken, the operator is told.
#[test]
fn a_password_is_taken_when_nobody_can_be_asked() {
    for (mode, reason) in [
        (BreachMode::Body("<html>captcha</html>"), "malformed"),
        (BreachMode::Body(""), "malformed"),
        (BreachMode::Body("not:a:list\r\n"), "malformed"),
        (BreachMode::Status(429), "status"),
        (BreachMode::Status(500), "status"),
        (BreachMode::Status(302), "status"),
        (BreachMode::Slow, "timed_out"),
        (BreachMode::Hang, "timed_out"),
    ] {
        let breaches = FakeBreaches::start();
        let server = Server::on_sqlite(asking(&breaches));
        breaches.list(PASSWORD, 5);
        breaches.set_mode(mode);
        assert_tokens(&sign_up(&server, 0, PASSWORD), 201);
        let warned = server.wait_for_log(|line| line.contains("could not be checked for breaches")).unwrap();
        assert!(warned.contains("\"WARN\"") && warned.contains(reason), "{mode:?}: {warned}");
        assert_eq!((checked(&server, "unknown"), breaches.heads().len()), (1.0, 1), "{mode:?}");
        assert_refused_fields(&sign_up(&server, 1, "password1234"), &[("password", "weak_password")]);
    }
}

/// Nobody listens there.
#[test]
fn a_password_is_taken_when_the_service_is_gone() {
    let breaches = FakeBreaches::start();
    let options = asking(&breaches);
    drop(breaches);
    let server = Server::on_sqlite(options);
    assert_tokens(&sign_up(&server, 0, PASSWORD), 201);
    assert!(
        server.wait_for_log(|line| line.contains("could not be checked") && line.contains("unreachable")).is_some()
    );
}

/// X-12, REQ-43: after five failures in a row nobody is asked any more, until a probe after the time of recovery.
#[test]
fn the_breaker_opens_after_five_failures_and_closes_again() {
    let breaches = FakeBreaches::start();
    let server = Server::on_sqlite(asking(&breaches).set("AUTH_BREAKER_RECOVERY", "2s"));
    let state = || metric(&server, "auth_breaker_state{dependency=\"hibp\"}");
    assert!(state() < 0.5);
    breaches.set_mode(BreachMode::Status(500));
    for index in 0..5 {
        assert_tokens(&sign_up(&server, index, PASSWORD), 201);
    }
    assert_eq!(breaches.heads().len(), 5);
    // Within the two seconds or at their end, so that at most one probe has been let through, which fails.
    assert_tokens(&sign_up(&server, 5, PASSWORD), 201);
    assert!(breaches.heads().len() <= 6, "{}", breaches.heads().len());
    assert!(state() > 0.5);
    breaches.set_mode(BreachMode::Answer);
    breaches.list(LEAKED, 7);
    let attempts = std::cell::Cell::new(0);
    eventually("a probe is let through, and the breaker closes", || {
        attempts.set(attempts.get() + 1);
        register(&server, &format!("probe-{}@example.org", attempts.get()), LEAKED).status == 422
    });
    assert!(state() < 0.5);
    assert_refused_fields(&sign_up(&server, 6, LEAKED), &[("password", "breached_password")]);
}

/// while the breaker is open nobody is asked, however long it takes.
#[test]
fn an_open_breaker_asks_nobody() {
    let breaches = FakeBreaches::start();
    let server = Server::on_sqlite(asking(&breaches).set("AUTH_BREAKER_RECOVERY", "1h"));
    breaches.set_mode(BreachMode::Body("<html></html>"));
    for index in 0..12 {
        assert_tokens(&sign_up(&server, index, PASSWORD), 201);
    }
    assert_eq!(breaches.heads().len(), 5);
    assert!((metric(&server, "auth_breaker_state{dependency=\"hibp\"}") - 2.0).abs() < 0.1);
    assert!(server.wait_for_log(|line| line.contains("breaker_open")).is_some());
    // The other breakers know nothing of it: mails go out.
    server.sink().set_mode(Mode::Accept);
    crate::mails::settle(&server);
    assert_eq!(server.sink().mails().len(), 12);
}

/// REQ-43: a 4xx is none of the service's failures.
#[test]
fn being_told_to_slow_down_opens_no_breaker() {
    let breaches = FakeBreaches::start();
    let server = Server::on_sqlite(asking(&breaches).set("AUTH_BREAKER_RECOVERY", "1h"));
    breaches.set_mode(BreachMode::Status(429));
    for index in 0..8 {
        assert_tokens(&sign_up(&server, index, PASSWORD), 201);
    }
    assert_eq!(breaches.heads().len(), 8);
    assert!(metric(&server, "auth_breaker_state{dependency=\"hibp\"}") < 0.5);
}

#[test]
fn switched_off_nobody_is_asked() {
    let breaches = FakeBreaches::start();
    breaches.list(PASSWORD, 9);
    let server = Server::on_sqlite(asking(&breaches).set("AUTH_HIBP", "off"));
    assert_tokens(&sign_up(&server, 0, PASSWORD), 201);
    assert!(breaches.heads().is_empty());
}
