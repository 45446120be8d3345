//! The list of a user's sessions.

use auth_core::{SessionId, Timestamp, UserId};
use auth_persistence::session::{self, Session};
use serde::Serialize;

use crate::client::device_of;
use crate::fault::Fault;
use crate::service::AuthService;

/// A live session, as its user sees it in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionInfo {
    /// The session's id.
    pub id: SessionId,
    /// Whether it is the session that asks.
    pub current: bool,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub last_used_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// The address that it was opened from.
    pub ip: Option<String>,
    /// The program that opened it, in its own words.
    pub user_agent: Option<String>,
    /// The same in a few words.
    pub device: Option<String>,
    /// How its user proved who they are (RFC 8176).
    pub auth_methods: Vec<String>,
}

impl SessionInfo {
    pub(crate) fn of(session: Session, current: SessionId) -> Self {
        Self {
            id: session.id,
            current: session.id == current,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
            device: session.user_agent.as_deref().and_then(device_of),
            ip: session.ip,
            user_agent: session.user_agent,
            auth_methods: session.auth_methods.split(',').map(str::to_owned).collect(),
        }
    }
}

impl AuthService {
    /// The live sessions of `user`, newest first; `current` is marked.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub async fn sessions(&self, user: UserId, current: SessionId) -> Result<Vec<SessionInfo>, Fault> {
        let inner = self.inner();
        let now = inner.clock.now();
        let idle_since = now.minus(inner.config.refresh_idle);
        let rows = inner.database.read(move |conn| session::list_live(conn, user, now, idle_since)).await?;
        Ok(rows.into_iter().map(|row| SessionInfo::of(row, current)).collect())
    }
}
