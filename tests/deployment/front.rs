//! Gatehouse behind a proxy: what clients reach, what they don't, and whom Gatehouse takes them for.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use crate::proxies::{AUTH, HTTP, World, behind_every_proxy};
use crate::support::{PASSWORD, Response, ServerOptions};

#[track_caller]
fn assert_problem(answer: &Response, status: u16, code: &str) {
    assert_eq!((answer.status, answer.error_code().as_str()), (status, code), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
}

/// One header for browsers, whoever gave the answer (W-14), and nobody's version (W-24).
#[track_caller]
fn assert_hardened(answer: &Response) {
    let hsts = answer.header("strict-transport-security");
    assert_eq!(hsts, Some("max-age=31536000; includeSubDomains"), "{answer:?}");
    let server = answer.header("server").unwrap_or_default();
    assert!(!server.contains('/'), "{answer:?}");
}

behind_every_proxy! {
    /// REQ-62: everything that an app needs.
    fn an_app_signs_up_refreshes_and_signs_out(world: &World) {
        let body = json!({ "email": "ada@example.org", "password": PASSWORD }).to_string();
        let registered = world.visitor.post(AUTH, "/auth/register", &body);
        assert_eq!(registered.status, 201, "{registered:?}");
        assert_hardened(&registered);
        assert_eq!(registered.header("cache-control"), Some("no-store"));
        let tokens = registered.json();
        let ada = world.visitor.with_token(tokens["access_token"].as_str().unwrap());
        let me = ada.ask(AUTH, "GET", "/users/me", "X-Request-ID: mine-1\r\n", "");
        assert_eq!((me.status, me.header("x-request-id")), (200, Some("mine-1")), "{me:?}");
        let refreshed = json!({ "refresh_token": tokens["refresh_token"] }).to_string();
        assert_eq!(world.visitor.post(AUTH, "/auth/refresh", &refreshed).status, 200);
        assert_eq!(ada.ask(AUTH, "POST", "/auth/logout", "", "").status, 204);
        assert_problem(&ada.get(AUTH, "/users/me"), 401, "session_revoked");
        let keys = world.visitor.get(AUTH, "/.well-known/jwks.json");
        assert_eq!((keys.status, keys.header("cache-control").is_some()), (200, true), "{keys:?}");
        assert_eq!(world.visitor.get(AUTH, "/link/verify-email").status, 200);
        assert_problem(&world.visitor.get(AUTH, "/admin/users"), 401, "not_authenticated");
    }

    /// W-22, W-23: numbers, health and documents stay inside, by whatever spelling.
    fn what_is_not_for_clients_is_not_there(world: &World) {
        for path in ["/metrics", "/health", "/health/ready", "/docs", "/openapi.json"] {
            assert_eq!(world.server.client.get(path).status, 200, "{path} is there inside");
        }
        for target in [
            "/metrics", "/metrics/", "/METRICS", "//metrics", "/./metrics", "/auth/../metrics", "/auth/%2e%2e/metrics",
            "/auth/..%2fmetrics", "/auth/..;/metrics", "/auth/%2E%2E%2Fmetrics", "/auth/..%5cmetrics", "/auth\\..\\metrics",
            "/%6detrics", "/metrics%00", "/auth/%252e%252e/metrics", "/metrics?x=/auth/", "/metrics;/auth/", "/health",
            "/health/ready", "/docs", "/docs/swagger-ui.css", "/openapi.json", "/", "/nowhere", "/authx", "/.well-known/",
            "http://auth.example.com/metrics",
        ] {
            let answer = world.visitor.get(AUTH, target);
            // A zero is nothing that a path can have.
            if answer.status != 400 {
                assert_problem(&answer, 404, "not_found");
            }
            assert_hardened(&answer);
        }
    }

    /// What Gatehouse reads, a proxy must not refuse; beyond it, the refusal is of one shape.
    fn sizes_are_those_of_gatehouse(world: &World) {
        let (_, ada) = world.member();
        let long = format!("X-Long: {}\r\n", "x".repeat(30 * 1024));
        assert_eq!(ada.ask(AUTH, "GET", "/users/me", &long, "").status, 200, "30 KiB in one header");
        let many: Vec<_> = (0..60).map(|n| format!("X-Many-{n}: {}\r\n", "x".repeat(480))).collect();
        let many = many.concat();
        assert_eq!(ada.ask(AUTH, "GET", "/users/me", &many, "").status, 200, "30 KiB in sixty headers");
        for length in [4096, 4097] {
            let bearer = world.visitor.with_token(&"x".repeat(length));
            assert_problem(&bearer.get(AUTH, "/users/me"), 401, "token_invalid");
        }
        let body = |size: usize| {
            let token = r#"{"refresh_token":"x"}"#;
            token.to_owned() + &" ".repeat(size - token.len())
        };
        let fits = world.visitor.post(AUTH, "/auth/refresh", &body(64 * 1024));
        assert_problem(&fits, 401, "refresh_token_invalid");
        for size in [64 * 1024 + 1, 1024 * 1024] {
            let beyond = world.visitor.post_beginning(AUTH, "/auth/refresh", &body(size));
            assert_problem(&beyond, 413, "payload_too_large");
            assert_hardened(&beyond);
        }
    }

    /// What a provider sends back is long, and full of encoded slashes.
    fn a_long_callback_reaches_gatehouse(world: &World, with_google()) {
        let code = "4%2F0".repeat(700);
        let target = format!("/auth/google/callback?code={code}&state={}&iss=https%3A%2F%2Fx//..;", "s".repeat(4000));
        assert_problem(&world.visitor.get(AUTH, &target), 400, "oauth_state_invalid");
        let start = world.visitor.get(AUTH, "/auth/google?redirect_to=https%3A%2F%2Fauth.example.com%2F..%2Fhome");
        assert_eq!(start.status, 302, "{start:?}");
        let cookie = start.header("set-cookie").unwrap();
        assert!(cookie.contains("__Host-") && cookie.contains("; Secure"), "{cookie}");
    }

    /// REQ-24: a limit is one client's, not all clients' of the proxy, and nobody chooses their address.
    fn clients_are_told_apart_by_where_they_come_from_alone(world: &World, with_limits()) {
        let (tokens, ada) = world.member();
        let (one, other) = (Ipv4Addr::new(127, 0, 0, 11), Ipv4Addr::new(127, 0, 0, 12));
        let guess = |from, n: u8| {
            let body = json!({ "identifier": format!("{n}@example.org"), "password": PASSWORD }).to_string();
            let forged = format!(
                "Content-Type: application/json\r\nX-Forwarded-For: 192.0.2.{n}\r\nForwarded: for=192.0.2.{n}\r\nX-Real-IP: 192.0.2.{n}\r\n"
            );
            world.visitor.from(from).ask(AUTH, "POST", "/auth/login", &forged, &body)
        };
        for n in 0..5 {
            assert_problem(&guess(one, n), 401, "invalid_credentials");
        }
        let limited = guess(one, 5);
        assert_problem(&limited, 429, "rate_limited");
        assert!(limited.header("retry-after").is_some(), "{limited:?}");
        assert_problem(&guess(other, 6), 401, "invalid_credentials");
        let body = json!({ "identifier": "ada@example.org", "password": PASSWORD, "device_token": tokens["device_token"] });
        assert_eq!(world.visitor.from(other).post(AUTH, "/auth/login", &body.to_string()).status, 200);
        let sessions = ada.get(AUTH, "/users/me/sessions").json();
        let addresses: Vec<&Value> = sessions["sessions"].as_array().unwrap().iter().map(|session| &session["ip"]).collect();
        assert!(addresses.contains(&&json!("127.0.0.12")), "{addresses:?}");
    }

    /// W-25: no other host, and nothing in the clear but the way to https.
    fn only_our_hosts_are_answered_and_only_by_tls(world: &World) {
        let request = |host: &str| format!("GET /users/me?x=1 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let told = world.visitor.send_in_the_clear(HTTP, &request(AUTH)).unwrap();
        let location = told.header("location").unwrap_or_default();
        assert_eq!((told.status, location), (308, "https://auth.example.com/users/me?x=1"), "{told:?}");
        let other = world.visitor.send_in_the_clear(HTTP, &request("evil.example"));
        assert!(other.as_ref().is_none_or(|answer| answer.header("location").is_none()), "{other:?}");
        assert!(world.visitor.send("evil.example", &request(AUTH)).is_none(), "a handshake for another host");
        let other = world.visitor.send(AUTH, &request("evil.example"));
        assert!(other.as_ref().is_none_or(|answer| answer.status >= 400 || answer.body.is_empty()), "{other:?}");
    }

    /// Clients treat it as any other "try again".
    fn a_gatehouse_that_is_away_is_503(world: &World) {
        world.server.kill();
        let answer = world.visitor.post(AUTH, "/auth/refresh", r#"{"refresh_token":"x"}"#);
        assert_problem(&answer, 503, "overloaded");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        assert_hardened(&answer);
    }
}

fn with_limits() -> ServerOptions {
    ServerOptions::default().set("AUTH_RATE_LIMITS", "on")
}

fn with_google() -> ServerOptions {
    let options = ServerOptions::default().set("AUTH_GOOGLE_CLIENT_ID", "client");
    options.set("AUTH_GOOGLE_CLIENT_SECRET", "client-secret-Jd8fQ2")
}
