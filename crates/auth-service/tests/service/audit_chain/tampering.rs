//! What somebody can do to rows by SQL.

use auth_service::FaultKind;

use super::{REMOVED_LAST, bytes, first_fault, id, id_at, keep, put_back, seal, trail, whole, with_events};
use crate::bed::{Bed, on_both_databases};

on_both_databases! {
    a_change_of_any_column_of_any_row_is_named,
    a_removed_row_is_named_wherever_it_was,
    a_row_that_was_put_in_is_named_wherever_it_is,
    rows_that_changed_places_are_named,
    a_row_that_was_taken_out_and_linked_again_is_named,
    several_changes_are_told_in_the_order_of_the_chain,
}

const OTHER: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// REQ-51
fn a_change_of_any_column_of_any_row_is_named(bed: &Bed) {
    let _instance = with_events(bed, 5);
    let trail = trail(bed);
    whole(&trail);
    keep(bed, "whole");
    let later = if bed.is_postgres() { "at + interval '1 microsecond'" } else { "at + 1" };
    let wrong = bytes(bed, &[1; 32]);
    let (other, salt) = (id(bed, OTHER), bytes(bed, &[1; 16]));
    let changes = [
        ("id", other.as_str()),
        ("at", later),
        ("at", if bed.is_postgres() { "'infinity'" } else { "9223372036854775807" }),
        ("event", "'login.failed'"),
        ("outcome", "'failure'"),
        ("user_id", &other),
        ("user_id", "NULL"),
        ("actor_id", &other),
        ("actor_id", "NULL"),
        ("ip", "'192.0.2.8'"),
        ("ip", "NULL"),
        ("user_agent", "'curl'"),
        ("user_agent", "NULL"),
        ("request_id", "'request-2'"),
        ("request_id", "NULL"),
        ("details", "details || ' '"),
        ("details", "'{}'"),
        ("salt", &salt),
        ("salt", "NULL"),
        ("personal_digest", &wrong),
        ("personal_digest", "NULL"),
        ("tag", &wrong),
        ("tag", "NULL"),
        ("link", &wrong),
        ("link", "NULL"),
    ];
    for place in [1, 3, 5] {
        for (column, value) in changes {
            bed.execute(&format!("UPDATE audit_events SET {column} = {value} WHERE sequence = {place}"));
            // Not every event has details to begin with.
            if bed.count("audit_events", "true") == 5 && is_as_kept(bed) {
                assert_eq!((column, value), ("details", "'{}'"));
                continue;
            }
            let fault = first_fault(&trail, &[]);
            let kind = if column == "link" { FaultKind::Misplaced } else { FaultKind::Changed };
            assert_eq!((fault.sequence, fault.kind), (Some(place), kind), "{column} = {value}");
            assert_eq!(fault.id.unwrap().to_string(), id_at(bed, place), "{column} = {value}");
            put_back(bed, "whole", &["audit_events"]);
        }
    }
    whole(&trail);
}

fn is_as_kept(bed: &Bed) -> bool {
    bed.count("(SELECT * FROM audit_events EXCEPT SELECT * FROM kept_whole_audit_events) changed", "true") == 0
}

/// REQ-51
fn a_removed_row_is_named_wherever_it_was(bed: &Bed) {
    let _instance = with_events(bed, 5);
    let trail = trail(bed);
    keep(bed, "whole");
    for (places, first, upto) in
        [("1", 1, 1), ("3", 3, 3), ("5", 5, 5), ("1, 2", 1, 2), ("2, 3, 4, 5", 2, 5), ("2, 4", 2, 2)]
    {
        bed.execute(&format!("DELETE FROM audit_events WHERE sequence IN ({places})"));
        let fault = first_fault(&trail, &[]);
        assert_eq!(
            (fault.sequence, fault.id, fault.kind),
            (Some(first), None, FaultKind::Removed { upto }),
            "{places}"
        );
        put_back(bed, "whole", &["audit_events"]);
    }
    // The place alone is taken: the row is still there.
    for place in 1..=5 {
        bed.execute(&format!("UPDATE audit_events SET sequence = NULL WHERE sequence = {place}"));
        let fault = first_fault(&trail, &[]);
        assert_eq!((fault.sequence, fault.kind), (Some(place), FaultKind::Removed { upto: place }));
        put_back(bed, "whole", &["audit_events"]);
    }
    bed.execute("DELETE FROM audit_events");
    assert_eq!(first_fault(&trail, &[]).kind, REMOVED_LAST);
}

/// REQ-51: with no tag, with a made-up one, with one of another row; with and without a place.
fn a_row_that_was_put_in_is_named_wherever_it_is(bed: &Bed) {
    let instance = with_events(bed, 5);
    let trail = trail(bed);
    keep(bed, "whole");
    let copy = |tag: &str, digest: &str, place: &str, link: &str| {
        bed.execute(&format!(
            "INSERT INTO audit_events
             SELECT {}, at, event, outcome, user_id, actor_id, ip, user_agent, request_id, details, salt, {digest}, {tag}, {place}, {link}
             FROM kept_whole_audit_events WHERE sequence = 3",
            id(bed, OTHER)
        ));
    };
    let wrong = bytes(bed, &[1; 32]);
    for (tag, digest) in [("NULL", "NULL"), (&wrong[..], &wrong[..]), ("tag", "personal_digest")] {
        for (place, link) in [("NULL", "NULL"), ("next", "link"), ("1000", "link")] {
            let next = (bed.count("audit_events", "true") + 1).to_string();
            let place = if place == "next" { &next } else { place };
            copy(tag, digest, place, link);
            let fault = first_fault(&trail, &[]);
            assert_eq!(fault.id.unwrap().to_string(), OTHER, "{tag} {place}");
            assert_eq!((fault.sequence, fault.kind), (place.parse().ok(), FaultKind::Inserted), "{tag} {place}");
            // It is not linked by the way, and does not keep others from being linked.
            instance.log_in(super::ADA);
            let linked = bed.count("audit_events", "link IS NOT NULL");
            seal(&instance);
            if place == "NULL" {
                assert_eq!(bed.count("audit_events", "link IS NOT NULL"), linked + 1);
            } else {
                assert_eq!(
                    bed.count("audit_events", "link IS NOT NULL"),
                    linked,
                    "the end of the chain isn't believed"
                );
            }
            assert_eq!(first_fault(&trail, &[]).id.unwrap().to_string(), OTHER, "{tag} {place}");
            bed.execute(&format!("DELETE FROM audit_events WHERE id = {}", id(bed, OTHER)));
            seal(&instance);
            whole(&trail);
        }
    }
    // In the place of another.
    bed.execute("DELETE FROM audit_events WHERE sequence = 4");
    copy("tag", "personal_digest", "4", "link");
    let fault = first_fault(&trail, &[]);
    assert_eq!((fault.sequence, fault.kind), (Some(4), FaultKind::Changed), "the tag is of another id");
}

fn rows_that_changed_places_are_named(bed: &Bed) {
    let _instance = with_events(bed, 5);
    let trail = trail(bed);
    keep(bed, "whole");
    for with_links in [true, false] {
        let move_row = |from: i64, to: i64| {
            let link = format!(", link = (SELECT link FROM kept_whole_audit_events WHERE sequence = {to})");
            let link = if with_links { "" } else { &link };
            bed.execute(&format!("UPDATE audit_events SET sequence = {to}{link} WHERE sequence = {from}"));
        };
        bed.execute("UPDATE audit_events SET sequence = 100 WHERE sequence = 2");
        move_row(4, 2);
        bed.execute("UPDATE audit_events SET sequence = 4 WHERE sequence = 100");
        if !with_links {
            bed.execute("UPDATE audit_events SET link = (SELECT link FROM kept_whole_audit_events WHERE sequence = 4) WHERE sequence = 4");
        }
        let fault = first_fault(&trail, &[]);
        assert_eq!((fault.sequence, fault.kind), (Some(2), FaultKind::Misplaced));
        put_back(bed, "whole", &["audit_events"]);
        whole(&trail);
    }
}

/// Somebody takes the places of the last rows away, has one of them disappear, and waits for the others to be linked.
fn a_row_that_was_taken_out_and_linked_again_is_named(bed: &Bed) {
    let instance = with_events(bed, 5);
    let trail = trail(bed);
    bed.execute("UPDATE audit_events SET sequence = NULL, link = NULL WHERE sequence IN (4, 5)");
    bed.execute("DELETE FROM audit_events WHERE id = (SELECT id FROM audit_events WHERE sequence IS NULL LIMIT 1)");
    seal(&instance);
    let fault = first_fault(&trail, &[]);
    assert_eq!((fault.sequence, fault.kind), (Some(4), REMOVED_LAST));
}

fn several_changes_are_told_in_the_order_of_the_chain(bed: &Bed) {
    let _instance = with_events(bed, 5);
    bed.execute("UPDATE audit_events SET outcome = 'failure' WHERE sequence IN (2, 4)");
    bed.execute("DELETE FROM audit_events WHERE sequence = 3");
    let report = trail(bed).verify(&[]).unwrap();
    let faults: Vec<_> = report.faults.iter().map(|fault| (fault.sequence.unwrap(), fault.kind)).collect();
    let expected = [(2, FaultKind::Changed), (3, FaultKind::Removed { upto: 3 }), (4, FaultKind::Changed)];
    assert_eq!((faults.as_slice(), report.fault_count), (expected.as_slice(), 3));
    assert!(report.faults[0].to_string().contains(&id_at(bed, 2)));
}
