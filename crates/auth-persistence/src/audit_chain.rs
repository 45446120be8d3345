//! The chain over the audit trail: rows that wait for their place, rows in their places, and the two ends.
//!
//! Whoever changes the chain has [locked its ends](lock_head) and does all of it in one transaction. Rows are locked
//! without waiting: a transaction that waits for one row while it holds another could stand in the way of somebody who
//! erases a user's rows.

use auth_core::{AuditEventId, AuditHead, Timestamp, UserId};
use diesel::dsl::{count_star, max};
use diesel::prelude::*;

use crate::chosen::choose;
use crate::column::{BaseLink, HeadLink, HeadTag};
use crate::connection::{DbConnection, MultiBackend};
use crate::error::DbError;
use crate::schema::{audit_chain, audit_events};
use crate::sql_type::{AnyInstant, at, key};
use crate::statement::{on_either, update};

/// An audit event with everything that is stored about it, exactly as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = audit_events, check_for_backend(MultiBackend))]
pub struct ChainedEvent {
    /// The event's id.
    pub id: AuditEventId,
    /// When it happened. Whoever changes a row may write a time that is none: it is read as the end of the range, so that the
    /// row can be named, and nothing else is held up by it.
    #[diesel(deserialize_as = AnyInstant)]
    pub at: Timestamp,
    /// What happened.
    pub event: String,
    /// How it ended.
    pub outcome: String,
    /// Whose account it concerns.
    pub user_id: Option<UserId>,
    /// Who did it.
    pub actor_id: Option<UserId>,
    /// The client's address.
    pub ip: Option<String>,
    /// The client's name for itself.
    pub user_agent: Option<String>,
    /// The request that it was done by.
    pub request_id: Option<String>,
    /// What else is worth knowing.
    pub details: String,
    /// What the digest was made with; gone when the personal data are.
    pub salt: Option<Vec<u8>>,
    /// What stands for the personal data.
    pub personal_digest: Option<Vec<u8>>,
    /// What binds the row to what it says.
    pub tag: Option<Vec<u8>>,
    /// Its place in the chain.
    pub sequence: Option<i64>,
    /// What binds it to all rows before it.
    pub link: Option<Vec<u8>>,
}

/// The ends of the chain, and their tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredHead {
    /// The ends.
    pub head: AuditHead,
    /// What binds them to each other.
    pub tag: [u8; 32],
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit_chain, check_for_backend(MultiBackend))]
struct HeadRow {
    began_at: Timestamp,
    base_sequence: i64,
    #[diesel(deserialize_as = BaseLink)]
    base_link: [u8; 32],
    sequence: i64,
    #[diesel(deserialize_as = HeadLink)]
    link: [u8; 32],
    #[diesel(deserialize_as = HeadTag)]
    tag: [u8; 32],
}

/// The only row.
const HEAD: i16 = 1;

/// The ends of the chain; none before it has begun.
///
/// # Errors
///
/// When the database can't be read.
pub fn head(connection: &mut DbConnection) -> Result<Option<StoredHead>, DbError> {
    let row = audit_chain::table.find(HEAD).select(HeadRow::as_select()).get_result(connection).optional()?;
    Ok(row.map(|HeadRow { began_at, base_sequence, base_link, sequence, link, tag }| StoredHead {
        head: AuditHead { began_at, base_sequence, base_link, sequence, link },
        tag,
    }))
}

/// As [`head`], and nobody else locks or changes the ends until the transaction ends. On SQLite a write transaction is
/// alone anyway.
///
/// # Errors
///
/// [`DbError::Busy`] when another transaction doesn't end in time.
pub fn lock_head(connection: &mut DbConnection) -> Result<Option<StoredHead>, DbError> {
    if let DbConnection::Pg(pg) = connection {
        audit_chain::table.find(HEAD).select(audit_chain::id).for_update().execute(pg)?;
    }
    head(connection)
}

/// Begins the chain. False: it has begun already.
///
/// # Errors
///
/// When the database can't be written.
pub fn insert_head(connection: &mut DbConnection, stored: &StoredHead) -> Result<bool, DbError> {
    let StoredHead { head, tag } = stored;
    on_either!(connection, |connection| {
        let rows = diesel::insert_into(audit_chain::table)
            .values((
                audit_chain::id.eq(HEAD),
                audit_chain::began_at.eq(at(head.began_at)),
                audit_chain::base_sequence.eq(head.base_sequence),
                audit_chain::base_link.eq(head.base_link.as_slice()),
                audit_chain::sequence.eq(head.sequence),
                audit_chain::link.eq(head.link.as_slice()),
                audit_chain::tag.eq(tag.as_slice()),
            ))
            .on_conflict_do_nothing()
            .execute(connection)?;
        Ok(rows == 1)
    })
}

/// Moves the ends, which are [locked](lock_head). False: there is no chain.
///
/// # Errors
///
/// When the database can't be written.
pub fn update_head(connection: &mut DbConnection, stored: &StoredHead) -> Result<bool, DbError> {
    let StoredHead { head, tag } = stored;
    let moved = (
        audit_chain::base_sequence.eq(head.base_sequence),
        audit_chain::base_link.eq(head.base_link.as_slice()),
        audit_chain::sequence.eq(head.sequence),
        audit_chain::link.eq(head.link.as_slice()),
        audit_chain::tag.eq(tag.as_slice()),
    );
    Ok(update(audit_chain::table, moved, audit_chain::id.eq(HEAD)).execute(connection)? == 1)
}

/// The first `limit` rows of a query; `LOCKED` those that nobody else has locked, which are locked then.
macro_rules! rows {
    ($connection:expr, $filter:expr, $order:expr, $limit:expr) => {
        audit_events::table
            .filter($filter)
            .order($order)
            .limit($limit.into())
            .select(ChainedEvent::as_select())
            .load($connection)
    };
    (LOCKED $connection:expr, $filter:expr, $order:expr, $limit:expr) => {
        match $connection {
            DbConnection::Sqlite(sqlite) => rows!(sqlite, $filter, $order, $limit),
            DbConnection::Pg(pg) => audit_events::table
                .filter($filter)
                .order($order)
                .limit($limit.into())
                .select(ChainedEvent::as_select())
                .for_update()
                .skip_locked()
                .load(pg),
        }
    };
}

/// Rows that have a tag and no place: the condition of the index that they are found by.
macro_rules! is_unsealed {
    () => {
        audit_events::sequence.is_null().and(audit_events::tag.is_not_null())
    };
}

/// At most `limit` rows after the one called `after` that have a tag and wait for their place, by id, locked; rows that
/// somebody else has locked are left out.
///
/// # Errors
///
/// When the database can't be read.
pub fn lock_unsealed(
    connection: &mut DbConnection,
    after: AuditEventId,
    limit: u32,
) -> Result<Vec<ChainedEvent>, DbError> {
    Ok(rows!(LOCKED connection, is_unsealed!().and(audit_events::id.gt(key(after))), audit_events::id, limit)?)
}

/// As [`lock_unsealed`], and nothing is locked.
///
/// # Errors
///
/// When the database can't be read.
pub fn unsealed(connection: &mut DbConnection, after: AuditEventId, limit: u32) -> Result<Vec<ChainedEvent>, DbError> {
    Ok(rows!(connection, is_unsealed!().and(audit_events::id.gt(key(after))), audit_events::id, limit)?)
}

/// How many rows have a tag and wait for their place.
///
/// # Errors
///
/// When the database can't be read.
pub fn count_unsealed(connection: &mut DbConnection) -> Result<i64, DbError> {
    Ok(audit_events::table.filter(is_unsealed!()).select(count_star()).get_result(connection)?)
}

/// Gives a row its place. False: it has one, or is gone.
///
/// # Errors
///
/// When the database can't be written, or the place is taken.
pub fn seal(connection: &mut DbConnection, id: AuditEventId, sequence: i64, link: &[u8; 32]) -> Result<bool, DbError> {
    let place = (audit_events::sequence.eq(Some(sequence)), audit_events::link.eq(Some(link.as_slice())));
    let waiting = audit_events::id.eq(key(id)).and(audit_events::sequence.is_null());
    Ok(update(audit_events::table, place, waiting).execute(connection)? == 1)
}

/// At most `limit` rows that have a place after `after`, by place.
///
/// # Errors
///
/// When the database can't be read.
pub fn sealed(connection: &mut DbConnection, after: i64, limit: u32) -> Result<Vec<ChainedEvent>, DbError> {
    Ok(rows!(connection, audit_events::sequence.gt(after), audit_events::sequence, limit)?)
}

/// As [`sealed`], locked; rows that somebody else has locked are left out.
///
/// # Errors
///
/// When the database can't be read.
pub fn lock_sealed(connection: &mut DbConnection, after: i64, limit: u32) -> Result<Vec<ChainedEvent>, DbError> {
    Ok(rows!(LOCKED connection, audit_events::sequence.gt(after), audit_events::sequence, limit)?)
}

/// The last place that a row has.
///
/// # Errors
///
/// When the database can't be read.
pub fn last_sequence(connection: &mut DbConnection) -> Result<Option<i64>, DbError> {
    Ok(audit_events::table.select(max(audit_events::sequence)).get_result(connection)?)
}

/// Deletes the rows that have a place after `after` and up to `upto`, and returns how many there were.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete_sealed(connection: &mut DbConnection, after: i64, upto: i64) -> Result<usize, DbError> {
    let places = audit_events::sequence.gt(after).and(audit_events::sequence.le(upto));
    Ok(diesel::delete(audit_events::table.filter(places)).execute(connection)?)
}

/// Deletes rows without a place that are older than `before`, at most `limit`, and returns how many there were.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete_unsealed(connection: &mut DbConnection, before: Timestamp, limit: u32) -> Result<usize, DbError> {
    let old = audit_events::sequence.is_null().and(audit_events::at.lt(at(before)));
    Ok(choose(connection, audit_events::table, old, audit_events::at, limit).delete().execute(connection)?)
}

/// When the newest row without a tag was written.
///
/// # Errors
///
/// When the database can't be read.
pub fn newest_untagged(connection: &mut DbConnection) -> Result<Option<Timestamp>, DbError> {
    let untagged = audit_events::table.filter(audit_events::tag.is_null());
    Ok(untagged.order(audit_events::at.desc()).select(audit_events::at).first(connection).optional()?)
}

/// At most `limit` rows without a tag and a place that say to be from `began_at` or later, the oldest first.
///
/// # Errors
///
/// When the database can't be read.
pub fn untagged_since(
    connection: &mut DbConnection,
    began_at: Timestamp,
    limit: u32,
) -> Result<Vec<ChainedEvent>, DbError> {
    let untagged = audit_events::tag.is_null().and(audit_events::sequence.is_null());
    Ok(rows!(connection, untagged.and(audit_events::at.ge(at(began_at))), audit_events::at, limit)?)
}

/// How many rows without a tag and a place say to be from before `began_at`.
///
/// # Errors
///
/// When the database can't be read.
pub fn count_untagged_before(connection: &mut DbConnection, began_at: Timestamp) -> Result<i64, DbError> {
    let untagged = audit_events::tag.is_null().and(audit_events::sequence.is_null());
    let old = audit_events::table.filter(untagged.and(audit_events::at.lt(at(began_at))));
    Ok(old.select(count_star()).get_result(connection)?)
}

/// All rows of the user's account that tell of `event`, by id.
///
/// # Errors
///
/// When the database can't be read.
pub fn of_user(connection: &mut DbConnection, user: UserId, event: &str) -> Result<Vec<ChainedEvent>, DbError> {
    let rows = audit_events::table.filter(audit_events::user_id.eq(key(user))).filter(audit_events::event.eq(event));
    Ok(rows.order(audit_events::id).select(ChainedEvent::as_select()).load(connection)?)
}
