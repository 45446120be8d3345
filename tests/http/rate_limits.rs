//! Rate limits over HTTP (REQ-50; L-01, L-09 to L-11, L-13, L-23). What each limit counts is tested with a clock of its
//! own in `auth-service`.

use serde_json::{Value, json};

use crate::calls::{change_password, forgot, log_in, register, reset};
use crate::contract::{assert_done, assert_problem, assert_refused_fields, assert_tokens, without_id_and_time};
use crate::http_surface::ROUTES;
use crate::jwt::text;
use crate::mails::reset_link;
use crate::support::{FakeBreaches, PASSWORD, Response, Server, ServerOptions, at_once, eventually, on_every_database};

const WRONG: &str = "wrong wooden gates";

/// With the default limits.
fn limited() -> ServerOptions {
    ServerOptions::default().set("AUTH_RATE_LIMITS", "on")
}

/// With the default limits, behind a proxy that says who its clients are.
fn behind_a_proxy() -> ServerOptions {
    limited().set("AUTH_TRUSTED_PROXIES", "127.0.0.0/8")
}

/// A wrong sign-in of a client whose address is `ip`, as the proxy says.
fn guess_from(server: &Server, ip: &str, identifier: &str) -> Response {
    let body = json!({ "identifier": identifier, "password": WRONG });
    server.client.header("X-Forwarded-For", ip).post("/auth/login", &body)
}

fn number_in(answer: &Response, header: &str) -> u64 {
    answer.header(header).and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{header}: {answer:?}"))
}

/// 429, by the limit of this name: which tells when to come back, and nobody else's matters.
#[track_caller]
pub(crate) fn assert_limited(answer: &Response, limit: &str, count: u64, window: u64) {
    assert_problem(answer, 429, "rate_limited");
    let seconds = number_in(answer, "retry-after");
    assert!((1..=window.div_ceil(count)).contains(&seconds), "{answer:?}");
    assert_eq!(answer.header("ratelimit"), Some(&*format!("\"{limit}\";r=0;t={seconds}")), "{answer:?}");
    assert_eq!(answer.header("ratelimit-policy"), Some(&*format!("\"{limit}\";q={count};w={window}")), "{answer:?}");
}

/// No word of limits, which would tell strangers how often somebody else has tried.
#[track_caller]
fn assert_silent(answer: &Response) {
    for header in ["retry-after", "ratelimit", "ratelimit-policy"] {
        assert_eq!(answer.header(header), None, "{answer:?}");
    }
}

/// How often in a row the limit was not reached, of `asked` times.
fn allowed(asked: usize, ask: impl Fn(usize) -> Response) -> usize {
    (0..asked).take_while(|number| ask(*number).status != 429).count()
}

/// The seconds that are left pass while the test runs.
fn without_seconds(answer: &Response) -> String {
    let mut answer = answer.clone();
    for header in ["retry-after", "ratelimit"] {
        if let Some(value) = answer.headers.get_mut(header) {
            *value = value.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
        }
    }
    without_id_and_time(&answer)
}

on_every_database! {
    fn who_comes_too_often_is_told_when_to_come_back(server: &Server, limited()) {
        let answers: Vec<Response> = (0..7).map(|n| log_in(server, &format!("nobody{n}@example.org"), WRONG)).collect();
        for answer in &answers[..5] {
            assert_problem(answer, 401, "invalid_credentials");
            assert_silent(answer);
        }
        for answer in &answers[5..] {
            assert_limited(answer, "login", 5, 900);
        }
        assert_eq!(server.database.count("audit_events WHERE event = 'rate_limit.hit'"), 1);
        let metrics = server.client.get("/metrics").text();
        assert!(metrics.lines().any(|line| line == "auth_rate_limited_total{limit=\"login\"} 2"), "{metrics}");
    }

    /// Each call of the contract, and each error of a use case that can be one of these.
    fn every_limit_is_told_at_the_calls_that_it_is_for(server: &Server, limited().set("AUTH_RATE_LOGIN", "1/1h").set("AUTH_RATE_REGISTER", "1/1h").set("AUTH_RATE_REFRESH", "1/1h").set("AUTH_RATE_MFA", "1/1h").set("AUTH_RATE_MAIL", "1/1h").set("AUTH_RATE_LOGIN_ACCOUNT", "2/1h")) {
        let tokens = server.register("ada@example.org");
        assert_limited(&register(server, "eve@example.org", PASSWORD), "register", 1, 3600);
        assert_tokens(&server.refresh(&tokens), 200);
        assert_limited(&server.refresh(&tokens), "refresh", 1, 3600);
        let me = server.as_user(&tokens);
        let wrong_code = json!({ "code": "000000" });
        assert_problem(&me.post("/auth/reauth", &wrong_code), 401, "invalid_code");
        assert_limited(&me.post("/auth/reauth", &wrong_code), "mfa", 1, 3600);
        assert_limited(&me.post("/users/me/mfa/totp/confirm", &wrong_code), "mfa", 1, 3600);
        assert_eq!(forgot(server, "ada@example.org").status, 202);
        for (path, body) in [
            ("/auth/password/forgot", json!({ "email": "ada@example.org" })),
            ("/auth/email/resend", json!({ "email": "eve@example.org" })),
            ("/users/me/email", json!({ "new_email": "new@example.org" })),
        ] {
            assert_limited(&me.post(path, &body), "mail", 1, 3600);
        }
        assert_problem(&change_password(server, &tokens, WRONG, "nine bronze gates of Troy"), 401, "invalid_credentials");
        assert_limited(&log_in(server, "eve@example.org", PASSWORD), "login", 1, 3600);
        assert_problem(&me.post("/auth/reauth", &json!({ "password": WRONG })), 401, "invalid_credentials");
        for answer in [
            change_password(server, &tokens, PASSWORD, "nine bronze gates of Troy"),
            me.post("/auth/reauth", &json!({ "password": PASSWORD })),
            me.post("/users/me/mfa/totp/disable", &json!({ "password": PASSWORD })),
            me.post("/users/me/mfa/backup-codes", &json!({ "password": PASSWORD })),
            me.request("DELETE", "/users/me", Some(&json!({ "password": PASSWORD }))),
        ] {
            assert_limited(&answer, "proof", 2, 3600);
        }
        assert_eq!(server.database.count("users"), 1);
    }

    /// L-01, L-28: strangers can't tell whose name it is from any of the answers, nor from when the limit is reached.
    fn the_way_to_the_limit_is_the_same_whoever_s_name_it_is(server: &Server, behind_a_proxy().set("AUTH_RATE_REGISTER", "off")) {
        for name in ["wrong", "disabled", "passwordless", "locked"] {
            let tokens = server.register(&format!("{name}@example.org"));
            let id = server.database.id(text(&tokens["user"]["id"]));
            match name {
                "disabled" => {
                    let now = server.database.now();
                    server.database.execute(&format!("UPDATE users SET disabled_at = {now} WHERE id = {id}"));
                }
                "passwordless" => server.database.execute(&format!("UPDATE users SET password_hash = NULL WHERE id = {id}")),
                "locked" => server.database.execute(&format!(
                    "INSERT INTO authenticator_failures (user_id, authenticator, lane, count) VALUES ({id}, 'password', 'any', 100)"
                )),
                _ => {}
            }
        }
        let mut expected: Option<Vec<String>> = None;
        for (place, name) in ["nobody", "wrong", "disabled", "passwordless", "locked"].into_iter().enumerate() {
            let guess = |n: usize| guess_from(server, &format!("198.51.{place}.{n}"), &format!("{name}@example.org"));
            let answers: Vec<Response> = (0..12).map(guess).collect();
            for answer in &answers[..10] {
                assert_problem(answer, 401, "invalid_credentials");
                assert_silent(answer);
            }
            for answer in &answers[10..] {
                assert_limited(answer, "login_account", 10, 900);
            }
            let told: Vec<String> = answers.iter().map(without_seconds).collect();
            assert_eq!(expected.get_or_insert_with(|| told.clone()), &told, "{name}");
        }
    }

    /// L-07, L-13
    fn two_hundred_at_once_get_no_more_than_five(server: &Server, limited()) {
        server.register("ada@example.org");
        let answers = at_once(200, |_| log_in(server, "ada@example.org", WRONG).status);
        assert_eq!(answers.iter().filter(|status| **status == 401).count(), 5, "{answers:?}");
        assert_eq!(answers.iter().filter(|status| **status == 429).count(), 195, "{answers:?}");
        assert_eq!(server.database.count("audit_events WHERE event = 'login.failed'"), 5);
    }

    /// L-09: what a stranger says of itself changes nothing.
    fn forwarding_headers_of_strangers_are_no_way_round(server: &Server, limited().set("AUTH_RATE_LOGIN_ACCOUNT", "off")) {
        let headers = ["X-Forwarded-For", "Forwarded", "X-Real-IP", "CF-Connecting-IP", "True-Client-IP", "X-Client-IP"];
        let count = allowed(12, |number| {
            let ip = format!("203.0.113.{number}");
            let value = |name: &str| if name == "Forwarded" { format!("for={ip}") } else { ip.clone() };
            let client = headers.iter().fold(server.client.clone(), |client, name| client.header(name, value(name)));
            client.post("/auth/login", &json!({ "identifier": format!("nobody{number}"), "password": WRONG }))
        });
        assert_eq!(count, 5);
    }

    /// L-10, L-11
    fn behind_a_trusted_proxy_each_client_has_its_own_count(server: &Server, behind_a_proxy().set("AUTH_RATE_LOGIN_ACCOUNT", "off")) {
        let from = |ip: &str| guess_from(server, ip, "nobody").status;
        for client in ["198.51.100.1", "198.51.100.2"] {
            assert_eq!(allowed(8, |_| guess_from(server, client, "nobody")), 5, "{client}");
        }
        for (client, note) in [
            ("203.0.113.9, 198.51.100.1", "what stands to the left was written by the client"),
            ("::ffff:198.51.100.1", "mapped"),
            ("::FFFF:C633:6401", "mapped"),
            ("198.51.100.1:4711", "with a port"),
            ("198.51.100.1, 127.0.0.5", "through two proxies"),
        ] {
            assert_eq!(from(client), 429, "{note}");
        }
        assert_eq!(allowed(500, |n| guess_from(server, &format!("2001:db8:0:7:{n:x}::{n:x}"), "nobody")), 5, "one /64");
        assert_eq!(from("[2001:DB8:0:7::9]:443"), 429);
        assert_eq!(from("2001:db8:0:8::1"), 401);
        // Nothing that can be read: the peer's own count, and never none.
        let garbage = ["a", "", "999.1.1.1", "fe80::1%eth0", "unknown", "198.51.100", &"a,".repeat(4000), "\u{ff}", "_hidden", "[::1"];
        assert_eq!(allowed(40, |n| guess_from(server, garbage[n % garbage.len()], "nobody")), 5);
        assert_eq!(server.client.post("/auth/login", &json!({ "identifier": "nobody", "password": WRONG })).status, 429);
    }

    /// `AUTH_RATE_API`
    fn requests_of_any_kind_are_limited_but_for_those_that_only_look(server: &Server, behind_a_proxy().set("AUTH_RATE_API", "2/1h")) {
        let free = ["/health", "/health/ready", "/metrics", "/docs", "/openapi.json", "/.well-known/jwks.json"];
        for (place, (path, methods)) in ROUTES.into_iter().enumerate() {
            let method = methods.split(", ").next().unwrap();
            let client = server.client.header("X-Forwarded-For", format!("198.51.100.{place}"));
            let count = allowed(4, |_| client.send(method, path, None));
            if free.contains(&path) {
                assert_eq!(count, 4, "{path}");
            } else {
                assert_eq!(count, 2, "{path}");
                assert_limited(&client.send(method, path, None), "api", 2, 3600);
                assert_eq!(client.get("/health").status, 200);
            }
        }
        let nowhere = server.client.header("X-Forwarded-For", "198.51.99.1");
        assert_eq!(allowed(4, |_| nowhere.get("/nowhere")), 2);
    }

    /// L-23: counts in memory may go with the process; what is switched off doesn't.
    fn a_password_that_was_switched_off_stays_so_after_a_restart(server: &Server) {
        server.register("ada@example.org");
        for _ in 0..100 {
            assert_problem(&log_in(server, "ada@example.org", WRONG), 401, "invalid_credentials");
        }
        server.kill();
        let restarted = Server::start_on(server.database.clone(), limited());
        for _ in 0..5 {
            assert_problem(&log_in(&restarted, "ada@example.org", PASSWORD), 401, "invalid_credentials");
        }
        assert_limited(&log_in(&restarted, "ada@example.org", PASSWORD), "login", 5, 900);
        let link = reset_link(&restarted, "ada@example.org");
        assert_done(&reset(&restarted, &link, "nine bronze gates of Troy"));
        assert_eq!(restarted.database.count("authenticator_failures"), 0);
    }
}

/// W-12: a page has to be able to read that it comes too often, and when to come back.
#[test]
fn a_page_of_a_listed_origin_may_read_a_refusal() {
    const PAGE: &str = "https://app.example.com";
    let options = limited().set("AUTH_CORS_ORIGINS", PAGE).set("AUTH_RATE_LOGIN", "1/1h").set("AUTH_RATE_API", "9/1h");
    let server = Server::on_sqlite(options);
    let page = server.client.header("Origin", PAGE);
    let login = json!({ "identifier": "nobody", "password": WRONG });
    assert_eq!(page.post("/auth/login", &login).status, 401);
    let by_a_use_case = page.post("/auth/login", &login);
    assert_limited(&by_a_use_case, "login", 1, 3600);
    assert_eq!(allowed(20, |_| page.get("/auth/providers")), 7);
    let by_the_api_s = page.get("/auth/providers");
    assert_limited(&by_the_api_s, "api", 9, 3600);
    for answer in [by_a_use_case, by_the_api_s] {
        assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE), "{answer:?}");
        let exposed = answer.header("access-control-expose-headers").unwrap_or_default().to_ascii_lowercase();
        let exposed: Vec<&str> = exposed.split(',').map(str::trim).collect();
        for header in ["retry-after", "ratelimit", "ratelimit-policy"] {
            assert!(exposed.contains(&header), "{answer:?}");
        }
    }
    let preflight = page.header("Access-Control-Request-Method", "POST").send("OPTIONS", "/auth/login", None);
    assert!([200, 204].contains(&preflight.status), "what a browser asks by itself is not counted: {preflight:?}");
    let other = server.client.header("Origin", "https://evil.example").get("/auth/providers");
    assert_eq!((other.status, other.header("access-control-allow-origin")), (429, None));
}

/// The contract: requests that are refused by shape take none, a breached password among them.
#[test]
fn what_is_refused_by_its_shape_takes_nothing() {
    let breaches = FakeBreaches::start();
    breaches.list("a password that leaked once", 1);
    let options = limited().set("AUTH_HIBP", "on").set("AUTH_HIBP_URL", &breaches.url());
    let server = Server::on_sqlite(options);
    for _ in 0..6 {
        let leaked = register(&server, "ada@example.org", "a password that leaked once");
        assert_refused_fields(&leaked, &[("password", "breached_password")]);
        assert_refused_fields(&register(&server, "ada", PASSWORD), &[("email", "invalid_email")]);
        for path in ["/auth/register", "/auth/login", "/auth/password/forgot"] {
            assert_problem(&server.client.post(path, &json!({})), 422, "validation_failed");
            assert_eq!(server.client.send("POST", path, Some(("application/json", b"{"))).status, 400);
            assert_eq!(server.client.send("POST", path, Some(("text/plain", b"{}"))).status, 415);
        }
    }
    assert_eq!(allowed(9, |n| register(&server, &format!("person{n}@example.org"), PASSWORD)), 3);
    assert_eq!(allowed(9, |_| log_in(&server, "nobody", WRONG)), 5);
    assert_eq!(allowed(9, |_| forgot(&server, "nobody@example.org")), 5);
}

/// What the document says of refusals: every call that can be limited tells so.
#[test]
fn the_document_tells_the_refusal_of_every_call_that_can_be_limited() {
    let document = Server::on_sqlite(ServerOptions::default()).client.get("/openapi.json").json();
    let free =
        ["/health", "/health/ready", "/metrics", "/docs", "/docs/{file}", "/openapi.json", "/.well-known/jwks.json"];
    let mut described = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let answer: &Value = &operation["responses"]["429"];
            assert_eq!(answer.is_null(), free.contains(&path.as_str()), "{method} {path}: {answer}");
            if !answer.is_null() {
                described += 1;
                assert!(text(&answer["description"]).contains("`rate_limited`"), "{method} {path}: {answer}");
            }
        }
    }
    assert!(described >= 38, "{described}");
}

/// `AUTH_RATE_LIMITS=off`, and one limit alone.
#[test]
fn limits_can_be_turned_off() {
    let server = Server::on_sqlite(ServerOptions::default().set("AUTH_RATE_LOGIN", "1/1h"));
    assert_eq!(allowed(30, |_| log_in(&server, "nobody", WRONG)), 30);
    let server = Server::on_sqlite(limited().set("AUTH_RATE_LOGIN", "off").set("AUTH_RATE_LOGIN_ACCOUNT", "off"));
    assert_eq!(allowed(30, |_| log_in(&server, "nobody", WRONG)), 30);
    assert_eq!(allowed(9, |n| register(&server, &format!("person{n}@example.org"), PASSWORD)), 3);
}

/// By the real clock: one is back when it was said to be, and not before.
#[test]
fn one_is_back_after_the_time_that_was_told() {
    let server = Server::on_sqlite(limited().set("AUTH_RATE_LOGIN", "1/6s"));
    assert_eq!(log_in(&server, "nobody", WRONG).status, 401);
    eventually("one is back", || log_in(&server, "nobody", WRONG).status == 401);
    assert_limited(&log_in(&server, "nobody", WRONG), "login", 1, 6);
}

/// L-26: a server whose Redis was never there limits by itself, by half of what is set.
#[test]
fn without_its_redis_a_server_limits_by_itself_from_the_start() {
    let server = Server::on_sqlite(limited().set("REDIS_URL", "redis://127.0.0.1:1"));
    assert_eq!(allowed(9, |_| log_in(&server, "nobody", WRONG)), 2);
    let numbers = server.client.get("/metrics").text();
    assert!(numbers.lines().any(|line| line == "auth_rate_limiter_degraded 1"), "{numbers}");
}
