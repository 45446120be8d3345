//! Who may do it: administrators as the database has them now, who have shown lately who they are.

use std::time::Duration;

use auth_core::ErrorCode;
use auth_service::{FRESH_PROOF, FreshProof};
use uuid::Uuid;

use super::{ADA, BOB, CALLS, KEEP, NO_PROOF, ROOT, refusal};
use crate::bed::{Account, Bed, Held, Instance, PASSWORD, on_both_databases};
use crate::second_factor::by_password;

on_both_databases! {
    an_administrator_may_make_every_call,
    nobody_else_may_make_any,
    what_the_token_says_is_not_enough,
    a_session_that_has_ended_makes_no_call,
    a_change_wants_a_fresh_proof_and_a_look_does_not,
    a_password_in_the_body_is_a_fresh_proof,
    a_wrong_password_refuses_however_fresh_the_sign_in_is,
    an_unknown_user_is_not_found,
    who_is_demoted_while_a_change_waits_does_not_make_it,
}

fn an_administrator_may_make_every_call(bed: &Bed) {
    let service = bed.service();
    let (root, ada) = (service.administrator(bed, ROOT), service.register(ADA));
    for (name, _, call) in CALLS {
        call(&service, &root, ada.user).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// Z-05
fn nobody_else_may_make_any(bed: &Bed) {
    let service = bed.service();
    service.administrator(bed, ROOT);
    let (ada, bob) = (service.register(ADA), service.register(BOB));
    for (name, _, call) in CALLS {
        assert_eq!(refusal(call(&service, &ada, bob.user)), ErrorCode::Forbidden, "{name}");
        assert_eq!(refusal(call(&service, &ada, ada.user)), ErrorCode::Forbidden, "{name}");
    }
    assert_eq!(bed.count("users", "true"), 3);
    assert!(service.is_live(&bob));
}

/// Z-05: an instance that has not heard of it yet takes the token for good.
fn what_the_token_says_is_not_enough(bed: &Bed) {
    let service = bed.service();
    let (root, ada) = (service.administrator(bed, ROOT), service.register(ADA));
    let claims = service.claims(&root.access);
    bed.give_role(ROOT, "user");
    assert_eq!(claims.role, auth_core::Role::Admin);
    for (name, _, call) in CALLS {
        assert_eq!(refusal(call(&service, &root, ada.user)), ErrorCode::Forbidden, "{name}");
    }
    bed.give_role(ROOT, "admin");
    bed.execute(&format!("UPDATE users SET disabled_at = created_at WHERE email = '{ROOT}'"));
    for (name, _, call) in CALLS {
        assert_eq!(refusal(call(&service, &root, ada.user)), ErrorCode::AccountDisabled, "{name}");
    }
}

fn a_session_that_has_ended_makes_no_call(bed: &Bed) {
    let (service, other) = (bed.service(), bed.second_service(Duration::ZERO));
    let (root, ada) = (service.administrator(bed, ROOT), service.register(ADA));
    let again = service.log_in(ROOT);
    service.revoke_sessions_of(&again, root.user).unwrap();
    for (name, _, call) in CALLS {
        // The other instance has not read the news.
        assert_eq!(refusal(call(&other, &root, ada.user)), ErrorCode::SessionRevoked, "{name}");
    }
    assert_eq!(bed.count("users", "true"), 2);
}

/// Z-11
fn a_change_wants_a_fresh_proof_and_a_look_does_not(bed: &Bed) {
    let service = bed.service();
    let (root, ada) = (service.administrator(bed, ROOT), service.register(ADA));
    bed.clock().advance(FRESH_PROOF);
    let root = service.refreshed(&root.refresh);
    let before = (bed.user(ada.user), bed.trail(ada.user), bed.count("users", "true"));
    for (name, changes, call) in CALLS {
        let result = call(&service, &root, ada.user);
        if changes {
            assert_eq!(refusal(result), ErrorCode::ReauthRequired, "{name}");
        } else {
            result.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
    assert_eq!((bed.user(ada.user), bed.trail(ada.user), bed.count("users", "true")), before);
    service.reauthenticate(&root, by_password(PASSWORD)).unwrap();
    for (name, _, call) in CALLS {
        call(&service, &root, ada.user).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// Z-11
fn a_password_in_the_body_is_a_fresh_proof(bed: &Bed) {
    let service = bed.service();
    let (root, ada) = (service.administrator(bed, ROOT), service.register(ADA));
    bed.clock().advance(FRESH_PROOF);
    let root = service.refreshed(&root.refresh);
    assert_eq!(refusal(service.delete_user_with(&root, ada.user, NO_PROOF)), ErrorCode::ReauthRequired);
    service.delete_user_with(&root, ada.user, by_password(PASSWORD)).unwrap();
    assert_eq!(bed.user(ada.user), None);
}

fn a_wrong_password_refuses_however_fresh_the_sign_in_is(bed: &Bed) {
    let service = bed.service();
    let (root, ada) = (service.administrator(bed, ROOT), service.register(ADA));
    for (proof, code) in [
        (by_password("not the password"), ErrorCode::InvalidCredentials),
        (FreshProof { password: None, code: Some("123456") }, ErrorCode::InvalidCode),
    ] {
        assert_eq!(refusal(service.delete_user_with(&root, ada.user, proof)), code);
    }
    assert!(bed.user(ada.user).is_some());
}

/// Z-13
fn an_unknown_user_is_not_found(bed: &Bed) {
    let service = bed.service();
    let root = service.administrator(bed, ROOT);
    let nobody = auth_core::UserId::from_uuid(Uuid::from_u128(7));
    for (name, _, call) in CALLS {
        if !["find users", "read the trail", "create"].contains(&name) {
            assert_eq!(refusal(call(&service, &root, nobody)), ErrorCode::NotFound, "{name}");
        }
    }
}

/// The change waits for a demotion that began before, and is refused by it.
fn who_is_demoted_while_a_change_waits_does_not_make_it(bed: &Bed) {
    if !bed.is_postgres() {
        return; // One writer: nothing is committed while a change is made.
    }
    let service = bed.service();
    let (root, ada): (Account, Account) = (service.administrator(bed, ROOT), service.register(ADA));
    let id = root.user;
    let demotion = Held::after(&bed.open_again(), move |conn| {
        auth_persistence::user::lock(conn, id)?;
        auth_persistence::user::set_role(conn, id, auth_core::Role::User, auth_core::Timestamp::UNIX_EPOCH).map(drop)
    });
    let change = |service: &Instance| {
        service.change_user(&root, ada.user, auth_service::AccountChange { is_active: Some(false), ..KEEP })
    };
    let changed = std::thread::scope(|scope| {
        let changing = scope.spawn(|| change(&service));
        demotion.until_it_is_waited_for(bed);
        demotion.let_go();
        changing.join().unwrap()
    });
    assert_eq!(refusal(changed), ErrorCode::Forbidden);
    assert!(service.is_live(&ada));
}
