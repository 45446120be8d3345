//! `POST /auth/login`

use serde_json::{Value, json};

use crate::audit;
use crate::calls::log_in;
use crate::contract::{assert_challenge, assert_problem, assert_refused_fields, assert_tokens, without_id_and_time};
use crate::jwt::{Jwt, text};
use crate::support::{PASSWORD, Server, on_every_database};

on_every_database! {
    /// REQ-05, REQ-44
    fn an_address_or_a_username_in_any_spelling_opens_a_session(server: &Server) {
        let body = json!({ "email": "Ada@bücher.example", "password": PASSWORD, "username": "Ada_L" });
        let registered = assert_tokens(&server.client.post("/auth/register", &body), 201);
        let mut sessions = vec![Jwt::of(&registered).claims["sid"].clone()];
        for identifier in ["Ada@bücher.example", "ADA@XN--BCHER-KVA.EXAMPLE", " ada@bücher.example ", "Ada_L", "ａｄａ_l "] {
            let tokens = assert_tokens(&log_in(server, identifier, PASSWORD), 200);
            assert_eq!(tokens["user"]["id"], registered["user"]["id"]);
            assert!(tokens["user"]["last_login_at"].as_str() > registered["user"]["last_login_at"].as_str());
            assert_eq!(server.as_user(&tokens).get("/users/me").json(), tokens["user"]);
            sessions.push(Jwt::of(&tokens).claims["sid"].clone());
        }
        sessions.dedup();
        assert_eq!(sessions.len(), 6, "each log-in is a session of its own");
        let user = text(&registered["user"]["id"]);
        assert_eq!(audit::count(&server.database, "login.succeeded", user), 5);
    }

    /// REQ-05: whether an account exists is not told, also not by a header.
    fn an_unknown_user_and_a_wrong_password_get_the_same_answer(server: &Server) {
        server.register("ada@example.org");
        let wrong = log_in(server, "ada@example.org", "wrong wooden gates of Thebes");
        assert_problem(&wrong, 401, "invalid_credentials");
        let long = "p".repeat(1025);
        for (identifier, password) in [
            ("nobody@example.org", PASSWORD),
            ("nobody", PASSWORD),
            ("not an address@", PASSWORD),
            ("", PASSWORD),
            ("a\0b", PASSWORD),
            ("ada@example.org", ""),
            ("ada@example.org", &PASSWORD.to_uppercase()),
            ("ada@example.org", &long),
            ("' OR 1=1 --", "' OR '1'='1"),
        ] {
            let answer = log_in(server, identifier, password);
            assert_eq!(without_id_and_time(&answer), without_id_and_time(&wrong), "{identifier:?}");
        }
        assert_eq!(server.database.count("sessions"), 1);
        assert_eq!(server.database.count("audit_events WHERE event = 'login.failed' AND outcome = 'failure'"), 10);
    }

    /// T-22, REQ-44: only who knows the password learns that the account is disabled.
    fn a_disabled_account_is_told_with_the_right_password_only(server: &Server) {
        server.register("ada@example.org");
        server.database.execute(&format!("UPDATE users SET disabled_at = {}", server.database.now()));
        assert_problem(&log_in(server, "ada@example.org", PASSWORD), 403, "account_disabled");
        assert_problem(&log_in(server, "ada@example.org", "wrong wooden gates"), 401, "invalid_credentials");
        assert_eq!(server.database.count("sessions"), 1);
        server.database.execute("UPDATE users SET disabled_at = NULL");
        assert_tokens(&log_in(server, "ada@example.org", PASSWORD), 200);
    }

    /// REQ-07: no session before the password is changed, and no refresh of those that are open. How it goes on is in
    /// [`crate::challenge`].
    fn a_user_who_must_change_the_password_gets_no_session(server: &Server) {
        let tokens = server.register("ada@example.org");
        server.database.execute(&format!("UPDATE users SET password_must_change = {}", server.database.yes()));
        assert_challenge(&log_in(server, "ada@example.org", PASSWORD), "change_password");
        assert_problem(&log_in(server, "ada@example.org", "wrong wooden gates"), 401, "invalid_credentials");
        assert_problem(&server.refresh(&tokens), 401, "refresh_token_invalid");
        assert_eq!(server.database.count("sessions"), 1);
    }

    fn missing_fields_are_told_and_unknown_ones_refused(server: &Server) {
        let post = |body: Value| server.client.post("/auth/login", &body);
        assert_refused_fields(&post(json!({})), &[("identifier", "required"), ("password", "required")]);
        assert_refused_fields(&post(json!({ "identifier": "a" })), &[("password", "required")]);
        assert_refused_fields(&post(json!({ "password": "a" })), &[("identifier", "required")]);
        for body in [
            json!({ "email": "a@example.org", "password": PASSWORD }),
            json!({ "identifier": "a", "password": PASSWORD, "remember": true }),
            json!({ "identifier": ["a"], "password": PASSWORD }),
            json!({ "identifier": "a", "password": { "$ne": null } }),
        ] {
            assert_problem(&post(body), 400, "malformed_request");
        }
        assert_eq!(server.database.count("audit_events"), 0, "what is refused by its shape is no attempt");
    }

    /// Clients may send the device token from the first release on.
    fn a_device_token_may_come_along(server: &Server) {
        server.register("ada@example.org");
        let body = json!({ "identifier": "ada@example.org", "password": PASSWORD, "device_token": "dt_unknown" });
        assert_tokens(&server.client.post("/auth/login", &body), 200);
    }

    /// what somebody planted in the browser before the log-in is not taken up by it.
    fn a_planted_session_is_not_upgraded_by_a_log_in(server: &Server) {
        let (attacker, _) = (server.register("eve@example.org"), server.register("ada@example.org"));
        let planted = Jwt::of(&attacker).claims["sid"].clone();
        let tokens = server
            .as_user(&attacker)
            .header("Cookie", format!("refresh_token={}; session={}", text(&attacker["refresh_token"]), text(&planted)))
            .header("X-Auth-Session", text(&planted))
            .post("/auth/login", &json!({ "identifier": "ada@example.org", "password": PASSWORD }));
        let tokens = assert_tokens(&tokens, 200);
        assert_eq!(tokens["user"]["email"], "ada@example.org");
        assert_ne!(Jwt::of(&tokens).claims["sid"], planted);
        assert_ne!(tokens["refresh_token"], attacker["refresh_token"]);
        assert_eq!(server.as_user(&attacker).get("/users/me").json()["email"], "eve@example.org");
    }
}
