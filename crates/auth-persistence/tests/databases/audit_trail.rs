//! The trail, a page at a time.

use auth_core::{AuditEventId, UserId};
use auth_persistence::audit_event::{self, AuditEvent};
use auth_persistence::audit_trail::{Events, Span, newest};
use uuid::Uuid;

use crate::fixture::{TestDatabase, on_both_databases};
use crate::rows::{audit_event, user_id};

on_both_databases!(
    events_are_read_newest_first_and_a_page_at_a_time,
    events_that_come_meanwhile_move_no_later_page,
    nobody_else_s_events_are_read,
);

fn id(number: u64) -> AuditEventId {
    // In the order of the numbers, as the ids of events are in the order of time.
    AuditEventId::from_uuid(Uuid::from_u64_pair(0x0190_0000_0000_7000, number))
}

fn happened(test: &TestDatabase, user: u64, numbers: impl IntoIterator<Item = u64> + Send + 'static) {
    test.write(move |c| {
        for number in numbers {
            audit_event::insert(c, &AuditEvent { id: id(number), ..audit_event(number, user) }, None)?;
        }
        Ok(())
    });
}

fn page(test: &TestDatabase, user: UserId, before: Option<u64>, limit: u32) -> Vec<AuditEventId> {
    let span = Span { before: before.map(id), ..Span::default() };
    let rows = test.read(move |c| newest(c, Events::OfUser(user), span, limit));
    rows.into_iter().map(|row| row.id).collect()
}

fn events_are_read_newest_first_and_a_page_at_a_time(test: &TestDatabase) {
    // Written in another order than they happened.
    happened(test, 1, [3, 1, 5, 2, 4]);
    assert_eq!(page(test, user_id(1), None, 9), [5, 4, 3, 2, 1].map(id));
    assert_eq!(page(test, user_id(1), None, 2), [5, 4].map(id));
    assert_eq!(page(test, user_id(1), Some(4), 2), [3, 2].map(id));
    assert_eq!(page(test, user_id(1), Some(2), 2), [1].map(id));
    assert_eq!(page(test, user_id(1), Some(1), 2), []);
}

fn events_that_come_meanwhile_move_no_later_page(test: &TestDatabase) {
    happened(test, 1, 1..=4);
    assert_eq!(page(test, user_id(1), None, 2), [4, 3].map(id));
    happened(test, 1, 5..=9);
    assert_eq!(page(test, user_id(1), Some(3), 2), [2, 1].map(id));
}

fn nobody_else_s_events_are_read(test: &TestDatabase) {
    happened(test, 1, [1, 3]);
    happened(test, 2, [2, 4]);
    assert_eq!(page(test, user_id(1), Some(4), 9), [3, 1].map(id), "another's event says no more than a time");
    assert_eq!(page(test, user_id(3), None, 9), []);
}
