//! Signing in with a second factor: the challenge `mfa` of `POST /auth/challenge`.

use serde_json::{Value, json};

use crate::audit;
use crate::calls::{answer_with_password, change_password, log_in, reset};
use crate::contract::{assert_challenge, assert_done, assert_problem, assert_refused_fields, assert_tokens};
use crate::jwt::{Jwt, text};
use crate::mails::{a_minute_later, reset_link};
use crate::second_factor_app::{
    EITHER, Protected, answer, ask, assert_asked, begin, confirm, fresh_code, long_after, now, protected,
};
use crate::support::{PASSWORD, Server, ServerOptions, at_once, on_every_database};

const NEW: &str = "nine bronze gates of Troy";

/// The methods of the session of `tokens`, as the list of sessions tells them.
fn methods_in_list(server: &Server, tokens: &Value) -> Value {
    let list = server.as_user(tokens).get("/users/me/sessions").json();
    let sessions = list["sessions"].as_array().unwrap();
    sessions.iter().find(|session| session["current"] == true).unwrap()["auth_methods"].clone()
}

fn events(server: &Server, user: &Protected, event: &str) -> i64 {
    audit::count(&server.database, event, text(&user.tokens["user"]["id"]))
}

on_every_database! {
    /// REQ-20, REQ-22: what was shown is in the token and in the list.
    fn a_code_of_either_kind_opens_the_session(server: &Server) {
        let ada = protected(server, "ada@example.org");
        let sessions = server.database.count("sessions");
        for (method, amr) in [("totp", json!(["pwd", "otp", "mfa"])), ("backup_code", json!(["pwd", "mfa"]))] {
            let challenge = ask(server, "ada@example.org");
            let code = if method == "totp" { fresh_code(server, &ada.app) } else { ada.backup_codes[3].clone() };
            let before = now();
            let tokens = assert_tokens(&answer(server, &challenge, method, &code), 200);
            assert_eq!(tokens["user"]["mfa_enabled"], json!(true));
            let claims = Jwt::of(&tokens).claims;
            assert_eq!(claims["amr"], amr);
            assert!((before..=now()).contains(&claims["auth_time"].as_i64().unwrap()), "{claims}");
            assert_eq!(methods_in_list(server, &tokens), amr);
            let refreshed = Jwt::of(&assert_tokens(&server.refresh(&tokens), 200)).claims;
            assert_eq!((&refreshed["amr"], &refreshed["auth_time"]), (&claims["amr"], &claims["auth_time"]));
            assert_problem(&answer(server, &challenge, method, &code), 401, "challenge_invalid");
        }
        assert_eq!(server.database.count("sessions"), sessions + 2);
        assert_eq!((events(server, &ada, "login.succeeded"), events(server, &ada, "mfa.failed")), (2, 0));
    }

    /// The password alone opens nothing, and a wrong one isn't told that a code would be asked for.
    fn the_password_alone_opens_nothing(server: &Server) {
        protected(server, "ada@example.org");
        let (sessions, events) = (server.database.count("sessions"), server.database.count("audit_events"));
        assert_ne!(ask(server, "ada@example.org"), ask(server, "ada@example.org"));
        assert_eq!((server.database.count("sessions"), server.database.count("audit_events")), (sessions, events));
        assert_problem(&log_in(server, "ada@example.org", "wrong wooden gates"), 401, "invalid_credentials");
    }

    fn who_has_used_all_backup_codes_up_is_asked_for_the_app_alone(server: &Server) {
        let ada = protected(server, "ada@example.org");
        for code in &ada.backup_codes {
            assert_tokens(&answer(server, &ask(server, "ada@example.org"), "backup_code", code), 200);
        }
        let challenge = assert_asked(&log_in(server, "ada@example.org", PASSWORD), &["totp"]);
        assert_problem(&answer(server, &challenge, "backup_code", &ada.backup_codes[0]), 401, "invalid_code");
        assert_tokens(&answer(server, &challenge, "totp", &fresh_code(server, &ada.app)), 200);
    }

    /// Issue part 4: the factor before the password, each with a token of its own.
    fn the_factor_is_asked_for_before_the_new_password(server: &Server) {
        let ada = protected(server, "ada@example.org");
        server.database.execute(&format!("UPDATE users SET password_must_change = {}", server.database.yes()));
        let first = ask(server, "ada@example.org");
        let body = json!({ "token": first, "method": "new_password", "new_password": NEW });
        assert_refused_fields(&server.client.post("/auth/challenge", &body), &[("method", "unknown_method")]);
        let second = assert_challenge(&answer(server, &first, "totp", &fresh_code(server, &ada.app)), "change_password");
        assert_ne!(first, second);
        assert_refused_fields(&answer(server, &second, "totp", "000000"), &[("method", "unknown_method")]);
        let tokens = assert_tokens(&answer_with_password(server, &second, NEW), 200);
        assert_eq!(Jwt::of(&tokens).claims["amr"], json!(["pwd", "otp", "mfa"]));
        assert_eq!((&tokens["user"]["mfa_enabled"], &tokens["user"]["password_must_change"]), (&json!(true), &json!(false)));
    }

    /// M-05: five in all, of either kind; the fifth may be the right one.
    fn a_challenge_takes_five_tries(server: &Server) {
        let ada = protected(server, "ada@example.org");
        let challenge = ask(server, "ada@example.org");
        let missing = json!({ "token": challenge, "method": "totp" });
        for _ in 0..6 {
            assert_refused_fields(&server.client.post("/auth/challenge", &missing), &[("code", "required")]);
            assert_refused_fields(&answer(server, &challenge, "sms", "000000"), &[("method", "unknown_method")]);
        }
        for wrong in ada.app.wrong_codes().take(4) {
            assert_problem(&answer(server, &challenge, "totp", &wrong), 401, "invalid_code");
        }
        assert_tokens(&answer(server, &challenge, "totp", &fresh_code(server, &ada.app)), 200);
        let challenge = ask(server, "ada@example.org");
        for number in 0..5 {
            let (method, wrong) = if number % 2 == 0 { ("totp", ada.app.wrong()) } else { ("backup_code", "0".repeat(13)) };
            assert_problem(&answer(server, &challenge, method, &wrong), 401, "invalid_code");
        }
        let code = fresh_code(server, &ada.app);
        assert_problem(&answer(server, &challenge, "totp", &code), 401, "challenge_invalid");
        assert_problem(&answer(server, &challenge, "backup_code", &ada.backup_codes[0]), 401, "challenge_invalid");
        assert_tokens(&answer(server, &ask(server, "ada@example.org"), "totp", &code), 200);
        assert_eq!(events(server, &ada, "mfa.failed"), 9);
    }

    /// REQ-21, M-03: 18 challenges, 18 requests at once, on two servers.
    fn one_code_opens_one_session_however_many_ask_on_however_many_servers(server: &Server) {
        let other = Server::start_on(server.database.clone(), ServerOptions::default());
        let ada = protected(server, "ada@example.org");
        let instance = |number: usize| if number.is_multiple_of(2) { server } else { &other };
        for round in 0..3 {
            let challenges: Vec<String> = (0..18).map(|number| ask(instance(number), "ada@example.org")).collect();
            let (method, code) = match round {
                2 => ("backup_code", ada.backup_codes[0].clone()),
                _ => ("totp", fresh_code(server, &ada.app)),
            };
            let answers = at_once(18, |number| answer(instance(number), &challenges[number], method, &code));
            let (opened, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
            assert_eq!(opened.len(), 1, "{answers:#?}");
            assert_tokens(opened[0], 200);
            for answer in refused {
                assert_problem(answer, 401, "invalid_code");
            }
        }
        assert_eq!(server.database.count("sessions"), 4);
        let challenge = ask(server, "ada@example.org");
        assert_problem(&answer(&other, &challenge, "totp", "000000"), 401, "challenge_invalid");
    }

    /// M-01: the same code at another call, in another session.
    fn a_used_code_is_used_up_everywhere(server: &Server) {
        let ada = protected(server, "ada@example.org");
        let code = fresh_code(server, &ada.app);
        let tokens = assert_tokens(&answer(server, &ask(server, "ada@example.org"), "totp", &code), 200);
        for me in [server.as_user(&tokens), server.as_user(&ada.tokens)] {
            for path in ["/auth/reauth", "/users/me/mfa/totp/disable", "/users/me/mfa/backup-codes"] {
                assert_problem(&me.post(path, &json!({ "code": code })), 401, "invalid_code");
            }
            let email = json!({ "new_email": "new@example.org", "code": code });
            assert_problem(&me.post("/users/me/email", &email), 401, "invalid_code");
            assert_problem(&me.request("DELETE", "/users/me", Some(&json!({ "code": code }))), 401, "invalid_code");
        }
        assert_problem(&answer(server, &ask(server, "ada@example.org"), "totp", &code), 401, "invalid_code");
    }

    /// M-07, L-22
    fn a_challenge_of_who_is_disabled_gone_or_changed_meanwhile_opens_nothing(server: &Server) {
        let ada = protected(server, "ada@example.org");
        let eve = protected(server, "eve@example.org");
        let (challenge, second) = (ask(server, "ada@example.org"), ask(server, "ada@example.org"));
        let code = fresh_code(server, &ada.app);
        assert_problem(&answer(server, &challenge, "backup_code", &eve.backup_codes[0]), 401, "invalid_code");
        server.database.execute(&format!("UPDATE users SET disabled_at = {}", server.database.now()));
        assert_problem(&answer(server, &challenge, "totp", &code), 403, "account_disabled");
        server.database.execute("UPDATE users SET disabled_at = NULL");
        assert_done(&change_password(server, &ada.tokens, PASSWORD, NEW));
        assert_problem(&answer(server, &challenge, "totp", &code), 401, "challenge_invalid");
        assert_eq!(server.as_user(&ada.tokens).delete("/users/me").status, 204);
        assert_problem(&answer(server, &second, "totp", &code), 401, "challenge_invalid");
        for nonsense in ["", "ot_", &challenge[3..], &challenge.to_lowercase(), "a\0b"] {
            assert_problem(&answer(server, nonsense, "totp", &code), 401, "challenge_invalid");
        }
        assert_tokens(&answer(server, &ask(server, "eve@example.org"), "backup_code", &eve.backup_codes[0]), 200);
    }

    /// M-14, ASVS 6.4.3: a mail is no second factor.
    fn a_reset_password_still_wants_the_factor(server: &Server) {
        let ada = protected(server, "ada@example.org");
        server.database.execute(&format!("UPDATE users SET email_verified_at = {}", server.database.now()));
        assert_done(&reset(server, &reset_link(server, "ada@example.org"), NEW));
        assert_eq!(server.database.count("sessions WHERE revoked_at IS NULL"), 0);
        let challenge = assert_asked(&log_in(server, "ada@example.org", NEW), EITHER);
        let tokens = assert_tokens(&answer(server, &challenge, "totp", &fresh_code(server, &ada.app)), 200);
        assert_eq!(tokens["user"]["mfa_enabled"], json!(true));
    }

    /// H-03: the factor of a stranger who registered the address before its owner came.
    fn a_reset_by_the_owner_of_an_unverified_address_takes_a_stranger_s_factor_off(server: &Server) {
        let stranger = protected(server, "ada@example.org");
        let challenge = ask(server, "ada@example.org");
        assert_done(&reset(server, &reset_link(server, "ada@example.org"), NEW));
        let tokens = assert_tokens(&log_in(server, "ada@example.org", NEW), 200);
        assert_eq!((&tokens["user"]["mfa_enabled"], &tokens["user"]["email_verified"]), (&json!(false), &json!(true)));
        for table in ["totp_credentials", "backup_codes"] {
            assert_eq!(server.database.count(table), 0, "{table}");
        }
        assert_problem(&server.as_user(&stranger.tokens).get("/users/me"), 401, "session_revoked");
        assert_problem(&answer(server, &challenge, "totp", &stranger.app.code()), 401, "challenge_invalid");
        a_minute_later(server);
        let app = begin(server, &tokens);
        assert_eq!(confirm(server, &tokens, &app.code()).status, 200);
        long_after(server);
        assert_asked(&log_in(server, "ada@example.org", NEW), EITHER);
    }
}
