//! Audit events: what happened to an account, kept in the transaction that made it happen.

use auth_core::{AuditEventId, UserId};
use auth_persistence::audit_event::{self, AuditEvent};
use auth_persistence::{DbConnection, DbError};

use crate::client::Client;
use crate::service::Inner;

/// The events of this crate, as the contract names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    UserRegistered,
    LoginSucceeded,
    LoginFailed,
    Logout,
    LogoutAll,
    TokenReused,
    TokenAhead,
    PasswordRehashed,
    PasswordChanged,
    PasswordResetRequested,
    PasswordReset,
    PasswordDisabled,
    EmailVerified,
    EmailChangeRequested,
    EmailChanged,
    EmailChangeUndone,
    MfaEnabled,
    MfaDisabled,
    MfaFailed,
    MfaCodesRegenerated,
    OauthLinked,
    OauthUnlinked,
    SessionRevoked,
    AccountSecured,
    AccountDeleted,
    AdminUserCreated,
}

impl Event {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::UserRegistered => "user.registered",
            Self::LoginSucceeded => "login.succeeded",
            Self::LoginFailed => "login.failed",
            Self::Logout => "logout",
            Self::LogoutAll => "logout_all",
            Self::TokenReused => "token.reused",
            Self::TokenAhead => "token.ahead",
            Self::PasswordRehashed => "password.rehashed",
            Self::PasswordChanged => "password.changed",
            Self::PasswordResetRequested => "password.reset_requested",
            Self::PasswordReset => "password.reset",
            Self::PasswordDisabled => "password.disabled",
            Self::EmailVerified => "email.verified",
            Self::EmailChangeRequested => "email.change_requested",
            Self::EmailChanged => "email.changed",
            Self::EmailChangeUndone => "email.change_undone",
            Self::MfaEnabled => "mfa.enabled",
            Self::MfaDisabled => "mfa.disabled",
            Self::MfaFailed => "mfa.failed",
            Self::MfaCodesRegenerated => "mfa.codes_regenerated",
            Self::OauthLinked => "oauth.linked",
            Self::OauthUnlinked => "oauth.unlinked",
            Self::SessionRevoked => "session.revoked",
            Self::AccountSecured => "account.secured",
            Self::AccountDeleted => "account.deleted",
            Self::AdminUserCreated => "admin.user_created",
        }
    }

    /// Whether the account's own user did it: a mail can be asked for by anybody.
    const fn is_by_its_user(self) -> bool {
        !matches!(self, Self::PasswordResetRequested | Self::AdminUserCreated)
    }

    const fn is_success(self) -> bool {
        !matches!(
            self,
            Self::LoginFailed | Self::TokenReused | Self::TokenAhead | Self::PasswordDisabled | Self::MfaFailed
        )
    }
}

impl Inner {
    /// Writes `event` about `user`; `details` says more, in words of ours and ids only.
    pub(crate) fn record(
        &self,
        conn: &mut DbConnection,
        event: Event,
        user: Option<UserId>,
        client: &Client,
        details: serde_json::Value,
    ) -> Result<(), DbError> {
        let now = self.clock.now();
        let row = AuditEvent {
            id: AuditEventId::new(now, &*self.random),
            at: now,
            event: event.as_str().to_owned(),
            outcome: if event.is_success() { "success" } else { "failure" }.to_owned(),
            user_id: user,
            actor_id: user.filter(|_| event.is_success() && event.is_by_its_user()),
            ip: client.ip_text(),
            user_agent: client.user_agent().map(str::to_owned),
            request_id: client.request_id().map(str::to_owned),
            details,
        };
        tracing::info!(
            target: "audit",
            event = event.as_str(),
            outcome = row.outcome,
            user_id = user.map(tracing::field::display),
            ip = row.ip,
            user_agent = row.user_agent,
            request_id = client.request_id(),
            "audit"
        );
        audit_event::insert(conn, &row)
    }
}
