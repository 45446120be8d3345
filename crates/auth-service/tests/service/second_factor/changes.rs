//! Taking the factor off, and new backup codes (REQ-23, M-12): a session alone is not enough, however fresh it is.

use auth_service::{AccountError, FreshProof};

use super::{ADA, NO_BACKUP_CODE, Protected, STEP, by_code, by_password, is_wrong, is_wrong_proof};
use crate::bed::{Bed, Instance, NEW_PASSWORD, PASSWORD, block_on, browser, faults, on_both_databases, together};

on_both_databases! {
    a_fresh_session_alone_changes_nothing,
    a_wrong_proof_changes_nothing,
    the_password_or_a_code_takes_the_factor_off,
    the_password_or_a_code_gives_new_backup_codes,
    without_a_factor_there_is_nothing_to_change,
    the_owner_is_told_and_the_operator_finds_it,
    who_is_disabled_or_gone_changes_nothing,
    of_many_at_once_one_takes_it_off,
    a_proof_that_was_overtaken_is_none,
}

const CHANGES: [&str; 2] = ["disable", "backup_codes"];

/// Everything that is stored of the factor.
fn stored(bed: &Bed) -> String {
    let dump = bed.dump();
    dump.lines().filter(|row| ["totp_", "backup_", "users"].iter().any(|table| row.starts_with(table))).collect()
}

/// M-12
fn a_fresh_session_alone_changes_nothing(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    let before = stored(bed);
    for call in CHANGES {
        match service.call(call, &ada.account, FreshProof::default()) {
            Err(AccountError::Invalid(errors)) => assert_eq!(faults(&errors), [("password", "required")], "{call}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(stored(bed), before);
    assert!(service.call("email", &ada.account, FreshProof::default()).is_ok(), "as fresh as the session is");
}

fn a_wrong_proof_changes_nothing(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    let before = stored(bed);
    for call in CHANGES {
        for password in ["", "not the password", &PASSWORD.to_uppercase()] {
            let refused = service.call(call, &ada.account, by_password(password));
            assert!(matches!(refused, Err(AccountError::InvalidCredentials)), "{call}: {refused:?}");
        }
        for code in ["", &ada.app.wrong(&service), &ada.app.code(&service, 0), NO_BACKUP_CODE] {
            assert!(is_wrong_proof(&service.call(call, &ada.account, by_code(code))), "{call}: {code}");
        }
        let right_and_wrong = FreshProof { password: Some(PASSWORD), code: Some(NO_BACKUP_CODE) };
        assert!(is_wrong_proof(&service.call(call, &ada.account, right_and_wrong)), "{call}");
        let wrong_and_right = FreshProof { password: Some(NEW_PASSWORD), code: Some(&ada.backup_codes[0]) };
        assert!(service.call(call, &ada.account, wrong_and_right).is_err(), "{call}");
    }
    assert_eq!(stored(bed), before, "nor was any code used up");
}

/// Each way of proving it, in turn.
fn proofs(service: &Instance, user: &Protected, way: usize) -> (Option<&'static str>, Option<String>) {
    match way {
        0 => (Some(PASSWORD), None),
        1 => (None, Some(user.app.next(service))),
        2 => (None, Some(user.backup_codes[4].to_lowercase())),
        _ => (Some(PASSWORD), Some(user.app.next(service))),
    }
}

fn the_password_or_a_code_takes_the_factor_off(bed: &Bed) {
    let service = bed.service();
    for way in 0..4 {
        let email = format!("user{way}@example.org");
        let user = service.protected(&email);
        let other = service.sign_in_with_backup(&email, &user.backup_codes[0]).unwrap();
        let (password, code) = proofs(&service, &user, way);
        service.disable_totp(&user.account, FreshProof { password, code: code.as_deref() }).unwrap();
        let factor = service.factor_of(user.user());
        assert_eq!((factor.totp, factor.backup_codes_left), (false, 0));
        for table in ["totp_credentials", "backup_codes"] {
            assert_eq!(bed.count(table, "true"), 0, "{table}");
        }
        assert!(service.is_over(&other) && service.is_live(&user.account), "R-18");
        assert!(!service.try_log_in(&email, PASSWORD).unwrap().user.mfa_enabled);
        bed.clock().advance(STEP);
        let again = service.protect(service.log_in(&email));
        assert!(is_wrong(&service.sign_in_with(&email, &user.app.next(&service))), "the old app is none of theirs");
        service.disable_totp(&again.account, by_password(PASSWORD)).unwrap();
    }
}

fn the_password_or_a_code_gives_new_backup_codes(bed: &Bed) {
    let service = bed.service();
    for way in 0..4 {
        let email = format!("user{way}@example.org");
        let user = service.protected(&email);
        let other = service.sign_in_with_backup(&email, &user.backup_codes[0]).unwrap();
        let half_way = service.asked_for_code(&email);
        let (password, code) = proofs(&service, &user, way);
        let new = service.new_backup_codes(&user.account, FreshProof { password, code: code.as_deref() }).unwrap();
        assert_eq!((new.len(), service.factor_of(user.user()).backup_codes_left), (10, 10));
        assert!(service.is_over(&other) && service.is_live(&user.account), "R-18");
        assert!(super::is_dead(&service.answer_backup(&half_way, &new[0])));
        assert!(is_wrong(&service.sign_in_with_backup(&email, &user.backup_codes[1])));
        assert!(service.sign_in_with_backup(&email, &new[0]).is_ok());
        assert!(service.sign_in_with(&email, &user.app.next(&service)).is_ok(), "the app stays as it is");
    }
}

fn without_a_factor_there_is_nothing_to_change(bed: &Bed) {
    let service = bed.service();
    let ada = service.register(ADA);
    let other = service.log_in(ADA);
    let mails = bed.mails(ada.user).len();
    for enrolled in [false, true] {
        if enrolled {
            service.enrol(&ada);
        }
        let codes = service.new_backup_codes(&ada, by_password(PASSWORD));
        assert!(matches!(codes, Err(AccountError::MfaNotEnabled)), "{codes:?}");
        service.disable_totp(&ada, by_password(PASSWORD)).unwrap();
    }
    assert_eq!(bed.count("backup_codes", "true"), 0, "no codes without a factor that they stand in for");
    assert_eq!((bed.mails(ada.user).len(), bed.count_events(ada.user, "mfa.disabled")), (mails, 0), "nothing happened");
    assert!(service.is_live(&other));
}

/// ASVS 6.3.7
fn the_owner_is_told_and_the_operator_finds_it(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.protect(service.verified(ADA));
    assert_eq!(service.mails().len(), 1);
    for (call, event, subject) in
        [("backup_codes", "mfa.codes_regenerated", "backup codes"), ("disable", "mfa.disabled", "switched off")]
    {
        service.call(call, &ada.account, by_code(NO_BACKUP_CODE)).unwrap_err();
        assert!(service.mails().is_empty(), "{call}");
        service.call(call, &ada.account, by_password(PASSWORD)).unwrap();
        let mail = service.one_mail();
        assert!(mail.is("secure-account", ADA) && mail.mail.subject().contains(subject), "{mail:?}");
        let trail = bed.trail(ada.user());
        let rows: Vec<_> = trail.iter().filter(|row| row.event == event).collect();
        let [row] = rows.as_slice() else { panic!("{event}: {}", rows.len()) };
        assert_eq!((row.outcome.as_str(), row.actor_id), ("success", Some(ada.user())));
        assert_eq!((row.ip.as_deref(), row.request_id.as_deref()), (Some("192.0.2.7"), Some("request-1")));
    }
}

fn who_is_disabled_or_gone_changes_nothing(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    let code = ada.app.next(&service);
    bed.execute("UPDATE users SET disabled_at = created_at");
    let before = stored(bed);
    for call in CHANGES {
        for proof in [by_password(PASSWORD), by_code(&code)] {
            let refused = service.call(call, &ada.account, proof);
            assert!(matches!(refused, Err(AccountError::Disabled)), "{call}: {refused:?}");
        }
    }
    assert_eq!(stored(bed), before);
    bed.execute("DELETE FROM users");
    for call in CHANGES {
        for proof in [by_password(PASSWORD), by_code(&code)] {
            assert!(matches!(service.call(call, &ada.account, proof), Err(AccountError::Gone)), "{call}");
        }
    }
}

fn of_many_at_once_one_takes_it_off(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    let codes = &ada.backup_codes;
    let results = together(10, |number| service.disable_totp(&ada.account, by_code(&codes[number])));
    assert!(results.iter().all(|result| result.is_ok() || is_wrong_proof(result)), "{results:?}");
    assert_eq!((bed.count_events(ada.user(), "mfa.disabled"), bed.count("backup_codes", "true")), (1, 0));
    assert_eq!(bed.mails(ada.user()).iter().filter(|mail| mail.payload.expose().contains("mfa_disabled")).count(), 1);
}

/// The password was changed while the call was on its way: whoever knew the old one decides nothing any more.
fn a_proof_that_was_overtaken_is_none(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    let thief = service.sign_in_with_backup(ADA, &ada.backup_codes[0]).unwrap();
    let claims = service.claims(&thief.access);
    service.change_password(&ada.account, PASSWORD, NEW_PASSWORD).unwrap();
    let refused = block_on(service.service.disable_totp(&claims, by_password(PASSWORD), &browser()));
    assert!(matches!(refused, Err(AccountError::InvalidCredentials)), "{refused:?}");
    assert!(service.factor_of(ada.user()).totp);
}
