//! Deleting one's account (REQ-40).

use std::time::Duration;

use auth_core::UserId;
use auth_persistence::session::{self, NewSession};
use auth_persistence::{Hidden, revocation, user};
use auth_service::{AccountError, FRESH_PROOF, FreshProof};

use crate::bed::{Account, Bed, Held, Instance, PASSWORD, block_on, browser, on_both_databases, together};

on_both_databases! {
    a_recent_sign_in_is_proof_enough,
    after_ten_minutes_the_password_is_asked,
    a_wrong_password_or_a_code_refuses_however_fresh_the_sign_in_is,
    a_deleted_account_leaves_no_row_of_its_own,
    the_same_address_registers_again_as_somebody_else,
    the_last_admin_stays,
    of_two_admins_that_leave_at_once_one_stays,
    deleting_twice_finds_nobody,
    a_session_opened_while_its_account_is_deleted_ends_with_it,
}

fn delete(service: &Instance, account: &Account, proof: FreshProof<'_>) -> Result<(), AccountError> {
    let claims = service.claims(&account.access);
    block_on(service.service.delete_account(&claims, proof, &browser()))
}

const NO_PROOF: FreshProof<'_> = FreshProof { password: None, code: None };

fn a_recent_sign_in_is_proof_enough(bed: &Bed) {
    let service = bed.service();
    let account = service.register("ada@example.org");
    bed.clock().advance(FRESH_PROOF.saturating_sub(Duration::from_micros(1)));
    delete(&service, &account, NO_PROOF).unwrap();
    assert_eq!(bed.user(account.user), None);
}

/// A refresh is no sign-in.
fn after_ten_minutes_the_password_is_asked(bed: &Bed) {
    let service = bed.service();
    let account = service.register("ada@example.org");
    bed.clock().advance(FRESH_PROOF);
    let refreshed = service.refreshed(&account.refresh);
    assert!(matches!(delete(&service, &refreshed, NO_PROOF), Err(AccountError::ReauthRequired)));
    assert!(bed.user(account.user).is_some());
    delete(&service, &refreshed, FreshProof { password: Some(PASSWORD), code: None }).unwrap();
    assert_eq!(bed.user(account.user), None);
}

fn a_wrong_password_or_a_code_refuses_however_fresh_the_sign_in_is(bed: &Bed) {
    let service = bed.service();
    let account = service.register("ada@example.org");
    let hashes = service.service.hash_pool().started_count();
    let wrong = FreshProof { password: Some("not the password"), code: None };
    assert!(matches!(delete(&service, &account, wrong), Err(AccountError::InvalidCredentials)));
    assert_eq!(service.service.hash_pool().started_count(), hashes + 1);
    let long = "a".repeat(5000);
    for (proof, is_code) in [
        (FreshProof { password: Some(&long), code: None }, false),
        (FreshProof { password: None, code: Some("123456") }, true),
        (FreshProof { password: Some(PASSWORD), code: Some("123456") }, true),
    ] {
        let error = delete(&service, &account, proof).unwrap_err();
        let expected = if is_code { AccountError::InvalidCode } else { AccountError::InvalidCredentials };
        assert_eq!(error.code(), expected.code());
    }
    assert!(bed.user(account.user).is_some() && service.refresh(&account.refresh).is_ok());
}

/// REQ-40
fn a_deleted_account_leaves_no_row_of_its_own(bed: &Bed) {
    let service = bed.service();
    let account = service.register("ada@example.org");
    let second = service.log_in("ada@example.org");
    let other = service.register("bob@example.org");
    assert!(service.refresh(&bed.mint(account.session, 0)).is_err(), "queues a mail");
    let third = service.log_in("ada@example.org");
    delete(&service, &third, NO_PROOF).unwrap();
    assert_eq!(
        (bed.count("users", "true"), bed.count("sessions", "true"), bed.count("email_outbox", "true")),
        (1, 1, 1),
        "the other's are left"
    );
    for gone in [&account, &second, &third] {
        assert!(service.verify(&gone.access).is_err() && service.refresh(&gone.refresh).is_err());
    }
    assert!(service.verify(&other.access).is_ok());
    assert!(service.try_log_in("ada@example.org", PASSWORD).is_err());
}

fn the_same_address_registers_again_as_somebody_else(bed: &Bed) {
    let (service, other) = (bed.service(), bed.second_service(Duration::ZERO));
    let old = service.register_named("ada@example.org", "analyst");
    delete(&service, &old, NO_PROOF).unwrap();
    let new = service.register_named("ada@example.org", "analyst");
    other.sync();
    assert_ne!(old.user, new.user);
    for instance in [&service, &other] {
        assert!(instance.verify(&old.access).is_err() && instance.refresh(&old.refresh).is_err());
    }
    assert!(service.verify(&new.access).is_ok() && other.refresh(&new.refresh).is_ok());
    assert_eq!(bed.trail(new.user).len(), 1, "nothing of the old one's trail");
}

fn make_admin(bed: &Bed, user: UserId) {
    let email = bed.user(user).unwrap().email_normalized.unwrap();
    bed.execute(&format!("UPDATE users SET role = 'admin' WHERE email_normalized = '{email}'"));
}

fn the_last_admin_stays(bed: &Bed) {
    let service = bed.service();
    let (ada, bob) = (service.register("ada@example.org"), service.register("bob@example.org"));
    make_admin(bed, ada.user);
    assert!(matches!(delete(&service, &ada, NO_PROOF), Err(AccountError::LastAdmin)));
    assert!(service.refresh(&ada.refresh).is_ok(), "nothing was ended");
    make_admin(bed, bob.user);
    bed.execute("UPDATE users SET disabled_at = created_at WHERE email = 'bob@example.org'");
    assert!(matches!(delete(&service, &ada, NO_PROOF), Err(AccountError::LastAdmin)), "a disabled one is none");
    bed.execute("UPDATE users SET disabled_at = NULL");
    delete(&service, &ada, NO_PROOF).unwrap();
    assert!(matches!(delete(&service, &bob, NO_PROOF), Err(AccountError::LastAdmin)));
}

fn of_two_admins_that_leave_at_once_one_stays(bed: &Bed) {
    let services = [bed.service(), bed.second_service(Duration::ZERO)];
    for round in 0..4 {
        let admins = [0, 1].map(|nth| services[0].register(&format!("admin-{round}-{nth}@example.org")));
        bed.execute("UPDATE users SET role = 'user'");
        for admin in &admins {
            make_admin(bed, admin.user);
        }
        let results = together(2, |nth| delete(&services[nth], &admins[nth], NO_PROOF));
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        assert!(results.iter().any(|result| matches!(result, Err(AccountError::LastAdmin))), "{results:?}");
        assert_eq!(bed.count("users", "role = 'admin'"), 1);
    }
}

fn deleting_twice_finds_nobody(bed: &Bed) {
    let service = bed.service();
    let account = service.register("ada@example.org");
    let claims = service.claims(&account.access);
    let results = together(2, |_| block_on(service.service.delete_account(&claims, NO_PROOF, &browser())));
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert!(results.iter().any(|result| matches!(result, Err(AccountError::Gone))), "{results:?}");
    assert_eq!(bed.count_events(account.user, "account.deleted"), 1);
}

/// A log-in that began first is committed while the deletion waits: its access tokens must not live on.
fn a_session_opened_while_its_account_is_deleted_ends_with_it(bed: &Bed) {
    if !bed.is_postgres() {
        return; // One writer: nothing is committed during a deletion.
    }
    let service = bed.service();
    let account = service.register("ada@example.org");
    let second = uuid::Uuid::from_u128(7);
    let row = bed.session(account.session);
    let log_in = Held::after(&bed.open_again(), move |conn| {
        user::update_last_login(conn, row.user_id, row.created_at)?;
        session::insert(conn, &copy(&row, second))
    });
    let deleted = std::thread::scope(|scope| {
        let deletion = scope.spawn(|| delete(&service, &account, NO_PROOF));
        log_in.until_it_is_waited_for(bed);
        log_in.let_go();
        deletion.join().unwrap()
    });
    deleted.unwrap();
    assert_eq!(bed.count("sessions", "true"), 0);
    let news = bed.read(|conn| revocation::list_since(conn, auth_core::Timestamp::UNIX_EPOCH));
    let told: Vec<_> = news.iter().filter_map(|news| news.session_id).collect();
    assert!(told.contains(&account.session) && told.contains(&auth_core::SessionId::from_uuid(second)), "{told:?}");
}

fn copy(row: &session::Session, id: uuid::Uuid) -> NewSession {
    NewSession {
        id: auth_core::SessionId::from_uuid(id),
        user_id: row.user_id,
        generation: 1,
        salt: Hidden::new([7; 32]),
        created_at: row.created_at,
        expires_at: row.expires_at,
        ip: None,
        user_agent: None,
        auth_methods: "pwd".to_owned(),
    }
}
