//! Audit events: what happened to an account, kept in the transaction that made it happen, and linked afterwards so that
//! nobody changes them unseen (docs/audit.md).
//!
//! - Here: which events there are, and writing them, sealed.
//! - `sealer` gives the rows their places in the chain; `checkpoint` signs links; `ends` guards the chain's two ends.
//! - `retention` deletes rows from the front of the chain.
//! - `row` tells what is the matter with one row; `verify` looks at all of them, for the command line.

mod checkpoint;
mod ends;
mod retention;
mod row;
mod sealer;
mod verify;

use auth_core::{AuditChain, AuditEventId, AuditFacts, AuditPersonal, Random, UserId};
use auth_persistence::audit_event::{self, AuditEvent};
use auth_persistence::{DbConnection, DbError};

pub use self::checkpoint::{InvalidCheckpoint, KnownCheckpoint};
pub(crate) use self::ends::Trail;
pub use self::verify::{AuditFault, AuditReport, AuditTrail, FaultKind};
use crate::client::Client;
use crate::service::Inner;

macro_rules! events {
    ($($name:ident = $text:literal;)+) => {
        /// The events that happen to accounts, as the contract names them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Event {
            $($name,)+
        }

        impl Event {
            /// The names of all of them.
            const NAMES: &[&str] = &[$($text,)+];

            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

events! {
    UserRegistered = "user.registered";
    LoginSucceeded = "login.succeeded";
    LoginFailed = "login.failed";
    Logout = "logout";
    LogoutAll = "logout_all";
    TokenReused = "token.reused";
    TokenAhead = "token.ahead";
    PasswordRehashed = "password.rehashed";
    PasswordChanged = "password.changed";
    PasswordResetRequested = "password.reset_requested";
    PasswordReset = "password.reset";
    PasswordDisabled = "password.disabled";
    EmailVerified = "email.verified";
    EmailChangeRequested = "email.change_requested";
    EmailChanged = "email.changed";
    EmailChangeUndone = "email.change_undone";
    MfaEnabled = "mfa.enabled";
    MfaDisabled = "mfa.disabled";
    MfaFailed = "mfa.failed";
    MfaCodesRegenerated = "mfa.codes_regenerated";
    OauthLinked = "oauth.linked";
    OauthUnlinked = "oauth.unlinked";
    SessionRevoked = "session.revoked";
    AccountSecured = "account.secured";
    AccountDeleted = "account.deleted";
    AdminUserCreated = "admin.user_created";
    AdminUserChanged = "admin.user_changed";
    AdminUserDeleted = "admin.user_deleted";
    AdminMfaReset = "admin.mfa_reset";
    AdminSessionsRevoked = "admin.sessions_revoked";
    RateLimitHit = "rate_limit.hit";
}

/// What happens to the signing keys, and to nobody's account.
pub(crate) const KEYS_ROTATED: &str = "keys.rotated";

/// The names of all events that are told of accounts and keys, as the contract has them.
pub fn event_names() -> impl Iterator<Item = &'static str> {
    Event::NAMES.iter().copied().chain([KEYS_ROTATED])
}

/// Whether there are events of this name.
pub(crate) fn is_event_name(text: &str) -> bool {
    event_names().any(|name| name == text)
}

impl Event {
    /// Whether the account's own user did it: a mail can be asked for by anybody.
    const fn is_by_its_user(self) -> bool {
        !matches!(
            self,
            Self::PasswordResetRequested
                | Self::AdminUserCreated
                | Self::AdminUserChanged
                | Self::AdminUserDeleted
                | Self::AdminMfaReset
                | Self::AdminSessionsRevoked
        )
    }

    const fn is_success(self) -> bool {
        !matches!(
            self,
            Self::LoginFailed
                | Self::TokenReused
                | Self::TokenAhead
                | Self::PasswordDisabled
                | Self::MfaFailed
                | Self::RateLimitHit
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
        let actor = user.filter(|_| event.is_success() && event.is_by_its_user());
        self.record_by(conn, actor, event, user, client, details)
    }

    /// Writes that `actor` did `event` to the account of `user`, from `client`.
    pub(crate) fn record_by(
        &self,
        conn: &mut DbConnection,
        actor: Option<UserId>,
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
            actor_id: actor,
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
            actor_id = actor.map(tracing::field::display),
            ip = row.ip,
            user_agent = row.user_agent,
            request_id = client.request_id(),
            "audit"
        );
        write(conn, Some(&self.audit.chain), &row, &*self.random)
    }
}

/// Writes an event, sealed. Without a chain's key no server of this version has run on the database: then the row is one
/// from before the chain.
pub(crate) fn write(
    conn: &mut DbConnection,
    chain: Option<&AuditChain>,
    event: &AuditEvent,
    random: &dyn Random,
) -> Result<(), DbError> {
    let details = event.details.to_string();
    let facts = AuditFacts {
        id: event.id,
        at: event.at,
        event: &event.event,
        outcome: &event.outcome,
        user_id: event.user_id,
        actor_id: event.actor_id,
        request_id: event.request_id.as_deref(),
    };
    let personal =
        AuditPersonal { ip: event.ip.as_deref(), user_agent: event.user_agent.as_deref(), details: &details };
    let seal = chain.map(|chain| chain.seal(&facts, &personal, random));
    audit_event::insert(conn, event, seal.as_ref())
}
