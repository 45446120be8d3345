//! What the database tells of the links in mails, and nobody else's business (R-21, REQ-53); and the operator's view.

use std::time::Duration;

use auth_service::OutboxEntry;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use smtp_sink::Mode;

use crate::bed::{Bed, Letter, Mailing, NEW_PASSWORD, PASSWORD, block_on, on_both_databases};

on_both_databases! {
    no_token_of_any_mail_can_be_read_in_the_database,
    a_sealed_token_is_gone_once_its_mail_is,
    a_sealed_token_belongs_to_its_row,
    a_queued_mail_holds_no_token_yet,
    the_operator_sees_what_waits_and_what_has_failed,
    the_operator_has_mails_tried_at_once,
    links_lead_where_the_operator_says,
    the_export_tells_of_mails_and_holds_no_token,
    a_mail_that_failed_is_tried_again_within_the_minute,
}

const ADA: &str = "ada@example.org";

/// A mail of every kind that has a link, sent while the rows were looked at before.
fn one_of_each(bed: &Bed, service: &Mailing) -> Vec<Letter> {
    let mut mails = Vec::new();
    let minute = || bed.clock().advance(Duration::from_mins(1));
    let ada = service.register(ADA);
    mails.extend(service.mails());
    service.forgot(ADA).unwrap();
    mails.extend(service.mails());
    service.change_password(&ada, PASSWORD, NEW_PASSWORD).unwrap();
    bed.clock().advance(Duration::from_millis(2));
    service.ask_for_address(&ada, "new@example.org").unwrap();
    let sent = service.mails();
    let change = sent.iter().find(|mail| mail.purpose == "change-email").unwrap().token.clone();
    mails.extend(sent);
    service.confirm_address(&change).unwrap();
    mails.extend(service.mails());
    minute();
    assert!(service.refresh(&bed.mint(ada.session, 0)).is_err());
    mails.extend(service.mails());
    let purposes: Vec<_> = mails.iter().map(|mail| mail.purpose.as_str()).collect();
    let expected = ["verify-email", "reset-password", "secure-account", "change-email", "undo-email", "secure-account"];
    assert_eq!(purposes, expected);
    mails
}

/// The ways in which a token could be written down.
fn spellings(token: &str) -> Vec<String> {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect::<String>();
    let body = token.strip_prefix("ot_").unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(body).unwrap();
    assert_eq!(bytes.len(), 32);
    let mut all = vec![body.to_owned(), hex(&bytes), hex(token.as_bytes()), STANDARD.encode(&bytes)];
    all.push(STANDARD.encode(token));
    all.push(body[..20].to_owned());
    all
}

/// raw, in hexadecimal digits, in base64; of mails sent, and of mails that wait with their token made.
fn no_token_of_any_mail_can_be_read_in_the_database(bed: &Bed) {
    let service = bed.mailing();
    let mails = one_of_each(bed, &service);
    service.sink.set_mode(Mode::DropBeforeReply);
    service.register("bob@example.org");
    service.deliver();
    let waiting = service.arrived();
    assert_eq!(bed.count("email_outbox", "secret_sealed IS NOT NULL"), 1);
    let dump = bed.dump().to_lowercase();
    assert!(dump.contains(ADA) && dump.contains("verify_email"), "the dump shows what is there");
    for mail in mails.iter().chain(&waiting) {
        for spelling in spellings(&mail.token) {
            assert!(!dump.contains(&spelling.to_lowercase()), "{mail:?}");
        }
    }
}

fn a_sealed_token_is_gone_once_its_mail_is(bed: &Bed) {
    let service = bed.mailing();
    let sealed = || bed.count("email_outbox", "secret_sealed IS NOT NULL");
    service.register(ADA);
    assert_eq!(sealed(), 0, "none is made before it is needed");
    service.sink.set_mode(Mode::Defer(451));
    service.deliver();
    assert_eq!(sealed(), 1);
    service.sink.set_mode(Mode::Accept);
    bed.clock().advance(Duration::from_secs(5));
    service.deliver();
    assert_eq!(sealed(), 0, "sent");
    service.sink.set_mode(Mode::RefuseContent);
    service.register("bob@example.org");
    service.deliver();
    assert_eq!((sealed(), bed.count("email_outbox", "failed_at IS NOT NULL")), (0, 1), "refused");
    let text = "last_error LIKE '%ot\\_%' ESCAPE '\\' OR last_error LIKE '%bob@%'";
    assert_eq!(bed.count("email_outbox", text), 0, "the server's words are not kept with what they quote");
}

/// Bound to its row: whoever can write to the database can't have a token mailed to themselves.
fn a_sealed_token_belongs_to_its_row(bed: &Bed) {
    let service = bed.mailing();
    service.register(ADA);
    service.register("thief@example.org");
    service.sink.set_mode(Mode::Defer(451));
    service.deliver();
    bed.execute(
        "UPDATE email_outbox SET secret_sealed = (
             SELECT o.secret_sealed FROM email_outbox o WHERE o.recipient = 'ada@example.org'
         ) WHERE recipient = 'thief@example.org'",
    );
    service.sink.set_mode(Mode::Accept);
    bed.clock().advance(Duration::from_secs(5));
    let mail = service.one_mail();
    assert!(mail.is("verify-email", ADA), "{mail:?}");
    assert_eq!(bed.count("email_outbox", "failed_at IS NOT NULL AND recipient = 'thief@example.org'"), 1);
}

fn a_queued_mail_holds_no_token_yet(bed: &Bed) {
    let service = bed.mailing();
    service.register(ADA);
    service.forgot(ADA).unwrap();
    assert_eq!(bed.count("one_time_tokens", "true"), 0);
    assert_eq!(bed.count("email_outbox", "payload LIKE '%ot\\_%' ESCAPE '\\' OR secret_sealed IS NOT NULL"), 0);
}

fn open(service: &Mailing, limit: u32) -> Vec<OutboxEntry> {
    block_on(service.service.outbox(limit)).unwrap()
}

fn the_operator_sees_what_waits_and_what_has_failed(bed: &Bed) {
    use auth_core::Clock as _;
    let service = bed.mailing();
    let queued_at = bed.clock().now();
    for email in ["sent@example.org", "failed@example.org", "waits@example.org"] {
        service.register(email);
        bed.clock().advance(Duration::from_millis(2));
        if email == "sent@example.org" {
            service.mails();
        }
    }
    service.sink.set_mode(Mode::RefuseRecipient("failed@example.org".to_owned()));
    service.deliver();
    service.arrived();
    service.forgot("waits@example.org").unwrap();
    let entries = open(&service, 10);
    let seen: Vec<_> = entries.iter().map(|entry| (entry.recipient.as_str(), entry.template.as_str())).collect();
    assert_eq!(seen, [("failed@example.org", "verify_email"), ("waits@example.org", "reset_password")]);
    assert_eq!((entries[0].next_attempt_at, entries[0].attempts), (None, 1));
    assert!(entries[0].last_error.is_some() && entries[1].last_error.is_none());
    assert!(entries[0].created_at >= queued_at && entries[1].next_attempt_at == Some(bed.clock().now()));
    assert_eq!(entries[1].expires_at, bed.clock().now().plus(Duration::from_mins(30)));
    assert_eq!(open(&service, 1).len(), 1);
}

/// What was put off for a quarter of an hour, and what was refused by a fault that was mended.
fn the_operator_has_mails_tried_at_once(bed: &Bed) {
    let service = bed.mailing();
    service.register("put-off@example.org");
    service.sink.set_mode(Mode::Defer(451));
    service.deliver();
    service.sink.set_mode(Mode::RefuseAll);
    service.register("refused@example.org");
    service.register("other@example.org");
    service.deliver();
    service.sink.set_mode(Mode::Accept);
    assert!(service.mails().is_empty());
    let id_of = |to: &str| open(&service, 10).into_iter().find(|entry| entry.recipient == to).unwrap().id;
    assert_eq!(block_on(service.service.retry_mails(Some(id_of("put-off@example.org")))).unwrap(), 1);
    let mail = service.one_mail();
    assert!(mail.is("verify-email", "put-off@example.org"), "{mail:?}");
    assert_eq!(block_on(service.service.retry_mails(Some(uuid::Uuid::from_u128(7)))).unwrap(), 0);
    let id = id_of("refused@example.org");
    assert_eq!(block_on(service.service.retry_mails(Some(id))).unwrap(), 1);
    let mail = service.one_mail();
    assert_eq!(mail.mail.message_id(), format!("{id}@localhost"));
    service.verify_by_password(&mail.token, PASSWORD).unwrap();
    assert_eq!(block_on(service.service.retry_mails(Some(id))).unwrap(), 0, "it was sent");
    assert_eq!(block_on(service.service.retry_mails(None)).unwrap(), 1);
    assert!(service.one_mail().is("verify-email", "other@example.org"));
    assert!(open(&service, 10).is_empty());
}

/// `AUTH_LINK_…`, P-04: never where a request says.
fn links_lead_where_the_operator_says(bed: &Bed) {
    let service = bed.mailing_with(|config| {
        config.links.reset_password = "https://app.example/new-password?from=mail#form".parse().unwrap();
    });
    service.register(ADA);
    bed.clock().advance(Duration::from_millis(2));
    service.forgot(ADA).unwrap();
    service.deliver();
    let links: Vec<_> = service.sink.mails().iter().flat_map(smtp_sink::ReceivedMail::links).collect();
    assert_eq!(links.len(), 2);
    assert!(links[0].starts_with("http://localhost:8080/link/verify-email?token=ot_"), "{links:?}");
    assert!(links[1].starts_with("https://app.example/new-password?from=mail&token=ot_"), "{links:?}");
    assert!(links[1].ends_with("#form"));
}

/// REQ-40
fn the_export_tells_of_mails_and_holds_no_token(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.register(ADA);
    let verify = service.token("verify-email");
    let reset = service.reset_token(ADA);
    service.forgot("nobody@example.org").unwrap();
    let export = block_on(service.service.export(&service.claims(&ada.access))).unwrap();
    let text = serde_json::to_string(&export).unwrap();
    assert_eq!(export.mails.len(), 2);
    assert!([verify, reset].iter().all(|token| !text.contains(&token[3..23])));
}

/// What an operator asks for is no flood.
fn a_mail_that_failed_is_tried_again_within_the_minute(bed: &Bed) {
    let service = bed.mailing();
    service.register(ADA);
    service.sink.set_mode(Mode::RefuseAll);
    service.deliver();
    service.sink.set_mode(Mode::Accept);
    bed.clock().advance(Duration::from_secs(10));
    assert_eq!(block_on(service.service.retry_mails(None)).unwrap(), 1);
    assert!(service.one_mail().is("verify-email", ADA));
}
