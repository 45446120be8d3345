//! What strangers can find out about who has an account: nothing (P-05, P-16, P-29).

use serde_json::json;

use crate::calls::{forgot, log_in, register, resend, verify_as};
use crate::contract::{assert_accepted, assert_done, assert_problem, assert_tokens, bytes};
use crate::jwt::text;
use crate::mails::{a_minute_later, link, links, mails_to};
use crate::support::{PASSWORD, Response, Server, on_every_database};

/// Addresses of all kinds of people: of the second, nobody has an account.
const PEOPLE: [&str; 6] = [
    "user@example.org",
    "stranger@example.org",
    "verified@example.org",
    "disabled@example.org",
    "passwordless@example.org",
    "USER@EXAMPLE.ORG",
];

fn settle_in(server: &Server) {
    for email in ["user@example.org", "verified@example.org", "disabled@example.org", "passwordless@example.org"] {
        let tokens = server.register(email);
        let id = server.database.id(text(&tokens["user"]["id"]));
        let update = |change: &str| server.database.execute(&format!("UPDATE users SET {change} WHERE id = {id}"));
        match email {
            "verified@example.org" => assert_done(&verify_as(server, &tokens, &link(server, "verify-email", email))),
            "disabled@example.org" => update(&format!("disabled_at = {}", server.database.now())),
            "passwordless@example.org" => update("password_hash = NULL"),
            _ => {}
        }
    }
    a_minute_later(server);
    server.sink().forget_mails();
}

#[track_caller]
fn assert_all_alike(answers: &[Response]) {
    for answer in answers {
        assert_accepted(answer, "accepted");
        assert_eq!(bytes(answer), bytes(&answers[0]));
    }
}

on_every_database! {
    /// P-05
    fn who_forgot_a_password_learns_nothing_from_the_answer(server: &Server) {
        settle_in(server);
        assert_all_alike(&PEOPLE.map(|email| forgot(server, email)));
        for (email, count) in PEOPLE.into_iter().zip([1, 0, 1, 0, 1]) {
            assert_eq!(links(server, "reset-password", email).len(), count, "{email}");
            assert_eq!(mails_to(server, email).len(), count, "{email}");
        }
    }

    /// P-29
    fn who_wants_the_mail_again_learns_nothing_from_the_answer(server: &Server) {
        settle_in(server);
        assert_all_alike(&PEOPLE.map(|email| resend(server, email)));
        for (email, count) in PEOPLE.into_iter().zip([1, 0, 0, 0, 1]) {
            assert_eq!(links(server, "verify-email", email).len(), count, "{email}");
            assert_eq!(mails_to(server, email).len(), count, "{email}");
        }
    }

    /// P-16: without required verification the answer tells that an address is taken, and nobody gets a mail for it.
    fn a_taken_address_is_a_conflict_and_its_owner_hears_nothing_of_it(server: &Server) {
        settle_in(server);
        for email in ["user@example.org", "VERIFIED@example.org", "disabled@example.org", "passwordless@example.org"] {
            assert_problem(&register(server, email, "nine bronze gates of Troy"), 409, "email_taken");
            assert!(mails_to(server, email).is_empty());
        }
        assert_tokens(&log_in(server, "user@example.org", PASSWORD), 200);
        assert_problem(&log_in(server, "user@example.org", "nine bronze gates of Troy"), 401, "invalid_credentials");
        assert_tokens(&register(server, "stranger@example.org", PASSWORD), 201);
        assert_eq!(links(server, "verify-email", "stranger@example.org").len(), 1);
    }

    /// The answers of links don't tell of whom they are either.
    fn a_link_of_nobody_and_a_dead_one_get_the_same_answer(server: &Server) {
        let tokens = server.register("ada@example.org");
        let verify = link(server, "verify-email", "ada@example.org");
        assert_done(&verify_as(server, &tokens, &verify));
        for path in [
            "/auth/email/verify", "/auth/password/reset", "/auth/secure-account", "/auth/email/change/confirm",
            "/auth/email/change/undo",
        ] {
            let answers = ["ot_unknown", verify.as_str()].map(|token| {
                let mut body = json!({ "token": token });
                if path == "/auth/password/reset" {
                    body["new_password"] = json!("nine bronze gates of Troy");
                }
                crate::contract::without_id_and_time(&server.client.post(path, &body))
            });
            assert_eq!(answers[0], answers[1], "{path}");
        }
    }
}
