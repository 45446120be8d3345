//! Reading the audit trail.

use std::time::Duration;

use auth_core::Clock as _;
use auth_service::{AuditQuery, PageRequest, SecurityEvent};

use super::{ADA, BOB, ROOT};
use crate::bed::{Account, Bed, Instance, OTHER_PASSWORD, faults, on_both_databases};

on_both_databases! {
    what_happened_is_read_newest_first_and_by_whom_and_what,
    a_span_of_time_is_exact_to_the_microsecond,
    every_event_of_a_narrow_search_is_on_one_page,
}

#[derive(Clone, Copy, Default)]
struct Wanted<'a> {
    user: Option<&'a str>,
    event: Option<&'a str>,
    from: Option<&'a str>,
    to: Option<&'a str>,
}

fn pages(service: &Instance, by: &Account, wanted: Wanted<'_>, limit: &str) -> Vec<SecurityEvent> {
    let (mut read, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = PageRequest::parse(cursor.as_deref(), Some(limit));
        let query = AuditQuery::parse(wanted.user, wanted.event, wanted.from, wanted.to, page).unwrap();
        let page = service.audit(by, query).unwrap();
        assert!(page.entries.len() <= limit.parse().unwrap());
        read.extend(page.entries);
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => return read,
        }
    }
}

fn names(events: &[SecurityEvent]) -> Vec<&str> {
    events.iter().map(|event| event.event.as_str()).collect()
}

/// REQ-42, REQ-51
fn what_happened_is_read_newest_first_and_by_whom_and_what(bed: &Bed) {
    let service = bed.service();
    let root = service.administrator(bed, ROOT);
    let step = || bed.clock().advance(Duration::from_secs(1));
    step();
    let ada = service.register(ADA);
    step();
    assert!(service.try_log_in(ADA, OTHER_PASSWORD).is_err());
    step();
    service.register(BOB);
    step();
    assert!(service.try_log_in(BOB, OTHER_PASSWORD).is_err());
    let all = pages(&service, &root, Wanted::default(), "2");
    assert_eq!(names(&all)[..4], ["login.failed", "user.registered", "login.failed", "user.registered"]);
    assert!(all.iter().map(|event| event.at).is_sorted_by(|newer, older| newer >= older));
    let id = ada.user.to_string();
    let of_ada = Wanted { user: Some(&id), ..Wanted::default() };
    let events = pages(&service, &root, of_ada, "1");
    assert_eq!(names(&events), ["login.failed", "user.registered"]);
    assert!(events.iter().all(|event| event.user_id == Some(ada.user)));
    let failed = Wanted { event: Some("login.failed"), ..Wanted::default() };
    assert_eq!(pages(&service, &root, failed, "1").len(), 2);
    assert_eq!(pages(&service, &root, Wanted { event: Some("login.failed"), ..of_ada }, "1").len(), 1);
    assert_eq!(pages(&service, &root, Wanted { event: Some("keys.rotated"), ..of_ada }, "1"), []);
}

fn a_span_of_time_is_exact_to_the_microsecond(bed: &Bed) {
    let service = bed.service();
    let root = service.administrator(bed, ROOT);
    bed.clock().advance(Duration::from_hours(1));
    let (mut times, tick) = (Vec::new(), Duration::from_micros(1));
    for _ in 0..4 {
        assert!(service.try_log_in(ADA, OTHER_PASSWORD).is_err());
        times.push(bed.clock().now().to_string());
        bed.clock().advance(tick);
    }
    let root = service.refreshed(&root.refresh);
    let count = |from: Option<usize>, to: Option<usize>, event| {
        let bound = |nth: Option<usize>| nth.map(|nth| times[nth].as_str());
        pages(&service, &root, Wanted { from: bound(from), to: bound(to), event, user: None }, "2").len()
    };
    for event in [None, Some("login.failed")] {
        assert_eq!(count(Some(0), None, event), 4);
        assert_eq!(count(Some(2), None, event), 2);
        assert_eq!(count(Some(1), Some(3), event), 2);
        assert_eq!(count(Some(0), Some(1), event), 1);
        assert_eq!(count(Some(3), Some(1), event), 0);
        assert_eq!(count(Some(2), Some(2), event), 0);
    }
    let offset = "2026-03-01T15:00:00.000002+02:00";
    assert_eq!(times[2], "2026-03-01T13:00:00.000002Z");
    assert_eq!(pages(&service, &root, Wanted { from: Some(offset), ..Wanted::default() }, "9").len(), 2);
}

fn every_event_of_a_narrow_search_is_on_one_page(bed: &Bed) {
    let service = bed.service();
    let (root, ada) = (service.administrator(bed, ROOT), service.register(ADA));
    for _ in 0..5 {
        assert!(service.try_log_in(ADA, OTHER_PASSWORD).is_err());
        service.log_in(ADA);
    }
    let id = ada.user.to_string();
    for limit in ["1", "2", "5", "200"] {
        let wanted = Wanted { user: Some(&id), event: Some("login.failed"), ..Wanted::default() };
        let mut ids: Vec<_> = pages(&service, &root, wanted, limit).iter().map(|event| event.id).collect();
        ids.dedup();
        assert_eq!(ids.len(), 5, "{limit}");
    }
}

#[test]
fn what_is_no_query_is_told_by_field() {
    let refused = |user, event, from, to| {
        let page = PageRequest::parse(None, None);
        faults(&AuditQuery::parse(user, event, from, to, page).unwrap_err())
    };
    for id in ["", "x", "018f4e6e6c9b70008000000000000000", "{018f4e6e-6c9b-7000-8000-000000000000}"] {
        assert_eq!(refused(Some(id), None, None, None), [("user_id", "invalid_user_id")]);
    }
    for event in ["", "login", "LOGIN.FAILED", "login.failed ", "admin.*", "%"] {
        assert_eq!(refused(None, Some(event), None, None), [("event", "invalid_event")]);
    }
    for time in ["", "yesterday", "2026-03-01", "2026-03-01T12:00:00", "2026-03-01T12:00:00 02:00", "1772366400"] {
        assert_eq!(
            refused(None, None, Some(time), Some(time)),
            [("from", "invalid_from"), ("to", "invalid_to")],
            "{time}"
        );
    }
}
