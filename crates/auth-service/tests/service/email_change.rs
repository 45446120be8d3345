//! Changing one's address (REQ-09): confirmed at the new one, announced at the old one.

use std::time::Duration;

use auth_service::{AccountError, FRESH_PROOF, FreshProof, LinkError, RegisterError};

use crate::bed::{Bed, Mailing, NEW_PASSWORD, PASSWORD, block_on, browser, faults, on_both_databases, together};

on_both_databases! {
    the_session_that_asked_stays_and_the_others_end,
    nothing_changes_before_the_new_address_confirms,
    a_fresh_proof_is_needed,
    an_address_that_is_taken_is_answered_alike_and_told,
    an_address_that_was_taken_meanwhile_is_not_changed_to,
    of_two_who_confirm_one_address_at_once_one_gets_it,
    a_change_and_a_registration_at_once_leave_one_owner,
    the_newest_request_alone_can_be_confirmed,
    asking_twice_for_one_address_leaves_a_link_that_works,
    a_link_to_confirm_is_good_for_an_hour,
    sixteen_at_once_confirm_once,
    an_address_never_verified_can_be_changed_and_is_told,
    the_spelling_alone_can_be_changed,
    a_wrong_address_is_named,
}

const OLD: &str = "old@example.org";
const NEW: &str = "new@example.org";
const MICRO: Duration = Duration::from_micros(1);
const HOUR: Duration = Duration::from_hours(1);

fn is_invalid(result: &Result<(), LinkError>) -> bool {
    matches!(result, Err(LinkError::TokenInvalid))
}

fn address(bed: &Bed, user: auth_core::UserId) -> Option<String> {
    bed.user(user).unwrap().email
}

///
fn the_session_that_asked_stays_and_the_others_end(bed: &Bed) {
    let service = bed.mailing();
    let asked = service.verified(OLD);
    let other = service.log_in(OLD);
    service.ask_for_address(&asked, "New@example.org").unwrap();
    let mail = service.one_mail();
    assert!(mail.is("change-email", "New@example.org"), "{mail:?}");
    service.confirm_address(&mail.token).unwrap();
    assert!(service.is_live(&asked) && service.is_over(&other));
    let user = block_on(service.service.profile(asked.user)).unwrap();
    assert_eq!((user.email.as_deref(), user.email_verified), (Some("New@example.org"), true));
    assert!(service.try_log_in(NEW, PASSWORD).is_ok() && service.try_log_in(OLD, PASSWORD).is_err());
    let notice = service.one_mail();
    assert!(notice.is("undo-email", OLD), "{notice:?}");
    assert!(notice.mail.text().contains("New@example[.]org"));
    let events = ["email.change_requested", "email.changed"];
    assert_eq!(events.map(|event| bed.count_events(asked.user, event)), [1, 1]);
    assert!(is_invalid(&service.confirm_address(&mail.token)), "it is used up");
}

/// P-20
fn nothing_changes_before_the_new_address_confirms(bed: &Bed) {
    let service = bed.mailing();
    let (asked, other) = (service.verified(OLD), service.log_in(OLD));
    service.ask_for_address(&asked, NEW).unwrap();
    service.mails();
    assert_eq!(service.log_in(OLD).user, asked.user);
    assert!(service.try_log_in(NEW, PASSWORD).is_err());
    assert!(service.is_live(&asked) && service.is_live(&other));
    service.forgot(NEW).unwrap();
    service.forgot(OLD).unwrap();
    let mail = service.one_mail();
    assert!(mail.is("reset-password", OLD), "{mail:?}");
    assert!(service.try_register(NEW, None).is_ok(), "and nobody is kept from the new one");
}

/// ASVS 7.5.1
fn a_fresh_proof_is_needed(bed: &Bed) {
    let service = bed.mailing();
    let account = service.verified(OLD);
    let ask = |account: &_, proof| service.ask_for_address_with(account, NEW, proof);
    let (nothing, password) = (FreshProof::default(), |password| FreshProof { password: Some(password), code: None });
    let wrong = ask(&account, password("not the password"));
    assert!(matches!(wrong, Err(AccountError::InvalidCredentials)), "however fresh: {wrong:?}");
    let code = ask(&account, FreshProof { password: None, code: Some("123456") });
    assert!(matches!(code, Err(AccountError::InvalidCode)), "{code:?}");
    bed.clock().advance(FRESH_PROOF);
    let account = service.refreshed(&account.refresh);
    let stale = ask(&account, nothing);
    assert!(matches!(stale, Err(AccountError::ReauthRequired)), "{stale:?}");
    assert_eq!(bed.count("email_outbox", "template = 'change_email'"), 0);
    ask(&account, password(PASSWORD)).unwrap();
    assert!(service.one_mail().is("change-email", NEW));
    let account = service.log_in(OLD);
    bed.clock().advance(FRESH_PROOF.saturating_sub(MICRO));
    ask(&account, nothing).unwrap();
    bed.execute("UPDATE users SET disabled_at = created_at");
    assert!(matches!(ask(&account, nothing), Err(AccountError::Disabled)));
}

/// P-18
fn an_address_that_is_taken_is_answered_alike_and_told(bed: &Bed) {
    let service = bed.mailing();
    let (account, owner) = (service.verified(OLD), service.verified("Taken@example.org"));
    let before = bed.user(owner.user);
    for address in ["taken@EXAMPLE.org", NEW] {
        let rows = bed.row_counts();
        service.ask_for_address(&account, address).unwrap();
        let mut after = bed.row_counts();
        for table in ["email_outbox", "audit_events"] {
            *after.get_mut(table).unwrap() -= 1;
        }
        assert_eq!(after, rows, "{address}");
        let mail = service.one_mail();
        if address == NEW {
            assert!(mail.is("change-email", NEW), "{mail:?}");
        } else {
            assert_eq!((mail.to.to_lowercase(), mail.token.as_str()), ("taken@example.org".to_owned(), ""));
        }
    }
    assert_eq!(bed.user(owner.user), before);
    assert!(service.is_live(&owner));
}

/// P-18: whether it is free is decided when it is confirmed.
fn an_address_that_was_taken_meanwhile_is_not_changed_to(bed: &Bed) {
    let service = bed.mailing();
    let (account, other) = (service.verified(OLD), service.log_in(OLD));
    service.ask_for_address(&account, NEW).unwrap();
    let token = service.token("change-email");
    let rival = service.register(NEW);
    let before = bed.user(account.user);
    assert!(is_invalid(&service.confirm_address(&token)));
    assert_eq!(bed.user(account.user), before);
    assert!(service.is_live(&account) && service.is_live(&other) && service.is_live(&rival), "nothing ended");
    assert_eq!(bed.count("email_outbox", "template = 'email_changed'"), 0);
    service.delete(&rival).unwrap();
    service.confirm_address(&token).unwrap();
    assert_eq!(address(bed, account.user).as_deref(), Some(NEW));
}

fn of_two_who_confirm_one_address_at_once_one_gets_it(bed: &Bed) {
    let service = bed.mailing();
    let other = service.another(bed, |_| {});
    for round in 0..4 {
        let target = format!("target-{round}@example.org");
        let accounts = [0, 1].map(|nth| service.register(&format!("user-{round}-{nth}@example.org")));
        service.mails();
        let tokens = accounts.each_ref().map(|account| {
            bed.clock().advance(Duration::from_mins(1));
            service.ask_for_address(account, &target).unwrap();
            service.token("change-email")
        });
        let results = together(2, |nth| {
            let instance = if nth == 0 { &*service } else { &other };
            instance.confirm_address(&tokens[nth])
        });
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        assert!(results.iter().any(is_invalid), "{results:?}");
        assert_eq!(bed.count("users", &format!("email = '{target}'")), 1);
    }
}

fn a_change_and_a_registration_at_once_leave_one_owner(bed: &Bed) {
    let service = bed.mailing();
    let other = service.another(bed, |_| {});
    for round in 0..4 {
        let account = service.register(&format!("user-{round}@example.org"));
        let target = format!("target-{round}@example.org");
        service.mails();
        service.ask_for_address(&account, &target).unwrap();
        let token = service.token("change-email");
        let results = together(2, |nth| match nth {
            0 => service.confirm_address(&token).map_err(|error| format!("{error:?}")),
            _ => match other.try_register(&target, None) {
                Err(RegisterError::EmailTaken) => Err("taken".to_owned()),
                result => result.map(drop).map_err(|error| panic!("{error:?}")),
            },
        });
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        assert_eq!(bed.count("users", &format!("email = '{target}'")), 1);
    }
}

fn ask_and_fetch(service: &Mailing, account: &crate::bed::Account, address: &str) -> String {
    service.ask_for_address(account, address).unwrap();
    service.token("change-email")
}

/// P-27: also one whose mail had not been sent when the newer request came.
fn the_newest_request_alone_can_be_confirmed(bed: &Bed) {
    let service = bed.mailing();
    let account = service.verified(OLD);
    let first = ask_and_fetch(&service, &account, "first@example.org");
    service.ask_for_address(&account, "second@example.org").unwrap();
    assert!(is_invalid(&service.confirm_address(&first)), "at once, not when the mail is sent");
    let third = ask_and_fetch(&service, &account, "third@example.org");
    assert_eq!(bed.count("email_outbox", "recipient LIKE 'second%'"), 0);
    service.confirm_address(&third).unwrap();
    assert_eq!(address(bed, account.user).as_deref(), Some("third@example.org"));
}

/// The minute's rule keeps the second mail back, so the first one's link has to stay good.
fn asking_twice_for_one_address_leaves_a_link_that_works(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.verified(OLD);
    service.ask_for_address(&ada, NEW).unwrap();
    let mut tokens: Vec<_> = service.mails().into_iter().map(|mail| mail.token).collect();
    bed.clock().advance(Duration::from_secs(20));
    service.ask_for_address(&ada, NEW).unwrap();
    tokens.extend(service.mails().into_iter().map(|mail| mail.token));
    assert!(service.confirm_address(tokens.last().unwrap()).is_ok());
}

/// From the request, however late it is sent.
fn a_link_to_confirm_is_good_for_an_hour(bed: &Bed) {
    let service = bed.mailing();
    for (number, age, is_good) in [(0, HOUR.saturating_sub(MICRO), true), (1, HOUR, false)] {
        let account = service.register(&format!("user-{number}@example.org"));
        service.mails();
        service.ask_for_address(&account, &format!("new-{number}@example.org")).unwrap();
        bed.clock().advance(HOUR / 2);
        let token = service.token("change-email");
        bed.clock().advance(age.saturating_sub(HOUR / 2));
        let result = service.confirm_address(&token);
        assert_eq!((result.is_ok(), is_invalid(&result)), (is_good, !is_good), "{result:?}");
    }
}

fn sixteen_at_once_confirm_once(bed: &Bed) {
    let service = bed.mailing();
    let other = service.another(bed, |_| {});
    let account = service.register(OLD);
    service.mails();
    let token = ask_and_fetch(&service, &account, NEW);
    let results = together(16, |number| {
        let instance = if number.is_multiple_of(2) { &*service } else { &other };
        instance.confirm_address(&token)
    });
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert_eq!(results.iter().filter(|result| is_invalid(result)).count(), 15, "{results:?}");
    assert_eq!(bed.count_events(account.user, "email.changed"), 1);
    assert_eq!(service.mails().len(), 1);
}

/// A slip of the pen at sign-up can be mended.
fn an_address_never_verified_can_be_changed_and_is_told(bed: &Bed) {
    let service = bed.mailing();
    let account = service.register(OLD);
    let verify = service.token("verify-email");
    let token = ask_and_fetch(&service, &account, NEW);
    service.confirm_address(&token).unwrap();
    assert!(is_invalid(&service.verify_by_password(&verify, PASSWORD)), "it was the old address's");
    assert!(bed.user(account.user).unwrap().email_verified_at.is_some());
    assert!(service.one_mail().is("undo-email", OLD));
}

fn the_spelling_alone_can_be_changed(bed: &Bed) {
    let service = bed.mailing();
    let account = service.verified(OLD);
    let token = ask_and_fetch(&service, &account, "Old@example.org");
    service.confirm_address(&token).unwrap();
    assert_eq!(address(bed, account.user).as_deref(), Some("Old@example.org"));
    assert!(service.mails().is_empty() && service.is_live(&account));
    assert_eq!(bed.count("reserved_addresses", "true"), 0);
    service.change_password(&account, PASSWORD, NEW_PASSWORD).unwrap();
}

fn a_wrong_address_is_named(bed: &Bed) {
    let service = bed.mailing();
    let claims = service.claims(&service.register(OLD).access);
    for (email, code) in [(None, "required"), (Some("new"), "invalid_email"), (Some("a@x,b@y"), "invalid_email")] {
        let client = browser();
        match block_on(service.service.request_email_change(&claims, email, FreshProof::default(), &client)) {
            Err(AccountError::Invalid(errors)) => assert_eq!(faults(&errors), [("new_email", code)]),
            other => panic!("{other:?}"),
        }
    }
}
