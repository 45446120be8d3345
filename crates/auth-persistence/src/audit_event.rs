//! The trail of what happened to accounts. It outlives them: no event refers to a row that must exist.

use auth_core::{AuditEventId, AuditSeal, Timestamp, UserId};
use diesel::prelude::*;

use crate::column::Details;
use crate::connection::{DbConnection, MultiBackend};
use crate::error::DbError;
use crate::schema::audit_events;
use crate::sql_type::{at, key};

/// An audit event.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = audit_events, check_for_backend(MultiBackend))]
pub struct AuditEvent {
    /// The event's id.
    pub id: AuditEventId,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: String,
    /// How it ended.
    pub outcome: String,
    /// Whose account it concerns.
    pub user_id: Option<UserId>,
    /// Who did it, if known: the user or an administrator.
    pub actor_id: Option<UserId>,
    /// The client's address.
    pub ip: Option<String>,
    /// The client's name for itself.
    pub user_agent: Option<String>,
    /// The request that it was done by.
    pub request_id: Option<String>,
    /// What else is worth knowing.
    #[diesel(deserialize_as = Details)]
    pub details: serde_json::Value,
}

/// Stores `event` with what seals it; the text of its details is that of `Value::to_string`. Without a seal
/// it is taken for one from before the chain, or for somebody else's if the chain has begun.
///
/// # Errors
///
/// When the database can't be written.
pub fn insert(connection: &mut DbConnection, event: &AuditEvent, seal: Option<&AuditSeal>) -> Result<(), DbError> {
    diesel::insert_into(audit_events::table)
        .values((
            audit_events::id.eq(key(event.id)),
            audit_events::at.eq(at(event.at)),
            audit_events::event.eq(&event.event),
            audit_events::outcome.eq(&event.outcome),
            audit_events::user_id.eq(event.user_id.map(key)),
            audit_events::actor_id.eq(event.actor_id.map(key)),
            audit_events::ip.eq(&event.ip),
            audit_events::user_agent.eq(&event.user_agent),
            audit_events::request_id.eq(&event.request_id),
            audit_events::details.eq(event.details.to_string()),
            audit_events::salt.eq(seal.map(|seal| seal.salt.as_slice())),
            audit_events::personal_digest.eq(seal.map(|seal| seal.personal_digest.as_slice())),
            audit_events::tag.eq(seal.map(|seal| seal.tag.as_slice())),
        ))
        .execute(connection)?;
    Ok(())
}

/// All events of the user's account, the oldest first.
///
/// # Errors
///
/// When the database can't be read.
pub fn list_for_user(connection: &mut DbConnection, user: UserId) -> Result<Vec<AuditEvent>, DbError> {
    Ok(audit_events::table
        .filter(audit_events::user_id.eq(key(user)))
        .order(audit_events::id)
        .select(AuditEvent::as_select())
        .load(connection)?)
}

/// What is left of the details of an erased event.
pub const ERASED_DETAILS: &str = "{}";

/// Takes from all events of the user's account what tells who that was: the trail keeps the id alone, and the digest of
/// what is gone, which nobody can try guesses on without the salt.
///
/// # Errors
///
/// When the database can't be written.
pub fn forget_user(connection: &mut DbConnection, user: UserId) -> Result<(), DbError> {
    diesel::update(audit_events::table.filter(audit_events::user_id.eq(key(user))))
        .set((
            audit_events::ip.eq(None::<String>),
            audit_events::user_agent.eq(None::<String>),
            audit_events::details.eq(ERASED_DETAILS),
            audit_events::salt.eq(None::<Vec<u8>>),
        ))
        .execute(connection)?;
    Ok(())
}
