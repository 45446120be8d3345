//! The news of what was revoked: written with its cause, applied to this process at once, read by the others.
//!
//! The truth stays in `sessions.revoked_at` and `users.token_epoch`. The feed exists because a deleted user has no
//! rows left to read it from, and because one short table is cheaper to poll than two long ones.

use std::collections::HashSet;
use std::time::Duration;

use auth_core::{SessionId, Timestamp, UserId, new_uuid};
use auth_persistence::revocation::{self, Revocation};
use auth_persistence::{DbConnection, DbError};
use uuid::Uuid;

use crate::service::Inner;

/// How far back each poll looks: rows become visible when their transaction commits, which may be this much after
/// the time that they carry, and instances' clocks differ.
const OVERLAP: Duration = Duration::from_secs(30);

/// One piece of news.
pub(crate) type Revoked = Revocation;

/// What this process has read of the feed. By its own clock alone: a time that another instance's clock wrote must not
/// move it.
#[derive(Debug, Default)]
pub(crate) struct FeedPosition {
    polled_at: Option<Timestamp>,
    known: HashSet<Uuid>,
}

impl Inner {
    /// Writes news about sessions that end, inside the transaction that ends them.
    pub(crate) fn announce_sessions(
        &self,
        conn: &mut DbConnection,
        user: UserId,
        sessions: Vec<SessionId>,
    ) -> Result<Vec<Revoked>, DbError> {
        let now = self.clock.now();
        let news: Vec<Revoked> = sessions
            .into_iter()
            .map(|session| Revoked {
                id: new_uuid(now, &*self.random),
                at: now,
                session_id: Some(session),
                user_id: Some(user),
                lowest_epoch: None,
                // Nothing has to be known of a session whose last access token is dead.
                expires_at: now.plus(self.access_lifetime()).plus(OVERLAP),
            })
            .collect();
        revocation::insert(conn, &news)?;
        Ok(news)
    }

    /// Makes news known to this process. Call it when the transaction is committed.
    pub(crate) fn apply(&self, news: &[Revoked]) {
        for item in news {
            // An instance whose access tokens live longer than those of the writer has to remember longer.
            let until = item.expires_at.max(item.at.plus(self.access_lifetime()).plus(OVERLAP));
            match (item.session_id, item.user_id, item.lowest_epoch) {
                (Some(session), _, _) => self.revocations.revoke_session(session, until),
                (None, Some(user), Some(epoch)) => self.revocations.raise_epoch(user, epoch, until),
                _ => {}
            }
        }
    }

    /// Reads what is new in the feed, from all instances.
    ///
    /// # Errors
    ///
    /// When the database can't be read; the list is then older than before, and says so after its bound.
    pub(crate) async fn poll_revocations(&self) -> Result<(), DbError> {
        let now = self.clock.now();
        let since = {
            let position = self.feed_position.lock();
            // At the start: everything that an access token still alive may have been revoked by.
            let begin = now.minus(self.access_lifetime());
            position.polled_at.unwrap_or(begin).min(now).minus(OVERLAP)
        };
        let news = self.database.read(move |conn| revocation::list_since(conn, since)).await?;
        self.apply_unknown(&news, now);
        self.revocations.mark_synced(now);
        self.revocations.prune(now);
        Ok(())
    }

    /// Deletes news about access tokens that are all dead by now.
    pub(crate) async fn sweep_revocations(&self) -> Result<(), DbError> {
        let now = self.clock.now();
        self.database.write(move |conn| revocation::delete_expired(conn, now).map(drop)).await
    }

    fn apply_unknown(&self, news: &[Revoked], now: Timestamp) {
        let mut position = self.feed_position.lock();
        let unknown: Vec<Revoked> = news.iter().filter(|item| !position.known.contains(&item.id)).cloned().collect();
        position.known = news.iter().map(|item| item.id).collect();
        position.polled_at = Some(now);
        drop(position);
        self.apply(&unknown);
    }
}
