//! The forgotten password (REQ-06): who gets a mail, and what a reset does.

use std::time::Duration;

use auth_service::{ChallengeError, ChallengeKind, LinkError, LoginError};

use crate::bed::counters::counted;
use crate::bed::{Bed, NEW_PASSWORD, PASSWORD, on_both_databases, together};

on_both_databases! {
    asking_costs_the_same_whoever_asks,
    only_an_address_that_can_use_it_gets_a_link,
    the_mail_goes_to_the_stored_spelling,
    a_reset_sets_the_password_and_verifies_the_address,
    a_reset_ends_everything_that_let_somebody_in,
    a_refused_password_leaves_the_link_good,
    twenty_resets_at_once_have_one_winner,
    a_link_to_reset_is_good_for_half_an_hour_from_the_request,
    an_account_without_a_password_gets_its_first_one,
    a_disabled_account_is_not_reset,
    no_other_text_is_a_link,
}

const HALF_HOUR: Duration = Duration::from_mins(30);
const MICRO: Duration = Duration::from_micros(1);
const WHO: [&str; 5] = ["nobody@x.example", "user@x.example", "off@x.example", "bare@x.example", "pending@x.example"];

fn is_invalid(result: &Result<(), LinkError>) -> bool {
    matches!(result, Err(LinkError::TokenInvalid))
}

/// An account of each kind, and a registration that waits.
fn all_kinds(bed: &Bed) -> crate::bed::Mailing {
    let open = bed.mailing();
    for email in &WHO[1..4] {
        open.register(email);
    }
    bed.execute("UPDATE users SET disabled_at = created_at WHERE email LIKE 'off%'");
    bed.execute("UPDATE users SET password_hash = NULL WHERE email LIKE 'bare%'");
    let service = bed.mailing_with(|config| config.require_verified_email = true);
    service.register_pending(WHO[4]).unwrap();
    service.mails();
    bed.clock().advance(Duration::from_mins(1));
    service
}

/// P-05: one row, no hash, no look at the account.
fn asking_costs_the_same_whoever_asks(bed: &Bed) {
    let service = all_kinds(bed);
    for email in WHO {
        let (before, hashes) = (bed.row_counts(), service.service.hash_pool().started_count());
        service.forgot(email).unwrap();
        let mut after = bed.row_counts();
        *after.get_mut("email_outbox").unwrap() -= 1;
        assert_eq!((after, service.service.hash_pool().started_count()), (before, hashes), "{email}");
    }
    let same = "user_id IS NULL AND template = 'reset_password' AND sent_at IS NULL";
    assert_eq!(bed.count("email_outbox", same), 5);
}

fn only_an_address_that_can_use_it_gets_a_link(bed: &Bed) {
    let service = all_kinds(bed);
    for email in WHO {
        service.forgot(email).unwrap();
        bed.clock().advance(Duration::from_millis(2));
    }
    let mut came = Vec::new();
    let counts = counted(|| came = service.mails());
    let to: Vec<_> = came.iter().map(|mail| (mail.to.as_str(), mail.purpose.as_str())).collect();
    let purpose = "reset-password";
    assert_eq!(to, [(WHO[1], purpose), (WHO[3], purpose), (WHO[4], purpose)]);
    assert!(came.iter().all(|mail| mail.mail.subject().contains("Reset")));
    assert_eq!(counts["auth_mails_dropped_total{reason=nobody}"], 2);
    assert_eq!(bed.count("email_outbox", "sent_at IS NULL"), 0, "nobody's rows are gone");
    assert_eq!(bed.count("audit_events", "event = 'password.reset_requested' AND actor_id IS NULL"), 2);
}

/// P-10
fn the_mail_goes_to_the_stored_spelling(bed: &Bed) {
    let service = bed.mailing();
    service.register("Ada.Lovelace@bücher.example");
    service.mails();
    for asked in ["ada.lovelace@bücher.example", "ADA.LOVELACE@xn--bcher-kva.EXAMPLE"] {
        service.forgot(asked).unwrap();
        let mail = service.one_mail();
        assert!(mail.to.starts_with("Ada.Lovelace@"), "{mail:?}");
        bed.clock().advance(Duration::from_mins(1));
    }
    service.forgot("ada.l\u{f6}velace@bücher.example").unwrap();
    assert!(service.mails().is_empty());
}

/// ASVS 6.4.3: it opens no session, and the notice leads to the emergency exit.
fn a_reset_sets_the_password_and_verifies_the_address(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.register("ada@example.org");
    service.mails();
    service.reset(&service.reset_token("ada@example.org"), NEW_PASSWORD).unwrap();
    assert_eq!(bed.count("sessions", "revoked_at IS NULL"), 0);
    let old = service.try_log_in("ada@example.org", PASSWORD);
    assert!(matches!(old, Err(LoginError::InvalidCredentials)), "{old:?}");
    assert!(service.try_log_in("ada@example.org", NEW_PASSWORD).unwrap().user.email_verified);
    for event in ["password.reset_requested", "password.reset", "email.verified"] {
        assert_eq!(bed.count_events(ada.user, event), 1, "{event}");
    }
    let notice = service.one_mail();
    assert!(notice.is("secure-account", "ada@example.org"), "{notice:?}");
    assert!(notice.mail.text().contains("192.0.2.7") && notice.mail.text().contains("Firefox on Linux"));
}

/// P-13, R-18
fn a_reset_ends_everything_that_let_somebody_in(bed: &Bed) {
    let service = bed.mailing();
    let strict = service.another(bed, |config| config.require_verified_email = true);
    let sessions = [service.register("ada@example.org"), service.log_in("ada@example.org")];
    let verify = service.token("verify-email");
    let challenge = strict.challenged("ada@example.org", PASSWORD, ChallengeKind::VerifyEmail);
    service.ask_for_address(&sessions[0], "new@example.org").unwrap();
    let change = service.token("change-email");
    let older = service.reset_token("ada@example.org");
    bed.clock().advance(Duration::from_mins(1));
    let newer = service.reset_token("ada@example.org");
    bed.clock().advance(Duration::from_mins(1));
    service.forgot("ADA@example.org").unwrap();
    service.resend("ada@example.org").unwrap();
    service.reset(&older, NEW_PASSWORD).unwrap();
    assert!(sessions.iter().all(|session| service.is_over(session)));
    strict.sync();
    assert!(sessions.iter().all(|session| strict.is_over(session)));
    for dead in [service.reset(&newer, PASSWORD), service.reset(&older, PASSWORD), service.confirm_address(&change)] {
        assert!(is_invalid(&dead), "{dead:?}");
    }
    assert!(is_invalid(&service.verify_by_password(&verify, NEW_PASSWORD)));
    let answer = strict.answer_link(&challenge, None);
    assert!(matches!(answer, Err(ChallengeError::ChallengeInvalid)), "{answer:?}");
    let notice = service.one_mail();
    assert!(notice.is("secure-account", "ada@example.org"), "what waited is not sent: {notice:?}");
    assert_eq!(bed.user(sessions[0].user).unwrap().email.as_deref(), Some("ada@example.org"));
}

/// P-14, P-28
fn a_refused_password_leaves_the_link_good(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.register_named("ada.lovelace@example.org", "analytical_engine");
    let token = service.reset_token("ada.lovelace@example.org");
    let hash = bed.user(ada.user).unwrap().password_hash;
    let (long, hashes) = ("a".repeat(5000), service.service.hash_pool().started_count());
    for weak in ["", "short", "Ada.Lovelace@Example.org", "analytical_engine1", "Ada.Lovelace99", &long] {
        let Err(LinkError::Invalid(errors)) = service.reset(&token, weak) else { panic!("{weak}") };
        assert_eq!(crate::bed::faults(&errors), [("new_password", "weak_password")], "{weak}");
    }
    assert_eq!(service.service.hash_pool().started_count(), hashes);
    assert_eq!(bed.user(ada.user).unwrap().password_hash, hash);
    assert!(service.is_live(&ada));
    service.reset(&token, NEW_PASSWORD).unwrap();
}

/// P-01: also those who were let in by the first look at the token.
fn twenty_resets_at_once_have_one_winner(bed: &Bed) {
    let service = bed.mailing();
    let other = service.another(bed, |_| {});
    let ada = service.register("ada@example.org");
    let token = service.reset_token("ada@example.org");
    let password = |number: usize| format!("{NEW_PASSWORD} {number:02}");
    let results = together(20, |number| {
        let instance = if number.is_multiple_of(2) { &*service } else { &other };
        instance.reset(&token, &password(number))
    });
    let winners: Vec<_> = (0..20).filter(|number| results[*number].is_ok()).collect();
    let [winner] = winners.as_slice() else { panic!("{results:?}") };
    assert_eq!(results.iter().filter(|result| is_invalid(result)).count(), 19, "{results:?}");
    assert!(service.try_log_in("ada@example.org", &password(*winner)).is_ok());
    assert_eq!(bed.count_events(ada.user, "password.reset"), 1);
    assert_eq!(bed.count("email_outbox", "template = 'password_changed'"), 1);
}

fn a_link_to_reset_is_good_for_half_an_hour_from_the_request(bed: &Bed) {
    let service = bed.mailing();
    for (email, age, is_good) in
        [("ada@example.org", HALF_HOUR.saturating_sub(MICRO), true), ("bob@example.org", HALF_HOUR, false)]
    {
        service.register(email);
        service.mails();
        service.forgot(email).unwrap();
        let sent_after = Duration::from_mins(20);
        bed.clock().advance(sent_after);
        let token = service.token("reset-password");
        bed.clock().advance(age.saturating_sub(sent_after));
        let result = service.reset(&token, NEW_PASSWORD);
        assert_eq!((result.is_ok(), is_invalid(&result)), (is_good, !is_good), "{result:?}");
    }
}

/// The contract's way for accounts that came by OAuth.
fn an_account_without_a_password_gets_its_first_one(bed: &Bed) {
    let service = bed.mailing();
    service.register("ada@example.org");
    bed.execute("UPDATE users SET password_hash = NULL");
    service.reset(&service.reset_token("ada@example.org"), NEW_PASSWORD).unwrap();
    assert!(service.try_log_in("ada@example.org", NEW_PASSWORD).is_ok());
}

/// T-22: a link in flight.
fn a_disabled_account_is_not_reset(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.register("ada@example.org");
    let token = service.reset_token("ada@example.org");
    bed.execute("UPDATE users SET disabled_at = created_at");
    let before = bed.user(ada.user);
    assert!(is_invalid(&service.reset(&token, NEW_PASSWORD)));
    assert_eq!(bed.user(ada.user), before);
}

/// P-01
fn no_other_text_is_a_link(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.register("ada@example.org");
    let token = service.reset_token("ada@example.org");
    let swapped: String = token
        .chars()
        .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
        .collect();
    let body = token.strip_prefix("ot_").unwrap();
    let case_flipped = format!("ot_{}", &swapped[3..]);
    let long = "ot_".repeat(100_000);
    for text in [
        "",
        "ot_",
        body,
        &token[..token.len() - 1],
        &case_flipped,
        &swapped,
        &format!("{token}A"),
        &format!(" {token}"),
        &format!("{token}\n"),
        &format!("{token}="),
        "\0",
        &long,
    ] {
        for refused in [service.reset(text, NEW_PASSWORD), service.secure(text), service.confirm_address(text)] {
            assert!(is_invalid(&refused), "{refused:?}");
        }
        assert!(is_invalid(&service.undo_address(text)) && is_invalid(&service.verify_as(text, &ada)));
    }
    service.reset(&token, NEW_PASSWORD).unwrap();
}
