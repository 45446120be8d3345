//! Backup codes (REQ-22, M-13): each works once, in any spelling of its own, for its owner.

use std::time::Duration;

use super::{ADA, BOB, Protected, STEP, by_code, by_password, is_wrong, is_wrong_proof, opened};
use crate::bed::{Bed, Instance, PASSWORD, on_both_databases, together};

on_both_databases! {
    each_of_the_ten_works_once,
    one_code_in_twenty_requests_at_once_opens_one_session,
    two_services_on_one_database_spend_a_code_once,
    a_code_that_was_spent_anywhere_is_spent_everywhere,
    a_code_is_its_owner_s_alone,
    a_new_set_ends_the_old_one,
    a_code_is_read_however_it_is_typed,
    what_is_not_quite_a_code_is_none,
    codes_of_a_factor_that_was_taken_off_stay_dead,
    new_sets_at_once_leave_one_of_ten,
}

fn left(service: &Instance, user: &Protected) -> i64 {
    service.factor_of(user.user()).backup_codes_left
}

fn each_of_the_ten_works_once(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    for (used, place) in [3, 9, 0, 7, 1, 8, 2, 6, 4, 5].into_iter().enumerate() {
        let code = &ada.backup_codes[place];
        assert_eq!(left(&service, &ada), 10 - i64::try_from(used).unwrap());
        assert!(service.sign_in_with_backup(ADA, code).is_ok());
        assert!(is_wrong(&service.sign_in_with_backup(ADA, code)), "M-13: reuse");
        bed.clock().advance(Duration::from_hours(24));
    }
    assert_eq!((left(&service, &ada), bed.count_events(ada.user(), "mfa.failed")), (0, 10));
    assert!(service.sign_in_with(ADA, &ada.app.next(&service)).is_ok());
}

fn spent_at_once(services: &[&Instance], code: &str) -> usize {
    let challenges: Vec<String> = (0..20).map(|number| services[number % services.len()].asked_for_code(ADA)).collect();
    let answers = together(20, |number| {
        opened(services[number % services.len()].answer_backup(&challenges[number], code)).map(drop)
    });
    assert!(answers.iter().all(|answer| answer.is_ok() || is_wrong(answer)), "{answers:?}");
    answers.iter().filter(|answer| answer.is_ok()).count()
}

/// M-13
fn one_code_in_twenty_requests_at_once_opens_one_session(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    for code in &ada.backup_codes[..3] {
        let sessions = bed.count("sessions", "true");
        assert_eq!(spent_at_once(&[&service], code), 1);
        assert_eq!(bed.count("sessions", "true"), sessions + 1);
    }
    assert_eq!(left(&service, &ada), 7);
}

fn two_services_on_one_database_spend_a_code_once(bed: &Bed) {
    let services = [bed.service(), bed.beside()];
    let ada = services[0].protected(ADA);
    for code in &ada.backup_codes[..3] {
        assert_eq!(spent_at_once(&[&services[0], &services[1]], code), 1);
    }
    assert_eq!(left(&services[1], &ada), 7);
}

/// M-01
fn a_code_that_was_spent_anywhere_is_spent_everywhere(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    let code = &ada.backup_codes[0];
    service.reauthenticate(&ada.account, by_code(code)).unwrap();
    for call in super::CALLS {
        assert!(is_wrong_proof(&service.call(call, &ada.account, by_code(code))), "{call}");
    }
    assert!(is_wrong(&service.sign_in_with_backup(ADA, code)));
    let code = &ada.backup_codes[1];
    service.call("email", &ada.account, by_code(code)).unwrap();
    assert!(is_wrong(&service.sign_in_with_backup(ADA, code)));
    assert_eq!(left(&service, &ada), 8);
    service.disable_totp(&ada.account, by_code(&ada.backup_codes[2])).unwrap();
    assert!(service.try_log_in(ADA, PASSWORD).is_ok());
}

/// M-13
fn a_code_is_its_owner_s_alone(bed: &Bed) {
    let service = bed.service();
    let (ada, bob) = (service.protected(ADA), service.protected(BOB));
    for code in &bob.backup_codes {
        let at_challenge = service.sign_in_with_backup(ADA, code);
        assert!(is_wrong(&at_challenge) && is_wrong_proof(&service.reauthenticate(&ada.account, by_code(code))));
    }
    assert_eq!((left(&service, &ada), left(&service, &bob)), (10, 10));
    for code in &bob.backup_codes {
        assert!(service.sign_in_with_backup(BOB, code).is_ok());
    }
}

/// M-13
fn a_new_set_ends_the_old_one(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    service.sign_in_with_backup(ADA, &ada.backup_codes[0]).unwrap();
    let new = service.new_backup_codes(&ada.account, by_code(&ada.backup_codes[1])).unwrap();
    assert_eq!((left(&service, &ada), new.len(), bed.count("backup_codes", "true")), (10, 10, 10));
    assert!(new.iter().all(|code| !ada.backup_codes.contains(code)));
    for code in &ada.backup_codes {
        assert!(is_wrong(&service.sign_in_with_backup(ADA, code)));
    }
    for code in &new {
        assert!(service.sign_in_with_backup(ADA, code).is_ok());
    }
}

/// Accepted as documented: case, hyphens and spaces don't matter, look-alikes are understood.
fn a_code_is_read_however_it_is_typed(bed: &Bed) {
    let service = bed.service();
    let mut ada = service.protected(ADA);
    // Few sets have neither a 0 nor a 1, but some.
    let has = |codes: &[String], digit: char| codes.iter().any(|code| code.contains(digit));
    while !has(&ada.backup_codes[3..6], '0') || !has(&ada.backup_codes[6..9], '1') {
        ada.backup_codes = service.new_backup_codes(&ada.account, by_password(PASSWORD)).unwrap();
    }
    let spellings: [fn(&str) -> String; 10] = [
        str::to_lowercase,
        |code| code.replace('-', ""),
        |code| format!("  {}  ", code.replace('-', " ")),
        |code| code.replace('0', "O"),
        |code| code.replace('0', "o"),
        |code| code.to_lowercase().replace('0', "o").replace('-', ""),
        |code| code.replace('1', "I"),
        |code| code.replace('1', "l"),
        |code| code.replace('1', "i").replace('-', "--"),
        |code| code.chars().flat_map(|c| [c, '-']).collect(),
    ];
    for (code, spell) in ada.backup_codes.iter().zip(spellings) {
        let typed = spell(code);
        assert!(service.sign_in_with_backup(ADA, &typed).is_ok(), "{typed} for {code}");
        assert!(is_wrong(&service.sign_in_with_backup(ADA, code)), "and is the same code: {code}");
    }
}

fn what_is_not_quite_a_code_is_none(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    let code = ada.backup_codes[0].as_str();
    let wide: String = code.chars().map(|c| if c.is_ascii_digit() { '\u{ff10}' } else { c }).collect();
    let texts = [
        code[..14].to_owned(),
        format!("{code}0"),
        format!("{code}\0"),
        format!("{code}\n"),
        code.replace('-', "_"),
        code.replace('-', "\u{2010}"),
        format!("U{}", &code[1..]),
        code.chars().rev().collect(),
        format!("{code},{}", ada.backup_codes[1]),
        if wide == code { String::new() } else { wide },
    ];
    for text in &texts {
        if *text != code {
            assert!(is_wrong(&service.sign_in_with_backup(ADA, text)), "{text:?}");
        }
    }
    assert_eq!(left(&service, &ada), 10);
    assert!(service.sign_in_with_backup(ADA, code).is_ok());
}

fn codes_of_a_factor_that_was_taken_off_stay_dead(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    service.disable_totp(&ada.account, by_password(PASSWORD)).unwrap();
    assert_eq!((left(&service, &ada), bed.count("backup_codes", "true")), (0, 0));
    let Protected { account, app, backup_codes } = ada;
    bed.clock().advance(STEP);
    let again = service.protect(account);
    for code in &backup_codes {
        assert!(is_wrong(&service.sign_in_with_backup(ADA, code)));
    }
    bed.clock().advance(STEP);
    assert!(is_wrong(&service.sign_in_with(ADA, &app.code(&service, 0))), "nor do the old app's codes work");
    assert!(service.sign_in_with(ADA, &again.app.code(&service, 0)).is_ok());
}

fn new_sets_at_once_leave_one_of_ten(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    let sets = together(8, |_| service.new_backup_codes(&ada.account, by_password(PASSWORD)).unwrap());
    assert_eq!((left(&service, &ada), bed.count("backup_codes", "true")), (10, 10));
    let works = |set: &[String]| service.sign_in_with_backup(ADA, &set[0]).is_ok();
    assert_eq!(sets.iter().filter(|set| works(set)).count(), 1, "one of those that were shown");
    assert_eq!(bed.count_events(ada.user(), "mfa.codes_regenerated"), 8);
}
