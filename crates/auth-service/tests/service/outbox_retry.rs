//! Mails that don't get through at once (REQ-58, X-04 to X-06): none is lost, and none holds the others up.

use std::time::Duration;

use auth_core::Clock as _;
use auth_service::OutboxEntry;
use smtp_sink::{Mode, SmtpSink};

use crate::bed::counters::counted;
use crate::bed::{Bed, Instance, Mailing, NEW_PASSWORD, PASSWORD, block_on, on_both_databases};

on_both_databases! {
    a_mail_that_is_put_off_is_tried_again_less_and_less_often,
    every_attempt_sends_the_same_mail_and_link,
    a_mail_that_is_refused_fails_alone,
    while_the_server_is_away_mails_wait_and_it_is_asked_seldom,
    when_the_server_is_back_all_go_within_two_minutes_the_oldest_first,
    what_expires_unsent_is_given_up_and_counted,
    a_server_that_refuses_this_one_keeps_mails_waiting,
    a_row_that_can_t_be_read_fails_alone,
    no_call_waits_for_the_mail_server,
    a_mail_that_a_later_version_queued_waits_for_it,
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const MICRO: Duration = Duration::from_micros(1);

fn open(service: &Instance) -> Vec<OutboxEntry> {
    block_on(service.service.outbox(1000)).unwrap()
}

/// Accounts, whose mails to verify their addresses wait, each younger than the one before.
fn queue(service: &Mailing, count: usize) -> Vec<String> {
    (0..count)
        .map(|number| {
            let email = format!("user-{number:03}@example.org");
            service.register(&email);
            service.clock.advance(Duration::from_millis(2));
            email
        })
        .collect()
}

fn recipients(service: &Mailing) -> Vec<String> {
    service.arrived().into_iter().map(|mail| mail.to).collect()
}

/// From 5 s, doubling, to 15 min, each less up to a quarter.
fn a_mail_that_is_put_off_is_tried_again_less_and_less_often(bed: &Bed) {
    let service = bed.mailing();
    service.register("ada@example.org");
    service.sink.set_mode(Mode::Defer(451));
    let mut longest = 5 * SECOND;
    for attempt in 1..=12 {
        let asked = service.sink.commands("RCPT");
        service.deliver();
        assert_eq!(service.sink.commands("RCPT"), asked + 1);
        let [entry] = open(&service).try_into().unwrap();
        assert_eq!((entry.attempts, entry.recipient.as_str()), (attempt, "ada@example.org"));
        assert!(entry.last_error.as_ref().unwrap().contains("451"), "{entry:?}");
        let wait = entry.next_attempt_at.unwrap().saturating_since(bed.clock().now());
        assert!(wait <= longest && wait >= longest * 3 / 4, "{attempt}: {wait:?}");
        bed.clock().advance(wait.saturating_sub(MICRO));
        service.deliver();
        assert_eq!(service.sink.commands("RCPT"), asked + 1, "not before its time");
        bed.clock().advance(MICRO);
        longest = (longest * 2).min(15 * MINUTE);
    }
    service.sink.set_mode(Mode::Accept);
    let mail = service.one_mail();
    service.verify_by_password(&mail.token, PASSWORD).unwrap();
    assert!(open(&service).is_empty());
    assert!(service.mails().is_empty(), "once it is sent it is sent");
}

/// the server kept the mail, and nobody heard of it.
fn every_attempt_sends_the_same_mail_and_link(bed: &Bed) {
    let service = bed.mailing();
    service.register("ada@example.org");
    service.sink.set_mode(Mode::DropBeforeReply);
    service.deliver();
    bed.clock().advance(5 * SECOND);
    service.deliver();
    bed.clock().advance(10 * SECOND);
    service.sink.set_mode(Mode::Accept);
    let other = service.another(bed, |_| {});
    other.deliver();
    let mails = service.arrived();
    assert_eq!(mails.len(), 3);
    for mail in &mails {
        assert_eq!(mail.mail.message_id(), mails[0].mail.message_id());
        assert_eq!((&mail.token, mail.mail.subject()), (&mails[0].token, mails[0].mail.subject()));
    }
    assert!(mails[0].mail.message_id().ends_with("@localhost"));
    assert_eq!(bed.count("one_time_tokens", "true"), 1);
    service.verify_by_password(&mails[2].token, PASSWORD).unwrap();
}

///
fn a_mail_that_is_refused_fails_alone(bed: &Bed) {
    let service = bed.mailing();
    let emails = queue(&service, 20);
    service.sink.set_mode(Mode::RefuseRecipient(emails[0].clone()));
    let counts = counted(|| service.deliver());
    assert_eq!(recipients(&service), emails[1..]);
    assert_eq!(counts["auth_mails_failed_total{template=verify_email}"], 1);
    assert_eq!(counts["auth_mails_sent_total{template=verify_email}"], 19);
    let [failed] = open(&service).try_into().unwrap();
    assert_eq!((failed.recipient, failed.next_attempt_at), (emails[0].clone(), None));
    assert!(failed.last_error.as_ref().unwrap().contains("550"), "{:?}", failed.last_error);
    let row = "failed_at IS NOT NULL AND secret_sealed IS NULL AND claimed_until IS NULL AND sent_at IS NULL";
    assert_eq!(bed.count("email_outbox", row), 1);
    service.sink.set_mode(Mode::Accept);
    bed.clock().advance(60 * MINUTE);
    assert!(service.mails().is_empty(), "it is not tried again");
}

/// five failures in a row, then one probe after each 30 s.
fn while_the_server_is_away_mails_wait_and_it_is_asked_seldom(bed: &Bed) {
    let service = bed.mailing();
    let emails = queue(&service, 20);
    service.sink.set_mode(Mode::CloseOnConnect);
    let asked = || {
        let before = service.sink.connections();
        service.deliver();
        service.sink.connections() - before
    };
    assert_eq!(asked(), 5);
    assert_eq!(asked(), 0);
    for _ in 0..3 {
        bed.clock().advance((30 * SECOND).saturating_sub(MICRO));
        assert_eq!(asked(), 0);
        bed.clock().advance(MICRO);
        assert_eq!(asked(), 1, "the probe");
    }
    let waiting = open(&service);
    assert_eq!(waiting.iter().map(|entry| entry.recipient.clone()).collect::<Vec<_>>(), emails);
    assert_eq!(waiting.iter().map(|entry| entry.attempts).sum::<i32>(), 8, "only what was tried is counted");
    assert!(waiting.iter().all(|entry| entry.next_attempt_at.is_some()));
    assert_eq!(bed.count("email_outbox", "claimed_until IS NOT NULL"), 0, "all were given back");
    service.sink.set_mode(Mode::Accept);
    bed.clock().advance(30 * SECOND);
    service.deliver();
    let mut came = recipients(&service);
    assert!(came.is_sorted(), "the oldest first: {came:?}");
    bed.clock().advance(MINUTE);
    service.deliver();
    came.extend(recipients(&service));
    came.sort();
    assert_eq!(came, emails);
}

/// away for a quarter of an hour, the worker trying all the time.
fn when_the_server_is_back_all_go_within_two_minutes_the_oldest_first(bed: &Bed) {
    let service = bed.mailing();
    service.sink.set_mode(Mode::CloseOnConnect);
    let emails = queue(&service, 40);
    for _ in 0..90 {
        service.deliver();
        bed.clock().advance(10 * SECOND);
    }
    assert_eq!(open(&service).len(), 40);
    service.sink.set_mode(Mode::Accept);
    let mut came = Vec::new();
    for _ in 0..12 {
        service.deliver();
        let batch = recipients(&service);
        assert!(batch.is_sorted(), "{batch:?}");
        came.extend(batch);
        bed.clock().advance(10 * SECOND);
    }
    came.sort();
    assert_eq!(came, emails, "all, and none twice");
}

/// a link to reset past its life is not sent; other mails have more time.
fn what_expires_unsent_is_given_up_and_counted(bed: &Bed) {
    let service = bed.mailing();
    service.register("ada@example.org");
    service.forgot("ada@example.org").unwrap();
    bed.clock().advance(MICRO);
    service.register("bob@example.org");
    service.sink.set_mode(Mode::Defer(451));
    service.deliver();
    bed.clock().advance(10 * MINUTE);
    service.forgot("bob@example.org").unwrap();
    bed.clock().advance((20 * MINUTE).saturating_sub(MICRO));
    service.sink.set_mode(Mode::Accept);
    let counts = counted(|| service.deliver());
    assert_eq!(counts["auth_mails_expired_total{template=reset_password}"], 1);
    let mails: Vec<_> = service.arrived().into_iter().map(|mail| (mail.purpose, mail.to)).collect();
    let mail = |purpose: &str, to: &str| (purpose.to_owned(), to.to_owned());
    let expected = [
        mail("verify-email", "ada@example.org"),
        mail("verify-email", "bob@example.org"),
        mail("reset-password", "bob@example.org"),
    ];
    assert_eq!(mails, expected);
    let [expired] = open(&service).try_into().unwrap();
    assert_eq!((expired.template.as_str(), expired.next_attempt_at), ("reset_password", None));
    assert!(expired.last_error.unwrap().contains("expired"));
    assert_eq!(bed.count("email_outbox", "secret_sealed IS NOT NULL"), 0);
    assert_eq!(block_on(service.service.retry_mails(None)).unwrap(), 0, "nobody can send it any more");
    // The very last moment.
    service.forgot("ada@example.org").unwrap();
    bed.clock().advance((30 * MINUTE).saturating_sub(MICRO));
    assert!(service.one_mail().is("reset-password", "ada@example.org"));
}

/// wrong credentials are mended by an operator, and no mail fails for them.
fn a_server_that_refuses_this_one_keeps_mails_waiting(bed: &Bed) {
    for mode in [Mode::RefuseSender, Mode::Defer(421), Mode::NoStartTls] {
        let options = smtp_sink::Options {
            tls: if mode == Mode::NoStartTls { smtp_sink::Tls::StartTls } else { smtp_sink::Tls::None },
            mode: mode.clone(),
            ..smtp_sink::Options::default()
        };
        let sink = SmtpSink::start_with(options);
        let service = bed.setup_to(&sink.url()).start().unwrap();
        let account = service.register("ada@example.org");
        for _ in 0..3 {
            service.deliver();
            bed.clock().advance(MINUTE);
        }
        let [entry] = open(&service).try_into().unwrap();
        assert!(entry.next_attempt_at.is_some() && entry.attempts == 3, "{mode:?}: {entry:?}");
        assert!(sink.mails().is_empty());
        service.log_in("ada@example.org");
        service.delete(&service.log_in("ada@example.org")).unwrap();
        assert!(bed.user(account.user).is_none());
    }
}

fn a_row_that_can_t_be_read_fails_alone(bed: &Bed) {
    let service = bed.mailing();
    let emails = queue(&service, 4);
    let damage = |number: usize, change: &str| {
        bed.execute(&format!("UPDATE email_outbox SET {change} WHERE recipient = '{}'", emails[number]));
    };
    damage(0, "payload = '{\"at\": 7}'");
    damage(1, "payload = 'nothing of ours'");
    damage(2, "recipient = 'no address'");
    service.deliver();
    assert_eq!(recipients(&service), emails[3..]);
    let failed: Vec<_> = open(&service).into_iter().map(|entry| entry.next_attempt_at).collect();
    assert_eq!(failed, [None, None], "the operator sees those that were damaged");
    bed.clock().advance(60 * MINUTE);
    assert!(service.mails().is_empty());
}

///
fn no_call_waits_for_the_mail_server(bed: &Bed) {
    let service = bed.mailing();
    service.sink.set_mode(Mode::NoGreeting);
    let ada = service.register("ada@example.org");
    service.forgot("ada@example.org").unwrap();
    service.resend("ada@example.org").unwrap();
    service.ask_for_address(&ada, "new@example.org").unwrap();
    service.change_password(&ada, PASSWORD, NEW_PASSWORD).unwrap();
    assert_eq!(service.sink.connections(), 0);
}

/// Two versions run beside each other during an upgrade.
fn a_mail_that_a_later_version_queued_waits_for_it(bed: &Bed) {
    let service = bed.mailing();
    let emails = queue(&service, 2);
    bed.execute(&format!("UPDATE email_outbox SET template = 'later' WHERE recipient = '{}'", emails[0]));
    service.deliver();
    assert_eq!(recipients(&service), emails[1..], "and holds nobody up");
    let [waiting] = open(&service).try_into().unwrap();
    assert!(waiting.next_attempt_at.is_some(), "{waiting:?}");
    bed.execute("UPDATE email_outbox SET template = 'verify_email'");
    bed.clock().advance(15 * MINUTE);
    service.deliver();
    assert_eq!(recipients(&service), emails[..1]);
}
