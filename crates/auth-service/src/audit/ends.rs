//! The chain's two ends, guarded: they are changed only by who finds them as they were left.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use auth_core::{AuditChain, AuditEventId, AuditHead};
use auth_persistence::audit_chain::{self, StoredHead};
use auth_persistence::{DbConnection, DbError, audit_checkpoint};

use crate::service::Inner;

/// As many rows are reported by their ids; somebody who makes more than that is noticed.
const REPORTED: usize = 10_000;

/// How far apart the clocks of instances may be when the chain begins.
const SKEW: Duration = Duration::from_hours(1);

/// The audit trail at work: its chain's keys, and what this process knows of it.
pub(crate) struct Trail {
    pub(crate) chain: AuditChain,
    memory: Mutex<Memory>,
}

/// What a process remembers, so that an older state of the chain put in place of the present one is noticed.
#[derive(Default)]
struct Memory {
    /// The last place that this process has filled, and its link.
    last: Option<(i64, [u8; 32])>,
    /// Since when rows wait and the end doesn't move, by the monotonic clock.
    still_since: Option<Duration>,
    stuck_is_told: bool,
    /// What is wrong with the ends since when they were looked at last.
    wrong: Option<EndsWrong>,
    /// The rows that were reported.
    reported: HashSet<AuditEventId>,
}

/// The chain's ends are not as they were left. Nothing is linked then, or what was done would be covered up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum EndsWrong {
    #[error("the ends of the audit chain are gone")]
    Gone,
    #[error("the ends of the audit chain were changed by somebody else")]
    Forged,
    #[error("the ends of the audit chain are older than what has been linked since")]
    Old,
    #[error("there are audit events in places after the end of the chain")]
    Beyond,
}

impl Trail {
    pub(crate) fn new(chain: AuditChain) -> Self {
        Self { chain, memory: Mutex::default() }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether rows wait for longer than `limit`, by the monotonic clock, and the end of the chain doesn't move. Said once.
    pub(super) fn is_stuck(&self, now: Duration, limit: Duration) -> bool {
        let mut memory = self.memory();
        let since = *memory.still_since.get_or_insert(now);
        let is_stuck = now.saturating_sub(since) > limit;
        if is_stuck && !std::mem::replace(&mut memory.stuck_is_told, true) {
            tracing::error!("audit events wait, and whoever has the lease doesn't link them: this instance tries, too");
        }
        is_stuck
    }

    /// Nothing waits.
    pub(super) fn rest(&self) {
        let mut memory = self.memory();
        (memory.still_since, memory.stuck_is_told) = (None, false);
    }

    /// Looks at the ends without touching them, as each instance does all the time: those that link nothing are witnesses.
    pub(super) fn witness(&self, conn: &mut DbConnection) -> Result<Option<Ends>, DbError> {
        let remembered = self.memory().last;
        // Before the ends, since others go on linking.
        let beyond = Beyond::read(conn)?;
        let stored = audit_chain::head(conn)?;
        Ok(stored.map(|stored| self.judge(&stored, remembered, beyond).map_or(Ok(stored.head), Err)))
    }

    /// Remembers the end of the chain, as it was committed.
    pub(super) fn remember(&self, head: &AuditHead) {
        let mut memory = self.memory();
        memory.wrong = None;
        if memory.last.is_none_or(|(sequence, _)| sequence < head.sequence) {
            memory.last = Some((head.sequence, head.link));
            (memory.still_since, memory.stuck_is_told) = (None, false);
        }
    }

    /// Tells operators what is wrong with the ends, once.
    pub(super) fn report_ends(&self, wrong: EndsWrong) {
        if self.memory().wrong.replace(wrong) != Some(wrong) {
            tracing::error!("{wrong}: nothing is linked any more; `auth-server audit verify` tells more");
            count_fault();
        }
    }

    /// Whether this row is reported for the first time.
    pub(super) fn is_news(&self, id: AuditEventId) -> bool {
        let mut memory = self.memory();
        memory.reported.len() < REPORTED && memory.reported.insert(id)
    }

    /// The ends with their tag.
    pub(super) fn tagged(&self, head: AuditHead) -> StoredHead {
        StoredHead { tag: self.chain.head_tag(&head), head }
    }

    fn judge(&self, stored: &StoredHead, remembered: Option<(i64, [u8; 32])>, beyond: Beyond) -> Option<EndsWrong> {
        let head = &stored.head;
        if !self.chain.is_head(head, &stored.tag) {
            return Some(EndsWrong::Forged);
        }
        let is_old = |(sequence, link)| head.sequence < sequence || (head.sequence == sequence && head.link != link);
        if remembered.is_some_and(is_old) || beyond.last_checkpoint > Some(head.sequence) {
            return Some(EndsWrong::Old);
        }
        (beyond.last_row > Some(head.sequence)).then_some(EndsWrong::Beyond)
    }
}

/// The last places that there is something of.
#[derive(Clone, Copy)]
struct Beyond {
    last_checkpoint: Option<i64>,
    last_row: Option<i64>,
}

impl Beyond {
    fn read(conn: &mut DbConnection) -> Result<Self, DbError> {
        let last_checkpoint = audit_checkpoint::last(conn)?.map(|last| last.sequence);
        Ok(Self { last_checkpoint, last_row: audit_chain::last_sequence(conn)? })
    }
}

/// Something that only somebody else can have done.
pub(super) fn count_fault() {
    metrics::counter!("auth_audit_chain_faults_total").increment(1);
}

/// Locked ends, or why they can't be gone on from.
pub(super) type Ends = Result<AuditHead, EndsWrong>;

impl Inner {
    /// The ends, which nobody else changes until the transaction ends; none before the chain has begun.
    pub(super) fn lock_audit_ends(&self, conn: &mut DbConnection) -> Result<Option<Ends>, DbError> {
        let Some(stored) = audit_chain::lock_head(conn)? else { return Ok(None) };
        let remembered = self.audit.memory().last;
        let wrong = self.audit.judge(&stored, remembered, Beyond::read(conn)?);
        Ok(Some(wrong.map_or(Ok(stored.head), Err)))
    }

    /// The ends of a chain that begins now, unless there was one.
    pub(super) fn begin_audit_chain(&self, conn: &mut DbConnection) -> Result<Ends, DbError> {
        let was_there = self.audit.memory().last.is_some()
            || audit_chain::last_sequence(conn)?.is_some()
            || audit_checkpoint::last(conn)?.is_some();
        if was_there {
            // Another instance may have begun it and linked rows since the ends were looked for.
            return Ok(self.lock_audit_ends(conn)?.unwrap_or(Err(EndsWrong::Gone)));
        }
        // Rows of the version before have no tag; those of an instance whose clock is ahead are from before the chain, too.
        let now = self.clock.now();
        let newest = audit_chain::newest_untagged(conn)?.map(|at| at.plus(Duration::from_micros(1)));
        let began_at = newest.filter(|newest| (now..now.plus(SKEW)).contains(newest)).unwrap_or(now);
        audit_chain::insert_head(conn, &self.audit.tagged(AuditHead::empty(began_at)))?;
        // Another instance may have been faster.
        Ok(self.lock_audit_ends(conn)?.unwrap_or(Err(EndsWrong::Gone)))
    }
}
