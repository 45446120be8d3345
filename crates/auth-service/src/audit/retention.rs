//! Deleting audit events whose time is over: from the front of the chain, whose beginning moves on in the same transaction,
//! so that what is left is a whole chain.

use auth_core::{AuditHead, Timestamp};
use auth_persistence::audit_chain::{self, ChainedEvent};
use auth_persistence::{DbConnection, DbError, audit_checkpoint};
use tokio::time::{Instant, sleep};

use super::ends::{EndsWrong, count_fault};
use super::row::{Condition, fixed};
use crate::clean_up::PAUSE;
use crate::fault::Fault;
use crate::service::{AuthService, Inner};

/// As many rows as one transaction deletes.
const BATCH: u32 = 500;

/// As many transactions as one turn makes for one kind of rows: the next turn goes on.
const MAX_BATCHES: usize = 200;

/// What one transaction deleted from the front.
enum Dropped {
    Rows { count: u64, faults: Vec<i64> },
    Nothing(EndsWrong),
}

impl AuthService {
    /// Deletes the audit events that are older than they are kept, once: what the clean-up does. Returns how many there
    /// were.
    ///
    /// # Errors
    ///
    /// [`Fault`] when the database can't be written.
    pub async fn delete_old_audit_events(&self) -> Result<u64, Fault> {
        Ok(self.inner().delete_old_audit_events().await?)
    }
}

impl Inner {
    /// Deletes the audit events that are older than they are kept, and returns how many there were. To be called by who
    /// has the lease of the clean-up.
    pub(crate) async fn delete_old_audit_events(&self) -> Result<u64, DbError> {
        let before = self.clock.now().minus(self.config.audit_retention);
        let mut deleted = 0;
        for _ in 0..MAX_BATCHES {
            let (inner, begin) = (self.handle(), Instant::now());
            let count = match self.database.write(move |conn| inner.drop_front(conn, before)).await? {
                Dropped::Rows { count, faults } => {
                    faults.into_iter().for_each(report);
                    count
                }
                Dropped::Nothing(wrong) => {
                    self.audit.report_ends(wrong);
                    0
                }
            };
            deleted += count;
            if count == 0 {
                break;
            }
            sleep(begin.elapsed() * PAUSE).await;
        }
        for _ in 0..MAX_BATCHES {
            let begin = Instant::now();
            let count = self.database.write(move |conn| audit_chain::delete_unsealed(conn, before, BATCH)).await?;
            deleted += count as u64;
            if count < BATCH as usize {
                break;
            }
            sleep(begin.elapsed() * PAUSE).await;
        }
        Ok(deleted)
    }

    /// Deletes the first rows of the chain, as far as they are from before `before`.
    fn drop_front(&self, conn: &mut DbConnection, before: Timestamp) -> Result<Dropped, DbError> {
        let head = match self.lock_audit_ends(conn)? {
            None => return Ok(Dropped::Rows { count: 0, faults: Vec::new() }),
            Some(Err(wrong)) => return Ok(Dropped::Nothing(wrong)),
            Some(Ok(head)) => head,
        };
        let first = audit_chain::sealed(conn, head.base_sequence, 1)?.pop().filter(|row| row.at < before);
        let Some(first) = first else { return Ok(Dropped::Rows { count: 0, faults: Vec::new() }) };
        let rows = audit_chain::lock_sealed(conn, head.base_sequence, BATCH)?;
        let rows: Vec<_> = rows.into_iter().take_while(|row| row.at < before).collect();
        if rows.first().is_none_or(|row| row.sequence != first.sequence) {
            // Somebody is at work on the first row.
            return Ok(Dropped::Rows { count: 0, faults: Vec::new() });
        }
        let (moved, faults) = self.walk(head, &rows);
        let count = audit_chain::delete_sealed(conn, head.base_sequence, moved.base_sequence)?;
        if !audit_chain::update_head(conn, &self.audit.tagged(moved))? {
            return Err(DbError::Internal("the ends of the audit chain are gone".to_owned()));
        }
        audit_checkpoint::delete_below(conn, moved.base_sequence, BATCH)?;
        Ok(Dropped::Rows { count: count as u64, faults })
    }

    /// The ends without those of `rows` that follow each other, and the places among them where something is wrong: it is
    /// said for the last time, and their time is over all the same.
    fn walk(&self, mut head: AuditHead, rows: &[ChainedEvent]) -> (AuditHead, Vec<i64>) {
        let mut faults = Vec::new();
        let mut is_first = true;
        for row in rows {
            let Some(sequence) = row.sequence.filter(|sequence| *sequence <= head.sequence) else { break };
            let follows = sequence == head.base_sequence + 1;
            if !follows && !is_first {
                // Locked by somebody, or missing: then it is the first of the next turn.
                break;
            }
            is_first = false;
            let tag = Condition::of(row, &self.audit.chain).tag();
            let expected = tag.map(|tag| self.audit.chain.link(sequence, &head.base_link, &tag));
            let stored = fixed(row.link.as_deref());
            if !follows || expected.is_none() || expected != stored {
                faults.push(sequence);
            }
            (head.base_sequence, head.base_link) = (sequence, stored.or(expected).unwrap_or([0; 32]));
        }
        (head, faults)
    }
}

fn report(sequence: i64) {
    tracing::error!(
        sequence,
        "this audit event, or what was before it, was changed or removed by somebody else; it is deleted now since its time is over"
    );
    count_fault();
}
