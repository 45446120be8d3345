//! The worker that sends queued mails (REQ-58).
//!
//! Rows are claimed by lease, so any number of instances work on one database; each sends one mail after the other and
//! notes it as sent before the next, so that an instance that is killed has sent at most one that it will send again,
//! with the same Message-ID and the same link. A mail is made when its row is claimed for the first time
//! ([`prepare`]): until then nobody has asked whether it is for somebody.

mod backoff;
mod deliver;
mod operator;
mod prepare;

use std::time::Duration;
use std::vec;

use auth_core::{BreakerState, Timestamp};
use auth_persistence::email_outbox::{self, QueuedEmail};
use auth_persistence::{DbConnection, DbError};

pub use self::operator::OutboxEntry;
use crate::service::{AuthService, Inner};

/// How long a claimed row is the claimant's: more than sending one mail can take (45 s), so that nobody else sends it
/// meanwhile, with room for two instances' clocks to differ.
const LEASE: Duration = Duration::from_mins(2);

/// No sending is begun when less than this is left of the lease.
const RESERVE: Duration = Duration::from_mins(1);

/// How many rows are claimed at once.
const BATCH: u32 = 16;

/// A mail that waits for longer than this was put off by a clock that was ahead: none is put off by more than a quarter
/// of an hour, or leased for longer than [`LEASE`].
const STRANDED: Duration = Duration::from_hours(2);

/// What became of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Sent, dropped or put off: on to the next.
    Done,
    /// The mail server is out of reach: no other row would fare better.
    ServerGone,
}

impl AuthService {
    /// Sends the mails that are due now, once: what the background job does again and again.
    ///
    /// # Errors
    ///
    /// [`Fault`](crate::Fault) when the database can't be used.
    pub async fn deliver_mails(&self) -> Result<(), crate::Fault> {
        Ok(self.inner().deliver_due(&|| false).await?)
    }
}

impl Inner {
    /// Sends what is due, until nothing is, the mail server is gone, or `stopping` says so.
    pub(crate) async fn deliver_due(&self, stopping: &(dyn Fn() -> bool + Sync)) -> Result<(), DbError> {
        while !stopping() && self.mail_breaker.state() != BreakerState::Open && self.has_due().await? {
            let lease = self.clock.now().plus(LEASE);
            let mut rows = self.claim(lease).await?.into_iter();
            if rows.len() == 0 {
                // What is due is in somebody else's hands.
                break;
            }
            let worked = self.deliver_batch(&mut rows, lease, stopping).await;
            self.give_back(rows, lease).await?;
            worked?;
        }
        Ok(())
    }

    /// Sends `rows` one after the other, and leaves those that somebody has to give back.
    async fn deliver_batch(
        &self,
        rows: &mut vec::IntoIter<QueuedEmail>,
        lease: Timestamp,
        stopping: &(dyn Fn() -> bool + Sync),
    ) -> Result<(), DbError> {
        while !stopping() && self.clock.now().plus(RESERVE) <= lease {
            let Some(row) = rows.next() else { break };
            if self.deliver(row, lease, stopping).await? == Outcome::ServerGone {
                break;
            }
        }
        Ok(())
    }

    /// Asked before a row is claimed: reading costs no write.
    async fn has_due(&self) -> Result<bool, DbError> {
        let now = self.clock.now();
        self.database.read(move |conn| email_outbox::has_due(conn, now)).await
    }

    async fn claim(&self, lease: Timestamp) -> Result<Vec<QueuedEmail>, DbError> {
        let now = self.clock.now();
        self.database.write(move |conn| email_outbox::claim(conn, now, lease, BATCH)).await
    }

    async fn give_back(&self, rows: impl Iterator<Item = QueuedEmail>, lease: Timestamp) -> Result<(), DbError> {
        let ids: Vec<_> = rows.map(|row| row.id).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let give_back = move |conn: &mut DbConnection| {
            ids.iter().try_for_each(|id| email_outbox::release(conn, *id, lease).map(drop))
        };
        self.database.write(give_back).await
    }

    /// How the queue stands, for the metrics.
    pub(crate) async fn measure_outbox(&self) -> Result<(), DbError> {
        let now = self.clock.now();
        self.release_stranded(now).await?;
        let counts = self.database.read(move |conn| email_outbox::counts(conn, now)).await?;
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        {
            metrics::gauge!("auth_outbox_waiting").set(counts.waiting as f64);
            metrics::gauge!("auth_outbox_failed").set(counts.failed as f64);
        }
        let oldest = counts.oldest_waiting.map_or(Duration::ZERO, |at| now.saturating_since(at));
        metrics::gauge!("auth_outbox_oldest_seconds").set(oldest.as_secs_f64());
        Ok(())
    }

    /// A clock that was ahead and is right again must not keep mails waiting until it is as late as it said.
    async fn release_stranded(&self, now: Timestamp) -> Result<(), DbError> {
        let latest = now.plus(STRANDED);
        if !self.database.read(move |conn| email_outbox::has_stranded(conn, latest)).await? {
            return Ok(());
        }
        let mails = self.database.write(move |conn| email_outbox::release_stranded(conn, now, latest)).await?;
        tracing::warn!(mails, "mails were put off by a clock that was ahead: they are sent now");
        Ok(())
    }
}
