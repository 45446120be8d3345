//! The outbox as its workers use it.

use std::collections::BTreeSet;

use auth_core::Timestamp;
use auth_persistence::email_outbox::{self, NewEmail, Prepared, QueuedEmail};
use auth_persistence::{DbConnection, DbError, Hidden, user};
use uuid::Uuid;

use crate::fixture::{TestDatabase, on_both_databases, run, sixteen_at_once};
use crate::rows::{HOUR, NOW, TICK, new_email, new_user, user_id};

on_both_databases!(
    a_mail_is_due_from_its_time_on,
    the_longest_queued_mails_are_claimed_first,
    a_claimed_mail_is_nobody_elses_until_the_lease_ends,
    workers_at_once_claim_different_mails,
    a_worker_claims_no_more_than_it_wants,
    a_prepared_mail_is_claimed_again_as_it_was_prepared,
    a_preparation_may_leave_the_end_as_it_was,
    a_sent_mail_is_over_and_has_no_secret,
    a_mail_put_off_is_due_again_later,
    a_mail_given_back_is_due_at_once,
    a_mail_that_failed_is_over_and_has_no_secret,
    a_dropped_mail_is_gone,
    whoever_lost_the_lease_changes_nothing,
    a_mail_without_an_account_goes_to_the_one_it_was_prepared_for,
    mails_past_their_end_are_claimed_too,
);

const LEASE: Timestamp = Timestamp::from_micros(NOW.as_micros() + 60_000_000);

/// Stores user 1 with mails `numbers`, each queued a microsecond after the one before.
fn queue(test: &TestDatabase, numbers: std::ops::Range<u64>) {
    test.write(move |c| {
        user::insert(c, &new_user(1))?;
        for number in numbers {
            email_outbox::insert(c, &queued(number))?;
        }
        Ok(())
    });
}

fn queued(number: u64) -> NewEmail {
    NewEmail { created_at: NOW.plus(TICK * u32::try_from(number).unwrap()), ..new_email(number, None) }
}

fn id(number: u64) -> Uuid {
    new_email(number, None).id
}

/// When all mails of [`queue`] are due.
fn later() -> Timestamp {
    NOW.plus(TICK * 1000)
}

fn claim(test: &TestDatabase, now: Timestamp, until: Timestamp, limit: u32) -> Vec<QueuedEmail> {
    test.write(move |c| email_outbox::claim(c, now, until, limit))
}

fn ids(mails: &[QueuedEmail]) -> Vec<Uuid> {
    mails.iter().map(|mail| mail.id).collect()
}

fn stored(test: &TestDatabase, number: u64) -> Option<QueuedEmail> {
    let open = test.read(|c| email_outbox::list_for_user(c, user_id(1)));
    open.into_iter().find(|mail| mail.id == id(number))
}

fn has_due(test: &TestDatabase, now: Timestamp) -> bool {
    test.read(move |c| email_outbox::has_due(c, now))
}

/// With a token, another template and another recipient than it was queued with.
fn prepared() -> Prepared {
    Prepared {
        user_id: Some(user_id(1)),
        recipient: Hidden::new("Other@example.com".to_owned()),
        recipient_normalized: Hidden::new("other@example.com".to_owned()),
        template: "account_exists".to_owned(),
        expires_at: Some(NOW.plus(2 * HOUR)),
        secret_sealed: Some(Hidden::new(vec![0, 7, 255])),
    }
}

/// Claims mail 1 until [`LEASE`] and prepares it.
fn claim_and_prepare(test: &TestDatabase) {
    assert_eq!(ids(&claim(test, later(), LEASE, 1)), [id(1)]);
    assert!(test.write(|c| email_outbox::prepare(c, id(1), LEASE, &prepared(), later())));
}

fn a_mail_is_due_from_its_time_on(test: &TestDatabase) {
    queue(test, 1..2);
    let due = NOW.plus(TICK);
    assert!(!has_due(test, due.minus(TICK)));
    assert!(claim(test, due.minus(TICK), LEASE, 9).is_empty());
    assert!(has_due(test, due));
    let mails = claim(test, due, LEASE, 9);
    assert_eq!(ids(&mails), [id(1)]);
    assert_eq!((mails[0].claimed_until, mails[0].attempts, mails[0].prepared_at), (Some(LEASE), 0, None));
    assert_eq!(mails[0].recipient.expose(), "User1@example.com");
    assert_eq!(mails[0].recipient_normalized.expose(), "user1@example.com");
    assert_eq!(stored(test, 1).as_ref(), mails.first(), "what is answered is what is stored");
}

/// in the order of their age, whatever the order of their times to try again.
fn the_longest_queued_mails_are_claimed_first(test: &TestDatabase) {
    queue(test, 1..6);
    test.write(|c| {
        let first = email_outbox::claim(c, later(), LEASE, 1)?;
        email_outbox::retry_later(c, first[0].id, LEASE, later(), "451")
    });
    assert_eq!(ids(&claim(test, later(), LEASE, 3)), [1, 2, 3].map(id));
    assert_eq!(ids(&claim(test, later(), LEASE, 3)), [4, 5].map(id));
}

fn a_claimed_mail_is_nobody_elses_until_the_lease_ends(test: &TestDatabase) {
    queue(test, 1..2);
    assert_eq!(claim(test, later(), LEASE, 9).len(), 1);
    assert!(!has_due(test, LEASE.minus(TICK)) && claim(test, LEASE.minus(TICK), LEASE.plus(HOUR), 9).is_empty());
    assert!(has_due(test, LEASE));
    assert_eq!(claim(test, LEASE, LEASE.plus(HOUR), 9).len(), 1, "its worker died");
}

/// several workers on one database never have the same mail.
fn workers_at_once_claim_different_mails(test: &TestDatabase) {
    queue(test, 0..200);
    let claimed: Vec<_> = sixteen_at_once(|worker| {
        let until = LEASE.plus(TICK * u32::try_from(worker).unwrap());
        let mut own = Vec::new();
        loop {
            let mails = claim(test, later(), until, 5);
            assert!(mails.len() <= 5 && mails.is_sorted_by_key(|mail| mail.created_at));
            // None: the others have the rest, or are about to.
            if mails.is_empty() {
                break;
            }
            own.extend(ids(&mails));
            assert!(own.len() <= 200, "the same mails again and again");
        }
        own
    })
    .concat();
    assert_eq!(claimed.len(), claimed.iter().collect::<BTreeSet<_>>().len(), "two workers had the same mail");
    let left = claim(test, later(), LEASE, 1000);
    assert_eq!(claimed.len() + left.len(), 200);
}

fn a_worker_claims_no_more_than_it_wants(test: &TestDatabase) {
    queue(test, 0..50);
    // PostgreSQL plans by what it knows of the table.
    test.write(|c| run(c, "ANALYZE email_outbox"));
    assert_eq!(claim(test, later(), LEASE, 7).len(), 7);
    assert_eq!(claim(test, later(), LEASE, 0).len(), 0);
    assert_eq!(claim(test, later(), LEASE, 1000).len(), 43);
}

/// whoever claims it after a crash sends the same token to the same address.
fn a_prepared_mail_is_claimed_again_as_it_was_prepared(test: &TestDatabase) {
    queue(test, 1..2);
    claim_and_prepare(test);
    let mails = claim(test, LEASE, LEASE.plus(HOUR), 9);
    let [mail] = &mails[..] else { panic!("{mails:?}") };
    assert_eq!((mail.id, mail.prepared_at, mail.attempts), (id(1), Some(later()), 0));
    assert_eq!(mail.secret_sealed, prepared().secret_sealed);
    assert_eq!(
        (&mail.recipient, &mail.recipient_normalized),
        (&prepared().recipient, &prepared().recipient_normalized)
    );
    assert_eq!((mail.template.as_str(), Some(mail.expires_at)), ("account_exists", prepared().expires_at));
    assert_eq!(mail.user_id, Some(user_id(1)));
}

fn a_preparation_may_leave_the_end_as_it_was(test: &TestDatabase) {
    queue(test, 1..2);
    claim(test, later(), LEASE, 1);
    let prepared = Prepared { expires_at: None, secret_sealed: None, ..prepared() };
    assert!(test.write(move |c| email_outbox::prepare(c, id(1), LEASE, &prepared, later())));
    let mail = stored(test, 1).unwrap();
    assert_eq!((mail.expires_at, mail.secret_sealed), (new_email(1, None).expires_at, None));
}

fn a_sent_mail_is_over_and_has_no_secret(test: &TestDatabase) {
    queue(test, 1..2);
    claim_and_prepare(test);
    assert!(test.write(|c| email_outbox::retry_later(c, id(1), LEASE, later(), "451")));
    assert_eq!(claim(test, later(), LEASE, 1).len(), 1);
    assert!(test.write(|c| email_outbox::mark_sent(c, id(1), LEASE, LEASE.minus(TICK))));
    let mail = stored(test, 1).unwrap();
    assert_eq!((mail.sent_at, mail.secret_sealed, mail.claimed_until), (Some(LEASE.minus(TICK)), None, None));
    assert_eq!((mail.last_error, mail.attempts), (None, 1));
    assert!(!has_due(test, LEASE.plus(HOUR)) && claim(test, LEASE.plus(HOUR), LEASE.plus(2 * HOUR), 9).is_empty());
    assert!(!test.write(|c| email_outbox::mark_sent(c, id(1), LEASE, LEASE)), "once");
}

fn a_mail_put_off_is_due_again_later(test: &TestDatabase) {
    queue(test, 1..2);
    claim_and_prepare(test);
    let next = later().plus(5 * HOUR);
    assert!(test.write(move |c| email_outbox::retry_later(c, id(1), LEASE, next, "451 4.7.1 later")));
    let mail = stored(test, 1).unwrap();
    assert_eq!((mail.attempts, mail.next_attempt_at, mail.claimed_until), (1, next, None));
    assert_eq!(mail.last_error.as_deref(), Some("451 4.7.1 later"));
    assert_eq!(mail.secret_sealed, prepared().secret_sealed, "the same token next time");
    assert!(!has_due(test, next.minus(TICK)) && has_due(test, next));
}

fn a_mail_given_back_is_due_at_once(test: &TestDatabase) {
    queue(test, 1..2);
    claim(test, later(), LEASE, 1);
    assert!(test.write(|c| email_outbox::release(c, id(1), LEASE)));
    let mail = stored(test, 1).unwrap();
    assert_eq!((mail.attempts, mail.claimed_until, mail.last_error), (0, None, None));
    assert_eq!(claim(test, later(), LEASE, 9).len(), 1);
}

/// a refusal for good ends this mail only.
fn a_mail_that_failed_is_over_and_has_no_secret(test: &TestDatabase) {
    queue(test, 1..3);
    claim_and_prepare(test);
    assert!(test.write(|c| email_outbox::fail(c, id(1), LEASE, LEASE, "550 no such user")));
    let mail = stored(test, 1).unwrap();
    assert_eq!((mail.failed_at, mail.sent_at, mail.claimed_until), (Some(LEASE), None, None));
    assert_eq!(mail.attempts, 1, "the one at which it was refused");
    assert_eq!((mail.secret_sealed, mail.prepared_at), (None, None), "prepared anew if it is ever tried again");
    assert_eq!(mail.last_error.as_deref(), Some("550 no such user"));
    assert_eq!(ids(&claim(test, LEASE.plus(HOUR), LEASE.plus(2 * HOUR), 9)), [id(2)]);
}

fn a_dropped_mail_is_gone(test: &TestDatabase) {
    queue(test, 1..3);
    claim(test, later(), LEASE, 1);
    assert!(test.write(|c| email_outbox::drop_claimed(c, id(1), LEASE)));
    assert!(stored(test, 1).is_none() && stored(test, 2).is_some());
}

type Step = fn(&mut DbConnection, Timestamp) -> Result<bool, DbError>;

/// Everything that a worker does with a mail that it has.
const STEPS: [(&str, Step); 7] = [
    ("prepare", |c, lease| email_outbox::prepare(c, id(1), lease, &prepared(), LEASE)),
    ("mark_sent", |c, lease| email_outbox::mark_sent(c, id(1), lease, LEASE)),
    ("retry_later", |c, lease| email_outbox::retry_later(c, id(1), lease, LEASE, "451")),
    ("release", |c, lease| email_outbox::release(c, id(1), lease)),
    ("fail", |c, lease| email_outbox::fail(c, id(1), lease, LEASE, "550")),
    ("give_up", |c, lease| email_outbox::give_up(c, id(1), lease, LEASE, "expired")),
    ("drop_claimed", |c, lease| email_outbox::drop_claimed(c, id(1), lease)),
];

/// a worker that was thought dead comes back, and finds its mail with another one, sent, or gone.
fn whoever_lost_the_lease_changes_nothing(test: &TestDatabase) {
    let none_applies = |state: &str| {
        let before = stored(test, 1);
        for (name, step) in STEPS {
            assert!(!test.write(move |c| step(c, LEASE)), "{name}, {state}");
        }
        assert_eq!(stored(test, 1), before, "{state}");
    };
    none_applies("not there");
    queue(test, 1..2);
    none_applies("not claimed");
    let next = LEASE.plus(HOUR);
    claim(test, later(), LEASE, 1);
    claim(test, LEASE, next, 1);
    none_applies("another one's");
    test.write(move |c| email_outbox::mark_sent(c, id(1), next, LEASE));
    none_applies("sent");
    // Each would do something to a mail that is the worker's.
    for (name, step) in STEPS {
        test.write(|c| {
            run(c, "DELETE FROM email_outbox")?;
            email_outbox::insert(c, &queued(1))?;
            email_outbox::claim(c, later(), LEASE, 1)
        });
        assert!(test.write(move |c| step(c, LEASE)), "{name}");
    }
}

/// P-05: a request for anybody is queued alike; who it is about is found out when it is prepared.
fn a_mail_without_an_account_goes_to_the_one_it_was_prepared_for(test: &TestDatabase) {
    test.write(|c| {
        user::insert(c, &new_user(1))?;
        email_outbox::insert(c, &NewEmail { user_id: None, ..queued(1) })
    });
    assert!(stored(test, 1).is_none());
    claim_and_prepare(test);
    assert_eq!(stored(test, 1).unwrap().template, "account_exists");
    let of_nobody = Prepared { user_id: Some(user_id(2)), ..prepared() };
    let error = test.refused(move |c| email_outbox::prepare(c, id(1), LEASE, &of_nobody, NOW));
    assert_eq!(error, DbError::ForeignKeyViolation);
}

fn mails_past_their_end_are_claimed_too(test: &TestDatabase) {
    queue(test, 1..2);
    let end = new_email(1, None).expires_at;
    assert_eq!(claim(test, end.plus(HOUR), end.plus(2 * HOUR), 9).len(), 1, "their worker drops and counts them");
}
