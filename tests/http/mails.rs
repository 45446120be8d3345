//! The mails of a server, as those find them who get them.

use serde_json::json;
use smtp_sink::ReceivedMail;

use crate::support::{Server, eventually};

/// Waits until every mail that was asked for so far is sent, or was found not to be sent.
pub(crate) fn settle(server: &Server) {
    let waiting = "email_outbox WHERE sent_at IS NULL AND failed_at IS NULL";
    eventually("the outbox is empty", || server.database.count(waiting) == 0);
}

/// The mails to an address in any spelling of its letters' case, the oldest first.
pub(crate) fn mails_to(server: &Server, recipient: &str) -> Vec<ReceivedMail> {
    settle(server);
    let is_theirs = |mail: &ReceivedMail| mail.to.iter().any(|to| to.eq_ignore_ascii_case(recipient));
    server.sink().mails().into_iter().filter(is_theirs).collect()
}

/// The subjects of the mails to an address.
pub(crate) fn subjects_to(server: &Server, recipient: &str) -> Vec<String> {
    mails_to(server, recipient).iter().map(ReceivedMail::subject).collect()
}

/// The token of the newest mail to `recipient` whose link leads to `purpose`.
#[track_caller]
pub(crate) fn link(server: &Server, purpose: &str, recipient: &str) -> String {
    let mails = mails_to(server, recipient);
    let newest = mails.iter().rev().find(|mail| leads_to(mail, purpose));
    let newest = newest.unwrap_or_else(|| panic!("no {purpose} for {recipient} in {} mails", mails.len()));
    newest.link_token().expect("one link with a token")
}

/// The tokens of all mails to `recipient` whose links lead to `purpose`, the oldest first.
pub(crate) fn links(server: &Server, purpose: &str, recipient: &str) -> Vec<String> {
    let mails = mails_to(server, recipient);
    mails.iter().filter(|mail| leads_to(mail, purpose)).filter_map(ReceivedMail::link_token).collect()
}

pub(crate) fn leads_to(mail: &ReceivedMail, purpose: &str) -> bool {
    mail.links().iter().any(|link| link.contains(&format!("/link/{purpose}?")))
}

/// As if a minute had passed: another mail of the same kind may go to the same address.
pub(crate) fn a_minute_later(server: &Server) {
    settle(server);
    server.database.execute("DELETE FROM mail_budgets WHERE purpose NOT LIKE '*/%'");
}

/// Asks for a link to set a new password for the account of `email`: its token.
#[track_caller]
pub(crate) fn reset_link(server: &Server, email: &str) -> String {
    a_minute_later(server);
    assert_eq!(server.client.post("/auth/password/forgot", &json!({ "email": email })).status, 202);
    link(server, "reset-password", email)
}
