//! Old events go from the front, and what is left is a whole chain.

use std::time::Duration;

use auth_service::FaultKind;

use super::{ADA, checkpoint, fail, first_fault, seal, trail, whole};
use crate::bed::counters::counted;
use crate::bed::{Bed, Instance, block_on, on_both_databases};

on_both_databases! {
    old_events_go_and_the_rest_is_whole,
    everything_may_be_old,
    more_than_a_batch_goes_in_one_turn,
    events_from_before_the_chain_go_too,
    what_is_missing_is_told_before_its_time_is_over,
    nothing_is_deleted_behind_forged_ends,
}

const DAY: Duration = Duration::from_hours(24);

fn kept_for_ten_days(bed: &Bed) -> Instance {
    bed.service_with(|config| config.audit_retention = 10 * DAY)
}

fn delete_old(instance: &Instance) -> u64 {
    block_on(instance.service.delete_old_audit_events()).unwrap()
}

fn old_events_go_and_the_rest_is_whole(bed: &Bed) {
    let instance = kept_for_ten_days(bed);
    instance.register(ADA);
    instance.log_in(ADA);
    seal(&instance);
    let old = checkpoint(bed);
    bed.clock().advance(5 * DAY);
    instance.log_in(ADA);
    seal(&instance);
    let young = checkpoint(bed);
    bed.clock().advance(5 * DAY);
    assert_eq!(delete_old(&instance), 0, "of this moment is not older");
    bed.clock().advance(Duration::from_micros(1));
    assert_eq!(delete_old(&instance), 2);
    assert_eq!(delete_old(&instance), 0);
    let report = whole(&trail(bed));
    assert_eq!((report.base, report.end, report.linked, report.checkpoints), (2, 3, 1, 2));
    let report = trail(bed).verify(&[old, young]).unwrap();
    assert_eq!(
        (report.is_whole(), report.known, report.known_too_old),
        (true, 2, 0),
        "that of the beginning still counts"
    );
    instance.log_in(ADA);
    seal(&instance);
    assert_eq!(whole(&trail(bed)).end, 4);
}

fn everything_may_be_old(bed: &Bed) {
    let instance = kept_for_ten_days(bed);
    instance.register(ADA);
    instance.log_in(ADA);
    seal(&instance);
    let first = checkpoint(bed);
    instance.log_in(ADA);
    bed.clock().advance(Duration::from_mins(1));
    seal(&instance);
    bed.clock().advance(11 * DAY);
    assert_eq!(delete_old(&instance), 3);
    let report = whole(&trail(bed));
    assert_eq!((report.base, report.end, report.linked), (3, 3, 0));
    let report = trail(bed).verify(&[first]).unwrap();
    assert_eq!((report.is_whole(), report.known, report.known_too_old), (true, 0, 1));
    instance.log_in(ADA);
    seal(&instance);
    assert_eq!(whole(&trail(bed)).linked, 1);
}

fn more_than_a_batch_goes_in_one_turn(bed: &Bed) {
    let instance = kept_for_ten_days(bed);
    for _ in 0..1_100 {
        fail(&instance);
    }
    seal(&instance);
    let count = bed.count("audit_events", "link IS NOT NULL");
    assert!(count > 1_000);
    bed.clock().advance(11 * DAY);
    instance.register(ADA);
    seal(&instance);
    assert_eq!(delete_old(&instance), count.unsigned_abs());
    assert_eq!(whole(&trail(bed)).linked, 1);
}

fn events_from_before_the_chain_go_too(bed: &Bed) {
    let instance = kept_for_ten_days(bed);
    instance.register(ADA);
    // As the version before wrote it.
    bed.execute("UPDATE audit_events SET salt = NULL, personal_digest = NULL, tag = NULL");
    bed.clock().advance(DAY);
    instance.log_in(ADA);
    seal(&instance);
    let report = whole(&trail(bed));
    assert_eq!((report.linked, report.before_chain), (1, 1));
    bed.clock().advance(9 * DAY + Duration::from_micros(1));
    assert_eq!(delete_old(&instance), 1);
    let report = whole(&trail(bed));
    assert_eq!((report.linked, report.before_chain), (1, 0));
}

fn what_is_missing_is_told_before_its_time_is_over(bed: &Bed) {
    let instance = kept_for_ten_days(bed);
    instance.register(ADA);
    for _ in 0..5 {
        instance.log_in(ADA);
    }
    seal(&instance);
    bed.execute("DELETE FROM audit_events WHERE sequence IN (1, 3)");
    bed.execute("UPDATE audit_events SET event = 'logout' WHERE sequence = 5");
    bed.clock().advance(11 * DAY);
    instance.log_in(ADA);
    seal(&instance);
    let count = counted(|| assert_eq!(delete_old(&instance), 4));
    assert_eq!(count.get("auth_audit_chain_faults_total"), Some(&3));
    assert_eq!(whole(&trail(bed)).base, 6);
}

fn nothing_is_deleted_behind_forged_ends(bed: &Bed) {
    let instance = kept_for_ten_days(bed);
    instance.register(ADA);
    instance.log_in(ADA);
    seal(&instance);
    bed.clock().advance(11 * DAY);
    bed.execute("UPDATE audit_chain SET base_sequence = 1");
    assert_eq!(delete_old(&instance), 0);
    assert_eq!(first_fault(&trail(bed), &[]).kind, FaultKind::EndsForged);
}
