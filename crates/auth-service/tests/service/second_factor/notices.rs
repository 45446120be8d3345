//! The notice to who may not know that somebody knows their password (M-18, ASVS 6.3.5).

use std::time::Duration;

use super::{ADA, BOB, NO_BACKUP_CODE, Protected, is_wrong};
use crate::bed::{Bed, Mailing, NEW_PASSWORD, on_both_databases};

on_both_databases! {
    wrong_codes_after_the_right_password_are_told_once_an_hour,
    a_few_typing_errors_are_no_news,
    each_account_is_told_of_its_own,
    the_notice_leads_to_the_emergency_exit,
}

fn protected(service: &Mailing, email: &str) -> Protected {
    let user = service.protect(service.verified(email));
    assert_eq!(service.mails().len(), 1, "that it was added");
    user
}

fn guess_wrongly(service: &Mailing, email: &str, times: usize) {
    for _ in 0..times {
        assert!(is_wrong(&service.sign_in_with_backup(email, NO_BACKUP_CODE)));
    }
}

/// Who was told of wrong codes since it was looked last.
fn told(service: &Mailing) -> Vec<String> {
    let mails = service.mails();
    assert!(mails.iter().all(|mail| mail.mail.subject().contains("Wrong codes")), "{mails:?}");
    mails.into_iter().map(|mail| mail.to).collect()
}

fn wrong_codes_after_the_right_password_are_told_once_an_hour(bed: &Bed) {
    let service = bed.mailing();
    protected(&service, ADA);
    guess_wrongly(&service, ADA, 5);
    assert_eq!(told(&service), [ADA]);
    for _ in 0..9 {
        guess_wrongly(&service, ADA, 5);
        assert!(told(&service).is_empty());
        bed.clock().advance(Duration::from_mins(6));
    }
    bed.clock().advance(Duration::from_mins(6));
    guess_wrongly(&service, ADA, 5);
    assert_eq!(told(&service), [ADA], "an hour later");
    guess_wrongly(&service, ADA, 20);
    assert!(told(&service).is_empty());
}

fn a_few_typing_errors_are_no_news(bed: &Bed) {
    let service = bed.mailing();
    let ada = protected(&service, ADA);
    for code in &ada.backup_codes[..5] {
        guess_wrongly(&service, ADA, 4);
        service.sign_in_with_backup(ADA, code).unwrap();
        bed.clock().advance(Duration::from_mins(2));
    }
    assert!(told(&service).is_empty());
}

fn each_account_is_told_of_its_own(bed: &Bed) {
    let service = bed.mailing();
    for email in [ADA, BOB] {
        protected(&service, email);
    }
    guess_wrongly(&service, ADA, 10);
    guess_wrongly(&service, BOB, 10);
    let mut told = told(&service);
    told.sort();
    assert_eq!(told, [ADA, BOB]);
}

fn the_notice_leads_to_the_emergency_exit(bed: &Bed) {
    let service = bed.mailing();
    let ada = protected(&service, ADA);
    guess_wrongly(&service, ADA, 5);
    let mail = service.one_mail();
    assert!(mail.is("secure-account", ADA), "{mail:?}");
    assert!(mail.mail.text().contains("192.0.2.7") && mail.mail.text().contains("Firefox on Linux"));
    service.secure(&mail.token).unwrap();
    assert!(service.is_over(&ada.account));
    let reset = service.token("reset-password");
    service.reset(&reset, NEW_PASSWORD).unwrap();
    let step = service.begin_log_in(ADA, NEW_PASSWORD).unwrap();
    crate::bed::challenge(step, auth_service::ChallengeKind::Mfa);
}
