//! `/users/me`

use serde_json::{Value, json};

use crate::contract::{
    assert_fields, assert_problem, assert_refused_fields, assert_safe, assert_session, assert_tokens, assert_user,
};
use crate::jwt::{Jwt, text};
use crate::support::{PASSWORD, Response, Server, on_every_database};

#[track_caller]
fn user_in(answer: &Response) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_safe(answer);
    let user = answer.json();
    assert_user(&user);
    user
}

/// Makes the sign-in of `tokens` eleven minutes old, and returns tokens that say so.
pub(crate) fn eleven_minutes_later(server: &Server, tokens: &Value) -> Value {
    let database = &server.database;
    let (session, earlier) =
        (database.id(text(&Jwt::of(tokens).claims["sid"])), database.earlier("authenticated_at", 660));
    database.execute(&format!("UPDATE sessions SET authenticated_at = {earlier} WHERE id = {session}"));
    assert_tokens(&server.refresh(tokens), 200)
}

on_every_database! {
    /// REQ-40
    fn a_field_is_set_kept_or_cleared(server: &Server) {
        let tokens = server.register("ada@example.org");
        let me = server.as_user(&tokens);
        let all = json!({ "display_name": " Ada 👩‍🚀 ", "avatar_url": "https://cdn.example.org/a.png?s=1#x", "username": "Ada.L" });
        let changed = user_in(&me.patch("/users/me", &all));
        for field in ["display_name", "avatar_url", "username"] {
            assert_eq!(changed[field], all[field], "{field}");
        }
        assert!(changed["updated_at"].as_str() > tokens["user"]["updated_at"].as_str());
        assert_eq!(user_in(&me.get("/users/me")), changed);
        let kept = user_in(&me.patch("/users/me", &json!({ "display_name": "Ada" })));
        assert_eq!((&kept["display_name"], &kept["username"]), (&json!("Ada"), &json!("Ada.L")));
        let cleared = user_in(&me.patch("/users/me", &json!({ "display_name": null, "avatar_url": null, "username": null })));
        for field in ["display_name", "avatar_url", "username"] {
            assert_eq!(cleared[field], Value::Null, "{field}");
        }
        user_in(&me.patch("/users/me", &json!({})));
        assert_eq!(server.client.post("/auth/login", &json!({ "identifier": "Ada.L", "password": PASSWORD })).status, 401);
    }

    /// REQ-40: nobody makes themselves an admin; mass assignment.
    fn only_one_s_profile_can_be_changed(server: &Server) {
        let tokens = server.register("ada@example.org");
        let me = server.as_user(&tokens);
        for field in [
            "role", "is_premium", "premium_until", "email", "email_verified", "is_active", "id", "password",
            "password_must_change", "mfa_enabled", "created_at", "token_epoch", "__proto__",
        ] {
            for value in [json!("admin"), json!(true), Value::Null] {
                let answer = me.patch("/users/me", &json!({ "display_name": "Eve", field: value }));
                assert_problem(&answer, 400, "malformed_request");
            }
        }
        assert_eq!(user_in(&me.get("/users/me")), tokens["user"]);
    }

    /// REQ-40
    fn refused_values_are_told_by_field_and_change_nothing(server: &Server) {
        let tokens = server.register("ada@example.org");
        let me = server.as_user(&tokens);
        let all = json!({ "display_name": "  ", "avatar_url": "javascript:alert(1)", "username": "admin" });
        assert_refused_fields(&me.patch("/users/me", &all), &[
            ("display_name", "invalid_display_name"),
            ("avatar_url", "invalid_avatar_url"),
            ("username", "invalid_username"),
        ]);
        let long = format!("https://cdn.example.org/{}", "a".repeat(2048));
        for url in ["", "http://cdn.example.org/a.png", "data:image/png;base64,AA", "https://u:p@cdn.example.org/", "//cdn", &long] {
            let answer = me.patch("/users/me", &json!({ "avatar_url": url, "display_name": "Eve" }));
            assert_refused_fields(&answer, &[("avatar_url", "invalid_avatar_url")]);
        }
        for name in ["", "a\nb", "\u{202e}ada", &"x".repeat(101)] {
            let answer = me.patch("/users/me", &json!({ "display_name": name }));
            assert_refused_fields(&answer, &[("display_name", "invalid_display_name")]);
        }
        for body in [json!({ "display_name": 1 }), json!({ "display_name": ["x"] }), json!([]), json!(null), json!("x")] {
            assert_problem(&me.patch("/users/me", &body), 400, "malformed_request");
        }
        assert_eq!(user_in(&me.get("/users/me")), tokens["user"]);
    }

    /// REQ-40
    fn a_username_of_another_is_taken_in_every_spelling_and_one_s_own_is_not(server: &Server) {
        let (ada, eve) = (server.register("ada@example.org"), server.register("eve@example.org"));
        user_in(&server.as_user(&ada).patch("/users/me", &json!({ "username": "ada" })));
        for name in ["ada", "ADA", "ａｄａ"] {
            let answer = server.as_user(&eve).patch("/users/me", &json!({ "username": name, "display_name": "Ada" }));
            assert_problem(&answer, 409, "username_taken");
        }
        assert_eq!(user_in(&server.as_user(&eve).get("/users/me")), eve["user"]);
        assert_eq!(user_in(&server.as_user(&ada).patch("/users/me", &json!({ "username": "ADA" })))["username"], "ADA");
    }

    /// REQ-40, REQ-01: whoever deletes an account shows who they are: by a fresh sign-in, or by the password.
    fn deleting_wants_a_fresh_proof(server: &Server) {
        let tokens = server.register("ada@example.org");
        let me = server.as_user(&tokens);
        for wrong in [json!({ "password": "wrong wooden gates" }), json!({ "password": "" })] {
            assert_problem(&me.request("DELETE", "/users/me", Some(&wrong)), 401, "invalid_credentials");
        }
        let code = json!({ "code": "000000" });
        assert_problem(&me.request("DELETE", "/users/me", Some(&code)), 401, "invalid_code");
        let unknown = json!({ "id": tokens["user"]["id"] });
        assert_problem(&me.request("DELETE", "/users/me", Some(&unknown)), 400, "malformed_request");
        let old = eleven_minutes_later(server, &tokens);
        for body in [None, Some(json!({})), Some(json!({ "password": null }))] {
            assert_problem(&server.as_user(&old).request("DELETE", "/users/me", body.as_ref()), 403, "reauth_required");
        }
        assert_eq!(server.database.count("users"), 1);
        let right = json!({ "password": PASSWORD });
        let answer = server.as_user(&old).request("DELETE", "/users/me", Some(&right));
        assert_eq!((answer.status, answer.body.len()), (204, 0), "{answer:?}");
        assert_safe(&answer);
        assert_eq!(server.database.count("users"), 0);
    }

    /// T-19, REQ-40: the trail keeps the id alone, and the address is free for somebody else.
    fn a_deleted_account_is_gone_with_everything_of_it(server: &Server) {
        let tokens = server.register("ada@example.org");
        let other = server.log_in("ada@example.org");
        let stranger = server.register("eve@example.org");
        server.client.header("User-Agent", "canary-agent").post("/auth/login", &json!({ "identifier": "ada@example.org", "password": "x" }));
        assert_eq!(server.as_user(&tokens).delete("/users/me").status, 204);
        for gone in [&tokens, &other] {
            for path in ["/users/me", "/auth/verify", "/users/me/export", "/users/me/sessions"] {
                assert_problem(&server.as_user(gone).get(path), 401, "session_revoked");
            }
            assert_problem(&server.refresh(gone), 401, "refresh_token_invalid");
            assert_problem(&server.as_user(gone).delete("/users/me"), 401, "session_revoked");
        }
        let login = json!({ "identifier": "ada@example.org", "password": PASSWORD });
        assert_problem(&server.client.post("/auth/login", &login), 401, "invalid_credentials");
        let user = server.database.id(text(&tokens["user"]["id"]));
        assert_eq!(server.database.count(&format!("sessions WHERE user_id = {user}")), 0);
        let traces = format!("audit_events WHERE user_id = {user} AND (ip IS NOT NULL OR user_agent IS NOT NULL)");
        assert_eq!(server.database.count(&traces), 0);
        assert_eq!(server.database.count(&format!("audit_events WHERE user_id = {user} AND event = 'account.deleted'")), 1);
        let again = server.register("ada@example.org");
        assert_ne!(again["user"]["id"], tokens["user"]["id"]);
        assert_problem(&server.as_user(&tokens).get("/users/me"), 401, "session_revoked");
        assert_problem(&server.refresh(&tokens), 401, "refresh_token_invalid");
        assert_eq!(server.as_user(&stranger).get("/users/me").status, 200);
    }

    /// REQ-40, REQ-42: somebody is always left to administer.
    fn the_last_admin_can_not_be_deleted(server: &Server) {
        let (ada, eve) = (server.register("ada@example.org"), server.register("eve@example.org"));
        server.database.execute("UPDATE users SET role = 'admin'");
        assert_eq!(server.as_user(&ada).delete("/users/me").status, 204);
        assert_problem(&server.as_user(&eve).delete("/users/me"), 409, "last_admin");
        assert_eq!(server.as_user(&eve).get("/users/me").json()["role"], "admin");
    }

    /// REQ-40
    fn the_export_holds_all_that_is_mine_and_no_secret(server: &Server) {
        let tokens = server.register("ada@example.org");
        server.register("eve@example.org");
        server.log_in("ada@example.org");
        server.client.post("/auth/login", &json!({ "identifier": "ada@example.org", "password": "x" }));
        let answer = server.as_user(&tokens).get("/users/me/export");
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_safe(&answer);
        let export = answer.json();
        let fields = [
            "user",
            "sessions",
            "events",
            "mails",
            "linked_accounts",
            "places",
            "devices",
            "reserved_addresses",
            "second_factor",
        ];
        assert_fields(&export, &fields);
        assert_eq!(export["devices"].as_array().map(Vec::len), Some(2));
        assert_fields(&export["devices"][0], &["label", "created_at", "last_used_at"]);
        assert_eq!(export["second_factor"], json!({ "enabled_at": null, "backup_codes_left": 0 }));
        assert_eq!(export["linked_accounts"], json!([]));
        assert_fields(&export["places"][0], &["place", "noted_at"]);
        assert_user(&export["user"]);
        assert_eq!(export["user"]["id"], tokens["user"]["id"]);
        for session in export["sessions"].as_array().unwrap() {
            let mut session = session.as_object().unwrap().clone();
            assert_eq!((session.remove("revoked_at"), session.remove("revoke_reason")), (Some(json!(null)), Some(json!(null))));
            assert_session(&session.into());
        }
        let mut events: Vec<&str> = export["events"].as_array().unwrap().iter().map(|event| text(&event["event"])).collect();
        events.sort_unstable();
        assert_eq!(events, ["login.failed", "login.succeeded", "user.registered"]);
        let event = &export["events"][0];
        let fields = ["id", "at", "event", "outcome", "user_id", "actor_id", "ip", "user_agent", "request_id", "details"];
        assert_fields(event, &fields);
        let body = answer.text();
        for secret in ["$argon2", "salt", "password_hash", "rt_", "eve@example.org", text(&tokens["access_token"])] {
            assert!(!body.contains(secret), "{secret}: {body}");
        }
    }

    /// REQ-16: none of it without a token.
    fn every_call_wants_a_token(server: &Server) {
        for (method, path) in [
            ("GET", "/users/me"), ("PATCH", "/users/me"), ("DELETE", "/users/me"), ("GET", "/users/me/export"),
            ("GET", "/users/me/security-events"), ("GET", "/users/me/sessions"), ("DELETE", "/users/me/sessions"),
            ("DELETE", "/users/me/sessions/01890000-0000-7000-8000-000000000000"),
            ("GET", "/auth/verify"), ("POST", "/auth/logout-all"), ("POST", "/auth/logout"),
            ("POST", "/auth/password/change"), ("POST", "/users/me/email"), ("POST", "/auth/reauth"),
            ("GET", "/users/me/mfa"), ("POST", "/users/me/mfa/totp"), ("POST", "/users/me/mfa/totp/confirm"),
            ("POST", "/users/me/mfa/totp/disable"), ("POST", "/users/me/mfa/backup-codes"),
        ] {
            assert_problem(&server.client.send(method, path, None), 401, "not_authenticated");
            assert_problem(&server.client.bearer("x").send(method, path, None), 401, "token_invalid");
        }
    }
}
