//! Who gets to administer, and by which paths and methods (Z-05, Z-06, Z-11, Z-13).

use serde_json::{Value, json};

use crate::admin_calls::{ADA, EVE, ROOT, administrator, calls, change, give_role, id_of, make, path_of};
use crate::contract::{assert_done, assert_problem, assert_tokens, without_id_and_time};
use crate::second_factor_app::{ask, protected};
use crate::support::{Client, PASSWORD, Server, ServerOptions, eventually, on_every_database};
use crate::users_me::eleven_minutes_later;

/// Makes every call with `client`, and wants the same refusal each time.
#[track_caller]
fn assert_refused(server: &Server, client: &Client, user: &Value, status: u16, code: &str) {
    for call in calls(server, id_of(user)) {
        let answer = make(client, &call);
        assert_eq!((answer.status, answer.error_code().as_str()), (status, code), "{call:?}: {answer:?}");
        assert_problem(&answer, status, code);
    }
}

on_every_database! {
    /// Z-05
    fn nobody_but_an_administrator_gets_in(server: &Server) {
        let root = administrator(server, ROOT);
        let (ada, eve) = (server.register(ADA), server.register(EVE));
        assert_refused(server, &server.client, &ada, 401, "not_authenticated");
        assert_refused(server, &server.client.bearer("x"), &ada, 401, "token_invalid");
        assert_refused(server, &server.client.bearer(crate::jwt::text(&root["refresh_token"])), &ada, 401, "token_invalid");
        // The addresses are not verified either.
        assert_refused(server, &server.as_user(&ada), &ada, 403, "forbidden");
        assert_refused(server, &server.as_user(&eve), &ada, 403, "forbidden");
        assert_refused(server, &server.as_user(&eve), &root, 403, "forbidden");
        assert_eq!(server.database.count("users"), 3);
    }

    /// Z-05: who is half-way in.
    fn a_challenge_is_no_token(server: &Server) {
        let ada = server.register(ADA);
        let protected = protected(server, ROOT);
        give_role(server, ROOT, "admin");
        let challenge = ask(server, &protected.email);
        assert_refused(server, &server.client.bearer(&challenge), &ada, 401, "token_invalid");
        server.database.execute(&format!("UPDATE users SET password_must_change = {}, mfa_enabled_at = NULL", server.database.yes()));
        let due = crate::contract::assert_challenge(&crate::calls::log_in(server, ROOT, PASSWORD), "change_password");
        assert_refused(server, &server.client.bearer(&due), &ada, 401, "token_invalid");
    }

    /// Z-05
    fn whoever_was_an_administrator_is_none_any_more(server: &Server) {
        let (root, ada) = (administrator(server, ROOT), server.register(ADA));
        for (nth, (body, status, code)) in [
            (json!({ "role": "user" }), 401, "token_expired"),
            (json!({ "is_active": false }), 401, "session_revoked"),
            (json!({ "password_must_change": true }), 401, "session_revoked"),
        ].into_iter().enumerate() {
            let former = administrator(server, &format!("former-{nth}@example.org"));
            assert_eq!(server.as_user(&former).get("/admin/users").status, 200);
            assert_eq!(change(server, &root, &former, &body).status, 200);
            assert_refused(server, &server.as_user(&former), &ada, status, code);
        }
        let signed_out = server.log_in(ROOT);
        assert_done(&server.as_user(&signed_out).send("POST", "/auth/logout", None));
        assert_refused(server, &server.as_user(&signed_out), &ada, 401, "session_revoked");
    }

    /// Z-05, REQ-42: the token says admin still, and the database doesn't.
    fn the_database_has_the_last_word(server: &Server) {
        let (root, ada) = (administrator(server, ROOT), server.register(ADA));
        give_role(server, ROOT, "user");
        assert_refused(server, &server.as_user(&root), &ada, 403, "forbidden");
        give_role(server, ROOT, "admin");
        let now = server.database.now();
        server.database.execute(&format!("UPDATE users SET disabled_at = {now} WHERE email = '{ROOT}'"));
        assert_refused(server, &server.as_user(&root), &ada, 403, "account_disabled");
        server.database.execute("UPDATE users SET disabled_at = NULL");
        give_role(server, ADA, "admin");
        // And the other way round: a refresh brings the role.
        assert_refused(server, &server.as_user(&ada), &root, 403, "forbidden");
        let ada = assert_tokens(&server.refresh(&ada), 200);
        assert_eq!(server.as_user(&ada).get("/admin/users").status, 200);
    }

    /// Z-05
    fn an_expired_token_is_refused(server: &Server, ServerOptions::default().set("AUTH_ACCESS_TOKEN_TTL", "1s")) {
        let (root, ada) = (administrator(server, ROOT), server.register(ADA));
        eventually("the token expires", || server.as_user(&root).get("/auth/verify").status == 401);
        assert_refused(server, &server.as_user(&root), &ada, 401, "token_expired");
    }

    /// Z-11
    fn a_change_wants_a_fresh_proof_and_a_look_does_not(server: &Server) {
        let (root, ada) = (administrator(server, ROOT), server.register(ADA));
        let old = eleven_minutes_later(server, &root);
        let before = server.as_user(&old).get(&path_of(&ada)).json();
        for call in calls(server, id_of(&ada)) {
            let answer = make(&server.as_user(&old), &call);
            if call.0 == "GET" {
                assert_eq!(answer.status, 200, "{call:?}: {answer:?}");
            } else {
                assert_problem(&answer, 403, "reauth_required");
            }
        }
        for body in [json!({ "password": "wrong wooden gates" }), json!({ "password": "" })] {
            assert_problem(&server.as_user(&old).request("DELETE", &path_of(&ada), Some(&body)), 401, "invalid_credentials");
        }
        let code = json!({ "code": "000000" });
        let reset = format!("{}/reset-mfa", path_of(&ada));
        assert_problem(&server.as_user(&old).post(&reset, &code), 401, "invalid_code");
        assert_eq!((server.as_user(&old).get(&path_of(&ada)).json(), server.database.count("users")), (before, 2));
        // A password in the body is a proof for calls that have no other body, and POST /auth/reauth is one for all.
        let right = json!({ "password": PASSWORD });
        for action in ["reset-mfa", "revoke-sessions", "send-password-reset"] {
            assert_done(&server.as_user(&old).post(&format!("{}/{action}", path_of(&ada)), &right));
        }
        assert_problem(&change(server, &old, &ada, &json!({ "role": "admin" })), 403, "reauth_required");
        assert_problem(&change(server, &old, &ada, &json!({ "role": "admin", "password": PASSWORD })), 400, "malformed_request");
        assert_done(&server.as_user(&old).post("/auth/reauth", &right));
        assert_eq!(change(server, &old, &ada, &json!({ "role": "admin" })).json()["role"], "admin");
        assert_done(&server.as_user(&old).request("DELETE", &path_of(&ada), Some(&json!({}))));
    }

    /// Z-06
    fn no_method_and_no_spelling_of_a_path_goes_round(server: &Server) {
        let (root, ada) = (administrator(server, ROOT), server.register(ADA));
        let user = server.as_user(&ada);
        let target = path_of(&root);
        for path in ["/admin/users", &target, "/admin/audit", &format!("{target}/reset-mfa")] {
            for header in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"] {
                for method in ["DELETE", "PATCH", "GET"] {
                    let answer = user.header(header, method).send("POST", path, Some(("application/json", b"{}")));
                    assert!([403, 405].contains(&answer.status), "{header} {method} {path}: {answer:?}");
                }
            }
            let answer = user.header("X-Original-URL", path).header("X-Rewrite-URL", path).get("/health");
            assert_eq!(answer.json(), json!({ "status": "healthy" }));
            for method in ["HEAD", "OPTIONS", "PUT", "TRACE", "PROPFIND", "get", "LIST"] {
                for client in [&user, &server.as_user(&root)] {
                    let mut connection = server.client.connect();
                    connection.write(&client.compose(method, path, None));
                    let answer = if method == "HEAD" { connection.read_head() } else { connection.read() };
                    assert_eq!(answer.unwrap().status, 405, "{method} {path}");
                }
            }
        }
        for path in [
            "/admin", "/admin/", "/admin/users/", "//admin/users", "/admin//users", "/ADMIN/users", "/Admin/Users", "/admin/USERS",
            "/admin/./users", "/admin/../admin/users", "/users/../admin/users", "/users/me/..;/admin/users", "/admin;x/users",
            "/admin/users;x", "/admin%2fusers", "/admin%2Fusers", "/%2e/admin/users", "/admin/users%00", "/admin/users%20",
            "/admin/audit/", "/admin/audit%2f", "/api/admin/users", "/auth/admin/users", "/admin/users?limit=1&limit=2",
        ] {
            for client in [&server.client, &user, &server.as_user(&root)] {
                let answer = client.raw(&client.compose("GET", path, None));
                let refused = [400, 401, 403, 404];
                assert!(answer.as_ref().is_none_or(|answer| refused.contains(&answer.status)), "{path}: {answer:?}");
            }
        }
        assert_problem(&user.get("/admin/%75sers"), 403, "forbidden");
    }

    /// Z-13: another spelling of an id is nobody's, and says no more than an id that nobody has.
    fn tricks_with_ids_find_nobody(server: &Server) {
        let (root, ada) = (administrator(server, ROOT), server.register(ADA));
        let admin = server.as_user(&root);
        let id = id_of(&ada);
        let unknown = admin.get("/admin/users/01890000-0000-7000-8000-000000000000");
        assert_problem(&unknown, 404, "not_found");
        let (upper, bare) = (id.to_uppercase(), id.replace('-', ""));
        for trick in [
            "me", "1", "x", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", &upper, &bare, &format!("%7B{id}%7D"), &format!("urn:uuid:{id}"),
            &format!("{id}%20"), &format!("%20{id}"), &format!("{id}%00"), "..%2fme", "%2e%2e%2fme", "'%20OR%201=1--", "%F0%9F%94%91",
            "ada@example.org", &"9".repeat(5000),
        ] {
            for (method, suffix) in [("GET", ""), ("DELETE", ""), ("POST", "/reset-mfa"), ("POST", "/revoke-sessions")] {
                let answer = admin.send(method, &format!("/admin/users/{trick}{suffix}"), None);
                assert_eq!(without_id_and_time(&answer), without_id_and_time(&unknown), "{method} {trick}{suffix}");
            }
            assert_problem(&admin.patch(&format!("/admin/users/{trick}"), &json!({})), 404, "not_found");
        }
        for path in ["/admin/users/../me", "/admin/users/%2e%2e/me", "/admin/users/..%2f..%2fusers%2fme"] {
            let answer = admin.raw(&admin.compose("GET", path, None)).unwrap();
            assert!([400, 404].contains(&answer.status), "{path}: {answer:?}");
        }
        assert_eq!(server.database.count("users"), 2);
    }
}
