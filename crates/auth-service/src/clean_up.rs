//! Deleting what nobody needs any more: by one instance, a batch at a time and with pauses, so that nobody waits for long.
//!
//! Users are never deleted here, and an account whose address was never verified is no outdated row: where addresses
//! need not be verified, such accounts are in use, and they must survive the day when that setting changes. Only a
//! registration that waits for its address goes when its time is over.

use std::collections::VecDeque;
use std::time::Duration;

use auth_core::Timestamp;
use auth_persistence::{
    DbConnection, DbError, device, email_outbox, mail_budget, one_time_token, pending_registration, reserved_address,
    revocation, session,
};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::fault::Fault;
use crate::service::{AuthService, Inner};

/// How many times as long as a batch took the others have the database for themselves.
pub(crate) const PAUSE: u32 = 4;

/// As many rows of a table as one transaction deletes.
const BATCH: u32 = 500;

/// As many transactions as one turn makes: the next turn goes on.
const MAX_BATCHES: usize = 2_000;

/// The lease of whoever cleans up.
const LEASE: &str = "clean_up";

/// How long a mail's row is kept after the mail was sent or given up: it answers "did you send it?".
const KEPT_MAIL: Duration = Duration::from_hours(30 * 24);

/// How long a session is kept after its end: so long its tokens are told that they expired.
const KEPT_EXPIRED: Duration = Duration::from_hours(24);

/// How long a session is kept after it was revoked, unless its time is over before: it answers "what ended it?". Its tokens
/// are refused in the same words without the row.
const KEPT_REVOKED: Duration = Duration::from_hours(30 * 24);

/// What is deleted of a table: what was over by `before`.
struct Outdated {
    table: &'static str,
    before: Timestamp,
    delete: fn(&mut DbConnection, Timestamp, u32) -> Result<usize, DbError>,
}

fn outdated(now: Timestamp) -> Vec<Outdated> {
    vec![
        Outdated { table: "revocations", before: now, delete: revocation::delete_expired },
        Outdated { table: "one_time_tokens", before: now, delete: one_time_token::delete_expired },
        Outdated { table: "pending_registrations", before: now, delete: pending_registration::delete_expired },
        Outdated { table: "reserved_addresses", before: now, delete: reserved_address::delete_expired },
        Outdated { table: "mail_budgets", before: now, delete: mail_budget::delete_idle },
        Outdated { table: "devices", before: now, delete: device::delete_expired },
        Outdated { table: "sessions", before: now.minus(KEPT_EXPIRED), delete: session::delete_expired },
        Outdated { table: "sessions", before: now.minus(KEPT_REVOKED), delete: session::delete_revoked },
        Outdated { table: "email_outbox", before: now.minus(KEPT_MAIL), delete: email_outbox::delete_finished },
    ]
}

impl AuthService {
    /// Deletes what is outdated, once, as the background job does. False: another instance is at it, and nothing was done.
    ///
    /// # Errors
    ///
    /// [`Fault`] when the database can't be written.
    pub async fn clean_up(&self) -> Result<bool, Fault> {
        let (_never, stop) = watch::channel(false);
        Ok(self.inner().delete_outdated(stop).await?)
    }
}

impl Inner {
    /// Deletes what is past its time: a batch of each table in turns, until nothing is left, it was enough for once, or
    /// `stop` says so. False: another instance is at it.
    pub(crate) async fn delete_outdated(&self, mut stop: watch::Receiver<bool>) -> Result<bool, DbError> {
        let mut left = VecDeque::from(outdated(self.clock.now()));
        for _ in 0..MAX_BATCHES {
            let Some(next) = left.pop_front() else { break };
            if !self.holds_lease(LEASE).await? {
                return Ok(false);
            }
            let begin = Instant::now();
            if self.delete_batch(&next).await? == BATCH as usize {
                left.push_back(next);
            }
            // Others go first, and for longer than they had to wait.
            if timeout(begin.elapsed() * PAUSE, stop.wait_for(|stop| *stop)).await.is_ok_and(|stopped| stopped.is_ok())
            {
                return Ok(true);
            }
        }
        let deleted = self.delete_old_audit_events().await?;
        metrics::counter!("auth_deleted_rows_total", "table" => "audit_events").increment(deleted);
        Ok(true)
    }

    async fn delete_batch(&self, outdated: &Outdated) -> Result<usize, DbError> {
        let Outdated { table, before, delete } = *outdated;
        let deleted = self.database.write(move |conn| delete(conn, before, BATCH)).await?;
        metrics::counter!("auth_deleted_rows_total", "table" => table).increment(deleted as u64);
        Ok(deleted)
    }
}
