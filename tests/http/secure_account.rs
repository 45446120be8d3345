//! `POST /auth/secure-account`: the emergency exit in security mails.

use crate::audit;
use crate::calls::{change_password, follow, log_in, reset};
use crate::contract::{assert_done, assert_problem, assert_tokens, without_id_and_time};
use crate::jwt::text;
use crate::mails::{link, links, mails_to, settle, subjects_to};
use crate::support::{PASSWORD, Server, ServerOptions, at_once, on_every_database};

const NEW: &str = "nine bronze gates of Troy";
const PATH: &str = "/auth/secure-account";

on_every_database! {
    /// The thief has changed the password; its owner takes the account back.
    fn the_owner_takes_an_account_back_by_the_mail_about_the_password(server: &Server) {
        let owner = server.register("ada@example.org");
        let thief = server.log_in("ada@example.org");
        assert_done(&change_password(server, &thief, PASSWORD, "the thief's own password"));
        assert_problem(&server.as_user(&owner).get("/users/me"), 401, "session_revoked");
        let exit = link(server, "secure-account", "ada@example.org");
        assert_done(&follow(server, PATH, &exit));
        assert_problem(&server.as_user(&thief).get("/users/me"), 401, "session_revoked");
        assert_problem(&server.refresh(&thief), 401, "refresh_token_invalid");
        let unknown = log_in(server, "nobody@example.org", PASSWORD);
        for password in ["the thief's own password", PASSWORD] {
            let refused = log_in(server, "ada@example.org", password);
            assert_eq!(without_id_and_time(&refused), without_id_and_time(&unknown));
        }
        let token = link(server, "reset-password", "ada@example.org");
        assert_done(&reset(server, &token, NEW));
        assert_tokens(&log_in(server, "ada@example.org", NEW), 200);
        assert_eq!(audit::count(&server.database, "account.secured", text(&owner["user"]["id"])), 1);
    }

    /// REQ-11: the reuse of a refresh token is told, and the mail has the way out.
    fn the_alert_of_a_reused_refresh_token_leads_out_too(server: &Server, ServerOptions::default().set("AUTH_REFRESH_GRACE", "0s")) {
        let first = server.register("ada@example.org");
        let second = assert_tokens(&server.refresh(&first), 200);
        assert_tokens(&server.refresh(&second), 200);
        assert_problem(&server.refresh(&first), 401, "refresh_token_reused");
        let alert = mails_to(server, "ada@example.org").pop().unwrap();
        assert_eq!(alert.subject(), "You were signed out of Gatehouse for your safety");
        let exit = link(server, "secure-account", "ada@example.org");
        assert_eq!(alert.link_token().as_deref(), Some(exit.as_str()));
        let tokens = server.log_in("ada@example.org");
        assert_done(&follow(server, PATH, &exit));
        assert_problem(&server.as_user(&tokens).get("/users/me"), 401, "session_revoked");
        assert_problem(&log_in(server, "ada@example.org", PASSWORD), 401, "invalid_credentials");
        assert_done(&reset(server, &link(server, "reset-password", "ada@example.org"), NEW));
        assert_tokens(&log_in(server, "ada@example.org", NEW), 200);
    }

    /// REQ-11: an honest client that repeats a refresh within the grace alarms nobody.
    fn an_honest_repetition_alarms_nobody(server: &Server) {
        let first = server.register("ada@example.org");
        for _ in 0..3 {
            assert_tokens(&server.refresh(&first), 200);
        }
        assert!(links(server, "secure-account", "ada@example.org").is_empty());
    }

    fn the_link_works_once_and_only_as_it_was_mailed(server: &Server) {
        let tokens = server.register("ada@example.org");
        assert_done(&change_password(server, &tokens, PASSWORD, NEW));
        let exit = link(server, "secure-account", "ada@example.org");
        for other in ["", "ot_", &exit[..45], &exit[3..], &exit.to_ascii_uppercase(), &format!("{exit} "), "a\0b"] {
            assert_problem(&follow(server, PATH, other), 400, "token_invalid_or_expired");
        }
        assert_eq!(server.as_user(&tokens).get("/users/me").status, 200, "nothing has happened so far");
        assert_done(&follow(server, PATH, &exit));
        assert_problem(&follow(server, PATH, &exit), 400, "token_invalid_or_expired");
    }

    fn the_link_is_good_for_72_hours(server: &Server) {
        for (hours, status) in [(71, 204), (73, 400)] {
            let email = format!("{hours}@example.org");
            let tokens = server.register(&email);
            assert_done(&change_password(server, &tokens, PASSWORD, NEW));
            let exit = link(server, "secure-account", &email);
            let earlier = server.database.earlier("expires_at", hours * 3600);
            server.database.execute(&format!("UPDATE one_time_tokens SET expires_at = {earlier} WHERE purpose = 'secure_account'"));
            let answer = follow(server, PATH, &exit);
            assert_eq!(answer.status, status, "{hours}: {answer:?}");
        }
    }

    /// Of many at once one wins, and there is one mail to set a new password.
    fn of_many_at_once_one_wins(server: &Server) {
        let tokens = server.register("ada@example.org");
        assert_done(&change_password(server, &tokens, PASSWORD, NEW));
        let exit = link(server, "secure-account", "ada@example.org");
        let answers = at_once(16, |_| follow(server, PATH, &exit));
        assert_eq!(answers.iter().filter(|answer| answer.status == 204).count(), 1, "{answers:#?}");
        for lost in answers.iter().filter(|answer| answer.status != 204) {
            assert_problem(lost, 400, "token_invalid_or_expired");
        }
        assert_eq!(links(server, "reset-password", "ada@example.org").len(), 1);
    }

    /// New sign-ins from elsewhere are told, the first of all and those from the same place aren't.
    fn a_sign_in_from_a_new_device_is_told(server: &Server) {
        let firefox = server.client.header("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0");
        let phone = server.client.header("User-Agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Safari/604.1");
        let body = serde_json::json!({ "email": "ada@example.org", "password": PASSWORD });
        let login = serde_json::json!({ "identifier": "ada@example.org", "password": PASSWORD });
        assert_tokens(&firefox.post("/auth/register", &body), 201);
        assert_tokens(&firefox.post("/auth/login", &login), 200);
        assert!(links(server, "secure-account", "ada@example.org").is_empty());
        let stolen = assert_tokens(&phone.post("/auth/login", &login), 200);
        let alert = mails_to(server, "ada@example.org").pop().unwrap();
        assert_eq!(alert.subject(), "New sign-in to Gatehouse");
        assert!(alert.text().contains("Device: Safari on iPhone"), "{}", alert.text());
        assert_tokens(&phone.post("/auth/login", &login), 200);
        assert_eq!(links(server, "secure-account", "ada@example.org").len(), 1);
        assert_done(&follow(server, PATH, &link(server, "secure-account", "ada@example.org")));
        assert_problem(&server.as_user(&stolen).get("/users/me"), 401, "session_revoked");
    }

    fn notices_of_new_devices_can_be_switched_off(server: &Server, ServerOptions::default().set("AUTH_NOTIFY_NEW_DEVICE", "false")) {
        server.register("ada@example.org");
        let login = serde_json::json!({ "identifier": "ada@example.org", "password": PASSWORD });
        assert_tokens(&server.client.header("User-Agent", "curl/8.5").post("/auth/login", &login), 200);
        settle(server);
        assert_eq!(subjects_to(server, "ada@example.org"), ["Verify your email address for Gatehouse"]);
    }
}
