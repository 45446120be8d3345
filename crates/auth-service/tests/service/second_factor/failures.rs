//! Wrong codes in a row (NIST SP 800-63B-4, section 3.2.2; M-06, L-16): one count for codes of the app and backup codes,
//! at whatever call they are shown, and none of the password's.

use std::time::Duration;

use auth_persistence::authenticator_failure::Authenticator;
use auth_service::{AccountError, LoginError};

use super::{
    ADA, BOB, CALLS, NO_BACKUP_CODE, Protected, TRIES, by_code, by_password, is_dead, is_wrong, is_wrong_proof,
};
use crate::bed::{Bed, Instance, PASSWORD, on_both_databases, together};

on_both_databases! {
    both_kinds_at_every_call_count_in_one_row,
    a_right_code_of_either_kind_anywhere_begins_the_row_anew,
    the_password_has_a_row_of_its_own,
    the_count_survives_refusals_days_and_restarts,
    wrong_codes_at_once_are_counted_exactly,
    each_account_has_its_own_row,
    who_has_no_factor_has_no_row,
    an_answer_to_a_dead_challenge_is_not_counted,
    a_factor_that_is_bound_anew_has_a_new_row,
}

const WRONG: &str = "not the password";

/// An account with so many wrong codes in a row.
fn with_wrong_codes(service: &Instance, bed: &Bed, count: usize) -> Protected {
    let ada = service.protected(ADA);
    for wrong in ada.app.wrong_codes(service).take(count) {
        assert!(is_wrong_proof(&service.reauthenticate(&ada.account, by_code(&wrong))));
    }
    assert_eq!(bed.wrong_codes(ada.user()), i64::try_from(count).unwrap());
    ada
}

/// M-06, L-16
fn both_kinds_at_every_call_count_in_one_row(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    let wrong = ada.app.wrong(&service);
    let mut expected = 0;
    for code in [wrong.as_str(), NO_BACKUP_CODE, "no code at all"] {
        for call in CALLS {
            assert!(is_wrong_proof(&service.call(call, &ada.account, by_code(code))), "{call}");
            expected += 1;
            assert_eq!(bed.wrong_codes(ada.user()), expected, "{call} with {code}");
        }
        for method in ["totp", "backup_code"] {
            assert!(is_wrong(&service.answer_code(&service.asked_for_code(ADA), method, code)));
            expected += 1;
            assert_eq!(bed.wrong_codes(ada.user()), expected, "{method} with {code}");
        }
    }
    assert_eq!(expected, 21);
    assert_eq!(bed.count("authenticator_failures", "true"), 1);
    let counted: Vec<_> = bed.trail(ada.user()).into_iter().filter(|event| event.event == "mfa.failed").collect();
    let mut numbers: Vec<_> = counted.iter().map(|event| event.details["failures"].as_i64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=21).collect::<Vec<_>>(), "REQ-53: each is on record");
    assert!(counted.iter().all(|event| event.outcome == "failure" && event.actor_id.is_none()));
    assert!(bed.user(ada.user()).is_some(), "and none of the calls was carried out");
    assert_eq!(service.factor_of(ada.user()).backup_codes_left, 10);
}

fn a_right_code_of_either_kind_anywhere_begins_the_row_anew(bed: &Bed) {
    let service = bed.service();
    let mut ada = with_wrong_codes(&service, bed, 7);
    service.sign_in_with_backup(ADA, &ada.backup_codes[0]).unwrap();
    assert_eq!(bed.wrong_codes(ada.user()), 0);
    for (call, place) in [("reauth", None), ("email", Some(1)), ("backup_codes", Some(2)), ("disable", None)] {
        assert!(is_wrong_proof(&service.reauthenticate(&ada.account, by_code(NO_BACKUP_CODE))));
        bed.execute("UPDATE authenticator_failures SET count = 99");
        let code = place.map_or_else(|| ada.app.next(&service), |place: usize| ada.backup_codes[place].clone());
        service.call(call, &ada.account, by_code(&code)).unwrap();
        assert_eq!(bed.wrong_codes(ada.user()), 0, "{call}");
    }
    ada = service.protect(ada.account);
    assert!(is_wrong(&service.sign_in_with_backup(ADA, NO_BACKUP_CODE)));
    assert!(service.sign_in_with(ADA, &ada.app.next(&service)).is_ok());
    assert_eq!(bed.wrong_codes(ada.user()), 0);
}

/// M-05: the password's counter is untouched by codes, and the codes' by passwords.
fn the_password_has_a_row_of_its_own(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    let passwords = |bed: &Bed| bed.failures_of(ada.user(), Authenticator::Password);
    for number in 1..=4 {
        assert!(is_wrong_proof(&service.reauthenticate(&ada.account, by_code(NO_BACKUP_CODE))));
        assert!(matches!(service.begin_log_in(ADA, WRONG), Err(LoginError::InvalidCredentials)));
        assert_eq!((bed.wrong_codes(ada.user()), passwords(bed)), (number, number));
    }
    service.asked_for_code(ADA);
    assert_eq!((bed.wrong_codes(ada.user()), passwords(bed)), (4, 0), "a right password proves no code");
    for call in CALLS {
        let refused = service.call(call, &ada.account, by_password(WRONG));
        assert!(matches!(refused, Err(AccountError::InvalidCredentials)), "{call}: {refused:?}");
    }
    assert_eq!((bed.wrong_codes(ada.user()), passwords(bed)), (4, 5), "L-16");
    service.reauthenticate(&ada.account, by_code(&ada.backup_codes[0])).unwrap();
    assert_eq!((bed.wrong_codes(ada.user()), passwords(bed)), (0, 5), "nor a right code a password");
    service.reauthenticate(&ada.account, by_password(PASSWORD)).unwrap();
    assert_eq!((bed.wrong_codes(ada.user()), passwords(bed)), (0, 0));
}

/// L-23
fn the_count_survives_refusals_days_and_restarts(bed: &Bed) {
    let ada = bed.service().protected(ADA);
    for _ in 0..4 {
        let service = bed.service();
        for _ in 0..3 {
            assert!(is_wrong(&service.sign_in_with_backup(ADA, NO_BACKUP_CODE)));
            bed.clock().advance(Duration::from_hours(24 * 40));
        }
    }
    assert_eq!(bed.wrong_codes(ada.user()), 12);
}

fn wrong_codes_at_once_are_counted_exactly(bed: &Bed) {
    let services = [bed.service(), bed.beside()];
    let ada = services[0].protected(ADA);
    let challenges: Vec<String> = (0..30).map(|number| services[number % 2].asked_for_code(ADA)).collect();
    together(30, |number| {
        assert!(is_wrong(&services[number % 2].answer_backup(&challenges[number], NO_BACKUP_CODE)));
        assert!(is_wrong_proof(&services[number % 2].reauthenticate(&ada.account, by_code(NO_BACKUP_CODE))));
    });
    assert_eq!((bed.wrong_codes(ada.user()), bed.count_events(ada.user(), "mfa.failed")), (60, 60));
    let challenge = services[0].asked_for_code(ADA);
    let answers = together(12, |_| services[0].answer_backup(&challenge, NO_BACKUP_CODE));
    assert_eq!(answers.iter().filter(|answer| is_wrong(answer)).count(), TRIES, "{answers:?}");
    assert!(answers.iter().all(|answer| is_wrong(answer) || is_dead(answer)));
    assert_eq!(bed.wrong_codes(ada.user()), 65);
}

fn each_account_has_its_own_row(bed: &Bed) {
    let service = bed.service();
    let ada = with_wrong_codes(&service, bed, 3);
    let bob = service.protected(BOB);
    assert_eq!(bed.wrong_codes(bob.user()), 0);
    assert!(service.sign_in_with_backup(BOB, &bob.backup_codes[0]).is_ok());
    assert_eq!(bed.wrong_codes(ada.user()), 3);
}

fn who_has_no_factor_has_no_row(bed: &Bed) {
    let service = bed.service();
    let ada = service.register(ADA);
    for enrolled in [false, true] {
        if enrolled {
            service.enrol(&ada);
        }
        for code in ["000000", NO_BACKUP_CODE, ""] {
            for call in CALLS {
                assert!(is_wrong_proof(&service.call(call, &ada, by_code(code))), "{call} with {code:?}");
            }
        }
    }
    assert_eq!((bed.count("authenticator_failures", "true"), bed.count_events(ada.user, "mfa.failed")), (0, 0));
    assert!(bed.user(ada.user).is_some());
}

fn an_answer_to_a_dead_challenge_is_not_counted(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    let challenge = service.asked_for_code(ADA);
    bed.clock().advance(Duration::from_mins(5));
    for token in [challenge.as_str(), "", "ot_", &format!("{challenge}x")] {
        assert!(is_dead(&service.answer_backup(token, NO_BACKUP_CODE)));
    }
    assert_eq!(bed.wrong_codes(ada.user()), 0);
}

/// By who is still signed in and knows the password.
fn a_factor_that_is_bound_anew_has_a_new_row(bed: &Bed) {
    let service = bed.service();
    let ada = with_wrong_codes(&service, bed, 8);
    service.disable_totp(&ada.account, by_password(PASSWORD)).unwrap();
    assert_eq!(bed.wrong_codes(ada.user()), 0);
    let ada = service.protect(ada.account);
    assert_eq!(bed.wrong_codes(ada.user()), 0);
    assert!(is_wrong(&service.sign_in_with_backup(ADA, NO_BACKUP_CODE)));
    service.new_backup_codes(&ada.account, by_password(PASSWORD)).unwrap();
    assert_eq!(bed.wrong_codes(ada.user()), 1, "new backup codes alone don't give a guesser new tries");
}
