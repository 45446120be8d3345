//! What a change of the factor ends (R-18, R-20, M-19): sessions from before it, and sign-ins that are half done.

use auth_service::{AccountError, ChallengeKind, Step};

use super::{ADA, CALLS, by_password, is_dead};
use crate::bed::{Account, Bed, Instance, PASSWORD, block_on, browser, on_both_databases, together};

on_both_databases! {
    sessions_from_before_the_factor_end_with_it,
    the_session_that_adds_the_factor_has_shown_it,
    sessions_can_be_left_alone,
    sign_ins_that_are_half_done_end_in_any_case,
    another_service_hears_of_it,
    a_sign_in_at_the_same_moment_does_not_outlive_it,
    a_call_whose_session_has_ended_changes_nothing,
}

/// M-19: a stranger who was in before is out.
fn sessions_from_before_the_factor_end_with_it(bed: &Bed) {
    let service = bed.service();
    let ada = service.register(ADA);
    let others = [0; 3].map(|_| service.log_in(ADA));
    let bob = service.register(super::BOB);
    let app = service.enrol(&ada);
    assert!(others.iter().all(|other| service.verify(&other.access).is_ok()), "a secret that waits ends nothing");
    service.confirm_totp(&ada, &app.code(&service, 0)).unwrap();
    assert!(others.iter().all(|other| service.is_over(other)));
    assert!(service.is_live(&ada) && service.is_live(&bob));
    let reasons = bed.count("sessions", "revoke_reason = 'factor_changed'");
    assert_eq!((reasons, bed.count("sessions", "revoked_at IS NULL")), (3, 2));
}

/// The next access tokens say so, and nothing before.
fn the_session_that_adds_the_factor_has_shown_it(bed: &Bed) {
    let service = bed.service();
    let account = service.register(ADA);
    bed.clock().advance(std::time::Duration::from_mins(5));
    let before = service.claims(&account.access);
    let ada = service.protect(account);
    assert_eq!(before.amr, ["pwd"]);
    let refreshed = service.refreshed(&ada.account.refresh);
    let claims = service.claims(&refreshed.access);
    assert_eq!(claims.amr, ["pwd", "otp", "mfa"]);
    assert_eq!(claims.auth_time.as_seconds(), before.auth_time.as_seconds() + 300);
    let session = bed.session(ada.account.session);
    assert_eq!(session.auth_methods, "pwd,otp,mfa");
}

fn others_of(service: &Instance, bed: &Bed) -> (Account, Account) {
    let (ada, other) = (service.register(ADA), service.log_in(ADA));
    assert_eq!(bed.count("sessions", "revoked_at IS NULL"), 2);
    (ada, other)
}

/// `AUTH_MFA_ENDS_OTHER_SESSIONS=false`
fn sessions_can_be_left_alone(bed: &Bed) {
    let service = bed.service_with(|config| config.mfa_ends_other_sessions = false);
    let (account, other) = others_of(&service, bed);
    let ada = service.protect(account);
    service.new_backup_codes(&ada.account, by_password(PASSWORD)).unwrap();
    service.disable_totp(&ada.account, by_password(PASSWORD)).unwrap();
    assert_eq!(bed.count("sessions", "revoked_at IS NULL"), 2);
    assert!(service.is_live(&other) && service.is_live(&ada.account));
    assert_eq!(service.claims(&other.access).amr, ["pwd"], "what it has not shown it doesn't say");
}

/// Whoever began with the password alone doesn't get in without the factor, in either mode.
fn sign_ins_that_are_half_done_end_in_any_case(bed: &Bed) {
    for ends_others in [true, false] {
        let service = bed.service_with(|config| config.mfa_ends_other_sessions = ends_others);
        let email = format!("{ends_others}@example.org");
        let account = service.register(&email);
        let must_change = |yes: bool| bed.execute(&format!("UPDATE users SET password_must_change = {yes}"));
        must_change(true);
        let begun = service.challenged(&email, PASSWORD, ChallengeKind::ChangePassword);
        must_change(false);
        let ada = service.protect(account);
        assert!(is_dead(&service.answer_password(&begun, crate::bed::NEW_PASSWORD)), "begun before the factor");
        let begun = service.asked_for_code(&email);
        let new = service.new_backup_codes(&ada.account, by_password(PASSWORD)).unwrap();
        assert!(is_dead(&service.answer_backup(&begun, &new[0])));
        let begun = service.asked_for_code(&email);
        service.disable_totp(&ada.account, by_password(PASSWORD)).unwrap();
        assert!(is_dead(&service.answer_backup(&begun, &new[0])));
        assert!(service.try_log_in(&email, PASSWORD).is_ok());
    }
}

fn another_service_hears_of_it(bed: &Bed) {
    let services = [bed.service(), bed.beside()];
    let account = services[0].register(ADA);
    let other = services[1].log_in(ADA);
    let begun = {
        bed.execute("UPDATE users SET password_must_change = true");
        let begun = services[1].challenged(ADA, PASSWORD, ChallengeKind::ChangePassword);
        bed.execute("UPDATE users SET password_must_change = false");
        begun
    };
    let ada = services[0].protect(account);
    assert!(is_dead(&services[1].answer_password(&begun, crate::bed::NEW_PASSWORD)), "in another one's memory");
    assert!(services[1].refresh(&other.refresh).is_err());
    services[1].sync();
    assert!(services[1].is_over(&other) && services[1].is_live(&ada.account));
}

/// Either it is over before, and ends, or it is asked for the factor.
fn a_sign_in_at_the_same_moment_does_not_outlive_it(bed: &Bed) {
    let services = [bed.service(), bed.beside()];
    for round in 0..4 {
        let email = format!("user{round}@example.org");
        let account = services[0].register(&email);
        let app = services[0].enrol(&account);
        let code = app.code(&services[0], 0);
        let opened = together(9, |number| match number {
            4 => services[0].confirm_totp(&account, &code).is_err(),
            _ => matches!(services[number % 2].begin_log_in(&email, PASSWORD), Ok(Step::Authenticated(_))),
        });
        assert!(!opened[4], "the factor was added");
        let theirs = format!("user_id = (SELECT id FROM users WHERE email = '{email}') AND revoked_at IS NULL");
        assert_eq!(bed.count("sessions", &theirs), 1, "{opened:?}");
        assert_eq!(bed.session(account.session).revoked_at, None);
    }
}

/// As an instance sees it that has not heard yet that the session is over: what was proven in it is not carried out.
fn a_call_whose_session_has_ended_changes_nothing(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    let thief = service.sign_in_with_backup(ADA, &ada.backup_codes[0]).unwrap();
    let late = bed.beside();
    late.claims(&thief.access);
    block_on(service.service.revoke_other_sessions(ada.user(), ada.account.session, &browser())).unwrap();
    for call in CALLS {
        let refused = late.call(call, &thief, by_password(PASSWORD));
        assert!(matches!(refused, Err(AccountError::Gone)), "{call}: {refused:?}");
    }
    let begun = late.begin_totp(&thief).map(drop);
    assert!(matches!(begun, Err(AccountError::Gone)), "{begun:?}");
    let factor = service.factor_of(ada.user());
    assert_eq!((factor.totp, factor.backup_codes_left), (true, 9));
    assert!(service.is_live(&ada.account));
}
