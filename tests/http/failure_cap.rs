//! A hundred wrong passwords in a row switch a password off, wherever they are tried (NIST SP 800-63B-4, section 3.2.2).

use serde_json::{Value, json};

use crate::audit;
use crate::calls::{change_password, log_in, reset, verify_by_password};
use crate::contract::{assert_done, assert_problem, assert_tokens, without_id_and_time};
use crate::jwt::text;
use crate::mails::{a_minute_later, link, mails_to, subjects_to};
use crate::support::{PASSWORD, Response, Server, at_once, on_every_database};

const WRONG: &str = "wrong wooden gates";
const NEW: &str = "nine bronze gates of Troy";
const DISABLED: &str = "Reset your password for Gatehouse: it was switched off";

fn wrong_log_ins(server: &Server, count: usize) -> Vec<Response> {
    (0..count).map(|_| log_in(server, "ada@example.org", WRONG)).collect()
}

fn disabled_mails(server: &Server) -> usize {
    subjects_to(server, "ada@example.org").iter().filter(|subject| *subject == DISABLED).count()
}

fn disabled_events(server: &Server, tokens: &Value) -> i64 {
    audit::count(&server.database, "password.disabled", text(&tokens["user"]["id"]))
}

on_every_database! {
    /// The right one gets the very answer of the wrong ones, one mail is sent, and its link is the way back.
    fn a_hundred_wrong_passwords_switch_the_password_off_until_a_reset(server: &Server) {
        let tokens = server.register("ada@example.org");
        let wrong = wrong_log_ins(server, 99);
        assert_eq!((disabled_mails(server), disabled_events(server, &tokens)), (0, 0));
        let hundredth = log_in(server, "ada@example.org", WRONG);
        let right = log_in(server, "ada@example.org", PASSWORD);
        let unknown = log_in(server, "nobody@example.org", PASSWORD);
        for answer in wrong.iter().chain([&hundredth, &right, &unknown]) {
            assert_problem(answer, 401, "invalid_credentials");
            assert_eq!(without_id_and_time(answer), without_id_and_time(&wrong[0]));
        }
        a_minute_later(server);
        wrong_log_ins(server, 20);
        assert_eq!((disabled_mails(server), disabled_events(server, &tokens)), (1, 1));
        assert_eq!(server.as_user(&tokens).get("/users/me").status, 200, "who is signed in stays");
        assert_tokens(&server.refresh(&tokens), 200);
        assert_problem(&change_password(server, &tokens, PASSWORD, NEW), 401, "invalid_credentials");

        let mail = mails_to(server, "ada@example.org").into_iter().find(|mail| mail.subject() == DISABLED).unwrap();
        assert_done(&reset(server, &mail.link_token().unwrap(), NEW));
        assert_tokens(&log_in(server, "ada@example.org", NEW), 200);
        assert_eq!(server.database.count("authenticator_failures"), 0);
        wrong_log_ins(server, 99);
        assert_tokens(&log_in(server, "ada@example.org", NEW), 200);
    }

    /// In a row: a right one in between begins the count anew.
    fn a_right_password_begins_the_count_anew(server: &Server) {
        server.register("ada@example.org");
        for _ in 0..2 {
            wrong_log_ins(server, 99);
            assert_tokens(&log_in(server, "ada@example.org", PASSWORD), 200);
        }
        assert_eq!(disabled_mails(server), 0);
    }

    /// Every call that checks a password shares the count.
    fn wrong_passwords_count_wherever_they_are_tried(server: &Server) {
        let tokens = server.register("ada@example.org");
        let verify = link(server, "verify-email", "ada@example.org");
        let me = server.as_user(&tokens);
        for _ in 0..20 {
            assert_problem(&log_in(server, "ada@example.org", WRONG), 401, "invalid_credentials");
            assert_problem(&change_password(server, &tokens, WRONG, NEW), 401, "invalid_credentials");
            let body = json!({ "password": WRONG });
            assert_problem(&me.request("DELETE", "/users/me", Some(&body)), 401, "invalid_credentials");
            let body = json!({ "new_email": "new@example.org", "password": WRONG });
            assert_problem(&me.post("/users/me/email", &body), 401, "invalid_credentials");
            assert_problem(&verify_by_password(server, &verify, WRONG), 401, "proof_required");
        }
        assert_eq!(server.database.texts("CAST(count AS TEXT)", "authenticator_failures"), ["100"]);
        assert_eq!((disabled_mails(server), disabled_events(server, &tokens)), (1, 1));
        assert_problem(&log_in(server, "ada@example.org", PASSWORD), 401, "invalid_credentials");
        let body = json!({ "password": PASSWORD });
        assert_problem(&me.request("DELETE", "/users/me", Some(&body)), 401, "invalid_credentials");
        assert_problem(&verify_by_password(server, &verify, PASSWORD), 401, "proof_required");
        assert_eq!(server.database.count("users"), 1);
    }

    /// Of many at once none is lost, and exactly one is the hundredth.
    fn many_at_once_are_all_counted(server: &Server) {
        let tokens = server.register("ada@example.org");
        at_once(12, |_| wrong_log_ins(server, 9));
        assert_eq!(server.database.texts("CAST(count AS TEXT)", "authenticator_failures"), ["108"]);
        assert_eq!((disabled_mails(server), disabled_events(server, &tokens)), (1, 1));
        assert_problem(&log_in(server, "ada@example.org", PASSWORD), 401, "invalid_credentials");
    }

    /// Nobody else is concerned: the count is of one user's password.
    fn the_count_is_of_one_user(server: &Server) {
        server.register("ada@example.org");
        server.register("eve@example.org");
        wrong_log_ins(server, 100);
        assert_tokens(&log_in(server, "eve@example.org", PASSWORD), 200);
        assert_eq!(subjects_to(server, "eve@example.org").len(), 1);
    }
}
