//! What a disabled password and a guess by a roundabout way cost and tell (NIST SP 800-63B-4, section 3.2.2; L-05, L-28).

use auth_core::password::Argon2Params;
use auth_persistence::authenticator_failure::{self, ANY_LANE, Authenticator};
use auth_service::{ChallengeKind, LoginError};

use crate::bed::{Bed, Held, OTHER_PASSWORD, PASSWORD, Setup, on_both_databases, until};

on_both_databases! {
    a_disabled_password_costs_the_same_where_addresses_must_be_verified,
    a_disabled_password_is_not_renewed,
    a_guess_by_a_registration_that_waits_is_counted,
    a_right_password_never_takes_the_hundredth_failure_back,
    an_account_without_a_password_has_none_that_is_switched_off,
}

const ADA: &str = "ada@example.org";

/// L-28: of the right one nothing can be told.
fn a_disabled_password_costs_the_same_where_addresses_must_be_verified(bed: &Bed) {
    bed.service().register(ADA);
    bed.set_failures(ADA, 100);
    let service = bed.service_with(|config| config.require_verified_email = true);
    let cost = |password| {
        let before = service.service.hash_pool().started_count();
        assert!(matches!(service.begin_log_in(ADA, password), Err(LoginError::InvalidCredentials)));
        service.service.hash_pool().started_count() - before
    };
    assert_eq!(cost("not the password"), 2);
    assert_eq!(cost(PASSWORD), 2);
}

/// L-28: its hash has other parameters than today's.
fn a_disabled_password_is_not_renewed(bed: &Bed) {
    let ada = bed.service().register(ADA);
    bed.set_failures(ADA, 100);
    let hash = bed.user(ada.user).unwrap().password_hash;
    let service = Setup { hash_params: Argon2Params::new(16, 2, 1).unwrap(), ..bed.setup() }.start().unwrap();
    let before = service.service.hash_pool().started_count();
    assert!(service.begin_log_in(ADA, PASSWORD).is_err());
    assert_eq!(service.service.hash_pool().started_count() - before, 1);
    assert_eq!(bed.user(ada.user).unwrap().password_hash, hash);
}

/// Or a registration of somebody's address would be a guess at their password that nobody counts.
fn a_guess_by_a_registration_that_waits_is_counted(bed: &Bed) {
    bed.service().register(ADA);
    bed.execute("UPDATE users SET email_verified_at = created_at");
    let service = bed.service_with(|config| config.require_verified_email = true);
    service.register_pending_with(ADA, OTHER_PASSWORD).unwrap();
    service.challenged(ADA, OTHER_PASSWORD, ChallengeKind::VerifyEmail);
    assert_eq!(bed.count("authenticator_failures", "count = 1"), 1);
}

/// It is committed while the right one is being looked at.
fn a_right_password_never_takes_the_hundredth_failure_back(bed: &Bed) {
    let service = bed.service();
    let ada = service.register(ADA).user;
    bed.set_failures(ADA, 99);
    let hundredth = Held::after(&bed.open_again(), move |conn| {
        authenticator_failure::add(conn, ada, Authenticator::Password, ANY_LANE).map(drop)
    });
    let hashes = service.service.hash_pool().started_count();
    let result = std::thread::scope(|scope| {
        let log_in = scope.spawn(|| service.try_log_in(ADA, PASSWORD).map(drop));
        until(|| service.service.hash_pool().started_count() > hashes && service.service.hash_pool().busy() == 0);
        hundredth.until_it_is_waited_for(bed);
        hundredth.let_go();
        log_in.join().unwrap()
    });
    assert!(matches!(result, Err(LoginError::InvalidCredentials)), "{result:?}");
    assert!(bed.count("authenticator_failures", "count >= 100") == 1);
}

/// It came by OAuth, or was locked by its owner.
fn an_account_without_a_password_has_none_that_is_switched_off(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.verified(ADA);
    bed.execute("UPDATE users SET password_hash = NULL");
    bed.set_failures(ADA, 99);
    assert!(service.begin_log_in(ADA, OTHER_PASSWORD).is_err());
    assert_eq!(bed.count_events(ada.user, "password.disabled"), 0);
    assert!(service.mails().is_empty());
}
