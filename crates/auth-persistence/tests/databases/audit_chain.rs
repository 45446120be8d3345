//! The chain over the audit trail, and its checkpoints.

use auth_core::{AuditEventId, AuditHead, AuditSeal};
use auth_persistence::audit_chain::{self, ChainedEvent, StoredHead};
use auth_persistence::audit_checkpoint::{self, AuditCheckpoint};
use auth_persistence::audit_event::{self, AuditEvent, ERASED_DETAILS};
use auth_persistence::{Conflict, DbConnection, DbError};
use uuid::Uuid;

use crate::fixture::{TestDatabase, on_both_databases, run};
use crate::rows::{HOUR, NOW, TICK, audit_event, user_id};

on_both_databases!(
    an_event_is_read_exactly_as_it_is_stored,
    erasing_leaves_what_the_tag_is_made_of,
    events_wait_for_their_place_by_id_and_get_one,
    an_event_that_somebody_has_locked_is_left_out,
    events_without_a_tag_are_told_apart_by_their_time,
    the_ends_are_made_once_and_moved,
    of_two_that_move_the_ends_one_waits,
    events_are_deleted_from_the_front_and_without_a_place,
    checkpoints_are_kept_by_place,
    a_link_of_another_length_is_refused,
);

const SEAL: AuditSeal = AuditSeal { salt: [1; 16], personal_digest: [2; 32], tag: [3; 32] };
const FIRST: AuditEventId = AuditEventId::from_uuid(Uuid::nil());

fn insert(c: &mut DbConnection, number: u64) -> Result<(), DbError> {
    audit_event::insert(c, &audit_event(number, 1), Some(&SEAL))
}

fn numbered(number: u64) -> AuditEventId {
    audit_event(number, 1).id
}

/// As [`numbered`], in the order of the ids.
fn in_order(numbers: &[u64]) -> Vec<AuditEventId> {
    let mut ids: Vec<_> = numbers.iter().map(|number| numbered(*number)).collect();
    ids.sort();
    ids
}

fn ids(rows: &[ChainedEvent]) -> Vec<AuditEventId> {
    rows.iter().map(|row| row.id).collect()
}

fn an_event_is_read_exactly_as_it_is_stored(test: &TestDatabase) {
    let details = serde_json::json!({ "b": "ä\u{1}\u{1f512}\"\\", "a": 0.1, "n": [null, true] });
    let event = AuditEvent { details, ip: Some("192.0.2.7".to_owned()), ..audit_event(1, 1) };
    let details = event.details.to_string();
    test.write(move |c| audit_event::insert(c, &event, Some(&SEAL)));
    let row = test.read(|c| audit_chain::unsealed(c, FIRST, 9)).remove(0);
    assert_eq!((row.id, row.at, row.details), (numbered(1), NOW, details));
    assert_eq!((row.event.as_str(), row.ip.as_deref(), row.user_id), ("login", Some("192.0.2.7"), Some(user_id(1))));
    let seal = (row.salt.unwrap(), row.personal_digest.unwrap(), row.tag.unwrap());
    assert_eq!(seal, (vec![1; 16], vec![2; 32], vec![3; 32]));
    assert_eq!((row.sequence, row.link), (None, None));
}

fn erasing_leaves_what_the_tag_is_made_of(test: &TestDatabase) {
    test.write(|c| {
        insert(c, 1)?;
        audit_event::insert(c, &audit_event(2, 2), Some(&SEAL))?;
        audit_event::forget_user(c, user_id(1))
    });
    let rows = test.read(|c| audit_chain::unsealed(c, FIRST, 9));
    let (erased, other) = if rows[0].id == numbered(1) { (&rows[0], &rows[1]) } else { (&rows[1], &rows[0]) };
    assert_eq!((erased.salt.as_deref(), erased.details.as_str()), (None, ERASED_DETAILS));
    assert_eq!(
        (erased.personal_digest.as_deref(), erased.tag.as_deref()),
        (Some([2; 32].as_slice()), Some([3; 32].as_slice()))
    );
    assert!(other.salt.is_some() && other.details != ERASED_DETAILS);
}

fn events_wait_for_their_place_by_id_and_get_one(test: &TestDatabase) {
    test.write(|c| (1..=4).try_for_each(|number| insert(c, number)));
    let order = in_order(&[1, 2, 3, 4]);
    assert_eq!(ids(&test.write(|c| audit_chain::lock_unsealed(c, FIRST, 3))), order[..3]);
    let after = order[1];
    assert_eq!(ids(&test.write(move |c| audit_chain::lock_unsealed(c, after, 9))), order[2..]);
    assert_eq!(test.read(audit_chain::count_unsealed), 4);
    let (one, other) = (order[2], order[0]);
    assert!(test.write(move |c| audit_chain::seal(c, one, 1, &[4; 32])));
    assert!(!test.write(move |c| audit_chain::seal(c, one, 2, &[5; 32])), "it has its place");
    let taken = test.refused(move |c| audit_chain::seal(c, other, 1, &[5; 32]));
    assert!(matches!(taken, DbError::UniqueViolation(Conflict::Other(_))), "{taken:?}");
    assert!(test.write(move |c| audit_chain::seal(c, other, 2, &[5; 32])));
    assert_eq!(test.read(audit_chain::count_unsealed), 2);
    let sealed = test.read(|c| audit_chain::sealed(c, 0, 9));
    assert_eq!(ids(&sealed), [one, other]);
    assert_eq!((sealed[0].sequence, sealed[0].link.as_deref()), (Some(1), Some([4; 32].as_slice())));
    assert_eq!(ids(&test.read(|c| audit_chain::sealed(c, 1, 9))), [other]);
    assert_eq!(ids(&test.write(|c| audit_chain::lock_sealed(c, 0, 1))), [one]);
    assert_eq!(test.read(audit_chain::last_sequence), Some(2));
    assert_eq!(test.read(|c| audit_chain::of_user(c, user_id(1), "login")).len(), 4);
    assert_eq!(test.read(|c| audit_chain::of_user(c, user_id(1), "logout")), []);
}

/// On SQLite nobody else writes meanwhile.
fn an_event_that_somebody_has_locked_is_left_out(test: &TestDatabase) {
    if test.is_sqlite() {
        return;
    }
    test.write(|c| (1..=2).try_for_each(|number| insert(c, number)));
    let database = test.database.clone();
    let free = test.write(move |c| {
        let held = audit_chain::lock_unsealed(c, FIRST, 1)?;
        let others = database.write_blocking(|c| audit_chain::lock_unsealed(c, FIRST, 9))?;
        Ok((ids(&held), ids(&others)))
    });
    let order = in_order(&[1, 2]);
    assert_eq!(free, (vec![order[0]], vec![order[1]]));
}

fn events_without_a_tag_are_told_apart_by_their_time(test: &TestDatabase) {
    assert_eq!(test.read(audit_chain::newest_untagged), None);
    test.write(|c| {
        insert(c, 1)?;
        audit_event::insert(c, &audit_event(2, 1), None)?;
        audit_event::insert(c, &AuditEvent { at: NOW.plus(TICK), ..audit_event(3, 1) }, None)
    });
    assert_eq!(test.read(audit_chain::newest_untagged), Some(NOW.plus(TICK)));
    let since = |at| ids(&test.read(move |c| audit_chain::untagged_since(c, at, 9)));
    assert_eq!((since(NOW), since(NOW.plus(TICK))), (vec![numbered(2), numbered(3)], vec![numbered(3)]));
    assert_eq!(test.read(|c| audit_chain::count_untagged_before(c, NOW.plus(TICK))), 1);
    assert_eq!(ids(&test.read(|c| audit_chain::unsealed(c, FIRST, 9))), [numbered(1)]);
}

fn stored(sequence: i64) -> StoredHead {
    let head = AuditHead { sequence, link: [6; 32], ..AuditHead::empty(NOW) };
    StoredHead { head, tag: [7; 32] }
}

fn the_ends_are_made_once_and_moved(test: &TestDatabase) {
    assert_eq!(test.write(audit_chain::lock_head), None);
    assert!(!test.write(|c| audit_chain::update_head(c, &stored(1))));
    assert!(test.write(|c| audit_chain::insert_head(c, &stored(1))));
    assert!(!test.write(|c| audit_chain::insert_head(c, &stored(2))));
    assert_eq!(test.read(audit_chain::head), Some(stored(1)));
    assert!(test.write(|c| audit_chain::update_head(c, &stored(3))));
    assert_eq!(test.write(audit_chain::lock_head), Some(stored(3)));
}

/// Nobody's move is lost.
fn of_two_that_move_the_ends_one_waits(test: &TestDatabase) {
    test.write(|c| audit_chain::insert_head(c, &stored(0)));
    crate::fixture::sixteen_at_once(|_| {
        test.write(|c| {
            let found = audit_chain::lock_head(c)?.map_or(0, |stored| stored.head.sequence);
            audit_chain::update_head(c, &stored(found + 1))
        })
    });
    assert_eq!(test.read(audit_chain::head), Some(stored(16)));
}

fn events_are_deleted_from_the_front_and_without_a_place(test: &TestDatabase) {
    test.write(|c| {
        for number in 1..=3 {
            insert(c, number)?;
            audit_chain::seal(c, numbered(number), number.cast_signed(), &[4; 32])?;
        }
        insert(c, 4)?;
        audit_event::insert(c, &audit_event(5, 1), None)?;
        audit_event::insert(c, &AuditEvent { at: NOW.plus(HOUR), ..audit_event(6, 1) }, None)
    });
    assert_eq!(test.write(|c| audit_chain::delete_sealed(c, 0, 2)), 2);
    assert_eq!(ids(&test.read(|c| audit_chain::sealed(c, 0, 9))), [numbered(3)]);
    assert_eq!(test.write(|c| audit_chain::delete_unsealed(c, NOW, 9)), 0);
    assert_eq!(test.write(|c| audit_chain::delete_unsealed(c, NOW.plus(TICK), 1)), 1);
    assert_eq!(test.write(|c| audit_chain::delete_unsealed(c, NOW.plus(TICK), 9)), 1);
    assert_eq!(test.read(|c| audit_event::list_for_user(c, user_id(1))).len(), 2);
}

fn checkpoint(sequence: i64) -> AuditCheckpoint {
    AuditCheckpoint { sequence, at: NOW, link: [8; 32], signature: [9; 64] }
}

fn checkpoints_are_kept_by_place(test: &TestDatabase) {
    assert_eq!(test.read(audit_checkpoint::last), None);
    for sequence in [3, 1, 2] {
        assert!(test.write(move |c| audit_checkpoint::insert(c, &checkpoint(sequence))));
    }
    assert!(!test.write(|c| audit_checkpoint::insert(c, &checkpoint(2))));
    assert_eq!(test.read(audit_checkpoint::last), Some(checkpoint(3)));
    assert_eq!(test.read(|c| audit_checkpoint::list(c, 1, 1)), [checkpoint(2)]);
    assert_eq!(test.write(|c| audit_checkpoint::delete_below(c, 3, 1)), 1);
    assert_eq!(test.write(|c| audit_checkpoint::delete_below(c, 3, 9)), 1);
    assert_eq!(test.read(|c| audit_checkpoint::list(c, 0, 9)), [checkpoint(3)]);
}

fn a_link_of_another_length_is_refused(test: &TestDatabase) {
    test.write(|c| audit_chain::insert_head(c, &stored(1)));
    let short = if test.is_sqlite() { "x'01'" } else { "'\\x01'::bytea" };
    for change in ["base_link", "link", "tag"].map(|column| format!("UPDATE audit_chain SET {column} = {short}")) {
        test.refused(move |c| run(c, &change));
    }
}
