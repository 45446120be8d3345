//! Linking rows: when, which, and what is said about it.

use std::sync::Arc;
use std::time::Duration;

use auth_core::{AuthSecret, OsRandom, SecretRing, SigningAlgorithm};
use auth_service::{AuditTrail, FaultKind, KeyError, KeyKeeper, KnownCheckpoint, Urgency};

use super::{ADA, checkpoint, fail, first_fault, id_at, seal, trail, trail_with, whole};
use crate::bed::counters::counted;
use crate::bed::journal::logged;
use crate::bed::{Bed, OTHER_SECRET, SECRET, block_on, on_both_databases, until};

on_both_databases! {
    a_row_that_was_changed_before_it_was_linked_is_told_once_and_left_out,
    a_checkpoint_is_signed_each_minute_and_said_in_the_log,
    the_job_links_and_a_stop_signs_the_end,
    a_rotation_is_in_the_chain_whoever_made_it,
    data_keys_that_are_sealed_anew_leave_the_chain_as_it_is,
    where_no_server_has_run_there_is_no_chain,
    more_rows_than_a_batch_are_linked_in_one_turn,
    rows_from_before_the_chain_are_counted,
}

fn a_row_that_was_changed_before_it_was_linked_is_told_once_and_left_out(bed: &Bed) {
    let instance = bed.service();
    instance.register(ADA);
    seal(&instance);
    instance.log_in(ADA);
    bed.execute("UPDATE audit_events SET ip = '192.0.2.8' WHERE sequence IS NULL");
    instance.log_in(ADA);
    let log = logged(|| {
        let count = counted(|| seal(&instance));
        assert_eq!(count.get("auth_audit_chain_faults_total"), Some(&1));
        assert_eq!(count.get("auth_audit_sealed_total"), Some(&1));
    });
    let fault = first_fault(&trail(bed), &[]);
    assert_eq!((fault.sequence, fault.kind), (None, FaultKind::Inserted));
    assert!(log.contains("ERROR") && log.contains(&fault.id.unwrap().to_string()), "{log}");
    assert!(!counted(|| seal(&instance)).contains_key("auth_audit_chain_faults_total"));
    assert_eq!(bed.count("audit_events", "sequence = 2"), 1);
}

fn a_checkpoint_is_signed_each_minute_and_said_in_the_log(bed: &Bed) {
    let instance = bed.service();
    instance.register(ADA);
    let log = logged(|| seal(&instance));
    let said = |log: &str| -> Option<KnownCheckpoint> {
        let line = log.lines().find(|line| line.contains("audit.checkpoint"))?;
        line.split("checkpoint=").last()?.split(' ').next()?.parse().ok()
    };
    let first = said(&log).expect("a checkpoint in the log");
    assert_eq!(first, checkpoint(bed));
    assert!(log.contains(&trail(bed).checkpoint_key()), "{log}");
    instance.log_in(ADA);
    bed.clock().advance(Duration::from_secs(59));
    assert_eq!(said(&logged(|| seal(&instance))), None);
    // Also when nothing has happened since.
    bed.clock().advance(Duration::from_secs(1));
    let second = said(&logged(|| seal(&instance))).unwrap();
    bed.clock().advance(Duration::from_mins(2));
    assert_eq!(said(&logged(|| seal(&instance))), None, "the end is signed already");
    assert_eq!(bed.count("audit_checkpoints", "true"), 2);
    assert_eq!(trail(bed).verify(&[first, second]).unwrap().known, 2);
}

fn the_job_links_and_a_stop_signs_the_end(bed: &Bed) {
    let instance = bed.service();
    instance.register(ADA);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let jobs = runtime.block_on(async { instance.service.run_jobs() });
    until(|| bed.count("audit_events", "sequence = 1") == 1);
    instance.log_in(ADA);
    until(|| bed.count("audit_events", "sequence = 2") == 1);
    assert_eq!(bed.count("audit_checkpoints", "true"), 1, "a minute has not passed");
    instance.log_in(ADA);
    runtime.block_on(jobs.stop());
    assert_eq!(bed.count("audit_events", "sequence = 3"), 1);
    assert_eq!(bed.count("audit_checkpoints", "sequence = 3"), 1);
    whole(&trail(bed));
}

fn keeper(bed: &Bed, secret: &str, previous: Option<&str>) -> KeyKeeper {
    let parse = |text| AuthSecret::new(text).unwrap();
    let secrets = SecretRing::new(&parse(secret), previous.map(parse).as_ref());
    let clock = Arc::clone(bed.clock());
    KeyKeeper::new(bed.open_again(), secrets, SigningAlgorithm::EdDsa, clock, Arc::new(OsRandom))
}

fn a_rotation_is_in_the_chain_whoever_made_it(bed: &Bed) {
    let hour = Duration::from_hours(1);
    let instance = bed.service_with(|config| config.signing_key_life = hour);
    keeper(bed, SECRET, None).rotate(Urgency::AtOnce).unwrap();
    seal(&instance);
    bed.clock().advance(2 * hour);
    block_on(instance.service.keep_keys()).unwrap();
    seal(&instance);
    assert_eq!(bed.count("audit_events", "event = 'keys.rotated' AND link IS NOT NULL"), 2);
    assert_eq!(whole(&trail(bed)).linked, 2);
    bed.execute("UPDATE audit_events SET details = '{}' WHERE sequence = 1");
    assert_eq!(first_fault(&trail(bed), &[]).id.unwrap().to_string(), id_at(bed, 1));
}

fn data_keys_that_are_sealed_anew_leave_the_chain_as_it_is(bed: &Bed) {
    let instance = bed.service();
    instance.register(ADA);
    seal(&instance);
    keeper(bed, OTHER_SECRET, Some(SECRET)).reseal().unwrap();
    instance.log_in(ADA);
    seal(&instance);
    assert_eq!(whole(&trail_with(bed, OTHER_SECRET, None)).linked, 2);
}

fn where_no_server_has_run_there_is_no_chain(bed: &Bed) {
    let secrets = SecretRing::new(&AuthSecret::new(SECRET).unwrap(), None);
    let opened = AuditTrail::open(bed.open_again(), secrets, Arc::clone(bed.clock()) as _, Arc::new(OsRandom));
    assert!(matches!(opened, Err(KeyError::None)));
    let _instance = bed.service();
    let report = whole(&trail(bed));
    assert_eq!((report.began_at, report.linked), (None, 0));
}

fn more_rows_than_a_batch_are_linked_in_one_turn(bed: &Bed) {
    let instance = bed.service();
    for _ in 0..1_100 {
        fail(&instance);
    }
    let unlinked = bed.count("audit_events", "link IS NULL");
    assert!(unlinked >= 1_100);
    seal(&instance);
    assert_eq!(bed.count("audit_events", "link IS NULL"), 0);
    // More than one page, too.
    assert_eq!(whole(&trail(bed)).linked, unlinked.unsigned_abs());
    bed.execute("DELETE FROM audit_events WHERE sequence = 1000");
    assert_eq!(first_fault(&trail(bed), &[]).sequence, Some(1000));
    bed.execute("DELETE FROM audit_events WHERE sequence = 1001");
    assert_eq!(first_fault(&trail(bed), &[]).kind, FaultKind::Removed { upto: 1001 });
}

fn rows_from_before_the_chain_are_counted(bed: &Bed) {
    let instance = bed.service();
    instance.register(ADA);
    // As an instance of the version before writes it whose clock is ahead.
    let later = if bed.is_postgres() { "at + interval '2 seconds'" } else { "at + 2000000" };
    bed.execute(&format!("UPDATE audit_events SET at = {later}, salt = NULL, personal_digest = NULL, tag = NULL"));
    instance.log_in(ADA);
    assert!(!counted(|| seal(&instance)).contains_key("auth_audit_chain_faults_total"));
    let report = whole(&trail(bed));
    assert_eq!((report.linked, report.before_chain), (1, 1));
}
