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
    // No event has the highest id: so it is one statement, parsed once.
    let before = before.unwrap_or(AuditEventId::from_uuid(Uuid::max()));
    Ok(audit_events::table
        .filter(dsl::user_id.eq(key(user)))
        .filter(dsl::id.lt(key(before)))
        .order(dsl::id.desc())
        .limit(limit.into())
        .select(AuditEvent::as_select())
        .load(connection)?)
}
