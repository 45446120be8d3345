//! Looking at the whole trail, for the command line: is it as it was written?
//!
//! It is read in pages, each of them one statement, beside servers that go on. What is read first bounds what is expected
//! later: a row or checkpoint that was there before the chain's end was read can't lie behind that end. Rows that are
//! deleted from the front meanwhile are told from missing ones by the chain's beginning, which only who has the key can move.

mod report;
mod walk;

use std::sync::Arc;

use auth_core::{AuditChain, AuditEventId, Clock, Random, SecretRing, Timestamp};
use auth_persistence::audit_chain::{self, ChainedEvent};
use auth_persistence::{Database, DbConnection, DbError, audit_checkpoint};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use uuid::Uuid;

pub use self::report::{AuditFault, AuditReport, FaultKind};
use self::walk::Walk;
use super::checkpoint::KnownCheckpoint;
use super::row::{Condition, ERASING};
use crate::keys::{KeyError, open_audit_chain};

/// As many rows as one statement reads.
const PAGE: u32 = 1_000;

/// As many faults of a kind as are kept.
const KEPT: u32 = 100;

/// The audit trail of a database, for its operator. It makes and changes nothing.
pub struct AuditTrail {
    database: Database,
    chain: AuditChain,
}

impl AuditTrail {
    /// The trail of `database`, which is migrated. Blocks.
    ///
    /// # Errors
    ///
    /// [`KeyError::None`] where no server of this version has run, [`KeyError`] when the key can't be opened.
    pub fn open(
        database: Database,
        secrets: SecretRing,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, KeyError> {
        let chain = open_audit_chain(&database, secrets, clock, random)?;
        Ok(Self { database, chain })
    }

    /// The public key of the checkpoints (Ed25519, RFC 8032), in base64url without padding.
    pub fn checkpoint_key(&self) -> String {
        BASE64URL.encode(self.chain.public_key())
    }

    /// Checks every row, link and checkpoint, and those checkpoints that were kept elsewhere. Blocks for as long as it takes
    /// to read the whole trail; servers may go on meanwhile.
    ///
    /// # Errors
    ///
    /// [`DbError`] when the database can't be read. What was found is in the report.
    pub fn verify(&self, known: &[KnownCheckpoint]) -> Result<AuditReport, DbError> {
        let mut walk = Walk::new(&self.chain, known);
        // In this order: see above.
        let first = self.read(|conn| {
            let last_checkpoint = audit_checkpoint::last(conn)?;
            let last_row = audit_chain::last_sequence(conn)?;
            let stored = audit_chain::head(conn)?;
            let end = stored.as_ref().map_or(0, |stored| stored.head.sequence);
            let beyond = if last_row > Some(end) { audit_chain::sealed(conn, end, KEPT)? } else { Vec::new() };
            let lowest = audit_chain::sealed(conn, i64::MIN, 1)?.pop();
            Ok((last_checkpoint, stored, beyond, lowest))
        })?;
        let (last_checkpoint, stored, beyond, lowest) = first;
        walk.begin(stored.as_ref(), last_checkpoint.as_ref(), &beyond, lowest.as_ref());
        self.follow(&mut walk)?;
        self.look_at_waiting(&mut walk)?;
        self.look_for_deletions(&mut walk)?;
        Ok(walk.end())
    }

    /// From row to row along the chain.
    fn follow(&self, walk: &mut Walk<'_>) -> Result<(), DbError> {
        while let Some(after) = walk.place() {
            let rows = self.read(move |conn| audit_chain::sealed(conn, after, PAGE))?;
            if !walk.continues_with(rows.first())
                && let Some(stored) = self.read(audit_chain::head)?
                && walk.jump(&stored)
            {
                continue;
            }
            let last = rows.last().and_then(|row| row.sequence).unwrap_or(i64::MAX);
            self.look_at_checkpoints(walk, after, last)?;
            walk.page(&rows, rows.len() < PAGE as usize);
        }
        Ok(())
    }

    /// Has the checkpoints of the places after `after` and up to `last` looked at when their places come.
    fn look_at_checkpoints(&self, walk: &mut Walk<'_>, after: i64, last: i64) -> Result<(), DbError> {
        // That of the beginning itself has no row any more.
        let mut after = after - 1;
        loop {
            let stored = self.read(move |conn| audit_checkpoint::list(conn, after, PAGE))?;
            let is_last = stored.len() < PAGE as usize;
            for checkpoint in stored {
                if checkpoint.sequence > last {
                    return Ok(());
                }
                after = checkpoint.sequence;
                walk.expect(&checkpoint);
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// Rows that have no place.
    fn look_at_waiting(&self, walk: &mut Walk<'_>) -> Result<(), DbError> {
        let mut after = AuditEventId::from_uuid(Uuid::nil());
        loop {
            let rows = self.read(move |conn| audit_chain::unsealed(conn, after, PAGE))?;
            for row in &rows {
                walk.waiting(row);
            }
            match rows.last() {
                Some(last) if rows.len() == PAGE as usize => after = last.id,
                _ => break,
            }
        }
        let Some(began_at) = walk.began_at() else {
            walk.without_chain(self.read(|conn| audit_chain::count_untagged_before(conn, Timestamp::MAX))?);
            return Ok(());
        };
        let (younger, older) = self.read(move |conn| {
            Ok((
                audit_chain::untagged_since(conn, began_at, KEPT)?,
                audit_chain::count_untagged_before(conn, began_at)?,
            ))
        })?;
        walk.untagged(&younger, older);
        Ok(())
    }

    /// Whoever's data are gone must have left: also since the end of the chain was read.
    fn look_for_deletions(&self, walk: &mut Walk<'_>) -> Result<(), DbError> {
        for user in walk.missing_deletions() {
            let rows = self.read(move |conn| {
                let mut rows = Vec::new();
                for event in ERASING {
                    rows.extend(audit_chain::of_user(conn, user, event)?);
                }
                Ok(rows)
            })?;
            if rows.iter().any(|row| self.is_genuine(row)) {
                walk.deleted(user);
            }
        }
        Ok(())
    }

    fn is_genuine(&self, row: &ChainedEvent) -> bool {
        Condition::of(row, &self.chain).tag().is_some()
    }

    fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, DbError> + Send + 'static,
    ) -> Result<T, DbError> {
        self.database.read_blocking(work)
    }
}
