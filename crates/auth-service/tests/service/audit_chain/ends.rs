//! What somebody can do to the ends of the chain, and to its checkpoints.

use std::time::Duration;

use auth_service::FaultKind;

use super::{ADA, TABLES, bytes, checkpoint, first_fault, keep, put_back, seal, trail, trail_with, whole, with_events};
use crate::bed::counters::counted;
use crate::bed::journal::logged;
use crate::bed::{Bed, on_both_databases};

on_both_databases! {
    a_change_of_the_ends_is_named,
    ends_that_were_removed_are_named_and_no_other_chain_is_begun,
    a_chain_that_was_taken_off_whole_is_said_to_be_missing_and_a_new_one_to_have_begun,
    an_end_that_was_cut_off_is_told_by_a_checkpoint_alone,
    a_server_that_runs_notices_an_older_end_and_links_nothing_on_it,
    an_instance_that_links_nothing_notices_an_older_end_too,
    an_older_end_is_noticed_after_a_restart_by_the_checkpoint,
    a_checkpoint_that_was_changed_or_made_up_is_named,
    a_checkpoint_of_another_database_is_named,
}

fn a_change_of_the_ends_is_named(bed: &Bed) {
    let instance = with_events(bed, 3);
    let trail = trail(bed);
    keep(bed, "whole");
    let wrong = bytes(bed, &[1; 32]);
    let later = if bed.is_postgres() { "began_at + interval '1 second'" } else { "began_at + 1" };
    for (column, value) in [
        ("began_at", later),
        ("base_sequence", "1"),
        ("base_link", &wrong),
        ("sequence", "4"),
        ("sequence", "2"),
        ("link", &wrong),
        ("tag", &wrong),
    ] {
        bed.execute(&format!("UPDATE audit_chain SET {column} = {value}"));
        let fault = first_fault(&trail, &[]);
        assert_eq!((fault.sequence, fault.kind), (None, FaultKind::EndsForged), "{column} = {value}");
        instance.log_in(ADA);
        let count = counted(|| seal(&instance));
        // What is wrong is told once, until it is right again.
        assert_eq!(count.get("auth_audit_chain_faults_total"), Some(&1), "{column} = {value}");
        assert!(!counted(|| seal(&instance)).contains_key("auth_audit_chain_faults_total"), "{column} = {value}");
        assert_eq!(bed.count("audit_events", "link IS NOT NULL"), 3, "{column} = {value}");
        put_back(bed, "whole", &TABLES);
        seal(&instance);
    }
    whole(&trail);
}

fn ends_that_were_removed_are_named_and_no_other_chain_is_begun(bed: &Bed) {
    let instance = with_events(bed, 3);
    let trail = trail(bed);
    bed.execute("DELETE FROM audit_chain");
    assert_eq!(first_fault(&trail, &[]).kind, FaultKind::EndsGone);
    for instance in [&instance, &bed.service()] {
        instance.log_in(ADA);
        seal(instance);
        assert_eq!(bed.count("audit_chain", "true"), 0);
    }
    // Neither when the rows have lost their places.
    let known = checkpoint(bed);
    bed.execute("UPDATE audit_events SET sequence = NULL, link = NULL");
    seal(&bed.service());
    assert_eq!(bed.count("audit_chain", "true"), 0);
    bed.execute("DELETE FROM audit_checkpoints");
    seal(&instance);
    assert_eq!(bed.count("audit_chain", "true"), 0, "a server that runs knows that there was a chain");
    assert_eq!(first_fault(&trail, std::slice::from_ref(&known)).kind, FaultKind::EndsGone);
    // A server that is started now can't know; a checkpoint from the log can.
    seal(&bed.service());
    assert_eq!(bed.count("audit_chain", "true"), 1);
    whole(&trail);
    assert_eq!(first_fault(&trail, &[known]).kind, FaultKind::CheckpointOffChain);
}

/// The rows are left as those of a version without a chain.
fn a_chain_that_was_taken_off_whole_is_said_to_be_missing_and_a_new_one_to_have_begun(bed: &Bed) {
    drop(with_events(bed, 3));
    let trail = trail(bed);
    for table in ["audit_chain", "audit_checkpoints"] {
        bed.execute(&format!("DELETE FROM {table}"));
    }
    bed.execute(
        "UPDATE audit_events SET salt = NULL, personal_digest = NULL, tag = NULL, sequence = NULL, link = NULL",
    );
    let report = trail.verify(&[]).unwrap();
    assert_eq!((report.faults[0].kind, report.before_chain), (FaultKind::NoChain, 3));
    bed.clock().advance(Duration::from_secs(1));
    let started = bed.service();
    let log = logged(|| seal(&started));
    assert!(log.contains("audit.chain_began") && log.contains("before=3"), "{log}");
    assert_eq!(whole(&trail).before_chain, 3);
}

/// Removes the last event and everything that tells of it, as somebody does who has kept an older copy.
fn an_end_that_was_cut_off_is_told_by_a_checkpoint_alone(bed: &Bed) {
    let instance = with_events(bed, 3);
    let trail = trail(bed);
    keep(bed, "older");
    bed.clock().advance(Duration::from_mins(1));
    instance.log_in(ADA);
    seal(&instance);
    let known = checkpoint(bed);
    assert_eq!(trail.verify(std::slice::from_ref(&known)).unwrap().known, 1);
    put_back(bed, "older", &["audit_events", "audit_chain"]);
    let cut_off = |known: &[_]| {
        let fault = first_fault(&trail, known);
        assert_eq!((fault.sequence, fault.kind), (Some(4), FaultKind::CutOff { end: 3 }));
    };
    cut_off(&[]);
    put_back(bed, "older", &["audit_checkpoints"]);
    whole(&trail);
    cut_off(&[known]);
}

fn a_server_that_runs_notices_an_older_end_and_links_nothing_on_it(bed: &Bed) {
    let instance = with_events(bed, 3);
    keep(bed, "older");
    instance.log_in(ADA);
    seal(&instance);
    keep(bed, "newer");
    // With the row in its place, and with it gone.
    for tables in [&["audit_chain"][..], &TABLES] {
        put_back(bed, "older", tables);
        instance.log_in(ADA);
        let linked = bed.count("audit_events", "link IS NOT NULL");
        let log = logged(|| assert_eq!(counted(|| seal(&instance)).get("auth_audit_chain_faults_total"), Some(&1)));
        assert!(log.contains("ERROR") && log.contains("audit verify"), "{log}");
        assert_eq!(bed.count("audit_events", "link IS NOT NULL"), linked);
        assert_eq!(bed.count("audit_chain", "sequence = 3"), 1);
        put_back(bed, "newer", &TABLES);
        seal(&instance);
        whole(&trail(bed));
    }
    instance.log_in(ADA);
    seal(&instance);
    assert_eq!(whole(&trail(bed)).end, 5, "it goes on when all is as it was");
}

/// Whoever puts an older end back may have taken care of the instance that linked what is gone.
fn an_instance_that_links_nothing_notices_an_older_end_too(bed: &Bed) {
    let linking = with_events(bed, 3);
    keep(bed, "older");
    linking.log_in(ADA);
    seal(&linking);
    drop(linking);
    let witness = bed.service();
    // A turn of its jobs, in which there is nothing to link.
    let look = || counted(|| witness.flush());
    assert!(!look().contains_key("auth_audit_chain_faults_total"));
    put_back(bed, "older", &TABLES);
    assert_eq!(look().get("auth_audit_chain_faults_total"), Some(&1));
}

fn an_older_end_is_noticed_after_a_restart_by_the_checkpoint(bed: &Bed) {
    let instance = with_events(bed, 3);
    keep(bed, "older");
    bed.clock().advance(Duration::from_mins(1));
    instance.log_in(ADA);
    seal(&instance);
    put_back(bed, "older", &["audit_events", "audit_chain"]);
    let restarted = bed.service();
    restarted.log_in(ADA);
    seal(&restarted);
    assert_eq!(bed.count("audit_events", "sequence IS NULL"), 1);
}

fn a_checkpoint_that_was_changed_or_made_up_is_named(bed: &Bed) {
    let instance = with_events(bed, 3);
    let trail = trail(bed);
    assert_eq!(whole(&trail).checkpoints, 1);
    keep(bed, "whole");
    let (link, signature) = (bytes(bed, &[1; 32]), bytes(bed, &[1; 64]));
    for change in [format!("link = {link}"), format!("signature = {signature}"), "sequence = 2".to_owned()] {
        bed.execute(&format!("UPDATE audit_checkpoints SET {change}"));
        assert_eq!(first_fault(&trail, &[]).kind, FaultKind::CheckpointForged, "{change}");
        put_back(bed, "whole", &["audit_checkpoints"]);
    }
    let known = checkpoint(bed);
    let text = known.to_string();
    let made_up = text.replacen("3:", "2:", 1).parse().unwrap();
    let fault = first_fault(&trail, &[known, made_up]);
    assert_eq!((fault.sequence, fault.kind), (Some(2), FaultKind::CheckpointForged));
    seal(&instance);
}

/// The key tells one database from another, under the same secret.
fn a_checkpoint_of_another_database_is_named(bed: &Bed) {
    let _instance = with_events(bed, 3);
    let other = Bed::sqlite();
    let _other_instance = with_events(&other, 3);
    let fault = first_fault(&trail(bed), &[checkpoint(&other)]);
    assert_eq!((fault.sequence, fault.kind), (Some(3), FaultKind::CheckpointForged));
    assert_ne!(trail(bed).checkpoint_key(), trail(&other).checkpoint_key());
    assert_eq!(trail(bed).checkpoint_key(), trail_with(bed, crate::bed::SECRET, None).checkpoint_key());
}
