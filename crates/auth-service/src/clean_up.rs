//! Deleting what nobody needs any more, a batch at a time so that nobody waits for long.

use std::time::Duration;

use auth_core::Timestamp;
use auth_persistence::{
    DbConnection, DbError, email_outbox, mail_budget, one_time_token, pending_registration, reserved_address,
};

use crate::service::Inner;

/// As many rows of a table as one transaction deletes.
const BATCH: u32 = 500;

/// As many transactions as one turn makes for one table: the next turn goes on.
const MAX_BATCHES: u32 = 100;

type Deletion = fn(&mut DbConnection, Timestamp, u32) -> Result<usize, DbError>;

/// How long a mail's row is kept after the mail was sent or given up: it answers "did you send it?".
const KEPT_MAIL: Duration = Duration::from_hours(30 * 24);

impl Inner {
    /// Deletes links, registrations, reservations, budgets and mails that are past their time.
    pub(crate) async fn delete_outdated(&self) -> Result<(), DbError> {
        let now = self.clock.now();
        let mails_before = now.minus(KEPT_MAIL);
        let deletions: [Deletion; 4] = [
            one_time_token::delete_expired,
            pending_registration::delete_expired,
            reserved_address::delete_expired,
            mail_budget::delete_idle,
        ];
        for deletion in deletions {
            self.delete_in_batches(deletion, now).await?;
        }
        self.delete_in_batches(email_outbox::delete_finished, mails_before).await
    }

    async fn delete_in_batches(&self, deletion: Deletion, before: Timestamp) -> Result<(), DbError> {
        for _ in 0..MAX_BATCHES {
            if self.database.write(move |conn| deletion(conn, before, BATCH)).await? < BATCH as usize {
                break;
            }
        }
        Ok(())
    }
}
