//! W-17: what is mailed is not logged, at any level.

use std::sync::Arc;

use serde_json::json;
use smtp_sink::{Mode, ReceivedMail};

use crate::calls::{
    answer_with_link, answer_with_password, ask_for_address, change_password, follow, forgot, log_in, resend, reset,
    verify_as,
};
use crate::contract::assert_tokens;
use crate::mails::{a_minute_later, link, reset_link, settle};
use crate::support::{Backend, Ended, Server, ServerOptions, TestDatabase, eventually};

const EMAIL: &str = "canary-address@example.org";

/// Goes through everything that mails are sent for, well and badly, and returns the mails.
fn use_everything(server: &Server) -> Vec<ReceivedMail> {
    let register = json!({ "email": EMAIL, "password": "canary-password of Thebes", "display_name": "canary-name" });
    let tokens = assert_tokens(&server.client.post("/auth/register", &register), 201);
    let verify = link(server, "verify-email", EMAIL);
    for token in ["ot_canary", &verify] {
        follow(server, "/auth/email/verify", token);
        reset(server, token, "canary-password two");
        answer_with_link(server, token, Some(&verify));
        server.client.get(&format!("/link/verify-email?token={token}"));
        server.client.get(&format!("/auth/email/verify?token={token}&email={EMAIL}"));
    }
    verify_as(server, &tokens, &verify);
    for email in [EMAIL, "canary-stranger@example.org", "canary@@example.org", "canary\r\n@example.org"] {
        forgot(server, email);
        resend(server, email);
        ask_for_address(server, &tokens, email);
    }
    change_password(server, &tokens, "canary-password wrong", "canary-password two");
    change_password(server, &tokens, "canary-password of Thebes", "canary-password two");
    let exit = link(server, "secure-account", EMAIL);
    ask_for_address(server, &tokens, "canary-new@example.org");
    follow(server, "/auth/email/change/confirm", &link(server, "change-email", "canary-new@example.org"));
    follow(server, "/auth/email/change/undo", &link(server, "undo-email", EMAIL));
    follow(server, "/auth/secure-account", &exit);
    reset(server, &reset_link(server, EMAIL), "short");
    reset(server, &reset_link(server, EMAIL), "canary-password three");
    server.database.execute(&format!("UPDATE users SET password_must_change = {}", server.database.yes()));
    let challenge = log_in(server, EMAIL, "canary-password three").json()["challenge"]["token"].clone();
    let challenge = challenge.as_str().unwrap();
    answer_with_password(server, challenge, "short");
    answer_with_password(server, challenge, "canary-password four");
    settle(server);
    server.sink().mails()
}

/// The mail server misbehaves in each way, and quotes what it was sent in its replies.
fn misbehave(server: &Server) -> Vec<ReceivedMail> {
    let modes = [
        Mode::RefuseContent,
        Mode::RefuseRecipient(EMAIL.to_owned()),
        Mode::RefuseAll,
        Mode::RefuseSender,
        Mode::Defer(451),
        Mode::Defer(421),
        Mode::CloseOnConnect,
        Mode::DropBeforeReply,
    ];
    for mode in modes {
        server.database.execute("DELETE FROM mail_budgets");
        let before = server.sink().connections();
        let mails = server.sink().commands("MAIL");
        server.sink().set_mode(mode);
        forgot(server, EMAIL);
        eventually("it was tried", || server.sink().connections() > before || server.sink().commands("MAIL") > mails);
    }
    server.sink().set_mode(Mode::Accept);
    eventually("all arrives", || {
        let retried: Ended = Server::command(&server.database, ServerOptions::default(), &["outbox", "retry", "--all"]);
        assert_eq!(retried.code, Some(0), "{retried:?}");
        server.database.count("email_outbox WHERE sent_at IS NULL") == 0
    });
    server.sink().mails()
}

fn nothing_of_a_mail_is_logged(backend: &Backend, level: &str) {
    let options = ServerOptions::default().set("AUTH_LOG", level).set("AUTH_BREAKER_RECOVERY", "100ms");
    let server = Server::start_on(Arc::new(TestDatabase::new(backend)), options);
    let mut mails = use_everything(&server);
    a_minute_later(&server);
    mails.extend(misbehave(&server));
    let tokens: Vec<String> = mails.iter().filter_map(ReceivedMail::link_token).collect();
    assert!(tokens.len() > 8, "{}", tokens.len());
    server.terminate();
    let log = server.log();
    assert!(log.iter().any(|line| line.contains("a mail was refused for good")), "the faults above were logged");
    for line in &log {
        assert!(!line.contains("canary") && !line.contains("$argon2"), "{line}");
        for token in &tokens {
            // Not the first characters of it either, which a cut quotation could have.
            assert!(!line.contains(&token[3..15]), "{token} in {line}");
        }
    }
}

#[test]
fn nothing_of_a_mail_is_logged_at_any_level_on_sqlite() {
    for level in ["debug", "trace"] {
        nothing_of_a_mail_is_logged(&Backend::Sqlite, level);
    }
}

#[test]
fn nothing_of_a_mail_is_logged_at_any_level_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        nothing_of_a_mail_is_logged(&backend, "debug");
    }
}
