//! The HTTP surface under abuse (section 2.I of the security rows): sizes, types, methods, paths, headers.

use serde_json::json;

use crate::contract::{assert_problem, assert_safe, assert_tokens};
use crate::support::{PASSWORD, Response, Server, ServerOptions, on_every_database};

fn server() -> Server {
    Server::on_sqlite(ServerOptions::default())
}

const JSON: &str = "application/json";

/// Every route of ours and its methods.
pub(crate) const ROUTES: [(&str, &str); 48] = [
    ("/auth/register", "POST"),
    ("/auth/login", "POST"),
    ("/auth/refresh", "POST"),
    ("/auth/logout", "POST"),
    ("/auth/logout-all", "POST"),
    ("/auth/verify", "GET"),
    ("/auth/challenge", "POST"),
    ("/auth/password/forgot", "POST"),
    ("/auth/password/reset", "POST"),
    ("/auth/password/change", "POST"),
    ("/auth/secure-account", "POST"),
    ("/auth/email/verify", "POST"),
    ("/auth/email/resend", "POST"),
    ("/auth/email/change/confirm", "POST"),
    ("/auth/email/change/undo", "POST"),
    ("/users/me/email", "POST"),
    ("/auth/reauth", "POST"),
    ("/users/me/mfa", "GET"),
    ("/users/me/mfa/totp", "POST"),
    ("/users/me/mfa/totp/confirm", "POST"),
    ("/users/me/mfa/totp/disable", "POST"),
    ("/users/me/mfa/backup-codes", "POST"),
    ("/link/verify-email", "GET"),
    ("/metrics", "GET"),
    ("/users/me", "GET, PATCH, DELETE"),
    ("/users/me/export", "GET"),
    ("/users/me/security-events", "GET"),
    ("/users/me/sessions", "GET, DELETE"),
    ("/users/me/sessions/x", "DELETE"),
    ("/admin/users", "GET, POST"),
    ("/admin/users/018f4e6e-6c9b-7000-8000-000000000000", "GET, PATCH, DELETE"),
    ("/admin/users/018f4e6e-6c9b-7000-8000-000000000000/reset-mfa", "POST"),
    ("/admin/users/018f4e6e-6c9b-7000-8000-000000000000/revoke-sessions", "POST"),
    ("/admin/users/018f4e6e-6c9b-7000-8000-000000000000/send-password-reset", "POST"),
    ("/admin/audit", "GET"),
    ("/health", "GET"),
    ("/health/ready", "GET"),
    ("/.well-known/jwks.json", "GET"),
    ("/openapi.json", "GET"),
    ("/docs", "GET"),
    ("/auth/providers", "GET"),
    ("/auth/google", "GET"),
    ("/auth/google/callback", "GET"),
    ("/auth/oauth/exchange", "POST"),
    ("/auth/link/google", "GET"),
    ("/auth/link/google/callback", "GET"),
    ("/users/me/linked-accounts", "GET"),
    ("/users/me/link/google", "DELETE"),
];

/// W-03: refused at the head, or where the limit is passed; what was announced is not waited for.
#[test]
fn a_body_beyond_64_kib_is_refused_early() {
    let server = server();
    for (path, megabytes) in [
        ("/auth/login", 1),
        ("/auth/register", 10),
        ("/auth/refresh", 10),
        ("/auth/logout", 1),
        ("/auth/challenge", 1),
        ("/auth/password/forgot", 10),
        ("/auth/password/reset", 1),
        ("/auth/secure-account", 1),
        ("/auth/email/verify", 1),
        ("/auth/email/resend", 1),
        ("/auth/email/change/confirm", 1),
        ("/auth/email/change/undo", 1),
    ] {
        let body = vec![b' '; megabytes * 1024 * 1024];
        assert_problem(&server.client.send_beginning("POST", path, (JSON, &body)), 413, "payload_too_large");
    }
    let body = r#"{"refresh_token":"x"}"#;
    let exact = |size: usize| body.to_owned() + &" ".repeat(size - body.len());
    let fits = server.client.send("POST", "/auth/refresh", Some((JSON, exact(65_536).as_bytes())));
    assert_problem(&fits, 401, "refresh_token_invalid");
    let beyond = server.client.send("POST", "/auth/refresh", Some((JSON, exact(65_537).as_bytes())));
    assert_problem(&beyond, 413, "payload_too_large");
}

/// W-03: chunks without end.
#[test]
fn a_body_without_end_is_refused_at_the_limit() {
    let server = server();
    let mut connection = server.client.connect();
    connection.write(
        b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    let chunk = [&b"1000\r\n"[..], &[b' '; 0x1000], b"\r\n"].concat();
    for _ in 0..17 {
        connection.write(&chunk);
    }
    assert_problem(&connection.read().unwrap(), 413, "payload_too_large");
}

/// W-03: a body shorter than announced ends with the connection, and no request is made of it.
#[test]
fn a_body_that_ends_too_soon_is_no_request() {
    let server = server();
    let body = json!({ "email": "ada@example.org", "password": PASSWORD }).to_string();
    let mut connection = server.client.connect();
    let length = body.len() + 1;
    connection.write(
        format!(
            "POST /auth/register HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .as_bytes(),
    );
    connection.finish();
    let answer = connection.read();
    assert!(answer.as_ref().is_none_or(|answer| answer.status == 400), "{answer:?}");
    assert_eq!(server.database.count("users"), 0);
}

/// W-04: what a form on another site can send without asking is not read.
#[test]
fn a_body_is_read_as_json_in_utf_8_alone() {
    let server = server();
    let body = json!({ "refresh_token": "x" }).to_string();
    let post = |kind: &str| server.client.send("POST", "/auth/refresh", Some((kind, body.as_bytes())));
    for good in [JSON, "application/json; charset=utf-8", "Application/JSON;charset=\"UTF-8\""] {
        assert_problem(&post(good), 401, "refresh_token_invalid");
    }
    for bad in [
        "text/plain",
        "text/plain; application/json",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/json; charset=latin1",
        "application/json;x",
        "application/json, text/plain",
        "application/jsonx",
        "application/problem+json",
        "*/*",
        "",
    ] {
        assert_problem(&post(bad), 415, "unsupported_media_type");
    }
    let without = server.client.header("Content-Length", body.len().to_string()).compose("POST", "/auth/refresh", None);
    let answer = server.client.raw(&[&without[..], body.as_bytes()].concat()).unwrap();
    assert_problem(&answer, 415, "unsupported_media_type");
    let twice = server.client.header("Content-Type", JSON);
    let twice = twice.send("POST", "/auth/refresh", Some(("text/plain", body.as_bytes())));
    assert_problem(&twice, 415, "unsupported_media_type");
}

/// W-09: nothing is unpacked, so nothing can burst.
#[test]
fn a_compressed_body_is_refused_unread() {
    let server = server();
    for encoding in ["gzip", "br", "zstd", "deflate", "x-gzip", "identity", "gzip, gzip"] {
        let client = server.client.header("Content-Encoding", encoding);
        let answer = client.send("POST", "/auth/login", Some((JSON, b"\x1f\x8b\x08\0\0\0\0\0\0\x03")));
        assert_problem(&answer, 415, "unsupported_media_type");
        let bomb = vec![0; 10 * 1024 * 1024];
        let answer = client.send_beginning("POST", "/auth/login", (JSON, &bomb));
        assert!([413, 415].contains(&answer.status), "{answer:?}");
    }
}

/// W-27: an answer that carries a token is never compressed.
#[test]
fn no_answer_is_compressed() {
    let server = server();
    let client = server.client.header("Accept-Encoding", "gzip, br, zstd, deflate, *");
    let answer = client.post("/auth/register", &json!({ "email": "ada@example.org", "password": PASSWORD }));
    let tokens = assert_tokens(&answer, 201);
    for path in ["/users/me", "/users/me/sessions", "/users/me/export", "/users/me/security-events"] {
        assert_safe(&client.bearer(tokens["access_token"].as_str().unwrap()).get(path));
    }
}

/// W-10: a head has its limits, and what is within them is read.
#[test]
fn a_head_that_is_too_large_is_refused() {
    let server = server();
    let filled = |name: &str, size: usize| server.client.header(name, vec![b'x'; size]);
    assert_eq!(filled("X-Filler", 30 * 1024).get("/health").status, 200, "32 KiB are read");
    let many = |count: usize| (0..count).fold(server.client.clone(), |client, n| client.header(&format!("X-{n}"), "y"));
    let cookies = (0..5000).map(|n| format!("c{n}=v")).collect::<Vec<_>>().join("; ");
    for (what, request) in [
        ("64 KiB in one header", filled("X-Filler", 64 * 1024).compose("GET", "/health", None)),
        ("1 MiB in one header", filled("X-Filler", 1024 * 1024).compose("GET", "/health", None)),
        ("200 headers", many(200).compose("GET", "/health", None)),
        ("64 KiB in the path", server.client.compose("GET", &format!("/{}", "x".repeat(64 * 1024)), None)),
        ("64 KiB in the query", server.client.compose("GET", &format!("/health?{}", "x".repeat(64 * 1024)), None)),
        ("5000 cookies", server.client.header("Cookie", &cookies).compose("GET", "/users/me", None)),
    ] {
        let answer = server.client.raw(&request);
        assert!(answer.as_ref().is_none_or(|answer| [400, 414, 431].contains(&answer.status)), "{what}: {answer:?}");
    }
    assert_eq!(server.client.get("/health").status, 200);
}

/// W-21, W-14: every other method is refused by name.
#[test]
fn a_method_that_a_route_does_not_have_is_405() {
    let server = server();
    for (path, allowed) in ROUTES {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "X"] {
            if allowed.split(", ").any(|known| known == method) {
                continue;
            }
            let answer = if method == "HEAD" { head(&server, path) } else { server.client.send(method, path, None) };
            assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{method} {path}: {answer:?}");
            if method != "HEAD" {
                assert_problem(&answer, 405, "method_not_allowed");
            }
        }
    }
    for method in ["TRACE", "CONNECT", "PUT", "X"] {
        assert_problem(&server.client.send(method, "/nowhere", None), 404, "not_found");
    }
    let override_method =
        server.client.header("X-HTTP-Method-Override", "DELETE").header("X-Method-Override", "DELETE");
    assert_problem(&override_method.get("/users/me"), 401, "not_authenticated");
}

/// An answer to HEAD has the length of a body that it doesn't have.
fn head(server: &Server, path: &str) -> Response {
    let mut connection = server.client.connect();
    connection.write(&server.client.compose("HEAD", path, None));
    connection.read_head().unwrap()
}

/// W-22: a path has one spelling, and leads out of nowhere.
#[test]
fn tricks_with_paths_lead_nowhere() {
    let server = server();
    let me = server.as_user(&server.register("ada@example.org"));
    let deep = "/a".repeat(2000);
    for path in [
        "/..;/users/me",
        "/auth/..;/users/me",
        "/auth/../users/me",
        "/auth/%2e%2e/users/me",
        "/users/me/",
        "//users/me",
        "/users//me",
        "/users/./me",
        "/Users/Me",
        "/users/me%00",
        "/users/me;x=y",
        "/users/me/sessions/",
        "/users/me/sessions/a/b",
        "/docs/../openapi.json",
        "/docs/..%2fopenapi.json",
        "/docs/%2e%2e%2fopenapi.json",
        "/docs/%00",
        "/docs/index.html",
        "/docs/swagger-initializer.js",
        "/link/",
        "/link/verify-email/",
        "/link/verify-email/x",
        "/link/..%2fmetrics",
        "/link/oauth",
        "/auth/password",
        "/auth/email/change",
        "/.well-known/",
        "/.env",
        "/.git/config",
        "/metrics/x",
        "/users/018f4e6e-6c9b-7000-8000-000000000000",
        "/%",
        "/%zz",
        "/%ff",
        "/\u{e9}",
        "",
        "*",
        "users/me",
        &deep,
    ] {
        let answer = me.raw(&me.compose("GET", path, None));
        assert!(answer.as_ref().is_none_or(|answer| [400, 404].contains(&answer.status)), "{path:?}: {answer:?}");
        if let Some(answer) = answer.filter(|answer| answer.status == 404) {
            assert_problem(&answer, 404, "not_found");
        }
    }
    assert_eq!(me.get("/users/m%65").status, 200, "an escaped letter is that letter (RFC 3986, section 6.2.2.2)");
}

/// W-25: the name that the client calls us by is never used.
#[test]
fn the_host_header_is_never_reflected() {
    let server = server();
    for host in ["evil.example", "127.0.0.1:1", "[::1]", "", "a b", "evil.example/x", "<script>", "x@y", "\u{e9}"] {
        let body = json!({ "email": format!("{}@example.org", host.len()), "password": PASSWORD }).to_string();
        let (kind, length) = (JSON, body.len());
        let request = format!(
            "POST /auth/register HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: evil.example\r\nForwarded: host=evil.example\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let answer = server.client.raw(request.as_bytes()).unwrap();
        assert!([201, 400, 409].contains(&answer.status), "{host:?}: {answer:?}");
        assert!(!format!("{:?} {}", answer.headers, answer.text()).contains("evil"), "{answer:?}");
        if answer.status == 201 {
            assert_eq!(crate::jwt::Jwt::of(&answer.json()).claims["iss"], "http://localhost:8080");
        }
    }
    for heads in ["", "Host: a\r\nHost: b\r\n", "Host: a\r\nHost: a\r\n"] {
        let answer = server.client.raw(format!("GET /health HTTP/1.1\r\n{heads}\r\n").as_bytes());
        assert!(answer.as_ref().is_none_or(|answer| answer.status == 400), "{heads:?}: {answer:?}");
    }
}

/// W-14: with an https address, browsers are told to stay with it; over plain http that would mean nothing.
#[test]
fn an_https_address_is_kept_to() {
    let server = Server::on_sqlite(
        ServerOptions::default().set("AUTH_BASE_URL", "https://auth.example.org").set("AUTH_ENV", "development"),
    );
    for path in ["/health", "/nowhere", "/users/me", "/docs", "/.well-known/jwks.json"] {
        let answer = server.client.get(path);
        let policy = answer.header("strict-transport-security").unwrap_or_default();
        assert!(policy.starts_with("max-age=31536000"), "{path}: {answer:?}");
    }
    assert_eq!(self::server().client.get("/health").header("strict-transport-security"), None);
}

on_every_database! {
    /// W-16, REQ-54: a fault of ours is told in our words, with an id under which the cause is in the log.
    fn a_fault_of_ours_tells_nothing_about_us(server: &Server) {
        let tokens = server.register("ada@example.org");
        server.database.execute("ALTER TABLE users RENAME TO users_away");
        let login = json!({ "identifier": "ada@example.org", "password": PASSWORD });
        let registration = json!({ "email": "eve@example.org", "password": PASSWORD });
        for answer in [
            server.client.post("/auth/login", &login),
            server.client.post("/auth/register", &registration),
            server.refresh(&tokens),
            server.as_user(&tokens).get("/users/me"),
            server.as_user(&tokens).delete("/users/me"),
            server.as_user(&tokens).post("/users/me/email", &json!({ "new_email": "eve@example.org" })),
            crate::calls::change_password(server, &tokens, PASSWORD, "nine bronze gates of Troy"),
        ] {
            assert_problem(&answer, 500, "internal_error");
            let text = answer.text().to_ascii_lowercase();
            for word in ["users", "table", "relation", "sql", "diesel", ".rs", "/", "panic", "version"] {
                let text = text.replace("about:blank", "").replace("internal_error", "");
                assert!(!text.contains(word), "{word}: {text}");
            }
            let id = answer.header("x-request-id").unwrap();
            let line = server.wait_for_log(|line| line.contains(id) && line.contains("cause"));
            assert!(line.is_some_and(|line| line.contains("users")), "the cause is in the log");
        }
        server.database.execute("ALTER TABLE users_away RENAME TO users");
        assert_tokens(&server.client.post("/auth/login", &login), 200);
    }
}
