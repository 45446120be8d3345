//! Many that write and several that link at once, each with connections of its own: every row gets one place.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{ADA, checkpoint, fail, seal, trail, whole};
use crate::bed::{Bed, block_on, on_both_databases, together};

on_both_databases! {
    eight_writers_and_two_that_link_at_once_make_one_chain,
    accounts_that_are_deleted_while_rows_are_linked_leave_a_whole_chain,
    a_trail_that_is_written_to_is_whole_while_it_is_looked_at,
}

const WRITERS: usize = 8;
const ROUNDS: usize = 25;

fn eight_writers_and_two_that_link_at_once_make_one_chain(bed: &Bed) {
    let instances = [bed.service(), bed.second_service(Duration::from_secs(3))];
    let writing = AtomicUsize::new(WRITERS);
    together(WRITERS + 2, |number| {
        let instance = &instances[number % 2];
        if number < WRITERS {
            for _ in 0..ROUNDS {
                fail(instance);
            }
            writing.fetch_sub(1, Ordering::SeqCst);
        } else {
            while writing.load(Ordering::SeqCst) > 0 {
                // Who doesn't get the lock in time tries again, as the job does.
                let _ = block_on(instance.service.seal_audit_events());
                std::thread::yield_now();
            }
        }
    });
    seal(&instances[0]);
    let rows = bed.count("audit_events", "true");
    assert!(rows >= i64::try_from(WRITERS * ROUNDS).unwrap(), "{rows}");
    assert_eq!(
        bed.count("audit_events", &format!("sequence BETWEEN 1 AND {rows}")),
        rows,
        "each has a place, and no place is empty"
    );
    assert_eq!(whole(&trail(bed)).linked, rows.unsigned_abs());
}

/// Erasing rows and linking them touch the same rows: neither is in the other's way.
fn accounts_that_are_deleted_while_rows_are_linked_leave_a_whole_chain(bed: &Bed) {
    let instances = [bed.service(), bed.second_service(Duration::ZERO)];
    let deleting = AtomicUsize::new(4);
    together(6, |number| {
        let instance = &instances[number % 2];
        if number < 4 {
            for round in 0..6 {
                let email = format!("user{number}-{round}@example.org");
                instance.register(&email);
                let account = instance.log_in(&email);
                instance.delete(&account).unwrap();
            }
            deleting.fetch_sub(1, Ordering::SeqCst);
        } else {
            while deleting.load(Ordering::SeqCst) > 0 {
                let _ = block_on(instance.service.seal_audit_events());
                std::thread::yield_now();
            }
        }
    });
    seal(&instances[0]);
    let report = whole(&trail(bed));
    assert_eq!((report.linked, report.erased), (72, 48));
}

/// Rows are written, linked and deleted from the front, and nobody did anything wrong.
fn a_trail_that_is_written_to_is_whole_while_it_is_looked_at(bed: &Bed) {
    let instance = bed.service_with(|config| config.audit_retention = Duration::from_mins(1));
    instance.register(ADA);
    seal(&instance);
    let known = checkpoint(bed);
    let trail = trail(bed);
    let looking = AtomicUsize::new(1);
    together(2, |number| {
        if number == 0 {
            let mut moved = 0;
            let mut base = 0;
            while moved < 5 {
                let report = trail.verify(std::slice::from_ref(&known));
                // Or the other one would never end.
                let report = report.inspect_err(|_| looking.store(0, Ordering::SeqCst)).unwrap();
                if !report.is_whole() {
                    looking.store(0, Ordering::SeqCst);
                    panic!("{report:?}");
                }
                moved += usize::from(report.base > base);
                base = report.base;
            }
            looking.store(0, Ordering::SeqCst);
        } else {
            while looking.load(Ordering::SeqCst) > 0 {
                for _ in 0..5 {
                    fail(&instance);
                }
                bed.clock().advance(Duration::from_secs(30));
                seal(&instance);
                block_on(instance.service.delete_old_audit_events()).unwrap();
            }
        }
    });
    assert!(whole(&trail).base > 0);
}
