//! The outbox as an operator and other use cases see it.

use auth_core::Timestamp;
use auth_persistence::email_outbox::{self, NewEmail, OutboxCounts};
use auth_persistence::{DbConnection, DbError, Hidden, user};
use uuid::Uuid;

use crate::fixture::{TestDatabase, on_both_databases};
use crate::rows::{HOUR, NOW, TICK, new_email, new_user, user_id};

on_both_databases!(
    open_mails_are_listed_the_longest_queued_first,
    mails_are_counted_by_their_state,
    an_empty_outbox_counts_nothing,
    a_refusal_counts_as_an_attempt_and_an_end_without_one_does_not,
    a_failed_mail_is_tried_again_when_told_to,
    a_mail_put_off_is_tried_at_once_when_told_to,
    no_mail_is_tried_that_is_sent_claimed_or_past_its_end,
    all_mails_are_tried_again_when_told_to,
    mails_that_a_wrong_clock_put_off_are_tried_at_once,
    finished_mails_are_deleted_a_batch_at_a_time,
    unsent_mails_of_a_user_are_deleted,
    unsent_mails_to_an_address_are_deleted,
    waiting_mails_to_an_address_are_deleted,
);

const LEASE: Timestamp = Timestamp::from_micros(NOW.as_micros() + 60_000_000);

fn id(number: u64) -> Uuid {
    new_email(number, None).id
}

/// User 1 with mails, each queued a microsecond after the one before: 1 waits, 2 was put off for two hours, 3 was sent,
/// 4 has failed, 5 is a worker's. Each is of use for an hour.
fn mails_of_every_state(c: &mut DbConnection) -> Result<(), DbError> {
    user::insert(c, &new_user(1))?;
    for number in 1..=5 {
        let created_at = NOW.plus(TICK * u32::try_from(number).unwrap());
        email_outbox::insert(c, &NewEmail { created_at, ..new_email(number, None) })?;
    }
    let claimed = email_outbox::claim(c, NOW.plus(HOUR), LEASE, 9)?;
    assert_eq!(claimed.len(), 5);
    assert!(email_outbox::release(c, id(1), LEASE)?);
    assert!(email_outbox::retry_later(c, id(2), LEASE, NOW.plus(2 * HOUR), "451")?);
    assert!(email_outbox::mark_sent(c, id(3), LEASE, NOW)?);
    assert!(email_outbox::fail(c, id(4), LEASE, NOW, "550")?);
    Ok(())
}

fn left(test: &TestDatabase) -> Vec<u64> {
    let mails = test.read(|c| email_outbox::list_for_user(c, user_id(1)));
    (0..20).filter(|number| mails.iter().any(|mail| mail.id == id(*number))).collect()
}

fn open_mails_are_listed_the_longest_queued_first(test: &TestDatabase) {
    test.write(mails_of_every_state);
    let open = |limit| {
        let mails = test.read(move |c| email_outbox::list_open(c, limit));
        mails.into_iter().map(|mail| mail.id).collect::<Vec<_>>()
    };
    assert_eq!(open(9), [1, 2, 4, 5].map(id));
    assert_eq!(open(2), [1, 2].map(id));
}

fn mails_are_counted_by_their_state(test: &TestDatabase) {
    test.write(mails_of_every_state);
    let counts = |now| test.read(move |c| email_outbox::counts(c, now));
    let expected = OutboxCounts { waiting: 3, failed: 1, oldest_waiting: Some(NOW.plus(TICK)) };
    assert_eq!(counts(NOW.plus(HOUR).minus(TICK)), expected);
    let past_their_end = OutboxCounts { waiting: 0, failed: 1, oldest_waiting: None };
    assert_eq!(counts(NOW.plus(HOUR)), past_their_end);
}

fn an_empty_outbox_counts_nothing(test: &TestDatabase) {
    let nothing = OutboxCounts { waiting: 0, failed: 0, oldest_waiting: None };
    assert_eq!(test.read(|c| email_outbox::counts(c, NOW)), nothing);
}

fn due(test: &TestDatabase, now: Timestamp) -> Vec<Uuid> {
    let mails = test.write(move |c| email_outbox::claim(c, now, now.plus(HOUR), 9));
    mails.into_iter().map(|mail| mail.id).collect()
}

fn retried(test: &TestDatabase, number: u64, now: Timestamp) -> bool {
    test.write(move |c| email_outbox::retry(c, id(number), now))
}

fn a_refusal_counts_as_an_attempt_and_an_end_without_one_does_not(test: &TestDatabase) {
    test.write(mails_of_every_state);
    assert!(test.write(|c| email_outbox::give_up(c, id(5), LEASE, NOW, "expired")));
    let mails = test.read(|c| email_outbox::list_open(c, 9));
    let state = |number: u64| {
        let mail = mails.iter().find(|mail| mail.id == id(number)).unwrap();
        (mail.attempts, mail.failed_at, mail.last_error.as_deref(), mail.prepared_at, mail.claimed_until)
    };
    assert_eq!(state(1), (0, None, None, None, None), "it waits");
    assert_eq!(state(2), (1, None, Some("451"), None, None), "it was put off");
    assert_eq!(state(4), (1, Some(NOW), Some("550"), None, None), "it was refused");
    assert_eq!(state(5), (0, Some(NOW), Some("expired"), None, None), "nobody tried to send it");
}

fn a_failed_mail_is_tried_again_when_told_to(test: &TestDatabase) {
    test.write(mails_of_every_state);
    let now = NOW.plus(TICK);
    assert_eq!(due(test, now), [id(1)]);
    assert!(retried(test, 4, now));
    assert_eq!(due(test, now), [id(4)]);
    assert!(!retried(test, 9, now), "there is none");
}

fn a_mail_put_off_is_tried_at_once_when_told_to(test: &TestDatabase) {
    test.write(mails_of_every_state);
    assert!(retried(test, 2, NOW.plus(TICK)));
    assert_eq!(due(test, NOW.plus(TICK)), [id(1), id(2)]);
}

fn no_mail_is_tried_that_is_sent_claimed_or_past_its_end(test: &TestDatabase) {
    test.write(mails_of_every_state);
    assert!(!retried(test, 3, NOW), "sent");
    assert!(!retried(test, 5, LEASE.minus(TICK)), "a worker's");
    assert!(retried(test, 5, LEASE), "its worker died");
    assert!(!retried(test, 4, NOW.plus(HOUR)), "past its end");
    assert!(retried(test, 4, NOW.plus(HOUR).minus(TICK)));
}

fn all_mails_are_tried_again_when_told_to(test: &TestDatabase) {
    test.write(mails_of_every_state);
    assert_eq!(test.write(|c| email_outbox::retry_all(c, NOW.plus(HOUR))), 0, "past their end");
    assert_eq!(test.write(|c| email_outbox::retry_all(c, NOW)), 3);
    assert_eq!(due(test, NOW), [1, 2, 4].map(id));
}

fn finished_mails_are_deleted_a_batch_at_a_time(test: &TestDatabase) {
    test.write(mails_of_every_state);
    let deleted = |before, limit| test.write(move |c| email_outbox::delete_finished(c, before, limit));
    assert_eq!(deleted(NOW.minus(TICK), 9), 0);
    assert_eq!(deleted(NOW, 1), 1);
    assert_eq!(left(test), [1, 2, 4, 5]);
    assert_eq!(deleted(NOW, 9), 1);
    assert_eq!(left(test), [1, 2, 5]);
}

/// What was queued for user 1, for user 2, and for nobody known, with these templates and recipients.
fn queue(test: &TestDatabase, mails: &'static [(u64, Option<u64>, &str, &str)]) {
    test.write(move |c| {
        user::insert(c, &new_user(1))?;
        user::insert(c, &new_user(2))?;
        for (number, user, template, recipient) in mails {
            let mail = NewEmail {
                user_id: user.map(user_id),
                template: (*template).to_owned(),
                recipient: Hidden::new((*recipient).to_owned()),
                recipient_normalized: Hidden::new((*recipient).to_owned()),
                ..new_email(*number, None)
            };
            email_outbox::insert(c, &mail)?;
        }
        Ok(())
    });
}

fn open(test: &TestDatabase) -> Vec<u64> {
    let mails = test.read(|c| email_outbox::list_open(c, 99));
    (0..20).filter(|number| mails.iter().any(|mail| mail.id == id(*number))).collect()
}

/// P-03: a link that waits in the outbox dies with what it would have done.
fn unsent_mails_of_a_user_are_deleted(test: &TestDatabase) {
    test.write(mails_of_every_state);
    let deleted =
        |templates: &'static [&str]| test.write(move |c| email_outbox::delete_unsent(c, user_id(1), None, templates));
    assert_eq!((deleted(&[]), deleted(&["reset_password"])), (0, 0));
    assert_eq!(deleted(&["reset_password", "welcome"]), 4, "what failed could be tried again");
    assert_eq!(left(test), [3]);
}

fn unsent_mails_to_an_address_are_deleted(test: &TestDatabase) {
    queue(
        test,
        &[
            (1, Some(1), "reset", "a@example.com"),
            (2, Some(1), "alert", "a@example.com"),
            (3, None, "reset", "a@example.com"),
            (4, None, "reset", "b@example.com"),
            (5, Some(2), "reset", "a@example.com"),
            (6, Some(2), "reset", "b@example.com"),
        ],
    );
    let deleted = |canonical| test.write(move |c| email_outbox::delete_unsent(c, user_id(1), canonical, &["reset"]));
    assert_eq!(deleted(Some("a@example.com")), 3);
    assert_eq!(open(test), [2, 4, 6]);
    assert_eq!(deleted(None), 0);
}

fn waiting_mails_to_an_address_are_deleted(test: &TestDatabase) {
    queue(
        test,
        &[
            (1, None, "reset", "a@example.com"),
            (2, Some(1), "reset", "a@example.com"),
            (3, None, "verify", "a@example.com"),
            (4, None, "reset", "b@example.com"),
            (5, None, "reset", "a@example.com"),
        ],
    );
    test.write(|c| {
        email_outbox::claim(c, NOW, LEASE, 9)?;
        email_outbox::fail(c, id(5), LEASE, NOW, "550")
    });
    let deleted = || test.write(|c| email_outbox::delete_waiting(c, "a@example.com", "reset"));
    assert_eq!((deleted(), deleted()), (2, 0));
    assert_eq!(open(test), [3, 4, 5], "what failed stays on the operator's list");
}

///
fn mails_that_a_wrong_clock_put_off_are_tried_at_once(test: &TestDatabase) {
    test.write(mails_of_every_state);
    let later = NOW.plus(2 * HOUR);
    assert!(!test.read(move |c| email_outbox::has_stranded(c, later)), "none waits for longer");
    assert_eq!(test.write(move |c| email_outbox::release_stranded(c, NOW, later)), 0);
    let claimed = |now: Timestamp| {
        let mails = test.write(move |c| email_outbox::claim(c, now, now.plus(TICK), 9));
        mails.into_iter().map(|mail| mail.id).collect::<Vec<_>>()
    };
    let soon = NOW.plus(HOUR);
    assert!(test.read(move |c| email_outbox::has_stranded(c, soon)));
    assert_eq!(test.write(move |c| email_outbox::release_stranded(c, NOW, soon)), 1, "the one that was put off");
    assert_eq!(claimed(NOW.plus(10 * TICK)), [1, 2].map(id));
    assert_eq!(test.write(|c| email_outbox::release_stranded(c, NOW, NOW)), 3, "leases that last too long end, too");
    assert_eq!(claimed(NOW.plus(20 * TICK)), [1, 2, 5].map(id));
}
