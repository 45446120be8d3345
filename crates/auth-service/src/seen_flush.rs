//! Writing down which generations of tokens were met, in batches: no request waits for it.

use auth_persistence::{DbError, refresh};

use crate::service::Inner;

impl Inner {
    /// Writes the marks that were gathered since the last time. A batch that is lost only delays an alarm.
    ///
    /// # Errors
    ///
    /// When the database can't be written; the marks of this batch are gone then.
    pub(crate) async fn flush_seen(&self) -> Result<(), DbError> {
        let mut marks = self.seen.drain();
        if marks.is_empty() {
            return Ok(());
        }
        // Instances that lock the same rows in different orders would wait for each other.
        marks.sort_unstable();
        self.database
            .write(move |conn| {
                for (session, generation) in marks {
                    refresh::mark_seen(conn, session, generation)?;
                }
                Ok(())
            })
            .await
    }
}
