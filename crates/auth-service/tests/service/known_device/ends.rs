//! What ends a device's token, and what doesn't.

use std::time::Duration;

use super::{ADA, EVE, MICRO, NO, Said, at, is_known, new_device};
use crate::bed::{Bed, NEW_PASSWORD, OTHER_PASSWORD, PASSWORD, on_both_databases};

on_both_databases! {
    a_reset_of_the_password_ends_all_of_them,
    securing_the_account_ends_all_of_them,
    deleting_the_account_ends_all_of_them,
    a_change_of_the_password_ends_none,
    signing_out_ends_none,
    a_device_is_known_for_a_time_after_its_last_use,
}

/// `AUTH_DEVICE_TOKEN_TTL`
const LIFE: Duration = Duration::from_hours(180 * 24);

fn devices(bed: &Bed) -> i64 {
    bed.count("devices", "true")
}

fn a_reset_of_the_password_ends_all_of_them(bed: &Bed) {
    let service = bed.mailing();
    service.verified(ADA);
    service.register(EVE);
    let device = new_device(&service, &at(1), ADA);
    let eve = new_device(&service, &at(1), EVE);
    service.mails();
    for lane in ["any", "known_device"] {
        bed.set_lane(lane, 100);
    }
    assert_eq!(service.on_device(&device, ADA, PASSWORD), NO);
    let token = service.reset_token(ADA);
    service.reset(&token, NEW_PASSWORD).unwrap();
    assert_eq!(devices(bed), 2, "nobody else's");
    assert_eq!(bed.lanes(), (0, 0), "and with them go the failures in a row");
    let step = service.try_on_device(&device, ADA, NEW_PASSWORD).unwrap();
    assert!(crate::bed::tokens(step).device_token.is_some(), "it is unknown, as any other");
    assert!(is_known(&service, &eve, EVE));
}

fn securing_the_account_ends_all_of_them(bed: &Bed) {
    let service = bed.mailing();
    let thief = service.verified(ADA);
    let device = new_device(&service, &at(1), ADA);
    service.mails();
    service.change_password(&thief, PASSWORD, OTHER_PASSWORD).unwrap();
    let token = service.token("secure-account");
    service.secure(&token).unwrap();
    assert_eq!(devices(bed), 0);
    assert_eq!(service.on_device(&device, ADA, OTHER_PASSWORD), NO);
}

fn deleting_the_account_ends_all_of_them(bed: &Bed) {
    let service = bed.service();
    let ada = service.register(ADA);
    let device = new_device(&service, &at(1), ADA);
    service.delete(&ada).unwrap();
    assert_eq!(devices(bed), 0);
    service.register(ADA);
    assert!(!is_known(&service, &device, ADA), "another account");
}

fn a_change_of_the_password_ends_none(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.register(ADA);
    let device = new_device(&service, &at(1), ADA);
    service.change_password(&ada, PASSWORD, NEW_PASSWORD).unwrap();
    let step = service.try_on_device(&device, ADA, NEW_PASSWORD).unwrap();
    assert!(crate::bed::tokens(step).device_token.is_none());
    assert_eq!(service.on_device(&device, ADA, PASSWORD), NO);
}

fn signing_out_ends_none(bed: &Bed) {
    let service = bed.service();
    let ada = service.register(ADA);
    let device = new_device(&service, &at(1), ADA);
    crate::bed::block_on(service.service.log_out_everywhere(ada.user, &at(1))).unwrap();
    assert!(is_known(&service, &device, ADA));
}

fn a_device_is_known_for_a_time_after_its_last_use(bed: &Bed) {
    let service = bed.service();
    service.register(ADA);
    let device = new_device(&service, &at(1), ADA);
    for _ in 0..3 {
        bed.clock().advance(LIFE.saturating_sub(MICRO));
        assert!(is_known(&service, &device, ADA));
    }
    bed.clock().advance(LIFE);
    assert!(!is_known(&service, &device, ADA));
    let service = bed.service_with(|config| config.device_token_life = Duration::from_hours(1));
    let short = new_device(&service, &at(1), ADA);
    bed.clock().advance(Duration::from_hours(1));
    assert_eq!(service.on_device(&short, ADA, PASSWORD), Said::Yes);
    assert!(!is_known(&service, &short, ADA));
}
