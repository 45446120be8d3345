//! Administrators whom the operator makes (REQ-08).

use std::time::Duration;

use auth_core::{Email, Role, Timestamp, UserId};
use auth_persistence::user::{self, NewUser};
use auth_service::{AdminError, AdminOutcome, ChallengeKind};

use crate::bed::{Bed, Held, Instance, NEW_PASSWORD, PASSWORD, block_on, on_both_databases, together, tokens, until};

on_both_databases! {
    the_first_admin_is_made_once,
    the_password_must_be_changed_at_the_first_sign_in,
    eight_instances_that_start_at_once_make_one,
    instances_with_different_settings_make_one_first_admin,
    an_admin_who_is_being_made_elsewhere_counts,
    a_refused_address_or_password_makes_nobody,
    an_account_that_is_there_is_not_promoted,
    the_command_makes_further_admins,
    a_disabled_admin_is_none,
}

const ADMIN: &str = "Admin@example.org";

fn first(service: &Instance, email: &str) -> AdminOutcome {
    block_on(service.service.ensure_first_admin(email, PASSWORD)).unwrap()
}

fn create(service: &Instance, email: &str) -> AdminOutcome {
    block_on(service.service.create_admin(email, PASSWORD)).unwrap()
}

/// Idempotent: each start asks.
fn the_first_admin_is_made_once(bed: &Bed) {
    let service = bed.mailing();
    assert_eq!(first(&service, ADMIN), AdminOutcome::Created);
    let hashes = service.service.hash_pool().started_count();
    let dump = bed.dump();
    for _ in 0..2 {
        assert_eq!(first(&service, "admin@EXAMPLE.org"), AdminOutcome::Exists);
        assert_eq!(first(&bed.service(), "other@example.org"), AdminOutcome::OthersExist);
        assert_eq!(block_on(service.service.ensure_first_admin(ADMIN, "short")).unwrap(), AdminOutcome::Exists);
    }
    assert_eq!(service.service.hash_pool().started_count(), hashes);
    assert_eq!(bed.dump(), dump);
    assert!(service.mails().is_empty());
    assert_eq!(bed.count("audit_events", "event = 'admin.user_created' AND actor_id IS NULL"), 1);
}

fn the_password_must_be_changed_at_the_first_sign_in(bed: &Bed) {
    // Also where addresses must be verified: the operator vouches for it.
    for strict in [false, true] {
        let service = bed.service_with(|config| config.require_verified_email = strict);
        let email = format!("admin-{strict}@example.org");
        assert_eq!(create(&service, &email), AdminOutcome::Created);
        let challenge = service.challenged(&email, PASSWORD, ChallengeKind::ChangePassword);
        let user = tokens(service.answer_password(&challenge, NEW_PASSWORD).unwrap()).user;
        assert_eq!((user.role, user.email_verified, user.password_must_change), (Role::Admin, true, false));
        assert_eq!(create(&service, &email), AdminOutcome::Exists);
        assert!(service.try_log_in(&email, PASSWORD).is_err(), "it is not set back");
        assert!(service.try_log_in(&email, NEW_PASSWORD).is_ok());
    }
}

fn eight_instances_that_start_at_once_make_one(bed: &Bed) {
    let services: Vec<_> = (0..8).map(|_| bed.second_service(Duration::ZERO)).collect();
    let outcomes = together(8, |number| first(&services[number], ADMIN));
    let made = outcomes.iter().filter(|outcome| **outcome == AdminOutcome::Created).count();
    let found = outcomes.iter().filter(|outcome| **outcome == AdminOutcome::Exists).count();
    assert_eq!((made, found), (1, 7), "{outcomes:?}");
    assert_eq!(bed.count("users", "true"), 1);
}

fn instances_with_different_settings_make_one_first_admin(bed: &Bed) {
    let services: Vec<_> = (0..8).map(|_| bed.second_service(Duration::ZERO)).collect();
    let outcomes = together(8, |number| first(&services[number], &format!("admin-{number}@example.org")));
    let made = outcomes.iter().filter(|outcome| **outcome == AdminOutcome::Created).count();
    let others = outcomes.iter().filter(|outcome| **outcome == AdminOutcome::OthersExist).count();
    assert_eq!((made, others), (1, 7), "{outcomes:?}");
    assert_eq!(bed.count("users", "role = 'admin'"), 1);
}

/// Neither sees the other's before it is committed.
fn an_admin_who_is_being_made_elsewhere_counts(bed: &Bed) {
    let service = bed.service();
    let elsewhere = Held::after(&bed.open_again(), |conn| {
        user::lock_admins(conn)?;
        user::insert(conn, &admin("other@example.org"))
    });
    let outcome = std::thread::scope(|scope| {
        let asked = scope.spawn(|| first(&service, ADMIN));
        until(|| service.service.hash_pool().started_count() == 1 && service.service.hash_pool().busy() == 0);
        elsewhere.until_it_is_waited_for(bed);
        elsewhere.let_go();
        asked.join().unwrap()
    });
    assert_eq!(outcome, AdminOutcome::OthersExist);
    assert_eq!(bed.count("users", "true"), 1);
}

fn admin(email: &str) -> NewUser {
    NewUser {
        id: UserId::from_uuid(uuid::Uuid::from_u128(7)),
        email: Some(Email::parse(email).unwrap()),
        email_verified_at: None,
        username: None,
        password_hash: None,
        display_name: None,
        avatar_url: None,
        role: Role::Admin,
        password_must_change: true,
        created_at: Timestamp::UNIX_EPOCH,
    }
}

fn a_refused_address_or_password_makes_nobody(bed: &Bed) {
    let service = bed.service();
    for (email, password, field, code) in [
        ("admin", PASSWORD, "email", "invalid_email"),
        ("", PASSWORD, "email", "invalid_email"),
        (ADMIN, "short", "password", "weak_password"),
        (ADMIN, "", "password", "weak_password"),
        (ADMIN, "admin@example.org", "password", "weak_password"),
    ] {
        for refused in [
            block_on(service.service.ensure_first_admin(email, password)),
            block_on(service.service.create_admin(email, password)),
        ] {
            let Err(AdminError::Invalid(error)) = refused else { panic!("{refused:?}") };
            assert_eq!((error.field, error.code), (field, code));
        }
    }
    assert_eq!(bed.count("users", "true"), 0);
}

/// Whoever registered the address first, before the operator, gets nothing by it.
fn an_account_that_is_there_is_not_promoted(bed: &Bed) {
    let service = bed.service();
    let account = service.register(ADMIN);
    let before = bed.user(account.user);
    assert_eq!((first(&service, ADMIN), create(&service, ADMIN)), (AdminOutcome::NotAdmin, AdminOutcome::NotAdmin));
    assert_eq!(bed.user(account.user), before);
}

fn the_command_makes_further_admins(bed: &Bed) {
    let service = bed.service();
    assert_eq!(first(&service, ADMIN), AdminOutcome::Created);
    assert_eq!(create(&service, "second@example.org"), AdminOutcome::Created);
    assert_eq!(create(&service, "second@example.org"), AdminOutcome::Exists);
    assert_eq!(bed.count("users", "role = 'admin'"), 2);
}

fn a_disabled_admin_is_none(bed: &Bed) {
    let service = bed.service();
    assert_eq!(first(&service, ADMIN), AdminOutcome::Created);
    bed.execute("UPDATE users SET disabled_at = created_at");
    assert_eq!(first(&service, "second@example.org"), AdminOutcome::Created);
    assert_eq!(first(&service, ADMIN), AdminOutcome::Exists, "and stays disabled");
    assert_eq!(bed.count("users", "disabled_at IS NULL"), 1);
}
