//! Verifying one's address (REQ-09): what the mailed link needs beside it.

use std::time::Duration;

use auth_service::{AccountProof, ChallengeKind, LinkError};

use crate::bed::{Bed, Mailing, PASSWORD, block_on, browser, faults, on_both_databases, together};

on_both_databases! {
    the_link_verifies_with_the_password,
    the_link_verifies_with_a_session_of_the_account,
    the_link_verifies_with_the_open_challenge_of_the_account,
    the_link_alone_verifies_nothing_and_stays_good,
    an_account_without_a_password_is_verified_by_the_link_alone,
    a_wrong_password_with_the_link_is_a_failure_on_record,
    sixteen_at_once_verify_once,
    an_older_link_is_good_until_one_is_used,
    a_link_to_verify_is_good_for_a_day_from_the_request,
    a_disabled_account_is_not_verified,
    a_field_that_is_missing_or_wrong_is_named,
}

const DAY: Duration = Duration::from_hours(24);
const MICRO: Duration = Duration::from_micros(1);

fn is_invalid(result: &Result<(), LinkError>) -> bool {
    matches!(result, Err(LinkError::TokenInvalid))
}

fn is_verified(bed: &Bed, user: auth_core::UserId) -> bool {
    bed.user(user).unwrap().email_verified_at.is_some()
}

/// REQ-09: the mail that a registration sends.
fn the_link_verifies_with_the_password(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.register("Ada@Example.org");
    let mail = service.one_mail();
    assert!(mail.is("verify-email", "Ada@example.org"), "{mail:?}");
    service.verify_by_password(&mail.token, PASSWORD).unwrap();
    let user = block_on(service.service.profile(ada.user)).unwrap();
    assert!(user.email_verified);
    assert_eq!(bed.count_events(ada.user, "email.verified"), 1);
    assert!(service.is_live(&ada), "no session ends");
    assert_eq!(bed.count("sessions", "true"), 1, "none is opened");
    assert!(is_invalid(&service.verify_by_password(&mail.token, PASSWORD)), "it is used up");
}

fn the_link_verifies_with_a_session_of_the_account(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.register("ada@example.org");
    let hashes = service.service.hash_pool().started_count();
    service.verify_as(&service.token("verify-email"), &ada).unwrap();
    assert!(is_verified(bed, ada.user));
    assert_eq!(service.service.hash_pool().started_count(), hashes);
}

/// The mode was switched on after she had registered.
fn the_link_verifies_with_the_open_challenge_of_the_account(bed: &Bed) {
    let service = bed.mailing();
    let (ada, bob) = (service.register("ada@example.org"), service.register("bob@example.org"));
    let mails = service.mails();
    let token_of = |to: &str| &mails.iter().find(|mail| mail.to == to).unwrap().token;
    let strict = service.another(bed, |config| config.require_verified_email = true);
    let hers = strict.challenged("ada@example.org", PASSWORD, ChallengeKind::VerifyEmail);
    let his = strict.challenged("bob@example.org", PASSWORD, ChallengeKind::VerifyEmail);
    let crossed = strict.verify_by_challenge(token_of("ada@example.org"), &his);
    assert!(matches!(crossed, Err(LinkError::ProofRequired)), "{crossed:?}");
    strict.verify_by_challenge(token_of("ada@example.org"), &hers).unwrap();
    assert!(is_verified(bed, ada.user) && !is_verified(bed, bob.user));
    assert!(strict.answer_link(&hers, None).is_ok(), "the challenge is not used up");
}

/// The click of an owner who never signed up verifies nothing for the stranger who did.
fn the_link_alone_verifies_nothing_and_stays_good(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.register("ada@example.org");
    let token = service.token("verify-email");
    let bob = service.register("bob@example.org");
    bed.execute("UPDATE users SET password_must_change = true WHERE email = 'bob@example.org'");
    let other_challenge = service.challenged("bob@example.org", PASSWORD, ChallengeKind::ChangePassword);
    let claims = service.claims(&bob.access);
    let long = "a".repeat(5000);
    let nothing = AccountProof::default();
    for proof in [
        nothing,
        AccountProof { claims: Some(&claims), ..nothing },
        AccountProof { password: Some("not the password"), ..nothing },
        AccountProof { password: Some(""), ..nothing },
        AccountProof { password: Some(&long), ..nothing },
        AccountProof { challenge_token: Some(&other_challenge), ..nothing },
        AccountProof { challenge_token: Some(&token), ..nothing },
        AccountProof { challenge_token: Some("ot_"), ..nothing },
    ] {
        let refused = service.verify_with(&token, proof);
        assert!(matches!(refused, Err(LinkError::ProofRequired)), "{refused:?}");
    }
    assert!(!is_verified(bed, ada.user));
    service.verify_as(&token, &ada).unwrap();
}

/// There is no password that a stranger could have set.
fn an_account_without_a_password_is_verified_by_the_link_alone(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.register("ada@example.org");
    bed.execute("UPDATE users SET password_hash = NULL");
    service.verify_with(&service.token("verify-email"), AccountProof::default()).unwrap();
    assert!(is_verified(bed, ada.user));
}

/// L-16
fn a_wrong_password_with_the_link_is_a_failure_on_record(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.register("ada@example.org");
    let token = service.token("verify-email");
    let hashes = service.service.hash_pool().started_count();
    for _ in 0..3 {
        assert!(service.verify_by_password(&token, "not the password").is_err());
    }
    assert_eq!(service.service.hash_pool().started_count(), hashes + 3);
    assert_eq!(bed.count("authenticator_failures", "count = 3 AND authenticator = 'password'"), 1);
    assert_eq!(bed.count_events(ada.user, "login.failed"), 3);
    service.verify_by_password(&token, PASSWORD).unwrap();
    assert_eq!(bed.count("authenticator_failures", "true"), 0);
}

fn sixteen_at_once_verify_once(bed: &Bed) {
    let service = bed.mailing();
    let other = service.another(bed, |_| {});
    let ada = service.register("ada@example.org");
    let token = service.token("verify-email");
    let results = together(16, |number| {
        let instance = if number.is_multiple_of(2) { &*service } else { &other };
        instance.verify_as(&token, &ada)
    });
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert_eq!(results.iter().filter(|result| is_invalid(result)).count(), 15, "{results:?}");
    assert_eq!(bed.count_events(ada.user, "email.verified"), 1);
}

fn tokens_of_three_mails(bed: &Bed, service: &Mailing) -> Vec<String> {
    (0..3)
        .map(|number| {
            if number > 0 {
                bed.clock().advance(Duration::from_mins(5));
                service.resend("ada@example.org").unwrap();
            }
            service.token("verify-email")
        })
        .collect()
}

fn an_older_link_is_good_until_one_is_used(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.register("ada@example.org");
    let tokens = tokens_of_three_mails(bed, &service);
    assert!(tokens[0] != tokens[1] && tokens[1] != tokens[2]);
    bed.clock().advance(Duration::from_mins(1));
    service.resend("ada@example.org").unwrap();
    service.verify_as(&tokens[1], &ada).unwrap();
    assert!(tokens.iter().all(|token| is_invalid(&service.verify_as(token, &ada))));
    assert!(service.mails().is_empty(), "one that was on its way is of no use any more");
}

/// Not from the sending, which may come late.
fn a_link_to_verify_is_good_for_a_day_from_the_request(bed: &Bed) {
    for (age, is_good) in [(DAY.saturating_sub(MICRO), true), (DAY, false)] {
        let service = bed.mailing();
        let email = if is_good { "ada@example.org" } else { "bob@example.org" };
        let account = service.register(email);
        bed.clock().advance(Duration::from_hours(5));
        let token = service.token("verify-email");
        bed.clock().advance(age.saturating_sub(Duration::from_hours(5)));
        let result = service.verify_by_password(&token, PASSWORD);
        assert_eq!((result.is_ok(), is_invalid(&result)), (is_good, !is_good));
        assert_eq!(is_verified(bed, account.user), is_good);
    }
}

/// T-22
fn a_disabled_account_is_not_verified(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.register("ada@example.org");
    let token = service.token("verify-email");
    bed.execute("UPDATE users SET disabled_at = created_at");
    assert!(is_invalid(&service.verify_by_password(&token, PASSWORD)));
    assert!(!is_verified(bed, ada.user));
}

fn a_field_that_is_missing_or_wrong_is_named(bed: &Bed) {
    let service = bed.mailing();
    let (service, client) = (&service.service, browser());
    let named = |result: Result<(), LinkError>| match result {
        Err(LinkError::Invalid(errors)) => faults(&errors),
        other => panic!("{other:?}"),
    };
    let required = |field| vec![(field, "required")];
    assert_eq!(named(block_on(service.verify_email(None, AccountProof::default(), &client))), required("token"));
    assert_eq!(named(block_on(service.confirm_email_change(None, &client))), required("token"));
    assert_eq!(named(block_on(service.undo_email_change(None, &client))), required("token"));
    assert_eq!(named(block_on(service.secure_account(None, &client))), required("token"));
    assert_eq!(
        named(block_on(service.reset_password(None, None, &client))),
        [("token", "required"), ("new_password", "required")]
    );
    assert_eq!(named(block_on(service.forgot_password(None, &client))), required("email"));
    for email in ["ada", "ada@", "a@x.example,b@y.example", "a@x.example\r\nBcc: b@y.example", "<a@x.example>"] {
        assert_eq!(named(block_on(service.resend_verification(Some(email), &client))), [("email", "invalid_email")]);
        assert_eq!(named(block_on(service.forgot_password(Some(email), &client))), [("email", "invalid_email")]);
    }
    assert_eq!(bed.count("email_outbox", "true"), 0);
}
