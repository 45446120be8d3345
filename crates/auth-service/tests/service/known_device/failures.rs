//! Failures in a row on known devices, and elsewhere (NIST SP 800-63B-4, section 3.2.2): two counts, each of which
//! switches the password off where it was counted.

use super::{ADA, NO, Said, WRONG, at, new_device};
use crate::bed::{Bed, Instance, PASSWORD, on_both_databases, together};

on_both_databases! {
    a_hundred_on_known_devices_switch_the_password_off_there,
    a_hundred_elsewhere_leave_known_devices_alone,
    a_right_one_ends_the_row_where_it_was_given,
    many_at_once_are_counted_exactly,
}

/// Without rate limits, and a device of Ada's.
fn prepared(bed: &Bed) -> (Instance, String) {
    let service = bed.service();
    service.register(ADA);
    let device = new_device(&service, &at(1), ADA);
    (service, device)
}

fn a_hundred_on_known_devices_switch_the_password_off_there(bed: &Bed) {
    let (service, device) = prepared(bed);
    let other = new_device(&service, &at(2), ADA);
    for number in 1..=100_i64 {
        let device = if number % 2 == 0 { &device } else { &other };
        assert_eq!(service.on_device(device, ADA, WRONG), NO);
        assert_eq!(bed.count("audit_events", "event = 'password.disabled'"), number / 100);
    }
    assert_eq!(bed.lanes(), (0, 100));
    for device in [&device, &other] {
        assert_eq!(service.on_device(device, ADA, PASSWORD), NO, "all of her devices");
    }
    assert_eq!(service.log_in_from(&at(3), ADA, PASSWORD), Said::Yes);
    assert_eq!(bed.lanes(), (0, 102), "which is no way round for whoever stole one");
    let restarted = bed.service();
    assert_eq!(restarted.on_device(&device, ADA, PASSWORD), NO, "L-23");
}

fn a_hundred_elsewhere_leave_known_devices_alone(bed: &Bed) {
    let (service, device) = prepared(bed);
    for _ in 0..99 {
        assert_eq!(service.log_in_from(&at(1), ADA, WRONG), NO);
    }
    assert_eq!(bed.lanes(), (99, 0));
    assert_eq!(service.log_in_from(&at(1), ADA, WRONG), NO);
    assert_eq!(service.log_in_from(&at(1), ADA, PASSWORD), NO);
    for _ in 0..3 {
        assert_eq!(service.on_device(&device, ADA, WRONG), NO);
        assert_eq!(service.on_device(&device, ADA, PASSWORD), Said::Yes);
    }
    assert_eq!(bed.lanes(), (101, 0));
    assert_eq!(bed.service().log_in_from(&at(1), ADA, PASSWORD), NO, "until a reset");
}

fn a_right_one_ends_the_row_where_it_was_given(bed: &Bed) {
    let (service, device) = prepared(bed);
    bed.set_lane("known_device", 99);
    assert_eq!(service.on_device(&device, ADA, PASSWORD), Said::Yes);
    assert_eq!(bed.lanes(), (0, 0));
    bed.set_lane("any", 99);
    assert_eq!(service.log_in_from(&at(1), ADA, PASSWORD), Said::Yes);
    assert_eq!(bed.lanes(), (0, 0));
    bed.set_lane("known_device", 100);
    bed.set_lane("any", 99);
    assert_eq!(service.log_in_from(&at(1), ADA, PASSWORD), Said::Yes);
    assert_eq!(bed.lanes(), (0, 100), "what is switched off stays so");
}

fn many_at_once_are_counted_exactly(bed: &Bed) {
    let (service, device) = prepared(bed);
    together(24, |number| {
        let said = match number % 2 {
            0 => service.on_device(&device, ADA, WRONG),
            _ => service.log_in_from(&at(1), ADA, WRONG),
        };
        assert_eq!(said, NO);
    });
    assert_eq!(bed.lanes(), (12, 12));
    bed.set_lane("known_device", 90);
    together(24, |_| service.on_device(&device, ADA, WRONG));
    assert_eq!((bed.lanes(), bed.count("audit_events", "event = 'password.disabled'")), ((12, 114), 1));
    assert_eq!(service.on_device(&device, ADA, PASSWORD), NO);
}
