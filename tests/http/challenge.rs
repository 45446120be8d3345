//! `POST /auth/challenge`: the loop that finishes a sign-in. What it asks of unverified addresses is in
//! [`crate::verified_email_required`].

use serde_json::json;

use crate::audit;
use crate::calls::{answer_with_password, log_in, reset};
use crate::contract::{assert_challenge, assert_done, assert_problem, assert_refused_fields, assert_tokens};
use crate::jwt::{Jwt, text};
use crate::mails::{reset_link, subjects_to};
use crate::support::{PASSWORD, Server, at_once, on_every_database};

const NEW: &str = "nine bronze gates of Troy";

/// A user who must change the password: the tokens of an older session.
fn who_must_change(server: &Server, email: &str) -> serde_json::Value {
    let tokens = server.register(email);
    let user = server.database.id(text(&tokens["user"]["id"]));
    let yes = server.database.yes();
    server.database.execute(&format!("UPDATE users SET password_must_change = {yes} WHERE id = {user}"));
    tokens
}

fn begin(server: &Server, email: &str) -> String {
    assert_challenge(&log_in(server, email, PASSWORD), "change_password")
}

on_every_database! {
    /// REQ-07, REQ-06
    fn a_password_that_must_be_changed_is_changed_on_the_way_in(server: &Server) {
        let older = who_must_change(server, "ada@example.org");
        let challenge = begin(server, "ada@example.org");
        let tokens = assert_tokens(&answer_with_password(server, &challenge, NEW), 200);
        assert_eq!((&tokens["user"]["id"], &tokens["user"]["password_must_change"]), (&older["user"]["id"], &json!(false)));
        assert_eq!(Jwt::of(&tokens).claims["amr"], json!(["pwd"]));
        assert_eq!(server.as_user(&tokens).get("/users/me").json(), tokens["user"]);
        assert_tokens(&server.refresh(&tokens), 200);
        assert_problem(&server.as_user(&older).get("/users/me"), 401, "session_revoked");
        assert_problem(&server.refresh(&older), 401, "refresh_token_invalid");
        assert_problem(&log_in(server, "ada@example.org", PASSWORD), 401, "invalid_credentials");
        assert_tokens(&log_in(server, "ada@example.org", NEW), 200);
        assert_problem(&answer_with_password(server, &challenge, "ten silver gates of Tyre"), 401, "challenge_invalid");
        assert_eq!(audit::count(&server.database, "password.changed", text(&older["user"]["id"])), 1);
        assert!(subjects_to(server, "ada@example.org").contains(&"Your password for Gatehouse was changed".to_owned()));
    }

    /// REQ-02: a refused password is told as everywhere, and costs no try.
    fn a_refused_password_leaves_the_challenge_as_it_is(server: &Server) {
        who_must_change(server, "lovelace.ada@example.org");
        let challenge = begin(server, "lovelace.ada@example.org");
        for _ in 0..3 {
            for weak in ["eleven char", "password1234", "LOVELACE.ADA99", "Gatehouse2026", &"x".repeat(257)] {
                let answer = answer_with_password(server, &challenge, weak);
                assert_refused_fields(&answer, &[("new_password", "weak_password")]);
            }
            let same = answer_with_password(server, &challenge, PASSWORD);
            assert_refused_fields(&same, &[("new_password", "password_unchanged")]);
            let missing = json!({ "token": challenge, "method": "new_password" });
            assert_refused_fields(&server.client.post("/auth/challenge", &missing), &[("new_password", "required")]);
            for method in ["email_link", "totp", "", "NEW_PASSWORD"] {
                let body = json!({ "token": challenge, "method": method, "code": "000000", "new_password": NEW });
                assert_refused_fields(&server.client.post("/auth/challenge", &body), &[("method", "unknown_method")]);
            }
        }
        assert_tokens(&answer_with_password(server, &challenge, NEW), 200);
    }

    /// T-06, M-class: an unknown token opens nothing, and tells nothing of whom it might have been.
    fn what_is_no_challenge_is_refused(server: &Server) {
        who_must_change(server, "ada@example.org");
        let challenge = begin(server, "ada@example.org");
        let flipped: String = challenge
            .chars()
            .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
            .collect();
        let (longer, spaced, long) = (format!("{challenge}A"), format!(" {challenge}"), "x".repeat(60_000));
        for token in ["", "ot_", &challenge[..45], &challenge[3..], &flipped, &longer, &spaced, "a\0b", &long] {
            assert_problem(&answer_with_password(server, token, NEW), 401, "challenge_invalid");
        }
        assert_tokens(&answer_with_password(server, &challenge, NEW), 200);
    }

    /// P-13: a challenge is as good as the password that it was given for.
    fn a_challenge_dies_with_the_account_s_next_security_event(server: &Server) {
        let tokens = who_must_change(server, "ada@example.org");
        let challenge = begin(server, "ada@example.org");
        assert_done(&reset(server, &reset_link(server, "ada@example.org"), "ten silver gates of Tyre"));
        assert_problem(&answer_with_password(server, &challenge, NEW), 401, "challenge_invalid");
        let tokens_now = log_in(server, "ada@example.org", "ten silver gates of Tyre");
        assert_eq!(tokens_now.status, 200, "{tokens_now:?}");
        assert_problem(&log_in(server, "ada@example.org", NEW), 401, "invalid_credentials");
        assert_problem(&server.refresh(&tokens), 401, "refresh_token_invalid");
    }

    fn of_two_challenges_of_a_user_the_first_answer_ends_the_other(server: &Server) {
        who_must_change(server, "ada@example.org");
        let (one, two) = (begin(server, "ada@example.org"), begin(server, "ada@example.org"));
        assert_ne!(one, two);
        assert_tokens(&answer_with_password(server, &two, NEW), 200);
        assert_problem(&answer_with_password(server, &one, "ten silver gates of Tyre"), 401, "challenge_invalid");
        assert_tokens(&log_in(server, "ada@example.org", NEW), 200);
    }

    /// One winner, however many answer at once.
    fn a_challenge_is_answered_once(server: &Server) {
        who_must_change(server, "ada@example.org");
        let challenge = begin(server, "ada@example.org");
        let answers = at_once(16, |index| answer_with_password(server, &challenge, &format!("gates of Troy, number {index}")));
        let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(won.len(), 1, "{answers:#?}");
        for lost in answers.iter().filter(|answer| answer.status != 200) {
            assert_problem(lost, 401, "challenge_invalid");
        }
        assert_eq!(server.database.count("sessions WHERE revoked_at IS NULL"), 1);
    }

    /// T-22: the account was disabled or deleted between the two halves of the sign-in.
    fn an_account_that_is_disabled_or_gone_meanwhile_is_not_let_in(server: &Server) {
        let ada = who_must_change(server, "ada@example.org");
        let challenge = begin(server, "ada@example.org");
        server.database.execute(&format!("UPDATE users SET disabled_at = {}", server.database.now()));
        assert_problem(&answer_with_password(server, &challenge, NEW), 403, "account_disabled");
        server.database.execute("UPDATE users SET disabled_at = NULL");
        assert_eq!(server.as_user(&ada).delete("/users/me").status, 204);
        assert_problem(&answer_with_password(server, &challenge, NEW), 401, "challenge_invalid");
        assert_eq!(server.database.count("sessions"), 0);
    }

    /// The challenge itself opens nothing else: no account, no session, no link.
    fn a_challenge_is_no_session(server: &Server) {
        who_must_change(server, "ada@example.org");
        let challenge = begin(server, "ada@example.org");
        let sessions = server.database.count("sessions");
        for path in ["/users/me", "/auth/verify", "/users/me/sessions", "/users/me/export"] {
            assert_problem(&server.client.bearer(&challenge).get(path), 401, "token_invalid");
        }
        let body = json!({ "refresh_token": challenge });
        assert_problem(&server.client.post("/auth/refresh", &body), 401, "refresh_token_invalid");
        assert_eq!(server.database.count("sessions"), sessions);
        assert_tokens(&answer_with_password(server, &challenge, NEW), 200);
    }
}
