//! Writing down which generations of tokens were met, in batches: no request waits for it.

use auth_core::SessionId;
use auth_persistence::{DbConnection, DbError, refresh};

use crate::service::Inner;

/// As many as are written before somebody else's writes have their turn.
const BATCH: usize = 256;

impl Inner {
    /// Writes the marks that were gathered since the last time. A batch that is lost only delays an alarm.
    ///
    /// # Errors
    ///
    /// When the database can't be written; the marks that are left are gone then.
    pub(crate) async fn flush_seen(&self) -> Result<(), DbError> {
        for batch in self.seen.drain().chunks(BATCH) {
            let batch = batch.to_vec();
            // Not a transaction: no row is locked while the next one is written.
            self.database.statements(move |conn| mark(conn, &batch)).await?;
        }
        Ok(())
    }
}

fn mark(conn: &mut DbConnection, batch: &[(SessionId, u32)]) -> Result<(), DbError> {
    for (session, generation) in batch {
        refresh::mark_seen(conn, *session, *generation)?;
    }
    Ok(())
}
