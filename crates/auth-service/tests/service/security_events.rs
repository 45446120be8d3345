//! What a user is told of what happened to their account (REQ-51).

use auth_service::{AccountError, Page, PageRequest, SecurityEvent};
use uuid::Uuid;

use crate::bed::{Account, Bed, Instance, block_on, on_both_databases};

on_both_databases! {
    all_events_of_the_account_are_told_newest_first_and_nobody_else_s,
    pages_follow_each_other_while_new_events_come,
    events_of_one_moment_are_told_once_each,
    nothing_is_told_of_an_account_that_is_disabled_or_gone,
}

const ADA: &str = "ada@example.org";

fn page(
    service: &Instance,
    account: &Account,
    cursor: Option<&str>,
    limit: &str,
) -> Result<Page<SecurityEvent>, AccountError> {
    let claims = auth_core::AccessClaims::clone(&service.claims(&account.access));
    let request = PageRequest::parse(cursor, Some(limit)).unwrap();
    block_on(service.service.security_events(&claims, request))
}

fn wrong_guess(service: &Instance, email: &str) {
    assert!(service.try_log_in(email, "not the password").is_err());
}

fn all_events_of_the_account_are_told_newest_first_and_nobody_else_s(bed: &Bed) {
    let service = bed.service();
    let (ada, eve) = (service.register(ADA), service.register("eve@example.org"));
    for _ in 0..3 {
        bed.clock().advance(std::time::Duration::from_millis(1));
        wrong_guess(&service, ADA);
        wrong_guess(&service, "eve@example.org");
    }
    for account in [&ada, &eve] {
        let told = page(&service, account, None, "200").unwrap();
        let mut trail: Vec<_> = bed.trail(account.user).into_iter().map(SecurityEvent::from).collect();
        trail.reverse();
        assert_eq!((told.entries.len(), told.next_cursor), (4, None));
        assert_eq!(told.entries, trail);
    }
}

/// All pages, and something happens after each.
fn read_all(service: &Instance, account: &Account, limit: &str) -> Vec<Uuid> {
    let (mut ids, mut cursor) = (Vec::new(), None);
    loop {
        let page = page(service, account, cursor.as_deref(), limit).unwrap();
        ids.extend(page.entries.iter().map(|event| *event.id.as_uuid()));
        assert!(ids.len() < 100, "the pages come to no end");
        wrong_guess(service, ADA);
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => return ids,
        }
    }
}

fn pages_follow_each_other_while_new_events_come(bed: &Bed) {
    let service = bed.service();
    let ada = service.register(ADA);
    for _ in 0..6 {
        bed.clock().advance(std::time::Duration::from_millis(1));
        wrong_guess(&service, ADA);
    }
    for limit in ["1", "3", "200"] {
        // What comes from now on is newer.
        bed.clock().advance(std::time::Duration::from_millis(1));
        let mut there: Vec<_> = bed.trail(ada.user).iter().map(|row| *row.id.as_uuid()).collect();
        there.reverse();
        assert_eq!(read_all(&service, &ada, limit), there, "{limit}");
    }
}

/// The clock stands still: ids of one millisecond are in no order of time, but in one order.
fn events_of_one_moment_are_told_once_each(bed: &Bed) {
    let service = bed.service();
    let ada = service.register(ADA);
    (0..9).for_each(|_| wrong_guess(&service, ADA));
    let (mut told, mut cursor) = (Vec::new(), None);
    loop {
        let page = page(&service, &ada, cursor.as_deref(), "2").unwrap();
        told.extend(page.entries);
        assert!(told.len() < 100, "the pages come to no end");
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    let mut ids: Vec<_> = told.iter().map(|event| event.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 10);
}

fn nothing_is_told_of_an_account_that_is_disabled_or_gone(bed: &Bed) {
    let service = bed.service();
    let ada = service.register(ADA);
    let claims = auth_core::AccessClaims::clone(&service.claims(&ada.access));
    let told = || {
        let request = PageRequest::parse(None, None).unwrap();
        block_on(service.service.security_events(&claims, request))
    };
    assert!(told().is_ok());
    bed.execute("UPDATE users SET disabled_at = created_at");
    assert!(matches!(told(), Err(AccountError::Disabled)));
    bed.execute("UPDATE users SET disabled_at = NULL");
    service.delete(&ada).unwrap();
    assert!(matches!(told(), Err(AccountError::Gone)));
}
