//! What operators see of limits: a row in the audit trail for the first refusal of many, and each in a counter (REQ-51,
//! REQ-52); and services without limits.

use auth_service::{FreshProof, RateLimits};
use serde_json::json;

use super::{ADA, MINUTE, NO, SECOND, Said, WRONG, at, said};
use crate::bed::counters::counted;
use crate::bed::{Bed, PASSWORD, block_on, on_both_databases, together};

on_both_databases! {
    the_first_of_many_refusals_is_written_down,
    of_many_at_once_one_is_written_down,
    every_refusal_is_counted,
    whose_it_is_is_on_record_where_it_is_known,
    requests_of_any_kind_are_limited_where_that_is_wanted,
    without_limits_nothing_is_counted,
}

fn hits(bed: &Bed) -> i64 {
    bed.count("audit_events", "event = 'rate_limit.hit'")
}

fn the_first_of_many_refusals_is_written_down(bed: &Bed) {
    let service = bed.limited();
    service.exhaust(ADA);
    assert_eq!(hits(bed), 1);
    for number in 0..50 {
        assert_ne!(service.log_in_from(&at(number), ADA, WRONG), NO);
    }
    assert_eq!(hits(bed), 1);
    bed.clock().advance(90 * SECOND);
    assert_eq!(service.log_in_from(&at(60), ADA, WRONG), NO);
    assert_eq!(hits(bed), 1);
    for number in 70..90 {
        assert_ne!(service.log_in_from(&at(number), ADA, WRONG), NO);
    }
    assert_eq!(hits(bed), 2, "another row of refusals");
    service.exhaust("bob@example.org");
    assert_eq!(hits(bed), 3, "of another name");
    assert_eq!(bed.count("audit_events", "event = 'rate_limit.hit' AND outcome = 'failure'"), 3);
}

/// L-07
fn of_many_at_once_one_is_written_down(bed: &Bed) {
    let service = bed.limited();
    let answers = together(100, |n| service.log_in_from(&at(u16::try_from(n).unwrap()), ADA, WRONG));
    assert_eq!(answers.iter().filter(|answer| **answer == NO).count(), 10);
    assert_eq!((hits(bed), bed.count("audit_events", "true")), (1, 11));
}

fn every_refusal_is_counted(bed: &Bed) {
    let counts = counted(|| {
        let service = bed.limited();
        service.exhaust(ADA);
        for _ in 0..4 {
            assert_ne!(service.log_in_from(&at(1), ADA, WRONG), NO);
        }
        for number in 0..8 {
            service.log_in_from(&at(2), &format!("nobody{number}"), WRONG);
        }
    });
    assert_eq!(counts["auth_rate_limited_total{limit=login_account}"], 5);
    assert_eq!(counts["auth_rate_limited_total{limit=login}"], 3);
}

/// A name that somebody tries is nobody yet; who is signed in is known.
fn whose_it_is_is_on_record_where_it_is_known(bed: &Bed) {
    let service = bed.limited();
    let ada = service.register(ADA);
    service.exhaust(ADA);
    assert_eq!((hits(bed), bed.count_events(ada.user, "rate_limit.hit")), (1, 0));
    bed.clock().advance(90 * SECOND);
    let claims = service.claims(&ada.access);
    let proof = FreshProof { password: Some(WRONG), code: None };
    let guess = |number| said(block_on(service.service.reauthenticate(&claims, proof, &at(number))));
    for number in 1..=10 {
        assert_eq!(guess(number), NO);
    }
    assert_eq!(guess(2), Said::Later("proof", 90 * SECOND));
    let trail = bed.trail(ada.user);
    let [row] = trail.iter().filter(|row| row.event == "rate_limit.hit").collect::<Vec<_>>()[..] else { panic!() };
    assert_eq!((&row.details, row.outcome.as_str()), (&json!({ "limit": "proof" }), "failure"));
    assert_eq!(row.ip.as_deref(), Some("198.51.0.2"));
    let names = bed.count("audit_events", "event = 'rate_limit.hit' AND details LIKE '%ada%'");
    assert_eq!(names, 0, "what was typed may be a password");
}

/// `AUTH_RATE_API`
fn requests_of_any_kind_are_limited_where_that_is_wanted(bed: &Bed) {
    let service = bed.service_with(|config| {
        config.rate_limits = RateLimits { api: RateLimits::default().login, ..RateLimits::OFF };
    });
    let ask = |number| match block_on(service.service.limit_request(&at(number))) {
        Ok(()) => None,
        Err(auth_service::Fault::RateLimited(limited)) => Some((limited.limit, limited.retry_after)),
        Err(other) => panic!("{other}"),
    };
    assert_eq!([1; 6].map(ask), [None, None, None, None, None, Some(("api", 3 * MINUTE))]);
    assert_eq!(ask(2), None);
    let service = bed.limited();
    for _ in 0..1000 {
        assert!(block_on(service.service.limit_request(&at(1))).is_ok(), "off by default");
    }
}

fn without_limits_nothing_is_counted(bed: &Bed) {
    let service = bed.service_with(|config| config.rate_limits = RateLimits::OFF);
    let ada = service.register(ADA);
    for _ in 0..50 {
        assert_eq!(service.log_in_from(&at(1), ADA, WRONG), NO);
    }
    assert_eq!(service.log_in_from(&at(1), ADA, PASSWORD), Said::Yes);
    for number in 0..10 {
        service.register(&format!("person{number}@example.org"));
    }
    let mut token = ada.refresh;
    for _ in 0..40 {
        token = service.refreshed(&token).refresh;
    }
    assert_eq!(hits(bed), 0);
}
