//! `/users/me/mfa` and `POST /auth/reauth`: the rows of the contract. How a sign-in goes is in
//! [`crate::second_factor_sign_in`].

use serde_json::{Value, json};

use crate::audit;
use crate::calls::log_in;
use crate::contract::{assert_done, assert_fields, assert_problem, assert_refused_fields, assert_safe, assert_tokens};
use crate::jwt::{Jwt, text};
use crate::mails::{a_minute_later, subjects_to};
use crate::second_factor_app::{
    App, answer, ask, assert_backup_codes, begin, confirm, fresh_code, long_after, protected, sign_in,
};
use crate::support::{PASSWORD, Response, Server, ServerOptions, on_every_database};
use crate::users_me::eleven_minutes_later;

const DISABLE: &str = "/users/me/mfa/totp/disable";
const BACKUP_CODES: &str = "/users/me/mfa/backup-codes";
const REAUTH: &str = "/auth/reauth";

/// The answer of `GET /users/me/mfa`.
fn assert_state(server: &Server, tokens: &Value, totp: bool, backup_codes_left: i64) {
    let answer = server.as_user(tokens).get("/users/me/mfa");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_safe(&answer);
    assert_eq!(answer.json(), json!({ "totp": totp, "backup_codes_left": backup_codes_left }));
    let user = server.as_user(tokens).get("/users/me").json();
    assert_eq!(user["mfa_enabled"], json!(totp));
}

fn with_password(server: &Server, tokens: &Value, path: &str, password: &str) -> Response {
    server.as_user(tokens).post(path, &json!({ "password": password }))
}

fn with_code(server: &Server, tokens: &Value, path: &str, code: &str) -> Response {
    server.as_user(tokens).post(path, &json!({ "code": code }))
}

fn event_count(server: &Server, tokens: &Value, event: &str) -> i64 {
    audit::count(&server.database, event, text(&tokens["user"]["id"]))
}

on_every_database! {
    /// REQ-20: a secret in three forms, then ten codes; nothing counts before.
    fn an_app_is_added_in_two_calls(server: &Server) {
        let tokens = server.register("ada@example.org");
        assert_state(server, &tokens, false, 0);
        let answer = server.as_user(&tokens).send("POST", "/users/me/mfa/totp", None);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_safe(&answer);
        let enrolment = answer.json();
        assert_fields(&enrolment, &["secret", "otpauth_uri", "qr_svg"]);
        let secret = text(&enrolment["secret"]);
        assert_eq!(secret.len(), 32, "160 bits in base 32");
        let uri = format!(
            "otpauth://totp/Gatehouse:ada%40example.org?secret={secret}&issuer=Gatehouse&algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(text(&enrolment["otpauth_uri"]), uri);
        let svg = text(&enrolment["qr_svg"]);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>") && !svg.contains("script"), "{svg}");
        let app = App::with(&enrolment);
        assert_state(server, &tokens, false, 0);
        assert_problem(&confirm(server, &tokens, &app.wrong()), 401, "invalid_code");
        assert_tokens(&log_in(server, "ada@example.org", PASSWORD), 200);
        assert_backup_codes(&confirm(server, &tokens, &app.code()));
        assert_state(server, &tokens, true, 10);
        ask(server, "ada@example.org");
        assert_eq!(event_count(server, &tokens, "mfa.enabled"), 1);
        let subject = "Two-step sign-in for Gatehouse was switched on".to_owned();
        assert!(subjects_to(server, "ada@example.org").contains(&subject));
    }

    /// M-10, M-02: an empty object is a body, too; a second secret replaces the first; a used one can't be shown again.
    fn a_secret_is_shown_once_and_the_last_one_counts(server: &Server) {
        let tokens = server.register("ada@example.org");
        let me = server.as_user(&tokens);
        let first = App::with(&me.post("/users/me/mfa/totp", &json!({})).json());
        let second = begin(server, &tokens);
        assert_ne!(first.base32(), second.base32());
        assert_problem(&confirm(server, &tokens, &first.code()), 401, "invalid_code");
        assert_problem(&me.get("/users/me/mfa/totp"), 405, "method_not_allowed");
        let codes = assert_backup_codes(&confirm(server, &tokens, &second.code()));
        for path in ["/users/me/mfa", "/users/me", "/users/me/export", "/users/me/sessions"] {
            let body = me.get(path).text();
            assert!(!body.contains(second.base32()) && codes.iter().all(|code| !body.contains(code.as_str())), "{path}");
        }
        assert_problem(&me.send("POST", "/users/me/mfa/totp", None), 409, "mfa_already_enabled");
        long_after(server);
        assert_problem(&confirm(server, &tokens, &second.code()), 401, "invalid_code");
        let challenge = ask(server, "ada@example.org");
        assert_tokens(&answer(server, &challenge, "totp", &second.code()), 200);
    }

    /// M-10: eleven minutes after the sign-in, and eleven minutes after the secret was shown.
    fn adding_an_app_wants_a_fresh_proof_and_a_fresh_secret(server: &Server) {
        let tokens = server.register("ada@example.org");
        let app = begin(server, &tokens);
        let old = eleven_minutes_later(server, &tokens);
        let earlier = server.database.earlier("created_at", 601);
        server.database.execute(&format!("UPDATE totp_credentials SET created_at = {earlier}"));
        assert_problem(&confirm(server, &old, &app.code()), 401, "invalid_code");
        let me = server.as_user(&old);
        assert_problem(&me.send("POST", "/users/me/mfa/totp", None), 403, "reauth_required");
        assert_problem(&with_password(server, &old, REAUTH, "wrong wooden gates"), 401, "invalid_credentials");
        assert_problem(&me.send("POST", "/users/me/mfa/totp", None), 403, "reauth_required");
        assert_done(&with_password(server, &old, REAUTH, PASSWORD));
        let app = begin(server, &old);
        assert_backup_codes(&confirm(server, &old, &app.code()));
        let auth_time = Jwt::of(&assert_tokens(&server.refresh(&old), 200)).claims["auth_time"].as_i64().unwrap();
        assert!((crate::second_factor_app::now() - auth_time) < 120, "it was just now");
    }

    /// REQ-23, M-12: a stolen access token does none of it; the password or a code does.
    fn taking_it_off_wants_the_password_or_a_code(server: &Server) {
        let ada = protected(server, "ada@example.org");
        let me = server.as_user(&ada.tokens);
        for body in [json!({}), json!({ "password": null }), json!({ "code": null, "password": null })] {
            for path in [DISABLE, BACKUP_CODES, REAUTH] {
                assert_refused_fields(&me.post(path, &body), &[("password", "required")]);
            }
        }
        for path in [DISABLE, BACKUP_CODES, REAUTH] {
            assert_problem(&me.send("POST", path, None), 415, "unsupported_media_type");
            assert_problem(&with_password(server, &ada.tokens, path, "wrong wooden gates"), 401, "invalid_credentials");
            for code in [&ada.app.wrong(), &ada.used_code, "ABCD-EFGH-JKMNP", ""] {
                assert_problem(&with_code(server, &ada.tokens, path, code), 401, "invalid_code");
            }
        }
        assert_state(server, &ada.tokens, true, 10);
        assert_done(&with_code(server, &ada.tokens, DISABLE, &fresh_code(server, &ada.app)));
        assert_state(server, &ada.tokens, false, 0);
        assert_tokens(&log_in(server, "ada@example.org", PASSWORD), 200);
        assert_eq!(event_count(server, &ada.tokens, "mfa.disabled"), 1);
        let subject = "Two-step sign-in for Gatehouse was switched off".to_owned();
        assert!(subjects_to(server, "ada@example.org").contains(&subject));
        assert_done(&with_password(server, &ada.tokens, DISABLE, PASSWORD));
        assert_eq!(event_count(server, &ada.tokens, "mfa.disabled"), 1, "there was nothing to take off");
    }

    /// REQ-22, REQ-23
    fn new_backup_codes_take_the_place_of_all_others(server: &Server) {
        let tokens = server.register("eve@example.org");
        assert_problem(&with_password(server, &tokens, BACKUP_CODES, PASSWORD), 409, "mfa_not_enabled");
        begin(server, &tokens);
        assert_problem(&with_password(server, &tokens, BACKUP_CODES, PASSWORD), 409, "mfa_not_enabled");
        let ada = protected(server, "ada@example.org");
        let challenge = ask(server, "ada@example.org");
        assert_tokens(&answer(server, &challenge, "backup_code", &ada.backup_codes[0]), 200);
        assert_state(server, &ada.tokens, true, 9);
        let by_code = assert_backup_codes(&with_code(server, &ada.tokens, BACKUP_CODES, &ada.backup_codes[1]));
        let by_password = assert_backup_codes(&with_password(server, &ada.tokens, BACKUP_CODES, PASSWORD));
        assert_state(server, &ada.tokens, true, 10);
        let challenge = ask(server, "ada@example.org");
        for old in [&ada.backup_codes[2], &by_code[0]] {
            assert_problem(&answer(server, &challenge, "backup_code", old), 401, "invalid_code");
        }
        assert_tokens(&answer(server, &challenge, "backup_code", &by_password[9].to_lowercase().replace('-', " ")), 200);
        assert_eq!(event_count(server, &ada.tokens, "mfa.codes_regenerated"), 2);
        a_minute_later(server);
        let subject = "Your backup codes for Gatehouse were replaced".to_owned();
        assert!(subjects_to(server, "ada@example.org").contains(&subject));
    }

    /// Step-up: what a sensitive call asks for is given once for ten minutes, to this session alone.
    fn a_session_is_proven_again(server: &Server) {
        let ada = protected(server, "ada@example.org");
        let other = eleven_minutes_later(server, &sign_in(server, &ada));
        let old = eleven_minutes_later(server, &ada.tokens);
        let body = json!({ "new_email": "new@example.org" });
        let ask_for_address = |tokens: &Value| server.as_user(tokens).post("/users/me/email", &body);
        for tokens in [&old, &other] {
            assert_problem(&ask_for_address(tokens), 403, "reauth_required");
            assert_problem(&server.as_user(tokens).delete("/users/me"), 403, "reauth_required");
        }
        let wrong = json!({ "new_email": "new@example.org", "code": ada.app.wrong() });
        assert_problem(&server.as_user(&old).post("/users/me/email", &wrong), 401, "invalid_code");
        assert_problem(&with_code(server, &old, REAUTH, &ada.app.wrong()), 401, "invalid_code");
        assert_problem(&ask_for_address(&old), 403, "reauth_required");
        assert_done(&with_code(server, &old, REAUTH, &fresh_code(server, &ada.app)));
        assert_eq!(ask_for_address(&old).status, 202);
        assert_problem(&ask_for_address(&other), 403, "reauth_required");
        let again = eleven_minutes_later(server, &old);
        assert_problem(&ask_for_address(&again), 403, "reauth_required");
        assert_done(&with_code(server, &again, REAUTH, &ada.backup_codes[0]));
        let refreshed = assert_tokens(&server.refresh(&again), 200);
        assert_eq!(Jwt::of(&refreshed).claims["amr"], json!(["pwd", "otp", "mfa"]));
        assert_eq!(ask_for_address(&refreshed).status, 202);
    }

    /// The contract's 400 and 422: what is no object of these texts is no try.
    fn bodies_are_read_as_everywhere(server: &Server) {
        let ada = protected(server, "ada@example.org");
        let tokens = server.register("eve@example.org");
        let app = begin(server, &tokens);
        let (me, eve) = (server.as_user(&ada.tokens), server.as_user(&tokens));
        assert_refused_fields(&eve.post("/users/me/mfa/totp/confirm", &json!({})), &[("code", "required")]);
        assert_refused_fields(&eve.post("/users/me/mfa/totp/confirm", &json!({ "code": null })), &[("code", "required")]);
        let code = app.code();
        for (client, path) in [(&eve, "/users/me/mfa/totp/confirm"), (&me, DISABLE), (&me, BACKUP_CODES), (&me, REAUTH)] {
            for body in [
                json!({ "code": 123_456 }), json!({ "code": [code] }), json!({ "code": { "$ne": "" } }), json!({ "code": true }),
                json!({ "code": code, "method": "totp" }), json!({ "Code": code }), json!([code]), json!(code), json!(null),
            ] {
                assert_problem(&client.post(path, &body), 400, "malformed_request");
            }
            let twice = format!(r#"{{"code":"{code}","code":"{code}"}}"#);
            let twice = client.send("POST", path, Some(("application/json", twice.as_bytes())));
            assert_problem(&twice, 400, "malformed_request");
            let form = client.send("POST", path, Some(("application/x-www-form-urlencoded", format!("code={code}").as_bytes())));
            assert_problem(&form, 415, "unsupported_media_type");
        }
        assert_eq!(server.database.count("authenticator_failures"), 0);
        assert_backup_codes(&confirm(server, &tokens, &app.code()));
    }

    /// The contract's errors of calls with a token.
    fn a_session_that_is_over_and_an_account_that_is_disabled_change_nothing(server: &Server) {
        let ada = protected(server, "ada@example.org");
        let calls = || {
            let body = json!({ "password": PASSWORD });
            let me = server.as_user(&ada.tokens);
            [
                me.get("/users/me/mfa"), me.send("POST", "/users/me/mfa/totp", None),
                me.post("/users/me/mfa/totp/confirm", &json!({ "code": ada.app.code() })),
                me.post(DISABLE, &body), me.post(BACKUP_CODES, &body), me.post(REAUTH, &body),
            ]
        };
        server.database.execute(&format!("UPDATE users SET disabled_at = {}", server.database.now()));
        for answer in calls() {
            assert_problem(&answer, 403, "account_disabled");
        }
        server.database.execute("UPDATE users SET disabled_at = NULL");
        assert_eq!(server.as_user(&ada.tokens).send("POST", "/auth/logout", None).status, 204);
        for answer in calls() {
            assert_problem(&answer, 401, "session_revoked");
        }
        let tokens = sign_in(server, &ada);
        assert_state(server, &tokens, true, 10);
    }

    /// R-18, R-20, M-19: who was in before is out, and the session that changed it goes on.
    fn the_other_sessions_end_with_every_change(server: &Server) {
        let (tokens, before) = (server.register("ada@example.org"), server.log_in("ada@example.org"));
        let is_over = |tokens: &Value| {
            assert_problem(&server.as_user(tokens).get("/users/me"), 401, "session_revoked");
            assert_problem(&server.refresh(tokens), 401, "refresh_token_invalid");
        };
        let app = begin(server, &tokens);
        assert_backup_codes(&confirm(server, &tokens, &app.code()));
        is_over(&before);
        let sign_in = || {
            let challenge = ask(server, "ada@example.org");
            assert_tokens(&answer(server, &challenge, "totp", &fresh_code(server, &app)), 200)
        };
        let other = sign_in();
        assert_backup_codes(&with_password(server, &tokens, BACKUP_CODES, PASSWORD));
        is_over(&other);
        let other = sign_in();
        assert_done(&with_password(server, &tokens, DISABLE, PASSWORD));
        is_over(&other);
        assert_state(server, &tokens, false, 0);
        assert_tokens(&server.refresh(&tokens), 200);
    }

    /// `AUTH_MFA_ENDS_OTHER_SESSIONS=false`
    fn the_other_sessions_can_be_left_alone(server: &Server, ServerOptions::default().set("AUTH_MFA_ENDS_OTHER_SESSIONS", "false")) {
        let tokens = server.register("ada@example.org");
        let other = server.log_in("ada@example.org");
        let app = begin(server, &tokens);
        assert_backup_codes(&confirm(server, &tokens, &app.code()));
        let challenge = ask(server, "ada@example.org");
        assert_backup_codes(&with_password(server, &tokens, BACKUP_CODES, PASSWORD));
        assert_problem(&answer(server, &challenge, "totp", &fresh_code(server, &app)), 401, "challenge_invalid");
        assert_done(&with_password(server, &tokens, DISABLE, PASSWORD));
        assert_eq!(server.as_user(&other).get("/users/me").status, 200);
        assert_tokens(&server.refresh(&other), 200);
    }
}
