//! Changing somebody's account: what is there afterwards, and what is on record.

use auth_core::{ErrorCode, Role};
use auth_service::{AccountChange, AccountError, AdministrationError};
use serde_json::json;

use super::{ADA, BOB, KEEP, ROOT, account, refusal};
use crate::bed::{Bed, faults, on_both_databases};

on_both_databases! {
    each_field_is_changed_and_on_record,
    nothing_is_changed_and_nothing_is_on_record,
    refused_fields_are_told_and_change_nothing,
    a_taken_username_changes_nothing,
    an_account_without_a_password_has_none_to_be_changed,
    an_account_without_an_address_has_none_to_be_verified,
    administrators_may_change_themselves,
}

/// REQ-42, REQ-51, Z-11: both actors, old and new; of personal fields only which.
fn each_field_is_changed_and_on_record(bed: &Bed) {
    let service = bed.service();
    let (root, ada) = (service.administrator(bed, ROOT), service.register(ADA).user);
    let until = "2026-12-31T23:00:00Z";
    let steps: [(AccountChange<'_>, serde_json::Value); 9] = [
        (AccountChange { role: Some("admin"), ..KEEP }, json!({ "role": { "from": "user", "to": "admin" } })),
        (AccountChange { is_active: Some(false), ..KEEP }, json!({ "is_active": { "from": true, "to": false } })),
        (AccountChange { is_active: Some(true), ..KEEP }, json!({ "is_active": { "from": false, "to": true } })),
        (
            AccountChange { premium_until: Some(Some(until)), ..KEEP },
            json!({ "premium_until": { "from": null, "to": until } }),
        ),
        (
            AccountChange { premium_until: Some(None), ..KEEP },
            json!({ "premium_until": { "from": until, "to": null } }),
        ),
        (
            AccountChange { password_must_change: Some(true), ..KEEP },
            json!({ "password_must_change": { "from": false, "to": true } }),
        ),
        (
            AccountChange { email_verified: Some(true), ..KEEP },
            json!({ "email_verified": { "from": false, "to": true } }),
        ),
        (
            AccountChange { email_verified: Some(false), ..KEEP },
            json!({ "email_verified": { "from": true, "to": false } }),
        ),
        (
            AccountChange {
                display_name: Some(Some("Ada L.")),
                username: Some(Some("ada")),
                role: Some("user"),
                ..KEEP
            },
            json!({ "fields": ["display_name", "username"], "role": { "from": "admin", "to": "user" } }),
        ),
    ];
    let mut known = bed.trail(ada).len();
    for (change, details) in steps {
        let changed = service.change_user(&root, ada, change).unwrap();
        assert_eq!(service.find_user(&root, ada).unwrap(), changed);
        let trail = bed.trail(ada);
        assert_eq!(trail.len(), known + 1, "{details}");
        known = trail.len();
        let row = trail.iter().find(|row| row.event == "admin.user_changed" && row.details == details);
        let row = row.unwrap_or_else(|| panic!("{details}: {trail:?}"));
        assert_eq!((row.user_id, row.actor_id, row.outcome.as_str()), (Some(ada), Some(root.user), "success"));
        assert_eq!((row.ip.as_deref(), row.request_id.as_deref()), (Some("192.0.2.7"), Some("request-1")));
    }
    let user = service.find_user(&root, ada).unwrap();
    assert_eq!(
        (user.display_name.as_deref(), user.username.as_deref(), user.role),
        (Some("Ada L."), Some("ada"), Role::User)
    );
    assert!(user.password_must_change && !user.email_verified && user.is_active);
}

fn nothing_is_changed_and_nothing_is_on_record(bed: &Bed) {
    let service = bed.service();
    let (root, ada) = (service.administrator(bed, ROOT), service.register(ADA));
    let before = (bed.user(ada.user), bed.trail(ada.user));
    bed.clock().advance(std::time::Duration::from_secs(1));
    let same = AccountChange {
        role: Some("user"),
        is_active: Some(true),
        premium_until: Some(None),
        password_must_change: Some(false),
        email_verified: Some(false),
        display_name: Some(None),
        username: Some(None),
    };
    for change in [KEEP, same] {
        service.change_user(&root, ada.user, change).unwrap();
        assert_eq!((bed.user(ada.user), bed.trail(ada.user)), before, "{change:?}");
    }
    assert!(service.is_live(&ada));
}

/// Z-15
fn refused_fields_are_told_and_change_nothing(bed: &Bed) {
    let service = bed.service();
    let (root, ada) = (service.administrator(bed, ROOT), service.register(ADA).user);
    let before = bed.user(ada);
    let refused = |change: AccountChange<'_>| match service.change_user(&root, ada, change) {
        Err(AdministrationError::Account(AccountError::Invalid(errors))) => faults(&errors),
        other => panic!("{other:?}"),
    };
    for role in ["", "Admin", "superuser", "admin ", "user,admin", &"x".repeat(60_000)] {
        assert_eq!(
            refused(AccountChange { role: Some(role), is_active: Some(false), ..KEEP }),
            [("role", "invalid_role")]
        );
    }
    let all = AccountChange {
        role: Some("root"),
        premium_until: Some(Some("soon")),
        display_name: Some(Some("")),
        username: Some(Some("root")),
        ..KEEP
    };
    assert_eq!(
        refused(all),
        [
            ("role", "invalid_role"),
            ("premium_until", "invalid_premium_until"),
            ("display_name", "invalid_display_name"),
            ("username", "invalid_username"),
        ]
    );
    assert_eq!(bed.user(ada), before);
}

fn a_taken_username_changes_nothing(bed: &Bed) {
    let service = bed.service();
    let (root, ada) = (service.administrator(bed, ROOT), service.register(ADA).user);
    service.register_named(BOB, "builder");
    let before = (bed.user(ada), bed.trail(ada));
    let change = AccountChange { username: Some(Some("BUILDER")), role: Some("admin"), ..KEEP };
    assert_eq!(refusal(service.change_user(&root, ada, change)), ErrorCode::UsernameTaken);
    assert_eq!((bed.user(ada), bed.trail(ada)), before);
}

fn an_account_without_a_password_has_none_to_be_changed(bed: &Bed) {
    let service = bed.service();
    let root = service.administrator(bed, ROOT);
    let made = service.create_user(&root, account(ADA)).unwrap();
    let demand = AccountChange { password_must_change: Some(true), ..KEEP };
    assert_eq!(refusal(service.change_user(&root, made.id, demand)), ErrorCode::NoPassword);
    assert!(!bed.user(made.id).unwrap().password_must_change);
}

fn an_account_without_an_address_has_none_to_be_verified(bed: &Bed) {
    let service = bed.service();
    let (root, ada) = (service.administrator(bed, ROOT), service.register(ADA).user);
    bed.execute("UPDATE users SET email = NULL, email_normalized = NULL WHERE email = 'ada@example.org'");
    match service.change_user(&root, ada, AccountChange { email_verified: Some(true), ..KEEP }) {
        Err(AdministrationError::Account(AccountError::Invalid(errors))) => {
            assert_eq!(faults(&errors), [("email_verified", "no_email")]);
        }
        other => panic!("{other:?}"),
    }
    service.change_user(&root, ada, AccountChange { email_verified: Some(false), ..KEEP }).unwrap();
    assert_eq!(refusal(service.send_reset_to(&root, ada)), ErrorCode::NoEmail);
}

fn administrators_may_change_themselves(bed: &Bed) {
    let service = bed.service();
    let (root, other) = (service.administrator(bed, ROOT), service.administrator(bed, BOB));
    service.change_user(&root, root.user, AccountChange { display_name: Some(Some("Root")), ..KEEP }).unwrap();
    let demoted = service.change_role(&root, root.user, "user").unwrap();
    assert_eq!(demoted.role, Role::User);
    assert!(service.verify(&root.access).is_err(), "at once");
    let root = service.refreshed(&root.refresh);
    assert_eq!(refusal(service.change_role(&root, root.user, "admin")), ErrorCode::Forbidden);
    assert_eq!(refusal(service.change_role(&other, other.user, "user")), ErrorCode::LastAdmin);
}
