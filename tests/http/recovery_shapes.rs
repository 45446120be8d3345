//! The shapes of bodies at the calls for recovery, verification and challenges: what is missing is told, what is unknown
//! is refused, and nothing is done either way.

use serde_json::{Map, Value, json};

use crate::contract::{assert_problem, assert_refused_fields};
use crate::support::{Client, PASSWORD, Server, on_every_database};

/// A call, with the fields that it wants and those that may come along.
struct Call {
    path: &'static str,
    wanted: &'static [&'static str],
    others: &'static [&'static str],
    signed_in: bool,
}

const fn call(path: &'static str, wanted: &'static [&'static str], others: &'static [&'static str]) -> Call {
    Call { path, wanted, others, signed_in: false }
}

const CALLS: [Call; 10] = [
    call("/auth/challenge", &["token", "method"], &["code", "new_password"]),
    call("/auth/password/forgot", &["email"], &[]),
    call("/auth/password/reset", &["token", "new_password"], &[]),
    Call { signed_in: true, ..call("/auth/password/change", &["current_password", "new_password"], &[]) },
    call("/auth/secure-account", &["token"], &[]),
    call("/auth/email/verify", &["token"], &["password", "challenge_token"]),
    call("/auth/email/resend", &["email"], &[]),
    call("/auth/email/change/confirm", &["token"], &[]),
    call("/auth/email/change/undo", &["token"], &[]),
    Call { signed_in: true, ..call("/users/me/email", &["new_email"], &["password", "code"]) },
];

/// Asks as who may ask, and sees to it that nothing comes of it.
fn with_each_call(server: &Server, ask: impl Fn(&Client, &Call)) {
    let me = server.as_user(&server.register("ada@example.org"));
    crate::mails::settle(server);
    let kept = || {
        ["users", "sessions", "audit_events", "email_outbox", "one_time_tokens", "authenticator_failures"]
            .map(|table| server.database.count(table))
    };
    let before = kept();
    for call in &CALLS {
        ask(if call.signed_in { &me } else { &server.client }, call);
    }
    assert_eq!(kept(), before);
}

/// A body with these fields, each with this value.
fn body(fields: &[&str], value: &Value) -> Value {
    fields.iter().map(|field| ((*field).to_owned(), value.clone())).collect::<Map<_, _>>().into()
}

on_every_database! {
    fn missing_fields_are_told_all_at_once(server: &Server) {
        with_each_call(server, |client, call| {
            let all: Vec<_> = call.wanted.iter().map(|field| (*field, "required")).collect();
            for nothing in [json!({}), body(call.wanted, &Value::Null), body(call.others, &json!("x"))] {
                assert_refused_fields(&client.post(call.path, &nothing), &all);
            }
            for left_out in call.wanted {
                let rest: Vec<&str> = call.wanted.iter().copied().filter(|field| field != left_out).collect();
                if !rest.is_empty() {
                    let answer = client.post(call.path, &body(&rest, &json!("ot_x")));
                    assert_refused_fields(&answer, &[(left_out, "required")]);
                }
            }
        });
    }

    /// Mass assignment, and other types than text.
    fn unknown_fields_and_other_types_are_refused(server: &Server) {
        with_each_call(server, |client, call| {
            for unknown in ["user_id", "id", "role", "email_verified", "base_url", "redirect_to", "Token", "__proto__"] {
                let mut with = body(call.wanted, &json!("x@example.org"));
                with[unknown] = json!("x");
                assert_problem(&client.post(call.path, &with), 400, "malformed_request");
            }
            let two = json!(["ada@example.org", "eve@example.org"]);
            for value in [json!(1), json!(true), json!(["ada@example.org"]), two, json!({ "$ne": null })] {
                for field in call.wanted.iter().chain(call.others) {
                    let mut with = body(call.wanted, &json!("x@example.org"));
                    with[field] = value.clone();
                    assert_problem(&client.post(call.path, &with), 400, "malformed_request");
                }
            }
            let first = call.wanted[0];
            let twice = format!(r#"{{"{first}":"ada@example.org","{first}":"eve@example.org"}}"#);
            let answer = client.send("POST", call.path, Some(("application/json", twice.as_bytes())));
            assert_problem(&answer, 400, "malformed_request");
            for other in [json!([]), json!(null), json!("x"), json!([body(call.wanted, &json!("x"))])] {
                assert_problem(&client.post(call.path, &other), 400, "malformed_request");
            }
        });
    }

    /// W-04: what a form on another site can send isn't read, and neither is a link that is merely opened.
    fn a_body_in_json_is_wanted(server: &Server) {
        with_each_call(server, |client, call| {
            let text = body(call.wanted, &json!("x@example.org")).to_string();
            for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
                let answer = client.send("POST", call.path, Some((kind, text.as_bytes())));
                assert_problem(&answer, 415, "unsupported_media_type");
            }
            assert_problem(&client.send("POST", call.path, None), 415, "unsupported_media_type");
            assert_problem(&client.get(&format!("{}?token=x&email=ada@example.org", call.path)), 405, "method_not_allowed");
            let large = text.clone() + &" ".repeat(65_537 - text.len());
            let answer = client.send("POST", call.path, Some(("application/json", large.as_bytes())));
            assert_problem(&answer, 413, "payload_too_large");
        });
    }

    /// A token in the address is none: it would be in every log on the way.
    fn a_token_in_the_address_is_not_read(server: &Server) {
        let tokens = server.register("ada@example.org");
        let token = crate::mails::reset_link(server, "ada@example.org");
        let path = format!("/auth/password/reset?token={token}");
        let answer = server.client.post(&path, &json!({ "new_password": "nine bronze gates of Troy" }));
        assert_refused_fields(&answer, &[("token", "required")]);
        let path = format!("/auth/password/change?access_token={}", crate::jwt::text(&tokens["access_token"]));
        let body = json!({ "current_password": PASSWORD, "new_password": "nine bronze gates of Troy" });
        assert_problem(&server.client.post(&path, &body), 401, "not_authenticated");
    }
}
