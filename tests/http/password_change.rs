//! `POST /auth/password/change`

use serde_json::json;

use crate::audit;
use crate::calls::{ask_for_address, change_password, follow, log_in};
use crate::contract::{assert_done, assert_problem, assert_refused_fields, assert_tokens};
use crate::jwt::text;
use crate::mails::{a_minute_later, link, links, mails_to};
use crate::support::{PASSWORD, Server, at_once, on_every_database};

const NEW: &str = "nine bronze gates of Troy";

on_every_database! {
    /// REQ-07, 6.2.2 and 6.2.3 of the ASVS
    fn a_change_ends_every_session_but_the_one_that_asked(server: &Server) {
        let tokens = server.register("ada@example.org");
        let other = server.log_in("ada@example.org");
        let stranger = server.register("eve@example.org");
        assert_done(&change_password(server, &tokens, PASSWORD, NEW));
        assert_eq!(server.as_user(&tokens).get("/users/me").status, 200);
        assert_tokens(&server.refresh(&tokens), 200);
        assert_problem(&server.as_user(&other).get("/users/me"), 401, "session_revoked");
        assert_problem(&server.refresh(&other), 401, "refresh_token_invalid");
        assert_eq!(server.as_user(&stranger).get("/users/me").status, 200);
        assert_problem(&log_in(server, "ada@example.org", PASSWORD), 401, "invalid_credentials");
        assert_tokens(&log_in(server, "ada@example.org", NEW), 200);
        assert_eq!(audit::count(&server.database, "password.changed", text(&tokens["user"]["id"])), 1);
        let notice = mails_to(server, "ada@example.org").pop().unwrap();
        assert_eq!(notice.subject(), "Your password for Gatehouse was changed");
        assert!(notice.text().contains("IP address: 127.0.0.1"), "{}", notice.text());
        assert!(links(server, "secure-account", "eve@example.org").is_empty());
    }

    /// The wrong password is refused, counted, and changes nothing, however fresh the sign-in.
    fn a_wrong_current_password_is_refused(server: &Server) {
        let tokens = server.register("ada@example.org");
        for wrong in ["wrong wooden gates", "", &PASSWORD.to_uppercase(), &"x".repeat(1025), "a\0b"] {
            assert_problem(&change_password(server, &tokens, wrong, NEW), 401, "invalid_credentials");
        }
        assert_eq!(server.database.texts("CAST(count AS TEXT)", "authenticator_failures"), ["5"]);
        assert_tokens(&log_in(server, "ada@example.org", PASSWORD), 200);
        assert_eq!(server.database.count("authenticator_failures"), 0, "a right one ends the row");
        assert!(links(server, "secure-account", "ada@example.org").is_empty());
    }

    /// REQ-02
    fn a_refused_new_password_changes_nothing(server: &Server) {
        let body = json!({ "email": "lovelace.ada@example.org", "password": PASSWORD, "display_name": "Countess Ada" });
        let tokens = assert_tokens(&server.client.post("/auth/register", &body), 201);
        for weak in ["", "eleven char", "password1234", "LOVELACE.ADA99", "countess ada", "Gatehouse2026", &"x".repeat(257)] {
            let answer = change_password(server, &tokens, PASSWORD, weak);
            assert_refused_fields(&answer, &[("new_password", "weak_password")]);
        }
        let same = change_password(server, &tokens, PASSWORD, PASSWORD);
        assert_refused_fields(&same, &[("new_password", "password_unchanged")]);
        assert_tokens(&log_in(server, "lovelace.ada@example.org", PASSWORD), 200);
        assert_eq!(server.as_user(&tokens).get("/users/me").status, 200);
    }

    /// P-15: an account without a password gets its first one by mail, and by nothing else.
    fn an_account_without_a_password_has_none_to_change(server: &Server) {
        let tokens = server.register("ada@example.org");
        server.database.execute("UPDATE users SET password_hash = NULL");
        for current in ["", PASSWORD] {
            assert_problem(&change_password(server, &tokens, current, NEW), 409, "no_password");
        }
        assert_eq!(server.database.count("users WHERE password_hash IS NOT NULL"), 0);
    }

    /// T-22
    fn a_disabled_account_changes_nothing(server: &Server) {
        let tokens = server.register("ada@example.org");
        server.database.execute(&format!("UPDATE users SET disabled_at = {}", server.database.now()));
        assert_problem(&change_password(server, &tokens, PASSWORD, NEW), 403, "account_disabled");
    }

    /// Of many at once one goes through: the others proved a password that is not the current one any more.
    fn of_many_changes_at_once_one_goes_through(server: &Server) {
        let tokens = server.register("ada@example.org");
        let answers = at_once(8, |index| change_password(server, &tokens, PASSWORD, &format!("gates of Troy, number {index}")));
        let winners: Vec<usize> =
            answers.iter().enumerate().filter(|(_, answer)| answer.status == 204).map(|(index, _)| index).collect();
        assert_eq!(winners.len(), 1, "{answers:#?}");
        for lost in answers.iter().filter(|answer| answer.status != 204) {
            assert_problem(lost, 401, "invalid_credentials");
        }
        assert_tokens(&log_in(server, "ada@example.org", &format!("gates of Troy, number {}", winners[0])), 200);
    }

    /// P-13: what a thief began before the change is off.
    fn a_change_ends_links_that_let_somebody_in(server: &Server) {
        let tokens = server.register("ada@example.org");
        let verify = link(server, "verify-email", "ada@example.org");
        let reset_token = crate::mails::reset_link(server, "ada@example.org");
        assert_eq!(ask_for_address(server, &tokens, "eve@example.org").status, 202);
        let confirm = link(server, "change-email", "eve@example.org");
        assert_done(&change_password(server, &tokens, PASSWORD, NEW));
        assert_problem(&crate::calls::reset(server, &reset_token, "ten silver gates of Tyre"), 400, "token_invalid_or_expired");
        assert_problem(&follow(server, "/auth/email/change/confirm", &confirm), 400, "token_invalid_or_expired");
        let answer = crate::calls::verify_as(server, &tokens, &verify);
        assert_problem(&answer, 400, "token_invalid_or_expired");
    }

    /// A thief who changes the password twice doesn't end the link that the owner got the first time.
    fn the_way_out_outlives_a_second_change(server: &Server) {
        let tokens = server.register("ada@example.org");
        assert_done(&change_password(server, &tokens, PASSWORD, NEW));
        let first = link(server, "secure-account", "ada@example.org");
        a_minute_later(server);
        assert_done(&change_password(server, &tokens, NEW, "ten silver gates of Tyre"));
        assert_eq!(links(server, "secure-account", "ada@example.org").len(), 2);
        assert_done(&follow(server, "/auth/secure-account", &first));
        assert_problem(&log_in(server, "ada@example.org", "ten silver gates of Tyre"), 401, "invalid_credentials");
    }
}
