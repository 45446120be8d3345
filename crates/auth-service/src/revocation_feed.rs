//! The news of what was revoked, and of premium: written with its cause, applied to this process at once, told to the other
//! instances (`revocation_news`), and read by them in any case.
//!
//! The truth stays in `sessions.revoked_at`, `users.token_epoch` and `users.premium_until`. The feed exists because a deleted user has no
//! rows left to read it from, and because one short table is cheaper to poll than two long ones.

use std::collections::HashMap;
use std::time::Duration;

use auth_core::{SessionId, Timestamp, UserId, new_uuid};
use auth_persistence::revocation::{self, Revocation};
use auth_persistence::{DbConnection, DbError};
use uuid::Uuid;

use crate::service::Inner;

/// How far back each poll looks: rows become visible when their transaction commits, which may be this much after
/// the time that they carry, and instances' clocks differ.
pub(crate) const OVERLAP: Duration = Duration::from_secs(30);

/// For how long it is known that a piece of news was known before the table had it: longer than a transaction may take.
const NOTED: Duration = Duration::from_mins(1);

/// One piece of news.
pub(crate) type Revoked = Revocation;

/// What a piece of news says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The session ended.
    Session(SessionId),
    /// Only the user's access tokens of this epoch and above are good.
    Epoch(UserId, i64),
    /// The user has premium until then, or not at all, by the change of this number.
    Premium(UserId, i64, Option<Timestamp>),
}

impl Kind {
    /// `None` for a row of a kind that this version doesn't know.
    pub(crate) fn of(news: &Revoked) -> Option<Self> {
        match (news.session_id, news.user_id, news.lowest_epoch, news.premium_epoch) {
            (Some(session), ..) => Some(Self::Session(session)),
            (None, Some(user), Some(epoch), _) => Some(Self::Epoch(user, epoch)),
            (None, Some(user), None, Some(epoch)) => Some(Self::Premium(user, epoch, news.premium_until)),
            _ => None,
        }
    }
}

/// What this process has read of the feed. By its own clock alone: a time that another instance's clock wrote must not
/// move it.
#[derive(Debug, Default)]
pub(crate) struct FeedPosition {
    polled_at: Option<Timestamp>,
    /// The news that are listed and that a poll may find, with the time when they became known.
    known: HashMap<Uuid, Timestamp>,
}

impl FeedPosition {
    /// Whether this is news.
    fn lacks(&self, item: &Revoked) -> bool {
        !self.known.contains_key(&item.id)
    }

    /// Notes that `news` are listed, and returns how old those were that had not been noted before.
    fn note(&mut self, news: &[Revoked], now: Timestamp) -> Vec<Duration> {
        let fresh = news.iter().filter(|item| self.known.insert(item.id, now).is_none());
        fresh.map(|item| now.saturating_since(item.at)).collect()
    }

    /// Notes a whole reading. What it no longer held needs no noting any more.
    fn note_reading(&mut self, news: &[Revoked], now: Timestamp) -> Vec<Duration> {
        let begin = self.polled_at.replace(now).is_none();
        let before = std::mem::take(&mut self.known);
        // Into a new map: the first reading may have been a hundred thousand, and a map never gets smaller.
        let lately = before.iter().filter(|(_, noted)| noted.plus(NOTED) > now).map(|(id, noted)| (*id, *noted));
        self.known = lately.collect();
        let mut ages = Vec::new();
        for item in news {
            let noted = before.get(&item.id).copied();
            if noted.is_none() {
                ages.push(now.saturating_since(item.at));
            }
            self.known.insert(item.id, noted.unwrap_or(now));
        }
        // What happened before this process began was late for nobody.
        if begin { Vec::new() } else { ages }
    }
}

impl Inner {
    /// Writes news about sessions that end, inside the transaction that ends them.
    pub(crate) fn announce_sessions(
        &self,
        conn: &mut DbConnection,
        user: UserId,
        sessions: Vec<SessionId>,
    ) -> Result<Vec<Revoked>, DbError> {
        let of = |session| Revoked { session_id: Some(session), ..self.news_of(user) };
        let news: Vec<Revoked> = sessions.into_iter().map(of).collect();
        revocation::insert(conn, &news)?;
        Ok(news)
    }

    /// Writes that the access tokens of `user` below `lowest_epoch` are good no more, inside the transaction that raised
    /// the epoch. Their sessions live on: a refresh brings a good one.
    pub(crate) fn announce_epoch(
        &self,
        conn: &mut DbConnection,
        user: UserId,
        lowest_epoch: i64,
    ) -> Result<Revoked, DbError> {
        let news = Revoked { lowest_epoch: Some(lowest_epoch), ..self.news_of(user) };
        revocation::insert(conn, std::slice::from_ref(&news))?;
        Ok(news)
    }

    /// Writes until when `user` has premium now, inside the transaction that changed it.
    pub(crate) fn announce_premium(
        &self,
        conn: &mut DbConnection,
        user: UserId,
        premium_epoch: i64,
        premium_until: Option<Timestamp>,
    ) -> Result<Revoked, DbError> {
        let news = Revoked { premium_epoch: Some(premium_epoch), premium_until, ..self.news_of(user) };
        revocation::insert(conn, std::slice::from_ref(&news))?;
        Ok(news)
    }

    /// News about `user` that say nothing yet.
    fn news_of(&self, user: UserId) -> Revoked {
        let now = self.clock.now();
        Revoked {
            id: new_uuid(now, &*self.random),
            at: now,
            session_id: None,
            user_id: Some(user),
            lowest_epoch: None,
            premium_epoch: None,
            premium_until: None,
            // Nothing has to be known once the last access token that it is about is dead.
            expires_at: now.plus(self.access_lifetime()).plus(OVERLAP),
        }
    }

    /// Makes news of this instance known to it and to all others. Call it when the transaction is committed.
    pub(crate) fn apply(&self, news: &[Revoked]) {
        self.list(news);
        self.feed_position.lock().note(news, self.clock.now());
        self.tell_instances(news);
    }

    /// Makes news that another instance told known to this process.
    pub(crate) fn apply_heard(&self, news: &[Revoked]) {
        self.list(news);
        let now = self.clock.now();
        record_lag(&self.feed_position.lock().note(news, now));
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
        self.apply_read(&news, now);
        self.revocations.mark_synced(now);
        self.revocations.prune(now);
        Ok(())
    }

    fn apply_read(&self, news: &[Revoked], now: Timestamp) {
        let unknown: Vec<&Revoked> = {
            let position = self.feed_position.lock();
            news.iter().filter(|item| position.lacks(item)).collect()
        };
        // Before they are noted: whatever is noted is listed, whoever looks.
        self.list(unknown);
        record_lag(&self.feed_position.lock().note_reading(news, now));
    }

    /// Has the news be heeded from now on.
    fn list<'a>(&self, news: impl IntoIterator<Item = &'a Revoked>) {
        let now = self.clock.now();
        for item in news {
            // An instance whose access tokens live longer than those of the writer has to remember longer.
            let until = item.expires_at.max(item.at.plus(self.access_lifetime()).plus(OVERLAP));
            if until <= now {
                continue;
            }
            match Kind::of(item) {
                Some(Kind::Session(session)) => self.revocations.revoke_session(session, until),
                Some(Kind::Epoch(user, epoch)) => self.revocations.raise_epoch(user, epoch, until),
                Some(Kind::Premium(user, epoch, end)) => self.revocations.set_premium(user, epoch, end, until),
                None => {}
            }
        }
    }
}

/// How long news of other instances took to get here, whichever way was the faster.
fn record_lag(ages: &[Duration]) {
    for age in ages {
        metrics::histogram!("auth_revocation_lag_seconds").record(age.as_secs_f64());
    }
}
