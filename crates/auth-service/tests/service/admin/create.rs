//! Accounts that an administrator makes (Z-12: nobody but their owner ever has the password).

use std::time::Duration;

use auth_core::{ErrorCode, Role};
use auth_persistence::pending_registration;
use auth_service::{AccountError, AdministrationError, NewAccount, Step};

use super::{ADA, BOB, ROOT, account, refusal};
use crate::bed::{Bed, NEW_PASSWORD, OTHER_PASSWORD, PASSWORD, faults, on_both_databases, together, tokens};

on_both_databases! {
    its_owner_sets_the_password_by_the_mailed_link,
    everything_that_was_asked_for_is_there,
    a_link_of_72_hours_ends_and_another_can_be_asked_for,
    what_is_taken_is_told,
    an_address_that_may_be_taken_back_is_taken,
    what_somebody_registered_for_the_address_is_dropped,
    refused_fields_are_told,
    administrators_make_accounts_where_nobody_can_register,
    of_two_who_take_an_address_at_once_one_gets_it,
    the_mail_goes_out_however_short_ago_another_one_did,
}

/// Z-12, REQ-42
fn its_owner_sets_the_password_by_the_mailed_link(bed: &Bed) {
    let service = bed.mailing();
    let root = service.administrator(bed, ROOT);
    service.mails();
    let made = service.create_user(&root, account("Ada@Example.org")).unwrap();
    assert_eq!((made.email.as_deref(), made.role), (Some("Ada@Example.org"), Role::User));
    assert!(!made.has_password && !made.email_verified && made.is_active && !made.password_must_change);
    for password in ["", PASSWORD, ADA] {
        assert!(service.begin_log_in(ADA, password).is_err());
    }
    let mail = service.one_mail();
    assert!(mail.is("activate", "Ada@example.org"), "{mail:?}");
    assert_eq!(bed.count("email_outbox", "payload LIKE '%ot_%'"), 0, "the link lies nowhere");
    service.reset(&mail.token, NEW_PASSWORD).unwrap();
    let ada = tokens(service.begin_log_in(ADA, NEW_PASSWORD).unwrap());
    assert!(ada.user.has_password && ada.user.email_verified);
    assert!(service.reset(&mail.token, OTHER_PASSWORD).is_err(), "it works once");
    let trail = bed.trail(made.id);
    let created = trail.iter().find(|row| row.event == "admin.user_created").unwrap();
    assert_eq!((created.user_id, created.actor_id), (Some(made.id), Some(root.user)));
    assert_eq!(created.ip.as_deref(), Some("192.0.2.7"));
    assert_eq!(created.details, serde_json::json!({ "role": "user", "premium_until": null }));
}

fn everything_that_was_asked_for_is_there(bed: &Bed) {
    let service = bed.service();
    let root = service.administrator(bed, ROOT);
    let new = NewAccount {
        email: Some(ADA),
        username: Some("Ada.L"),
        display_name: Some("Ada Lovelace"),
        role: Some("admin"),
        premium_until: Some("2027-01-01T00:00:00+01:00"),
    };
    let made = service.create_user(&root, new).unwrap();
    assert_eq!((made.username.as_deref(), made.display_name.as_deref()), (Some("Ada.L"), Some("Ada Lovelace")));
    assert_eq!((made.role, made.is_premium), (Role::Admin, true));
    assert_eq!(made.premium_until.unwrap().to_string(), "2026-12-31T23:00:00Z");
    assert_eq!(service.find_user(&root, made.id).unwrap(), made);
}

fn a_link_of_72_hours_ends_and_another_can_be_asked_for(bed: &Bed) {
    let service = bed.mailing();
    let root = service.administrator(bed, ROOT);
    service.mails();
    let made = service.create_user(&root, account(ADA)).unwrap();
    let token = service.token("activate");
    bed.clock().advance(Duration::from_hours(72));
    assert!(service.reset(&token, NEW_PASSWORD).is_err());
    let root = service.log_in(ROOT);
    service.mails();
    service.send_reset_to(&root, made.id).unwrap();
    service.reset(&service.token("reset-password"), NEW_PASSWORD).unwrap();
    assert!(service.try_log_in(ADA, NEW_PASSWORD).unwrap().user.email_verified);
}

fn what_is_taken_is_told(bed: &Bed) {
    let service = bed.service();
    let root = service.administrator(bed, ROOT);
    service.register_named(ADA, "analyst");
    assert_eq!(refusal(service.create_user(&root, account("ADA@example.org"))), ErrorCode::EmailTaken);
    let new = NewAccount { username: Some("Analyst"), ..account(BOB) };
    assert_eq!(refusal(service.create_user(&root, new)), ErrorCode::UsernameTaken);
    assert_eq!((bed.count("users", "true"), bed.count("email_outbox", "template = 'activate'")), (2, 0));
    assert_eq!(bed.count("audit_events", "event = 'admin.user_created'"), 0);
}

/// REQ-09: until the change can't be undone any more.
fn an_address_that_may_be_taken_back_is_taken(bed: &Bed) {
    let service = bed.mailing();
    let root = service.administrator(bed, ROOT);
    service.mails();
    let ada = service.verified(ADA);
    service.ask_for_address(&ada, "new@example.org").unwrap();
    service.confirm_address(&service.token("change-email")).unwrap();
    assert_eq!(refusal(service.create_user(&root, account(ADA))), ErrorCode::EmailTaken);
    bed.clock().advance(Duration::from_hours(7 * 24));
    let root = service.log_in(ROOT);
    service.create_user(&root, account(ADA)).unwrap();
}

/// Whoever registered it has not shown that it is theirs.
fn what_somebody_registered_for_the_address_is_dropped(bed: &Bed) {
    let root = bed.service().administrator(bed, ROOT);
    let service = bed.mailing_with(|config| config.require_verified_email = true);
    service.mails();
    service.register_pending(ADA).unwrap();
    let link = service.token("verify-email");
    let made = service.create_user(&root, account(ADA)).unwrap();
    assert!(
        bed.read(|conn| pending_registration::find_by_email(conn, ADA, auth_core::Timestamp::UNIX_EPOCH)).is_none()
    );
    assert!(service.verify_by_password(&link, PASSWORD).is_err());
    assert!(service.begin_log_in(ADA, PASSWORD).is_err());
    service.reset(&service.token("activate"), NEW_PASSWORD).unwrap();
    let step = service.begin_log_in(ADA, NEW_PASSWORD).unwrap();
    assert!(matches!(step, Step::Authenticated(tokens) if tokens.user.id == made.id));
}

fn refused_fields_are_told(bed: &Bed) {
    let service = bed.service();
    let root = service.administrator(bed, ROOT);
    let refused = |new: NewAccount<'_>| match service.create_user(&root, new) {
        Err(AdministrationError::Account(AccountError::Invalid(errors))) => faults(&errors),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(NewAccount::default()), [("email", "required")]);
    let all = NewAccount {
        email: Some("ada"),
        username: Some("admin"),
        display_name: Some(" "),
        role: Some("root"),
        premium_until: Some("tomorrow"),
    };
    assert_eq!(
        refused(all),
        [
            ("email", "invalid_email"),
            ("username", "invalid_username"),
            ("display_name", "invalid_display_name"),
            ("role", "invalid_role"),
            ("premium_until", "invalid_premium_until"),
        ]
    );
    for until in ["", "2027", "2027-02-30T00:00:00Z", "2027-01-01T00:00:00", "1798761600"] {
        assert_eq!(
            refused(NewAccount { premium_until: Some(until), ..account(ADA) }),
            [("premium_until", "invalid_premium_until")]
        );
    }
    assert_eq!(bed.count("users", "true"), 1);
}

fn administrators_make_accounts_where_nobody_can_register(bed: &Bed) {
    let root = bed.service().administrator(bed, ROOT);
    let closed = bed.service_with(|config| config.registration_open = false);
    assert!(closed.try_register(BOB, None).is_err());
    closed.create_user(&root, account(ADA)).unwrap();
}

fn of_two_who_take_an_address_at_once_one_gets_it(bed: &Bed) {
    let services = [bed.service(), bed.second_service(Duration::ZERO)];
    let root = services[0].administrator(bed, ROOT);
    for round in 0..4 {
        let email = format!("ada-{round}@example.org");
        let results = together(3, |nth| match nth {
            0 => services[0].create_user(&root, account(&email)).map(drop).map_err(|error| error.code()),
            1 => services[1].create_user(&root, account(&email)).map(drop).map_err(|error| error.code()),
            _ => services[1].try_register(&email, None).map(drop).map_err(|error| error.code()),
        });
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        assert!(
            results.iter().filter_map(|result| result.err()).all(|code| code == ErrorCode::EmailTaken),
            "{results:?}"
        );
    }
}

fn the_mail_goes_out_however_short_ago_another_one_did(bed: &Bed) {
    let service = bed.mailing();
    let root = service.administrator(bed, ROOT);
    service.mails();
    let made = service.create_user(&root, account(ADA)).unwrap();
    let old = service.token("activate");
    service.delete_user(&root, made.id).unwrap();
    service.create_user(&root, account(ADA)).unwrap();
    let new = service.token("activate");
    assert!(service.reset(&old, NEW_PASSWORD).is_err(), "a link of the account that is gone");
    service.reset(&new, NEW_PASSWORD).unwrap();
}
