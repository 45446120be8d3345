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
        let marks = self.seen.drain();
        if marks.is_empty() {
            return Ok(());
        }
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
