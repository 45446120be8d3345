//! W-17, W-18, REQ-53: what the log tells, in which form, and what it never tells.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};

use crate::contract::{assert_id, assert_time, assert_tokens};
use crate::jwt::{Jwt, text};
use crate::support::{Backend, PASSWORD, Server, ServerOptions, TestDatabase, on_every_database};

/// Every line of the log up to now, read.
fn lines(server: &Server) -> Vec<Value> {
    let marker = server.client.get("/nowhere").header("x-request-id").unwrap().to_owned();
    assert!(server.wait_for_log(|line| line.contains(&marker)).is_some());
    let read = |line: &String| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    server.log().iter().map(read).collect()
}

/// The lines with this request id.
fn lines_of(server: &Server, id: &str) -> Vec<Value> {
    lines(server).into_iter().filter(|line| line["request_id"] == id).collect()
}

on_every_database! {
    /// REQ-53
    fn each_line_is_an_object_with_time_level_message_and_target(server: &Server) {
        let tokens = server.register("ada@example.org");
        server.refresh(&tokens);
        server.as_user(&tokens).delete("/users/me/sessions/x");
        let lines = lines(server);
        assert!(lines.len() > 5, "{lines:#?}");
        for line in &lines {
            assert_time(&line["timestamp"]);
            assert!(["ERROR", "WARN", "INFO"].contains(&text(&line["level"])), "{line}");
            assert!(!text(&line["target"]).is_empty() && !text(&line["message"]).is_empty(), "{line}");
        }
    }

    /// REQ-53: one line for a request, by the id that the client gave or was given.
    fn a_request_is_found_by_its_id(server: &Server) {
        let given = server.client.header("X-Request-ID", "Job-7.a_b").get("/users/me?token=canary");
        assert_eq!(given.header("x-request-id"), Some("Job-7.a_b"));
        let lines = lines_of(server, "Job-7.a_b");
        assert_eq!(lines.len(), 1, "{lines:#?}");
        let line = &lines[0];
        assert_eq!((&line["method"], &line["route"], &line["status"]), (&json!("GET"), &json!("/users/me"), &json!(401)));
        assert_eq!((&line["target"], &line["path"], &line["trace_id"]), (&json!("access"), &Value::Null, &Value::Null));
        assert!(line["duration_ms"].is_f64() && !line.to_string().contains("canary"), "{line}");
        let made = server.client.get("/users/me");
        let id = made.header("x-request-id").unwrap().to_owned();
        assert_eq!(lines_of(server, &id).len(), 1);
    }

    /// REQ-53: by the route's template, whoever answers; the path where there is none.
    fn the_line_of_a_request_names_its_route(server: &Server) {
        let tokens = server.register("ada@example.org");
        let line = |method: &str, path: &str, large: usize| {
            let id = format!("{method}-{large}-{}", path.len());
            let client = server.as_user(&tokens).header("X-Request-ID", &id).header("x-large", "x".repeat(large));
            client.send(method, path, None);
            let lines: Vec<Value> = lines_of(server, &id).into_iter().filter(|line| line["target"] == "access").collect();
            assert_eq!(lines.len(), 1, "{lines:#?}");
            let line = &lines[0];
            assert!(line["duration_ms"].as_f64().is_some_and(|duration| duration > 0.0), "{line}");
            let text = |name: &str| line[name].as_str().map(str::to_owned);
            (text("method").unwrap(), text("route").unwrap(), text("path"), line["status"].as_u64().unwrap())
        };
        let expected = |method: &str, route: &str, path: Option<&str>, status| {
            (method.to_owned(), route.to_owned(), path.map(str::to_owned), status)
        };
        assert_eq!(line("GET", "/users/me", 0), expected("GET", "/users/me", None, 200));
        let id = "/users/me/sessions/0195c2a0-0000-7000-8000-000000000000";
        assert_eq!(line("DELETE", id, 0), expected("DELETE", "/users/me/sessions/{id}", None, 404));
        assert_eq!(line("PUT", "/auth/login", 0), expected("PUT", "/auth/login", None, 405));
        assert_eq!(line("GET", "/users/me?x=canary", 40_000), expected("GET", "/users/me", None, 400));
        assert_eq!(line("GET", "/no/where?x=canary", 0), expected("GET", "-", Some("/no/where"), 404));
    }

    /// A trace is found in the log by what its sender calls it, and none is made up.
    fn the_trace_of_whoever_called_is_logged(server: &Server) {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let valid = format!("00-{trace}-00f067aa0ba902b7-01");
        let garbage = format!("00-{}-00f067aa0ba902b7-01", trace.to_uppercase());
        let none = server.client.header("X-Request-ID", "trace-none").header("traceparent", &garbage);
        let twice = server.client.header("X-Request-ID", "trace-twice").header("traceparent", &valid);
        none.get("/users/me");
        twice.header("traceparent", &valid).get("/users/me");
        for id in ["trace-none", "trace-twice"] {
            let lines = lines_of(server, id);
            assert!(lines.len() == 1 && lines[0]["trace_id"].is_null(), "{lines:#?}");
        }
        let tokens = server.register("ada@example.org");
        let me = server.as_user(&tokens).header("X-Request-ID", "trace-one").header("traceparent", &valid);
        let rename = |from: &str, to: &str| server.database.execute(&format!("ALTER TABLE {from} RENAME TO {to}"));
        rename("users", "users_away");
        let failed = me.get("/users/me");
        rename("users_away", "users");
        assert!(failed.status >= 500, "{failed:?}");
        let lines = lines_of(server, "trace-one");
        let told: Vec<(&str, &str)> = lines.iter().map(|line| (text(&line["message"]), text(&line["trace_id"]))).collect();
        assert_eq!(told, [("request failed", trace), ("request", trace)]);
    }

    /// REQ-51: what happened to an account is a line too, with the request's id and the user's.
    fn events_of_the_audit_trail_are_logged(server: &Server) {
        let client = server.client.header("X-Request-ID", "audit-1");
        let tokens = assert_tokens(&client.post("/auth/register", &json!({ "email": "ada@example.org", "password": PASSWORD })), 201);
        let wrong = json!({ "identifier": "ada@example.org", "password": "wrong wooden gates" });
        let unknown = json!({ "identifier": "nobody@example.org", "password": PASSWORD });
        for body in [&wrong, &unknown] {
            client.post("/auth/login", body);
        }
        client.bearer(text(&tokens["access_token"])).send("POST", "/auth/logout", None);
        let lines: Vec<Value> = lines_of(server, "audit-1").into_iter().filter(|line| line["target"] == "audit").collect();
        let events: Vec<&str> = lines.iter().map(|line| text(&line["event"])).collect();
        assert_eq!(events, ["user.registered", "login.failed", "login.failed", "logout"]);
        let users: Vec<Option<&str>> = lines.iter().map(|line| line["user_id"].as_str()).collect();
        let ada = tokens["user"]["id"].as_str();
        assert_eq!(users, [ada, ada, None, ada]);
        assert_id(&lines[0]["user_id"]);
        let stored = server.database.texts("event", "audit_events WHERE request_id = 'audit-1' ORDER BY at, id");
        assert_eq!(stored, ["user.registered", "login.failed", "login.failed", "logout"]);
    }
}

/// REQ-53: health checks and the documents are asked for all day.
#[test]
fn health_and_documents_are_not_logged() {
    let server = Server::on_sqlite(ServerOptions::default());
    for path in ["/health", "/health/ready", "/docs", "/docs/swagger-ui.css", "/openapi.json"] {
        assert_eq!(server.client.header("X-Request-ID", "quiet").get(path).status, 200);
    }
    assert_eq!(lines_of(&server, "quiet"), [Value::Null; 0]);
}

/// W-18: no client writes a line, a field, or an escape sequence of its own.
#[test]
fn hostile_texts_make_no_lines_of_their_own() {
    let server = Server::on_sqlite(ServerOptions::default());
    server.register("ada@example.org");
    let forged = r#"{"level":"INFO","message":"forged","request_id":"forged"}"#;
    let hostile = [
        "\u{1b}[31mred".to_owned(),
        format!("x\",\"admin\":true,\"y\":\"{forged}"),
        "x".repeat(20_000),
        "\u{202e}txt".to_owned(),
    ];
    for text in &hostile {
        let client = server.client.header("User-Agent", text).header("X-Request-ID", text).header("Referer", text);
        let answer = client.post(
            "/auth/login",
            &json!({ "identifier": format!("{text}\r\n{forged}"), "password": format!("{text}\n{forged}") }),
        );
        assert!([400, 401, 422].contains(&answer.status), "{answer:?}");
        let id = answer.header("x-request-id").unwrap_or_default();
        assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)), "{id}");
    }
    for path in ["/%0d%0a%7B%22forged%22:1%7D", "/%1b[31m", "/a\"b{forged}", &format!("/{}", "y".repeat(20_000))] {
        assert!([400, 404].contains(&server.client.get(path).status));
    }
    for line in lines(&server) {
        let plain = line.to_string();
        assert!(plain.len() < 2048 && !plain.contains('\u{1b}'), "{plain}");
        assert!(line["message"] != "forged" && line["request_id"] != "forged" && line["admin"].is_null(), "{plain}");
    }
}

/// W-18: an id of another shape is replaced, and so is a second one.
#[test]
fn only_a_plain_request_id_is_taken_over() {
    let server = Server::on_sqlite(ServerOptions::default());
    let longest = "x".repeat(128);
    for id in ["a", "A-9._z", &longest] {
        assert_eq!(server.client.header("X-Request-ID", id).get("/health").header("x-request-id"), Some(id));
    }
    for id in ["", "a b", "a\tb", "é", "<x>", "a/b", "a:b", &"x".repeat(129)] {
        let answer = server.client.header("X-Request-ID", id).get("/nowhere");
        let made = answer.header("x-request-id").unwrap();
        assert!(made != id && made.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'), "{id:?}: {made}");
        assert_eq!(answer.json()["request_id"], made);
    }
    let twice = server.client.header("X-Request-ID", "a").header("X-Request-ID", "b").get("/health");
    assert!(!["a", "b", "a, b"].contains(&twice.header("x-request-id").unwrap()));
}

/// W-17: through success, refusal and failure, at the most talkative level, no secret and no address is logged.
fn no_secret_is_logged(backend: &Backend, level: &str) {
    let mut database = TestDatabase::new(backend);
    if database.is_postgres() {
        database.url = database.url.replace("postgres@", "postgres:canary-database@");
    }
    let options =
        ServerOptions::default().set("AUTH_LOG", level).set("AUTH_SECRET", "canary-secret-Wn8sQx0vT5yB2eH7uJ9aZ4cM6");
    let server = Server::start_on(Arc::new(database), options);
    let password = "canary-password of Thebes";
    let register = json!({ "email": "canary-address@example.org", "password": password, "username": "ada" });
    let first = assert_tokens(&server.client.post("/auth/register", &register), 201);
    let second = assert_tokens(&server.refresh(&first), 200);
    let me = server.as_user(&second);
    for body in [
        json!({ "identifier": "canary-address@example.org", "password": password }),
        json!({ "identifier": "canary-address@example.org", "password": "canary-password that is wrong" }),
        json!({ "identifier": "canary-address@example.org", "password": ["canary-password"] }),
        json!({ "canary-password": 1 }),
    ] {
        server.client.post("/auth/login", &body);
    }
    server.client.post("/auth/register", &json!({ "email": "canary-address@example.org", "password": password }));
    server.client.send("POST", "/auth/login", Some(("application/json", b"{\"password\":\"canary-password")));
    server.client.get(&format!("/users/me?access_token={}", text(&second["access_token"])));
    server.client.bearer("canary-bearer").get("/users/me");
    server.client.header("Authorization", "Basic canary-basic").header("Cookie", "canary-cookie=1").get("/users/me");
    me.request("DELETE", "/users/me", Some(&json!({ "password": "canary-password" })));
    me.request("DELETE", "/users/me", Some(&json!({ "code": "canary-code" })));
    me.patch("/users/me", &json!({ "display_name": "canary-name\n" }));
    me.get("/users/me/export");
    let rename = |from: &str, to: &str| server.database.execute(&format!("ALTER TABLE {from} RENAME TO {to}"));
    rename("users", "users_away");
    for answer in [server.client.post("/auth/login", &register), server.refresh(&second), me.get("/users/me")] {
        assert!(answer.status >= 400);
    }
    server.client.post("/auth/login", &json!({ "identifier": "canary-address@example.org", "password": password }));
    rename("users_away", "users");
    me.post("/auth/logout", &json!({ "refresh_token": first["refresh_token"] }));
    let mut needles = vec!["canary".to_owned(), "$argon2".to_owned()];
    for tokens in [&first, &second] {
        needles.extend(["access_token", "refresh_token"].map(|token| text(&tokens[token]).to_owned()));
        needles.push(BASE64URL.encode(Jwt::of(tokens).signature));
        needles.push(text(&tokens["refresh_token"])[40..].to_owned());
    }
    if level == "debug" {
        // Beside the lines of the crates that ours stand on, which are plain text in no order, ours are all there.
        lines(&server);
    }
    assert!(server.wait_for_log(|line| line.contains("request failed")).is_some(), "the fault above was logged");
    server.terminate();
    for line in server.log() {
        for needle in &needles {
            assert!(!line.contains(needle.as_str()), "{needle} in {line}");
        }
    }
}

#[test]
fn no_secret_is_logged_at_any_level_on_sqlite() {
    for level in ["debug", "trace"] {
        no_secret_is_logged(&Backend::Sqlite, level);
    }
}

#[test]
fn no_secret_is_logged_at_any_level_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        no_secret_is_logged(&backend, "debug");
    }
}
