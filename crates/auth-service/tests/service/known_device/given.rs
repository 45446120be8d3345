//! When a device is given a token.

use auth_service::{ChallengeKind, RateLimits};

use super::{ADA, EVE, MINUTE, Said, at, is_known, new_device, token_of};
use crate::bed::federation::{By, GOOGLE, Person};
use crate::bed::{Bed, NEW_PASSWORD, PASSWORD, browser, on_both_databases, together, tokens};

on_both_databases! {
    registering_and_signing_in_give_one_and_a_refresh_does_not,
    a_device_that_is_known_is_given_none,
    while_a_challenge_is_open_there_is_none,
    each_kind_of_challenge_gives_one_in_the_end,
    so_does_a_sign_in_by_another_provider,
    what_makes_no_device_known_is_as_good_as_none,
    a_user_has_twenty_and_the_one_unused_for_longest_makes_room,
    sign_ins_at_once_leave_twenty,
}

fn devices(bed: &Bed) -> i64 {
    bed.count("devices", "true")
}

/// 256 bits in base64url.
#[track_caller]
fn assert_token(token: Option<String>) -> String {
    let token = token.expect("a device token");
    assert!(token.starts_with("ot_") && token.len() == 46, "{token}");
    token
}

fn registering_and_signing_in_give_one_and_a_refresh_does_not(bed: &Bed) {
    let service = bed.service();
    let registered = service.try_register(ADA, None).unwrap();
    let first = assert_token(token_of(&registered));
    let refreshed = service.refresh(registered.refresh_token.expose()).unwrap();
    assert!(refreshed.device_token.is_none());
    let second = assert_token(token_of(&service.try_log_in(ADA, PASSWORD).unwrap()));
    assert_ne!(first, second);
    assert_eq!(devices(bed), 2);
    assert!(service.try_log_in(ADA, "wrong password").is_err());
    assert_eq!(devices(bed), 2);
}

fn a_device_that_is_known_is_given_none(bed: &Bed) {
    let service = bed.service();
    service.register_named(ADA, "analyst");
    let device = new_device(&service, &browser(), ADA);
    for identifier in [ADA, "analyst", "ADA@Example.org"] {
        assert!(is_known(&service, &device, identifier), "{identifier}");
    }
    assert_eq!((devices(bed), bed.count("devices", "label = 'Firefox on Linux'")), (2, 2));
}

fn while_a_challenge_is_open_there_is_none(bed: &Bed) {
    let service = bed.mailing_with(|config| config.require_verified_email = true);
    service.register_pending(ADA).unwrap();
    let challenge = service.challenged(ADA, PASSWORD, ChallengeKind::VerifyEmail);
    assert!(service.answer_link(&challenge, Some("ot_wrong")).is_err());
    assert_eq!(devices(bed), 0);
    let link = service.mails().pop().unwrap().token;
    assert_token(token_of(&tokens(service.answer_link(&challenge, Some(&link)).unwrap())));
    bed.execute("UPDATE users SET password_must_change = true");
    let challenge = service.challenged(ADA, PASSWORD, ChallengeKind::ChangePassword);
    assert!(service.answer_password(&challenge, "short").is_err());
    assert_eq!(devices(bed), 1);
}

fn each_kind_of_challenge_gives_one_in_the_end(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.protected(ADA);
    assert_eq!(devices(bed), 1);
    let challenge = service.asked_for_code(ADA);
    assert!(service.answer_backup(&challenge, "0000-0000-00000").is_err());
    assert_eq!(devices(bed), 1);
    let by_code = tokens(service.answer_backup(&challenge, &ada.backup_codes[0]).unwrap());
    let device = assert_token(token_of(&by_code));
    // The device is known through all that is due.
    bed.execute("UPDATE users SET password_must_change = true");
    let step = service.log_in_on(&browser(), Some(&device), ADA, PASSWORD).unwrap();
    let challenge = crate::bed::challenge(step, ChallengeKind::Mfa);
    let step = service.answer_backup(&challenge, &ada.backup_codes[1]).unwrap();
    let challenge = crate::bed::challenge(step, ChallengeKind::ChangePassword);
    let changed = tokens(service.answer_password(&challenge, NEW_PASSWORD).unwrap());
    assert!(changed.device_token.is_none());
    assert_eq!(devices(bed), 2);
    bed.execute("UPDATE users SET password_must_change = true, mfa_enabled_at = NULL");
    let challenge = service.challenged(ADA, NEW_PASSWORD, ChallengeKind::ChangePassword);
    let changed = tokens(service.answer_password(&challenge, PASSWORD).unwrap());
    assert_token(token_of(&changed));
}

fn so_does_a_sign_in_by_another_provider(bed: &Bed) {
    let service = bed.federated();
    for by in By::BOTH {
        let before = devices(bed);
        let subject = by.of("g-ada");
        let step = service.come(by, Person::nameless(GOOGLE, &subject)).unwrap();
        assert_token(token_of(&tokens(step)));
        assert_eq!(devices(bed), before + 1);
    }
}

fn what_makes_no_device_known_is_as_good_as_none(bed: &Bed) {
    let service = bed.mailing();
    service.register(ADA);
    service.register(EVE);
    let (ada, eve) = (new_device(&service, &at(1), ADA), new_device(&service, &at(2), EVE));
    service.mails();
    let reset = service.reset_token(ADA);
    let garbled = format!("ot_{}{}", if ada.starts_with("ot_A") { 'B' } else { 'A' }, &ada[4..]);
    for none in ["", "ot_", "x", &"x".repeat(10_000), &ada[..45], &format!("{ada}A"), &garbled, &reset, &eve] {
        let given = super::given_on(&service, none, ADA);
        assert_token(given);
    }
    assert!(is_known(&service, &ada, ADA) && is_known(&service, &eve, EVE), "and both are known still");
    let service = bed.service_with(|config| config.rate_limits = RateLimits::default());
    service.exhaust(ADA);
    for none in ["", &garbled, &eve] {
        let refused = service.on_device(none, ADA, PASSWORD);
        assert!(matches!(refused, Said::Later("login_account", _)), "{refused:?}");
    }
    assert_eq!(service.on_device(&ada, ADA, PASSWORD), Said::Yes);
}

fn a_user_has_twenty_and_the_one_unused_for_longest_makes_room(bed: &Bed) {
    let service = bed.service_with(|config| config.sessions_per_user = 100.try_into().unwrap());
    service.register(EVE);
    let registered = token_of(&service.try_register(ADA, None).unwrap()).unwrap();
    let next = || {
        bed.clock().advance(MINUTE);
        new_device(&service, &at(1), ADA)
    };
    let all: Vec<String> = (0..19).map(|_| next()).collect();
    bed.clock().advance(MINUTE);
    assert!(is_known(&service, &registered, ADA), "the twentieth, and the one used last now");
    let more = [next(), next()];
    assert_eq!(devices(bed), 21, "and one of somebody else's");
    // Whoever signs in on a device that isn't known makes another one, so these come first.
    for known in all[2..].iter().chain(&more).chain([&registered]) {
        assert!(is_known(&service, known, ADA));
    }
    for forgotten in &all[..2] {
        assert!(!is_known(&service, forgotten, ADA));
    }
}

fn sign_ins_at_once_leave_twenty(bed: &Bed) {
    let service = bed.service_with(|config| config.sessions_per_user = 100.try_into().unwrap());
    service.register(ADA);
    for _ in 0..3 {
        let given = together(8, |_| service.try_log_in(ADA, PASSWORD).unwrap().device_token.is_some());
        assert_eq!(given, [true; 8]);
    }
    assert_eq!(devices(bed), 20);
    // One device in two windows.
    let device = new_device(&service, &at(1), ADA);
    assert_eq!(together(8, |_| is_known(&service, &device, ADA)), [true; 8]);
    assert_eq!(devices(bed), 20);
}
