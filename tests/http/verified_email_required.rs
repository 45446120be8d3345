//! `AUTH_REQUIRE_VERIFIED_EMAIL=true`: nobody signs in before the address is verified, and nothing tells a stranger
//! whether an address has an account.

use serde_json::{Value, json};

use crate::audit;
use crate::calls::{answer_with_link, answer_with_password, log_in, register, resend, verify_by_password};
use crate::contract::{
    assert_accepted, assert_challenge, assert_done, assert_problem, assert_refused_fields, assert_tokens, bytes,
    without_id_and_time,
};
use crate::jwt::{Jwt, text};
use crate::mails::{a_minute_later, link, links, mails_to, settle, subjects_to};
use crate::support::{PASSWORD, Server, ServerOptions, at_once, on_every_database};

pub(crate) fn required() -> ServerOptions {
    ServerOptions::default().set("AUTH_REQUIRE_VERIFIED_EMAIL", "true")
}

/// Registers, and verifies the address by the link and the password.
pub(crate) fn verified_user(server: &Server, email: &str) -> Value {
    assert_accepted(&register(server, email, PASSWORD), "verification_required");
    assert_done(&verify_by_password(server, &link(server, "verify-email", email), PASSWORD));
    assert_tokens(&log_in(server, email, PASSWORD), 200)
}

on_every_database! {
    /// REQ-09: register, log in half-way, open the link elsewhere, go on.
    fn a_sign_in_goes_on_once_the_address_is_verified(server: &Server, required()) {
        assert_accepted(&register(server, "ada@example.org", PASSWORD), "verification_required");
        assert_eq!((server.database.count("users"), server.database.count("sessions")), (0, 0));
        let challenge = assert_challenge(&log_in(server, "ada@example.org", PASSWORD), "verify_email");
        for _ in 0..12 {
            assert_problem(&answer_with_link(server, &challenge, None), 401, "verification_pending");
        }
        assert_done(&verify_by_password(server, &link(server, "verify-email", "ada@example.org"), PASSWORD));
        let tokens = assert_tokens(&answer_with_link(server, &challenge, None), 200);
        assert_eq!((&tokens["user"]["email_verified"], &tokens["user"]["email"]), (&json!(true), &json!("ada@example.org")));
        assert_eq!(Jwt::of(&tokens).claims["amr"], json!(["pwd"]));
        assert_eq!(server.as_user(&tokens).get("/users/me").json(), tokens["user"]);
        assert_problem(&answer_with_link(server, &challenge, None), 401, "challenge_invalid");
        let user = text(&tokens["user"]["id"]);
        for event in ["user.registered", "email.verified"] {
            assert_eq!(audit::count(&server.database, event, user), 1, "{event}");
        }
    }

    /// The app opens the link itself, and sends its token along.
    fn a_sign_in_goes_on_with_the_token_of_the_mail(server: &Server, required()) {
        let body = json!({ "email": "ada@example.org", "password": PASSWORD, "display_name": "Ada L." });
        assert_accepted(&server.client.post("/auth/register", &body), "verification_required");
        let challenge = assert_challenge(&log_in(server, "ada@example.org", PASSWORD), "verify_email");
        let token = link(server, "verify-email", "ada@example.org");
        let tokens = assert_tokens(&answer_with_link(server, &challenge, Some(&token)), 200);
        assert_eq!((&tokens["user"]["email_verified"], &tokens["user"]["display_name"]), (&json!(true), &json!("Ada L.")));
        for code in [None, Some(token.as_str())] {
            assert_problem(&answer_with_link(server, &challenge, code), 401, "challenge_invalid");
        }
        assert_problem(&verify_by_password(server, &token, PASSWORD), 400, "token_invalid_or_expired");
    }

    /// 401 `invalid_code` five times in all; then the right one comes too late.
    fn a_wrong_token_may_be_sent_five_times(server: &Server, required()) {
        assert_accepted(&register(server, "ada@example.org", PASSWORD), "verification_required");
        assert_accepted(&register(server, "eve@example.org", PASSWORD), "verification_required");
        let token = link(server, "verify-email", "ada@example.org");
        let eve_s = link(server, "verify-email", "eve@example.org");
        for wrong_ones in [4, 5] {
            let challenge = assert_challenge(&log_in(server, "ada@example.org", PASSWORD), "verify_email");
            for wrong in ["", "ot_", &eve_s, &challenge, "000000"].iter().take(wrong_ones) {
                assert_problem(&answer_with_link(server, &challenge, Some(wrong)), 401, "invalid_code");
            }
            if wrong_ones == 5 {
                assert_problem(&answer_with_link(server, &challenge, Some(&token)), 401, "challenge_invalid");
            }
        }
        let challenge = assert_challenge(&log_in(server, "ada@example.org", PASSWORD), "verify_email");
        for _ in 0..4 {
            assert_problem(&answer_with_link(server, &challenge, Some("wrong")), 401, "invalid_code");
        }
        assert_tokens(&answer_with_link(server, &challenge, Some(&token)), 200);
        assert_eq!(links(server, "verify-email", "eve@example.org").len(), 1);
        let eve = assert_challenge(&log_in(server, "eve@example.org", PASSWORD), "verify_email");
        assert_tokens(&answer_with_link(server, &eve, Some(&eve_s)), 200);
    }

    /// Tries are counted, however many come at once.
    fn of_many_guesses_at_once_five_are_looked_at(server: &Server, required()) {
        assert_accepted(&register(server, "ada@example.org", PASSWORD), "verification_required");
        let challenge = assert_challenge(&log_in(server, "ada@example.org", PASSWORD), "verify_email");
        let answers = at_once(20, |_| answer_with_link(server, &challenge, Some("wrong")));
        let looked_at = answers.iter().filter(|answer| answer.error_code() == "invalid_code").count();
        assert_eq!(looked_at, 5, "{answers:#?}");
        for answer in answers.iter().filter(|answer| answer.error_code() != "invalid_code") {
            assert_problem(answer, 401, "challenge_invalid");
        }
    }

    /// The open challenge shows the password, too, where the link is opened.
    fn the_challenge_is_a_proof_beside_the_link(server: &Server, required()) {
        assert_accepted(&register(server, "ada@example.org", PASSWORD), "verification_required");
        assert_accepted(&register(server, "eve@example.org", PASSWORD), "verification_required");
        let token = link(server, "verify-email", "ada@example.org");
        let challenge = assert_challenge(&log_in(server, "ada@example.org", PASSWORD), "verify_email");
        let eve_s = assert_challenge(&log_in(server, "eve@example.org", PASSWORD), "verify_email");
        let verify = |proof: &str| server.client.post("/auth/email/verify", &json!({ "token": token, "challenge_token": proof }));
        for other in [eve_s.as_str(), "", "ot_", &token] {
            assert_problem(&verify(other), 401, "proof_required");
        }
        assert_done(&verify(&challenge));
        assert_tokens(&answer_with_link(server, &challenge, None), 200);
        assert_problem(&answer_with_link(server, &eve_s, None), 401, "verification_pending");
    }

    /// Everything that is due is asked for, one after the other, each with a token of its own.
    fn two_challenges_come_one_after_the_other(server: &Server, required()) {
        let tokens = verified_user(server, "ada@example.org");
        a_minute_later(server);
        server.database.execute(&format!("UPDATE users SET email_verified_at = NULL, password_must_change = {}", server.database.yes()));
        let first = assert_challenge(&log_in(server, "ada@example.org", PASSWORD), "verify_email");
        let body = json!({ "token": first, "method": "new_password", "new_password": "nine bronze gates of Troy" });
        assert_refused_fields(&server.client.post("/auth/challenge", &body), &[("method", "unknown_method")]);
        let token = link(server, "verify-email", "ada@example.org");
        let second = assert_challenge(&answer_with_link(server, &first, Some(&token)), "change_password");
        assert_ne!(first, second);
        assert_problem(&answer_with_link(server, &first, None), 401, "challenge_invalid");
        assert_eq!(server.as_user(&tokens).get("/users/me").json()["email_verified"], true);
        let done = assert_tokens(&answer_with_password(server, &second, "nine bronze gates of Troy"), 200);
        assert_eq!((&done["user"]["email_verified"], &done["user"]["password_must_change"]), (&json!(true), &json!(false)));
    }

    /// P-16, REQ-09: free, taken, pending, disabled, given up lately, in whatever spelling: the same bytes.
    fn registering_tells_nobody_whether_an_address_is_taken(server: &Server, required()) {
        let moved = verified_user(server, "moved@example.org");
        crate::calls::move_to(server, &moved, "moved-away@example.org");
        verified_user(server, "taken@example.org");
        let disabled = verified_user(server, "disabled@example.org");
        let (id, now) = (server.database.id(text(&disabled["user"]["id"])), server.database.now());
        server.database.execute(&format!("UPDATE users SET disabled_at = {now} WHERE id = {id}"));
        assert_accepted(&register(server, "pending@example.org", PASSWORD), "verification_required");
        let free = register(server, "free@example.org", PASSWORD);
        assert_accepted(&free, "verification_required");
        a_minute_later(server);
        for email in [
            "taken@example.org", " TAKEN@Example.ORG", "disabled@example.org", "pending@example.org", "moved@example.org",
            "moved-away@example.org",
        ] {
            let answer = register(server, email, "nine bronze gates of Troy");
            assert_eq!(bytes(&answer), bytes(&free), "{email}");
        }
        let refused = register(server, "free@example.org", "short");
        assert_eq!(without_id_and_time(&register(server, "taken@example.org", "short")), without_id_and_time(&refused));

        assert_eq!(subjects_to(server, "taken@example.org").last().unwrap(), "You have an account at Gatehouse already");
        assert!(mails_to(server, "taken@example.org").pop().unwrap().links().is_empty());
        assert_tokens(&log_in(server, "taken@example.org", PASSWORD), 200);
        for email in ["taken@example.org", "free@example.org"] {
            // Who registered an address of somebody else's gets as far as who registered a free one, and no further.
            let password = if email == "free@example.org" { PASSWORD } else { "nine bronze gates of Troy" };
            let challenge = assert_challenge(&log_in(server, email, password), "verify_email");
            assert_problem(&answer_with_link(server, &challenge, None), 401, "verification_pending");
        }
        assert_tokens(&log_in(server, "moved-away@example.org", PASSWORD), 200);
        assert_eq!(links(server, "verify-email", "taken@example.org").len(), 1, "the one it was verified by");
    }

    /// P-17: of many at once, in whatever spelling, one registration is left, and the last mail's link is its.
    fn many_registrations_of_one_address_at_once_leave_one(server: &Server, required()) {
        let spellings = ["ada@example.org", "ADA@example.org", "Ada@EXAMPLE.org", "ada@example\u{3002}org"];
        let answers = at_once(20, |index| register(server, spellings[index % 4], PASSWORD));
        for answer in &answers {
            assert_eq!(bytes(answer), bytes(&answers[0]));
            assert_accepted(answer, "verification_required");
        }
        assert_eq!(server.database.count("pending_registrations"), 1);
        settle(server);
        let good = server.sink().mails().iter().filter_map(smtp_sink::ReceivedMail::link_token).filter(|token| {
            verify_by_password(server, token, PASSWORD).status == 204
        }).count();
        assert_eq!((good, server.database.count("users")), (1, 1));
    }

    /// A username would tell whether it is taken: it is chosen later.
    fn a_username_is_chosen_after_the_verification(server: &Server, required()) {
        let body = json!({ "email": "ada@example.org", "password": PASSWORD, "username": "ada" });
        let answer = server.client.post("/auth/register", &body);
        assert_problem(&answer, 422, "validation_failed");
        assert_eq!(answer.json()["errors"][0]["field"], "username");
        assert_eq!(server.database.count("pending_registrations"), 0);
        let tokens = verified_user(server, "ada@example.org");
        assert_eq!(server.as_user(&tokens).patch("/users/me", &json!({ "username": "ada" })).status, 200);
    }

    /// L-02 for those who wait: a wrong password, and no registration at all.
    fn a_log_in_tells_nobody_whether_a_registration_waits(server: &Server, required()) {
        assert_accepted(&register(server, "ada@example.org", PASSWORD), "verification_required");
        let unknown = log_in(server, "nobody@example.org", PASSWORD);
        assert_problem(&unknown, 401, "invalid_credentials");
        let wrong = log_in(server, "ada@example.org", "wrong wooden gates");
        assert_eq!(without_id_and_time(&wrong), without_id_and_time(&unknown));
    }

    /// P-29
    fn the_mail_can_be_asked_for_again(server: &Server, required()) {
        assert_accepted(&register(server, "ada@example.org", PASSWORD), "verification_required");
        let first = link(server, "verify-email", "ada@example.org");
        a_minute_later(server);
        assert_accepted(&resend(server, "ADA@EXAMPLE.ORG"), "accepted");
        let second = link(server, "verify-email", "ada@example.org");
        assert_ne!(first, second);
        assert_done(&verify_by_password(server, &second, PASSWORD));
        assert_problem(&verify_by_password(server, &first, PASSWORD), 400, "token_invalid_or_expired");
        assert_eq!(links(server, "verify-email", "ada@example.org").len(), 2);
    }

    /// REQ-58: one mail of a kind a minute, but for a registration that replaces another. Asking again is none.
    fn who_asks_again_right_after_registering_gets_no_second_mail(server: &Server, required()) {
        assert_accepted(&register(server, "ada@example.org", PASSWORD), "verification_required");
        settle(server);
        assert_accepted(&resend(server, "ada@example.org"), "accepted");
        assert_eq!(links(server, "verify-email", "ada@example.org").len(), 1);
    }

    /// H-07: a registration that nobody verifies is forgotten with its links.
    fn a_registration_is_forgotten_after_its_time(server: &Server, required().set("AUTH_PURGE_UNVERIFIED", "2d")) {
        assert_accepted(&register(server, "ada@example.org", PASSWORD), "verification_required");
        let token = link(server, "verify-email", "ada@example.org");
        let earlier = server.database.earlier("expires_at", 2 * 86400);
        server.database.execute(&format!("UPDATE pending_registrations SET expires_at = {earlier}"));
        assert_problem(&log_in(server, "ada@example.org", PASSWORD), 401, "invalid_credentials");
        assert_problem(&verify_by_password(server, &token, PASSWORD), 400, "token_invalid_or_expired");
        assert_eq!(server.database.count("users"), 0);
    }
}
