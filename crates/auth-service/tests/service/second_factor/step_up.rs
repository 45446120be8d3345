//! Proving again who is there (`POST /auth/reauth`; ASVS 7.5.1, R-16): for ten minutes, for this session alone.

use std::time::Duration;

use auth_service::{AccountError, FreshProof};

use super::{ADA, Protected, by_code, by_password, is_wrong_proof};
use crate::bed::{Account, Bed, Instance, NEW_PASSWORD, PASSWORD, block_on, browser, faults, on_both_databases};

on_both_databases! {
    a_password_makes_a_session_fresh_for_ten_minutes,
    a_code_makes_a_session_fresh_for_ten_minutes,
    a_wrong_proof_leaves_it_stale_and_makes_no_fresh_one_stale,
    without_a_proof_it_is_refused,
    one_session_s_proof_is_no_other_s,
    the_session_stays_what_it_was,
    what_was_shown_is_told_from_then_on,
    a_session_that_is_over_is_not_made_fresh,
}

const MICRO: Duration = Duration::from_micros(1);
const TEN_MINUTES: Duration = Duration::from_mins(10);

/// The calls that are content with a fresh session, as the contract lists them.
fn is_fresh(service: &Instance, account: &Account) -> bool {
    let claims = service.claims(&account.access);
    let email = service.ask_for_address_with(account, "new@example.org", FreshProof::default());
    let begin = block_on(service.service.begin_totp(&claims, &browser()));
    match (&email, &begin) {
        (Err(AccountError::ReauthRequired), Err(AccountError::ReauthRequired)) => {
            let delete = service.delete_with(account, FreshProof::default());
            assert!(matches!(delete, Err(AccountError::ReauthRequired)), "{delete:?}");
            false
        }
        (Ok(()), Ok(_) | Err(AccountError::MfaAlreadyEnabled)) => true,
        other => panic!("{other:?}"),
    }
}

/// The account with tokens that are good after the time that has passed.
fn stale(service: &Instance, account: &Account) -> Account {
    service.clock.advance(TEN_MINUTES);
    let account = service.refreshed(&account.refresh);
    assert!(!is_fresh(service, &account));
    account
}

fn assert_fresh_for_ten_minutes(service: &Instance, account: &Account) {
    assert!(is_fresh(service, account));
    service.clock.advance(TEN_MINUTES.checked_sub(MICRO).unwrap());
    assert!(is_fresh(service, &service.refreshed(&account.refresh)));
    service.clock.advance(MICRO);
    assert!(!is_fresh(service, &service.refreshed(&account.refresh)), "to the microsecond");
}

fn a_password_makes_a_session_fresh_for_ten_minutes(bed: &Bed) {
    let service = bed.service();
    let ada = stale(&service, &service.register(ADA));
    service.reauthenticate(&ada, by_password(PASSWORD)).unwrap();
    assert_fresh_for_ten_minutes(&service, &ada);
}

fn a_code_makes_a_session_fresh_for_ten_minutes(bed: &Bed) {
    let service = bed.service();
    let Protected { account, app, backup_codes } = service.protected(ADA);
    let ada = stale(&service, &account);
    service.reauthenticate(&ada, by_code(&app.code(&service, 0))).unwrap();
    assert_fresh_for_ten_minutes(&service, &ada);
    let ada = service.refreshed(&ada.refresh);
    service.reauthenticate(&ada, by_code(&backup_codes[0])).unwrap();
    assert_fresh_for_ten_minutes(&service, &ada);
    let ada = service.refreshed(&ada.refresh);
    let both = FreshProof { password: Some(PASSWORD), code: Some(&backup_codes[1]) };
    service.reauthenticate(&ada, both).unwrap();
    assert!(is_fresh(&service, &ada));
}

/// The contract: "a wrong one in the body is 401 however fresh the sign-in is".
fn a_wrong_proof_leaves_it_stale_and_makes_no_fresh_one_stale(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    let wrong_ones = |account: &Account| {
        let (fresh, wrong) = (is_fresh(&service, account), ada.app.wrong(&service));
        let password = service.reauthenticate(account, by_password(NEW_PASSWORD));
        assert!(matches!(password, Err(AccountError::InvalidCredentials)), "{password:?}");
        assert!(is_wrong_proof(&service.reauthenticate(account, by_code(&wrong))));
        let both = FreshProof { password: Some(PASSWORD), code: Some(&wrong) };
        assert!(is_wrong_proof(&service.reauthenticate(account, both)));
        let asked = service.ask_for_address_with(account, "new@example.org", by_password(NEW_PASSWORD));
        assert!(matches!(asked, Err(AccountError::InvalidCredentials)), "{asked:?}");
        assert_eq!(is_fresh(&service, account), fresh);
        fresh
    };
    assert!(wrong_ones(&ada.account));
    assert!(!wrong_ones(&stale(&service, &ada.account)));
    assert_eq!(bed.wrong_codes(ada.user()), 4);
}

fn without_a_proof_it_is_refused(bed: &Bed) {
    let service = bed.service();
    let ada = service.register(ADA);
    match service.reauthenticate(&ada, FreshProof::default()) {
        Err(AccountError::Invalid(errors)) => assert_eq!(faults(&errors), [("password", "required")]),
        other => panic!("{other:?}"),
    }
    let stale = stale(&service, &ada);
    assert!(service.reauthenticate(&stale, FreshProof::default()).is_err());
    assert!(!is_fresh(&service, &stale));
}

fn one_session_s_proof_is_no_other_s(bed: &Bed) {
    let service = bed.service();
    let (one, other) = (service.register(ADA), service.log_in(ADA));
    let (one, other) = (stale(&service, &one), service.refreshed(&other.refresh));
    service.reauthenticate(&one, by_password(PASSWORD)).unwrap();
    assert!(is_fresh(&service, &one) && !is_fresh(&service, &other));
    assert!(!is_fresh(&service, &service.refreshed(&other.refresh)));
}

/// 204: no new session, no new tokens, no mail.
fn the_session_stays_what_it_was(bed: &Bed) {
    let service = bed.service();
    let ada = stale(&service, &service.register(ADA));
    let (rows, user) = (bed.row_counts(), bed.user(ada.user));
    let before = bed.session(ada.session);
    service.reauthenticate(&ada, by_password(PASSWORD)).unwrap();
    let after = bed.session(ada.session);
    assert_eq!((bed.row_counts(), bed.user(ada.user)), (rows, user));
    assert_eq!(after.auth_methods, before.auth_methods);
    assert_eq!(
        (after.generation, after.expires_at, after.created_at),
        (before.generation, before.expires_at, before.created_at)
    );
    assert_eq!(after.authenticated_at, before.authenticated_at.plus(TEN_MINUTES));
    assert!(service.is_live(&ada));
}

/// `amr` and `auth_time`.
fn what_was_shown_is_told_from_then_on(bed: &Bed) {
    use auth_core::Clock as _;
    let service = bed.service_with(|config| config.mfa_ends_other_sessions = false);
    let mut other = service.register(ADA);
    let ada = service.protect(service.log_in(ADA));
    for (shown, amr) in [
        ("password", &["pwd"][..]),
        ("backup code", &["pwd", "mfa"]),
        ("app", &["pwd", "mfa", "otp"]),
        ("password", &["pwd", "mfa", "otp"]),
    ] {
        bed.clock().advance(Duration::from_mins(2));
        other = service.refreshed(&other.refresh);
        let code = ada.app.code(&service, 0);
        let proof = match shown {
            "password" => by_password(PASSWORD),
            "app" => by_code(&code),
            _ => by_code(&ada.backup_codes[0]),
        };
        service.reauthenticate(&other, proof).unwrap();
        bed.clock().advance(Duration::from_mins(1));
        other = service.refreshed(&other.refresh);
        let claims = service.claims(&other.access);
        assert_eq!(claims.amr, amr, "{shown}");
        assert_eq!(claims.auth_time.as_seconds() + 60, bed.clock().now().as_seconds());
    }
}

fn a_session_that_is_over_is_not_made_fresh(bed: &Bed) {
    let service = bed.service();
    let ada = service.register(ADA);
    let claims = service.claims(&ada.access);
    let before = bed.session(ada.session).authenticated_at;
    bed.clock().advance(Duration::from_mins(1));
    block_on(service.service.log_out(ada.user, ada.session, &browser())).unwrap();
    // As an instance has it that has not heard of the log-out yet.
    let _ = block_on(service.service.reauthenticate(&claims, by_password(PASSWORD), &browser()));
    assert_eq!(bed.session(ada.session).authenticated_at, before);
    assert!(service.is_over(&ada));
}
