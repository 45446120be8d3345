//! JSON bodies: the `JSONTestSuite`, and what it doesn't have (W-01, W-02, W-05, W-06, W-08).

use serde_json::{Value, json};

use crate::contract::{assert_problem, assert_safe};
use crate::support::{Client, Response, Server, ServerOptions};
use crate::vectors;

fn server() -> Server {
    Server::on_sqlite(ServerOptions::default())
}

fn post(client: &Client, path: &str, body: &[u8]) -> Response {
    client.send("POST", path, Some(("application/json", body)))
}

/// The text inside of the array or the quotes that a vector about strings is.
fn only_element(vector: &[u8]) -> Option<&[u8]> {
    vector.trim_ascii().strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"))
}

/// W-02, W-05, W-06, W-08: as a whole body, no text of the suite is a request of ours, and none does harm.
#[test]
fn every_text_of_the_json_test_suite_is_refused_as_a_body() {
    let server = server();
    let files: Vec<_> = ["test_parsing", "test_transform"]
        .iter()
        .flat_map(|set| vectors::files(&format!("jsontestsuite/{set}")))
        .collect();
    assert!(files.len() > 300, "the vectors are not there");
    for (name, body) in files {
        for path in ["/auth/refresh", "/auth/register", "/auth/login", "/auth/password/forgot", "/auth/challenge"] {
            if body.len() > 64 * 1024 {
                let answer = server.client.send_beginning("POST", path, ("application/json", &body));
                assert_problem(&answer, 413, "payload_too_large");
            } else if name == "y_object_empty.json" {
                // The one object without a field that nobody knows.
                assert_problem(&post(&server.client, path, &body), 422, "validation_failed");
            } else {
                assert_problem(&post(&server.client, path, &body), 400, "malformed_request");
            }
        }
    }
    assert_eq!(server.client.get("/health").status, 200);
}

/// W-05, W-06: as the value of a field, what must be read is read as it is, and what must be refused is refused.
#[test]
fn texts_of_the_json_test_suite_are_read_exactly_as_a_field() {
    let server = server();
    let me = server.as_user(&server.register("ada@example.org"));
    let mut kept = 0;
    for (name, vector) in vectors::files("jsontestsuite/test_parsing") {
        let Some(element) = only_element(&vector) else { continue };
        let body = [&br#"{"display_name":"#[..], element, b"}"].concat();
        let answer = me.send("PATCH", "/users/me", Some(("application/json", &body)));
        let meant: Option<String> = serde_json::from_slice(element).ok();
        match (&name[..2], answer.status) {
            ("y_", 200) => {
                assert_eq!(answer.json()["display_name"].as_str(), meant.as_deref(), "{name}");
                kept += 1;
            }
            ("y_", 422) => assert!(meant.is_some(), "{name}: {answer:?}"),
            // Another type than text, or more than one element.
            ("y_", 400) => assert!(meant.is_none(), "{name}: {answer:?}"),
            ("n_", 400) | ("i_", 400 | 422) => {}
            _ => panic!("{name}: {answer:?}"),
        }
        assert_safe(&answer);
    }
    assert!(kept > 20, "only {kept} texts were taken");
}

/// W-01: also when one of the two is spelled with an escape.
#[test]
fn a_repeated_field_is_refused_on_every_body() {
    let server = server();
    let tokens = server.register("ada@example.org");
    let me = server.as_user(&tokens);
    for (method, path, field, escaped) in [
        ("POST", "/auth/register", "email", r"\u0065mail"),
        ("POST", "/auth/register", "password", r"p\u0061ssword"),
        ("POST", "/auth/login", "identifier", r"\u0069dentifier"),
        ("POST", "/auth/refresh", "refresh_token", r"refresh\u005ftoken"),
        ("POST", "/auth/logout", "refresh_token", r"\u0072efresh_token"),
        ("POST", "/auth/challenge", "token", r"toke\u006e"),
        ("POST", "/auth/challenge", "new_password", r"new\u005fpassword"),
        ("POST", "/auth/password/forgot", "email", r"\u0065mail"),
        ("POST", "/auth/password/reset", "token", r"\u0074oken"),
        ("POST", "/auth/password/change", "current_password", r"current\u005fpassword"),
        ("POST", "/auth/secure-account", "token", r"t\u006fken"),
        ("POST", "/auth/email/verify", "password", r"\u0070assword"),
        ("POST", "/auth/email/resend", "email", r"emai\u006c"),
        ("POST", "/auth/email/change/confirm", "token", r"to\u006ben"),
        ("POST", "/auth/email/change/undo", "token", r"tok\u0065n"),
        ("POST", "/users/me/email", "new_email", r"new\u005femail"),
        ("PATCH", "/users/me", "display_name", r"display_nam\u0065"),
        ("DELETE", "/users/me", "password", r"\u0070assword"),
    ] {
        for second in [field, escaped] {
            for (one, two) in [("\"a\"", "\"b\""), ("null", "\"b\""), ("\"a\"", "null"), ("null", "null")] {
                let body = format!("{{\"{field}\":{one},\"{second}\":{two}}}");
                let answer = me.send(method, path, Some(("application/json", body.as_bytes())));
                assert_problem(&answer, 400, "malformed_request");
            }
        }
    }
    assert_eq!(me.get("/users/me").json(), tokens["user"]);
}

/// W-02: depth costs no stack.
#[test]
fn deep_nesting_is_refused() {
    let server = server();
    for depth in [128, 10_000, 30_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("{\"email\":[", "]}"), ("{\"email\":", "")] {
            let body = open.repeat(depth.min(60_000 / open.len())) + &close.repeat(depth.min(5_000));
            let body = &body.as_bytes()[..body.len().min(65_536)];
            assert_problem(&post(&server.client, "/auth/register", body), 400, "malformed_request");
        }
    }
    let megabyte = vec![b'['; 1024 * 1024];
    let answer = server.client.send_beginning("POST", "/auth/register", ("application/json", &megabyte));
    assert_problem(&answer, 413, "payload_too_large");
}

/// W-05, W-06, W-08: what isn't one JSON object in UTF-8 of the right types.
#[test]
fn bodies_that_are_almost_right_are_refused() {
    let server = server();
    let utf16: Vec<u8> = r#"{"refresh_token":"x"}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let almost: [&[u8]; 31] = [
        b"",
        b" ",
        b"null",
        b"true",
        b"0",
        b"\"x\"",
        b"[]",
        br#"["rt_x"]"#,
        br#"[{"refresh_token":"x"}]"#,
        br#"{"refresh_token":"x"} {"refresh_token":"x"}"#,
        br#"{"refresh_token":"x"}x"#,
        br#"{"refresh_token":"x"},"#,
        b"{\"refresh_token\":\"x\"}\0",
        br#"{"refresh_token":"x",}"#,
        br#"{"refresh_token":"x"/**/}"#,
        b"{\"refresh_token\":\"x\"} // comment",
        br"{'refresh_token':'x'}",
        br#"{refresh_token:"x"}"#,
        br#"{"refresh_token":NaN}"#,
        br#"{"refresh_token":Infinity}"#,
        br#"{"refresh_token":1e400}"#,
        br#"{"refresh_token":18446744073709551616}"#,
        br#"{"refresh_token":-0}"#,
        br#"{"refresh_token":1.0}"#,
        br#"{"refresh_token":"\ud800"}"#,
        br#"{"refresh_token":"\udc00\ud800"}"#,
        b"{\"refresh_token\":\"\xff\"}",
        b"{\"refresh_token\":\"\xc0\xaf\"}",
        b"{\"refresh_token\":\"\xed\xa0\x80\"}",
        b"\xef\xbb\xbf{\"refresh_token\":\"x\"}",
        &utf16,
    ];
    for body in almost {
        assert_problem(&post(&server.client, "/auth/refresh", body), 400, "malformed_request");
    }
    let spaced = post(&server.client, "/auth/refresh", b" \t\r\n{ \"refresh_token\" : \"\\u0078\" }\n ");
    assert_problem(&spaced, 401, "refresh_token_invalid");
}

/// A refusal never repeats what was sent: it may be a password in the wrong place.
#[test]
fn no_refusal_quotes_the_body() {
    let server = server();
    let me = server.as_user(&server.register("ada@example.org"));
    for body in [
        json!({ "canary-4711": 1 }),
        json!({ "password": ["canary-4711"] }),
        json!({ "email": "canary-4711", "password": "canary-4711", "username": "canary 4711", "display_name": "canary-4711\n" }),
        json!({ "identifier": { "canary-4711": 1 } }),
        Value::from("canary-4711"),
    ] {
        for (method, path) in [
            ("POST", "/auth/register"),
            ("POST", "/auth/login"),
            ("POST", "/auth/refresh"),
            ("POST", "/auth/challenge"),
            ("POST", "/auth/password/forgot"),
            ("POST", "/auth/password/reset"),
            ("POST", "/auth/email/verify"),
            ("POST", "/users/me/email"),
            ("PATCH", "/users/me"),
        ] {
            let answer = me.request(method, path, Some(&body));
            assert!((400..500).contains(&answer.status), "{answer:?}");
            assert!(!answer.text().contains("canary"), "{answer:?}");
        }
    }
}
