//! Registering where addresses have to be verified first (REQ-04, REQ-09, P-16): nothing tells a stranger whether an
//! address has an account.

use std::time::Duration;

use auth_service::{
    AccountProof, ChallengeError, ChallengeKind, LinkError, LoginError, RegisterError, Registered, Registration,
};

use crate::bed::counters::counted;
use crate::bed::{
    Account, Bed, Mailing, NEW_PASSWORD, OTHER_PASSWORD, PASSWORD, block_on, browser, faults, on_both_databases,
    together,
};

on_both_databases! {
    registering_answers_and_costs_the_same_whoever_has_the_address,
    the_owner_of_a_taken_address_is_told_without_a_link,
    signing_in_with_what_waits_is_answered_and_costs_the_same,
    the_link_and_the_password_make_the_account,
    a_registration_of_a_taken_address_never_gets_in,
    a_later_registration_replaces_the_earlier_one,
    twenty_registrations_at_once_leave_one_and_its_mail,
    an_address_that_was_taken_meanwhile_is_not_verified,
    a_username_is_refused_until_the_address_is_verified,
    a_registration_waits_for_seven_days,
    a_registration_can_wait_for_ever,
    asking_again_works_for_what_waits,
    refused_registrations_leave_nothing,
}

const DAY: Duration = Duration::from_hours(24);
const MICRO: Duration = Duration::from_micros(1);
const FREE: &str = "free@example.org";
const TAKEN: &str = "taken@example.org";

fn strict(bed: &Bed) -> Mailing {
    bed.mailing_with(|config| config.require_verified_email = true)
}

/// A service on which somebody has the address [`TAKEN`].
fn strict_with_taken(bed: &Bed) -> (Mailing, Account) {
    let service = strict(bed);
    service.register_pending(TAKEN).unwrap();
    service.verify_by_password(&service.token("verify-email"), PASSWORD).unwrap();
    let account = service.log_in(TAKEN);
    bed.clock().advance(Duration::from_hours(2));
    (service, account)
}

/// By answer, by hashes, by rows.
fn registering_answers_and_costs_the_same_whoever_has_the_address(bed: &Bed) {
    let (service, _) = strict_with_taken(bed);
    let mut costs = Vec::new();
    for email in [FREE, TAKEN, "Taken@EXAMPLE.org", "nobody@example.org"] {
        let (before, hashes) = (bed.row_counts(), service.service.hash_pool().started_count());
        let answer = service.register_pending_with(email, OTHER_PASSWORD).unwrap();
        assert!(matches!(answer, Registered::VerificationRequired));
        let mut rows = bed.row_counts();
        for (table, count) in &mut rows {
            *count -= before[table];
        }
        rows.retain(|_, count| *count != 0);
        costs.push((service.service.hash_pool().started_count() - hashes, rows));
    }
    // The third replaced the second.
    *costs[2].1.entry("pending_registrations".to_owned()).or_default() += 1;
    let expected = [("email_outbox".to_owned(), 1), ("pending_registrations".to_owned(), 1)];
    assert!(costs.iter().all(|cost| *cost == (1, expected.clone().into())), "{costs:?}");
}

/// P-16
fn the_owner_of_a_taken_address_is_told_without_a_link(bed: &Bed) {
    let (service, owner) = strict_with_taken(bed);
    let before = bed.user(owner.user);
    service.register_pending_with("TAKEN@example.org", OTHER_PASSWORD).unwrap();
    let mail = service.one_mail();
    assert_eq!((mail.to.as_str(), mail.purpose.as_str(), mail.token.as_str()), (TAKEN, "", ""));
    assert!(mail.mail.subject().contains("an account") && mail.mail.links().is_empty(), "{:?}", mail.mail.subject());
    assert_eq!(bed.count("one_time_tokens", "used_at IS NULL"), 0);
    assert_eq!(bed.user(owner.user), before, "nothing is overwritten");
    assert!(service.is_over(&owner) || service.refresh(&owner.refresh).is_ok());
}

/// Two hashes each: the account's, and that of what waits.
fn signing_in_with_what_waits_is_answered_and_costs_the_same(bed: &Bed) {
    let (service, _) = strict_with_taken(bed);
    for email in [FREE, TAKEN] {
        service.register_pending_with(email, OTHER_PASSWORD).unwrap();
    }
    service.mails();
    let hashes_of = |work: &dyn Fn()| {
        let before = service.service.hash_pool().started_count();
        work();
        service.service.hash_pool().started_count() - before
    };
    for email in [FREE, TAKEN] {
        let mut rows = bed.row_counts();
        let hashes = hashes_of(&|| drop(service.challenged(email, OTHER_PASSWORD, ChallengeKind::VerifyEmail)));
        assert_eq!(hashes, 2, "{email}");
        // A wrong password for the account, if there is one.
        *rows.get_mut("audit_events").unwrap() += 1;
        // The mail is asked for again, whoever gets it.
        *rows.get_mut("email_outbox").unwrap() += 1;
        *rows.get_mut("authenticator_failures").unwrap() += i64::from(email == TAKEN);
        assert_eq!(bed.row_counts(), rows, "{email}");
    }
    for identifier in [FREE, TAKEN, "nobody@example.org", "nobody", "@"] {
        let failures = bed.count("audit_events", "event = 'login.failed'");
        let hashes = hashes_of(&|| {
            let refused = service.begin_log_in(identifier, "not the password");
            assert!(matches!(refused, Err(LoginError::InvalidCredentials)), "{identifier}: {refused:?}");
        });
        assert_eq!((hashes, bed.count("audit_events", "event = 'login.failed'")), (2, failures + 1), "{identifier}");
    }
    assert!(service.begin_log_in(TAKEN, PASSWORD).is_ok(), "the account's own password signs in");
}

fn the_link_and_the_password_make_the_account(bed: &Bed) {
    let service = strict(bed);
    let registration = Registration {
        email: Some("Ada@Example.org"),
        password: Some(PASSWORD),
        username: None,
        display_name: Some("Ada Lovelace"),
    };
    block_on(service.service.register(registration, &browser())).unwrap();
    let mail = service.one_mail();
    assert!(mail.is("verify-email", "Ada@example.org"), "{mail:?}");
    assert_eq!((bed.count("users", "true"), bed.count("sessions", "true")), (0, 0));
    let wrong = service.verify_by_password(&mail.token, "not the password");
    assert!(matches!(wrong, Err(LinkError::ProofRequired)), "{wrong:?}");
    let alone = service.verify_with(&mail.token, AccountProof::default());
    assert!(matches!(alone, Err(LinkError::ProofRequired)), "{alone:?}");
    let results = together(8, |_| service.verify_by_password(&mail.token, PASSWORD));
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert!(results.iter().all(|result| matches!(result, Ok(()) | Err(LinkError::TokenInvalid))), "{results:?}");
    assert_eq!((bed.count("users", "true"), bed.count("pending_registrations", "true")), (1, 0));
    let user = service.try_log_in("ada@example.org", PASSWORD).unwrap().user;
    assert_eq!((user.email.as_deref(), user.display_name.as_deref()), (Some("Ada@Example.org"), Some("Ada Lovelace")));
    assert!(user.email_verified && !user.password_must_change);
    assert_eq!((bed.count_events(user.id, "user.registered"), bed.count_events(user.id, "email.verified")), (1, 1));
}

fn a_registration_of_a_taken_address_never_gets_in(bed: &Bed) {
    let (service, owner) = strict_with_taken(bed);
    service.register_pending_with(TAKEN, OTHER_PASSWORD).unwrap();
    service.mails();
    bed.clock().advance(Duration::from_mins(1));
    service.resend(TAKEN).unwrap();
    assert!(service.mails().is_empty(), "the owner's address is verified: there is nothing to send");
    service.forgot(TAKEN).unwrap();
    let reset = service.token("reset-password");
    let challenge = service.challenged(TAKEN, OTHER_PASSWORD, ChallengeKind::VerifyEmail);
    for code in [None, Some(reset.as_str()), None] {
        let answer = service.answer_link(&challenge, code).unwrap_err();
        let expected = if code.is_some() { ChallengeError::InvalidCode } else { ChallengeError::VerificationPending };
        assert_eq!(answer.code(), expected.code());
    }
    service.reset(&reset, NEW_PASSWORD).unwrap();
    assert!(matches!(service.answer_link(&challenge, None), Err(ChallengeError::VerificationPending)));
    assert_eq!(service.try_log_in(TAKEN, NEW_PASSWORD).unwrap().user.id, owner.user);
    assert_eq!(bed.count("users", "true"), 1);
}

/// The contract exempts its mail from the 60 s: the earlier link is dead.
fn a_later_registration_replaces_the_earlier_one(bed: &Bed) {
    let service = strict(bed);
    service.register_pending_with(FREE, OTHER_PASSWORD).unwrap();
    let first = service.token("verify-email");
    let challenge = service.challenged(FREE, OTHER_PASSWORD, ChallengeKind::VerifyEmail);
    service.register_pending(FREE).unwrap();
    let second = service.token("verify-email");
    for password in [OTHER_PASSWORD, PASSWORD] {
        let dead = service.verify_by_password(&first, password);
        assert!(matches!(dead, Err(LinkError::TokenInvalid)), "{dead:?}");
    }
    let wrong = service.begin_log_in(FREE, OTHER_PASSWORD);
    assert!(matches!(wrong, Err(LoginError::InvalidCredentials)), "{wrong:?}");
    let crossed = service.verify_by_challenge(&second, &challenge);
    assert!(matches!(crossed, Err(LinkError::ProofRequired)), "{crossed:?}");
    assert!(matches!(service.answer_link(&challenge, Some(&second)), Err(ChallengeError::InvalidCode)));
    assert!(matches!(service.answer_link(&challenge, Some(&first)), Err(ChallengeError::InvalidCode)));
    service.verify_by_password(&second, PASSWORD).unwrap();
    assert!(service.answer_link(&challenge, None).is_err(), "the account is another registration's");
    assert!(service.try_log_in(FREE, PASSWORD).is_ok());
}

/// P-17
fn twenty_registrations_at_once_leave_one_and_its_mail(bed: &Bed) {
    let service = strict(bed);
    let other = service.another(bed, |config| config.require_verified_email = true);
    let results = together(20, |number| {
        let instance = if number.is_multiple_of(2) { &*service } else { &other };
        instance.register_pending(if number.is_multiple_of(3) { "FREE@example.org" } else { FREE })
    });
    assert!(results.iter().all(|result| matches!(result, Ok(Registered::VerificationRequired))), "{results:?}");
    assert_eq!(bed.count("pending_registrations", "true"), 1);
    let mails = service.mails();
    assert_eq!(mails.len(), 1, "the others' links would be dead");
    service.verify_by_password(&mails[0].token, PASSWORD).unwrap();
}

fn an_address_that_was_taken_meanwhile_is_not_verified(bed: &Bed) {
    let (service, _) = strict_with_taken(bed);
    let owner = service.log_in(TAKEN);
    service.register_pending_with(FREE, OTHER_PASSWORD).unwrap();
    let token = service.token("verify-email");
    let challenge = service.challenged(FREE, OTHER_PASSWORD, ChallengeKind::VerifyEmail);
    service.ask_for_address(&owner, FREE).unwrap();
    service.confirm_address(&service.token("change-email")).unwrap();
    for _ in 0..2 {
        let refused = service.verify_by_password(&token, OTHER_PASSWORD);
        assert!(matches!(refused, Err(LinkError::TokenInvalid)), "{refused:?}");
        assert!(service.answer_link(&challenge, Some(&token)).is_err());
        assert!(matches!(service.answer_link(&challenge, None), Err(ChallengeError::VerificationPending)));
    }
    assert_eq!(bed.count("users", "true"), 1);
    assert_eq!(service.try_log_in(FREE, PASSWORD).unwrap().user.id, owner.user);
}

fn a_username_is_refused_until_the_address_is_verified(bed: &Bed) {
    let service = strict(bed);
    let registration =
        Registration { email: Some(FREE), password: Some(PASSWORD), username: Some("analyst"), display_name: None };
    let refused = block_on(service.service.register(registration, &browser()));
    let Err(RegisterError::Invalid(errors)) = refused else { panic!("{refused:?}") };
    assert_eq!(faults(&errors), [("username", "not_yet")]);
    assert_eq!(bed.count("pending_registrations", "true"), 0);
}

/// H-07: links die with what they belong to.
fn a_registration_waits_for_seven_days(bed: &Bed) {
    let service = strict(bed);
    for (email, age, is_there) in [(FREE, (DAY * 7).saturating_sub(MICRO), true), (TAKEN, DAY * 7, false)] {
        service.register_pending(email).unwrap();
        service.mails();
        bed.clock().advance(age.saturating_sub(Duration::from_hours(1)));
        service.resend(email).unwrap();
        let token = service.token("verify-email");
        bed.clock().advance(Duration::from_hours(1));
        let result = service.verify_by_password(&token, PASSWORD);
        assert_eq!(result.is_ok(), is_there, "{email}: {result:?}");
        assert_eq!(service.begin_log_in(email, PASSWORD).is_ok(), is_there, "{email}");
        service.forgot(email).unwrap();
        assert_eq!(service.mails().len(), usize::from(is_there), "{email}");
    }
    assert_eq!(bed.count("pending_registrations", "true"), 1, "not swept yet");
    // The jobs' first turn comes at once.
    block_on(async {
        let jobs = service.service.run_jobs();
        while bed.count("pending_registrations", "true") > 0 {
            tokio::task::yield_now().await;
        }
        jobs.stop().await;
    });
    assert_eq!(bed.count("one_time_tokens", "pending_id IS NOT NULL"), 0);
}

/// `AUTH_PURGE_UNVERIFIED=off`
fn a_registration_can_wait_for_ever(bed: &Bed) {
    let service = bed.mailing_with(|config| {
        config.require_verified_email = true;
        config.pending_registration_life = None;
    });
    service.register_pending(FREE).unwrap();
    bed.clock().advance(DAY * 3650);
    service.resend(FREE).unwrap();
    let sent = counted(|| service.verify_by_password(&service.token("verify-email"), PASSWORD).unwrap());
    assert_eq!(sent["auth_mails_sent_total{template=verify_email}"], 1, "{sent:?}");
    assert!(service.try_log_in(FREE, PASSWORD).is_ok());
}

fn asking_again_works_for_what_waits(bed: &Bed) {
    let service = strict(bed);
    service.register_pending(FREE).unwrap();
    let first = service.token("verify-email");
    bed.clock().advance(Duration::from_mins(1));
    service.resend("Free@Example.org").unwrap();
    let mail = service.one_mail();
    assert!(mail.is("verify-email", FREE) && mail.token != first, "to the spelling that was registered");
    service.verify_by_password(&first, PASSWORD).unwrap();
    assert!(service.verify_by_password(&mail.token, PASSWORD).is_err());
}

fn refused_registrations_leave_nothing(bed: &Bed) {
    let service = strict(bed);
    let hashes = service.service.hash_pool().started_count();
    for (email, password) in [("free@", PASSWORD), (FREE, "short"), (FREE, "Free@Example.org")] {
        let refused = service.register_pending_with(email, password);
        assert!(matches!(refused, Err(RegisterError::Invalid(_))), "{refused:?}");
    }
    assert_eq!(service.service.hash_pool().started_count(), hashes);
    assert_eq!((bed.count("pending_registrations", "true"), bed.count("email_outbox", "true")), (0, 0));
}
