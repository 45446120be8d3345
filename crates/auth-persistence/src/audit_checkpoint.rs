//! Links of the audit chain that were signed.

use auth_core::Timestamp;
use diesel::prelude::*;

use crate::chosen::choose;
use crate::column::{CheckpointLink, CheckpointSignature};
use crate::connection::{DbConnection, MultiBackend};
use crate::error::DbError;
use crate::schema::audit_checkpoints;
use crate::sql_type::at;
use crate::statement::on_either;

/// A signed link.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = audit_checkpoints, check_for_backend(MultiBackend))]
pub struct AuditCheckpoint {
    /// The place in the chain.
    pub sequence: i64,
    /// When it was signed.
    pub at: Timestamp,
    /// The link at that place.
    #[diesel(deserialize_as = CheckpointLink)]
    pub link: [u8; 32],
    /// Its signature.
    #[diesel(deserialize_as = CheckpointSignature)]
    pub signature: [u8; 64],
}

/// The checkpoint of the last place.
///
/// # Errors
///
/// When the database can't be read.
pub fn last(connection: &mut DbConnection) -> Result<Option<AuditCheckpoint>, DbError> {
    // The condition, which all rows meet, has SQLite seek the last one.
    let newest =
        audit_checkpoints::table.filter(audit_checkpoints::sequence.gt(0)).order(audit_checkpoints::sequence.desc());
    Ok(newest.select(AuditCheckpoint::as_select()).first(connection).optional()?)
}

/// At most `limit` checkpoints after `after`, by place.
///
/// # Errors
///
/// When the database can't be read.
pub fn list(connection: &mut DbConnection, after: i64, limit: u32) -> Result<Vec<AuditCheckpoint>, DbError> {
    Ok(audit_checkpoints::table
        .filter(audit_checkpoints::sequence.gt(after))
        .order(audit_checkpoints::sequence)
        .limit(limit.into())
        .select(AuditCheckpoint::as_select())
        .load(connection)?)
}

/// Stores a checkpoint. False: there is one of that place.
///
/// # Errors
///
/// When the database can't be written.
pub fn insert(connection: &mut DbConnection, checkpoint: &AuditCheckpoint) -> Result<bool, DbError> {
    on_either!(connection, |connection| {
        let rows = diesel::insert_into(audit_checkpoints::table)
            .values((
                audit_checkpoints::sequence.eq(checkpoint.sequence),
                audit_checkpoints::at.eq(at(checkpoint.at)),
                audit_checkpoints::link.eq(checkpoint.link.as_slice()),
                audit_checkpoints::signature.eq(checkpoint.signature.as_slice()),
            ))
            .on_conflict_do_nothing()
            .execute(connection)?;
        Ok(rows == 1)
    })
}

/// Deletes checkpoints of places before `sequence`, at most `limit`, and returns how many there were.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete_below(connection: &mut DbConnection, sequence: i64, limit: u32) -> Result<usize, DbError> {
    let below = audit_checkpoints::sequence.lt(sequence);
    let chosen = choose(connection, audit_checkpoints::table, below, audit_checkpoints::sequence, limit);
    Ok(chosen.delete().execute(connection)?)
}
