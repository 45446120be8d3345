//! `POST /auth/password/forgot` and `POST /auth/password/reset` (section 2.E of the security rows).

use serde_json::json;

use crate::audit;
use crate::calls::{ask_for_address, change_password, follow, forgot, log_in, move_to, reset};
use crate::contract::{assert_accepted, assert_done, assert_problem, assert_refused_fields, assert_tokens};
use crate::jwt::text;
use crate::mails::{a_minute_later, link, links, mails_to, reset_link, subjects_to};
use crate::support::{PASSWORD, Server, ServerOptions, at_once, on_every_database};

const NEW: &str = "nine bronze gates of Troy";

on_every_database! {
    /// REQ-06, P-13: the link sets the password, ends everything else, and opens no session.
    fn a_reset_sets_the_password_and_ends_everything_that_was_open(server: &Server) {
        let tokens = server.register("ada@example.org");
        let other = server.log_in("ada@example.org");
        assert_eq!(tokens["user"]["email_verified"], false);
        assert_accepted(&forgot(server, "ada@example.org"), "accepted");
        assert_tokens(&log_in(server, "ada@example.org", PASSWORD), 200);
        let token = link(server, "reset-password", "ada@example.org");
        let sessions = server.database.count("sessions");
        assert_done(&reset(server, &token, NEW));
        assert_eq!(server.database.count("sessions"), sessions, "nobody is signed in by it");
        for ended in [&tokens, &other] {
            assert_problem(&server.as_user(ended).get("/users/me"), 401, "session_revoked");
            assert_problem(&server.refresh(ended), 401, "refresh_token_invalid");
        }
        assert_problem(&log_in(server, "ada@example.org", PASSWORD), 401, "invalid_credentials");
        let again = assert_tokens(&log_in(server, "ada@example.org", NEW), 200);
        assert_eq!(again["user"]["email_verified"], true, "the link was in a mail to the address");
        let user = text(&tokens["user"]["id"]);
        for event in ["password.reset_requested", "password.reset", "email.verified"] {
            assert_eq!(audit::count(&server.database, event, user), 1, "{event}");
        }
        let subjects = subjects_to(server, "ada@example.org");
        assert_eq!(subjects.last().unwrap(), "Your password for Gatehouse was changed");
        assert!(subjects.iter().any(|subject| subject.contains("Reset")), "{subjects:?}");
    }

    /// P-01: once, and only as it was mailed.
    fn a_link_works_once_and_only_as_it_was_mailed(server: &Server) {
        server.register("ada@example.org");
        let token = reset_link(server, "ada@example.org");
        let flipped: String = token
            .chars()
            .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
            .collect();
        let long = "x".repeat(60_000);
        for other in ["", "ot_", &token[..45], &token[3..], &flipped, &format!("{token}="), &format!("{token} "), "a\0b", "ä", &long] {
            assert_problem(&reset(server, other, NEW), 400, "token_invalid_or_expired");
        }
        assert_done(&reset(server, &token, NEW));
        for _ in 0..2 {
            assert_problem(&reset(server, &token, "ten silver gates of Tyre"), 400, "token_invalid_or_expired");
        }
        assert_tokens(&log_in(server, "ada@example.org", NEW), 200);
    }

    /// P-01: of twenty at once one wins.
    fn of_many_resets_at_once_one_wins(server: &Server) {
        server.register("ada@example.org");
        let token = reset_link(server, "ada@example.org");
        let answers = at_once(20, |index| reset(server, &token, &format!("gates of Troy, number {index}")));
        let winners: Vec<usize> =
            answers.iter().enumerate().filter(|(_, answer)| answer.status == 204).map(|(index, _)| index).collect();
        assert_eq!(winners.len(), 1, "{answers:#?}");
        for lost in answers.iter().filter(|answer| answer.status != 204) {
            assert_problem(lost, 400, "token_invalid_or_expired");
        }
        assert_tokens(&log_in(server, "ada@example.org", &format!("gates of Troy, number {}", winners[0])), 200);
    }

    /// P-01: 30 minutes.
    fn a_link_is_good_for_half_an_hour(server: &Server) {
        server.register("ada@example.org");
        for (minutes, status) in [(29, 204), (31, 400)] {
            let token = reset_link(server, "ada@example.org");
            let earlier = server.database.earlier("expires_at", minutes * 60);
            server.database.execute(&format!("UPDATE one_time_tokens SET expires_at = {earlier} WHERE used_at IS NULL"));
            let answer = reset(server, &token, &format!("gates of Troy, number {minutes}"));
            assert_eq!(answer.status, status, "{minutes}: {answer:?}");
        }
        assert_problem(&log_in(server, "ada@example.org", "gates of Troy, number 31"), 401, "invalid_credentials");
    }

    /// P-02: links of one account stay good beside each other, until one of them is used.
    fn the_use_of_one_link_ends_the_others(server: &Server) {
        server.register("ada@example.org");
        let (older, newer) = (reset_link(server, "ada@example.org"), reset_link(server, "ada@example.org"));
        assert_ne!(older, newer);
        assert_done(&reset(server, &older, NEW));
        assert_problem(&reset(server, &newer, "ten silver gates of Tyre"), 400, "token_invalid_or_expired");
    }

    /// P-03: a link dies with the next security event of its account.
    fn a_link_dies_with_the_next_security_event(server: &Server) {
        type Event = fn(&Server, &serde_json::Value, &str);
        let events: [(&str, Event); 4] = [
            ("change", |server, tokens, _| assert_done(&change_password(server, tokens, PASSWORD, "ten silver gates of Tyre"))),
            ("move", |server, tokens, _| move_to(server, tokens, "moved@example.org")),
            ("disable", |server, tokens, _| {
                let (user, now) = (server.database.id(text(&tokens["user"]["id"])), server.database.now());
                server.database.execute(&format!("UPDATE users SET disabled_at = {now} WHERE id = {user}"));
            }),
            ("delete", |server, tokens, _| assert_done(&server.as_user(tokens).delete("/users/me"))),
        ];
        for (name, event) in events {
            let email = format!("{name}@example.org");
            let tokens = server.register(&email);
            let token = reset_link(server, &email);
            event(server, &tokens, &email);
            assert_problem(&reset(server, &token, NEW), 400, "token_invalid_or_expired");
            assert_problem(&log_in(server, &email, NEW), 401, "invalid_credentials");
        }
    }

    /// P-28: a password that is refused costs nothing.
    fn a_refused_password_leaves_the_link_as_it_is(server: &Server) {
        let body = json!({ "email": "lovelace.ada@example.org", "password": PASSWORD, "username": "analytical" });
        assert_tokens(&server.client.post("/auth/register", &body), 201);
        let token = reset_link(server, "lovelace.ada@example.org");
        for weak in ["", "eleven char", "password1234", "LOVELACE.ADA99", "!!Analytical!!", "Gatehouse2026", &"y".repeat(5000)] {
            assert_refused_fields(&reset(server, &token, weak), &[("new_password", "weak_password")]);
        }
        assert_done(&reset(server, &token, NEW));
    }

    /// P-13: a change of address that somebody began before the reset is off.
    fn a_pending_change_of_address_is_off_after_a_reset(server: &Server) {
        let tokens = server.register("ada@example.org");
        assert_eq!(ask_for_address(server, &tokens, "eve@example.org").status, 202);
        let confirm = link(server, "change-email", "eve@example.org");
        assert_done(&reset(server, &reset_link(server, "ada@example.org"), NEW));
        assert_problem(&follow(server, "/auth/email/change/confirm", &confirm), 400, "token_invalid_or_expired");
        assert_eq!(assert_tokens(&log_in(server, "ada@example.org", NEW), 200)["user"]["email"], "ada@example.org");
    }

    /// REQ-58: one mail of a kind a minute, whoever asks how often.
    fn who_asks_again_within_a_minute_gets_one_mail(server: &Server) {
        server.register("ada@example.org");
        for _ in 0..5 {
            assert_accepted(&forgot(server, "ADA@example.org"), "accepted");
        }
        let first = links(server, "reset-password", "ada@example.org");
        assert_eq!(first.len(), 1);
        a_minute_later(server);
        assert_accepted(&forgot(server, "ada@example.org"), "accepted");
        assert_eq!(links(server, "reset-password", "ada@example.org").len(), 2);
        assert_done(&reset(server, &first[0], NEW));
    }

    /// P-07: the rate of mails that anybody can cause holds for each address and each kind of mail by itself, whoever asks for
    /// them.
    fn nobody_is_flooded_with_mails(server: &Server, ServerOptions::default().set("AUTH_RATE_LIMITS", "on").set("AUTH_RATE_MAIL", "3/1h").set("AUTH_TRUSTED_PROXIES", "127.0.0.0/8")) {
        server.register("ada@example.org");
        server.register("eve@example.org");
        for number in 0..6 {
            a_minute_later(server);
            let anybody = server.client.header("X-Forwarded-For", format!("198.51.100.{number}"));
            let answer = anybody.post("/auth/password/forgot", &json!({ "email": "ada@example.org" }));
            assert_accepted(&answer, "accepted");
        }
        assert_eq!(links(server, "reset-password", "ada@example.org").len(), 3);
        assert_eq!(mails_to(server, "ada@example.org").len(), 4);
        assert_accepted(&forgot(server, "eve@example.org"), "accepted");
        assert_eq!(links(server, "reset-password", "eve@example.org").len(), 1);
    }

    /// The mail goes where the account's is, in the spelling that its owner gave.
    fn the_mail_goes_to_the_address_as_it_is_stored(server: &Server) {
        server.register("Ada.L@Example.org");
        assert_accepted(&forgot(server, " ada.l@EXAMPLE.ORG "), "accepted");
        let mails = mails_to(server, "ada.l@example.org");
        for mail in &mails {
            assert_eq!(mail.to, ["Ada.L@example.org"], "but for the domain, which has one spelling");
        }
        assert_eq!(mails.len(), 2);
    }

    /// An account without a password gets its first one by the mail.
    fn an_account_without_a_password_gets_one_by_mail(server: &Server) {
        let tokens = server.register("ada@example.org");
        server.database.execute("UPDATE users SET password_hash = NULL");
        assert_problem(&log_in(server, "ada@example.org", PASSWORD), 401, "invalid_credentials");
        assert_eq!(server.as_user(&tokens).get("/users/me").json()["has_password"], false);
        assert_done(&reset(server, &reset_link(server, "ada@example.org"), NEW));
        assert_eq!(assert_tokens(&log_in(server, "ada@example.org", NEW), 200)["user"]["has_password"], true);
    }
}
