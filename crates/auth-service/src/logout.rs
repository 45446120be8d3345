//! Ending sessions: one's own, one of one's others, or all.

use auth_core::{ErrorCode, SessionId, SessionSalt, UserId};
use auth_persistence::{DbConnection, DbError, session, user};
use serde_json::json;

use crate::audit::Event;
use crate::client::Client;
use crate::fault::Fault;
use crate::revocation_feed::Revoked;
use crate::service::{AuthService, Inner};

/// No session of this user has this id.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Unknown, ended, or somebody else's: not told apart.
    #[error("no such session")]
    NotFound,
    /// Nothing to do with the caller.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl SessionError {
    /// The stable code of this error.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound => ErrorCode::NotFound,
            Self::Fault(fault) => fault.code(),
        }
    }
}

impl From<DbError> for SessionError {
    fn from(error: DbError) -> Self {
        Self::Fault(error.into())
    }
}

/// Why sessions end, as their rows keep it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reason {
    Logout,
    LogoutAll,
    Revoked,
    Reuse,
    AccountDeleted,
    PasswordChanged,
    PasswordReset,
    EmailChanged,
    EmailChangeUndone,
    Secured,
    FactorChanged,
    /// An administrator took the second factor off.
    FactorReset,
    /// An administrator ended them.
    RevokedByAdmin,
    /// An administrator demanded a new password.
    PasswordMustChange,
    /// An administrator switched the account off.
    Disabled,
    /// The user had more sessions than are allowed.
    Crowded,
    /// The operator ended everybody's.
    RevokedByOperator,
    /// The database was restored from a backup.
    Restored,
}

impl Reason {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::LogoutAll => "logout_all",
            Self::Revoked => "revoked",
            Self::Reuse => auth_persistence::refresh::REUSE,
            Self::AccountDeleted => "account_deleted",
            Self::PasswordChanged => "password_changed",
            Self::PasswordReset => "password_reset",
            Self::EmailChanged => "email_changed",
            Self::EmailChangeUndone => "email_change_undone",
            Self::Secured => "secured",
            Self::FactorChanged => "factor_changed",
            Self::FactorReset => "factor_reset",
            Self::RevokedByAdmin => "revoked_by_admin",
            Self::PasswordMustChange => "password_must_change",
            Self::Disabled => "disabled",
            Self::Crowded => "crowded",
            Self::RevokedByOperator => "revoked_by_operator",
            Self::Restored => "restored",
        }
    }
}

impl AuthService {
    /// Signs the session out. To do so again changes nothing.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub async fn log_out(&self, user: UserId, session: SessionId, client: &Client) -> Result<(), Fault> {
        match self.inner().end_session(user, session, Reason::Logout, Event::Logout, client).await {
            Ok(()) | Err(SessionError::NotFound) => Ok(()),
            Err(SessionError::Fault(fault)) => Err(fault),
        }
    }

    /// Signs the session of `refresh_token` out: any authentic token of it will do, an outdated one too. A text that
    /// is none is answered like a session that has ended already (RFC 7009, section 2.2).
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub async fn log_out_by_refresh_token(&self, refresh_token: &str, client: &Client) -> Result<(), Fault> {
        let inner = self.inner();
        let Ok(presented) = inner.refresh_tokens.parse(refresh_token) else { return Ok(()) };
        let id = presented.session();
        let found = inner.database.read(move |conn| session::find(conn, id)).await.map_err(Fault::from)?;
        let Some(session) = found else {
            return Ok(());
        };
        if !presented.is_bound_to(&SessionSalt::from_bytes(*session.salt.expose())) {
            return Ok(());
        }
        self.log_out(session.user_id, session.id, client).await
    }

    /// Ends every session of `user`.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub async fn log_out_everywhere(&self, user: UserId, client: &Client) -> Result<(), Fault> {
        self.inner().end_sessions(user, None, Reason::LogoutAll, Event::LogoutAll, client).await
    }

    /// Ends every session of `user` but `kept`.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub async fn revoke_other_sessions(&self, user: UserId, kept: SessionId, client: &Client) -> Result<(), Fault> {
        self.inner().end_sessions(user, Some(kept), Reason::Revoked, Event::SessionRevoked, client).await
    }

    /// Ends one session of `user`.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotFound`] when the user has no such live session, or [`Fault`].
    pub async fn revoke_session(&self, user: UserId, session: SessionId, client: &Client) -> Result<(), SessionError> {
        self.inner().end_session(user, session, Reason::Revoked, Event::SessionRevoked, client).await
    }
}

impl Inner {
    async fn end_session(
        &self,
        user: UserId,
        session: SessionId,
        reason: Reason,
        event: Event,
        client: &Client,
    ) -> Result<(), SessionError> {
        let (inner, client) = (self.handle(), client.clone());
        let news = self
            .database
            .write(move |conn| {
                if !session::revoke(conn, session, user, reason.as_str(), inner.clock.now())? {
                    return Err(SessionError::NotFound);
                }
                inner.record(conn, event, Some(user), &client, json!({ "session_id": session }))?;
                Ok(inner.announce_sessions(conn, user, vec![session])?)
            })
            .await?;
        self.apply(&news);
        Ok(())
    }

    async fn end_sessions(
        &self,
        user: UserId,
        kept: Option<SessionId>,
        reason: Reason,
        event: Event,
        client: &Client,
    ) -> Result<(), Fault> {
        let (inner, client) = (self.handle(), client.clone());
        let news = self
            .database
            .write(move |conn| -> Result<_, DbError> {
                user::lock(conn, user)?;
                inner.end_pending(conn, user)?;
                let news = inner.revoke_sessions(conn, user, kept, reason)?;
                inner.record(conn, event, Some(user), &client, json!({ "sessions": news.len() }))?;
                Ok(news)
            })
            .await?;
        self.apply(&news);
        Ok(())
    }

    /// Ends the sessions of `user`, but for the session `kept`, inside the caller's transaction.
    pub(crate) fn revoke_sessions(
        &self,
        conn: &mut DbConnection,
        user: UserId,
        kept: Option<SessionId>,
        reason: Reason,
    ) -> Result<Vec<Revoked>, DbError> {
        let ended = session::revoke_all(conn, user, kept, reason.as_str(), self.clock.now())?;
        self.announce_sessions(conn, user, ended.into_iter().map(|(session, _)| session).collect())
    }
}
