//! Accounts that a stranger made with somebody else's address before its owner came (2.F of the security reference):
//! the owner gets in, the stranger is out.

use std::time::Duration;

use auth_service::{AccountProof, ChallengeError, ChallengeKind, LinkError, LoginError};

use crate::bed::{Bed, Mailing, NEW_PASSWORD, OTHER_PASSWORD, PASSWORD, on_both_databases, tokens};

on_both_databases! {
    the_owner_s_reset_puts_out_a_stranger_who_registered_before_them,
    a_change_of_address_that_a_stranger_asked_for_ends_with_the_owner_s_reset,
    a_stranger_s_change_of_address_that_was_carried_out_can_be_taken_back,
    the_owner_s_click_verifies_nothing_for_a_stranger,
    an_owner_who_registers_after_a_stranger_gets_in,
    an_owner_who_registered_before_a_stranger_gets_in_by_a_reset,
    a_stranger_s_registration_changes_nothing_for_an_account,
    a_stranger_s_challenge_dies_with_the_owner_s_reset,
}

const OWNER: &str = "owner@example.org";
const KIND: ChallengeKind = ChallengeKind::VerifyEmail;

fn strict(bed: &Bed) -> Mailing {
    bed.mailing_with(|config| config.require_verified_email = true)
}

fn is_refused(service: &Mailing, password: &str) -> bool {
    matches!(service.begin_log_in(OWNER, password), Err(LoginError::InvalidCredentials))
}

/// H-02
fn the_owner_s_reset_puts_out_a_stranger_who_registered_before_them(bed: &Bed) {
    let service = bed.mailing();
    let stranger = service.register(OWNER);
    let again = service.log_in(OWNER);
    let link = service.token("verify-email");
    assert!(service.try_register(OWNER, None).is_err(), "the owner finds the address taken");
    service.reset(&service.reset_token(OWNER), NEW_PASSWORD).unwrap();
    assert!(service.is_over(&stranger) && service.is_over(&again));
    assert!(is_refused(&service, PASSWORD));
    assert!(matches!(service.verify_by_password(&link, PASSWORD), Err(LinkError::TokenInvalid)));
    let owner = service.try_log_in(OWNER, NEW_PASSWORD).unwrap();
    assert!(owner.user.email_verified);
}

/// H-04: also one whose mail had not been sent by then.
fn a_change_of_address_that_a_stranger_asked_for_ends_with_the_owner_s_reset(bed: &Bed) {
    let service = bed.mailing();
    let stranger = service.register(OWNER);
    service.ask_for_address(&stranger, "stranger@example.org").unwrap();
    let sent = service.token("change-email");
    service.reset(&service.reset_token(OWNER), NEW_PASSWORD).unwrap();
    assert!(matches!(service.confirm_address(&sent), Err(LinkError::TokenInvalid)));

    let service = bed.mailing();
    let stranger = service.register("second@example.org");
    service.mails();
    let reset = service.reset_token("second@example.org");
    service.ask_for_address(&stranger, "stranger@example.org").unwrap();
    service.reset(&reset, NEW_PASSWORD).unwrap();
    assert!(service.mails().iter().all(|mail| mail.purpose != "change-email"));
    assert_eq!(bed.count("users", "email_normalized LIKE 'stranger%'"), 0);
}

fn a_stranger_s_change_of_address_that_was_carried_out_can_be_taken_back(bed: &Bed) {
    let service = bed.mailing();
    let stranger = service.register(OWNER);
    service.mails();
    service.ask_for_address(&stranger, "stranger@example.org").unwrap();
    service.confirm_address(&service.token("change-email")).unwrap();
    assert!(service.try_register(OWNER, None).is_err(), "it is kept");
    let undo = service.token("undo-email");
    service.undo_address(&undo).unwrap();
    let mail = service.one_mail();
    assert!(mail.is("reset-password", OWNER), "{mail:?}");
    service.reset(&mail.token, NEW_PASSWORD).unwrap();
    assert!(service.is_over(&stranger) && is_refused(&service, PASSWORD));
    assert!(service.try_log_in(OWNER, NEW_PASSWORD).is_ok());
}

/// The contract's `proof_required`.
fn the_owner_s_click_verifies_nothing_for_a_stranger(bed: &Bed) {
    for service in [bed.mailing(), strict(bed)] {
        let email = if bed.count("users", "true") == 0 { OWNER } else { "other@example.org" };
        service.register_pending(email).unwrap();
        let token = service.token("verify-email");
        for password in [None, Some(NEW_PASSWORD)] {
            let click = service.verify_with(&token, AccountProof { password, ..AccountProof::default() });
            assert!(matches!(click, Err(LinkError::ProofRequired)), "{click:?}");
        }
        assert_eq!(bed.count("users", "email_verified_at IS NOT NULL"), 0);
    }
}

fn an_owner_who_registers_after_a_stranger_gets_in(bed: &Bed) {
    let service = strict(bed);
    service.register_pending_with(OWNER, OTHER_PASSWORD).unwrap();
    let stranger = service.challenged(OWNER, OTHER_PASSWORD, KIND);
    service.mails();
    service.register_pending(OWNER).unwrap();
    let owner = service.challenged(OWNER, PASSWORD, KIND);
    let token = service.token("verify-email");
    assert!(tokens(service.answer_link(&owner, Some(&token)).unwrap()).user.email_verified);
    assert!(matches!(service.answer_link(&stranger, None), Err(ChallengeError::VerificationPending)));
    assert!(is_refused(&service, OTHER_PASSWORD));
}

/// The stranger's registration replaced theirs, and the link in the mail now wants the stranger's password.
fn an_owner_who_registered_before_a_stranger_gets_in_by_a_reset(bed: &Bed) {
    let service = strict(bed);
    service.register_pending(OWNER).unwrap();
    let first = service.token("verify-email");
    service.register_pending_with(OWNER, OTHER_PASSWORD).unwrap();
    let second = service.token("verify-email");
    assert!(matches!(service.verify_by_password(&first, PASSWORD), Err(LinkError::TokenInvalid)));
    assert!(matches!(service.verify_by_password(&second, PASSWORD), Err(LinkError::ProofRequired)));
    assert!(is_refused(&service, PASSWORD));
    let mail = {
        service.forgot("Owner@EXAMPLE.org").unwrap();
        service.one_mail()
    };
    assert!(mail.is("reset-password", OWNER), "{mail:?}");
    service.reset(&mail.token, NEW_PASSWORD).unwrap();
    assert_eq!((bed.count("users", "true"), bed.count("pending_registrations", "true")), (1, 0));
    assert_eq!(bed.count("sessions", "true"), 0, "a reset signs nobody in");
    assert!(matches!(service.verify_by_password(&second, OTHER_PASSWORD), Err(LinkError::TokenInvalid)));
    assert!(is_refused(&service, OTHER_PASSWORD));
    let user = service.try_log_in(OWNER, NEW_PASSWORD).unwrap().user;
    assert!(user.email_verified);
    let events = ["user.registered", "email.verified", "password.reset"];
    assert_eq!(events.map(|event| bed.count_events(user.id, event)), [1, 1, 1]);
}

fn a_stranger_s_registration_changes_nothing_for_an_account(bed: &Bed) {
    let service = strict(bed);
    service.register_pending(OWNER).unwrap();
    service.verify_by_password(&service.token("verify-email"), PASSWORD).unwrap();
    let owner = service.log_in(OWNER);
    let before = bed.user(owner.user);
    service.register_pending_with(OWNER, OTHER_PASSWORD).unwrap();
    let stranger = service.challenged(OWNER, OTHER_PASSWORD, KIND);
    service.mails();
    assert_eq!(bed.user(owner.user), before);
    bed.clock().advance(Duration::from_mins(1));
    service.reset(&service.reset_token(OWNER), NEW_PASSWORD).unwrap();
    assert!(matches!(service.answer_link(&stranger, None), Err(ChallengeError::VerificationPending)));
    assert!(service.try_log_in(OWNER, NEW_PASSWORD).is_ok());
    let step = service.begin_log_in(OWNER, OTHER_PASSWORD);
    assert!(step.is_err() || matches!(step, Ok(auth_service::Step::Challenge(_))));
    assert_eq!(bed.count("users", "true"), 1);
}

/// The account that the reset makes has the id of the stranger's registration.
fn a_stranger_s_challenge_dies_with_the_owner_s_reset(bed: &Bed) {
    let service = strict(bed);
    service.register_pending_with(OWNER, OTHER_PASSWORD).unwrap();
    service.mails();
    let stranger = service.challenged(OWNER, OTHER_PASSWORD, KIND);
    service.reset(&service.reset_token(OWNER), NEW_PASSWORD).unwrap();
    let answer = service.answer_link(&stranger, None);
    assert!(matches!(answer, Err(ChallengeError::ChallengeInvalid)), "{answer:?}");
    assert_eq!(bed.count("sessions", "true"), 0);
}
