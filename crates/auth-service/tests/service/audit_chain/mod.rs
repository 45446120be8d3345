//! The audit trail's chain (REQ-51): whatever somebody does to the rows is named, and nothing else is.

mod ends;
mod erasure;
mod retention;
mod sealing;
mod tampering;
mod writers;

use std::sync::Arc;

use auth_core::{AuthSecret, OsRandom, SecretRing};
use auth_service::{AuditFault, AuditReport, AuditTrail, FaultKind, KnownCheckpoint, LoginError};

use crate::bed::{Bed, Instance, SECRET, block_on};

const ADA: &str = "ada@example.org";
const TABLES: [&str; 3] = ["audit_events", "audit_chain", "audit_checkpoints"];

fn seal(instance: &Instance) {
    block_on(instance.service.seal_audit_events()).unwrap();
}

fn trail_with(bed: &Bed, secret: &str, previous: Option<&str>) -> AuditTrail {
    let parse = |text| AuthSecret::new(text).unwrap();
    let secrets = SecretRing::new(&parse(secret), previous.map(parse).as_ref());
    AuditTrail::open(bed.open_again(), secrets, Arc::clone(bed.clock()) as _, Arc::new(OsRandom)).unwrap()
}

fn trail(bed: &Bed) -> AuditTrail {
    trail_with(bed, SECRET, None)
}

#[track_caller]
fn whole(trail: &AuditTrail) -> AuditReport {
    let report = trail.verify(&[]).unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert!(report.faults.is_empty());
    report
}

#[track_caller]
fn first_fault(trail: &AuditTrail, known: &[KnownCheckpoint]) -> AuditFault {
    let report = trail.verify(known).unwrap();
    assert!(!report.is_whole() && report.fault_count >= report.faults.len() as u64, "{report:?}");
    report.faults.into_iter().next().expect("a fault")
}

/// An event about nobody. Whoever doesn't get to write in time tries again; nothing was written then.
fn fail(instance: &Instance) {
    let refused = || instance.try_log_in("nobody@example.org", "not the password").unwrap_err();
    while matches!(refused(), LoginError::Fault(_)) {}
}

/// A service with so many linked events, the first of which is Ada's registration.
fn with_events(bed: &Bed, count: usize) -> Instance {
    let instance = bed.service();
    instance.register(ADA);
    for _ in 1..count {
        instance.log_in(ADA);
    }
    seal(&instance);
    assert_eq!(bed.count("audit_events", "link IS NOT NULL"), i64::try_from(count).unwrap());
    instance
}

/// The id of the event in this place.
fn id_at(bed: &Bed, place: i64) -> String {
    let trail = bed.read(move |conn| auth_persistence::audit_chain::sealed(conn, place - 1, 1));
    assert_eq!(trail[0].sequence, Some(place));
    trail[0].id.to_string()
}

/// Keeps everything that is stored about the trail under `name`.
fn keep(bed: &Bed, name: &str) {
    for table in TABLES {
        bed.execute(&format!("CREATE TABLE kept_{name}_{table} AS SELECT * FROM {table}"));
    }
}

/// Puts back what was kept of `tables`.
fn put_back(bed: &Bed, name: &str, tables: &[&str]) {
    for table in tables {
        bed.execute(&format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{name}_{table}"));
    }
}

/// Bytes as they are written in SQL.
fn bytes(bed: &Bed, bytes: &[u8]) -> String {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    if bed.is_postgres() { format!("'\\x{digits}'::bytea") } else { format!("x'{digits}'") }
}

/// An id as it is written in SQL.
fn id(bed: &Bed, id: &str) -> String {
    if bed.is_postgres() { format!("'{id}'::uuid") } else { format!("x'{}'", id.replace('-', "")) }
}

/// The end of the chain, as the log has it.
fn checkpoint(bed: &Bed) -> KnownCheckpoint {
    let stored = bed.read(auth_persistence::audit_checkpoint::last).unwrap();
    let encode = |bytes: &[u8]| base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, bytes);
    format!("{}:{}:{}", stored.sequence, encode(&stored.link), encode(&stored.signature)).parse().unwrap()
}

const REMOVED_LAST: FaultKind = FaultKind::Removed { upto: 5 };
