//! The challenge `mfa` itself (M-05, M-07, M-08): how long it lasts, how many tries it takes, what ends it.

use std::time::Duration;

use auth_service::{AccountProof, ChallengeAnswer, ChallengeError, LinkError};

use super::{ADA, NO_BACKUP_CODE, Protected, TRIES, by_password, is_dead, is_wrong, opened};
use crate::bed::{Bed, Mailing, NEW_PASSWORD, PASSWORD, block_on, browser, faults, on_both_databases, together};

on_both_databases! {
    a_challenge_lasts_five_minutes,
    five_wrong_codes_end_the_challenge,
    the_fifth_try_may_be_the_right_one,
    a_challenge_is_answered_once,
    every_security_event_ends_it,
    an_answer_that_is_no_try_costs_none,
    the_challenge_opens_nothing_else,
}

const FIVE_MINUTES: Duration = Duration::from_mins(5);

/// M-07
fn a_challenge_lasts_five_minutes(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    let challenge = service.asked_for_code(ADA);
    bed.clock().advance(FIVE_MINUTES);
    let code = ada.app.code(&service, 0);
    assert!(is_dead(&service.answer_totp(&challenge, &code)));
    assert!(service.sign_in_with(ADA, &code).is_ok(), "the code was not used up");
    let challenge = service.asked_for_code(ADA);
    bed.clock().advance(FIVE_MINUTES.checked_sub(Duration::from_micros(1)).unwrap());
    assert!(service.answer_totp(&challenge, &ada.app.code(&service, 0)).is_ok());
    assert_eq!(bed.wrong_codes(ada.user()), 0, "a right code for a dead challenge is no wrong one");
}

/// M-05
fn five_wrong_codes_end_the_challenge(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    let challenge = service.asked_for_code(ADA);
    for (number, wrong) in ada.app.wrong_codes(&service).take(TRIES).enumerate() {
        let (method, wrong) = if number == 2 { ("backup_code", NO_BACKUP_CODE) } else { ("totp", wrong.as_str()) };
        assert!(is_wrong(&service.answer_code(&challenge, method, wrong)), "{number}");
    }
    let code = ada.app.next(&service);
    for _ in 0..3 {
        assert!(is_dead(&service.answer_totp(&challenge, &code)));
        assert!(is_dead(&service.answer_backup(&challenge, &ada.backup_codes[0])));
    }
    assert_eq!((bed.wrong_codes(ada.user()), bed.count_events(ada.user(), "mfa.failed")), (5, 5));
    assert!(service.sign_in_with(ADA, &code).is_ok(), "a new challenge is a new one, and nothing was used up");
    assert_eq!(service.factor_of(ada.user()).backup_codes_left, 10);
}

fn the_fifth_try_may_be_the_right_one(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    for by_backup in [false, true] {
        let challenge = service.asked_for_code(ADA);
        for wrong in ada.app.wrong_codes(&service).take(TRIES - 1) {
            assert!(is_wrong(&service.answer_totp(&challenge, &wrong)));
        }
        let answer = if by_backup {
            service.answer_backup(&challenge, &ada.backup_codes[0])
        } else {
            service.answer_totp(&challenge, &ada.app.next(&service))
        };
        opened(answer).unwrap();
        assert_eq!(bed.wrong_codes(ada.user()), 0);
    }
}

/// M-07: used already; and of many right answers at once one goes on.
fn a_challenge_is_answered_once(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    let challenge = service.asked_for_code(ADA);
    opened(service.answer_totp(&challenge, &ada.app.next(&service))).unwrap();
    assert!(is_dead(&service.answer_totp(&challenge, &ada.app.next(&service))));
    assert!(is_dead(&service.answer_backup(&challenge, &ada.backup_codes[0])));
    let sessions = bed.count("sessions", "revoked_at IS NULL");
    let challenge = service.asked_for_code(ADA);
    let answers = together(10, |number| service.answer_backup(&challenge, &ada.backup_codes[number]));
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| is_dead(answer)).count(), 9, "{answers:?}");
    assert_eq!(bed.count("sessions", "revoked_at IS NULL"), sessions + 1);
    let left = service.factor_of(ada.user()).backup_codes_left;
    assert!((5..=9).contains(&left), "five tries are looked at, at most: {left} are left");
}

/// M-07, P-13
fn every_security_event_ends_it(bed: &Bed) {
    let service = bed.mailing();
    for event in ["password", "reset", "codes", "disable", "email", "secure", "sign_out"] {
        let email = format!("{event}@example.org");
        let account = service.verified(&email);
        let user = service.protect(account);
        let secure = service.token("secure-account");
        bed.clock().advance(Duration::from_mins(1));
        // Asked for before the challenge: whoever has the link uses it later.
        let reset = service.reset_token(&email);
        let challenge = service.asked_for_code(&email);
        match event {
            "password" => service.change_password(&user.account, PASSWORD, NEW_PASSWORD).unwrap(),
            "reset" => service.reset(&reset, NEW_PASSWORD).unwrap(),
            "codes" => drop(service.new_backup_codes(&user.account, by_password(PASSWORD)).unwrap()),
            "disable" => {
                service.disable_totp(&user.account, by_password(PASSWORD)).unwrap();
                service.protect(service.log_in(&email));
            }
            "email" => change_address(&service, &user, "other-email@example.org"),
            "secure" => service.secure(&secure).unwrap(),
            _ => block_on(service.service.log_out_everywhere(user.user(), &browser())).unwrap(),
        }
        let answer = service.answer_totp(&challenge, &user.app.next(&service));
        assert!(is_dead(&answer), "{event}: {answer:?}");
    }
}

fn change_address(service: &Mailing, user: &Protected, to: &str) {
    service.ask_for_address(&user.account, to).unwrap();
    service.confirm_address(&service.token("change-email")).unwrap();
}

fn an_answer_that_is_no_try_costs_none(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    let challenge = service.asked_for_code(ADA);
    let code = ada.app.next(&service);
    let refused = |answer: ChallengeAnswer<'_>| match block_on(service.service.answer_challenge(answer, &browser())) {
        Err(ChallengeError::Invalid(errors)) => faults(&errors),
        other => panic!("{other:?}"),
    };
    let answer = ChallengeAnswer { token: Some(&challenge), new_password: Some(NEW_PASSWORD), ..Default::default() };
    for _ in 0..TRIES {
        for method in ["new_password", "email_link", "enrol_totp", "TOTP", "", "mfa"] {
            let answer = ChallengeAnswer { method: Some(method), code: Some(&code), ..answer };
            assert_eq!(refused(answer), [("method", "unknown_method")], "{method}");
        }
        for method in ["totp", "backup_code"] {
            assert_eq!(refused(ChallengeAnswer { method: Some(method), ..answer }), [("code", "required")]);
        }
        assert_eq!(refused(ChallengeAnswer { code: Some(&code), ..answer }), [("method", "required")]);
    }
    assert_eq!(bed.wrong_codes(ada.user()), 0);
    opened(service.answer_totp(&challenge, &code)).unwrap();
}

/// M-08
fn the_challenge_opens_nothing_else(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.protected(ADA);
    let mails = service.mails();
    let link = &mails.iter().find(|mail| mail.purpose == "secure-account").unwrap().token;
    bed.clock().advance(Duration::from_mins(1));
    service.resend(ADA).unwrap();
    let verify = service.token("verify-email");
    let challenge = service.asked_for_code(ADA);
    assert!(service.verify(&challenge).is_err() && service.refresh(&challenge).is_err());
    for result in [
        service.reset(&challenge, NEW_PASSWORD),
        service.secure(&challenge),
        service.confirm_address(&challenge),
        service.undo_address(&challenge),
        service.verify_as(&challenge, &ada.account),
    ] {
        assert!(matches!(result, Err(LinkError::TokenInvalid)), "{result:?}");
    }
    let proof = AccountProof { challenge_token: Some(&challenge), ..AccountProof::default() };
    let verified = service.verify_with(&verify, proof);
    assert!(matches!(verified, Err(LinkError::ProofRequired)), "half a sign-in is no proof: {verified:?}");
    for token in [link, &verify, &ada.account.refresh, &ada.account.access] {
        assert!(is_dead(&service.answer_totp(token, &ada.app.code(&service, 1))), "nor does anything else answer it");
    }
    assert!(is_dead(&bed.service().answer_totp(&challenge, &ada.app.code(&service, 0))), "it lies in one memory");
    opened(service.answer_totp(&challenge, &ada.app.code(&service, 0))).unwrap();
}
