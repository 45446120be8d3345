//! What is due after a sign-in with another provider (REQ-24): the same as after any other. The table of all ways in and
//! all states is in `second_factor::gate`.

use auth_service::{ChallengeKind, ChallengeMethod, Step, Tokens};

use super::{ADA, ADA_AT_GOOGLE};
use crate::bed::federation::{By, GOOGLE, Person};
use crate::bed::{Bed, Instance, NEW_PASSWORD, PASSWORD, block_on, challenge, on_both_databases, tokens};
use crate::second_factor::{by_code, is_dead, is_wrong};

on_both_databases! {
    the_second_factor_is_asked_for,
    a_backup_code_does,
    whoever_links_by_address_is_asked_for_the_account_s_factor,
    a_federated_account_can_have_a_factor,
    a_password_that_must_be_changed_is_asked_for,
    the_factor_comes_before_the_password,
    a_proof_of_the_factor_is_added_to_the_session,
}

/// What was shown is in the access token, in the list of sessions, and after a refresh.
#[track_caller]
fn assert_shown(service: &Instance, tokens: &Tokens, methods: &[&str]) {
    let claims = service.claims(tokens.access_token.expose());
    assert_eq!(claims.amr, methods);
    let sessions = block_on(service.service.sessions(tokens.user.id, claims.session_id)).unwrap();
    assert_eq!(sessions.iter().find(|session| session.current).unwrap().auth_methods, methods);
    let refreshed = service.refreshed(tokens.refresh_token.expose());
    assert_eq!(service.claims(&refreshed.access).amr, methods);
}

fn the_second_factor_is_asked_for(bed: &Bed) {
    let service = bed.federated();
    let ada = service.protect(service.register(ADA));
    service.link(&ada.account, ADA_AT_GOOGLE).unwrap();
    for by in By::BOTH {
        let (sessions, entries) = (bed.count("sessions", "true"), bed.count_events(ada.user(), "login.succeeded"));
        let Step::Challenge(due) = service.come(by, ADA_AT_GOOGLE).unwrap() else { panic!("nothing was asked") };
        assert_eq!((due.kind, due.expires_in), (ChallengeKind::Mfa, 300));
        assert_eq!(due.methods, [ChallengeMethod::Totp, ChallengeMethod::BackupCode]);
        let half_way = due.token.expose();
        assert!(is_wrong(&service.answer_totp(half_way, &ada.app.wrong(&service))));
        assert_eq!(bed.count("sessions", "true"), sessions, "nobody is in yet");
        assert_eq!(bed.count_events(ada.user(), "login.succeeded"), entries);
        let code = ada.app.next(&service);
        assert_shown(&service, &tokens(service.answer_totp(half_way, &code).unwrap()), &["fed", "otp", "mfa"]);
        assert!(is_dead(&service.answer_totp(half_way, &ada.app.next(&service))), "it is used up");
        assert_eq!(bed.count_events(ada.user(), "login.succeeded"), entries + 1);
    }
}

fn a_backup_code_does(bed: &Bed) {
    let service = bed.federated();
    let ada = service.protect(service.register(ADA));
    service.link(&ada.account, ADA_AT_GOOGLE).unwrap();
    for (by, code) in By::BOTH.into_iter().zip(&ada.backup_codes) {
        let half_way = challenge(service.come(by, ADA_AT_GOOGLE).unwrap(), ChallengeKind::Mfa);
        assert_shown(&service, &tokens(service.answer_backup(&half_way, code).unwrap()), &["fed", "mfa"]);
    }
    assert_eq!(service.factor_of(ada.user()).backup_codes_left, 8);
}

fn whoever_links_by_address_is_asked_for_the_account_s_factor(bed: &Bed) {
    let service = bed.federated();
    for by in By::BOTH {
        let (email, subject) = (by.of(ADA), by.of("ada"));
        let ada = service.protect(service.verified(&email));
        let person = Person::at(GOOGLE, &subject, &email);
        let half_way = challenge(service.come(by, person).unwrap(), ChallengeKind::Mfa);
        let session = tokens(service.answer_totp(&half_way, &ada.app.next(&service)).unwrap());
        assert_eq!(session.user.id, ada.user());
        service.mails();
    }
}

fn a_federated_account_can_have_a_factor(bed: &Bed) {
    let service = bed.federated();
    let ada = service.protect(service.enter(ADA_AT_GOOGLE));
    for by in By::BOTH {
        let half_way = challenge(service.come(by, ADA_AT_GOOGLE).unwrap(), ChallengeKind::Mfa);
        let session = tokens(service.answer_totp(&half_way, &ada.app.next(&service)).unwrap());
        assert!(session.user.mfa_enabled && !session.user.has_password);
    }
    let code = ada.app.next(&service);
    service.disable_totp(&ada.account, by_code(&code)).unwrap();
    for by in By::BOTH {
        assert_shown(&service, &tokens(service.come(by, ADA_AT_GOOGLE).unwrap()), &["fed"]);
    }
}

fn a_password_that_must_be_changed_is_asked_for(bed: &Bed) {
    let service = bed.federated();
    for by in By::BOTH {
        let (email, subject) = (by.of(ADA), by.of("ada"));
        let account = service.verified(&email);
        let person = Person::nameless(GOOGLE, &subject);
        service.link(&account, person).unwrap();
        bed.execute("UPDATE users SET password_must_change = true");
        let half_way = challenge(service.come(by, person).unwrap(), ChallengeKind::ChangePassword);
        assert!(service.answer_password(&half_way, PASSWORD).is_err(), "another one than before");
        let session = tokens(service.answer_password(&half_way, NEW_PASSWORD).unwrap());
        assert!(session.user.id == account.user && !session.user.password_must_change);
        assert_shown(&service, &session, &["fed"]);
        assert!(service.begin_log_in(&email, PASSWORD).is_err() && service.begin_log_in(&email, NEW_PASSWORD).is_ok());
        assert_shown(&service, &tokens(service.come(by, person).unwrap()), &["fed"]);
        bed.execute("UPDATE users SET password_must_change = false");
        service.mails();
    }
}

fn the_factor_comes_before_the_password(bed: &Bed) {
    let service = bed.federated();
    let ada = service.protect(service.register(ADA));
    service.link(&ada.account, ADA_AT_GOOGLE).unwrap();
    bed.execute("UPDATE users SET password_must_change = true");
    for by in By::BOTH {
        let first = challenge(service.come(by, ADA_AT_GOOGLE).unwrap(), ChallengeKind::Mfa);
        assert!(service.answer_password(&first, NEW_PASSWORD).is_err());
        let code = ada.app.next(&service);
        let second = challenge(service.answer_totp(&first, &code).unwrap(), ChallengeKind::ChangePassword);
        let new = format!("{NEW_PASSWORD} {by:?}");
        assert_shown(&service, &tokens(service.answer_password(&second, &new).unwrap()), &["fed", "otp", "mfa"]);
        bed.execute("UPDATE users SET password_must_change = true");
    }
}

/// ASVS 7.5.1
fn a_proof_of_the_factor_is_added_to_the_session(bed: &Bed) {
    let service = bed.federated();
    let ada = service.protect(service.enter(ADA_AT_GOOGLE));
    let code = ada.app.next(&service);
    service.reauthenticate(&ada.account, by_code(&code)).unwrap();
    let refreshed = service.refreshed(&ada.account.refresh);
    assert_eq!(service.claims(&refreshed.access).amr, ["fed", "otp", "mfa"]);
}
