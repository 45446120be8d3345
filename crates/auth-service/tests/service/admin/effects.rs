//! What a change does to tokens that are about: at once, here and elsewhere.

use std::time::Duration;

use auth_core::{AccessTokenError, Role};
use auth_service::{AccountChange, ChallengeKind, LoginError};

use super::{ADA, KEEP, ROOT};
use crate::bed::{
    Account, Bed, Instance, NEW_PASSWORD, OTHER_PASSWORD, PASSWORD, challenge, on_both_databases, together, tokens,
};

on_both_databases! {
    a_new_role_refuses_older_access_tokens_and_a_refresh_brings_it,
    a_disabled_account_is_out_at_once_and_comes_back_without_its_sessions,
    only_the_right_password_is_told_that_the_account_is_disabled,
    half_done_sign_ins_and_links_of_a_disabled_account_end,
    a_demand_for_a_new_password_ends_sessions_and_is_due_at_the_next_sign_in,
    premium_is_known_at_once_and_refuses_nothing,
    what_a_user_is_called_is_what_they_sign_in_with,
    an_address_that_counts_as_unverified_is_asked_for_where_it_must_be,
    no_session_outlives_the_switching_off_that_it_races_with,
}

fn elsewhere(bed: &Bed) -> Instance {
    bed.second_service(Duration::ZERO)
}

fn role_of(service: &Instance, account: &Account) -> Role {
    service.claims(&account.access).role
}

/// REQ-42
fn a_new_role_refuses_older_access_tokens_and_a_refresh_brings_it(bed: &Bed) {
    let (service, other) = (bed.service(), elsewhere(bed));
    let (root, ada) = (service.administrator(bed, ROOT), service.register(ADA));
    let second = service.log_in(ADA);
    service.change_role(&root, ada.user, "admin").unwrap();
    other.sync();
    for instance in [&service, &other] {
        for old in [&ada, &second] {
            assert!(matches!(instance.verify(&old.access), Err(AccessTokenError::Expired)));
        }
    }
    let (ada, second) = (service.refreshed(&ada.refresh), other.refreshed(&second.refresh));
    assert_eq!((role_of(&service, &ada), role_of(&other, &second)), (Role::Admin, Role::Admin));
    service.change_user(&ada, second.user, AccountChange { display_name: Some(Some("A")), ..KEEP }).unwrap();
    service.change_role(&root, ada.user, "user").unwrap();
    assert!(matches!(service.verify(&ada.access), Err(AccessTokenError::Expired)));
    assert_eq!(role_of(&service, &service.refreshed(&ada.refresh)), Role::User);
}

/// REQ-44, T-22
fn a_disabled_account_is_out_at_once_and_comes_back_without_its_sessions(bed: &Bed) {
    let (service, other) = (bed.service(), elsewhere(bed));
    let (root, ada) = (service.administrator(bed, ROOT), service.register(ADA));
    let second = service.log_in(ADA);
    assert!(!service.switch(&root, ada.user, false).unwrap().is_active);
    other.sync();
    for instance in [&service, &other] {
        for old in [&ada, &second] {
            assert!(matches!(instance.verify(&old.access), Err(AccessTokenError::SessionRevoked)));
            assert!(instance.refresh(&old.refresh).is_err());
        }
    }
    assert_eq!(bed.count("devices", "user_id IN (SELECT id FROM users WHERE disabled_at IS NOT NULL)"), 0);
    assert!(service.switch(&root, ada.user, true).unwrap().is_active);
    for old in [&ada, &second] {
        assert!(service.is_over(old), "nothing is revived");
    }
    assert!(service.is_live(&service.log_in(ADA)));
    assert!(service.is_live(&root));
}

/// L-22
fn only_the_right_password_is_told_that_the_account_is_disabled(bed: &Bed) {
    let service = bed.service();
    let (root, ada) = (service.administrator(bed, ROOT), service.register(ADA));
    service.switch(&root, ada.user, false).unwrap();
    assert!(matches!(service.begin_log_in(ADA, PASSWORD), Err(LoginError::AccountDisabled)));
    assert!(matches!(service.begin_log_in(ADA, OTHER_PASSWORD), Err(LoginError::InvalidCredentials)));
}

fn half_done_sign_ins_and_links_of_a_disabled_account_end(bed: &Bed) {
    let service = bed.mailing();
    let root = service.administrator(bed, ROOT);
    let protected = service.protected(ADA);
    service.mails();
    let reset = service.reset_token(ADA);
    let half_done = service.asked_for_code(ADA);
    service.switch(&root, protected.user(), false).unwrap();
    assert!(service.reset(&reset, NEW_PASSWORD).is_err());
    service.forgot(ADA).unwrap();
    assert!(service.mails().iter().all(|mail| mail.purpose != "reset-password"), "none is sent either");
    service.switch(&root, protected.user(), true).unwrap();
    assert!(service.answer_totp(&half_done, &protected.app.next(&service)).is_err());
    assert!(service.reset(&reset, NEW_PASSWORD).is_err(), "nothing is revived");
}

/// REQ-07
fn a_demand_for_a_new_password_ends_sessions_and_is_due_at_the_next_sign_in(bed: &Bed) {
    let (service, other) = (bed.service(), elsewhere(bed));
    let (root, ada) = (service.administrator(bed, ROOT), service.register(ADA));
    service.change_user(&root, ada.user, AccountChange { password_must_change: Some(true), ..KEEP }).unwrap();
    other.sync();
    assert!(service.is_over(&ada) && other.is_over(&ada));
    let due = challenge(service.begin_log_in(ADA, PASSWORD).unwrap(), ChallengeKind::ChangePassword);
    assert!(service.answer_password(&due, PASSWORD).is_err());
    assert!(!tokens(service.answer_password(&due, NEW_PASSWORD).unwrap()).user.password_must_change);
    service.change_user(&root, ada.user, AccountChange { password_must_change: Some(true), ..KEEP }).unwrap();
    service.change_user(&root, ada.user, AccountChange { password_must_change: Some(false), ..KEEP }).unwrap();
    assert!(service.is_live(&Instance::account(&service.try_log_in(ADA, NEW_PASSWORD).unwrap())));
}

/// REQ-41
fn premium_is_known_at_once_and_refuses_nothing(bed: &Bed) {
    let (service, other) = (bed.service(), elsewhere(bed));
    let (root, ada) = (service.administrator(bed, ROOT), service.register(ADA));
    let is_premium = |instance: &Instance| instance.service.access_tokens().is_premium(&instance.claims(&ada.access));
    assert!(!is_premium(&service) && !is_premium(&other));
    let until = |until| AccountChange { premium_until: Some(until), ..KEEP };
    let user = service.change_user(&root, ada.user, until(Some("2026-03-01T13:00:00Z"))).unwrap();
    assert!(user.is_premium);
    other.sync();
    assert!(is_premium(&service) && is_premium(&other), "by the token of before");
    let refreshed = service.refreshed(&ada.refresh);
    assert_eq!(service.claims(&refreshed.access).premium_until, user.premium_until);
    service.change_user(&root, ada.user, until(None)).unwrap();
    other.sync();
    for instance in [&service, &other] {
        assert!(!is_premium(instance));
        assert!(!instance.service.access_tokens().is_premium(&instance.claims(&refreshed.access)), "and of since");
    }
    service.change_user(&root, ada.user, until(Some("2026-02-01T00:00:00Z"))).unwrap();
    assert!(!is_premium(&service), "it may be over already");
    assert!(service.is_live(&refreshed));
}

fn what_a_user_is_called_is_what_they_sign_in_with(bed: &Bed) {
    let service = bed.service();
    let (root, ada) = (service.administrator(bed, ROOT), service.register_named(ADA, "analyst"));
    let change = AccountChange { username: Some(Some("Lovelace")), ..KEEP };
    service.change_user(&root, ada.user, change).unwrap();
    assert!(service.try_log_in("lovelace", PASSWORD).is_ok() && service.try_log_in("analyst", PASSWORD).is_err());
    service.change_user(&root, ada.user, AccountChange { username: Some(None), ..KEEP }).unwrap();
    assert!(service.try_log_in("lovelace", PASSWORD).is_err());
    assert!(service.is_live(&ada));
}

fn an_address_that_counts_as_unverified_is_asked_for_where_it_must_be(bed: &Bed) {
    let root = bed.service().administrator(bed, ROOT);
    let service = bed.mailing_with(|config| config.require_verified_email = true);
    let ada = bed.service().register(ADA);
    challenge(service.begin_log_in(ADA, PASSWORD).unwrap(), ChallengeKind::VerifyEmail);
    let verified = |verified| AccountChange { email_verified: Some(verified), ..KEEP };
    service.change_user(&root, ada.user, verified(true)).unwrap();
    assert!(service.try_log_in(ADA, PASSWORD).unwrap().user.email_verified);
    service.change_user(&root, ada.user, verified(false)).unwrap();
    challenge(service.begin_log_in(ADA, PASSWORD).unwrap(), ChallengeKind::VerifyEmail);
}

/// REQ-44: whichever comes first, nobody is in afterwards.
fn no_session_outlives_the_switching_off_that_it_races_with(bed: &Bed) {
    let services = [bed.service(), elsewhere(bed)];
    let root = services[0].administrator(bed, ROOT);
    for round in 0..4 {
        let email = format!("ada-{round}@example.org");
        let ada = services[0].register(&email);
        let results = together(3, |nth| match nth {
            0 => services[0].switch(&root, ada.user, false).map(drop).map_err(|error| error.to_string()),
            1 => services[1].try_log_in(&email, PASSWORD).map(drop).map_err(|error| error.to_string()),
            _ => services[1].refresh(&ada.refresh).map(drop).map_err(|error| error.to_string()),
        });
        assert!(results[0].is_ok(), "{results:?}");
        let theirs = format!("user_id = (SELECT id FROM users WHERE email = '{email}') AND revoked_at IS NULL");
        assert_eq!(bed.count("sessions", &theirs), 0, "{results:?}");
    }
}
