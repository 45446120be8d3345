//! The queue of mails, for its operator.

use auth_core::Timestamp;
use auth_persistence::email_outbox::{self, QueuedEmail};
use uuid::Uuid;

use crate::fault::Fault;
use crate::service::AuthService;

/// A mail that waits or has failed.
#[derive(Clone, Debug)]
pub struct OutboxEntry {
    /// The mail's id, which is in its Message-ID.
    pub id: Uuid,
    /// Which mail it is.
    pub template: String,
    /// Who gets it. Personal data: an operator may see it, a log must not.
    pub recipient: String,
    /// When it was queued.
    pub created_at: Timestamp,
    /// From when on it is of no use.
    pub expires_at: Timestamp,
    /// How often sending was tried.
    pub attempts: i32,
    /// When it is tried next; none once it has failed for good.
    pub next_attempt_at: Option<Timestamp>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
}

impl From<QueuedEmail> for OutboxEntry {
    fn from(row: QueuedEmail) -> Self {
        Self {
            id: row.id,
            template: row.template,
            recipient: row.recipient.into_inner(),
            created_at: row.created_at,
            expires_at: row.expires_at,
            attempts: row.attempts,
            next_attempt_at: row.failed_at.is_none().then_some(row.next_attempt_at),
            last_error: row.last_error,
        }
    }
}

impl AuthService {
    /// The oldest `limit` mails that wait or have failed.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub async fn outbox(&self, limit: u32) -> Result<Vec<OutboxEntry>, Fault> {
        let rows = self.inner().database.read(move |conn| email_outbox::list_open(conn, limit)).await?;
        Ok(rows.into_iter().map(OutboxEntry::from).collect())
    }

    /// Has one mail, or all, tried again at once, those that have failed too. How many there were; a mail past its
    /// time is none of them.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub async fn retry_mails(&self, id: Option<Uuid>) -> Result<usize, Fault> {
        let inner = self.inner();
        let now = inner.clock.now();
        let retry = move |conn: &mut _| match id {
            Some(id) => email_outbox::retry(conn, id, now).map(usize::from),
            None => email_outbox::retry_all(conn, now),
        };
        Ok(inner.database.write(retry).await?)
    }
}
