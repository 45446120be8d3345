//! Taking a change of address back (REQ-09): for seven days the old address has the last word, and is nobody else's.

use std::time::Duration;

use auth_service::{LinkError, LoginError, RegisterError};

use crate::bed::{Account, Bed, Mailing, NEW_PASSWORD, OTHER_PASSWORD, PASSWORD, on_both_databases, together};

on_both_databases! {
    taking_it_back_brings_the_address_back_and_ends_everything,
    it_can_be_taken_back_for_seven_days,
    the_old_address_is_kept_for_seven_days,
    the_old_address_is_kept_from_other_users_and_from_registrations_that_wait,
    its_own_user_can_have_the_old_address_back,
    it_outlives_what_a_thief_does_to_the_password,
    a_change_that_was_asked_for_later_ends_with_it,
    the_first_owner_s_link_outlives_further_changes,
    a_thief_s_second_change_is_not_taken_back_to_the_thief_s_first,
    nor_when_its_notice_had_not_been_sent_yet,
    sixteen_at_once_take_it_back_once,
    a_disabled_account_s_change_is_not_taken_back,
}

const OLD: &str = "old@example.org";
const NEW: &str = "new@example.org";
const WEEK: Duration = Duration::from_hours(7 * 24);
const MICRO: Duration = Duration::from_micros(1);

fn is_invalid(result: &Result<(), LinkError>) -> bool {
    matches!(result, Err(LinkError::TokenInvalid))
}

fn is_refused(service: &Mailing, email: &str, password: &str) -> bool {
    matches!(service.begin_log_in(email, password), Err(LoginError::InvalidCredentials))
}

fn change(service: &Mailing, account: &Account, to: &str) {
    service.ask_for_address(account, to).unwrap();
    service.confirm_address(&service.token("change-email")).unwrap();
}

/// An account whose address was changed from [`OLD`] to [`NEW`], and the token that takes it back.
fn changed(service: &Mailing) -> (Account, String) {
    let account = service.verified(OLD);
    change(service, &account, NEW);
    (account, service.token("undo-email"))
}

fn taking_it_back_brings_the_address_back_and_ends_everything(bed: &Bed) {
    let service = bed.mailing();
    let (account, undo) = changed(&service);
    let other = service.log_in(NEW);
    // One was sent to the old address just before, for the minute's rule.
    bed.execute("UPDATE mail_budgets SET purpose = 'reset_password/' WHERE purpose = 'email_changed/'");
    let failures = bed.count("audit_events", "event = 'email.change_undone'");
    service.undo_address(&undo).unwrap();
    let user = bed.user(account.user).unwrap();
    assert_eq!((user.email.as_deref(), user.email_verified_at.is_some()), (Some(OLD), true));
    assert!(user.password_hash.is_none() && service.is_over(&account) && service.is_over(&other));
    let hashes = service.service.hash_pool().started_count();
    assert!(is_refused(&service, OLD, PASSWORD) && is_refused(&service, NEW, PASSWORD));
    assert_eq!(service.service.hash_pool().started_count(), hashes + 2);
    let mail = service.one_mail();
    assert!(mail.is("reset-password", OLD), "{mail:?}");
    service.reset(&mail.token, NEW_PASSWORD).unwrap();
    assert_eq!(service.try_log_in(OLD, NEW_PASSWORD).unwrap().user.id, account.user);
    assert_eq!(bed.count("audit_events", "event = 'email.change_undone'"), failures + 1);
    assert!(service.try_register(NEW, None).is_ok(), "the other address is free");
    assert_eq!(bed.count("reserved_addresses", "true"), 0);
    assert!(is_invalid(&service.undo_address(&undo)), "it is used up");
}

fn it_can_be_taken_back_for_seven_days(bed: &Bed) {
    for (age, is_good) in [(WEEK.saturating_sub(MICRO), true), (WEEK, false)] {
        let service = bed.mailing();
        let account = service.register(&format!("old-{is_good}@example.org"));
        service.mails();
        change(&service, &account, &format!("new-{is_good}@example.org"));
        bed.clock().advance(Duration::from_hours(30));
        let undo = service.token("undo-email");
        bed.clock().advance(age.saturating_sub(Duration::from_hours(30)));
        let result = service.undo_address(&undo);
        assert_eq!((result.is_ok(), is_invalid(&result)), (is_good, !is_good), "{result:?}");
    }
}

fn the_old_address_is_kept_for_seven_days(bed: &Bed) {
    let service = bed.mailing();
    changed(&service);
    bed.clock().advance(WEEK.saturating_sub(MICRO));
    for spelling in [OLD, "OLD@Example.org"] {
        let refused = service.try_register(spelling, None);
        assert!(matches!(refused, Err(RegisterError::EmailTaken)), "{refused:?}");
    }
    bed.clock().advance(MICRO);
    assert!(service.try_register(OLD, None).is_ok());
}

fn the_old_address_is_kept_from_other_users_and_from_registrations_that_wait(bed: &Bed) {
    let service = bed.mailing();
    let rival = service.verified("rival@example.org");
    let account = service.verified(OLD);
    change(&service, &account, NEW);
    service.mails();
    service.ask_for_address(&rival, OLD).unwrap();
    let mail = service.one_mail();
    assert_eq!((mail.to.as_str(), mail.token.as_str()), (OLD, ""), "{mail:?}");
    let strict = service.another(bed, |config| config.require_verified_email = true);
    bed.clock().advance(Duration::from_mins(1));
    strict.register_pending_with(OLD, OTHER_PASSWORD).unwrap();
    let mail = service.one_mail();
    assert_eq!((mail.to.as_str(), mail.token.as_str()), (OLD, ""), "{mail:?}");
    strict.forgot(OLD).unwrap();
    for letter in service.mails() {
        assert!(is_invalid(&service.reset(&letter.token, OTHER_PASSWORD)), "{letter:?}");
    }
    assert_eq!(bed.count("users", "email_normalized = 'old@example.org'"), 0);

    // It was free when the link was mailed.
    let other = service.verified("other@example.org");
    service.ask_for_address(&rival, "other2@example.org").unwrap();
    let confirm = service.token("change-email");
    bed.clock().advance(Duration::from_mins(1));
    change(&service, &other, "other2@example.org");
    change(&service, &other, "other3@example.org");
    assert!(is_invalid(&service.confirm_address(&confirm)));
}

fn its_own_user_can_have_the_old_address_back(bed: &Bed) {
    let service = bed.mailing();
    let (account, _) = changed(&service);
    change(&service, &account, OLD);
    assert!(service.is_live(&account));
    assert_eq!(service.log_in(OLD).user, account.user);
}

/// Also after a reset by the thief, who has the new address.
fn it_outlives_what_a_thief_does_to_the_password(bed: &Bed) {
    let service = bed.mailing();
    let (thief, undo) = changed(&service);
    service.change_password(&thief, PASSWORD, OTHER_PASSWORD).unwrap();
    service.reset(&service.reset_token(NEW), "four silver keys of Argos").unwrap();
    let thief = service.try_log_in(NEW, "four silver keys of Argos").unwrap();
    service.undo_address(&undo).unwrap();
    assert!(service.refresh(thief.refresh_token.expose()).is_err());
    let mails = service.mails();
    let reset = mails.iter().find(|mail| mail.purpose == "reset-password").unwrap();
    assert_eq!(reset.to, OLD);
    service.reset(&reset.token, NEW_PASSWORD).unwrap();
    assert!(service.try_log_in(OLD, NEW_PASSWORD).is_ok());
    for secure in mails.iter().filter(|mail| mail.purpose == "secure-account") {
        assert_eq!(secure.to, NEW, "what the thief got locks out, and lets nobody in");
        service.secure(&secure.token).unwrap();
        assert!(service.mails().iter().all(|mail| mail.to == OLD));
    }
}

/// The contract's "later pending changes dropped".
fn a_change_that_was_asked_for_later_ends_with_it(bed: &Bed) {
    let service = bed.mailing();
    let (thief, undo) = changed(&service);
    service.ask_for_address(&thief, "third@example.org").unwrap();
    let confirm = service.token("change-email");
    service.undo_address(&undo).unwrap();
    assert!(is_invalid(&service.confirm_address(&confirm)));
    assert_eq!(bed.user(thief.user).unwrap().email.as_deref(), Some(OLD));
}

fn the_first_owner_s_link_outlives_further_changes(bed: &Bed) {
    let service = bed.mailing();
    let (thief, undo) = changed(&service);
    change(&service, &thief, "third@example.org");
    change(&service, &thief, "fourth@example.org");
    service.undo_address(&undo).unwrap();
    assert_eq!(bed.user(thief.user).unwrap().email.as_deref(), Some(OLD));
    assert!(service.mails().iter().any(|mail| mail.is("reset-password", OLD)));
}

/// The second undo link went to an address that the thief had brought in.
fn a_thief_s_second_change_is_not_taken_back_to_the_thief_s_first(bed: &Bed) {
    let service = bed.mailing();
    let thief = service.verified(OLD);
    change(&service, &thief, "thief-1@example.org");
    let owner_s = service.token("undo-email");
    change(&service, &thief, "thief-2@example.org");
    let thief_s = service.token("undo-email");
    service.undo_address(&owner_s).unwrap();
    let result = service.undo_address(&thief_s);
    assert_eq!(bed.user(thief.user).unwrap().email.as_deref(), Some(OLD));
    assert!(is_invalid(&result), "{result:?}");
    assert!(service.mails().iter().all(|mail| mail.to == OLD));
}

fn nor_when_its_notice_had_not_been_sent_yet(bed: &Bed) {
    let service = bed.mailing();
    let thief = service.verified(OLD);
    change(&service, &thief, "thief-1@example.org");
    let owner_s = service.token("undo-email");
    change(&service, &thief, "thief-2@example.org");
    service.undo_address(&owner_s).unwrap();
    for mail in service.mails().iter().filter(|mail| mail.purpose == "undo-email") {
        assert!(is_invalid(&service.undo_address(&mail.token)), "{mail:?}");
    }
    assert_eq!(bed.user(thief.user).unwrap().email.as_deref(), Some(OLD));
}

fn sixteen_at_once_take_it_back_once(bed: &Bed) {
    let service = bed.mailing();
    let other = service.another(bed, |_| {});
    let (account, undo) = changed(&service);
    let results = together(16, |number| {
        let instance = if number.is_multiple_of(2) { &*service } else { &other };
        instance.undo_address(&undo)
    });
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert_eq!(results.iter().filter(|result| is_invalid(result)).count(), 15, "{results:?}");
    assert_eq!(bed.count_events(account.user, "email.change_undone"), 1);
    assert_eq!(service.mails().len(), 1);
}

/// T-22
fn a_disabled_account_s_change_is_not_taken_back(bed: &Bed) {
    let service = bed.mailing();
    let (account, undo) = changed(&service);
    bed.execute("UPDATE users SET disabled_at = created_at");
    assert!(is_invalid(&service.undo_address(&undo)));
    assert_eq!(bed.user(account.user).unwrap().email.as_deref(), Some(NEW));
}
