//! New identities where not everybody may have an account: addresses that are kept or waited for, registration that is
//! closed, addresses that must be verified.

use std::time::Duration;

use auth_core::ErrorCode;
use auth_service::{ChallengeKind, LinkError, LoginError};

use super::{ADA, ADA_AT_GOOGLE, NOBODY_AT_GOOGLE, assert_refusal_on_record, entered, rows};
use crate::bed::federation::{By, CORP, Federated, GOOGLE, Person};
use crate::bed::{Bed, NEW_PASSWORD, OTHER_PASSWORD, Setup, challenge, on_both_databases, tokens};

on_both_databases! {
    an_address_that_was_given_up_is_nobody_s_for_a_week,
    a_registration_that_waits_for_the_address_ends,
    a_registration_that_waits_ends_where_none_has_to_wait_any_more,
    where_registration_is_closed_no_account_is_made,
    where_an_address_must_be_verified_none_is_made_without,
    an_account_without_an_address_stays_out_where_one_must_be_verified,
    an_account_whose_address_is_not_verified_is_asked_to_verify_it,
}

const MICRO: Duration = Duration::from_micros(1);
const MINUTE: Duration = Duration::from_mins(1);
const WEEK: Duration = Duration::from_hours(7 * 24);

fn strict(setup: &mut Setup) {
    setup.config.require_verified_email = true;
}

/// REQ-09: an account changed from this address to another; for a week the change can be taken back.
fn an_address_that_was_given_up_is_nobody_s_for_a_week(bed: &Bed) {
    let service = bed.federated();
    let owner = service.verified(ADA);
    service.ask_for_address(&owner, "new@example.org").unwrap();
    service.confirm_address(&service.token("change-email")).unwrap();
    service.mails();
    let refused = |by: By| {
        let (before, trail) = (rows(bed), bed.count("audit_events", "true"));
        let subject = by.of("stranger");
        assert_eq!(service.come(by, Person::at(GOOGLE, &subject, ADA)).err(), Some(ErrorCode::AccountExists));
        assert_eq!((rows(bed), bed.count("audit_events", "true")), (before, trail));
    };
    By::BOTH.into_iter().for_each(refused);
    bed.clock().advance(WEEK.saturating_sub(MICRO));
    By::BOTH.into_iter().for_each(refused);
    bed.clock().advance(MICRO);
    let new = service.enter(Person::at(GOOGLE, "g-new", ADA));
    assert_ne!(new.user, owner.user);
    assert_eq!(bed.user(new.user).unwrap().email.as_deref(), Some(ADA));
}

/// What a stranger registered for `email`, and has in their hands: nothing of it opens or makes an account.
fn assert_that_the_registration_ends(bed: &Bed, service: &Federated, by: By) {
    let (email, subject) = (by.of(ADA), by.of("ada"));
    let strict = service.beside(bed, strict);
    strict.register_pending_with(&email, OTHER_PASSWORD).unwrap();
    let link = service.token("verify-email");
    let half_way = strict.challenged(&email, OTHER_PASSWORD, ChallengeKind::VerifyEmail);
    bed.clock().advance(MINUTE);
    let reset = service.reset_token(&email);
    bed.clock().advance(MINUTE);
    strict.resend(&email).unwrap();
    let ada = tokens(service.come(by, Person::at(GOOGLE, &subject, &email)).unwrap()).user;
    assert!(ada.email_verified && !ada.has_password);
    assert_eq!(bed.count("pending_registrations", "true"), 0);
    for service in [&**service, &strict] {
        for password in [OTHER_PASSWORD, NEW_PASSWORD] {
            let log_in = service.begin_log_in(&email, password);
            assert!(matches!(log_in, Err(LoginError::InvalidCredentials)), "{log_in:?}");
        }
    }
    assert!(matches!(strict.verify_by_password(&link, OTHER_PASSWORD), Err(LinkError::TokenInvalid)));
    assert!(matches!(strict.verify_by_challenge(&link, &half_way), Err(LinkError::TokenInvalid)));
    assert!(matches!(strict.reset(&reset, NEW_PASSWORD), Err(LinkError::TokenInvalid)));
    assert!(strict.answer_link(&half_way, None).is_err() && strict.answer_link(&half_way, Some(&link)).is_err());
    for mail in service.mails() {
        assert!(mail.purpose != "verify-email", "it was on its way: {mail:?}");
    }
    assert_eq!(bed.user(ada.id).unwrap().password_hash, None);
    assert_eq!(bed.count("sessions", &format!("user_id = (SELECT id FROM users WHERE email = '{email}')")), 1);
}

fn a_registration_that_waits_for_the_address_ends(bed: &Bed) {
    let service = bed.federated_as(strict);
    for by in By::BOTH {
        assert_that_the_registration_ends(bed, &service, by);
    }
}

fn a_registration_that_waits_ends_where_none_has_to_wait_any_more(bed: &Bed) {
    let service = bed.federated();
    for by in By::BOTH {
        assert_that_the_registration_ends(bed, &service, by);
    }
}

/// P-26
fn where_registration_is_closed_no_account_is_made(bed: &Bed) {
    let open = bed.federated();
    let closed = open.beside(bed, |setup| setup.config.registration_open = false);
    let holder = open.verified(ADA);
    open.register("unverified@example.org");
    let known = open.enter(NOBODY_AT_GOOGLE);
    open.mails();
    for by in By::BOTH {
        let before = bed.dump();
        for person in [
            Person::at(GOOGLE, "g-new", "free@example.org"),
            Person::at(GOOGLE, "g-new", "free@example.org").unverified(),
            Person::nameless(CORP, "c-new"),
        ] {
            assert_eq!(open.come_to(&closed, by, person).err(), Some(ErrorCode::RegistrationClosed), "{person:?}");
        }
        assert_eq!(bed.dump(), before, "nothing is written");
        let unverified = Person::at(GOOGLE, "g-new", "unverified@example.org");
        assert_eq!(open.come_to(&closed, by, unverified).err(), Some(ErrorCode::AccountExists));
        assert_eq!(entered(open.come_to(&closed, by, NOBODY_AT_GOOGLE)).user, known.user, "who has one comes in");
        assert_eq!(entered(open.come_to(&closed, by, ADA_AT_GOOGLE)).user, holder.user, "and links to it");
    }
}

fn where_an_address_must_be_verified_none_is_made_without(bed: &Bed) {
    let service = bed.federated_as(strict);
    for by in By::BOTH {
        let before = bed.dump();
        for person in [NOBODY_AT_GOOGLE, ADA_AT_GOOGLE.unverified(), Person::nameless(CORP, "c-new")] {
            assert_eq!(service.come(by, person).err(), Some(ErrorCode::VerifiedEmailRequired), "{person:?}");
        }
        assert_eq!(bed.dump(), before, "nothing is written");
    }
    let ada = tokens(service.come(By::Page, ADA_AT_GOOGLE).unwrap()).user;
    assert_eq!((ada.email.as_deref(), ada.email_verified), (Some(ADA), true));
    assert_eq!(service.enter(ADA_AT_GOOGLE.unverified()).user, ada.id, "once it is known");
}

/// O-20: the account is from before.
fn an_account_without_an_address_stays_out_where_one_must_be_verified(bed: &Bed) {
    let open = bed.federated();
    let strict = open.beside(bed, strict);
    for by in By::BOTH {
        let subject = by.of("nobody");
        let person = Person::nameless(GOOGLE, &subject);
        let account = open.enter(person);
        let sessions = bed.count("sessions", "true");
        assert_eq!(open.come_to(&strict, by, person).err(), Some(ErrorCode::VerifiedEmailRequired));
        assert_refusal_on_record(bed, account.user, GOOGLE, ErrorCode::VerifiedEmailRequired);
        let now_verified = person.with_email(ADA);
        assert!(open.come_to(&strict, by, now_verified).is_err(), "what is told later is not taken over");
        assert_eq!((bed.count("sessions", "true"), bed.user(account.user).unwrap().email), (sessions, None));
        assert_eq!(entered(open.come(by, person)).user, account.user);
    }
}

fn an_account_whose_address_is_not_verified_is_asked_to_verify_it(bed: &Bed) {
    let open = bed.federated();
    let strict = open.beside(bed, strict);
    for by in By::BOTH {
        let (email, subject) = (by.of(ADA), by.of("ada"));
        let account = open.register(&email);
        let person = Person::nameless(GOOGLE, &subject);
        open.link(&account, person).unwrap();
        open.mails();
        bed.clock().advance(MINUTE);
        let half_way = challenge(open.come_to(&strict, by, person).unwrap(), ChallengeKind::VerifyEmail);
        let link = open.token("verify-email");
        let tokens = tokens(strict.answer_link(&half_way, Some(&link)).unwrap());
        assert!(tokens.user.id == account.user && tokens.user.email_verified);
        assert_eq!(strict.claims(tokens.access_token.expose()).amr, ["fed"]);
        assert_eq!(open.ways_of(account.user), [GOOGLE]);
    }
}
