//! An application that Gatehouse guards by `GET /auth/verify`: who gets through, and what the application is told.

use serde_json::Value;

use crate::proxies::{APP, World, behind_every_proxy};
use crate::support::{Response, eventually};

#[track_caller]
fn assert_refused(world: &World, answer: &Response, status: u16, code: &str) {
    assert_eq!((answer.status, answer.error_code().as_str()), (status, code), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
    // Once: repeated ones would be joined by commas.
    let schemes: Vec<&str> = answer.header("www-authenticate").into_iter().flat_map(|value| value.split(',')).collect();
    assert_eq!(schemes.len(), usize::from(status == 401), "{answer:?}");
    assert!(schemes.iter().all(|scheme| scheme.starts_with("Bearer")), "{answer:?}");
    assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000; includeSubDomains"), "{answer:?}");
    assert!(world.application.asked().is_empty(), "the application was asked: {:?}", world.application.asked());
}

const FORGED: &str = "X-Auth-User: root\r\nx-auth-role: admin\r\nX-AUTH-SESSION: 1\r\nX_Auth_User: root\r\nX-Auth_Role: admin\r\nX-Auth-User: root\r\n";

behind_every_proxy! {
    /// REQ-62: who is there is told by Gatehouse alone.
    fn the_application_is_told_who_is_there_and_no_forgery(world: &World) {
        let (tokens, ada) = world.member();
        let id = tokens["user"]["id"].as_str().unwrap();
        for headers in ["", FORGED, "Connection: close, X-Auth-User, X-Auth-Role, X-Auth-Session\r\n"] {
            let answer = ada.ask(APP, "GET", "/orders/7?page=2%2F3", headers, "");
            assert_eq!((answer.status, answer.text().as_str()), (200, "application"), "{headers}: {answer:?}");
            let asked = world.application.last();
            assert_eq!(asked.line, "GET /orders/7?page=2%2F3 HTTP/1.1");
            assert_eq!(asked.identity_headers(), ["x-auth-role", "x-auth-session", "x-auth-user"], "{headers}");
            assert_eq!((asked.header("x-auth-user"), asked.header("x-auth-role")), (Some(id), Some("user")));
            let sessions: Value = world.server.as_user(&tokens).get("/users/me/sessions").json();
            assert_eq!(asked.header("x-auth-session"), sessions["sessions"][0]["id"].as_str());
            assert_eq!(asked.header("authorization"), None, "the token stays here");
            assert_eq!(asked.header("x-forwarded-for"), Some("127.0.0.1"));
        }
    }

    /// A body goes to the application, and not to Gatehouse.
    fn bodies_of_any_kind_go_through(world: &World) {
        let (_, ada) = world.member();
        let chunked = "Transfer-Encoding: chunked\r\nContent-Type: text/plain\r\n";
        for (method, headers, body) in [
            ("POST", "Content-Type: application/json\r\n", "{}"),
            ("PUT", "Content-Type: text/plain\r\n", "x"),
            ("DELETE", "", ""),
        ] {
            assert_eq!(ada.ask(APP, method, "/orders", headers, body).status, 200, "{method}");
            assert!(world.application.last().line.starts_with(method));
        }
        let head = format!("POST /orders HTTP/1.1\r\nHost: {APP}\r\nConnection: close\r\n{chunked}");
        let bearer = format!("Authorization: Bearer {}\r\n", ada.bearer.as_deref().unwrap());
        let answer = ada.send(APP, &format!("{head}{bearer}\r\n3\r\nabc\r\n0\r\n\r\n")).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// what ends a session ends it here, too, and clients learn what to do about it.
    fn without_a_live_token_nothing_goes_through(world: &World) {
        assert_refused(world, &world.visitor.get(APP, "/orders"), 401, "not_authenticated");
        assert_refused(world, &world.visitor.ask(APP, "GET", "/orders", FORGED, ""), 401, "not_authenticated");
        assert_refused(world, &world.visitor.post(APP, "/orders", "{}"), 401, "not_authenticated");
        for token in ["x", "a.b.c", &"x".repeat(4096), &"x".repeat(4097)] {
            assert_refused(world, &world.visitor.with_token(token).get(APP, "/orders"), 401, "token_invalid");
        }
        let (tokens, ada) = world.member();
        assert_eq!(world.server.as_user(&tokens).send("POST", "/auth/logout", None).status, 204);
        assert_refused(world, &ada.get(APP, "/orders"), 401, "session_revoked");
        let twice = format!("Authorization: Bearer {}\r\n", ada.bearer.as_deref().unwrap());
        let answer = ada.ask(APP, "GET", "/orders", &twice, "");
        assert!([400, 401].contains(&answer.status), "{answer:?}");
        assert!(world.application.asked().is_empty());
    }

    /// Z-06, W-22: no method and no spelling of a path leads round the guard.
    fn no_method_and_no_spelling_leads_round_the_guard(world: &World) {
        for method in ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "get"] {
            let answer = world.visitor.ask(APP, method, "/admin", "X-HTTP-Method-Override: GET\r\nX-Original-URL: /public/\r\nX-Rewrite-URL: /public/\r\n", "");
            assert!([400, 401, 405].contains(&answer.status), "{method}: {answer:?}");
        }
        for target in [
            "/admin", "/admin/", "/ADMIN", "/Public/x", "/PUBLIC/x", "/public", "/publicx", "//public/x", "/public/../admin",
            "/public/./../admin", "/public/%2e%2e/admin", "/public/%2E%2e%2fadmin", "/public/..%2fadmin", "/public/..;/admin",
            "/public/.;/../admin", "/public/..%5cadmin", "/public/..\\admin", "/public/%252e%252e/admin", "/public//admin",
            "/public/x%00/../../admin", "/public/x/..", "/%70ublic/../admin", "/public%2f..%2fadmin", "/public;/../admin",
            "/_gatehouse/verify", "/public/..%c0%af../admin", "http://app.example.com/admin",
            "http://app.example.com/public/../admin", "/admin?x=/public/", "/admin#/public/", "/public/..?/admin",
        ] {
            let Some(answer) = world.visitor.send(APP, &format!("GET {target} HTTP/1.1\r\nHost: {APP}\r\nConnection: close\r\n\r\n")) else {
                continue;
            };
            // A redirect to the path with a slash tells nothing.
            assert!((300..500).contains(&answer.status), "{target}: {answer:?}");
        }
        assert!(world.application.asked().is_empty(), "{:?}", world.application.asked());
    }

    /// What is public is told nothing about anybody, whatever the client claims.
    fn public_paths_are_told_of_nobody(world: &World) {
        let (_, ada) = world.member();
        for visitor in [&world.visitor, &ada] {
            let answer = visitor.ask(APP, "GET", "/public/logo.svg?v=..%2f", FORGED, "");
            assert_eq!(answer.status, 200, "{answer:?}");
            let asked = world.application.last();
            assert_eq!((asked.line.as_str(), asked.identity_headers()), ("GET /public/logo.svg?v=..%2f HTTP/1.1", vec![]));
        }
    }

    /// Fail closed: who can't be asked about isn't let through, and is told to try again.
    fn a_gatehouse_that_is_away_lets_nobody_through(world: &World) {
        let (_, ada) = world.member();
        assert_eq!(ada.get(APP, "/orders").status, 200);
        let before = world.application.asked().len();
        world.server.kill();
        eventually("Gatehouse is away", || ada.get(APP, "/orders").status != 200);
        let answer = ada.get(APP, "/orders");
        assert_eq!((answer.status, answer.error_code().as_str()), (503, "overloaded"), "{answer:?}");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        assert_eq!(world.application.asked().len(), before);
    }
}
