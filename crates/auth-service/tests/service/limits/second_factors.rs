//! Codes of the second factor: ten in a quarter of an hour for an account, and as many for an address.

use std::time::Duration;

use auth_core::ErrorCode;
use auth_service::{ChallengeAnswer, Client, FreshProof, Step};

use super::{ADA, MICRO, SECOND, Said, at, said};
use crate::bed::{Account, Bed, Instance, PASSWORD, block_on, on_both_databases};
use crate::second_factor::{NO_BACKUP_CODE, Protected};

on_both_databases! {
    an_account_has_ten_wrong_ones_from_anywhere,
    an_address_has_ten_wrong_ones_for_all_accounts,
    right_ones_are_given_back,
    proofs_and_enrolments_share_the_count,
    a_refused_one_costs_no_try,
}

const WRONG_CODE: Said = Said::No(ErrorCode::InvalidCode);
const LATER: Said = Said::Later("mfa", Duration::from_secs(90));

/// A challenge that `client` got by the right password.
fn challenge(service: &Instance, client: &Client, identifier: &str) -> String {
    match service.log_in_on(client, None, identifier, PASSWORD).unwrap() {
        Step::Challenge(challenge) => challenge.token.expose().to_owned(),
        Step::Authenticated(_) => panic!("no code was asked for"),
    }
}

fn answer(service: &Instance, client: &Client, challenge: &str, code: &str) -> Said {
    let method = if code == NO_BACKUP_CODE || code.contains('-') { "backup_code" } else { "totp" };
    let answer = ChallengeAnswer {
        token: Some(challenge),
        method: Some(method),
        code: Some(code),
        ..ChallengeAnswer::default()
    };
    said(block_on(service.service.answer_challenge(answer, client)))
}

/// A new challenge, and a code.
fn sign_in(service: &Instance, client: &Client, identifier: &str, code: &str) -> Said {
    answer(service, client, &challenge(service, client, identifier), code)
}

fn reauthenticate(service: &Instance, client: &Client, account: &Account, code: &str) -> Said {
    let claims = service.claims(&account.access);
    let proof = FreshProof { password: None, code: Some(code) };
    said(block_on(service.service.reauthenticate(&claims, proof, client)))
}

fn an_account_has_ten_wrong_ones_from_anywhere(bed: &Bed) {
    let service = bed.limited();
    let ada = service.protected(ADA);
    for number in 0..10 {
        let code = if number % 2 == 0 { NO_BACKUP_CODE } else { &ada.app.wrong(&service) };
        assert_eq!(sign_in(&service, &at(number), ADA, code), WRONG_CODE, "{number}");
    }
    assert_eq!(sign_in(&service, &at(20), ADA, &ada.backup_codes[0]), LATER);
    assert_eq!((bed.wrong_codes(ada.user()), service.factor_of(ada.user()).backup_codes_left), (10, 10));
    bed.clock().advance((90 * SECOND).saturating_sub(MICRO));
    assert_eq!(sign_in(&service, &at(20), ADA, &ada.backup_codes[0]), Said::Later("mfa", MICRO));
    bed.clock().advance(MICRO);
    assert_eq!(sign_in(&service, &at(20), ADA, &ada.backup_codes[0]), Said::Yes);
    assert_eq!(sign_in(&service, &at(20), ADA, NO_BACKUP_CODE), WRONG_CODE, "the right one was given back");
    assert_eq!(sign_in(&service, &at(20), ADA, NO_BACKUP_CODE), LATER);
}

fn an_address_has_ten_wrong_ones_for_all_accounts(bed: &Bed) {
    let service = bed.limited();
    let people: Vec<Protected> = (0..3).map(|n| service.protected(&format!("person{n}@example.org"))).collect();
    for number in 0..10 {
        assert_eq!(reauthenticate(&service, &at(1), &people[number % 3].account, NO_BACKUP_CODE), WRONG_CODE);
    }
    for person in &people {
        assert_eq!(reauthenticate(&service, &at(1), &person.account, &person.backup_codes[0]), LATER);
        assert_eq!(reauthenticate(&service, &at(2), &person.account, &person.backup_codes[0]), Said::Yes);
    }
    assert_eq!(sign_in(&service, &at(1), "person0@example.org", NO_BACKUP_CODE), LATER);
}

fn right_ones_are_given_back(bed: &Bed) {
    let service = bed.limited();
    let ada = service.protected(ADA);
    for code in &ada.backup_codes[..8] {
        assert_eq!(sign_in(&service, &at(1), ADA, code), Said::Yes);
    }
    for _ in 0..5 {
        assert_eq!(sign_in(&service, &at(1), ADA, NO_BACKUP_CODE), WRONG_CODE);
    }
    assert_eq!(sign_in(&service, &at(1), ADA, &ada.backup_codes[8]), Said::Yes);
    for _ in 0..5 {
        assert_eq!(sign_in(&service, &at(1), ADA, NO_BACKUP_CODE), WRONG_CODE, "and nothing else with them");
    }
    assert_eq!(sign_in(&service, &at(1), ADA, &ada.backup_codes[9]), LATER);
}

fn proofs_and_enrolments_share_the_count(bed: &Bed) {
    let service = bed.limited();
    let account = service.register(ADA);
    let app = service.enrol(&account);
    let claims = service.claims(&account.access);
    let confirm =
        |client: &Client, code: &str| said(block_on(service.service.confirm_totp(&claims, Some(code), client)));
    let wrong = app.wrong(&service);
    for number in 0..4 {
        assert_eq!(confirm(&at(number), &wrong), WRONG_CODE);
    }
    assert_eq!(confirm(&at(5), &app.code(&service, 0)), Said::Yes);
    for number in 10..13 {
        assert_eq!(reauthenticate(&service, &at(number), &account, NO_BACKUP_CODE), WRONG_CODE);
    }
    for number in 20..23 {
        assert_eq!(sign_in(&service, &at(number), ADA, &wrong), WRONG_CODE);
    }
    assert_eq!(sign_in(&service, &at(30), ADA, &wrong), LATER);
    assert_eq!(reauthenticate(&service, &at(31), &account, &wrong), LATER);
    assert_eq!(confirm(&at(32), &wrong), LATER);
}

/// Of the five that a challenge has (M-05).
fn a_refused_one_costs_no_try(bed: &Bed) {
    let service = bed.limited();
    let ada = service.protected(ADA);
    for number in 0..10 {
        assert_eq!(reauthenticate(&service, &at(number), &ada.account, NO_BACKUP_CODE), WRONG_CODE);
    }
    let token = challenge(&service, &at(20), ADA);
    for _ in 0..10 {
        assert_eq!(answer(&service, &at(20), &token, &ada.backup_codes[0]), LATER);
    }
    bed.clock().advance(90 * SECOND);
    assert_eq!(answer(&service, &at(20), &token, &ada.backup_codes[0]), Said::Yes);
}
