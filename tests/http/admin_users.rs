//! `/admin/users`

use serde_json::{Value, json};

use crate::admin_calls::{ADA, EVE, ROOT, administrator, change, id_of, path_of};
use crate::calls::{log_in, reset};
use crate::contract::{
    assert_done, assert_fields, assert_problem, assert_refused_fields, assert_safe, assert_tokens, assert_user,
};
use crate::jwt::{Jwt, text};
use crate::mails::{link, mails_to};
use crate::support::{Client, PASSWORD, Response, Server, ServerOptions, on_every_database};

const NEW: &str = "nine bronze gates of Troy";

/// A page, and the cursor of the next one.
#[track_caller]
fn page(client: &Client, query: &str) -> (Vec<Value>, Value) {
    let answer = client.get(&format!("/admin/users{query}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_safe(&answer);
    let body = answer.json();
    assert_fields(&body, &["users", "next_cursor"]);
    let users = body["users"].as_array().unwrap().clone();
    users.iter().for_each(assert_user);
    (users, body["next_cursor"].clone())
}

fn found(client: &Client, query: &str) -> Vec<String> {
    page(client, query).0.iter().map(|user| text(&user["email"]).to_owned()).collect()
}

#[track_caller]
fn user_in(answer: &Response, status: u16) -> Value {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_safe(answer);
    let user = answer.json();
    assert_user(&user);
    user
}

on_every_database! {
    /// REQ-42
    fn users_are_searched_and_read_a_page_at_a_time(server: &Server) {
        let root = administrator(server, ROOT);
        server.register(ADA);
        server.register(EVE);
        let admin = server.as_user(&root);
        assert_eq!(found(&admin, ""), [EVE, ADA, ROOT]);
        let (users, next) = page(&admin, "?limit=2");
        assert_eq!(users.len(), 2);
        let (rest, end) = page(&admin, &format!("?limit=2&cursor={}", text(&next)));
        assert_eq!((text(&rest[0]["email"]), rest.len(), end), (ROOT, 1, Value::Null));
        for (query, expected) in [
            ("?q=ADA", vec![ADA]), ("?q=%20ada%20", vec![ADA]), ("?q=eve%40example.org", vec![EVE]), ("?q=%25", vec![]),
            ("?role=admin", vec![ROOT]), ("?role=user", vec![EVE, ADA]), ("?is_active=false", vec![]),
            ("?is_active=true&role=user&q=example", vec![EVE, ADA]),
        ] {
            assert_eq!(found(&admin, query), expected, "{query}");
        }
        let by_id = format!("?q={}", id_of(&root));
        assert_eq!(found(&admin, &by_id), [ROOT]);
    }

    fn what_is_no_search_is_refused(server: &Server) {
        let root = administrator(server, ROOT);
        let get = |query: &str| server.as_user(&root).get(&format!("/admin/users{query}"));
        for (query, field, code) in [
            ("?q=", "q", "invalid_q"), ("?q=%20", "q", "invalid_q"), ("?role=", "role", "invalid_role"),
            ("?role=Admin", "role", "invalid_role"), ("?is_active=1", "is_active", "invalid_is_active"),
            ("?limit=0", "limit", "invalid_limit"), ("?limit=201", "limit", "invalid_limit"), ("?cursor=x", "cursor", "invalid_cursor"),
        ] {
            assert_refused_fields(&get(query), &[(field, code)]);
        }
        assert_refused_fields(&get(&format!("?q={}", "x".repeat(257))), &[("q", "invalid_q")]);
        for malformed in ["?email=x", "?q=a&q=b", "?role=user&role=admin", "?q=%ff", "?offset=1", "?page=2"] {
            assert_problem(&get(malformed), 400, "malformed_request");
        }
    }

    /// Z-12, REQ-42: the owner alone sets the password, by the mailed link.
    fn an_account_is_made_without_a_password_and_its_owner_sets_one(server: &Server, ServerOptions::default().set("AUTH_REGISTRATION", "closed")) {
        server.terminate();
        let open = Server::start_on(server.database.clone(), ServerOptions::default());
        let root = administrator(&open, ROOT);
        open.terminate();
        let server = Server::start_on(server.database.clone(), ServerOptions::default().set("AUTH_REGISTRATION", "closed"));
        let admin = server.as_user(&root);
        for field in ["password", "password_hash", "new_password", "has_password", "email_verified", "id", "mfa_enabled", "is_active"] {
            for value in [json!(PASSWORD), json!(true), Value::Null] {
                assert_problem(&admin.post("/admin/users", &json!({ "email": ADA, field: value })), 400, "malformed_request");
            }
        }
        let body = json!({ "email": "Ada@Example.org", "username": "Ada.L", "display_name": "Ada", "role": "user", "premium_until": null });
        let answer = admin.post("/admin/users", &body);
        let made = user_in(&answer, 201);
        assert_eq!((&made["email"], &made["username"], &made["role"]), (&json!("Ada@Example.org"), &json!("Ada.L"), &json!("user")));
        assert_eq!((&made["has_password"], &made["email_verified"]), (&json!(false), &json!(false)));
        assert_problem(&log_in(&server, ADA, PASSWORD), 401, "invalid_credentials");
        let token = link(&server, "activate", "ada@example.org");
        assert!(!answer.text().contains("ot_") && !answer.text().contains(&token));
        let dump = server.database.dump();
        assert!(!dump.windows(token.len()).any(|window| window == token.as_bytes()), "the link lies nowhere");
        assert_done(&reset(&server, &token, NEW));
        let ada = assert_tokens(&log_in(&server, ADA, NEW), 200);
        assert_eq!((&ada["user"]["id"], &ada["user"]["email_verified"]), (&made["id"], &json!(true)));
        assert_problem(&reset(&server, &token, PASSWORD), 400, "token_invalid_or_expired");
        for path in ["/admin/users", &format!("/admin/users/{}", text(&made["id"]))] {
            let told = admin.get(path).text();
            for secret in ["$argon2", "password_hash", "ot_", "salt", NEW] {
                assert!(!told.contains(secret), "{secret}: {told}");
            }
        }
        assert_problem(&admin.post("/admin/users", &json!({ "email": "ada@example.ORG" })), 409, "email_taken");
        assert_problem(&admin.post("/admin/users", &json!({ "email": EVE, "username": "ADA.L" })), 409, "username_taken");
        assert_refused_fields(&admin.post("/admin/users", &json!({})), &[("email", "required")]);
    }

    /// REQ-42, REQ-44
    fn each_field_is_changed_and_counts_at_once(server: &Server) {
        let (root, ada) = (administrator(server, ROOT), server.register(ADA));
        let untouched = server.as_user(&root).get(&path_of(&ada)).json();
        assert_eq!(user_in(&change(server, &root, &ada, &json!({})), 200), untouched);
        assert_eq!(crate::audit::count(&server.database, "admin.user_changed", id_of(&ada)), 0);

        let named = user_in(&change(server, &root, &ada, &json!({ "display_name": "Ada", "username": "ada" })), 200);
        assert_eq!((&named["display_name"], &named["username"]), (&json!("Ada"), &json!("ada")));
        let cleared = user_in(&change(server, &root, &ada, &json!({ "display_name": null, "username": null, "email_verified": true })), 200);
        assert_eq!((&cleared["display_name"], &cleared["username"], &cleared["email_verified"]), (&Value::Null, &Value::Null, &json!(true)));
        assert_eq!(server.as_user(&ada).get("/users/me").json(), cleared);

        assert_eq!(change(server, &root, &ada, &json!({ "role": "admin" })).json()["role"], "admin");
        assert_problem(&server.as_user(&ada).get("/users/me"), 401, "token_expired");
        let ada = assert_tokens(&server.refresh(&ada), 200);
        assert_eq!(Jwt::of(&ada).claims["role"], "admin");
        assert_eq!(server.as_user(&ada).get("/admin/users").status, 200);

        assert_eq!(change(server, &root, &ada, &json!({ "is_active": false })).json()["is_active"], false);
        assert_problem(&server.as_user(&ada).get("/users/me"), 401, "session_revoked");
        assert_problem(&server.refresh(&ada), 401, "refresh_token_invalid");
        assert_problem(&log_in(server, ADA, PASSWORD), 403, "account_disabled");
        assert_problem(&log_in(server, ADA, NEW), 401, "invalid_credentials");
        assert_eq!(change(server, &root, &ada, &json!({ "is_active": true })).json()["is_active"], true);
        assert_problem(&server.refresh(&ada), 401, "refresh_token_invalid");

        let ada = server.log_in(ADA);
        assert_eq!(change(server, &root, &ada, &json!({ "password_must_change": true })).json()["password_must_change"], true);
        assert_problem(&server.as_user(&ada).get("/users/me"), 401, "session_revoked");
        let due = crate::contract::assert_challenge(&log_in(server, ADA, PASSWORD), "change_password");
        assert_tokens(&crate::calls::answer_with_password(server, &due, NEW), 200);
    }

    /// REQ-41
    fn premium_is_shown_at_once_and_in_the_next_token(server: &Server) {
        let (root, ada) = (administrator(server, ROOT), server.register(ADA));
        let me = server.as_user(&ada);
        assert_eq!(Jwt::of(&ada).claims.get("premium_until"), None);
        let until = "2099-12-31T23:00:00+01:00";
        let changed = user_in(&change(server, &root, &ada, &json!({ "premium_until": until })), 200);
        assert_eq!((&changed["premium_until"], &changed["is_premium"]), (&json!("2099-12-31T22:00:00Z"), &json!(true)));
        assert_eq!(me.get("/users/me").json()["is_premium"], true);
        let refreshed = assert_tokens(&server.refresh(&ada), 200);
        assert_eq!(Jwt::of(&refreshed).claims["premium_until"], 4_102_437_600_i64);
        let changed = user_in(&change(server, &root, &ada, &json!({ "premium_until": null })), 200);
        assert_eq!((&changed["premium_until"], &changed["is_premium"]), (&Value::Null, &json!(false)));
        assert_eq!(me.get("/users/me").json()["is_premium"], false);
        assert_eq!(change(server, &root, &ada, &json!({ "premium_until": "2020-01-01T00:00:00Z" })).json()["is_premium"], false);
    }

    /// Z-15, Z-12: strict types and values, and nothing that is not an administrator's to set.
    fn what_is_no_change_is_refused_and_changes_nothing(server: &Server) {
        let (root, ada) = (administrator(server, ROOT), server.register(ADA));
        let before = server.as_user(&root).get(&path_of(&ada)).json();
        for role in ["", "root", "Admin", "superuser", "user,admin"] {
            assert_refused_fields(&change(server, &root, &ada, &json!({ "role": role })), &[("role", "invalid_role")]);
        }
        for until in ["", "tomorrow", "2099-12-31", "2099-02-30T00:00:00Z"] {
            assert_refused_fields(&change(server, &root, &ada, &json!({ "premium_until": until })), &[("premium_until", "invalid_premium_until")]);
        }
        for body in [
            json!({ "role": ["admin"] }), json!({ "role": null }), json!({ "role": 1 }), json!({ "role": { "admin": true } }),
            json!({ "is_active": "false" }), json!({ "is_active": null }), json!({ "is_active": 0 }),
            json!({ "password_must_change": "true" }), json!({ "password_must_change": null }), json!({ "email_verified": 1 }),
            json!({ "premium_until": 4_102_437_600_i64 }), json!({ "premium_until": true }), json!({ "display_name": 1 }),
            json!({ "password": NEW }), json!({ "password": null }), json!({ "new_password": NEW }), json!({ "password_hash": "x" }),
            json!({ "email": EVE }), json!({ "id": id_of(&root) }), json!({ "mfa_enabled": false }), json!({ "is_premium": true }),
            json!({ "avatar_url": "https://cdn.example.org/a.png" }), json!({ "token_epoch": 0 }), json!({ "created_at": "2020-01-01T00:00:00Z" }),
            json!({ "roles": ["admin"] }), json!({ "user": { "role": "admin" } }), json!([]), json!("admin"), json!(null),
        ] {
            assert_problem(&change(server, &root, &ada, &body), 400, "malformed_request");
        }
        let twice = br#"{"role":"user","role":"admin"}"#;
        assert_problem(&server.as_user(&root).send("PATCH", &path_of(&ada), Some(("application/json", twice))), 400, "malformed_request");
        let huge = vec![b'a'; 1024 * 1024];
        let answer = server.as_user(&root).send_beginning("PATCH", &path_of(&ada), ("application/json", &huge));
        assert_problem(&answer, 413, "payload_too_large");
        assert_problem(&server.as_user(&root).send("PATCH", &path_of(&ada), Some(("text/plain", b"{}"))), 415, "unsupported_media_type");
        assert_refused_fields(&change(server, &root, &ada, &json!({ "username": "root", "display_name": " " })), &[
            ("display_name", "invalid_display_name"), ("username", "invalid_username"),
        ]);
        assert_eq!(server.as_user(&root).get(&path_of(&ada)).json(), before);
        assert_eq!(crate::audit::count(&server.database, "admin.user_changed", id_of(&ada)), 0);
    }

    /// REQ-42
    fn the_last_administrator_stays(server: &Server) {
        let root = administrator(server, ROOT);
        for body in [json!({ "role": "user" }), json!({ "is_active": false })] {
            assert_problem(&change(server, &root, &root, &body), 409, "last_admin");
        }
        assert_problem(&server.as_user(&root).delete(&path_of(&root)), 409, "last_admin");
        let other = administrator(server, EVE);
        assert_eq!(change(server, &root, &root, &json!({ "role": "user" })).json()["role"], "user");
        assert_problem(&server.as_user(&root).get("/admin/users"), 401, "token_expired");
        assert_problem(&change(server, &other, &other, &json!({ "role": "user" })), 409, "last_admin");
    }

    /// REQ-42, Z-14
    fn a_user_is_deleted_with_everything_of_theirs(server: &Server) {
        let (root, ada) = (administrator(server, ROOT), server.register(ADA));
        assert_done(&server.as_user(&root).delete(&path_of(&ada)));
        assert_problem(&server.as_user(&ada).get("/users/me"), 401, "session_revoked");
        assert_problem(&server.refresh(&ada), 401, "refresh_token_invalid");
        assert_problem(&server.as_user(&root).get(&path_of(&ada)), 404, "not_found");
        assert_problem(&server.as_user(&root).delete(&path_of(&ada)), 404, "not_found");
        assert_eq!(crate::audit::count(&server.database, "admin.user_deleted", id_of(&ada)), 1);
        let again = server.register(ADA);
        assert_ne!(id_of(&again), id_of(&ada));
    }

    /// REQ-42
    fn users_are_helped_in_and_strangers_put_out(server: &Server) {
        let root = administrator(server, ROOT);
        let protected = crate::second_factor_app::protected(server, ADA);
        let (path, admin) = (path_of(&protected.tokens), server.as_user(&root));
        assert_eq!(admin.get(&path).json()["mfa_enabled"], true);
        crate::mails::a_minute_later(server);
        let mails = mails_to(server, ADA).len();
        assert_done(&admin.send("POST", &format!("{path}/reset-mfa"), None));
        assert_problem(&server.as_user(&protected.tokens).get("/users/me"), 401, "session_revoked");
        assert_eq!(mails_to(server, ADA).len(), mails + 1);
        assert!(crate::mails::subjects_to(server, ADA).last().unwrap().contains("switched off"));
        let ada = server.log_in(ADA);
        assert_eq!(ada["user"]["mfa_enabled"], false);
        let mails = mails_to(server, ADA).len();
        assert_done(&admin.send("POST", &format!("{path}/reset-mfa"), None));
        assert_eq!((mails_to(server, ADA).len(), server.as_user(&ada).get("/users/me").status), (mails, 200), "nothing to take off");

        assert_done(&admin.send("POST", &format!("{path}/send-password-reset"), None));
        assert_done(&reset(server, &link(server, "reset-password", ADA), NEW));
        let ada = assert_tokens(&log_in(server, ADA, NEW), 200);
        assert_done(&admin.send("POST", &format!("{path}/revoke-sessions"), None));
        assert_problem(&server.as_user(&ada).get("/users/me"), 401, "session_revoked");
        assert_problem(&server.refresh(&ada), 401, "refresh_token_invalid");
        for event in ["admin.mfa_reset", "admin.sessions_revoked", "password.reset_requested"] {
            assert_eq!(crate::audit::count(&server.database, event, id_of(&protected.tokens)), 1, "{event}");
        }
        assert_eq!(change(server, &root, &ada, &json!({ "is_active": false })).status, 200);
        assert_problem(&admin.send("POST", &format!("{path}/send-password-reset"), None), 409, "user_disabled");
        server.database.execute(&format!("UPDATE users SET email = NULL, email_normalized = NULL, email_verified_at = NULL, disabled_at = NULL WHERE email = '{ADA}'"));
        assert_problem(&admin.send("POST", &format!("{path}/send-password-reset"), None), 409, "no_email");
        for action in ["reset-mfa", "revoke-sessions", "send-password-reset"] {
            assert_problem(&admin.post(&format!("{path}/{action}"), &json!({ "role": "admin" })), 400, "malformed_request");
        }
    }
}
