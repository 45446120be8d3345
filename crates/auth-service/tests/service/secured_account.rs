//! The emergency exit in notices: `secure-account`.

use std::time::Duration;

use auth_service::{LinkError, LoginError};

use crate::bed::{Account, Bed, GRACE, Mailing, NEW_PASSWORD, OTHER_PASSWORD, PASSWORD, on_both_databases, together};

on_both_databases! {
    it_ends_everything_and_the_reset_gets_the_owner_in,
    the_mail_to_reset_comes_though_one_came_just_before,
    it_works_once,
    it_outlives_what_a_thief_does_to_the_password,
    a_link_is_good_for_three_days,
    the_alert_of_a_reused_token_leads_to_it,
    a_changed_address_ends_it_and_the_old_one_takes_the_change_back,
}

const ADA: &str = "ada@example.org";
const MICRO: Duration = Duration::from_micros(1);

fn is_invalid(result: &Result<(), LinkError>) -> bool {
    matches!(result, Err(LinkError::TokenInvalid))
}

/// An account whose password was just changed by a thief, and the token that its owner got.
fn robbed(service: &Mailing) -> (Account, String) {
    let thief = service.verified(ADA);
    service.change_password(&thief, PASSWORD, OTHER_PASSWORD).unwrap();
    let mail = service.one_mail();
    assert!(mail.is("secure-account", ADA), "{mail:?}");
    (thief, mail.token)
}

fn it_ends_everything_and_the_reset_gets_the_owner_in(bed: &Bed) {
    let service = bed.mailing();
    let (thief, secure) = robbed(&service);
    let other = service.try_log_in(ADA, OTHER_PASSWORD).unwrap();
    service.secure(&secure).unwrap();
    assert!(service.is_over(&thief) && service.refresh(other.refresh_token.expose()).is_err());
    assert!(bed.user(thief.user).unwrap().password_hash.is_none());
    let hashes = service.service.hash_pool().started_count();
    for password in [OTHER_PASSWORD, PASSWORD] {
        let refused = service.try_log_in(ADA, password);
        assert!(matches!(refused, Err(LoginError::InvalidCredentials)), "{refused:?}");
    }
    assert_eq!(service.service.hash_pool().started_count(), hashes + 2);
    let mail = service.one_mail();
    assert!(mail.is("reset-password", ADA), "{mail:?}");
    service.reset(&mail.token, NEW_PASSWORD).unwrap();
    assert_eq!(service.try_log_in(ADA, NEW_PASSWORD).unwrap().user.id, thief.user);
    assert_eq!(bed.count_events(thief.user, "account.secured"), 1);
    assert_eq!(bed.session(thief.session).revoke_reason.as_deref(), Some("secured"));
}

/// And though strangers used the address's budget up.
fn the_mail_to_reset_comes_though_one_came_just_before(bed: &Bed) {
    let service = bed.mailing();
    let (_, secure) = robbed(&service);
    for _ in 0..8 {
        bed.clock().advance(Duration::from_mins(1));
        service.forgot(ADA).unwrap();
        service.mails();
    }
    service.secure(&secure).unwrap();
    let mail = service.one_mail();
    assert!(mail.is("reset-password", ADA), "{mail:?}");
    service.reset(&mail.token, NEW_PASSWORD).unwrap();
}

fn it_works_once(bed: &Bed) {
    let service = bed.mailing();
    let other = service.another(bed, |_| {});
    let (thief, secure) = robbed(&service);
    let results = together(16, |number| {
        let instance = if number.is_multiple_of(2) { &*service } else { &other };
        instance.secure(&secure)
    });
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert_eq!(results.iter().filter(|result| is_invalid(result)).count(), 15, "{results:?}");
    assert_eq!(bed.count_events(thief.user, "account.secured"), 1);
    service.reset(&service.token("reset-password"), NEW_PASSWORD).unwrap();
    assert!(is_invalid(&service.secure(&secure)), "nobody can lock the owner out with it again");
    assert!(service.try_log_in(ADA, NEW_PASSWORD).is_ok());
}

/// `docs/mail.md`: whoever is in must not end the link that the owner got the first time.
fn it_outlives_what_a_thief_does_to_the_password(bed: &Bed) {
    let service = bed.mailing();
    let (thief, secure) = robbed(&service);
    let mut current = OTHER_PASSWORD.to_owned();
    for number in 0..3 {
        let next = format!("{OTHER_PASSWORD} {number}");
        service.change_password(&thief, &current, &next).unwrap();
        current = next;
    }
    service.secure(&secure).unwrap();
    assert!(service.is_over(&thief));
    assert!(matches!(service.try_log_in(ADA, &current), Err(LoginError::InvalidCredentials)));
}

fn a_link_is_good_for_three_days(bed: &Bed) {
    let service = bed.mailing();
    for (number, age, is_good) in
        [(0, Duration::from_hours(72).saturating_sub(MICRO), true), (1, Duration::from_hours(72), false)]
    {
        let email = format!("user-{number}@example.org");
        let account = service.register(&email);
        service.mails();
        service.change_password(&account, PASSWORD, NEW_PASSWORD).unwrap();
        bed.clock().advance(Duration::from_hours(5));
        let secure = service.token("secure-account");
        bed.clock().advance(age.saturating_sub(Duration::from_hours(5)));
        let result = service.secure(&secure);
        assert_eq!((result.is_ok(), is_invalid(&result)), (is_good, !is_good), "{result:?}");
    }
}

/// REQ-11
fn the_alert_of_a_reused_token_leads_to_it(bed: &Bed) {
    let service = bed.mailing();
    let stolen = service.verified(ADA);
    service.claims(&service.refreshed(&stolen.refresh).access);
    bed.clock().advance(GRACE);
    assert!(service.refresh(&stolen.refresh).is_err());
    let mail = service.one_mail();
    assert!(mail.is("secure-account", ADA), "{mail:?}");
    let live = service.log_in(ADA);
    service.secure(&mail.token).unwrap();
    assert!(service.is_over(&live) && bed.user(stolen.user).unwrap().password_hash.is_none());
}

/// It would send a mail to the thief's address; the old one got a link that does more.
fn a_changed_address_ends_it_and_the_old_one_takes_the_change_back(bed: &Bed) {
    let service = bed.mailing();
    let (thief, secure) = robbed(&service);
    service.ask_for_address(&thief, "thief@example.org").unwrap();
    service.confirm_address(&service.token("change-email")).unwrap();
    let undo = service.token("undo-email");
    assert!(is_invalid(&service.secure(&secure)));
    assert!(service.mails().is_empty() && service.is_live(&thief));
    service.undo_address(&undo).unwrap();
    assert!(service.is_over(&thief));
    let mail = service.one_mail();
    assert!(mail.is("reset-password", ADA), "{mail:?}");
    service.reset(&mail.token, NEW_PASSWORD).unwrap();
    assert_eq!(service.try_log_in(ADA, NEW_PASSWORD).unwrap().user.id, thief.user);
}
