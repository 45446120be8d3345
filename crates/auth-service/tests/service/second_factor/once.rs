//! A code works once (REQ-21; RFC 6238, section 5.2), within its window, and never after a younger one.

use std::time::Duration;

use auth_service::FreshProof;

use super::{ADA, CALLS, STEP, by_code, is_dead, is_wrong, is_wrong_proof, opened};
use crate::bed::{Bed, Instance, on_both_databases, together};

on_both_databases! {
    codes_of_the_window_are_taken_and_no_others,
    no_code_of_an_earlier_step_is_taken_after_a_later_one,
    a_clock_that_is_set_back_brings_no_code_back,
    a_code_that_was_used_anywhere_is_used_up_everywhere,
    a_wrong_code_uses_nothing_up,
    one_code_in_eighteen_requests_over_eighteen_challenges_opens_one_session,
    two_services_on_one_database_take_a_code_once,
    one_code_at_all_calls_at_once_is_taken_once,
    codes_of_three_steps_at_once_are_each_taken_once_at_most,
}

/// M-02
fn codes_of_the_window_are_taken_and_no_others(bed: &Bed) {
    let service = bed.service();
    for (number, steps) in (-3..=3).enumerate() {
        let email = format!("user{number}@example.org");
        let user = service.protected(&email);
        bed.clock().advance(10 * STEP);
        let answer = service.sign_in_with(&email, &user.app.code(&service, steps));
        assert_eq!(answer.is_ok(), (-1..=1).contains(&steps), "{steps}");
        assert!(answer.is_ok() || is_wrong(&answer));
    }
    let user = service.protected(ADA);
    let code = user.app.code(&service, 2);
    bed.clock().advance(STEP.checked_sub(Duration::from_micros(1)).unwrap());
    assert!(is_wrong(&service.sign_in_with(ADA, &code)), "the last moment before it may come");
    bed.clock().advance(Duration::from_micros(1));
    assert!(service.sign_in_with(ADA, &code).is_ok());
    let code = user.app.code(&service, 3);
    bed.clock().advance(5 * STEP);
    assert!(is_wrong(&service.sign_in_with(ADA, &code)), "and after the last one");
}

/// M-02: Keycloak CVE-2024-7318.
fn no_code_of_an_earlier_step_is_taken_after_a_later_one(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    bed.clock().advance(10 * STEP);
    assert!(service.sign_in_with(ADA, &ada.app.code(&service, 1)).is_ok());
    for steps in [1, 0, -1] {
        assert!(is_wrong(&service.sign_in_with(ADA, &ada.app.code(&service, steps))), "{steps}");
    }
    bed.clock().advance(STEP);
    assert!(is_wrong(&service.sign_in_with(ADA, &ada.app.code(&service, 0))), "still the same one");
    assert!(service.sign_in_with(ADA, &ada.app.code(&service, 1)).is_ok());
    let restarted = bed.service();
    assert!(is_wrong(&restarted.sign_in_with(ADA, &ada.app.code(&service, 1))), "a restart forgets nothing");
    assert!(is_wrong(&restarted.sign_in_with(ADA, &ada.app.code(&service, 0))));
}

fn a_clock_that_is_set_back_brings_no_code_back(bed: &Bed) {
    use auth_core::Clock as _;
    let service = bed.service();
    let ada = service.protected(ADA);
    let before = bed.clock().now();
    assert!(service.sign_in_with(ADA, &ada.app.next(&service)).is_ok());
    for minutes in [1, 5, 60] {
        bed.clock().set(before.minus(Duration::from_mins(minutes)));
        for steps in [-1, 0, 1] {
            assert!(is_wrong(&service.sign_in_with(ADA, &ada.app.code(&service, steps))));
        }
    }
    bed.clock().set(before.plus(2 * STEP));
    assert!(service.sign_in_with(ADA, &ada.app.code(&service, 0)).is_ok());
}

/// M-01: same session, other session, other endpoint.
fn a_code_that_was_used_anywhere_is_used_up_everywhere(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    let code = ada.app.next(&service);
    let account = service.sign_in_with(ADA, &code).unwrap();
    for call in CALLS {
        for account in [&account, &ada.account] {
            let refused = service.call(call, account, by_code(&code));
            assert!(is_wrong_proof(&refused), "{call}: {refused:?}");
        }
    }
    assert!(is_wrong(&service.sign_in_with(ADA, &code)));
    assert_eq!(bed.wrong_codes(ada.user()), 11, "a used one is a wrong one");
    let code = ada.app.next(&service);
    service.reauthenticate(&account, by_code(&code)).unwrap();
    assert!(is_wrong_proof(&service.reauthenticate(&account, by_code(&code))));
    assert!(is_wrong(&service.sign_in_with(ADA, &code)), "the other way round, too");
    let code = ada.app.next(&service);
    service.call("email", &account, by_code(&code)).unwrap();
    assert!(is_wrong(&service.sign_in_with(ADA, &code)));
    let code = ada.app.next(&service);
    service.new_backup_codes(&account, by_code(&code)).unwrap();
    assert!(is_wrong(&service.sign_in_with(ADA, &code)));
    let both = FreshProof { password: Some(crate::bed::PASSWORD), code: Some(&code) };
    assert!(is_wrong_proof(&service.reauthenticate(&account, both)), "a right password beside it changes nothing");
}

fn a_wrong_code_uses_nothing_up(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    bed.clock().advance(10 * STEP);
    let before = bed.read(|conn| auth_persistence::user::find_by_email(conn, ADA));
    let step = |bed: &Bed| {
        let user = ada.user();
        bed.read(move |conn| auth_persistence::totp_credential::find(conn, user)).unwrap().last_step
    };
    let last = step(bed);
    for code in ada.app.wrong_codes(&service).take(3) {
        assert!(is_wrong(&service.sign_in_with(ADA, &code)));
    }
    assert_eq!((step(bed), bed.read(|conn| auth_persistence::user::find_by_email(conn, ADA))), (last, before));
    for steps in [-1, 0, 1] {
        assert!(service.sign_in_with(ADA, &ada.app.code(&service, steps)).is_ok(), "each in its turn: {steps}");
    }
}

/// How many of `challenges`, each answered at once with the others, opened a session.
fn answered_at_once(services: &[&Instance], code: &str) -> usize {
    let challenges: Vec<String> = (0..18).map(|number| services[number % services.len()].asked_for_code(ADA)).collect();
    let answers = together(18, |number| {
        opened(services[number % services.len()].answer_totp(&challenges[number], code)).map(drop)
    });
    assert!(answers.iter().all(|answer| answer.is_ok() || is_wrong(answer)), "{answers:?}");
    answers.iter().filter(|answer| answer.is_ok()).count()
}

/// REQ-21, M-03
fn one_code_in_eighteen_requests_over_eighteen_challenges_opens_one_session(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    for _ in 0..3 {
        let sessions = bed.count("sessions", "true");
        assert_eq!(answered_at_once(&[&service], &ada.app.next(&service)), 1);
        assert_eq!(bed.count("sessions", "true"), sessions + 1);
    }
    assert_eq!(bed.count_events(ada.user(), "login.succeeded"), 3);
    assert_eq!(bed.count_events(ada.user(), "mfa.failed"), 3 * 17);
}

/// REQ-21: nothing but the database is shared.
fn two_services_on_one_database_take_a_code_once(bed: &Bed) {
    let one = bed.service();
    let ada = one.protected(ADA);
    let (first, second) = (bed.beside(), bed.beside());
    for _ in 0..3 {
        let code = ada.app.next(&one);
        assert_eq!(answered_at_once(&[&first, &second], &code), 1);
        assert!(is_wrong(&one.sign_in_with(ADA, &code)), "nor does a third one");
    }
    let ahead = bed.second_service(STEP);
    let code = ada.app.code(&ahead, 0);
    assert!(ahead.sign_in_with(ADA, &code).is_ok());
    assert!(is_wrong(&one.sign_in_with(ADA, &code)), "whose clocks differ agree, too");
    assert!(is_wrong(&one.sign_in_with(ADA, &ada.app.code(&one, 0))));
}

/// M-01 with M-03
fn one_code_at_all_calls_at_once_is_taken_once(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    for _ in 0..5 {
        let code = ada.app.next(&service);
        let challenges = [0; 4].map(|_| service.asked_for_code(ADA));
        let taken = together(12, |number| match number {
            0..4 => service.answer_totp(&challenges[number], &code).is_ok(),
            4..8 => service.reauthenticate(&ada.account, by_code(&code)).is_ok(),
            _ => service.call("email", &ada.account, by_code(&code)).is_ok(),
        });
        assert_eq!(taken.iter().filter(|taken| **taken).count(), 1, "{taken:?}");
    }
}

fn codes_of_three_steps_at_once_are_each_taken_once_at_most(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    for _ in 0..3 {
        bed.clock().advance(10 * STEP);
        let codes = [-1, 0, 1].map(|steps| ada.app.code(&service, steps));
        let challenges: Vec<String> = (0..12).map(|_| service.asked_for_code(ADA)).collect();
        let answers = together(12, |number| service.answer_totp(&challenges[number], &codes[number % 3]).is_ok());
        let taken = |code: usize| (0..12).filter(|number| number % 3 == code && answers[*number]).count();
        assert!((0..3).all(|code| taken(code) <= 1), "{answers:?}");
        assert_eq!(taken(2), 1, "nothing is younger than the youngest: {answers:?}");
    }
    let challenge = service.asked_for_code(ADA);
    bed.clock().advance(Duration::from_mins(5));
    assert!(is_dead(&service.answer_totp(&challenge, &ada.app.code(&service, 0))));
}
