//! `POST /auth/email/verify` and `POST /auth/email/resend`

use serde_json::{Value, json};

use crate::audit;
use crate::calls::{change_password, log_in, resend, verify_as, verify_by_password};
use crate::contract::{assert_accepted, assert_done, assert_problem, assert_tokens};
use crate::jwt::text;
use crate::mails::{a_minute_later, link, links};
use crate::support::{PASSWORD, Response, Server, at_once, on_every_database};

fn verify(server: &Server, token: &str, field: &str, value: &Value) -> Response {
    let mut body = json!({ "token": token });
    body[field] = value.clone();
    server.client.post("/auth/email/verify", &body)
}

fn is_verified(server: &Server, tokens: &Value) -> bool {
    server.as_user(tokens).get("/users/me").json()["email_verified"] == true
}

on_every_database! {
    /// REQ-09, H-02: the link shows whose address it is; whose account it is has to be shown beside it.
    fn a_link_alone_verifies_no_account_that_has_a_password(server: &Server) {
        let tokens = server.register("ada@example.org");
        let eve = server.register("eve@example.org");
        let token = link(server, "verify-email", "ada@example.org");
        let proofs = [
            server.client.post("/auth/email/verify", &json!({ "token": token })),
            server.client.post("/auth/email/verify", &json!({ "token": token, "password": null, "challenge_token": null })),
            verify_as(server, &eve, &token),
            verify(server, &token, "password", &json!("")),
            verify(server, &token, "password", &json!("wrong wooden gates")),
            verify(server, &token, "password", &json!("x".repeat(5000))),
            verify(server, &token, "challenge_token", &json!("")),
            verify(server, &token, "challenge_token", &json!(token)),
            verify(server, &token, "challenge_token", &eve["access_token"]),
        ];
        for answer in &proofs {
            assert_problem(answer, 401, "proof_required");
        }
        assert!(!is_verified(server, &tokens));
        assert_done(&verify_as(server, &tokens, &token));
        assert!(is_verified(server, &tokens) && !is_verified(server, &eve));
        assert_eq!(audit::count(&server.database, "email.verified", text(&tokens["user"]["id"])), 1);
    }

    fn the_account_s_password_is_a_proof(server: &Server) {
        let tokens = server.register("ada@example.org");
        assert_done(&verify_by_password(server, &link(server, "verify-email", "ada@example.org"), PASSWORD));
        assert!(is_verified(server, &tokens));
    }

    /// A sign-in that waits for something else is no proof: its password was shown, but it isn't a `verify_email` one.
    fn another_challenge_of_the_account_is_no_proof(server: &Server) {
        server.register("ada@example.org");
        let token = link(server, "verify-email", "ada@example.org");
        server.database.execute(&format!("UPDATE users SET password_must_change = {}", server.database.yes()));
        let challenge = crate::contract::assert_challenge(&log_in(server, "ada@example.org", PASSWORD), "change_password");
        assert_problem(&verify(server, &token, "challenge_token", &json!(challenge)), 401, "proof_required");
    }

    /// A bearer that isn't good is told as everywhere, even beside the right password.
    fn a_bad_bearer_is_refused_and_not_passed_over(server: &Server) {
        let tokens = server.register("ada@example.org");
        let ended = server.log_in("ada@example.org");
        server.as_user(&ended).send("POST", "/auth/logout", None);
        let token = link(server, "verify-email", "ada@example.org");
        let body = json!({ "token": token, "password": PASSWORD });
        assert_problem(&server.client.bearer("x").post("/auth/email/verify", &body), 401, "token_invalid");
        assert_problem(&server.as_user(&ended).post("/auth/email/verify", &body), 401, "session_revoked");
        assert!(!is_verified(server, &tokens));
        assert_done(&verify_as(server, &tokens, &token));
    }

    fn the_link_works_once_for_a_day_and_only_as_it_was_mailed(server: &Server) {
        let tokens = server.register("ada@example.org");
        let token = link(server, "verify-email", "ada@example.org");
        for other in ["", "ot_", &token[..45], &token[3..], &token.to_ascii_uppercase(), &format!("{token} "), "a\0b"] {
            assert_problem(&verify_as(server, &tokens, other), 400, "token_invalid_or_expired");
        }
        assert_done(&verify_as(server, &tokens, &token));
        assert_problem(&verify_as(server, &tokens, &token), 400, "token_invalid_or_expired");
        for (hours, status) in [(23, 204), (25, 400)] {
            let email = format!("{hours}@example.org");
            let tokens = server.register(&email);
            let token = link(server, "verify-email", &email);
            let earlier = server.database.earlier("expires_at", hours * 3600);
            server.database.execute(&format!("UPDATE one_time_tokens SET expires_at = {earlier} WHERE used_at IS NULL"));
            let answer = verify_as(server, &tokens, &token);
            assert_eq!(answer.status, status, "{hours}: {answer:?}");
        }
    }

    fn of_many_at_once_one_wins(server: &Server) {
        let tokens = server.register("ada@example.org");
        let token = link(server, "verify-email", "ada@example.org");
        let answers = at_once(16, |_| verify_as(server, &tokens, &token));
        assert_eq!(answers.iter().filter(|answer| answer.status == 204).count(), 1, "{answers:#?}");
        for lost in answers.iter().filter(|answer| answer.status != 204) {
            assert_problem(lost, 400, "token_invalid_or_expired");
        }
        assert_eq!(audit::count(&server.database, "email.verified", text(&tokens["user"]["id"])), 1);
    }

    /// P-29
    fn another_mail_comes_while_there_is_something_to_verify(server: &Server) {
        let tokens = server.register("ada@example.org");
        let first = link(server, "verify-email", "ada@example.org");
        a_minute_later(server);
        assert_accepted(&resend(server, "ADA@example.org"), "accepted");
        let second = link(server, "verify-email", "ada@example.org");
        assert_ne!(first, second, "each mail has a link of its own");
        assert_done(&verify_as(server, &tokens, &first));
        assert_problem(&verify_as(server, &tokens, &second), 400, "token_invalid_or_expired");
        a_minute_later(server);
        assert_accepted(&resend(server, "ada@example.org"), "accepted");
        assert_accepted(&resend(server, "nobody@example.org"), "accepted");
        assert_eq!(links(server, "verify-email", "ada@example.org").len(), 2, "nothing is left to verify");
        assert!(crate::mails::mails_to(server, "nobody@example.org").is_empty());
    }

    /// T-22
    fn a_disabled_account_verifies_nothing(server: &Server) {
        server.register("ada@example.org");
        let token = link(server, "verify-email", "ada@example.org");
        server.database.execute(&format!("UPDATE users SET disabled_at = {}", server.database.now()));
        assert_problem(&verify_by_password(server, &token, PASSWORD), 400, "token_invalid_or_expired");
        assert_eq!(server.database.count("users WHERE email_verified_at IS NOT NULL"), 0);
    }

    /// An account without a password has no other way to be proven: the link is enough.
    fn an_account_without_a_password_is_verified_by_the_link_alone(server: &Server) {
        let tokens = server.register("ada@example.org");
        let token = link(server, "verify-email", "ada@example.org");
        server.database.execute("UPDATE users SET password_hash = NULL");
        assert_done(&server.client.post("/auth/email/verify", &json!({ "token": token })));
        assert!(is_verified(server, &tokens));
    }

    /// Wrong passwords count here as at the log-in, and a right one that was changed meanwhile is a wrong one.
    fn wrong_proofs_are_counted(server: &Server) {
        let tokens = server.register("ada@example.org");
        let token = link(server, "verify-email", "ada@example.org");
        for _ in 0..3 {
            assert_problem(&verify_by_password(server, &token, "wrong wooden gates"), 401, "proof_required");
        }
        assert_eq!(server.database.texts("CAST(count AS TEXT)", "authenticator_failures"), ["3"]);
        assert_done(&change_password(server, &tokens, PASSWORD, "nine bronze gates of Troy"));
        assert_problem(&verify_by_password(server, &token, PASSWORD), 400, "token_invalid_or_expired");
        assert_tokens(&log_in(server, "ada@example.org", "nine bronze gates of Troy"), 200);
    }
}
