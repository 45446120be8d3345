//! Sign-ups: three in an hour for an address.

use std::time::Duration;

use auth_core::ErrorCode;
use auth_service::{Client, RateLimits, Registration};

use super::{ADA, MICRO, MINUTE, Said, at, said};
use crate::bed::{Bed, Instance, PASSWORD, block_on, on_both_databases};

on_both_databases! {
    an_address_has_three_and_another_each_twenty_minutes,
    a_taken_name_counts_and_a_refused_field_does_not,
    they_count_where_addresses_have_to_be_verified_too,
}

fn sign_up(service: &Instance, client: &Client, email: &str, password: &str) -> Said {
    let registration =
        Registration { email: Some(email), password: Some(password), username: None, display_name: None };
    said(block_on(service.service.register(registration, client)))
}

const LATER: Said = Said::Later("register", Duration::from_mins(20));

fn an_address_has_three_and_another_each_twenty_minutes(bed: &Bed) {
    let service = bed.limited();
    let next = |number: u32| sign_up(&service, &at(1), &format!("person{number}@example.org"), PASSWORD);
    assert_eq!([1, 2, 3].map(next), [Said::Yes; 3], "none is given back");
    let hashes = service.hashes_of(|| assert_eq!(next(4), LATER));
    assert_eq!((hashes, bed.count("users", "true")), (0, 3));
    assert_eq!(sign_up(&service, &at(2), "other@example.org", PASSWORD), Said::Yes, "another address");
    bed.clock().advance((20 * MINUTE).saturating_sub(MICRO));
    assert_eq!(next(4), Said::Later("register", MICRO));
    bed.clock().advance(MICRO);
    assert_eq!([next(4), next(5)], [Said::Yes, LATER]);
}

fn a_taken_name_counts_and_a_refused_field_does_not(bed: &Bed) {
    let service = bed.limited();
    assert_eq!(sign_up(&service, &at(1), ADA, PASSWORD), Said::Yes);
    for _ in 0..10 {
        for (email, password) in [(ADA, "short"), ("no address", PASSWORD), ("", "")] {
            assert_eq!(sign_up(&service, &at(1), email, password), Said::No(ErrorCode::ValidationFailed));
        }
    }
    for _ in 0..2 {
        assert_eq!(sign_up(&service, &at(1), ADA, PASSWORD), Said::No(ErrorCode::EmailTaken));
    }
    assert_eq!(sign_up(&service, &at(1), "new@example.org", PASSWORD), LATER);
    assert_eq!(sign_up(&service, &at(1), ADA, PASSWORD), LATER, "whether the name is taken is not told");
}

fn they_count_where_addresses_have_to_be_verified_too(bed: &Bed) {
    let service = bed.service_with(|config| {
        config.rate_limits = RateLimits::default();
        config.require_verified_email = true;
    });
    for _ in 0..3 {
        assert_eq!(sign_up(&service, &at(1), ADA, PASSWORD), Said::Yes);
    }
    assert_eq!(sign_up(&service, &at(1), "new@example.org", PASSWORD), LATER);
}
