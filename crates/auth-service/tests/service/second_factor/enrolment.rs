//! Adding a second factor (REQ-20, M-10): pending until a first code shows that the secret arrived.

use std::time::Duration;

use auth_service::{AccountError, ChallengeKind, Step};

use super::{ADA, App, STEP, by_password, is_wrong, is_wrong_proof};
use crate::bed::{Bed, PASSWORD, block_on, browser, faults, on_both_databases, together};

on_both_databases! {
    a_secret_counts_once_a_code_of_it_was_shown,
    the_secret_is_shown_in_three_forms,
    a_secret_waits_for_ten_minutes,
    a_later_secret_replaces_the_one_that_waits,
    a_proof_younger_than_ten_minutes_is_needed,
    an_active_factor_is_left_as_it_is,
    the_confirming_code_is_used_up,
    codes_outside_the_window_confirm_nothing,
    what_is_no_code_confirms_nothing,
    backup_codes_are_shown_once,
    of_many_confirmations_at_once_one_enables,
    who_is_disabled_or_gone_adds_nothing,
    the_owner_is_told_and_the_operator_finds_it,
}

const TEN_MINUTES: Duration = Duration::from_mins(10);
const MICRO: Duration = Duration::from_micros(1);

fn a_secret_counts_once_a_code_of_it_was_shown(bed: &Bed) {
    let service = bed.service();
    let ada = service.register(ADA);
    let app = service.enrol(&ada);
    for _ in 0..2 {
        let factor = service.factor_of(ada.user);
        assert_eq!((factor.totp, factor.backup_codes_left), (false, 0));
        assert!(!service.try_log_in(ADA, PASSWORD).unwrap().user.mfa_enabled, "nothing is asked for");
        assert!(is_wrong_proof(&service.confirm_totp(&ada, &app.wrong(&service))));
    }
    assert_eq!(service.confirm_totp(&ada, &app.code(&service, 0)).unwrap().len(), 10);
    let factor = service.factor_of(ada.user);
    assert_eq!((factor.totp, factor.backup_codes_left), (true, 10));
    assert!(block_on(service.service.profile(ada.user)).unwrap().mfa_enabled);
    assert!(
        matches!(service.begin_log_in(ADA, PASSWORD), Ok(Step::Challenge(challenge)) if challenge.kind == ChallengeKind::Mfa)
    );
    assert!(service.sign_in_with(ADA, &app.next(&service)).is_ok());
}

/// 160 bits, issuer and account, and the same as a picture.
fn the_secret_is_shown_in_three_forms(bed: &Bed) {
    let service = bed.service_with(|config| "Gates & Co".clone_into(&mut config.product_name));
    let ada = service.register(ADA);
    let enrolment = service.begin_totp(&ada).unwrap();
    let (secret, uri) = (enrolment.secret.expose(), enrolment.otpauth_uri.expose());
    assert_eq!(secret.len(), 32);
    let expected = format!(
        "otpauth://totp/Gates%20%26%20Co:ada%40example.org?secret={secret}&issuer=Gates%20%26%20Co\
         &algorithm=SHA1&digits=6&period=30"
    );
    assert_eq!(uri, expected);
    assert!(enrolment.qr_svg.expose().starts_with("<svg ") && enrolment.qr_svg.expose().ends_with("</svg>"));
    assert!(service.confirm_totp(&ada, &App::with(secret).code(&service, 0)).is_ok());
    let printed = format!("{enrolment:?}");
    assert!(!printed.contains(secret) && !printed.contains("example.org"), "{printed}");
}

/// M-10
fn a_secret_waits_for_ten_minutes(bed: &Bed) {
    let service = bed.service();
    let ada = service.register(ADA);
    let app = service.enrol(&ada);
    bed.clock().advance(TEN_MINUTES);
    assert!(is_wrong_proof(&service.confirm_totp(&ada, &app.code(&service, 0))));
    assert!(!service.factor_of(ada.user).totp);
    service.reauthenticate(&ada, by_password(PASSWORD)).unwrap();
    let app = service.enrol(&ada);
    bed.clock().advance(TEN_MINUTES.checked_sub(MICRO).unwrap());
    let ada = service.refreshed(&ada.refresh);
    assert!(service.confirm_totp(&ada, &app.code(&service, 0)).is_ok());
}

fn a_later_secret_replaces_the_one_that_waits(bed: &Bed) {
    let service = bed.service();
    let ada = service.register(ADA);
    let first = service.enrol(&ada);
    bed.clock().advance(Duration::from_mins(9));
    let second = service.enrol(&ada);
    for steps in [-1, 0, 1] {
        assert!(is_wrong_proof(&service.confirm_totp(&ada, &first.code(&service, steps))));
    }
    bed.clock().advance(Duration::from_mins(5));
    assert!(is_wrong_proof(&service.confirm_totp(&ada, &first.code(&service, 0))));
    assert!(service.confirm_totp(&ada, &second.code(&service, 0)).is_ok(), "its ten minutes are its own");
    assert_eq!(bed.count("totp_credentials", "true"), 1);
}

/// REQ-20, ASVS 7.5.1
fn a_proof_younger_than_ten_minutes_is_needed(bed: &Bed) {
    let service = bed.service();
    let ada = service.register(ADA);
    bed.clock().advance(TEN_MINUTES.checked_sub(MICRO).unwrap());
    assert!(service.begin_totp(&ada).is_ok(), "the sign-in counts");
    bed.clock().advance(MICRO);
    let refreshed = service.refreshed(&ada.refresh);
    for account in [&ada, &refreshed] {
        assert!(matches!(service.begin_totp(account), Err(AccountError::ReauthRequired)), "a refresh proves nothing");
    }
    let wrong = service.reauthenticate(&ada, by_password("not the password"));
    assert!(matches!(wrong, Err(AccountError::InvalidCredentials)), "{wrong:?}");
    assert!(matches!(service.begin_totp(&ada), Err(AccountError::ReauthRequired)));
    service.reauthenticate(&ada, by_password(PASSWORD)).unwrap();
    let app = service.enrol(&ada);
    assert!(service.confirm_totp(&ada, &app.code(&service, 0)).is_ok());
}

/// M-10: a second enrolment while one is active.
fn an_active_factor_is_left_as_it_is(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    // All but the trail, which has each wrong code.
    let rows = || -> Vec<String> {
        bed.dump().lines().filter(|row| !row.starts_with("audit_events: ")).map(str::to_owned).collect()
    };
    let before = rows();
    let again = service.begin_totp(&ada.account);
    assert!(matches!(again, Err(AccountError::MfaAlreadyEnabled)), "{again:?}");
    for code in [ada.app.code(&service, 1), ada.app.code(&service, 0), ada.app.wrong(&service)] {
        assert!(is_wrong_proof(&service.confirm_totp(&ada.account, &code)), "nothing waits for a code");
    }
    assert!(rows() == before, "something was changed");
    assert!(service.sign_in_with_backup(ADA, &ada.backup_codes[0]).is_ok());
    assert!(service.sign_in_with(ADA, &ada.app.code(&service, 1)).is_ok(), "and the refused code was not used up");
}

/// REQ-20
fn the_confirming_code_is_used_up(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    let used = ada.app.code(&service, 0);
    for advance in [Duration::ZERO, STEP] {
        bed.clock().advance(advance);
        assert!(is_wrong(&service.sign_in_with(ADA, &used)));
    }
    let service = bed.service();
    let bob = service.register("bob@example.org");
    let app = service.enrol(&bob);
    service.confirm_totp(&bob, &app.code(&service, 1)).unwrap();
    for steps in [-1, 0, 1] {
        let code = app.code(&service, steps);
        assert!(is_wrong(&service.sign_in_with("bob@example.org", &code)), "nor is an older one taken: {steps}");
    }
}

/// M-02
fn codes_outside_the_window_confirm_nothing(bed: &Bed) {
    let service = bed.service();
    for (number, steps) in (-3..=3).enumerate() {
        let account = service.register(&format!("user{number}@example.org"));
        let app = service.enrol(&account);
        let is_confirmed = service.confirm_totp(&account, &app.code(&service, steps)).is_ok();
        assert_eq!(is_confirmed, (-1..=1).contains(&steps), "{steps}");
        assert_eq!(service.factor_of(account.user).totp, is_confirmed);
    }
}

/// M-09
fn what_is_no_code_confirms_nothing(bed: &Bed) {
    let service = bed.service();
    let ada = service.register(ADA);
    let app = service.enrol(&ada);
    let code = app.code(&service, 0);
    let mut texts = super::sign_in::malformed();
    texts.extend([format!(" {code}"), format!("{code} "), format!("{}-{}", &code[..3], &code[3..])]);
    for text in &texts {
        assert!(is_wrong_proof(&service.confirm_totp(&ada, text)), "{text:?}");
    }
    let claims = service.claims(&ada.access);
    match block_on(service.service.confirm_totp(&claims, None, &browser())) {
        Err(AccountError::Invalid(errors)) => assert_eq!(faults(&errors), [("code", "required")]),
        other => panic!("{other:?}"),
    }
    assert_eq!(bed.wrong_codes(ada.user), 0, "the secret is known to who asks: there is nothing to guess");
    assert!(service.confirm_totp(&ada, &code).is_ok());
}

/// REQ-22
fn backup_codes_are_shown_once(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    let mut codes = ada.backup_codes.clone();
    for code in &codes {
        let groups: Vec<usize> = code.split('-').map(str::len).collect();
        assert_eq!(groups, [4, 4, 5], "{code}");
        let is_readable = |c: char| c == '-' || c.is_ascii_digit() || (c.is_ascii_uppercase() && !"ILOU".contains(c));
        assert!(code.chars().all(is_readable), "{code}");
    }
    codes.sort();
    codes.dedup();
    assert_eq!(codes.len(), 10);
    let claims = service.claims(&ada.account.access);
    let export = serde_json::to_string(&block_on(service.service.export(&claims)).unwrap()).unwrap();
    assert!(codes.iter().all(|code| !export.contains(code.as_str())), "{export}");
}

fn of_many_confirmations_at_once_one_enables(bed: &Bed) {
    let services = [bed.service(), bed.beside()];
    let ada = services[0].register(ADA);
    let app = services[0].enrol(&ada);
    let codes = [-1, 0, 1].map(|steps| app.code(&services[0], steps));
    let results = together(12, |number| services[number % 2].confirm_totp(&ada, &codes[number % 3]));
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert!(results.iter().all(|result| result.is_ok() || is_wrong_proof(result)), "{results:?}");
    assert_eq!((bed.count("backup_codes", "true"), bed.count_events(ada.user, "mfa.enabled")), (10, 1));
    let shown = results.into_iter().find_map(Result::ok).unwrap();
    assert!(services[1].sign_in_with_backup(ADA, &shown[0]).is_ok(), "those that were shown are those that count");
}

fn who_is_disabled_or_gone_adds_nothing(bed: &Bed) {
    let service = bed.service();
    let ada = service.register(ADA);
    let app = service.enrol(&ada);
    bed.execute("UPDATE users SET disabled_at = created_at");
    assert!(matches!(service.begin_totp(&ada), Err(AccountError::Disabled)));
    assert!(matches!(service.confirm_totp(&ada, &app.code(&service, 0)), Err(AccountError::Disabled)));
    let claims = service.claims(&ada.access);
    let status = block_on(service.service.second_factor(claims.user_id));
    assert!(matches!(status, Err(AccountError::Disabled)), "{status:?}");
    bed.execute("DELETE FROM users");
    assert!(matches!(service.begin_totp(&ada), Err(AccountError::Gone)));
    assert!(matches!(service.confirm_totp(&ada, &app.code(&service, 0)), Err(AccountError::Gone)));
    assert_eq!(bed.count("totp_credentials", "true"), 0);
}

fn the_owner_is_told_and_the_operator_finds_it(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.verified(ADA);
    let user = ada.user;
    let app = service.enrol(&ada);
    service.confirm_totp(&ada, &app.wrong(&service)).unwrap_err();
    assert!(service.mails().is_empty() && bed.count_events(user, "mfa.enabled") == 0, "not before it counts");
    service.confirm_totp(&ada, &app.code(&service, 0)).unwrap();
    let mail = service.one_mail();
    assert!(mail.is("secure-account", ADA) && mail.mail.subject().contains("switched on"), "{mail:?}");
    let trail = bed.trail(user);
    let event = trail.iter().find(|event| event.event == "mfa.enabled").unwrap();
    assert_eq!((event.outcome.as_str(), event.actor_id), ("success", Some(user)));
    assert_eq!((event.ip.as_deref(), event.request_id.as_deref()), (Some("192.0.2.7"), Some("request-1")));
}
