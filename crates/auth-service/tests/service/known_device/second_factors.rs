//! Codes of the second factor on a known device: a count of its own.

use std::time::Duration;

use auth_core::ErrorCode;
use auth_service::{ChallengeAnswer, ChallengeKind, Client};

use super::{ADA, MINUTE, Said, at, said};
use crate::bed::{Bed, Instance, PASSWORD, block_on, challenge, on_both_databases, tokens};
use crate::second_factor::{NO_BACKUP_CODE, Protected};

on_both_databases! {
    who_knows_the_password_uses_up_nothing_of_the_owner_s_device,
    wrong_codes_on_a_device_are_its_own,
}

const WRONG_CODE: Said = Said::No(ErrorCode::InvalidCode);

/// The password, and then a code.
fn sign_in(service: &Instance, client: &Client, device: Option<&str>, code: &str) -> Said {
    let token = challenge(service.log_in_on(client, device, ADA, PASSWORD).unwrap(), ChallengeKind::Mfa);
    let answer = ChallengeAnswer {
        token: Some(&token),
        method: Some("backup_code"),
        code: Some(code),
        ..ChallengeAnswer::default()
    };
    said(block_on(service.service.answer_challenge(answer, client)))
}

fn prepared(service: &Instance) -> (Protected, String) {
    let ada = service.protected(ADA);
    let signed_in = tokens(service.answer_backup(&service.asked_for_code(ADA), &ada.backup_codes[0]).unwrap());
    (ada, signed_in.device_token.unwrap().expose().to_owned())
}

/// L-14
fn who_knows_the_password_uses_up_nothing_of_the_owner_s_device(bed: &Bed) {
    let service = bed.limited();
    let (ada, device) = prepared(&service);
    for _ in 0..10 {
        assert_eq!(sign_in(&service, &at(1), None, NO_BACKUP_CODE), WRONG_CODE);
    }
    for client in [at(1), at(2)] {
        let refused = sign_in(&service, &client, None, &ada.backup_codes[1]);
        assert_eq!(refused, Said::Later("mfa", Duration::from_secs(90)));
    }
    assert_eq!(sign_in(&service, &at(1), Some(&device), &ada.backup_codes[1]), Said::Yes);
}

fn wrong_codes_on_a_device_are_its_own(bed: &Bed) {
    let service = bed.limited();
    let (ada, device) = prepared(&service);
    for _ in 0..10 {
        assert_eq!(sign_in(&service, &at(1), Some(&device), NO_BACKUP_CODE), WRONG_CODE);
    }
    let refused = sign_in(&service, &at(1), Some(&device), &ada.backup_codes[1]);
    assert_eq!(refused, Said::Later("mfa_device", Duration::from_secs(90)));
    assert_eq!(sign_in(&service, &at(1), None, &ada.backup_codes[1]), Said::Yes);
    bed.clock().advance(15 * MINUTE);
    assert_eq!(sign_in(&service, &at(1), Some(&device), &ada.backup_codes[2]), Said::Yes);
}
