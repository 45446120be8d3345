//! What lies in the database (R-21, M-15): no secret of an app, no backup code, and nothing that works for another user.

use auth_core::UserId;
use auth_persistence::{DbError, totp_credential};

use super::{ADA, BOB, Protected, STEP, is_wrong};
use crate::bed::{Bed, Instance, PASSWORD, on_both_databases};

on_both_databases! {
    a_dump_holds_neither_a_secret_nor_a_backup_code,
    secrets_of_two_users_that_are_swapped_open_nothing,
    a_backup_code_s_hash_that_is_moved_to_another_user_opens_nothing,
    one_secret_is_sealed_differently_each_time,
    who_has_no_key_opens_no_secret,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// The forms in which a text may lie around: as it is, in small letters, without hyphens, in digits of its bytes.
fn forms(text: &str) -> Vec<String> {
    let bare = text.replace('-', "");
    let mut forms = vec![text.to_owned(), bare.clone(), hex(text.as_bytes()), hex(bare.as_bytes())];
    forms.extend(forms.clone().iter().map(|form| form.to_lowercase()));
    forms
}

fn a_dump_holds_neither_a_secret_nor_a_backup_code(bed: &Bed) {
    let service = bed.mailing();
    let account = service.register(ADA);
    let enrolment = service.begin_totp(&account).unwrap();
    let secret = enrolment.secret.expose();
    let app = super::App::with(secret);
    let pending = bed.dump();
    let backup_codes = service.confirm_totp(&account, &app.code(&service, 0)).unwrap();
    let ada = Protected { account, app, backup_codes };
    let confirmed = bed.dump();
    // What leaves traces: right and wrong codes, by sign-ins and calls, mails, the audit trail.
    let used = ada.app.next(&service);
    service.sign_in_with(ADA, &used).unwrap();
    assert!(is_wrong(&service.sign_in_with(ADA, &used)));
    service.sign_in_with_backup(ADA, &ada.backup_codes[0]).unwrap();
    assert!(is_wrong(&service.sign_in_with_backup(ADA, &ada.backup_codes[0])));
    let challenge = service.asked_for_code(ADA);
    service.mails();
    let new = service.new_backup_codes(&ada.account, super::by_code(&ada.backup_codes[1])).unwrap();
    let last = bed.dump();
    for dump in [&pending, &confirmed, &last] {
        let dump = dump.to_lowercase();
        assert!(dump.contains("totp_credentials: "), "the dump is one");
        for text in ada.backup_codes.iter().chain(&new).map(String::as_str).chain([secret, &challenge]) {
            for form in forms(text) {
                assert!(!dump.contains(&form.to_lowercase()), "{form}");
            }
        }
        assert!(!dump.contains(&hex(ada.app.0.as_bytes())), "the secret's bytes");
        assert!(!dump.contains("otpauth"));
    }
    assert_eq!(bed.count("backup_codes", "true"), 10);
}

fn sealed(bed: &Bed, user: UserId) -> Vec<u8> {
    bed.read(move |conn| totp_credential::find(conn, user)).unwrap().secret_sealed.into_inner()
}

/// Writes another sealed secret into the row of `user`, whose last step stays.
fn set_sealed(bed: &Bed, service: &Instance, user: UserId, sealed: Vec<u8>) {
    let row = bed.read(move |conn| totp_credential::find(conn, user)).unwrap();
    let (created, confirmed) = (row.created_at, row.confirmed_at.unwrap());
    let write = service.database.write_blocking(move |conn| {
        totp_credential::delete(conn, user)?;
        totp_credential::begin(conn, user, &sealed, created)?;
        let before = created.minus(STEP);
        totp_credential::confirm(conn, user, &sealed, before, row.last_step.unwrap(), confirmed)?;
        Ok::<_, DbError>(())
    });
    write.unwrap();
}

/// M-15: whoever can write to the database puts their own secret into another's row, and knows its codes.
fn secrets_of_two_users_that_are_swapped_open_nothing(bed: &Bed) {
    let service = bed.service();
    let (ada, bob) = (service.protected(ADA), service.protected(BOB));
    let (of_ada, of_bob) = (sealed(bed, ada.user()), sealed(bed, bob.user()));
    set_sealed(bed, &service, ada.user(), of_bob.clone());
    set_sealed(bed, &service, bob.user(), of_ada.clone());
    for email in [ADA, BOB] {
        for app in [&ada.app, &bob.app] {
            assert!(is_wrong(&service.sign_in_with(email, &app.next(&service))), "{email}");
        }
    }
    assert!(service.sign_in_with_backup(ADA, &ada.backup_codes[0]).is_ok(), "the way out stays open");
    set_sealed(bed, &service, ada.user(), of_ada);
    set_sealed(bed, &service, bob.user(), of_bob);
    assert!(service.sign_in_with(ADA, &ada.app.next(&service)).is_ok());
    assert!(service.sign_in_with(BOB, &bob.app.next(&service)).is_ok(), "it was the swap alone");
}

/// REQ-22
fn a_backup_code_s_hash_that_is_moved_to_another_user_opens_nothing(bed: &Bed) {
    let service = bed.service();
    let (ada, bob) = (service.protected(ADA), service.protected(BOB));
    bed.execute(&format!("DELETE FROM backup_codes WHERE user_id = (SELECT id FROM users WHERE email = '{ADA}')"));
    bed.execute(&format!("UPDATE backup_codes SET user_id = (SELECT id FROM users WHERE email = '{ADA}')"));
    assert_eq!(service.factor_of(ada.user()).backup_codes_left, 10);
    for code in ada.backup_codes.iter().chain(&bob.backup_codes) {
        assert!(is_wrong(&service.sign_in_with_backup(ADA, code)));
    }
}

fn one_secret_is_sealed_differently_each_time(bed: &Bed) {
    let service = bed.service();
    let account = service.register(ADA);
    service.enrol(&account);
    let first = sealed(bed, account.user);
    service.enrol(&account);
    let second = sealed(bed, account.user);
    assert!(first != second && first.len() == second.len() && first.len() > 20);
    for at in [0, first.len() / 2, first.len() - 1] {
        let app = service.enrol(&account);
        let mut flipped = sealed(bed, account.user);
        flipped[at] ^= 1;
        let user = account.user;
        let now = bed.session(account.session).created_at;
        let begin = service.database.write_blocking(move |conn| totp_credential::begin(conn, user, &flipped, now));
        assert!(begin.unwrap());
        assert!(service.confirm_totp(&account, &app.code(&service, 0)).is_err(), "byte {at}");
    }
}

/// REQ-62: a database without its key is worth nothing; with the key of before, everything goes on.
fn who_has_no_key_opens_no_secret(bed: &Bed) {
    use crate::bed::{OTHER_SECRET, SECRET, Setup};
    let ada = bed.service().protected(ADA);
    assert!(Setup { secret: OTHER_SECRET, ..bed.setup() }.start().is_err());
    let changed = Setup { secret: OTHER_SECRET, previous_secret: Some(SECRET), ..bed.setup() }.start().unwrap();
    assert!(changed.sign_in_with(ADA, &ada.app.next(&changed)).is_ok());
    assert!(changed.sign_in_with_backup(ADA, &ada.backup_codes[0]).is_ok());
    assert!(changed.try_log_in("nobody@example.org", PASSWORD).is_err());
}
