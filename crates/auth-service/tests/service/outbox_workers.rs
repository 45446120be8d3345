//! Several workers on one queue (REQ-58, X-07), and what happens to a mail while one of them has it.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use auth_core::Clock as _;
use auth_persistence::{DbError, email_outbox, pending_registration};
use auth_service::LinkError;

use crate::bed::gate::Gate;
use crate::bed::{Bed, Held, Instance, Letter, NEW_PASSWORD, PASSWORD, Setup, block_on, on_both_databases, together};

on_both_databases! {
    two_services_send_no_mail_twice,
    a_lease_is_taken_over_after_two_minutes,
    a_mail_that_a_security_event_ended_after_it_was_claimed_is_not_sent,
    a_mail_whose_account_goes_while_it_is_sent_is_of_no_use,
    a_mail_that_takes_longer_than_its_lease_may_come_twice_and_is_the_same,
    a_link_that_is_made_while_its_account_changes_is_dead_or_newer,
    a_stop_sends_the_mail_under_way_and_gives_the_others_back,
    a_batch_that_takes_long_is_given_back,
    a_registration_replaced_while_its_mail_is_made_holds_nobody_up,
}

const ADA: &str = "ada@example.org";
const MICRO: Duration = Duration::from_micros(1);
const LEASE: Duration = Duration::from_mins(2);

///
fn two_services_send_no_mail_twice(bed: &Bed) {
    const MAILS: usize = 200;
    let service = bed.mailing_with(|config| config.require_verified_email = true);
    let other = service.another(bed, |config| config.require_verified_email = true);
    for number in 0..MAILS {
        service.register_pending(&format!("user-{number}@example.org")).unwrap();
    }
    together(2, |number| if number == 0 { service.deliver() } else { other.deliver() });
    let mails = service.arrived();
    let all: BTreeSet<_> = mails.iter().map(|mail| mail.to.clone()).collect();
    let ids: BTreeSet<_> = mails.iter().map(|mail| mail.mail.message_id()).collect();
    let tokens: BTreeSet<_> = mails.iter().map(|mail| mail.token.clone()).collect();
    assert_eq!((mails.len(), all.len(), ids.len(), tokens.len()), (MAILS, MAILS, MAILS, MAILS));
    assert_eq!(bed.count("email_outbox", "sent_at IS NULL OR claimed_until IS NOT NULL"), 0);
}

/// As an instance that was killed leaves them.
fn claim(bed: &Bed) {
    let now = bed.clock().now();
    let claimed = bed
        .open_again()
        .write_blocking(move |conn| Ok::<_, DbError>(email_outbox::claim(conn, now, now.plus(LEASE), 16)?.len()));
    assert!(claimed.unwrap() > 0);
}

fn a_lease_is_taken_over_after_two_minutes(bed: &Bed) {
    let service = bed.mailing();
    service.register(ADA);
    claim(bed);
    bed.clock().advance(LEASE.saturating_sub(MICRO));
    assert!(service.mails().is_empty());
    bed.clock().advance(MICRO);
    let mail = service.one_mail();
    service.verify_by_password(&mail.token, PASSWORD).unwrap();
}

/// A service whose mails stand before a gate, with connections of its own.
fn gated(bed: &Bed, gate: &Gate) -> Instance {
    Setup { database: bed.open_again(), ..bed.setup_to(&gate.url()) }.start().unwrap()
}

/// Has `worker` deliver, and does `meanwhile` when the first mail is being sent and the others are claimed.
fn meanwhile(worker: &Instance, gate: &mut Gate, meanwhile: impl FnOnce()) {
    std::thread::scope(|scope| {
        let delivery = scope.spawn(|| worker.deliver());
        gate.wait();
        meanwhile();
        gate.open();
        delivery.join().unwrap();
    });
}

fn purposes(mails: &[Letter]) -> Vec<(&str, &str)> {
    mails.iter().map(|mail| (mail.purpose.as_str(), mail.to.as_str())).collect()
}

fn a_mail_that_a_security_event_ended_after_it_was_claimed_is_not_sent(bed: &Bed) {
    let service = bed.mailing();
    let mut gate = Gate::before(service.sink.port());
    let worker = gated(bed, &gate);
    let ada = service.verified(ADA);
    service.register("bob@example.org");
    bed.clock().advance(Duration::from_millis(2));
    service.forgot(ADA).unwrap();
    service.ask_for_address(&ada, "new@example.org").unwrap();
    meanwhile(&worker, &mut gate, || {
        assert_eq!(bed.count("email_outbox", "claimed_until IS NOT NULL"), 3);
        service.change_password(&ada, PASSWORD, NEW_PASSWORD).unwrap();
    });
    let mails = service.arrived();
    assert_eq!(purposes(&mails), [("verify-email", "bob@example.org"), ("secure-account", ADA)]);
    assert_eq!(bed.count("one_time_tokens", "purpose IN ('reset_password', 'change_email')"), 0);
}

fn a_mail_whose_account_goes_while_it_is_sent_is_of_no_use(bed: &Bed) {
    let service = bed.mailing();
    let mut gate = Gate::before(service.sink.port());
    let worker = gated(bed, &gate);
    let ada = service.verified(ADA);
    bed.clock().advance(Duration::from_mins(1));
    service.forgot(ADA).unwrap();
    meanwhile(&worker, &mut gate, || service.delete(&ada).unwrap());
    let mails = service.arrived();
    assert_eq!(purposes(&mails), [("reset-password", ADA)], "it was on the line");
    assert!(matches!(service.reset(&mails[0].token, NEW_PASSWORD), Err(LinkError::TokenInvalid)));
    assert_eq!(bed.count("email_outbox", "true"), 0);
    service.register(ADA);
    assert!(matches!(service.reset(&mails[0].token, NEW_PASSWORD), Err(LinkError::TokenInvalid)));
}

/// whoever took it over sends the same mail; the note of the first counts for nothing.
fn a_mail_that_takes_longer_than_its_lease_may_come_twice_and_is_the_same(bed: &Bed) {
    let service = bed.mailing();
    let mut gate = Gate::before(service.sink.port());
    let worker = gated(bed, &gate);
    service.register(ADA);
    let mut early = Vec::new();
    meanwhile(&worker, &mut gate, || {
        bed.clock().advance(LEASE.saturating_sub(MICRO));
        assert!(service.mails().is_empty());
        bed.clock().advance(MICRO);
        early = service.mails();
    });
    let late = service.arrived();
    assert_eq!((early.len(), late.len()), (1, 1));
    assert_eq!((&early[0].token, early[0].mail.message_id()), (&late[0].token, late[0].mail.message_id()));
    bed.clock().advance(LEASE);
    assert!(service.mails().is_empty());
    assert_eq!(bed.count("email_outbox", "sent_at IS NOT NULL AND attempts = 0"), 1);
}

/// However the two fall: a link that was mailed by then is ended, and one that is made later was asked for later.
fn a_link_that_is_made_while_its_account_changes_is_dead_or_newer(bed: &Bed) {
    let service = bed.mailing();
    let worker = service.another(bed, |_| {});
    for round in 0..6 {
        let email = format!("user-{round}@example.org");
        let account = service.register(&email);
        service.mails();
        service.forgot(&email).unwrap();
        together(2, |number| match number {
            0 => worker.deliver(),
            _ => service.change_password(&account, PASSWORD, NEW_PASSWORD).unwrap(),
        });
        let mails = service.mails();
        for mail in mails.iter().filter(|mail| mail.purpose == "reset-password") {
            let reset = service.reset(&mail.token, "four silver keys of Argos");
            assert!(matches!(reset, Err(LinkError::TokenInvalid)), "{reset:?}");
        }
        assert!(service.try_log_in(&email, NEW_PASSWORD).is_ok());
    }
}

/// The jobs of an instance that is stopped in good order.
fn a_stop_sends_the_mail_under_way_and_gives_the_others_back(bed: &Bed) {
    let service = bed.mailing();
    let mut gate = Gate::before(service.sink.port());
    let worker = gated(bed, &gate);
    for number in 0..3 {
        service.register(&format!("user-{number}@example.org"));
        bed.clock().advance(Duration::from_millis(2));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let jobs = runtime.block_on(async { worker.service.run_jobs() });
    gate.wait();
    runtime.block_on(async {
        let mut stop = Box::pin(jobs.stop());
        // Its first step tells the jobs.
        poll_fn(|context| Poll::Ready(stop.as_mut().poll(context).is_ready())).await;
        gate.open();
        stop.await;
    });
    assert_eq!(service.arrived().len(), 1, "the one that was under way");
    assert_eq!(bed.count("email_outbox", "claimed_until IS NOT NULL"), 0);
    assert_eq!(service.mails().len(), 2, "the others are another instance's");
}

/// Less than a minute is left of the lease then: the rest is claimed anew, in its order.
fn a_batch_that_takes_long_is_given_back(bed: &Bed) {
    let service = bed.mailing();
    let mut gate = Gate::before(service.sink.port());
    let worker = gated(bed, &gate);
    for number in 0..4 {
        service.register(&format!("user-{number}@example.org"));
        bed.clock().advance(Duration::from_millis(2));
    }
    meanwhile(&worker, &mut gate, || bed.clock().advance(Duration::from_secs(61)));
    assert_eq!(bed.count("email_outbox", "claimed_until IS NOT NULL"), 0);
    let to: Vec<_> = service.arrived().into_iter().map(|mail| mail.to).collect();
    assert_eq!(to.len(), 4, "{to:?}");
    assert!(to.is_sorted(), "{to:?}");
}

/// The mail of the next one in the batch is sent in the same pass.
fn a_registration_replaced_while_its_mail_is_made_holds_nobody_up(bed: &Bed) {
    if !bed.is_postgres() {
        return; // One writer: nothing is replaced while a mail is made.
    }
    let service = bed.mailing_with(|config| config.require_verified_email = true);
    service.register_pending(ADA).unwrap();
    bed.clock().advance(Duration::from_millis(2));
    service.register_pending("bob@example.org").unwrap();
    let replaced = Held::after(&bed.open_again(), |conn| pending_registration::delete_by_email(conn, ADA).map(drop));
    let result = std::thread::scope(|scope| {
        let delivery = scope.spawn(|| block_on(service.service.deliver_mails()));
        replaced.until_it_is_waited_for(bed);
        replaced.let_go();
        delivery.join().unwrap()
    });
    assert!(result.is_ok(), "{result:?}");
    let to: Vec<_> = service.arrived().into_iter().map(|mail| mail.to).collect();
    assert_eq!(to, ["bob@example.org"]);
}
