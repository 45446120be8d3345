//! Giving rows their places in the chain, in the order in which their transactions were committed.
//!
//! A row is written without a place, since a place would make all requests wait for each other. Each second one instance
//! takes the rows that have none, checks that they say what they were written with, and links them. A lease spares the
//! others the work; the lock on the chain's ends makes it right without.

use std::time::Duration;

use auth_core::{AuditChain, AuditEventId, AuditHead};
use auth_persistence::audit_chain::{self, ChainedEvent};
use auth_persistence::audit_checkpoint::{self, AuditCheckpoint};
use auth_persistence::{DbConnection, DbError};
use uuid::Uuid;

use super::checkpoint::Checkpoints;
use super::ends::{Ends, EndsWrong, count_fault};
use super::row::Condition;
use crate::fault::Fault;
use crate::service::{AuthService, Inner};

/// As many rows as one transaction links.
const BATCH: u32 = 500;

/// As many transactions as one turn makes: the next turn goes on.
const MAX_BATCHES: usize = 100;

/// As many rows without a tag are reported at a time.
const UNTAGGED: u32 = 10;

/// The lease of whoever links.
const LEASE: &str = "audit";

/// For how long rows may wait while another instance has the lease.
const STUCK: Duration = Duration::from_mins(1);

/// What there is to do.
struct Outlook {
    unsealed: i64,
    untagged: Vec<ChainedEvent>,
    is_due: bool,
    ends: Option<Ends>,
}

/// What one transaction did.
#[derive(Default)]
struct Sealed {
    /// The ends as they are now; or why nothing was done.
    ends: Option<Result<AuditHead, EndsWrong>>,
    count: u64,
    /// The last row that was looked at, if there may be more.
    next: Option<AuditEventId>,
    /// Rows that somebody else has written or changed.
    foreign: Vec<AuditEventId>,
    checkpoint: Option<AuditCheckpoint>,
    /// How many rows are from before the chain, which begins now.
    began: Option<i64>,
}

impl AuthService {
    /// Links the audit events that were written since, once: what the background job does every second, but for asking
    /// whether another instance is at it.
    ///
    /// # Errors
    ///
    /// [`Fault`] when the database can't be used; the events wait then.
    pub async fn seal_audit_events(&self) -> Result<(), Fault> {
        Ok(self.inner().seal_audit_events(Checkpoints::WhenDue).await?)
    }
}

impl Inner {
    /// Links what was written since, if there is anything to do and no other instance is at it.
    pub(crate) async fn keep_audit_chain(&self) -> Result<(), DbError> {
        if !self.audit_outlook(Checkpoints::WhenDue).await? {
            return Ok(());
        }
        // The lease saves work and promises nothing: whoever writes to the database can write one, too.
        if self.holds_lease(LEASE).await? || self.audit.is_stuck(self.clock.monotonic(), STUCK) {
            self.seal_audit_events(Checkpoints::WhenDue).await?;
        }
        Ok(())
    }

    /// Links what was written since and signs the end, before this instance stops.
    pub(crate) async fn finish_audit_chain(&self) -> Result<(), DbError> {
        if self.audit_outlook(Checkpoints::AtOnce).await? {
            self.seal_audit_events(Checkpoints::AtOnce).await?;
        }
        Ok(())
    }

    /// Whether there is anything to do. Reading costs no write.
    async fn audit_outlook(&self, checkpoints: Checkpoints) -> Result<bool, DbError> {
        let now = self.clock.now();
        let inner = self.handle();
        let look = move |conn: &mut DbConnection| {
            let ends = inner.audit.witness(conn)?;
            let unsealed = audit_chain::count_unsealed(conn)?;
            let Some(stored) = audit_chain::head(conn)? else {
                return Ok::<_, DbError>(Outlook { unsealed, untagged: Vec::new(), is_due: true, ends });
            };
            let last = audit_checkpoint::last(conn)?;
            Ok(Outlook {
                unsealed,
                untagged: audit_chain::untagged_since(conn, stored.head.began_at, UNTAGGED)?,
                ends,
                is_due: unsealed > 0 || checkpoints.want(stored.head.sequence, last.as_ref(), now),
            })
        };
        let outlook = self.database.read(look).await?;
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        metrics::gauge!("auth_audit_unsealed").set(outlook.unsealed as f64);
        if outlook.unsealed == 0 {
            self.audit.rest();
        }
        for row in &outlook.untagged {
            self.report_foreign(row.id);
        }
        match outlook.ends {
            Some(Ok(head)) => self.audit.remember(&head),
            Some(Err(wrong)) => self.audit.report_ends(wrong),
            None => {}
        }
        Ok(outlook.is_due)
    }

    pub(super) async fn seal_audit_events(&self, checkpoints: Checkpoints) -> Result<(), DbError> {
        let mut after = AuditEventId::from_uuid(Uuid::nil());
        for _ in 0..MAX_BATCHES {
            let inner = self.handle();
            let sealed = self.database.write(move |conn| inner.seal_batch(conn, after, checkpoints)).await?;
            match self.note_sealed(sealed) {
                Some(next) => after = next,
                None => break,
            }
        }
        Ok(())
    }

    /// Links the rows after the one called `after`, in one transaction.
    fn seal_batch(
        &self,
        conn: &mut DbConnection,
        after: AuditEventId,
        checkpoints: Checkpoints,
    ) -> Result<Sealed, DbError> {
        let (ends, is_new) = match self.lock_audit_ends(conn)? {
            Some(ends) => (ends, false),
            None => (self.begin_audit_chain(conn)?, true),
        };
        let Ok(mut head) = ends else { return Ok(Sealed { ends: Some(ends), ..Sealed::default() }) };
        let began = is_new.then(|| audit_chain::count_untagged_before(conn, head.began_at)).transpose()?;
        let rows = audit_chain::lock_unsealed(conn, after, BATCH)?;
        let before = head.sequence;
        let foreign = link(conn, &self.audit.chain, &mut head, &rows)?;
        if head.sequence > before && !audit_chain::update_head(conn, &self.audit.tagged(head))? {
            return Err(DbError::Internal("the ends of the audit chain are gone".to_owned()));
        }
        Ok(Sealed {
            ends: Some(Ok(head)),
            count: u64::try_from(head.sequence - before).unwrap_or(0),
            next: rows.last().filter(|_| rows.len() == BATCH as usize).map(|row| row.id),
            foreign,
            checkpoint: self.make_checkpoint(conn, &head, checkpoints)?,
            began,
        })
    }

    /// After the commit: what it told, and from where to go on.
    fn note_sealed(&self, sealed: Sealed) -> Option<AuditEventId> {
        match sealed.ends? {
            Ok(head) => self.audit.remember(&head),
            Err(wrong) => {
                self.audit.report_ends(wrong);
                return None;
            }
        }
        match sealed.began {
            // As after an upgrade; or somebody has taken a chain away.
            Some(before) if before > 0 => tracing::warn!(
                target: "audit",
                event = "audit.chain_began",
                before,
                "a chain begins, and nobody can tell whether the audit events from before it are as they were written"
            ),
            Some(_) => tracing::info!(target: "audit", event = "audit.chain_began", "a chain begins"),
            None => {}
        }
        metrics::counter!("auth_audit_sealed_total").increment(sealed.count);
        sealed.foreign.into_iter().for_each(|id| self.report_foreign(id));
        if let Some(checkpoint) = &sealed.checkpoint {
            self.log_checkpoint(checkpoint);
        }
        sealed.next
    }

    /// A row that this program hasn't written so.
    pub(super) fn report_foreign(&self, id: AuditEventId) {
        if self.audit.is_news(id) {
            tracing::error!(%id, "this audit event was written or changed by somebody else, and is not linked");
            count_fault();
        }
    }
}

/// Gives the rows that say what they were written with the next places; the others are returned.
fn link(
    conn: &mut DbConnection,
    chain: &AuditChain,
    head: &mut AuditHead,
    rows: &[ChainedEvent],
) -> Result<Vec<AuditEventId>, DbError> {
    let mut foreign = Vec::new();
    for row in rows {
        let Some(tag) = Condition::of(row, chain).tag() else {
            foreign.push(row.id);
            continue;
        };
        let sequence = head.sequence + 1;
        let link = chain.link(sequence, &head.link, &tag);
        if !audit_chain::seal(conn, row.id, sequence, &link)? {
            return Err(DbError::Internal("a locked audit event is gone".to_owned()));
        }
        (head.sequence, head.link) = (sequence, link);
    }
    Ok(foreign)
}
