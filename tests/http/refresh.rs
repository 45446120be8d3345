//! `POST /auth/refresh`: what it answers. Reuse and races are in [`crate::refresh_token`].

use serde_json::json;

use crate::contract::{assert_problem, assert_refused_fields, assert_tokens};
use crate::jwt::{Jwt, text};
use crate::support::{Server, on_every_database};

on_every_database! {
    /// R-01, REQ-11
    fn the_first_refresh_rotates_within_the_same_session(server: &Server) {
        let first = server.register("ada@example.org");
        let second = assert_tokens(&server.refresh(&first), 200);
        assert_ne!(second["refresh_token"], first["refresh_token"]);
        let (old, new) = (Jwt::of(&first).claims, Jwt::of(&second).claims);
        for same in ["iss", "aud", "sub", "sid", "epoch", "role", "amr", "auth_time"] {
            assert_eq!(new[same], old[same], "{same}");
        }
        assert_ne!(new["jti"], old["jti"]);
        assert_eq!(new["gen"].as_i64(), old["gen"].as_i64().map(|generation| generation + 1));
        assert_eq!(server.as_user(&second).get("/users/me").status, 200);
        assert_eq!((server.database.count("sessions"), server.database.count("users")), (1, 1));
    }

    /// A plain refresh is no event of the audit trail.
    fn the_refresh_token_comes_back_unchanged_within_the_grace(server: &Server) {
        let first = server.register("ada@example.org");
        let second = assert_tokens(&server.refresh(&first), 200);
        for presented in [&first, &second, &first, &second] {
            let again = assert_tokens(&server.refresh(presented), 200);
            assert_eq!(again["refresh_token"], second["refresh_token"]);
            assert_ne!(again["access_token"], second["access_token"]);
            assert_eq!(Jwt::of(&again).claims["gen"], Jwt::of(&second).claims["gen"]);
        }
        assert_eq!(server.database.count("audit_events WHERE event <> 'user.registered'"), 0);
    }

    fn a_body_without_a_token_is_refused(server: &Server) {
        for body in [json!({}), json!({ "refresh_token": null })] {
            assert_refused_fields(&server.client.post("/auth/refresh", &body), &[("refresh_token", "required")]);
        }
        let unknown = json!({ "refresh_token": "rt_x", "scope": "admin" });
        assert_problem(&server.client.post("/auth/refresh", &unknown), 400, "malformed_request");
        let answer = server.client.send("POST", "/auth/refresh", None);
        assert_problem(&answer, 415, "unsupported_media_type");
    }

    /// R-11, REQ-11: 7 days without use, 30 days in all.
    fn a_session_that_was_idle_or_grew_old_has_expired(server: &Server) {
        let database = &server.database;
        for (email, column, within, beyond) in [
            ("idle@example.org", "last_used_at", 7 * 86400 - 600, 1200),
            ("old@example.org", "expires_at", 30 * 86400 - 600, 1200),
        ] {
            let tokens = server.register(email);
            let session = database.id(text(&Jwt::of(&tokens).claims["sid"]));
            let age = |seconds| {
                let earlier = database.earlier(column, seconds);
                database.execute(&format!("UPDATE sessions SET {column} = {earlier} WHERE id = {session}"));
            };
            age(within);
            let live = server.as_user(&tokens).get("/users/me/sessions").json();
            assert_eq!(live["count"], 1, "{email}");
            age(beyond);
            for _ in 0..2 {
                assert_problem(&server.refresh(&tokens), 401, "refresh_token_expired");
            }
            assert_eq!(server.as_user(&tokens).get("/users/me/sessions").json()["count"], 0, "{email}");
        }
        assert_eq!(database.count("sessions WHERE revoked_at IS NOT NULL"), 0, "nothing is written for it");
    }

    /// a refresh keeps a session alive, but never beyond its absolute end.
    fn a_refresh_moves_the_idle_limit_and_not_the_absolute_one(server: &Server) {
        let tokens = server.register("ada@example.org");
        let ends = || server.as_user(&tokens).get("/users/me/sessions").json()["sessions"][0].clone();
        let before = ends();
        let database = &server.database;
        database.execute(&format!("UPDATE sessions SET last_used_at = {}", database.earlier("last_used_at", 3600)));
        assert_tokens(&server.refresh(&tokens), 200);
        let after = ends();
        assert_eq!(after["expires_at"], before["expires_at"]);
        assert!(after["last_used_at"].as_str() > before["last_used_at"].as_str(), "{after}");
    }

    /// T-22, REQ-44
    fn a_disabled_user_refreshes_no_more(server: &Server) {
        let tokens = server.register("ada@example.org");
        server.database.execute(&format!("UPDATE users SET disabled_at = {}", server.database.now()));
        assert_problem(&server.refresh(&tokens), 401, "refresh_token_invalid");
        let me = server.as_user(&tokens);
        assert_problem(&me.get("/users/me"), 403, "account_disabled");
        assert_problem(&me.get("/users/me/export"), 403, "account_disabled");
        assert_problem(&me.patch("/users/me", &json!({ "display_name": "Eve" })), 403, "account_disabled");
        assert_problem(&me.delete("/users/me"), 403, "account_disabled");
    }

    /// The news of a role reach the client with its next refresh.
    fn a_refresh_carries_the_role_as_it_is_now(server: &Server) {
        let first = server.register("ada@example.org");
        assert_eq!(Jwt::of(&first).claims["role"], "user");
        server.database.execute("UPDATE users SET role = 'admin'");
        let second = assert_tokens(&server.refresh(&first), 200);
        assert_eq!((&Jwt::of(&second).claims["role"], &second["user"]["role"]), (&json!("admin"), &json!("admin")));
    }
}
