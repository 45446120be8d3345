//! The rate limits of a known device: its own.

use std::time::Duration;

use auth_service::RateLimits;

use super::{ADA, EVE, MICRO, MINUTE, NO, SECOND, Said, WRONG, at, new_device, said};
use crate::bed::{Bed, PASSWORD, browser, on_both_databases};

on_both_databases! {
    strangers_lock_out_whoever_has_no_device_and_not_the_owner_on_theirs,
    wrong_passwords_on_a_device_are_its_own,
    a_device_has_nothing_of_its_own_for_other_names,
    right_ones_are_given_back,
    two_hundred_at_once_on_a_device_hash_ten_times,
}

const LATER: Said = Said::Later("login_device", Duration::from_secs(90));

/// L-05, L-14: a thousand guesses by strangers, from everywhere and from the owner's own address.
fn strangers_lock_out_whoever_has_no_device_and_not_the_owner_on_theirs(bed: &Bed) {
    let service = bed.limited();
    let ada = service.register_named(ADA, "analyst");
    let device = new_device(&service, &browser(), ADA);
    for number in 0..5 {
        assert_eq!(service.log_in_from(&browser(), &format!("nobody{number}"), WRONG), NO);
    }
    service.exhaust(ADA);
    for number in 0..1000 {
        assert_eq!(service.log_in_from(&at(number), ADA, PASSWORD), Said::Later("login_account", 90 * SECOND));
    }
    assert!(matches!(service.log_in_from(&browser(), ADA, PASSWORD), Said::Later(..)));
    for name in [ADA, "analyst", "ADA@EXAMPLE.ORG"] {
        assert_eq!(said(service.log_in_on(&browser(), Some(&device), name, PASSWORD)), Said::Yes, "{name}");
    }
    // A hundred in a row, over some hours.
    for number in 10..100 {
        bed.clock().advance(90 * SECOND);
        assert_eq!(service.log_in_from(&at(2000 + number), ADA, WRONG), NO);
    }
    assert_eq!(bed.lanes(), (100, 0));
    bed.clock().advance(15 * MINUTE);
    assert_eq!(service.log_in_from(&at(2), ADA, PASSWORD), NO, "switched off for who has no device");
    assert_eq!(bed.count_events(ada.user, "password.disabled"), 1);
    assert_eq!(said(service.log_in_on(&at(2), Some(&device), ADA, PASSWORD)), Said::Yes);
    assert!(service.refresh(&ada.refresh).is_ok(), "who is signed in stays so");
}

fn wrong_passwords_on_a_device_are_its_own(bed: &Bed) {
    let service = bed.limited();
    service.register_named(ADA, "analyst");
    let [device, other] = [1, 2].map(|number| new_device(&service, &at(number), ADA));
    for name in [ADA, "analyst"].into_iter().cycle().take(10) {
        assert_eq!(service.on_device(&device, name, WRONG), NO);
    }
    let hashes = service.hashes_of(|| assert_eq!(service.on_device(&device, ADA, PASSWORD), LATER));
    assert_eq!(hashes, 0);
    assert_eq!(service.on_device(&other, ADA, PASSWORD), Said::Yes, "another of her devices");
    assert_eq!(service.log_in_from(&at(50_000), ADA, PASSWORD), Said::Yes, "nor the address nor the name was charged");
    service.exhaust(ADA);
    bed.clock().advance((90 * SECOND).saturating_sub(MICRO));
    assert_eq!(service.on_device(&device, ADA, PASSWORD), Said::Later("login_device", MICRO));
    bed.clock().advance(MICRO);
    assert_eq!(service.on_device(&device, ADA, PASSWORD), Said::Yes);
}

/// Its holder guesses at others as strangers do.
fn a_device_has_nothing_of_its_own_for_other_names(bed: &Bed) {
    let service = bed.limited();
    service.register(ADA);
    service.register(EVE);
    let eve = new_device(&service, &at(1), EVE);
    for name in [ADA, "nobody@example.org", "nobody", "@", "nobody1"] {
        assert_eq!(service.on_device(&eve, name, WRONG), NO, "{name}");
    }
    assert_eq!(service.on_device(&eve, ADA, WRONG), Said::Later("login", 3 * MINUTE));
    assert_eq!(service.on_device(&eve, EVE, PASSWORD), Said::Yes);
    assert_eq!(bed.lanes(), (1, 0));
}

fn right_ones_are_given_back(bed: &Bed) {
    let service = bed.service_with(|config| config.rate_limits = RateLimits::default());
    service.register(ADA);
    let device = new_device(&service, &at(1), ADA);
    for _ in 0..15 {
        assert_eq!(service.on_device(&device, ADA, PASSWORD), Said::Yes);
    }
    for _ in 0..10 {
        assert_eq!(service.on_device(&device, ADA, WRONG), NO);
    }
    assert_eq!(service.on_device(&device, ADA, PASSWORD), LATER);
}

/// L-07
fn two_hundred_at_once_on_a_device_hash_ten_times(bed: &Bed) {
    let service = bed.limited();
    service.register(ADA);
    let device = new_device(&service, &at(1), ADA);
    let hashes = service.hashes_of(|| {
        let answers = crate::bed::together(200, |_| service.on_device(&device, ADA, WRONG));
        assert_eq!(answers.iter().filter(|answer| **answer == NO).count(), 10, "{answers:?}");
    });
    assert_eq!(hashes, 10);
}
