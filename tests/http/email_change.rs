//! `POST /users/me/email`, and what the links of a change of address do.

use serde_json::json;

use crate::audit;
use crate::calls::{ask_for_address, follow, forgot, log_in, move_to, register, verify_as};
use crate::contract::{assert_accepted, assert_done, assert_problem, assert_refused_fields, assert_tokens};
use crate::jwt::text;
use crate::mails::{a_minute_later, link, links, mails_to, subjects_to};
use crate::support::{PASSWORD, Server, at_once, on_every_database};
use crate::users_me::eleven_minutes_later;

const CONFIRM: &str = "/auth/email/change/confirm";
const UNDO: &str = "/auth/email/change/undo";

on_every_database! {
    /// P-20: nothing changes before the new address has confirmed.
    fn a_change_is_asked_for_confirmed_and_told(server: &Server) {
        let tokens = server.register("ada@example.org");
        let other = server.log_in("ada@example.org");
        assert_accepted(&ask_for_address(server, &tokens, " Ada.New@Bücher.example "), "accepted");
        let confirm = link(server, "change-email", "Ada.New@xn--bcher-kva.example");
        assert_eq!(server.as_user(&tokens).get("/users/me").json()["email"], "ada@example.org");
        assert_tokens(&log_in(server, "ada@example.org", PASSWORD), 200);
        assert_problem(&log_in(server, "ada.new@bücher.example", PASSWORD), 401, "invalid_credentials");
        assert_accepted(&forgot(server, "ada.new@bücher.example"), "accepted");
        assert!(links(server, "reset-password", "ada.new@xn--bcher-kva.example").is_empty());

        assert_done(&follow(server, CONFIRM, &confirm));
        let user = server.as_user(&tokens).get("/users/me").json();
        assert_eq!((&user["email"], &user["email_verified"]), (&json!("Ada.New@Bücher.example"), &json!(true)));
        assert_tokens(&server.refresh(&tokens), 200);
        assert_problem(&server.as_user(&other).get("/users/me"), 401, "session_revoked");
        assert_problem(&log_in(server, "ada@example.org", PASSWORD), 401, "invalid_credentials");
        assert_tokens(&log_in(server, "ada.new@bücher.example", PASSWORD), 200);
        let notice = mails_to(server, "ada@example.org").pop().unwrap();
        assert_eq!(notice.subject(), "Your email address for Gatehouse was changed");
        assert!(notice.links()[0].contains("/link/undo-email?token=ot_"), "{:?}", notice.links());
        let id = text(&tokens["user"]["id"]);
        for event in ["email.change_requested", "email.changed"] {
            assert_eq!(audit::count(&server.database, event, id), 1, "{event}");
        }
        assert_problem(&follow(server, CONFIRM, &confirm), 400, "token_invalid_or_expired");
    }

    /// P-20, 7.5.1 of the ASVS: whoever is not fresh from a sign-in shows the password.
    fn a_change_wants_a_fresh_proof(server: &Server) {
        let tokens = eleven_minutes_later(server, &server.register("ada@example.org"));
        let ask = |proof: &[(&str, &str)]| {
            let mut body = json!({ "new_email": "new@example.org" });
            for (field, value) in proof {
                body[field] = json!(value);
            }
            server.as_user(&tokens).post("/users/me/email", &body)
        };
        assert_problem(&ask(&[]), 403, "reauth_required");
        for wrong in ["wrong wooden gates", "", &"x".repeat(5000)] {
            assert_problem(&ask(&[("password", wrong)]), 401, "invalid_credentials");
        }
        assert_problem(&ask(&[("code", "000000")]), 401, "invalid_code");
        assert!(mails_to(server, "new@example.org").is_empty());
        assert_accepted(&ask(&[("password", PASSWORD)]), "accepted");
        assert_eq!(links(server, "change-email", "new@example.org").len(), 1);
        let fresh = server.log_in("ada@example.org");
        let wrong = json!({ "new_email": "new@example.org", "password": "wrong wooden gates" });
        assert_problem(&server.as_user(&fresh).post("/users/me/email", &wrong), 401, "invalid_credentials");
    }

    fn what_is_no_address_is_refused(server: &Server) {
        let tokens = server.register("ada@example.org");
        let long = format!("{}@example.org", "a".repeat(320));
        for address in [
            "", "ada", "a@b@c.example", "<a@example.org>", "a@example.org, b@example.org", "a@example.org\0",
            "a@example.org\r\nBcc: b@example.org", &long,
        ] {
            assert_refused_fields(&ask_for_address(server, &tokens, address), &[("new_email", "invalid_email")]);
        }
        assert_eq!(server.database.count("audit_events WHERE event = 'email.change_requested'"), 0);
    }

    /// P-18: nobody learns whether an address is taken; its owner does, and nothing is taken over.
    fn an_address_of_somebody_else_is_not_told_and_not_taken(server: &Server) {
        let tokens = server.register("ada@example.org");
        server.register("eve@example.org");
        let taken = ask_for_address(server, &tokens, "EVE@example.org");
        // A later request takes the mail of an earlier one out of the queue.
        crate::mails::settle(server);
        let free = ask_for_address(server, &tokens, "free@example.org");
        assert_eq!(crate::contract::bytes(&taken), crate::contract::bytes(&free));
        assert!(links(server, "change-email", "eve@example.org").is_empty());
        let told = mails_to(server, "eve@example.org").pop().unwrap();
        assert_eq!((told.subject().as_str(), told.links().len()), ("You have an account at Gatehouse already", 0));
    }

    /// P-18: the address was free when the mail was sent, and is somebody's when its link is opened.
    fn an_address_that_was_taken_meanwhile_stays_with_whom_it_is(server: &Server) {
        let tokens = server.register("ada@example.org");
        assert_accepted(&ask_for_address(server, &tokens, "new@example.org"), "accepted");
        let confirm = link(server, "change-email", "new@example.org");
        let other = server.register("new@example.org");
        assert_problem(&follow(server, CONFIRM, &confirm), 400, "token_invalid_or_expired");
        assert_eq!(server.as_user(&tokens).get("/users/me").json()["email"], "ada@example.org");
        assert_eq!(server.as_user(&other).get("/users/me").json()["email"], "new@example.org");
    }

    /// P-18: of two who both asked for one address the first to confirm has it.
    fn of_two_who_want_one_address_one_gets_it(server: &Server) {
        let users = [server.register("ada@example.org"), server.register("eve@example.org")];
        let confirms = users.each_ref().map(|tokens| {
            a_minute_later(server);
            assert_accepted(&ask_for_address(server, tokens, "new@example.org"), "accepted");
            link(server, "change-email", "new@example.org")
        });
        let statuses = at_once(2, |index| follow(server, CONFIRM, &confirms[index]).status);
        assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
        assert_eq!(server.database.count("users WHERE email = 'new@example.org'"), 1);
    }

    /// Another spelling of one's own address is a change of spelling: nobody else could have it, so there is nothing to
    /// take back.
    fn an_address_may_be_spelt_anew(server: &Server) {
        let tokens = server.register("ada@example.org");
        assert_done(&verify_as(server, &tokens, &link(server, "verify-email", "ada@example.org")));
        assert_accepted(&ask_for_address(server, &tokens, "Ada@Example.org"), "accepted");
        assert_done(&follow(server, CONFIRM, &link(server, "change-email", "ada@example.org")));
        assert_eq!(server.as_user(&tokens).get("/users/me").json()["email"], "Ada@Example.org");
        assert!(links(server, "undo-email", "ada@example.org").is_empty());
        assert_eq!(server.database.count("reserved_addresses"), 0);
        assert_tokens(&log_in(server, "ada@example.org", PASSWORD), 200);
    }

    /// P-27: only the newest request can be confirmed.
    fn an_older_request_ends_with_a_newer_one(server: &Server) {
        let tokens = server.register("ada@example.org");
        assert_accepted(&ask_for_address(server, &tokens, "one@example.org"), "accepted");
        let one = link(server, "change-email", "one@example.org");
        assert_accepted(&ask_for_address(server, &tokens, "two@example.org"), "accepted");
        let two = link(server, "change-email", "two@example.org");
        assert_problem(&follow(server, CONFIRM, &one), 400, "token_invalid_or_expired");
        assert_done(&follow(server, CONFIRM, &two));
        assert_eq!(server.as_user(&tokens).get("/users/me").json()["email"], "two@example.org");
    }

    fn links_are_good_for_an_hour_and_for_a_week(server: &Server) {
        for (minutes, status) in [(59, 204), (61, 400)] {
            let tokens = server.register(&format!("{minutes}@example.org"));
            let address = format!("new-{minutes}@example.org");
            assert_accepted(&ask_for_address(server, &tokens, &address), "accepted");
            let confirm = link(server, "change-email", &address);
            let earlier = server.database.earlier("expires_at", minutes * 60);
            server.database.execute(&format!("UPDATE one_time_tokens SET expires_at = {earlier} WHERE purpose = 'change_email'"));
            assert_eq!(follow(server, CONFIRM, &confirm).status, status, "{minutes}");
        }
        for (hours, status) in [(7 * 24 - 1, 204), (7 * 24 + 1, 400)] {
            let tokens = server.register(&format!("{hours}@example.org"));
            move_to(server, &tokens, &format!("new-{hours}@example.org"));
            let undo = link(server, "undo-email", &format!("{hours}@example.org"));
            let earlier = server.database.earlier("expires_at", hours * 3600);
            server.database.execute(&format!("UPDATE one_time_tokens SET expires_at = {earlier} WHERE purpose = 'undo_email_change'"));
            assert_eq!(follow(server, UNDO, &undo).status, status, "{hours}");
        }
    }

    /// The old address is kept for its owner for a week, and no longer.
    fn the_old_address_is_reserved_for_seven_days(server: &Server) {
        let tokens = server.register("ada@example.org");
        move_to(server, &tokens, "new@example.org");
        assert_problem(&register(server, "ADA@example.org", PASSWORD), 409, "email_taken");
        let eve = server.register("eve@example.org");
        assert_accepted(&ask_for_address(server, &eve, "ada@example.org"), "accepted");
        assert!(links(server, "change-email", "ada@example.org").is_empty());
        let earlier = server.database.earlier("expires_at", 7 * 86400);
        server.database.execute(&format!("UPDATE reserved_addresses SET expires_at = {earlier}"));
        assert_tokens(&register(server, "ada@example.org", PASSWORD), 201);
    }

    /// A link to undo a change is no use once somebody else may have the address.
    fn an_address_comes_back_only_while_it_is_free(server: &Server) {
        let tokens = server.register("ada@example.org");
        move_to(server, &tokens, "new@example.org");
        let undo = link(server, "undo-email", "ada@example.org");
        server.database.execute("DELETE FROM reserved_addresses");
        server.register("ada@example.org");
        assert_problem(&follow(server, UNDO, &undo), 400, "token_invalid_or_expired");
        assert_eq!(server.as_user(&tokens).get("/users/me").json()["email"], "new@example.org");
    }

    /// P-21: whoever is signed in where a link is opened, it acts on whom it was made for.
    fn a_link_acts_on_its_own_user_in_whatever_browser_it_is_opened(server: &Server) {
        let (ada, eve) = (server.register("ada@example.org"), server.register("eve@example.org"));
        assert_accepted(&ask_for_address(server, &ada, "new@example.org"), "accepted");
        let token = json!({ "token": link(server, "change-email", "new@example.org") });
        assert_done(&server.as_user(&eve).post(CONFIRM, &token));
        assert_eq!(server.as_user(&ada).get("/users/me").json()["email"], "new@example.org");
        assert_eq!(server.as_user(&eve).get("/users/me").json(), eve["user"]);
        let token = json!({ "token": link(server, "undo-email", "ada@example.org") });
        assert_done(&server.as_user(&eve).post(UNDO, &token));
        assert_eq!(server.as_user(&eve).get("/users/me").json(), eve["user"]);
        assert_problem(&server.as_user(&ada).get("/users/me"), 401, "session_revoked");
        assert!(subjects_to(server, "eve@example.org").len() == 1);
    }
}
