//! Changing one's password (REQ-06).

use std::time::Duration;

use auth_service::{AccountError, LoginError};

use crate::bed::{
    Bed, Instance, NEW_PASSWORD, OTHER_PASSWORD, PASSWORD, block_on, browser, faults, on_both_databases, together,
};

on_both_databases! {
    the_session_that_changes_it_stays_and_the_others_end,
    the_current_password_is_needed,
    a_refused_password_changes_nothing,
    missing_fields_are_named_at_once,
    an_account_without_a_password_has_none_to_change,
    a_disabled_account_changes_nothing,
    of_changes_at_once_one_wins,
    the_owner_is_told_with_a_link_to_lock_everybody_out,
}

const ADA: &str = "ada@example.org";

fn invalid(result: Result<(), AccountError>) -> Vec<(&'static str, &'static str)> {
    match result {
        Err(AccountError::Invalid(errors)) => faults(&errors),
        other => panic!("{other:?}"),
    }
}

fn knows(service: &Instance, password: &str) -> bool {
    match service.try_log_in(ADA, password) {
        Ok(_) => true,
        Err(LoginError::InvalidCredentials) => false,
        Err(error) => panic!("{error:?}"),
    }
}

///
fn the_session_that_changes_it_stays_and_the_others_end(bed: &Bed) {
    let (service, other) = (bed.service(), bed.second_service(Duration::ZERO));
    let (mine, theirs) = (service.register(ADA), service.log_in(ADA));
    let bystander = service.register("bob@example.org");
    service.change_password(&mine, PASSWORD, NEW_PASSWORD).unwrap();
    other.sync();
    for instance in [&service, &other] {
        assert!(instance.verify(&mine.access).is_ok(), "not even its access token is refused");
        assert!(instance.is_over(&theirs));
    }
    assert!(service.is_live(&mine) && service.is_live(&bystander));
    assert_eq!(bed.session(theirs.session).revoke_reason.as_deref(), Some("password_changed"));
    assert!(knows(&service, NEW_PASSWORD) && !knows(&service, PASSWORD));
    assert_eq!(bed.count_events(mine.user, "password.changed"), 1);
}

/// P-15
fn the_current_password_is_needed(bed: &Bed) {
    let service = bed.service();
    let (mine, theirs) = (service.register(ADA), service.log_in(ADA));
    for wrong in ["", "not the password", NEW_PASSWORD, &"a".repeat(5000)] {
        let refused = service.change_password(&mine, wrong, NEW_PASSWORD);
        assert!(matches!(refused, Err(AccountError::InvalidCredentials)), "{refused:?}");
    }
    assert!(service.is_live(&mine) && service.is_live(&theirs));
    assert!(knows(&service, PASSWORD));
    assert_eq!(bed.count_events(mine.user, "login.failed"), 4);
}

/// P-14
fn a_refused_password_changes_nothing(bed: &Bed) {
    let service = bed.service();
    let ada = service.register_named(ADA, "analytical_engine");
    let hash = bed.user(ada.user).unwrap().password_hash;
    let refused = |new: &str| invalid(service.change_password(&ada, PASSWORD, new));
    for weak in ["", "short", "Ada@Example.org", "analytical_engine1815"] {
        assert_eq!(refused(weak), [("new_password", "weak_password")], "{weak}");
    }
    assert_eq!(refused(PASSWORD), [("new_password", "password_unchanged")]);
    let other = service.log_in(ADA);
    assert!(service.is_live(&ada) && service.is_live(&other));
    assert_eq!(bed.user(ada.user).unwrap().password_hash, hash);
    assert!(bed.mails(ada.user).is_empty());
}

fn missing_fields_are_named_at_once(bed: &Bed) {
    let service = bed.service();
    let claims = service.claims(&service.register(ADA).access);
    let result = block_on(service.service.change_password(&claims, None, None, &browser()));
    assert_eq!(invalid(result), [("current_password", "required"), ("new_password", "required")]);
}

fn an_account_without_a_password_has_none_to_change(bed: &Bed) {
    let service = bed.service();
    let ada = service.register(ADA);
    bed.execute("UPDATE users SET password_hash = NULL");
    for current in [PASSWORD, ""] {
        let refused = service.change_password(&ada, current, NEW_PASSWORD);
        assert!(matches!(refused, Err(AccountError::NoPassword)), "{refused:?}");
    }
    assert!(bed.user(ada.user).unwrap().password_hash.is_none());
}

fn a_disabled_account_changes_nothing(bed: &Bed) {
    let service = bed.service();
    let ada = service.register(ADA);
    bed.execute("UPDATE users SET disabled_at = created_at");
    let refused = service.change_password(&ada, PASSWORD, NEW_PASSWORD);
    assert!(matches!(refused, Err(AccountError::Disabled)), "{refused:?}");
}

/// Each was right about the current password when it was looked at.
fn of_changes_at_once_one_wins(bed: &Bed) {
    let services = [bed.service(), bed.second_service(Duration::ZERO)];
    let sessions: Vec<_> =
        (0..8).map(|number| if number == 0 { services[0].register(ADA) } else { services[0].log_in(ADA) }).collect();
    let password = |number: usize| format!("{OTHER_PASSWORD} {number}");
    let claims: Vec<_> = sessions.iter().map(|session| services[0].claims(&session.access)).collect();
    let results = together(8, |number| {
        let service = &services[number % 2].service;
        block_on(service.change_password(&claims[number], Some(PASSWORD), Some(&password(number)), &browser()))
    });
    let winners: Vec<_> = (0..8).filter(|number| results[*number].is_ok()).collect();
    let [winner] = winners.as_slice() else { panic!("{results:?}") };
    // The winner ends the others' sessions.
    let is_lost = |result: &&Result<(), AccountError>| {
        matches!(result, Err(AccountError::InvalidCredentials | AccountError::Gone))
    };
    let lost = results.iter().filter(is_lost).count();
    assert_eq!(lost, 7, "{results:?}");
    services[0].sync();
    for (number, session) in sessions.iter().enumerate() {
        assert_eq!(services[0].verify(&session.access).is_ok(), number == *winner);
    }
    assert!(knows(&services[0], &password(*winner)));
    assert_eq!(bed.count_events(sessions[0].user, "password.changed"), 1);
}

/// ASVS 6.3.7
fn the_owner_is_told_with_a_link_to_lock_everybody_out(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.verified("Ada@example.org");
    service.change_password(&ada, PASSWORD, NEW_PASSWORD).unwrap();
    let mail = service.one_mail();
    assert!(mail.is("secure-account", "Ada@example.org"), "{mail:?}");
    let text = mail.mail.text();
    assert!(text.contains("192.0.2.7") && text.contains("Firefox on Linux"), "{text}");
    assert!(!text.contains(PASSWORD) && !text.contains(NEW_PASSWORD));
}
