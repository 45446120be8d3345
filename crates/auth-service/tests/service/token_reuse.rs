//! A replaced refresh token comes back (REQ-11; row 6 of `docs/tokens.md`).

use std::time::Duration;

use auth_core::AccessTokenError;
use auth_service::{RefreshError, ReuseScope};

use crate::bed::{Account, Bed, GRACE, Instance, block_on, browser, on_both_databases, together};

on_both_databases! {
    reuse_ends_every_session_of_the_user_and_their_access_tokens_at_once,
    reuse_can_be_set_to_end_its_own_session_alone,
    sixteen_thieves_at_once_make_one_record_and_one_mail,
    what_reuse_ended_outlives_the_refusal_on_every_instance,
    the_alert_tells_where_the_token_came_from_and_holds_no_token,
    a_token_of_a_session_that_has_ended_writes_nothing,
    an_unwritten_mark_of_this_instance_counts,
    a_token_older_than_the_previous_one_is_theft_also_inside_the_grace,
    a_user_without_an_address_is_signed_out_all_the_same,
    the_grace_does_not_slide,
}

/// A session whose first token was replaced, whose second is in use, and whose grace is over.
fn outdated(service: &Instance, email: &str) -> (Account, Account) {
    let old = service.register(email);
    let current = service.refreshed(&old.refresh);
    service.claims(&current.access);
    service.clock.advance(GRACE);
    (old, current)
}

fn is_dead(service: &Instance, account: &Account) -> bool {
    matches!(service.verify(&account.access), Err(AccessTokenError::SessionRevoked))
        && matches!(service.refresh(&account.refresh), Err(RefreshError::Invalid))
}

fn is_reused(service: &Instance, token: &str) -> bool {
    matches!(service.refresh(token), Err(RefreshError::Reused))
}

/// REQ-11, R-02
fn reuse_ends_every_session_of_the_user_and_their_access_tokens_at_once(bed: &Bed) {
    let service = bed.service();
    let bystander = service.register("bob@example.org");
    let (old, current) = outdated(&service, "ada@example.org");
    let others = [service.log_in("ada@example.org"), service.log_in("ada@example.org")];
    assert!(is_reused(&service, &old.refresh));
    assert!(others.iter().chain([&old, &current]).all(|account| is_dead(&service, account)));
    assert!(others.iter().all(|account| bed.session(account.session).revoke_reason.as_deref() == Some("reuse")));
    assert!(service.verify(&bystander.access).is_ok() && service.refresh(&bystander.refresh).is_ok());
    let record = bed.trail(old.user).into_iter().find(|row| row.event == "token.reused").unwrap();
    assert_eq!((record.outcome.as_str(), &record.details["sessions"]), ("failure", &serde_json::json!(3)));
    assert!(service.log_in("ada@example.org").user == old.user);
}

/// REQ-11
fn reuse_can_be_set_to_end_its_own_session_alone(bed: &Bed) {
    let service = bed.service_with(|config| config.reuse_revokes = ReuseScope::Session);
    let (old, current) = outdated(&service, "ada@example.org");
    let other = service.log_in("ada@example.org");
    assert!(is_reused(&service, &old.refresh));
    assert!(is_dead(&service, &current));
    assert!(service.verify(&other.access).is_ok() && service.refresh(&other.refresh).is_ok());
    assert_eq!((bed.count_events(old.user, "token.reused"), bed.mails(old.user).len()), (1, 1));
}

/// Invariant 6
fn sixteen_thieves_at_once_make_one_record_and_one_mail(bed: &Bed) {
    let services = [bed.service(), bed.second_service(Duration::ZERO)];
    for round in 0..4 {
        services[1].clock.set(auth_core::Clock::now(bed.clock()));
        let (old, current) = outdated(&services[0], &format!("user-{round}@example.org"));
        services[0].flush();
        services[1].clock.advance(GRACE);
        let answers = together(16, |number| services[number % 2].refresh(&old.refresh).map(drop));
        let reused = answers.iter().filter(|answer| matches!(answer, Err(RefreshError::Reused))).count();
        let invalid = answers.iter().filter(|answer| matches!(answer, Err(RefreshError::Invalid))).count();
        assert_eq!((reused, invalid), (1, 15), "{answers:?}");
        assert_eq!((bed.count_events(old.user, "token.reused"), bed.mails(old.user).len()), (1, 1));
        assert!(is_dead(&services[0], &current) || services[0].refresh(&current.refresh).is_err());
    }
}

/// the refusal does not take back what it has to remember.
fn what_reuse_ended_outlives_the_refusal_on_every_instance(bed: &Bed) {
    let service = bed.service();
    let (old, current) = outdated(&service, "ada@example.org");
    assert!(is_reused(&service, &old.refresh));
    let fresh = bed.second_service(Duration::ZERO);
    fresh.sync();
    assert!(is_dead(&fresh, &current));
    let row = bed.session(old.session);
    assert!(row.revoked_at.is_some() && row.seen_generation == 2, "{row:?}");
    assert_eq!((bed.count_events(old.user, "token.reused"), bed.mails(old.user).len()), (1, 1));
}

/// REQ-11
fn the_alert_tells_where_the_token_came_from_and_holds_no_token(bed: &Bed) {
    let service = bed.service();
    let (old, current) = outdated(&service, "Ada@Example.org");
    assert!(is_reused(&service, &old.refresh));
    let mail = bed.mails(old.user).remove(0);
    assert_eq!((mail.recipient.expose().as_str(), mail.template.as_str()), ("Ada@Example.org", "security_alert"));
    let payload = mail.payload.into_inner();
    assert!(payload.contains("192.0.2.7") && payload.contains("token_reused"));
    let details = bed.trail(old.user).into_iter().map(|row| row.details.to_string()).collect::<String>();
    for token in [&old.refresh, &current.refresh] {
        assert!(!payload.contains(&token[..20]) && !details.contains(&token[..20]));
    }
}

/// Row 0, invariant 9: it can't be made to cost anything.
fn a_token_of_a_session_that_has_ended_writes_nothing(bed: &Bed) {
    let service = bed.service();
    let (old, current) = outdated(&service, "ada@example.org");
    block_on(service.service.log_out(old.user, old.session, &browser())).unwrap();
    let state = || {
        (
            bed.session(old.session),
            bed.trail(old.user).len(),
            bed.mails(old.user).len(),
            bed.count("revocations", "true"),
        )
    };
    let before = state();
    for token in [&old.refresh, &current.refresh, &bed.mint(old.session, 0), &bed.mint(old.session, 9)] {
        bed.clock().advance(GRACE);
        assert!(matches!(service.refresh(token), Err(RefreshError::Invalid)));
    }
    assert_eq!(state(), before);
}

/// Marks are written in batches; those of this process count before that.
fn an_unwritten_mark_of_this_instance_counts(bed: &Bed) {
    let service = bed.service();
    let (old, _) = outdated(&service, "ada@example.org");
    assert_eq!(bed.session(old.session).seen_generation, 1);
    assert!(is_reused(&service, &old.refresh));
    let other = bed.second_service(Duration::ZERO);
    let (old, _) = outdated(&service, "bob@example.org");
    other.clock.set(auth_core::Clock::now(bed.clock()));
    assert!(other.refresh(&old.refresh).is_ok(), "it knows of no mark, and skips");
}

///
fn a_token_older_than_the_previous_one_is_theft_also_inside_the_grace(bed: &Bed) {
    let service = bed.service();
    let old = service.register("ada@example.org");
    let second = service.refreshed(&old.refresh);
    bed.clock().advance(GRACE);
    service.refreshed(&second.refresh);
    assert!(is_reused(&service, &old.refresh));
}

fn a_user_without_an_address_is_signed_out_all_the_same(bed: &Bed) {
    let service = bed.service();
    let (old, current) = outdated(&service, "ada@example.org");
    bed.execute("UPDATE users SET email = NULL, email_normalized = NULL");
    assert!(is_reused(&service, &old.refresh));
    assert!(is_dead(&service, &current));
    assert_eq!((bed.count_events(old.user, "token.reused"), bed.mails(old.user).len()), (1, 0));
}

/// presented every 0.9 of the grace.
fn the_grace_does_not_slide(bed: &Bed) {
    let service = bed.service();
    let old = service.register("ada@example.org");
    let successor = service.refreshed(&old.refresh);
    service.claims(&successor.access);
    bed.clock().advance(GRACE * 9 / 10);
    assert_eq!(service.refreshed(&old.refresh).refresh, successor.refresh);
    bed.clock().advance(GRACE * 9 / 10);
    assert!(matches!(service.refresh(&old.refresh), Err(RefreshError::RetryLater(time)) if time == GRACE / 10));
    bed.clock().advance(GRACE / 10);
    assert!(is_reused(&service, &old.refresh));
}
