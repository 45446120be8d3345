//! Whole ways through recovery, as a user goes them.

use serde_json::json;

use crate::audit;
use crate::calls::{ask_for_address, change_password, follow, log_in, move_to, reset, verify_as};
use crate::contract::{assert_done, assert_problem, assert_tokens};
use crate::jwt::text;
use crate::mails::{a_minute_later, link, links, mails_to, reset_link, subjects_to};
use crate::support::{PASSWORD, Server, on_every_database};

const NEW: &str = "nine bronze gates of Troy";
const UNDO: &str = "/auth/email/change/undo";

on_every_database! {
    /// Register, read the mail, verify.
    fn a_new_user_verifies_the_address(server: &Server) {
        let body = json!({ "email": "ada@example.org", "password": PASSWORD, "username": "ada" });
        let tokens = assert_tokens(&server.client.post("/auth/register", &body), 201);
        assert_eq!(subjects_to(server, "ada@example.org"), ["Verify your email address for Gatehouse"]);
        assert_done(&verify_as(server, &tokens, &link(server, "verify-email", "ada@example.org")));
        let user = assert_tokens(&log_in(server, "ada", PASSWORD), 200)["user"].clone();
        assert_eq!((&user["email_verified"], &user["username"]), (&json!(true), &json!("ada")));
    }

    /// Forget, reset, find the old sessions dead, log in, forget once more.
    fn a_forgetful_user_gets_back_in_twice(server: &Server) {
        let mut tokens = server.register("ada@example.org");
        for password in [NEW, "ten silver gates of Tyre"] {
            assert_done(&reset(server, &reset_link(server, "ada@example.org"), password));
            assert_problem(&server.refresh(&tokens), 401, "refresh_token_invalid");
            tokens = assert_tokens(&log_in(server, "ada@example.org", password), 200);
        }
        for old in [PASSWORD, NEW] {
            assert_problem(&log_in(server, "ada@example.org", old), 401, "invalid_credentials");
        }
    }

    /// A thief moves the account to an address of theirs; the owner takes the change back from the old one.
    fn the_owner_takes_a_change_of_address_back(server: &Server) {
        let owner = server.register("ada@example.org");
        let thief = server.log_in("ada@example.org");
        assert_done(&change_password(server, &thief, PASSWORD, "the thief's own password"));
        move_to(server, &thief, "thief@example.org");
        a_minute_later(server);
        move_to(server, &thief, "thief-too@example.org");
        let (undo, thief_s_undo) = (link(server, "undo-email", "ada@example.org"), link(server, "undo-email", "thief@example.org"));
        assert_eq!(ask_for_address(server, &thief, "thief-three@example.org").status, 202);
        let pending = link(server, "change-email", "thief-three@example.org");

        assert_done(&follow(server, UNDO, &undo));
        assert_problem(&follow(server, UNDO, &undo), 400, "token_invalid_or_expired");
        assert_problem(&server.as_user(&thief).get("/users/me"), 401, "session_revoked");
        assert_problem(&server.refresh(&thief), 401, "refresh_token_invalid");
        for identifier in ["thief-too@example.org", "ada@example.org"] {
            for password in ["the thief's own password", PASSWORD] {
                assert_problem(&log_in(server, identifier, password), 401, "invalid_credentials");
            }
        }
        assert_problem(&follow(server, "/auth/email/change/confirm", &pending), 400, "token_invalid_or_expired");
        assert_problem(&follow(server, UNDO, &thief_s_undo), 400, "token_invalid_or_expired");

        assert_done(&reset(server, &link(server, "reset-password", "ada@example.org"), NEW));
        let user = assert_tokens(&log_in(server, "ada@example.org", NEW), 200)["user"].clone();
        assert_eq!((&user["id"], &user["email"]), (&owner["user"]["id"], &json!("ada@example.org")));
        assert_eq!(audit::count(&server.database, "email.change_undone", text(&user["id"])), 1);
        for theirs in ["thief@example.org", "thief-too@example.org"] {
            assert!(links(server, "reset-password", theirs).is_empty());
        }
    }

    /// The thief asks for a mail to the old address's neighbour first: the link in the earlier mail still takes all back.
    fn the_first_link_takes_back_all_later_changes(server: &Server) {
        let tokens = server.register("ada@example.org");
        for address in ["one@example.org", "two@example.org", "three@example.org"] {
            a_minute_later(server);
            move_to(server, &tokens, address);
        }
        let undo_of_second = link(server, "undo-email", "one@example.org");
        assert_done(&follow(server, UNDO, &link(server, "undo-email", "ada@example.org")));
        assert_problem(&follow(server, UNDO, &undo_of_second), 400, "token_invalid_or_expired");
        assert_eq!(server.database.texts("email", "users"), ["ada@example.org"]);
    }

    /// The owner secures the account while a change of address by the thief is on its way.
    fn securing_ends_what_the_thief_has_begun(server: &Server) {
        server.register("ada@example.org");
        let thief = server.log_in("ada@example.org");
        assert_done(&change_password(server, &thief, PASSWORD, "the thief's own password"));
        assert_eq!(ask_for_address(server, &thief, "thief@example.org").status, 202);
        let (pending, thief_s_reset) = (link(server, "change-email", "thief@example.org"), reset_link(server, "ada@example.org"));
        assert_done(&follow(server, "/auth/secure-account", &link(server, "secure-account", "ada@example.org")));
        assert_problem(&follow(server, "/auth/email/change/confirm", &pending), 400, "token_invalid_or_expired");
        assert_problem(&reset(server, &thief_s_reset, "the thief's own password"), 400, "token_invalid_or_expired");
        assert_done(&reset(server, &link(server, "reset-password", "ada@example.org"), NEW));
        assert_tokens(&log_in(server, "ada@example.org", NEW), 200);
    }

    /// A deleted account takes its mails along; the next account of the address starts with none of its links.
    fn links_of_a_deleted_account_are_dead(server: &Server) {
        let tokens = server.register("ada@example.org");
        assert_done(&change_password(server, &tokens, PASSWORD, NEW));
        let exit = link(server, "secure-account", "ada@example.org");
        a_minute_later(server);
        assert_eq!(crate::calls::resend(server, "ada@example.org").status, 202);
        let verify = link(server, "verify-email", "ada@example.org");
        let reset_token = reset_link(server, "ada@example.org");
        assert_done(&server.as_user(&tokens).delete("/users/me"));
        assert_eq!(server.database.count("one_time_tokens"), 0);
        a_minute_later(server);
        let again = server.register("ada@example.org");
        assert_problem(&verify_as(server, &again, &verify), 400, "token_invalid_or_expired");
        assert_problem(&follow(server, "/auth/secure-account", &exit), 400, "token_invalid_or_expired");
        assert_problem(&reset(server, &reset_token, "ten silver gates of Tyre"), 400, "token_invalid_or_expired");
        assert_eq!(server.as_user(&again).get("/users/me").status, 200);
        assert_ne!(link(server, "verify-email", "ada@example.org"), verify);
    }

    /// REQ-40: what was mailed to me is in my export, and the address that is kept for me, and no link.
    fn the_export_tells_which_mails_were_sent_and_no_link(server: &Server) {
        let tokens = server.register("ada@example.org");
        move_to(server, &tokens, "new@example.org");
        let reset_token = reset_link(server, "new@example.org");
        let export = server.as_user(&tokens).get("/users/me/export");
        let mails = export.json()["mails"].as_array().unwrap().len();
        assert_eq!(mails, mails_to(server, "ada@example.org").len() + mails_to(server, "new@example.org").len());
        let reserved = &export.json()["reserved_addresses"];
        assert_eq!((reserved.as_array().unwrap().len(), &reserved[0]["address"]), (1, &json!("ada@example.org")));
        for secret in [&reset_token[3..], "token=", "secret"] {
            assert!(!export.text().contains(secret), "{export:?}");
        }
    }
}
