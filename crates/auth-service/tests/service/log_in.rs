//! Logging in (REQ-05).

use std::time::Duration;

use auth_core::ErrorCode;
use auth_core::password::Argon2Params;
use auth_service::{ChallengeKind, Client, LoginAttempt, LoginError, Step};
use diesel::connection::SimpleConnection;

use crate::bed::{Bed, Held, Instance, PASSWORD, Setup, block_on, on_both_databases, together, until};

on_both_databases! {
    the_address_and_the_username_sign_in_however_they_are_spelt,
    missing_fields_are_named,
    an_unknown_user_and_a_wrong_password_look_and_cost_the_same,
    a_password_counts_as_typed_but_for_its_normal_form,
    a_disabled_account_is_told_only_to_who_knows_the_password,
    a_password_that_must_be_changed_opens_no_session,
    a_password_changed_during_the_check_opens_no_session,
    an_account_disabled_during_the_check_opens_no_session,
    a_hash_of_other_parameters_is_made_anew_once,
    log_ins_at_once_that_renew_the_hash_all_succeed,
    a_renewed_hash_never_overwrites_a_new_password,
    a_user_has_as_many_sessions_as_allowed_and_the_oldest_end,
    a_log_in_is_noted_on_the_account,
    an_account_deleted_during_the_log_in_is_an_unknown_one,
}

/// REQ-05
fn the_address_and_the_username_sign_in_however_they_are_spelt(bed: &Bed) {
    let service = bed.service();
    let user = service.register_named("Ada@bücher.example", "Zoë_9").user;
    for identifier in ["Ada@bücher.example", "ADA@xn--bcher-kva.example", "Zoë_9", "ZOE\u{308}_9", "ｚoë_９"] {
        assert_eq!(service.log_in(identifier).user, user, "{identifier}");
    }
}

fn missing_fields_are_named(bed: &Bed) {
    let service = bed.service();
    let attempt = LoginAttempt { identifier: None, password: None, device_token: None };
    let Err(LoginError::Invalid(errors)) = block_on(service.service.log_in(attempt, &Client::default())) else {
        panic!("accepted")
    };
    let fields: Vec<_> = errors.iter().map(|error| (error.field, error.code)).collect();
    assert_eq!(fields, [("identifier", "required"), ("password", "required")]);
}

/// REQ-05: by answer, work and record.
fn an_unknown_user_and_a_wrong_password_look_and_cost_the_same(bed: &Bed) {
    let service = bed.service();
    let ada = service.register_named("ada@example.org", "analyst").user;
    let identifiers = ["ada@example.org", "analyst", "nobody@example.org", "nobody", "@", "", "not an address@"];
    for (number, identifier) in (1..).zip(identifiers) {
        let hashes = service.service.hash_pool().started_count();
        let error = service.try_log_in(identifier, "not the right password").unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidCredentials, "{identifier}");
        assert_eq!(service.service.hash_pool().started_count(), hashes + 1, "{identifier}");
        assert_eq!(bed.count("audit_events", "event = 'login.failed'"), number, "{identifier}");
    }
    assert_eq!(bed.count_events(ada, "login.failed"), 2);
    let details = bed.count("audit_events", "event = 'login.failed' AND details LIKE '%nobody%'");
    assert_eq!(details, 0, "what was typed may be a password");
}

/// ASVS 6.2.8; NFC is the one exception.
fn a_password_counts_as_typed_but_for_its_normal_form(bed: &Bed) {
    let service = bed.service();
    service.register("ada@example.org");
    for wrong in [PASSWORD.to_uppercase(), format!("{PASSWORD} "), format!(" {PASSWORD}"), format!("{PASSWORD}\0")] {
        assert!(matches!(service.try_log_in("ada@example.org", &wrong), Err(LoginError::InvalidCredentials)));
    }
    let composed = auth_service::Registration {
        email: Some("zoe@example.org"),
        password: Some("Zo\u{eb} walks to Thebes"),
        username: None,
        display_name: None,
    };
    block_on(service.service.register(composed, &Client::default())).unwrap();
    assert!(service.try_log_in("zoe@example.org", "Zoe\u{308} walks to Thebes").is_ok());
}

fn set(bed: &Bed, column: &str) {
    bed.execute(&update(column));
}

/// REQ-44
fn a_disabled_account_is_told_only_to_who_knows_the_password(bed: &Bed) {
    let service = bed.service();
    let ada = service.register("ada@example.org");
    set(bed, "disabled_at = created_at");
    assert!(matches!(service.try_log_in("ada@example.org", "wrong password"), Err(LoginError::InvalidCredentials)));
    assert!(matches!(service.try_log_in("ada@example.org", PASSWORD), Err(LoginError::AccountDisabled)));
    assert_eq!(bed.count_events(ada.user, "login.failed"), 2);
    assert!(service.refresh(&ada.refresh).is_err(), "an inactive user's tokens stop working");
    assert_eq!(bed.session(ada.session).generation, 1);
}

/// REQ-07
fn a_password_that_must_be_changed_opens_no_session(bed: &Bed) {
    let service = bed.service();
    let ada = service.register("ada@example.org");
    set(bed, "password_must_change = true");
    let Step::Challenge(challenge) = service.begin_log_in("ada@example.org", PASSWORD).unwrap() else { panic!() };
    assert_eq!((challenge.kind, challenge.expires_in), (ChallengeKind::ChangePassword, 300));
    assert!(service.refresh(&ada.refresh).is_err());
    assert_eq!(bed.count("sessions", "true"), 1);
}

/// A log-in checks the password while `change` is made and not yet committed; it goes on when it is.
fn during_a_change(bed: &Bed, service: &Instance, hashes: u64, change: String) -> Result<(), LoginError> {
    let change = Held::after(&bed.open_again(), move |conn| Ok(conn.batch_execute(&change)?));
    let hashes = service.service.hash_pool().started_count() + hashes;
    std::thread::scope(|scope| {
        let log_in = scope.spawn(|| service.try_log_in("ada@example.org", PASSWORD).map(drop));
        let pool = service.service.hash_pool();
        until(|| pool.started_count() == hashes && pool.busy() == 0);
        change.until_it_is_waited_for(bed);
        change.let_go();
        log_in.join().unwrap()
    })
}

fn update(column: &str) -> String {
    format!("UPDATE users SET {column} WHERE email_normalized = 'ada@example.org'")
}

/// What was proven before may have been undone since: old credentials don't survive a change of password.
fn a_password_changed_during_the_check_opens_no_session(bed: &Bed) {
    let service = bed.service();
    let ada = service.register("ada@example.org");
    let new = tampered(&hash_of(bed, ada.user));
    let refused = during_a_change(bed, &service, 1, update(&format!("password_hash = '{new}'")));
    assert!(matches!(refused, Err(LoginError::InvalidCredentials)), "{refused:?}");
    assert_eq!(bed.count_events(ada.user, "login.succeeded"), 0);
    assert_eq!(bed.count_events(ada.user, "login.failed"), 1);
    assert_eq!(bed.count("sessions", "true"), 1);
}

/// REQ-44
fn an_account_disabled_during_the_check_opens_no_session(bed: &Bed) {
    let service = bed.service();
    let ada = service.register("ada@example.org");
    let refused = during_a_change(bed, &service, 1, update("disabled_at = created_at"));
    assert!(matches!(refused, Err(LoginError::AccountDisabled)), "{refused:?}");
    assert_eq!((bed.count("sessions", "true"), bed.count_events(ada.user, "login.failed")), (1, 1));
}

/// The hash of another password: the last character but one of the tag is another.
fn tampered(hash: &str) -> String {
    let (kept, last) = hash.split_at(hash.len() - 2);
    let other = if last.starts_with('A') { 'B' } else { 'A' };
    format!("{kept}{other}{}", &last[1..])
}

fn hash_of(bed: &Bed, user: auth_core::UserId) -> String {
    bed.user(user).unwrap().password_hash.unwrap().into_inner()
}

/// REQ-01
fn a_hash_of_other_parameters_is_made_anew_once(bed: &Bed) {
    let ada = bed.service().register("ada@example.org").user;
    let stronger = Setup { hash_params: Argon2Params::new(16, 2, 1).unwrap(), ..bed.setup() }.start().unwrap();
    assert!(stronger.try_log_in("ada@example.org", "not the password").is_err());
    assert!(hash_of(bed, ada).contains("m=8,t=1,p=1"));
    for _ in 0..2 {
        stronger.log_in("ada@example.org");
        assert!(hash_of(bed, ada).contains("m=16,t=2,p=1"), "{}", hash_of(bed, ada));
        assert_eq!(bed.count_events(ada, "password.rehashed"), 1);
    }
}

/// REQ-01: compare and swap, and whoever comes second is let in all the same.
fn log_ins_at_once_that_renew_the_hash_all_succeed(bed: &Bed) {
    let ada = bed.service().register("ada@example.org").user;
    let stronger =
        || Setup { hash_params: Argon2Params::new(16, 2, 1).unwrap(), database: bed.open_again(), ..bed.setup() };
    let services = [stronger().start().unwrap(), stronger().start().unwrap()];
    let results = together(6, |number| services[number % 2].try_log_in("ada@example.org", PASSWORD).map(drop));
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(bed.count_events(ada, "password.rehashed"), 1);
    assert_eq!(bed.count_events(ada, "login.succeeded"), 6);
}

/// REQ-01
fn a_renewed_hash_never_overwrites_a_new_password(bed: &Bed) {
    let ada = bed.service().register("ada@example.org").user;
    let stronger = Setup { hash_params: Argon2Params::new(16, 2, 1).unwrap(), ..bed.setup() }.start().unwrap();
    let new = tampered(&hash_of(bed, ada));
    let refused = during_a_change(bed, &stronger, 2, update(&format!("password_hash = '{new}'")));
    assert!(matches!(refused, Err(LoginError::InvalidCredentials)), "{refused:?}");
    assert_eq!(hash_of(bed, ada), new);
    assert_eq!(bed.count_events(ada, "password.rehashed"), 0);
}

///
fn a_user_has_as_many_sessions_as_allowed_and_the_oldest_end(bed: &Bed) {
    let service = bed.service_with(|config| config.sessions_per_user = 3.try_into().unwrap());
    let mut all = vec![service.register("ada@example.org")];
    service.register("bob@example.org");
    for _ in 0..4 {
        bed.clock().advance(Duration::from_mins(1));
        all.push(service.log_in("ada@example.org"));
    }
    let (ended, live) = all.split_at(2);
    for account in ended {
        assert!(service.verify(&account.access).is_err() && service.refresh(&account.refresh).is_err());
        assert_eq!(bed.session(account.session).revoke_reason.as_deref(), Some("crowded"));
    }
    let listed = block_on(service.service.sessions(all[0].user, all[4].session)).unwrap();
    let newest_first: Vec<_> = live.iter().rev().map(|account| account.session).collect();
    assert_eq!(listed.iter().map(|session| session.id).collect::<Vec<_>>(), newest_first);
    assert_eq!(bed.count("sessions", "revoked_at IS NULL"), 4, "nobody else's sessions end");
}

/// REQ-44
fn a_log_in_is_noted_on_the_account(bed: &Bed) {
    use auth_core::Clock as _;
    let service = bed.service();
    let ada = service.register("ada@example.org").user;
    bed.clock().advance(Duration::from_hours(1));
    service.log_in("ada@example.org");
    assert_eq!(bed.user(ada).unwrap().last_login_at, Some(bed.clock().now()));
    assert_eq!(bed.count_events(ada, "login.succeeded"), 1);
}

/// The account is gone when the session is to be stored.
fn an_account_deleted_during_the_log_in_is_an_unknown_one(bed: &Bed) {
    let service = bed.service();
    service.register("ada@example.org");
    let deletion = "DELETE FROM users WHERE email_normalized = 'ada@example.org'".to_owned();
    let refused = during_a_change(bed, &service, 1, deletion);
    assert!(matches!(refused, Err(LoginError::InvalidCredentials)), "{refused:?}");
    assert_eq!(bed.count("sessions", "true"), 0);
}
