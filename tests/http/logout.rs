//! `POST /auth/logout` and `POST /auth/logout-all`

use serde_json::{Value, json};

use crate::audit;
use crate::contract::{assert_done, assert_problem, assert_tokens};
use crate::jwt::text;
use crate::support::{Response, Server, on_every_database};

/// Neither token of `tokens` opens anything.
#[track_caller]
fn assert_ended(server: &Server, tokens: &Value) {
    for path in ["/users/me", "/auth/verify", "/users/me/sessions", "/users/me/export"] {
        assert_problem(&server.as_user(tokens).get(path), 401, "session_revoked");
    }
    for _ in 0..2 {
        assert_problem(&server.refresh(tokens), 401, "refresh_token_invalid");
    }
}

fn log_out_by_body(server: &Server, tokens: &Value) -> Response {
    server.client.post("/auth/logout", &json!({ "refresh_token": tokens["refresh_token"] }))
}

on_every_database! {
    /// T-20, R-17, REQ-12
    fn logging_out_ends_that_session_at_once_and_may_be_repeated(server: &Server) {
        let tokens = server.register("ada@example.org");
        let other = server.log_in("ada@example.org");
        for _ in 0..3 {
            assert_done(&server.as_user(&tokens).send("POST", "/auth/logout", None));
            assert_ended(server, &tokens);
        }
        assert_eq!(server.as_user(&other).get("/users/me").status, 200);
        assert_tokens(&server.refresh(&other), 200);
        assert_eq!(audit::count(&server.database, "logout", text(&tokens["user"]["id"])), 1);
    }

    /// any authentic token of the session will do, an outdated one too.
    fn a_refresh_token_in_the_body_logs_its_session_out(server: &Server) {
        let first = server.register("ada@example.org");
        let second = assert_tokens(&server.refresh(&first), 200);
        for _ in 0..2 {
            assert_done(&log_out_by_body(server, &first));
            assert_ended(server, &second);
        }
        assert_eq!(audit::count(&server.database, "token.reused", text(&first["user"]["id"])), 0);
    }

    /// the token in the body leads, whoever sends it.
    fn the_session_of_the_body_ends_and_not_that_of_the_header(server: &Server) {
        let (mine, other) = (server.register("ada@example.org"), server.log_in("ada@example.org"));
        let body = json!({ "refresh_token": other["refresh_token"] });
        assert_done(&server.as_user(&mine).post("/auth/logout", &body));
        assert_ended(server, &other);
        assert_eq!(server.as_user(&mine).get("/users/me").status, 200);
    }

    /// R-17, T-06: garbage ends nothing, and is answered like a session that has ended before (RFC 7009, section 2.2).
    fn a_text_that_is_no_refresh_token_ends_nothing(server: &Server) {
        let tokens = server.register("ada@example.org");
        let refresh_token = text(&tokens["refresh_token"]);
        let tampered = format!("{}A", &refresh_token[..refresh_token.len() - 1]);
        for text in ["", "x", "rt_", &tampered, &refresh_token[1..], text(&tokens["access_token"])] {
            assert_done(&server.client.post("/auth/logout", &json!({ "refresh_token": text })));
        }
        assert_eq!(server.as_user(&tokens).get("/users/me").status, 200);
        assert_eq!(server.database.count("sessions WHERE revoked_at IS NOT NULL"), 0);
    }

    ///
    fn without_any_token_or_with_a_bad_one_it_is_401(server: &Server) {
        for body in [None, Some(json!({})), Some(json!({ "refresh_token": null }))] {
            assert_problem(&server.client.request("POST", "/auth/logout", body.as_ref()), 401, "not_authenticated");
        }
        assert_problem(&server.client.bearer("x").send("POST", "/auth/logout", None), 401, "token_invalid");
        assert_problem(&server.client.post("/auth/logout", &json!({ "token": "x" })), 400, "malformed_request");
        assert_problem(&server.client.post("/auth/logout", &json!({ "refresh_token": 1 })), 400, "malformed_request");
    }

    /// a form on another site can't send JSON, and what it can send ends nothing.
    fn a_cross_site_form_has_no_effect(server: &Server) {
        let tokens = server.register("ada@example.org");
        let form = format!("refresh_token={}", text(&tokens["refresh_token"]));
        let site = server.client.header("Origin", "https://evil.example").header("Sec-Fetch-Site", "cross-site");
        let body = format!("{{\"refresh_token\":\"{}\",\"=\":\"\"}}", text(&tokens["refresh_token"]));
        for (kind, body) in [
            ("application/x-www-form-urlencoded", form.as_bytes()),
            ("text/plain", body.as_bytes()),
            ("multipart/form-data; boundary=x", form.as_bytes()),
        ] {
            let answer = site.send("POST", "/auth/logout", Some((kind, body)));
            assert_problem(&answer, 415, "unsupported_media_type");
        }
        assert_eq!(server.as_user(&tokens).get("/users/me").status, 200);
    }

    /// T-20, REQ-12
    fn logging_out_everywhere_ends_all_my_sessions_and_nobody_else_s(server: &Server) {
        let mine: Vec<Value> = std::iter::once(server.register("ada@example.org"))
            .chain((0..3).map(|_| server.log_in("ada@example.org")))
            .collect();
        let stranger = server.register("eve@example.org");
        assert_done(&server.as_user(&mine[2]).send("POST", "/auth/logout-all", None));
        for tokens in &mine {
            assert_ended(server, tokens);
        }
        assert_problem(&server.as_user(&mine[2]).send("POST", "/auth/logout-all", None), 401, "session_revoked");
        assert_eq!(server.as_user(&stranger).get("/users/me").status, 200);
        assert_eq!(audit::count(&server.database, "logout_all", text(&stranger["user"]["id"])), 0);
        assert_eq!(audit::count(&server.database, "logout_all", text(&mine[0]["user"]["id"])), 1);
        let again = server.log_in("ada@example.org");
        assert_eq!(server.as_user(&again).get("/users/me").status, 200);
    }

    fn logging_out_everywhere_takes_a_bearer_token_alone(server: &Server) {
        let tokens = server.register("ada@example.org");
        let body = json!({ "refresh_token": tokens["refresh_token"] });
        assert_problem(&server.client.post("/auth/logout-all", &body), 401, "not_authenticated");
        assert_eq!(server.as_user(&tokens).get("/users/me").status, 200);
        assert_done(&server.as_user(&tokens).post("/auth/logout-all", &json!({})));
    }
}
