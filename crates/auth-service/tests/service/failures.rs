//! Wrong passwords in a row (NIST SP 800-63B-4, section 3.2.2): the hundredth disables the password until a reset.

use std::time::Duration;

use auth_persistence::authenticator_failure::{self, ANY_LANE, Authenticator};
use auth_persistence::user;
use auth_service::{AccountError, FreshProof, LinkError, LoginError};
use diesel::connection::SimpleConnection;

use crate::bed::{
    Account, Bed, Held, Instance, Mailing, NEW_PASSWORD, PASSWORD, block_on, browser, on_both_databases, together,
    until,
};

on_both_databases! {
    the_hundredth_disables_the_password_and_tells_the_owner_once,
    a_right_password_begins_the_row_anew,
    every_call_that_takes_a_password_counts_in_one_row,
    any_call_may_be_the_hundredth_and_none_takes_the_password_after_it,
    the_count_survives_refusals_days_and_restarts,
    two_hundred_at_once_are_counted_exactly,
    the_hundredth_at_once_with_others_is_one,
    a_reset_binds_the_password_anew,
    sessions_and_the_reset_go_on_working,
    nobody_and_other_accounts_are_not_counted,
    an_account_deleted_during_a_wrong_guess_has_no_count,
}

const ADA: &str = "ada@example.org";
const WRONG: &str = "not the password";

fn guess(service: &Instance, password: &str) -> bool {
    match service.begin_log_in(ADA, password) {
        Ok(_) => true,
        Err(LoginError::InvalidCredentials) => false,
        Err(error) => panic!("{error:?}"),
    }
}

fn failures(bed: &Bed) -> i64 {
    failures_of(bed, ADA)
}

fn failures_of(bed: &Bed, email: &'static str) -> i64 {
    bed.read(move |conn| {
        let user = user::find_by_email(conn, email)?.unwrap();
        authenticator_failure::count(conn, user.id, Authenticator::Password, ANY_LANE)
    })
}

/// An account whose password was disabled.
fn disabled(bed: &Bed, service: &Mailing) -> Account {
    let account = service.verified(ADA);
    bed.set_failures(ADA, 99);
    assert!(!guess(service, WRONG));
    account
}

/// L-05
fn the_hundredth_disables_the_password_and_tells_the_owner_once(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.verified(ADA);
    let hashes = service.service.hash_pool().started_count();
    for number in 1..=100 {
        assert!(!guess(&service, WRONG));
        assert_eq!(bed.count_events(ada.user, "password.disabled"), usize::from(number == 100));
    }
    for password in [PASSWORD, WRONG, PASSWORD] {
        assert!(!guess(&service, password), "the right one is answered like a wrong one");
    }
    assert_eq!(service.service.hash_pool().started_count(), hashes + 103, "after the same work");
    assert_eq!(bed.count_events(ada.user, "login.failed"), 103);
    assert_eq!(bed.count_events(ada.user, "password.disabled"), 1);
    let mail = service.one_mail();
    assert!(mail.is("reset-password", ADA), "{mail:?}");
    assert!(mail.mail.subject().contains("Reset") && mail.mail.text().contains("100"), "{}", mail.mail.text());
    for _ in 0..100 {
        guess(&service, WRONG);
    }
    assert!(service.mails().is_empty(), "one mail, however long they go on");
}

fn a_right_password_begins_the_row_anew(bed: &Bed) {
    let service = bed.service();
    service.register(ADA);
    for _ in 0..2 {
        bed.set_failures(ADA, 98);
        assert!(!guess(&service, WRONG));
        assert!(guess(&service, PASSWORD));
        assert_eq!(failures(bed), 0);
    }
    bed.set_failures(ADA, 99);
    let ada = service.log_in(ADA);
    assert!(!guess(&service, WRONG));
    assert_eq!((failures(bed), bed.count_events(ada.user, "password.disabled")), (1, 0));
}

/// Each call that takes a password, with this one; whether it was taken.
fn calls(bed: &Bed, service: &Mailing, account: &Account, password: &str) -> [bool; 4] {
    let claims = service.claims(&account.access);
    let proof = FreshProof { password: Some(password), code: None };
    let (service, client) = (&service.service, browser());
    let change = block_on(service.change_password(&claims, Some(password), Some("short"), &client));
    let delete = {
        // Nobody is deleted: the last admin stays.
        bed.execute("UPDATE users SET role = 'admin'");
        let refused = block_on(service.delete_account(&claims, proof, &client));
        bed.execute("UPDATE users SET role = 'user'");
        refused
    };
    let email = block_on(service.request_email_change(&claims, Some("new@example.org"), proof, &client));
    let attempt = auth_service::LoginAttempt { identifier: Some(ADA), password: Some(password), device_token: None };
    let log_in = block_on(service.log_in(attempt, &client));
    let taken = |result: &Result<(), AccountError>| match result {
        Err(AccountError::InvalidCredentials) => false,
        Ok(()) | Err(AccountError::Invalid(_) | AccountError::LastAdmin) => true,
        other => panic!("{other:?}"),
    };
    [taken(&change), taken(&delete), taken(&email), log_in.is_ok()]
}

/// L-16: and verifying one's address, which is in `verification.rs` too.
fn every_call_that_takes_a_password_counts_in_one_row(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.register(ADA);
    let verify = service.token("verify-email");
    assert_eq!(calls(bed, &service, &ada, WRONG), [false; 4]);
    assert_eq!(failures(bed), 4);
    assert!(matches!(service.verify_by_password(&verify, WRONG), Err(LinkError::ProofRequired)));
    assert_eq!(failures(bed), 5);
    assert_eq!(calls(bed, &service, &ada, PASSWORD), [true; 4]);
    assert_eq!(failures(bed), 0);
    for call in 0..5 {
        bed.set_failures(ADA, 7);
        match call {
            0 => drop(service.change_password(&ada, PASSWORD, "short")),
            1 => drop(service.ask_for_address_with(&ada, "a@b.example", proof(PASSWORD))),
            2 => service.verify_by_password(&verify, PASSWORD).unwrap(),
            3 => drop(service.log_in(ADA)),
            _ => {
                bed.execute("UPDATE users SET role = 'admin'");
                let claims = service.claims(&ada.access);
                assert!(block_on(service.service.delete_account(&claims, proof(PASSWORD), &browser())).is_err());
            }
        }
        assert_eq!(failures(bed), 0, "a right one ends the row wherever it is given: {call}");
    }
}

fn proof(password: &str) -> FreshProof<'_> {
    FreshProof { password: Some(password), code: None }
}

fn any_call_may_be_the_hundredth_and_none_takes_the_password_after_it(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.register(ADA);
    let verify = service.token("verify-email");
    for call in 0..4 {
        bed.set_failures(ADA, 99);
        match call {
            0 => drop(service.change_password(&ada, WRONG, NEW_PASSWORD)),
            1 => drop(service.ask_for_address_with(&ada, "new@example.org", proof(WRONG))),
            2 => drop(service.verify_by_password(&verify, WRONG)),
            _ => {
                let claims = service.claims(&ada.access);
                drop(block_on(service.service.delete_account(&claims, proof(WRONG), &browser())));
            }
        }
        assert_eq!(bed.count_events(ada.user, "password.disabled"), call + 1);
    }
    let hashes = service.service.hash_pool().started_count();
    assert_eq!(calls(bed, &service, &ada, PASSWORD), [false; 4]);
    assert!(matches!(service.verify_by_password(&verify, PASSWORD), Err(LinkError::ProofRequired)));
    assert_eq!(service.service.hash_pool().started_count(), hashes + 5);
    assert_eq!(failures(bed), 105);
    assert!(service.verify_as(&verify, &ada).is_ok(), "a session is proof enough");
}

/// L-05, L-23
fn the_count_survives_refusals_days_and_restarts(bed: &Bed) {
    bed.service().register(ADA);
    for _ in 0..4 {
        let service = bed.service();
        for _ in 0..25 {
            assert!(!guess(&service, WRONG));
            bed.clock().advance(Duration::from_hours(5));
        }
    }
    assert_eq!(failures(bed), 100);
    let restarted = bed.service();
    assert!(!guess(&restarted, PASSWORD));
    bed.clock().advance(Duration::from_hours(24 * 400));
    assert!(!guess(&restarted, PASSWORD), "no time gives it back");
}

/// L-07
fn two_hundred_at_once_are_counted_exactly(bed: &Bed) {
    let services = [bed.service(), bed.second_service(Duration::ZERO)];
    let ada = services[0].register(ADA);
    together(40, |number| (0..5).for_each(|_| assert!(!guess(&services[number % 2], WRONG))));
    assert_eq!((failures(bed), bed.count_events(ada.user, "login.failed")), (200, 200));
    assert_eq!(bed.count_events(ada.user, "password.disabled"), 1);
    let mails = bed.mails(ada.user);
    assert_eq!(mails.iter().filter(|mail| mail.template == "reset_password").count(), 1);
}

/// Whoever knew it all along is one of the crowd; it is right before the hundredth failure, or not at all.
fn the_hundredth_at_once_with_others_is_one(bed: &Bed) {
    let services = [bed.service(), bed.second_service(Duration::ZERO)];
    let ada = services[0].register(ADA);
    for _ in 0..4 {
        bed.set_failures(ADA, 95);
        let before = bed.count_events(ada.user, "password.disabled");
        let results = together(12, |number| {
            (number == 6, guess(&services[number % 2], if number == 6 { PASSWORD } else { WRONG }))
        });
        assert!(results.iter().all(|(is_right, got_in)| *is_right || !got_in));
        let got_in = results.iter().any(|(_, got_in)| *got_in);
        let disabled = bed.count_events(ada.user, "password.disabled") - before;
        assert!(disabled <= 1);
        assert!(got_in || disabled == 1);
    }
}

fn a_reset_binds_the_password_anew(bed: &Bed) {
    let service = bed.mailing();
    let ada = disabled(bed, &service);
    service.reset(&service.token("reset-password"), NEW_PASSWORD).unwrap();
    assert_eq!(failures(bed), 0);
    assert!(guess(&service, NEW_PASSWORD));
    bed.set_failures(ADA, 99);
    assert!(!guess(&service, WRONG));
    assert_eq!(bed.count_events(ada.user, "password.disabled"), 2, "another row of a hundred disables it again");
    bed.clock().advance(Duration::from_mins(1));
    service.forgot(ADA).unwrap();
    let mails = service.mails();
    let reset = mails.iter().rfind(|mail| mail.purpose == "reset-password").unwrap();
    service.reset(&reset.token, PASSWORD).unwrap();
    assert!(guess(&service, PASSWORD));
}

/// L-14: who guesses for somebody else doesn't put them out.
fn sessions_and_the_reset_go_on_working(bed: &Bed) {
    let service = bed.mailing();
    let account = disabled(bed, &service);
    assert!(service.is_live(&account));
    bed.clock().advance(Duration::from_mins(1));
    assert_eq!(service.mails().len(), 1);
    let token = service.reset_token(ADA);
    assert!(service.is_live(&account));
    service.reset(&token, NEW_PASSWORD).unwrap();
}

fn nobody_and_other_accounts_are_not_counted(bed: &Bed) {
    let service = bed.service();
    service.register(ADA);
    service.register_named("bob@example.org", "bob_the_builder");
    for identifier in ["nobody@example.org", "nobody", "@"] {
        assert!(service.begin_log_in(identifier, WRONG).is_err());
    }
    assert_eq!(bed.count("authenticator_failures", "true"), 0);
    for identifier in ["bob@example.org", "BOB@example.org", "bob_the_builder", "Bob_The_Builder"] {
        assert!(service.begin_log_in(identifier, WRONG).is_err());
    }
    assert_eq!(bed.count("authenticator_failures", "true"), 1, "L-08");
    assert_eq!(failures_of(bed, "bob@example.org"), 4, "one row, whatever name was used");
    bed.set_failures(ADA, 250);
    assert!(!guess(&service, PASSWORD) && service.try_log_in("bob@example.org", PASSWORD).is_ok());
    bed.execute("UPDATE users SET disabled_at = created_at");
    assert!(service.begin_log_in("bob@example.org", PASSWORD).is_err());
    assert_eq!(failures_of(bed, "bob@example.org"), 0, "a right password of a disabled account is no failure");
}

fn an_account_deleted_during_a_wrong_guess_has_no_count(bed: &Bed) {
    let service = bed.service();
    service.register(ADA);
    let deletion = Held::after(&bed.open_again(), |conn| Ok(conn.batch_execute("DELETE FROM users")?));
    let hashes = service.service.hash_pool().started_count();
    let refused = std::thread::scope(|scope| {
        let log_in = scope.spawn(|| guess(&service, WRONG));
        until(|| service.service.hash_pool().started_count() > hashes && service.service.hash_pool().busy() == 0);
        deletion.until_it_is_waited_for(bed);
        deletion.let_go();
        !log_in.join().unwrap()
    });
    assert!(refused);
    assert_eq!(bed.count("authenticator_failures", "true"), 0);
}
