//! Refreshing: a refresh token against new tokens, by the rules of `docs/tokens.md`.

mod decision;

use std::time::Duration;

use auth_core::{ErrorCode, PresentedRefreshToken, SessionSalt, Timestamp};
use auth_email::Alert;
use auth_persistence::refresh as statement;
use auth_persistence::session::{self, Session};
use auth_persistence::user::{self, User};
use auth_persistence::{DbConnection, DbError, nested_transaction};
use serde_json::json;

use self::decision::{Decision, RefreshState};
use crate::audit::Event;
use crate::client::Client;
use crate::config::ReuseScope;
use crate::fault::Fault;
use crate::logout::Reason;
use crate::operation::Operation;
use crate::revocation_feed::Revoked;
use crate::service::{AuthService, Inner};
use crate::session::Tokens;

/// How often a decision is made again because somebody else was faster, before the client is asked to come back.
const ATTEMPTS: usize = 8;

/// A request that waited longer than this since it arrived changes nothing any more: its client has given up on it,
/// and a rotation that nobody hears of looks like a theft later.
const MAX_WAIT: Duration = Duration::from_secs(3);

/// Why there are no new tokens.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// Not a token of a live session.
    #[error("not a refresh token of a live session")]
    Invalid,
    /// The session is over its end, or was idle for too long.
    #[error("the session has expired")]
    Expired,
    /// A replaced token came back: everything it could open is closed.
    #[error("the refresh token was used before")]
    Reused,
    /// Neither yes nor no: the same token may be presented again after this time.
    #[error("an answer may still be on its way")]
    RetryLater(Duration),
    /// Nothing to do with the caller.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl RefreshError {
    /// The stable code of this error.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid => ErrorCode::RefreshTokenInvalid,
            Self::Expired => ErrorCode::RefreshTokenExpired,
            Self::Reused => ErrorCode::RefreshTokenReused,
            Self::RetryLater(_) => ErrorCode::RetryLater,
            Self::Fault(fault) => fault.code(),
        }
    }
}

/// How a presented token was dealt with, once that is committed.
enum Outcome {
    Granted(Box<(Session, User)>),
    Invalid,
    Expired,
    Reused(Vec<Revoked>),
    RetryLater(Duration),
    /// Somebody else changed the row first.
    Raced,
}

impl AuthService {
    /// New tokens for the session of `refresh_token`.
    ///
    /// Within the grace of the last rotation the refresh token comes back unchanged.
    ///
    /// # Errors
    ///
    /// [`RefreshError`].
    pub async fn refresh(&self, refresh_token: &str, client: &Client) -> Result<Tokens, RefreshError> {
        let _measured = Operation::begin("refresh");
        let inner = self.inner();
        let presented = inner.refresh_tokens.parse(refresh_token).map_err(|_| RefreshError::Invalid)?;
        let _kept = inner.charge([inner.refresh_charge(presented.session())], None, client).await?;
        let arrived = client.arrived_at().unwrap_or_else(|| inner.clock.now());
        let (handle, client) = (inner.handle(), client.clone());
        let outcome = inner
            .database
            .statements(move |conn| handle.settle(conn, &presented, arrived, &client))
            .await
            .map_err(RefreshError::Fault)?;
        match outcome {
            Outcome::Granted(granted) => {
                let (session, user) = *granted;
                let (session_id, generation) = (session.id, session.generation);
                metrics::counter!("auth_token_refresh_total").increment(1);
                tracing::info!(target: "audit", event = "token.refreshed", %session_id, generation, "audit");
                Ok(inner.tokens(&session, user)?)
            }
            Outcome::Invalid => Err(RefreshError::Invalid),
            Outcome::Expired => Err(RefreshError::Expired),
            Outcome::Reused(news) => {
                inner.apply(&news);
                Err(RefreshError::Reused)
            }
            Outcome::RetryLater(time) => Err(RefreshError::RetryLater(time)),
            Outcome::Raced => Err(RefreshError::RetryLater(Duration::from_secs(1))),
        }
    }
}

impl Inner {
    /// Decides and acts, and again while somebody else was faster.
    fn settle(
        &self,
        conn: &mut DbConnection,
        presented: &PresentedRefreshToken,
        arrived: Timestamp,
        client: &Client,
    ) -> Result<Outcome, Fault> {
        for _ in 0..ATTEMPTS {
            let now = self.clock.now();
            if now.saturating_since(arrived) > MAX_WAIT {
                return Ok(Outcome::RetryLater(Duration::from_secs(1)));
            }
            let Some((session, user)) = session::find_with_user(conn, presented.session())? else {
                return Ok(Outcome::Invalid);
            };
            if !presented.is_bound_to(&SessionSalt::from_bytes(*session.salt.expose())) {
                return Ok(Outcome::Invalid);
            }
            if let Some(ended) = self.ended(&session, &user, now) {
                return Ok(ended);
            }
            match self.act(conn, presented.generation(), session, user, now, client)? {
                Outcome::Raced => {}
                outcome => return Ok(outcome),
            }
        }
        Ok(Outcome::Raced)
    }

    /// Row 0: nothing is written for a session that is over, so that its tokens can't be made to cost anything.
    fn ended(&self, session: &Session, user: &User, now: Timestamp) -> Option<Outcome> {
        if session.revoked_at.is_some() || user.disabled_at.is_some() || user.password_must_change {
            let (session_id, reason) = (session.id, session.revoke_reason.as_deref());
            tracing::info!(target: "audit", event = "token.refused", %session_id, reason, "audit");
            return Some(Outcome::Invalid);
        }
        self.is_over_by_time(session, now).then_some(Outcome::Expired)
    }

    /// Carries the decision out by one conditional statement, which holds only if the row is still as it was read.
    fn act(
        &self,
        conn: &mut DbConnection,
        presented: u32,
        mut session: Session,
        user: User,
        now: Timestamp,
        client: &Client,
    ) -> Result<Outcome, Fault> {
        let grace = self.config.refresh_grace;
        let (id, current) = (session.id, session.generation);
        let decision = self.state(&session).decide(presented, now, grace);
        let done = match decision {
            Decision::Repeat => {
                if session.seen_generation < current {
                    statement::mark_seen(conn, id, current)?;
                }
                true
            }
            Decision::Rotate => statement::rotate(conn, id, current, now, some(grace))?,
            Decision::HandOutAgain => statement::extend_hand_out(conn, id, current, presented, now, grace)?,
            Decision::Skip => statement::skip(conn, id, current, presented, now, grace)?,
            Decision::Wait(time) => return Ok(Outcome::RetryLater(time)),
            Decision::Reuse => return self.end_reused(conn, presented, &session, &user, now, client),
            Decision::FastForward => {
                self.fast_forward(conn, presented, &session, client)?;
                return Ok(Outcome::Raced);
            }
        };
        if !done {
            return Ok(Outcome::Raced);
        }
        if matches!(decision, Decision::Rotate | Decision::Skip) {
            session.generation = current + 1;
        }
        Ok(Outcome::Granted(Box::new((session, user))))
    }

    fn state(&self, session: &Session) -> RefreshState {
        // Marks of this process that are not written yet count too: they only raise the alarm earlier.
        let unwritten = self.seen.highest(session.id).filter(|seen| *seen <= session.generation).unwrap_or(0);
        RefreshState {
            generation: session.generation,
            previous: session.previous_generation,
            seen: session.seen_generation.max(unwritten),
            rotated_at: session.rotated_at,
            handed_at: session.handed_at,
        }
    }

    /// Row 6: the revocation, its record and its alert are one transaction, committed although the answer is a refusal.
    fn end_reused(
        &self,
        conn: &mut DbConnection,
        presented: u32,
        session: &Session,
        user: &User,
        now: Timestamp,
        client: &Client,
    ) -> Result<Outcome, Fault> {
        let grace = some(self.config.refresh_grace);
        let news = nested_transaction(conn, |conn| {
            user::lock(conn, user.id)?;
            let seen = self.state(session).seen;
            if seen > session.seen_generation {
                statement::mark_seen(conn, session.id, seen)?;
            }
            let ended = statement::revoke_reused(conn, session.id, session.generation, presented, now, grace)?;
            if !ended {
                return Ok::<_, DbError>(None);
            }
            let mut news = self.announce_sessions(conn, user.id, vec![session.id])?;
            if self.config.reuse_revokes == ReuseScope::User {
                self.end_pending(conn, user.id)?;
                news.extend(self.revoke_sessions(conn, user.id, None, Reason::Reuse)?);
            }
            let details = json!({
                "session_id": session.id, "presented": presented, "current": session.generation, "sessions": news.len(),
            });
            self.record(conn, Event::TokenReused, Some(user.id), client, details)?;
            self.tell(conn, user, Alert::TokenReused, client)?;
            Ok(Some(news))
        })?;
        Ok(news.map_or(Outcome::Raced, Outcome::Reused))
    }

    /// Row 7: the database was set back, and this client has seen what it forgot.
    fn fast_forward(
        &self,
        conn: &mut DbConnection,
        presented: u32,
        session: &Session,
        client: &Client,
    ) -> Result<(), DbError> {
        nested_transaction(conn, |conn| {
            if statement::fast_forward(conn, session.id, session.generation, presented, self.clock.now())? {
                let details = json!({
                    "session_id": session.id, "presented": presented, "current": session.generation,
                });
                self.record(conn, Event::TokenAhead, Some(session.user_id), client, details)?;
            }
            Ok(())
        })
    }
}

/// Zero is strict mode, in which the statements have no condition on time.
fn some(grace: Duration) -> Option<Duration> {
    (!grace.is_zero()).then_some(grace)
}
