//! What becomes of the factor when the account is recovered or changed (M-11, M-14, H-03; ASVS 6.4.3): a mail alone
//! takes it off only where nobody had shown yet whose the address is.

use std::time::Duration;

use auth_service::{AccountChange, AccountError, AccountProof, ChallengeKind, LinkError};

use super::{ADA, NO_BACKUP_CODE, Protected, STEP, TRIES, is_dead, is_wrong};
use crate::bed::{
    Bed, Instance, Mailing, NEW_PASSWORD, OTHER_PASSWORD, PASSWORD, block_on, browser, challenge, on_both_databases,
    tokens,
};

on_both_databases! {
    a_reset_of_a_verified_account_keeps_the_factor,
    a_reset_of_an_unverified_account_removes_it,
    an_administrator_s_word_for_an_address_keeps_no_stranger_s_factor,
    a_link_to_an_address_that_was_vouched_for_needs_the_account_and_then_keeps_the_factor,
    a_reset_removes_what_a_stranger_has_begun,
    an_address_that_is_taken_back_is_rid_of_a_stranger_s_factor,
    a_reset_brings_no_disabled_factor_back,
    changing_or_securing_the_account_keeps_the_factor,
    verifying_the_address_oneself_keeps_the_factor,
    a_new_factor_ends_no_link_that_shows_whose_the_address_is,
    a_deleted_account_leaves_nothing_of_it,
}

const MINUTE: Duration = Duration::from_mins(1);

/// The token of the challenge that the new password is answered with.
#[track_caller]
fn asked_after(service: &Mailing, email: &str, password: &str) -> String {
    service.challenged(email, password, ChallengeKind::Mfa)
}

/// M-14: everything of the factor is as before, and the reset itself lets nobody in.
fn a_reset_of_a_verified_account_keeps_the_factor(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.protect(service.verified(ADA));
    let half_way = service.asked_for_code(ADA);
    for _ in 0..2 {
        assert!(is_wrong(&service.sign_in_with_backup(ADA, NO_BACKUP_CODE)));
    }
    service.reset(&service.reset_token(ADA), NEW_PASSWORD).unwrap();
    assert_eq!(bed.count("sessions", "revoked_at IS NULL"), 0, "a reset signs nobody in");
    assert!(service.is_over(&ada.account) && is_dead(&service.answer_totp(&half_way, &ada.app.code(&service, 1))));
    let factor = service.factor_of(ada.user());
    assert_eq!((factor.totp, factor.backup_codes_left, bed.wrong_codes(ada.user())), (true, 10, 2));
    let asked = asked_after(&service, ADA, NEW_PASSWORD);
    assert!(is_wrong(&service.answer_totp(&asked, &ada.app.code(&service, 0))), "the used code stays used");
    let tokens = tokens(service.answer_totp(&asked, &ada.app.next(&service)).unwrap());
    assert!(tokens.user.mfa_enabled);
    let asked = asked_after(&service, ADA, NEW_PASSWORD);
    assert!(service.answer_backup(&asked, &ada.backup_codes[0]).is_ok());
    assert_eq!(bed.count_events(ada.user(), "mfa.disabled"), 0);
}

/// H-03: a stranger made the account and added a factor before the owner of the address came.
fn a_reset_of_an_unverified_account_removes_it(bed: &Bed) {
    let service = bed.mailing();
    let stranger = service.protected(ADA);
    let half_way = service.asked_for_code(ADA);
    service.mails();
    service.reset(&service.reset_token(ADA), NEW_PASSWORD).unwrap();
    for table in ["totp_credentials", "backup_codes"] {
        assert_eq!(bed.count(table, "true"), 0, "{table}");
    }
    assert_eq!(bed.count("sessions", "revoked_at IS NULL"), 0);
    assert_eq!(bed.count_events(stranger.user(), "mfa.disabled"), 1);
    assert!(service.mails().iter().any(|mail| mail.mail.subject().contains("switched off")), "the owner is told of it");
    assert!(service.is_over(&stranger.account));
    assert!(is_dead(&service.answer_totp(&half_way, &stranger.app.code(&service, 1))));
    assert!(service.begin_log_in(ADA, PASSWORD).is_err());
    let owner = service.try_log_in(ADA, NEW_PASSWORD).unwrap();
    assert!(owner.user.email_verified && !owner.user.mfa_enabled);
    // From now on the address is its owner's, and the factor that they add stays.
    bed.clock().advance(MINUTE);
    let owner = service.protect(Instance::account(&owner));
    service.reset(&service.reset_token(ADA), OTHER_PASSWORD).unwrap();
    let asked = asked_after(&service, ADA, OTHER_PASSWORD);
    assert!(is_wrong(&service.answer_totp(&asked, &stranger.app.next(&service))));
    assert!(service.answer_totp(&asked, &owner.app.code(&service, 0)).is_ok());
}

/// H-03: that an administrator vouches for the address shows nothing of who made the account.
fn an_administrator_s_word_for_an_address_keeps_no_stranger_s_factor(bed: &Bed) {
    let service = bed.mailing();
    let stranger = service.protected(ADA);
    vouch_for(bed, &service, &stranger);
    service.reset(&service.reset_token(ADA), NEW_PASSWORD).unwrap();
    assert_eq!(bed.count("totp_credentials", "true"), 0);
    let owner = service.try_log_in(ADA, NEW_PASSWORD).unwrap();
    assert!(owner.user.email_verified && !owner.user.mfa_enabled);
    // From now on the address is its owner's, and the factor that they add stays.
    bed.clock().advance(MINUTE);
    let owner = service.protect(Instance::account(&owner));
    service.reset(&service.reset_token(ADA), OTHER_PASSWORD).unwrap();
    let asked = asked_after(&service, ADA, OTHER_PASSWORD);
    assert!(service.answer_totp(&asked, &owner.app.next(&service)).is_ok());
}

fn vouch_for(bed: &Bed, service: &Mailing, user: &Protected) {
    let root = service.administrator(bed, "root@example.org");
    let vouch = AccountChange { email_verified: Some(true), ..AccountChange::default() };
    assert!(service.change_user(&root, user.user(), vouch).unwrap().email_verified);
    service.mails();
}

/// H-03: the click of an owner who never signed up, on a link that a stranger asked for, shows nothing; whoever has the
/// account, too, shows all that an administrator's word didn't.
fn a_link_to_an_address_that_was_vouched_for_needs_the_account_and_then_keeps_the_factor(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.protected(ADA);
    vouch_for(bed, &service, &ada);
    bed.clock().advance(MINUTE);
    service.ask_for_address(&ada.account, ADA).unwrap();
    let mail = service.one_mail();
    assert!(mail.is("verify-email", ADA), "a link that changes an address proves less: {mail:?}");
    let alone = block_on(service.service.verify_email(Some(&mail.token), AccountProof::default(), &browser()));
    assert!(matches!(alone, Err(LinkError::ProofRequired)), "{alone:?}");
    service.verify_as(&mail.token, &ada.account).unwrap();
    service.reset(&service.reset_token(ADA), NEW_PASSWORD).unwrap();
    let asked = asked_after(&service, ADA, NEW_PASSWORD);
    assert!(service.answer_totp(&asked, &ada.app.next(&service)).is_ok());
}

/// A secret that waits for its first code, too; and the count of wrong ones.
fn a_reset_removes_what_a_stranger_has_begun(bed: &Bed) {
    let service = bed.mailing();
    let stranger = service.register(ADA);
    let app = service.enrol(&stranger);
    let claims = service.claims(&stranger.access);
    service.reset(&service.reset_token(ADA), NEW_PASSWORD).unwrap();
    assert_eq!(bed.count("totp_credentials", "true"), 0);
    // Another instance may not have heard yet that the stranger's session is over: it looks again.
    let code = app.code(&service, 0);
    let late = block_on(service.service.confirm_totp(&claims, Some(&code), &browser()));
    assert!(matches!(late, Err(AccountError::Gone)), "{late:?}");
    assert!(!service.try_log_in(ADA, NEW_PASSWORD).unwrap().user.mfa_enabled);

    let stranger = service.protected("second@example.org");
    for _ in 0..TRIES {
        assert!(is_wrong(&service.sign_in_with_backup("second@example.org", NO_BACKUP_CODE)));
    }
    service.reset(&service.reset_token("second@example.org"), NEW_PASSWORD).unwrap();
    assert_eq!(bed.wrong_codes(stranger.user()), 0, "the owner's factor begins with a row of its own");
}

/// H-03, H-04: the stranger had moved the account to an address of their own, which they verified.
fn an_address_that_is_taken_back_is_rid_of_a_stranger_s_factor(bed: &Bed) {
    for (number, (factor_first, vouched)) in [(true, false), (false, false), (true, true)].into_iter().enumerate() {
        let service = bed.mailing();
        let (owner, stranger) = (format!("owner-{number}@example.org"), format!("{number}@stranger.example"));
        let mut account = service.register(&owner);
        if factor_first {
            let protected = service.protect(account);
            if vouched {
                vouch_for(bed, &service, &protected);
            }
            account = protected.account;
        }
        service.ask_for_address(&account, &stranger).unwrap();
        service.confirm_address(&service.token("change-email")).unwrap();
        if !factor_first {
            service.protect(account);
        }
        service.undo_address(&service.token("undo-email")).unwrap();
        service.reset(&service.token("reset-password"), NEW_PASSWORD).unwrap();
        let user = service.try_log_in(&owner, NEW_PASSWORD).unwrap().user;
        assert!(user.email_verified && !user.mfa_enabled, "factor first: {factor_first}, vouched for: {vouched}");
    }
}

/// Only somebody who is signed in, or an operator, lets a new one be bound.
fn a_reset_brings_no_disabled_factor_back(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.protect(service.verified(ADA));
    assert!(is_wrong(&service.sign_in_with_backup(ADA, NO_BACKUP_CODE)));
    bed.execute("UPDATE authenticator_failures SET count = 100");
    service.reset(&service.reset_token(ADA), NEW_PASSWORD).unwrap();
    let asked = asked_after(&service, ADA, NEW_PASSWORD);
    assert!(is_wrong(&service.answer_totp(&asked, &ada.app.next(&service))));
    assert!(is_wrong(&service.answer_backup(&asked, &ada.backup_codes[0])));
}

/// The contract's list of what ends a link doesn't name the factor.
fn a_new_factor_ends_no_link_that_shows_whose_the_address_is(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.register(ADA);
    let sent = service.token("verify-email");
    let ada = service.protect(ada);
    service.verify_as(&sent, &ada.account).unwrap();

    let other = service.register("second@example.org");
    let other = service.protect(other);
    let queued = service.token("verify-email");
    service.verify_as(&queued, &other.account).unwrap();
}

/// After each of these the app and the codes are the same, and are asked for.
fn changing_or_securing_the_account_keeps_the_factor(bed: &Bed) {
    let service = bed.mailing();
    let mut ada = service.protect(service.verified(ADA));
    let still_asked = |ada: &Protected, email: &str, password: &str| {
        let asked = asked_after(&service, email, password);
        let tokens = tokens(service.answer_totp(&asked, &ada.app.next(&service)).unwrap());
        Instance::account(&tokens)
    };
    service.change_password(&ada.account, PASSWORD, NEW_PASSWORD).unwrap();
    ada.account = still_asked(&ada, ADA, NEW_PASSWORD);
    service.ask_for_address(&ada.account, "ada@new.example").unwrap();
    service.confirm_address(&service.token("change-email")).unwrap();
    ada.account = still_asked(&ada, "ada@new.example", NEW_PASSWORD);
    service.undo_address(&service.token("undo-email")).unwrap();
    service.reset(&service.token("reset-password"), PASSWORD).unwrap();
    ada.account = still_asked(&ada, ADA, PASSWORD);
    service.mails();
    bed.clock().advance(MINUTE);
    service.change_password(&ada.account, PASSWORD, NEW_PASSWORD).unwrap();
    service.secure(&service.token("secure-account")).unwrap();
    assert!(service.begin_log_in(ADA, NEW_PASSWORD).is_err());
    service.reset(&service.token("reset-password"), PASSWORD).unwrap();
    still_asked(&ada, ADA, PASSWORD);
    assert_eq!(service.factor_of(ada.user()).backup_codes_left, 10);
}

/// M-11: a factor may be added before; whoever verifies is who added it.
fn verifying_the_address_oneself_keeps_the_factor(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.protected(ADA);
    service.mails();
    bed.clock().advance(MINUTE);
    service.resend(ADA).unwrap();
    let token = service.token("verify-email");
    let click = service.verify_with(&token, AccountProof::default());
    assert!(matches!(click, Err(LinkError::ProofRequired)), "{click:?}");
    service.verify_as(&token, &ada.account).unwrap();
    bed.clock().advance(STEP);
    let step = service.begin_log_in(ADA, PASSWORD).unwrap();
    let asked = challenge(step, ChallengeKind::Mfa);
    assert!(tokens(service.answer_totp(&asked, &ada.app.code(&service, 0)).unwrap()).user.email_verified);
    service.reset(&service.reset_token(ADA), NEW_PASSWORD).unwrap();
    asked_after(&service, ADA, NEW_PASSWORD);
}

fn a_deleted_account_leaves_nothing_of_it(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    assert!(is_wrong(&service.sign_in_with_backup(ADA, NO_BACKUP_CODE)));
    service.delete_with(&ada.account, super::by_code(&ada.backup_codes[0])).unwrap();
    for table in ["users", "totp_credentials", "backup_codes", "authenticator_failures"] {
        assert_eq!(bed.count(table, "true"), 0, "{table}");
    }
    service.register(ADA);
    assert!(service.try_log_in(ADA, PASSWORD).is_ok());
}
