//! Ending every session of everybody, beside servers that go on: for whoever doesn't know which were stolen.

use std::collections::HashSet;

use auth_core::{TokenPurpose, UserId};
use auth_persistence::everybody::{self, Stretch};
use auth_persistence::{DbConnection, DbError};
use serde_json::json;

use crate::audit::Event;
use crate::client::Client;
use crate::fault::Fault;
use crate::letter::Template;
use crate::logout::Reason;
use crate::revocation_feed::Revoked;
use crate::service::{AuthService, Inner};

/// How many users a transaction takes: requests wait for it on SQLite, and theirs on PostgreSQL.
const USERS: u32 = 500;

/// How often a stretch is tried whose rows others hold.
const TRIES: u32 = 5;

/// What was ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RevokedEverybody {
    /// Users whose tokens are good no more.
    pub users: usize,
    /// Sessions that were live.
    pub sessions: usize,
}

impl AuthService {
    /// Ends every session, every access token, every half-done sign-in and every pending change of address of all users; who signs in meanwhile may stay.
    /// Other instances know of it after their next poll. `advance` is told of users as they are done.
    ///
    /// It goes from stretch to stretch: after a failure some are done, and calling it again does the rest.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub async fn revoke_everybody(&self, mut advance: impl FnMut(u64)) -> Result<RevokedEverybody, Fault> {
        let inner = self.inner();
        let (mut total, mut after) = (RevokedEverybody::default(), None);
        while let Some(stretch) = inner.stretch_after(after).await? {
            let (users, sessions, news) = inner.revoke_stretch(stretch).await?;
            inner.apply(&news);
            total.users += users;
            total.sessions += sessions;
            advance(users as u64);
            after = Some(stretch.last());
        }
        let handle = inner.handle();
        let details = json!({ "by": "operator", "everybody": true, "sessions": total.sessions });
        let record = move |conn: &mut DbConnection| {
            handle.record_by(conn, None, Event::AdminSessionsRevoked, None, &Client::default(), details)
        };
        inner.database.write(record).await.map_err(Fault::from)?;
        Ok(total)
    }
}

impl Inner {
    async fn stretch_after(&self, after: Option<UserId>) -> Result<Option<Stretch>, Fault> {
        self.database.read(move |conn| everybody::stretch(conn, after, USERS)).await.map_err(Fault::from)
    }

    async fn revoke_stretch(&self, stretch: Stretch) -> Result<(usize, usize, Vec<Revoked>), Fault> {
        let mut tries = 1;
        loop {
            let inner = self.handle();
            match self.database.write(move |conn| inner.revoke_stretch_in(conn, stretch)).await {
                Err(DbError::Busy) if tries < TRIES => tries += 1,
                result => return result.map_err(Fault::from),
            }
        }
    }

    fn revoke_stretch_in(
        &self,
        conn: &mut DbConnection,
        stretch: Stretch,
    ) -> Result<(usize, usize, Vec<Revoked>), DbError> {
        let raised = everybody::raise_epochs(conn, stretch)?;
        let concerned: HashSet<UserId> = everybody::with_sessions(conn, stretch)?.into_iter().collect();
        let sessions = everybody::revoke_sessions(conn, stretch, Reason::RevokedByOperator.as_str(), self.clock.now())?;
        // A change of address that a thief asked for.
        let (purpose, template) = (TokenPurpose::ChangeEmail, Template::ChangeEmail.as_str());
        everybody::end_links(conn, stretch, purpose, template, self.clock.now())?;
        let users = raised.len();
        let concerned = raised.into_iter().filter(|(user, _)| concerned.contains(user));
        let news = concerned.map(|(user, epoch)| self.announce_epoch(conn, user, epoch)).collect::<Result<_, _>>()?;
        Ok((users, sessions, news))
    }
}
