//! Signing in in two steps (REQ-20, REQ-22): the challenge `mfa`.

use std::time::Duration;

use auth_service::{ChallengeError, ChallengeKind, ChallengeMethod, Step, Tokens};

use super::{ADA, BOB, STEP, by_password, is_dead, is_wrong};
use crate::bed::{Bed, Instance, NEW_PASSWORD, PASSWORD, block_on, challenge, on_both_databases, tokens};

on_both_databases! {
    a_code_of_the_app_opens_the_session,
    a_backup_code_opens_the_session,
    the_password_alone_opens_nothing_and_is_on_record_as_nothing,
    who_has_no_backup_codes_left_is_not_asked_for_one,
    what_is_due_is_asked_in_order,
    somebody_else_s_codes_are_wrong_and_stay_good,
    what_is_no_code_is_a_wrong_one,
    a_code_counts_under_its_own_name_alone,
    who_was_disabled_or_deleted_between_the_steps_stays_out,
}

/// Texts that are no code of an app: those of `totp_window_own.json` and some of other scripts.
pub(super) fn malformed() -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/rfc/totp_window_own.json");
    let file: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let texts = file["malformed_codes"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned());
    let more = ["०५०४७१", "𝟎𝟓𝟎𝟒𝟕𝟏", "05047١", "\u{feff}050471", "050471\n", "000000,000001", "[\"050471\"]", "%30"];
    let all: Vec<String> = texts.chain(more.map(str::to_owned)).collect();
    assert!(all.len() > 20);
    all
}

fn in_by(answer: Result<Step, ChallengeError>) -> Tokens {
    tokens(answer.unwrap())
}

fn methods(service: &Instance, email: &str) -> Vec<ChallengeMethod> {
    match service.begin_log_in(email, PASSWORD).unwrap() {
        Step::Challenge(challenge) => challenge.methods,
        Step::Authenticated(_) => panic!("nothing is due"),
    }
}

/// REQ-20: what was shown, and when, is in the access token, and in the list of sessions.
fn assert_shown(service: &Instance, tokens: &Tokens, methods: &[&str]) {
    use auth_core::Clock as _;
    let claims = service.claims(tokens.access_token.expose());
    assert_eq!(claims.amr, methods);
    assert_eq!(claims.auth_time.as_seconds(), service.clock.now().as_seconds());
    let sessions = block_on(service.service.sessions(tokens.user.id, claims.session_id)).unwrap();
    let current = sessions.iter().find(|session| session.current).unwrap();
    assert_eq!(current.auth_methods, methods);
    let refreshed = service.refreshed(tokens.refresh_token.expose());
    let after = service.claims(&refreshed.access);
    assert_eq!((&after.amr, after.auth_time), (&claims.amr, claims.auth_time), "a refresh proves nothing");
}

fn a_code_of_the_app_opens_the_session(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    bed.clock().advance(STEP);
    let challenge = service.asked_for_code(ADA);
    bed.clock().advance(STEP);
    let tokens = in_by(service.answer_totp(&challenge, &ada.app.code(&service, 0)));
    assert_eq!(tokens.user.id, ada.user());
    assert!(tokens.user.mfa_enabled);
    assert_shown(&service, &tokens, &["pwd", "otp", "mfa"]);
    assert_eq!(bed.count_events(ada.user(), "login.succeeded"), 1);
    assert_eq!((bed.wrong_codes(ada.user()), service.factor_of(ada.user()).backup_codes_left), (0, 10));
}

fn a_backup_code_opens_the_session(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    let tokens = in_by(service.answer_backup(&service.asked_for_code(ADA), &ada.backup_codes[7]));
    assert_shown(&service, &tokens, &["pwd", "mfa"]);
    assert_eq!(service.factor_of(ada.user()).backup_codes_left, 9);
    assert!(service.sign_in_with(ADA, &ada.app.code(&service, 1)).is_ok(), "the app's codes are not touched by it");
}

fn the_password_alone_opens_nothing_and_is_on_record_as_nothing(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    let (user, sessions) = (bed.user(ada.user()), bed.count("sessions", "true"));
    for _ in 0..3 {
        assert_eq!(methods(&service, ADA), [ChallengeMethod::Totp, ChallengeMethod::BackupCode]);
    }
    assert_eq!((bed.count("sessions", "true"), bed.user(ada.user())), (sessions, user));
    assert_eq!(bed.count_events(ada.user(), "login.succeeded"), 0);
    assert!(service.begin_log_in(ADA, "not the password").is_err(), "and a wrong one isn't asked for more");
}

/// The contract's `methods`.
fn who_has_no_backup_codes_left_is_not_asked_for_one(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    for code in &ada.backup_codes {
        assert_eq!(methods(&service, ADA), [ChallengeMethod::Totp, ChallengeMethod::BackupCode]);
        assert!(service.sign_in_with_backup(ADA, code).is_ok());
    }
    assert_eq!(methods(&service, ADA), [ChallengeMethod::Totp]);
    assert!(is_wrong(&service.sign_in_with_backup(ADA, &ada.backup_codes[0])));
    let account = service.sign_in_with(ADA, &ada.app.next(&service)).unwrap();
    service.new_backup_codes(&account, by_password(PASSWORD)).unwrap();
    assert_eq!(methods(&service, ADA), [ChallengeMethod::Totp, ChallengeMethod::BackupCode]);
}

/// Issue part 4: the factor before the address, the address before the password; each step has a token of its own.
fn what_is_due_is_asked_in_order(bed: &Bed) {
    let open = bed.mailing();
    let ada = open.protected(ADA);
    open.mails();
    bed.execute("UPDATE users SET password_must_change = true");
    let strict = open.another(bed, |config| config.require_verified_email = true);
    let first = strict.asked_for_code(ADA);
    let step = strict.answer_totp(&first, &ada.app.next(&strict)).unwrap();
    let second = challenge(step, ChallengeKind::VerifyEmail);
    bed.clock().advance(Duration::from_mins(1));
    let third = challenge(
        strict.answer_link(&second, Some(&open.token("verify-email"))).unwrap(),
        ChallengeKind::ChangePassword,
    );
    let tokens = in_by(strict.answer_password(&third, NEW_PASSWORD));
    assert_eq!(strict.claims(tokens.access_token.expose()).amr, ["pwd", "otp", "mfa"]);
    assert!(tokens.user.email_verified && !tokens.user.password_must_change);
    assert!(first != second && second != third);
    assert!(is_dead(&strict.answer_backup(&first, &ada.backup_codes[0])));
    assert!(is_dead(&strict.answer_link(&second, None)) && is_dead(&strict.answer_password(&third, PASSWORD)));
}

/// M-07, M-13
fn somebody_else_s_codes_are_wrong_and_stay_good(bed: &Bed) {
    let service = bed.service();
    let (ada, bob) = (service.protected(ADA), service.protected(BOB));
    bed.clock().advance(STEP);
    let (of_app, of_list) = (bob.app.code(&service, 0), &bob.backup_codes[0]);
    if of_app != ada.app.code(&service, 0) {
        assert!(is_wrong(&service.sign_in_with(ADA, &of_app)));
    }
    assert!(is_wrong(&service.sign_in_with_backup(ADA, of_list)));
    assert_eq!(bed.wrong_codes(bob.user()), 0);
    assert!(service.sign_in_with(BOB, &of_app).is_ok() && service.sign_in_with_backup(BOB, of_list).is_ok());
}

/// M-09: one text is one try, whatever it holds.
fn what_is_no_code_is_a_wrong_one(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    bed.clock().advance(STEP);
    let code = ada.app.code(&service, 0);
    let mut texts = malformed();
    texts.extend([format!("{code} "), format!("+{code}"), format!("{code}{code}"), "0".repeat(10_000)]);
    for (number, text) in (1..).zip(&texts) {
        let method = if number % 2 == 0 { "totp" } else { "backup_code" };
        let answer = service.answer_code(&service.asked_for_code(ADA), method, text);
        assert!(is_wrong(&answer), "{text:?}: {answer:?}");
        assert_eq!(bed.wrong_codes(ada.user()), number, "{text:?}");
    }
    assert!(service.sign_in_with(ADA, &code).is_ok());
}

fn a_code_counts_under_its_own_name_alone(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    let code = ada.app.next(&service);
    let challenge = service.asked_for_code(ADA);
    assert!(is_wrong(&service.answer_backup(&challenge, &code)));
    assert!(is_wrong(&service.answer_totp(&challenge, &ada.backup_codes[0])));
    assert_eq!(bed.wrong_codes(ada.user()), 2);
    assert_eq!(service.factor_of(ada.user()).backup_codes_left, 10);
    in_by(service.answer_totp(&challenge, &code));
}

/// L-22
fn who_was_disabled_or_deleted_between_the_steps_stays_out(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    let sessions = bed.count("sessions", "true");
    let challenge = service.asked_for_code(ADA);
    bed.execute("UPDATE users SET disabled_at = created_at");
    let code = ada.app.next(&service);
    for answer in [
        service.answer_totp(&challenge, &code),
        service.answer_backup(&challenge, &ada.backup_codes[0]),
        service.answer_totp(&challenge, &ada.app.wrong(&service)),
    ] {
        assert!(matches!(answer, Err(ChallengeError::AccountDisabled)), "{answer:?}");
    }
    assert_eq!((bed.count("sessions", "true"), bed.wrong_codes(ada.user())), (sessions, 0));
    bed.execute("UPDATE users SET disabled_at = NULL");
    assert!(service.answer_totp(&challenge, &code).is_ok(), "nothing was used up, and two tries are left");
    let challenge = service.asked_for_code(ADA);
    bed.execute("DELETE FROM users");
    assert!(is_dead(&service.answer_totp(&challenge, &ada.app.next(&service))));
    service.protected(ADA);
    assert!(is_dead(&service.answer_totp(&challenge, &ada.app.next(&service))), "nor is it another's of the address");
}
