//! The trail of audit events read a page at a time, the newest first.

use auth_core::{AuditEventId, UserId};
use diesel::prelude::*;
use uuid::Uuid;

use crate::audit_event::AuditEvent;
use crate::connection::DbConnection;
use crate::error::DbError;
use crate::schema::audit_events::{self, dsl};
use crate::sql_type::key;

/// Which events are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Events<'a> {
    /// All of them.
    All,
    /// Those of this user's account.
    OfUser(UserId),
    /// Those of this name.
    Named(&'a str),
}

/// A part of the trail, by the ids of events, which are in the order of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Where it begins: events with this id and higher ones.
    pub from: Option<AuditEventId>,
    /// Where it ends: events with lower ids.
    pub before: Option<AuditEventId>,
}

impl Span {
    /// The bounds as they are bound. No event has the lowest id or the highest: so it is one statement, parsed once.
    fn bounds(self) -> (AuditEventId, AuditEventId) {
        let bound = |id: Option<AuditEventId>, none| id.unwrap_or(AuditEventId::from_uuid(none));
        (bound(self.from, Uuid::nil()), bound(self.before, Uuid::max()))
    }
}

/// The newest of `events` in `span`, at most `limit` of them. Events that are written meanwhile neither move nor repeat
/// those of a later page, which ends before the last one of the page before.
///
/// # Errors
///
/// When the database can't be read.
pub fn newest(
    connection: &mut DbConnection,
    events: Events<'_>,
    span: Span,
    limit: u32,
) -> Result<Vec<AuditEvent>, DbError> {
    let (from, before) = span.bounds();
    let rows = audit_events::table.filter(dsl::id.ge(key(from))).filter(dsl::id.lt(key(before)));
    let rows = rows.order(dsl::id.desc()).limit(limit.into()).select(AuditEvent::as_select());
    Ok(match events {
        Events::All => rows.load(connection)?,
        Events::OfUser(user) => rows.filter(dsl::user_id.eq(key(user))).load(connection)?,
        Events::Named(name) => rows.filter(dsl::event.eq(name)).load(connection)?,
    })
}
