//! Personal data are erased with their account, and the chain stays whole (REQ-40, REQ-51).

use auth_service::FaultKind;

use super::{ADA, fail, first_fault, seal, trail, whole};
use crate::bed::{Bed, on_both_databases};

on_both_databases! {
    an_account_that_is_deleted_leaves_a_whole_chain,
    a_deletion_that_is_not_yet_linked_is_known,
    data_that_were_erased_without_a_deletion_are_named,
    data_that_were_erased_in_part_are_named,
}

fn an_account_that_is_deleted_leaves_a_whole_chain(bed: &Bed) {
    let instance = bed.service();
    instance.register("bob@example.org");
    let ada = instance.register(ADA);
    seal(&instance);
    instance.delete(&ada).unwrap();
    seal(&instance);
    let report = whole(&trail(bed));
    assert_eq!((report.linked, report.erased), (3, 1));
    assert_eq!(bed.count("audit_events", "salt IS NULL AND ip IS NULL AND user_agent IS NULL AND details = '{}'"), 1);
    // Whoever comes after is somebody else.
    instance.register(ADA);
    seal(&instance);
    assert_eq!(whole(&trail(bed)).erased, 1);
}

fn a_deletion_that_is_not_yet_linked_is_known(bed: &Bed) {
    let instance = bed.service();
    let ada = instance.register(ADA);
    seal(&instance);
    instance.delete(&ada).unwrap();
    let report = whole(&trail(bed));
    assert_eq!((report.linked, report.erased, report.waiting), (1, 1, 1));
    // Also when all of it is linked afterwards.
    let bob = instance.register("bob@example.org");
    instance.delete(&bob).unwrap();
    seal(&instance);
    let report = whole(&trail(bed));
    assert_eq!((report.linked, report.erased, report.waiting), (4, 2, 0));
}

const ERASE: &str = "UPDATE audit_events SET ip = NULL, user_agent = NULL, salt = NULL, details = '{}'";

fn data_that_were_erased_without_a_deletion_are_named(bed: &Bed) {
    let instance = bed.service();
    let ada = instance.register(ADA);
    // Events of one moment are linked in any order.
    seal(&instance);
    instance.register("bob@example.org");
    seal(&instance);
    instance.delete(&ada).unwrap();
    seal(&instance);
    whole(&trail(bed));
    bed.execute(&format!("{ERASE} WHERE sequence = 2"));
    let fault = first_fault(&trail(bed), &[]);
    assert_eq!((fault.sequence, fault.kind), (Some(2), FaultKind::ErasedWithoutCause));
    // A deletion that somebody has made up is none.
    let table = "audit_events";
    let made_up = format!(
        "INSERT INTO {table} SELECT {}, at, 'account.deleted', outcome, user_id, actor_id, ip, user_agent, request_id, details,
         salt, personal_digest, tag, NULL, NULL FROM {table} WHERE sequence = 2",
        super::id(bed, "01890a5d-ac96-774b-bcce-b302099a8057")
    );
    bed.execute(&made_up);
    let report = trail(bed).verify(&[]).unwrap();
    let kinds: Vec<_> = report.faults.iter().map(|fault| fault.kind).collect();
    assert_eq!(kinds, [FaultKind::ErasedWithoutCause, FaultKind::Inserted]);
    // Nobody's account is deleted with what concerns nobody.
    bed.execute(&format!("DELETE FROM {table} WHERE sequence IS NULL"));
    fail(&instance);
    seal(&instance);
    bed.execute(&format!("{ERASE} WHERE user_id IS NULL"));
    let report = trail(bed).verify(&[]).unwrap();
    assert_eq!(report.faults.iter().map(|fault| fault.sequence).collect::<Vec<_>>(), [Some(2), Some(4)]);
}

fn data_that_were_erased_in_part_are_named(bed: &Bed) {
    let instance = bed.service();
    let ada = instance.register(ADA);
    seal(&instance);
    instance.delete(&ada).unwrap();
    seal(&instance);
    for change in ["ip = '192.0.2.7'", "user_agent = 'curl'", "details = '{\"a\":1}'"] {
        bed.execute(&format!("{ERASE} WHERE sequence = 1"));
        whole(&trail(bed));
        bed.execute(&format!("UPDATE audit_events SET {change} WHERE sequence = 1"));
        let fault = first_fault(&trail(bed), &[]);
        assert_eq!((fault.sequence, fault.kind), (Some(1), FaultKind::Changed), "{change}");
    }
}
