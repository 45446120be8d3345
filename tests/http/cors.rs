//! W-12, REQ-57: which pages may call the server from a browser.

use serde_json::json;

use crate::contract::{assert_hardened, assert_problem};
use crate::support::{PASSWORD, Response, Server, ServerOptions};

const OURS: &str = "https://app.example.com";

/// Origins that only look like [`OURS`].
const OTHERS: [&str; 14] = [
    "https://evil.example",
    "null",
    "https://app.example.com.evil.com",
    "https://evilapp.example.com",
    "https://sub.app.example.com",
    "http://app.example.com",
    "https://app.example.com:8443",
    "https://app.example.com:443",
    "https://APP.example.com",
    "https://app.example.com/",
    "https://app.example.com.",
    "https://app.example.com@evil.example",
    "*",
    "",
];

fn server() -> Server {
    let origins = format!("{OURS},https://admin.example.com");
    Server::on_sqlite(ServerOptions::default().set("AUTH_CORS_ORIGINS", &origins))
}

fn preflight(server: &Server, origin: &str, method: &str, path: &str) -> Response {
    server
        .client
        .header("Origin", origin)
        .header("Access-Control-Request-Method", method)
        .header("Access-Control-Request-Headers", "authorization,content-type,x-request-id")
        .send("OPTIONS", path, None)
}

/// The answer lets no page read it.
#[track_caller]
fn assert_closed(answer: &Response) {
    let allowing: Vec<_> = answer.headers.keys().filter(|name| name.starts_with("access-control-allow")).collect();
    assert!(allowing.is_empty(), "{answer:?}");
}

/// The answer lets the page at `origin` read it, without credentials.
#[track_caller]
fn assert_open_to(answer: &Response, origin: &str) {
    assert_eq!(answer.header("access-control-allow-origin"), Some(origin), "{answer:?}");
    assert_eq!(answer.header("access-control-allow-credentials"), None, "{answer:?}");
    let vary = answer.header("vary").unwrap_or_default().to_ascii_lowercase();
    assert!(vary.split(", ").any(|name| name == "origin"), "{answer:?}");
}

#[test]
fn without_origins_no_page_may_call() {
    let server = Server::on_sqlite(ServerOptions::default());
    for origin in OTHERS.into_iter().chain([OURS, "http://localhost:3000"]) {
        let client = server.client.header("Origin", origin);
        assert_closed(&client.get("/.well-known/jwks.json"));
        assert_closed(&client.post("/auth/login", &json!({})));
        assert_closed(&preflight(&server, origin, "POST", "/auth/login"));
    }
}

#[test]
fn a_page_of_a_listed_origin_may_read_every_answer() {
    let server = server();
    for origin in [OURS, "https://admin.example.com"] {
        let client = server.client.header("Origin", origin);
        let email = format!("{}@example.org", origin.len());
        let registered = client.post("/auth/register", &json!({ "email": email, "password": PASSWORD }));
        assert_eq!(registered.status, 201, "{registered:?}");
        let me = client.bearer(registered.json()["access_token"].as_str().unwrap());
        for answer in [registered, me.get("/users/me"), me.get("/auth/verify"), client.get("/.well-known/jwks.json")] {
            assert_open_to(&answer, origin);
            let exposed = answer.header("access-control-expose-headers").unwrap_or_default().to_ascii_lowercase();
            assert!(exposed.contains("x-request-id") && exposed.contains("retry-after"), "{answer:?}");
        }
        // A refusal that the page can't read leaves its user without a word.
        for (answer, status, code) in [
            (client.get("/users/me"), 401, "not_authenticated"),
            (client.post("/auth/login", &json!({})), 422, "validation_failed"),
            (client.send("POST", "/auth/login", Some(("text/plain", b""))), 415, "unsupported_media_type"),
            (client.post("/auth/register", &json!({ "email": email, "password": PASSWORD })), 409, "email_taken"),
            (client.get("/nowhere"), 404, "not_found"),
            (client.get("/auth/login"), 405, "method_not_allowed"),
        ] {
            assert_problem(&answer, status, code);
            assert_open_to(&answer, origin);
        }
    }
}

#[test]
fn a_preflight_of_a_listed_origin_is_granted_what_the_api_needs() {
    let server = server();
    for (method, path) in [("POST", "/auth/login"), ("PATCH", "/users/me"), ("DELETE", "/users/me/sessions/x")] {
        let answer = preflight(&server, OURS, method, path);
        assert!([200, 204].contains(&answer.status), "{answer:?}");
        assert_open_to(&answer, OURS);
        assert_hardened(&answer);
        let listed = |name: &str| answer.header(name).unwrap_or_default().to_ascii_lowercase();
        assert!(listed("access-control-allow-methods").contains(&method.to_ascii_lowercase()), "{answer:?}");
        for header in ["authorization", "content-type", "x-request-id"] {
            assert!(listed("access-control-allow-headers").contains(header), "{answer:?}");
        }
        assert!(listed("access-control-max-age").parse::<u32>().is_ok_and(|seconds| seconds > 0));
    }
    let refused = preflight(&server, OURS, "TRACE", "/auth/login");
    assert!(refused.status >= 400 && refused.header("access-control-allow-methods").is_none(), "{refused:?}");
}

#[test]
fn a_page_of_any_other_origin_may_read_nothing() {
    let server = server();
    let tokens = server.register("ada@example.org");
    for origin in OTHERS {
        let client = server.as_user(&tokens).header("Origin", origin).header("Cookie", "a=b");
        for answer in [
            client.get("/users/me"),
            client.get("/.well-known/jwks.json"),
            client.post("/auth/login", &json!({})),
            preflight(&server, origin, "POST", "/auth/login"),
        ] {
            assert_closed(&answer);
            assert_hardened(&answer);
        }
    }
    let twice = server.client.header("Origin", OURS).header("Origin", "https://evil.example").get("/health");
    assert_ne!(twice.header("access-control-allow-origin"), Some("https://evil.example"));
}
