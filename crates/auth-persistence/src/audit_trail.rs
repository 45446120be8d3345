//! The trail of audit events read a page at a time, the newest first.

use auth_core::{AuditEventId, UserId};
use diesel::prelude::*;
use uuid::Uuid;

use crate::audit_event::AuditEvent;
use crate::connection::DbConnection;
use crate::error::DbError;
use crate::schema::audit_events::{self, dsl};
use crate::sql_type::key;

/// The newest events of the user's account, or the newest before the event `before`, at most `limit` of them. Events that
/// are written meanwhile neither move nor repeat those of a later page.
///
/// # Errors
///
/// When the database can't be read.
pub fn newest_of_user(
    connection: &mut DbConnection,
    user: UserId,
    before: Option<AuditEventId>,
    limit: u32,
) -> Result<Vec<AuditEvent>, DbError> {
    newest_of_user_between(connection, user, Span { before, ..Span::default() }, limit)
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

/// The newest events in `span`, at most `limit` of them.
///
/// # Errors
///
/// When the database can't be read.
pub fn newest(connection: &mut DbConnection, span: Span, limit: u32) -> Result<Vec<AuditEvent>, DbError> {
    let (from, before) = span.bounds();
    Ok(audit_events::table
        .filter(dsl::id.ge(key(from)))
        .filter(dsl::id.lt(key(before)))
        .order(dsl::id.desc())
        .limit(limit.into())
        .select(AuditEvent::as_select())
        .load(connection)?)
}

/// The newest events of the user's account in `span`, at most `limit` of them.
///
/// # Errors
///
/// When the database can't be read.
pub fn newest_of_user_between(
    connection: &mut DbConnection,
    user: UserId,
    span: Span,
    limit: u32,
) -> Result<Vec<AuditEvent>, DbError> {
    let (from, before) = span.bounds();
    Ok(audit_events::table
        .filter(dsl::user_id.eq(key(user)))
        .filter(dsl::id.ge(key(from)))
        .filter(dsl::id.lt(key(before)))
        .order(dsl::id.desc())
        .limit(limit.into())
        .select(AuditEvent::as_select())
        .load(connection)?)
}

/// The newest events of this name in `span`, at most `limit` of them.
///
/// # Errors
///
/// When the database can't be read.
pub fn newest_of_event(
    connection: &mut DbConnection,
    event: &str,
    span: Span,
    limit: u32,
) -> Result<Vec<AuditEvent>, DbError> {
    let (from, before) = span.bounds();
    Ok(audit_events::table
        .filter(dsl::event.eq(event))
        .filter(dsl::id.ge(key(from)))
        .filter(dsl::id.lt(key(before)))
        .order(dsl::id.desc())
        .limit(limit.into())
        .select(AuditEvent::as_select())
        .load(connection)?)
}
