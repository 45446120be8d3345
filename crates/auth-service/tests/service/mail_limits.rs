//! How many mails an address gets, and that nobody learns from it whose address it is (REQ-58, P-07, P-29).

use std::num::NonZeroU32;
use std::time::Duration;

use crate::bed::counters::counted;
use crate::bed::{Bed, NEW_PASSWORD, PASSWORD, on_both_databases};

on_both_databases! {
    asking_again_tells_nobody_anything,
    a_mail_of_one_kind_goes_to_an_address_once_a_minute,
    an_address_gets_no_more_mails_than_its_budget,
    a_budget_is_one_address_s_however_it_is_spelt,
    without_a_budget_any_number_is_sent,
    notices_cost_no_budget_and_need_none,
}

const MINUTE: Duration = Duration::from_mins(1);
const MICRO: Duration = Duration::from_micros(1);

/// P-29: one answer, one row, no hash, whoever has the address.
fn asking_again_tells_nobody_anything(bed: &Bed) {
    let service = bed.mailing();
    service.verified("verified@example.org");
    for email in ["unverified@example.org", "disabled@example.org"] {
        service.register(email);
    }
    bed.execute("UPDATE users SET disabled_at = created_at WHERE email LIKE 'disabled%'");
    service.mails();
    bed.clock().advance(MINUTE);
    for who in ["nobody", "verified", "unverified", "disabled"] {
        let (before, hashes) = (bed.row_counts(), service.service.hash_pool().started_count());
        service.resend(&format!("{who}@example.org")).unwrap();
        let mut after = bed.row_counts();
        *after.get_mut("email_outbox").unwrap() -= 1;
        assert_eq!((after, service.service.hash_pool().started_count()), (before, hashes), "{who}");
    }
    let counts = counted(|| {
        let mail = service.one_mail();
        assert!(mail.is("verify-email", "unverified@example.org"), "{mail:?}");
        assert!(service.verify_by_password(&mail.token, PASSWORD).is_ok());
    });
    assert_eq!(counts["auth_mails_dropped_total{reason=nobody}"], 3);
    assert_eq!(bed.count("email_outbox", "sent_at IS NULL"), 0);
}

/// The contract's 60 s.
fn a_mail_of_one_kind_goes_to_an_address_once_a_minute(bed: &Bed) {
    let service = bed.mailing();
    service.register("ada@example.org");
    assert_eq!(service.mails().len(), 1);
    bed.clock().advance(MINUTE.saturating_sub(MICRO));
    service.resend("ada@example.org").unwrap();
    let counts = counted(|| assert!(service.mails().is_empty()));
    assert_eq!(counts["auth_mails_dropped_total{reason=too_many}"], 1);
    service.forgot("ada@example.org").unwrap();
    assert!(service.one_mail().is("reset-password", "ada@example.org"), "another kind is another matter");
    service.resend("bob@example.org").unwrap();
    service.register("bob@example.org");
    assert!(service.one_mail().is("verify-email", "bob@example.org"), "nobody's mail that came first cost nothing");
    bed.clock().advance(MICRO);
    service.resend("ada@example.org").unwrap();
    assert!(service.one_mail().is("verify-email", "ada@example.org"));
    service.resend("ada@example.org").unwrap();
    assert!(service.mails().is_empty());
}

/// `AUTH_RATE_MAIL`, 5/1h: each kind that anybody can cause has it, and one comes back every twelve minutes.
fn an_address_gets_no_more_mails_than_its_budget(bed: &Bed) {
    let service = bed.mailing();
    service.register("ada@example.org");
    service.register("bob@example.org");
    assert_eq!(service.mails().len(), 2);
    let mut came = 0;
    for number in 0..8 {
        bed.clock().advance(MINUTE);
        service.forgot("ada@example.org").unwrap();
        came += service.mails().len();
        assert_eq!(came, 5.min(number + 1));
    }
    service.resend("ada@example.org").unwrap();
    assert!(service.one_mail().is("verify-email", "ada@example.org"), "another kind has a budget of its own");
    service.forgot("bob@example.org").unwrap();
    assert!(service.one_mail().is("reset-password", "bob@example.org"), "another address has a budget of its own");
    // The first was taken seven minutes ago.
    bed.clock().advance((MINUTE * 5).saturating_sub(MICRO));
    service.forgot("ada@example.org").unwrap();
    assert!(service.mails().is_empty());
    // The minute's rule counted that one, too.
    bed.clock().advance(MINUTE);
    service.forgot("ada@example.org").unwrap();
    assert_eq!(service.mails().len(), 1);
    bed.clock().advance(MINUTE);
    service.forgot("ada@example.org").unwrap();
    assert!(service.mails().is_empty());
    assert_eq!(bed.count("email_outbox", "sent_at IS NULL"), 0);
}

fn a_budget_is_one_address_s_however_it_is_spelt(bed: &Bed) {
    let service = bed.mailing_with(|config| config.mails_per_recipient = NonZeroU32::new(3).map(|n| (n, MINUTE * 60)));
    service.register("Ada@bücher.example");
    assert_eq!(service.mails().len(), 1);
    let mut came = 0;
    for spelling in ["ada@bücher.example", "ADA@xn--bcher-kva.example", "Ada@BÜCHER.example", "ada@Bücher.example"] {
        bed.clock().advance(MINUTE);
        service.forgot(spelling).unwrap();
        came += service.mails().len();
    }
    assert_eq!(came, 3);
}

fn without_a_budget_any_number_is_sent(bed: &Bed) {
    let service = bed.mailing_with(|config| config.mails_per_recipient = None);
    service.register("ada@example.org");
    assert_eq!(service.mails().len(), 1);
    for _ in 0..10 {
        bed.clock().advance(MINUTE);
        service.forgot("ada@example.org").unwrap();
        assert_eq!(service.mails().len(), 1);
    }
}

/// Strangers must not be able to keep a warning from its reader.
fn notices_cost_no_budget_and_need_none(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.register("ada@example.org");
    service.mails();
    for _ in 0..6 {
        bed.clock().advance(MINUTE);
        service.forgot("ada@example.org").unwrap();
        service.mails();
    }
    service.forgot("ada@example.org").unwrap();
    service.change_password(&ada, PASSWORD, NEW_PASSWORD).unwrap();
    assert!(service.one_mail().is("secure-account", "ada@example.org"));
}
