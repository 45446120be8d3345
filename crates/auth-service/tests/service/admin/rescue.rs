//! Helping users in again, and putting strangers out.

use std::time::Duration;

use auth_core::ErrorCode;
use auth_persistence::authenticator_failure::Authenticator;

use super::{ADA, BOB, ROOT, refusal};
use crate::bed::{Bed, NEW_PASSWORD, PASSWORD, on_both_databases};

on_both_databases! {
    a_second_factor_is_taken_off_with_everything_that_it_let_in,
    a_disabled_factor_is_bound_anew_after_that,
    where_there_is_no_factor_nothing_happens,
    sessions_and_half_done_sign_ins_end,
    a_link_to_set_a_password_is_mailed_within_the_address_s_budget,
    a_disabled_user_gets_no_link,
}

/// REQ-42
fn a_second_factor_is_taken_off_with_everything_that_it_let_in(bed: &Bed) {
    let (service, other) = (bed.mailing(), bed.second_service(Duration::ZERO));
    let root = service.administrator(bed, ROOT);
    let protected = service.protected(ADA);
    let (ada, half_done) = (protected.user(), service.asked_for_code(ADA));
    bed.clock().advance(Duration::from_mins(2));
    service.mails();
    service.reset_factor_of(&root, ada).unwrap();
    other.sync();
    assert!(service.is_over(&protected.account) && other.is_over(&protected.account));
    assert!(service.answer_backup(&half_done, &protected.backup_codes[0]).is_err());
    assert_eq!((bed.count("totp_credentials", "true"), bed.count("backup_codes", "true")), (0, 0));
    assert!(!service.factor_of(ada).totp);
    service.log_in(ADA);
    let trail = bed.trail(ada);
    let row = trail.iter().find(|row| row.event == "admin.mfa_reset").unwrap();
    assert_eq!((row.user_id, row.actor_id), (Some(ada), Some(root.user)));
    assert_eq!(row.details, serde_json::json!({ "sessions": 1 }));
    let mails = service.mails();
    let notice = mails.iter().find(|mail| mail.is("secure-account", ADA)).unwrap();
    assert!(notice.mail.subject().contains("switched off"), "{notice:?}");
    let text = format!("{:?}", notice.mail);
    assert!(
        !text.contains("192.0.2.7") && !text.contains("Firefox"),
        "from where it was done is not the user's to know"
    );
}

/// NIST SP 800-63B-4, 3.2.2: too many wrong codes end with a new binding.
fn a_disabled_factor_is_bound_anew_after_that(bed: &Bed) {
    let service = bed.service();
    let root = service.administrator(bed, ROOT);
    let protected = service.protected(ADA);
    let user = protected.user();
    bed.execute("DELETE FROM authenticator_failures");
    bed.execute(
        "INSERT INTO authenticator_failures (user_id, authenticator, lane, count)
         SELECT id, 'second_factor', 'any', 100 FROM users WHERE email = 'ada@example.org'",
    );
    assert!(service.sign_in_with(ADA, &protected.app.next(&service)).is_err());
    service.reset_factor_of(&root, user).unwrap();
    assert_eq!(bed.failures_of(user, Authenticator::SecondFactor), 0);
    let again = service.protect(service.log_in(ADA));
    assert!(service.sign_in_with(ADA, &again.app.next(&service)).is_ok());
}

fn where_there_is_no_factor_nothing_happens(bed: &Bed) {
    let service = bed.service();
    let (root, ada) = (service.administrator(bed, ROOT), service.register(ADA));
    let before = (bed.user(ada.user), bed.trail(ada.user), bed.mails(ada.user).len());
    service.reset_factor_of(&root, ada.user).unwrap();
    assert_eq!((bed.user(ada.user), bed.trail(ada.user), bed.mails(ada.user).len()), before);
    assert!(service.is_live(&ada));
}

/// REQ-42
fn sessions_and_half_done_sign_ins_end(bed: &Bed) {
    let (service, other) = (bed.service(), bed.second_service(Duration::ZERO));
    let (root, bob) = (service.administrator(bed, ROOT), service.register(BOB));
    let protected = service.protected(ADA);
    let (ada, half_done) = (protected.user(), service.asked_for_code(ADA));
    service.revoke_sessions_of(&root, ada).unwrap();
    other.sync();
    assert!(service.is_over(&protected.account) && other.is_over(&protected.account));
    assert!(service.answer_backup(&half_done, &protected.backup_codes[0]).is_err());
    assert!(service.is_live(&bob) && service.is_live(&root));
    assert!(service.sign_in_with_backup(ADA, &protected.backup_codes[1]).is_ok(), "the factor stays");
    service.revoke_sessions_of(&root, bob.user).unwrap();
    service.revoke_sessions_of(&root, bob.user).unwrap();
    let counts: Vec<_> = bed.trail(bob.user).into_iter().filter(|row| row.event == "admin.sessions_revoked").collect();
    assert!(counts.iter().all(|row| row.actor_id == Some(root.user)));
    let mut counts: Vec<_> = counts.iter().map(|row| row.details["sessions"].as_u64()).collect();
    counts.sort_unstable();
    assert_eq!(counts, [Some(0), Some(1)]);
}

/// REQ-42, REQ-06
fn a_link_to_set_a_password_is_mailed_within_the_address_s_budget(bed: &Bed) {
    let service = bed.mailing();
    let (root, ada) = (service.administrator(bed, ROOT), service.register(ADA));
    service.mails();
    service.send_reset_to(&root, ada.user).unwrap();
    let token = service.token("reset-password");
    service.send_reset_to(&root, ada.user).unwrap();
    service.forgot(ADA).unwrap();
    assert!(service.mails().is_empty(), "another one within a minute is not sent");
    assert!(service.is_live(&ada), "nothing is changed by the mail");
    service.reset(&token, NEW_PASSWORD).unwrap();
    assert!(service.try_log_in(ADA, PASSWORD).is_err() && service.try_log_in(ADA, NEW_PASSWORD).is_ok());
    let trail = bed.trail(ada.user);
    // The one that Ada asked for has no actor; all are of one moment.
    let asked = trail.iter().filter(|row| row.event == "password.reset_requested" && row.actor_id == Some(root.user));
    assert_eq!(asked.count(), 2);
}

fn a_disabled_user_gets_no_link(bed: &Bed) {
    let service = bed.service();
    let (root, ada) = (service.administrator(bed, ROOT), service.register(ADA));
    service.switch(&root, ada.user, false).unwrap();
    assert_eq!(refusal(service.send_reset_to(&root, ada.user)), ErrorCode::UserDisabled);
    assert!(bed.mails(ada.user).iter().all(|mail| mail.template != "reset_password"));
}
