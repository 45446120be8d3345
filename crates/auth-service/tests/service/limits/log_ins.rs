//! Sign-ins: five in a quarter of an hour for an address, ten for a name.

use std::time::Duration;

use auth_core::ErrorCode;

use super::{ADA, EVE, MICRO, MINUTE, NO, SECOND, Said, WRONG, at, said};
use crate::bed::{Bed, PASSWORD, on_both_databases, together};

on_both_databases! {
    an_address_has_five_wrong_ones_and_another_each_three_minutes,
    a_name_has_ten_wrong_ones_from_anywhere_whether_it_is_known_or_not,
    right_ones_are_given_back_and_give_nothing_else_back,
    the_right_password_of_who_is_switched_off_is_not_given_back,
    what_can_t_be_right_for_anybody_takes_nothing,
    an_own_sign_in_clears_neither_the_address_nor_the_victim,
    one_password_for_five_hundred_accounts_is_tried_five_times,
    two_hundred_at_once_on_one_account_hash_ten_times,
    who_keeps_on_trying_waits_no_longer_for_it,
    a_refused_one_hashes_and_counts_nothing,
}

fn an_address_has_five_wrong_ones_and_another_each_three_minutes(bed: &Bed) {
    let service = bed.limited();
    let guess = |number: u32| service.log_in_from(&at(1), &format!("nobody{number}@example.org"), WRONG);
    for number in 0..5 {
        assert_eq!(guess(number), NO);
    }
    assert_eq!(guess(5), Said::Later("login", 3 * MINUTE));
    assert_eq!(service.log_in_from(&at(2), "nobody5@example.org", WRONG), NO, "another address");
    bed.clock().advance((3 * MINUTE).saturating_sub(MICRO));
    assert_eq!(guess(6), Said::Later("login", MICRO));
    bed.clock().advance(MICRO);
    assert_eq!([guess(7), guess(8)], [NO, Said::Later("login", 3 * MINUTE)]);
    bed.clock().advance(15 * MINUTE);
    assert_eq!(
        [0; 6].map(|_| guess(9)),
        [NO, NO, NO, NO, NO, Said::Later("login", 3 * MINUTE)],
        "and no more than five"
    );
}

/// L-01: the same answers at the same time, and the same work.
fn a_name_has_ten_wrong_ones_from_anywhere_whether_it_is_known_or_not(bed: &Bed) {
    let service = bed.limited();
    service.register_named(ADA, "analyst");
    let names = [ADA, "analyst", "nobody@example.org", "nobody"];
    for (name, first) in names.into_iter().zip((1..).step_by(100)) {
        let hashes = service.hashes_of(|| {
            let answers: Vec<Said> = (0..12).map(|n| service.log_in_from(&at(first + n), name, WRONG)).collect();
            assert_eq!(answers[..10], [NO; 10], "{name}");
            assert_eq!(answers[10..], [Said::Later("login_account", 90 * SECOND); 2], "{name}");
        });
        assert_eq!(hashes, 10, "{name}");
    }
    bed.clock().advance((90 * SECOND).saturating_sub(MICRO));
    for (name, number) in names.into_iter().zip(20..) {
        assert_eq!(service.log_in_from(&at(number), name, WRONG), Said::Later("login_account", MICRO), "{name}");
    }
    bed.clock().advance(MICRO);
    assert_eq!(service.log_in_from(&at(30), ADA, PASSWORD), Said::Yes, "L-04");
    assert_eq!(service.log_in_from(&at(30), ADA, WRONG), NO, "the right one was given back");
    assert_eq!(service.log_in_from(&at(31), ADA, PASSWORD), Said::Later("login_account", 90 * SECOND));
}

fn right_ones_are_given_back_and_give_nothing_else_back(bed: &Bed) {
    let service = bed.limited();
    service.register(ADA);
    for _ in 0..20 {
        assert_eq!(service.log_in_from(&at(1), ADA, PASSWORD), Said::Yes);
    }
    for _ in 0..5 {
        assert_eq!(service.log_in_from(&at(1), ADA, PASSWORD), Said::Yes);
        assert_eq!(service.log_in_from(&at(1), ADA, WRONG), NO);
    }
    assert_eq!(service.log_in_from(&at(1), ADA, PASSWORD), Said::Later("login", 3 * MINUTE));
    for number in 2..7 {
        assert_eq!(service.log_in_from(&at(number), ADA, WRONG), NO, "five of the ten were left");
    }
    assert_eq!(service.log_in_from(&at(7), ADA, PASSWORD), Said::Later("login_account", 90 * SECOND));
}

fn the_right_password_of_who_is_switched_off_is_not_given_back(bed: &Bed) {
    let service = bed.limited();
    service.register(ADA);
    bed.execute("UPDATE users SET disabled_at = created_at");
    for _ in 0..5 {
        assert_eq!(service.log_in_from(&at(1), ADA, PASSWORD), Said::No(ErrorCode::AccountDisabled));
    }
    assert_eq!(service.log_in_from(&at(1), ADA, PASSWORD), Said::Later("login", 3 * MINUTE));
}

fn what_can_t_be_right_for_anybody_takes_nothing(bed: &Bed) {
    let service = bed.limited();
    service.register(ADA);
    let long = "x".repeat(5000);
    for _ in 0..20 {
        let refused = said(service.log_in_on(&at(1), None, ADA, &long));
        assert_eq!(refused, Said::No(ErrorCode::ValidationFailed));
    }
    for _ in 0..5 {
        assert_eq!(service.log_in_from(&at(1), ADA, WRONG), NO);
    }
}

/// L-12
fn an_own_sign_in_clears_neither_the_address_nor_the_victim(bed: &Bed) {
    let service = bed.limited();
    service.register(ADA);
    service.register(EVE);
    for number in 0..10 {
        let client = at(1 + number / 5);
        assert_eq!(service.log_in_from(&client, ADA, WRONG), NO, "{number}");
        let own = service.log_in_from(&at(3), EVE, PASSWORD);
        assert_eq!(own, Said::Yes, "{number}");
        if number % 5 < 4 {
            assert_eq!(service.log_in_from(&client, EVE, PASSWORD), Said::Yes, "{number}");
        }
    }
    for used_up in [1, 2] {
        assert_eq!(service.log_in_from(&at(used_up), EVE, PASSWORD), Said::Later("login", 3 * MINUTE));
    }
    assert_eq!(service.log_in_from(&at(3), ADA, WRONG), Said::Later("login_account", 90 * SECOND));
}

/// L-13
fn one_password_for_five_hundred_accounts_is_tried_five_times(bed: &Bed) {
    let service = bed.limited();
    let hashes = service.hashes_of(|| {
        let answers: Vec<Said> =
            (0..500).map(|n| service.log_in_from(&at(1), &format!("person{n}@example.org"), PASSWORD)).collect();
        assert_eq!(answers[..5], [NO; 5]);
        assert!(answers[5..].iter().all(|answer| *answer == Said::Later("login", 3 * MINUTE)));
    });
    assert_eq!(hashes, 5);
}

/// L-07
fn two_hundred_at_once_on_one_account_hash_ten_times(bed: &Bed) {
    let service = bed.limited();
    service.register(ADA);
    let hashes = service.hashes_of(|| {
        let answers = together(200, |n| service.log_in_from(&at(u16::try_from(n).unwrap()), ADA, WRONG));
        assert_eq!(answers.iter().filter(|answer| **answer == NO).count(), 10, "{answers:?}");
        let later = Said::Later("login_account", 90 * SECOND);
        assert_eq!(answers.iter().filter(|answer| **answer == later).count(), 190, "{answers:?}");
    });
    assert_eq!((hashes, bed.count("audit_events", "event = 'login.failed'")), (10, 10));
}

/// L-24: one is back each ninety seconds whatever is tried in between; and each that was looked at counts for the
/// hundred in a row.
fn who_keeps_on_trying_waits_no_longer_for_it(bed: &Bed) {
    let service = bed.limited();
    let ada = service.register(ADA);
    service.exhaust(ADA);
    let mut address = 0;
    for round in 0..20 {
        for second in (0..90).step_by(6) {
            address += 1;
            let left = Duration::from_secs(90 - second);
            assert_eq!(service.log_in_from(&at(address), ADA, WRONG), Said::Later("login_account", left), "{round}");
            bed.clock().advance(6 * SECOND);
        }
        address += 1;
        assert_eq!(service.log_in_from(&at(address), ADA, WRONG), NO, "{round}");
    }
    assert_eq!(bed.count_events(ada.user, "login.failed"), 30);
    assert_eq!(bed.count("authenticator_failures", "count = 30"), 1);
    bed.clock().advance(90 * SECOND);
    assert_eq!(service.log_in_from(&at(0), ADA, PASSWORD), Said::Yes, "the victim is there at the right moment");
}

fn a_refused_one_hashes_and_counts_nothing(bed: &Bed) {
    let service = bed.limited();
    let ada = service.register(ADA);
    service.exhaust(ADA);
    let failed = || (bed.count_events(ada.user, "login.failed"), bed.count("authenticator_failures", "count = 10"));
    let hashes = service.hashes_of(|| {
        for password in [WRONG, PASSWORD] {
            let refused = service.log_in_from(&at(1), ADA, password);
            assert_eq!(refused, Said::Later("login_account", 90 * SECOND));
        }
    });
    assert_eq!(hashes, 0);
    assert_eq!(failed(), (10, 1));
    for number in 0..5 {
        // Nor does it cost the address anything that the name has nothing left.
        assert_eq!(service.log_in_from(&at(1), &format!("nobody{number}"), WRONG), NO);
    }
}
