//! Registrations that wait, where addresses must be verified: anybody can register any address with a password of their
//! own, and that password must be no way to guess at somebody else's account unseen (L-05, L-14).

use auth_service::RateLimits;

use super::{ADA, NO, SECOND, Said, WRONG, at};
use crate::bed::{Bed, Mailing, PASSWORD, on_both_databases};

on_both_databases! {
    a_registration_s_own_password_uses_up_what_a_wrong_one_does,
    with_and_without_an_account_alike,
}

fn service(bed: &Bed) -> Mailing {
    bed.mailing_with(|config| {
        config.rate_limits = RateLimits::default();
        config.require_verified_email = true;
    })
}

fn a_registration_s_own_password_uses_up_what_a_wrong_one_does(bed: &Bed) {
    let owner = bed.service().register(ADA).user;
    let service = service(bed);
    bed.execute("UPDATE users SET password_hash = NULL");
    service.register_pending(ADA).unwrap();
    for number in 0..10 {
        assert_eq!(service.log_in_from(&at(number), ADA, PASSWORD), Said::Yes, "a challenge");
    }
    let later = Said::Later("login_account", 90 * SECOND);
    assert_eq!(service.log_in_from(&at(20), ADA, PASSWORD), later);
    let failures = bed.count("authenticator_failures", "count = 10");
    assert_eq!((failures, bed.count_events(owner, "login.failed")), (1, 10));
}

fn with_and_without_an_account_alike(bed: &Bed) {
    let service = service(bed);
    service.register_pending(ADA).unwrap();
    for _ in 0..5 {
        assert_eq!(service.log_in_from(&at(1), ADA, PASSWORD), Said::Yes, "a challenge");
    }
    assert_eq!(service.log_in_from(&at(1), ADA, PASSWORD), Said::Later("login", 180 * SECOND));
    for number in 2..7 {
        assert_eq!(service.log_in_from(&at(number), ADA, WRONG), NO);
    }
    assert_eq!(service.log_in_from(&at(9), ADA, PASSWORD), Said::Later("login_account", 90 * SECOND));
}
