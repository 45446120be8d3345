//! One's own account: see it, change it, take it away, take it along.

use std::time::Duration;

use auth_core::password::{Password, PasswordHash};
use auth_core::{
    AccessClaims, AuditEventId, DisplayName, ErrorCode, FieldError, SessionId, Timestamp, UserId, Username,
};
use auth_persistence::audit_event::{self, AuditEvent};
use auth_persistence::email_outbox::{self, QueuedEmail};
use auth_persistence::session::{self, Session};
use auth_persistence::user::{self, Change, User, UserChange};
use auth_persistence::{Conflict, DbConnection, DbError};
use serde::Serialize;
use serde_json::json;
use url::Url;

use crate::audit::Event;
use crate::client::Client;
use crate::fault::Fault;
use crate::logout::Reason;
use crate::profile::Profile;
use crate::register::kept;
use crate::revocation_feed::Revoked;
use crate::service::{AuthService, Inner};
use crate::sessions::SessionInfo;

/// How long a sign-in counts as a fresh proof of who is there.
pub const FRESH_PROOF: Duration = Duration::from_mins(10);

/// Why an account was not shown or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The account is gone, and the token with it.
    #[error("the account is gone")]
    Gone,
    /// The account is switched off.
    #[error("the account is disabled")]
    Disabled,
    /// Fields are refused.
    #[error("some fields are refused")]
    Invalid(Vec<FieldError>),
    /// Another account has the username.
    #[error("the username is taken")]
    UsernameTaken,
    /// The call wants a proof of who is there that is younger than ten minutes.
    #[error("a fresh proof is needed")]
    ReauthRequired,
    /// The password that came as a proof is wrong.
    #[error("wrong password")]
    InvalidCredentials,
    /// The code that came as a proof is wrong.
    #[error("wrong code")]
    InvalidCode,
    /// Nobody would be left to administer.
    #[error("the last admin stays")]
    LastAdmin,
    /// Nothing to do with the caller.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl AccountError {
    /// The stable code of this error.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Gone => ErrorCode::SessionRevoked,
            Self::Disabled => ErrorCode::AccountDisabled,
            Self::Invalid(_) => ErrorCode::ValidationFailed,
            Self::UsernameTaken => ErrorCode::UsernameTaken,
            Self::ReauthRequired => ErrorCode::ReauthRequired,
            Self::InvalidCredentials => ErrorCode::InvalidCredentials,
            Self::InvalidCode => ErrorCode::InvalidCode,
            Self::LastAdmin => ErrorCode::LastAdmin,
            Self::Fault(fault) => fault.code(),
        }
    }
}

impl From<DbError> for AccountError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::UniqueViolation(Conflict::UserUsername) => Self::UsernameTaken,
            error => Self::Fault(error.into()),
        }
    }
}

/// A change of one's profile: `None` keeps a field, `Some(None)` clears it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProfileChange<'a> {
    /// The name that is shown.
    pub display_name: Option<Option<&'a str>>,
    /// Where the picture is: an https URL.
    pub avatar_url: Option<Option<&'a str>>,
    /// The name to sign in with.
    pub username: Option<Option<&'a str>>,
}

/// What comes with a sensitive call to show who is there.
#[derive(Clone, Copy, Default)]
pub struct FreshProof<'a> {
    /// The password.
    pub password: Option<&'a str>,
    /// A code of the second factor.
    pub code: Option<&'a str>,
}

/// Everything that is stored about a user, but for secrets.
#[derive(Clone, Debug, Serialize)]
pub struct Export {
    /// The account itself.
    pub user: Profile,
    /// The sessions whose rows are still there, ended ones too.
    pub sessions: Vec<ExportedSession>,
    /// What happened to the account.
    pub events: Vec<ExportedEvent>,
    /// The mails that were queued for the user.
    pub mails: Vec<ExportedMail>,
}

/// A session, live or ended.
#[derive(Clone, Debug, Serialize)]
pub struct ExportedSession {
    #[serde(flatten)]
    session: SessionInfo,
    revoked_at: Option<Timestamp>,
    revoke_reason: Option<String>,
}

impl ExportedSession {
    fn of(session: Session, current: SessionId) -> Self {
        let (revoked_at, revoke_reason) = (session.revoked_at, session.revoke_reason.clone());
        Self { session: SessionInfo::of(session, current), revoked_at, revoke_reason }
    }
}

/// An audit event, as its user may see it.
#[derive(Clone, Debug, Serialize)]
pub struct ExportedEvent {
    id: AuditEventId,
    at: Timestamp,
    event: String,
    outcome: String,
    user_id: Option<UserId>,
    actor_id: Option<UserId>,
    ip: Option<String>,
    user_agent: Option<String>,
    request_id: Option<String>,
    details: serde_json::Value,
}

impl From<AuditEvent> for ExportedEvent {
    fn from(event: AuditEvent) -> Self {
        let AuditEvent { id, at, event, outcome, user_id, actor_id, ip, user_agent, request_id, details } = event;
        Self { id, at, event, outcome, user_id, actor_id, ip, user_agent, request_id, details }
    }
}

/// A mail that was queued; what it says is not told, since links that work may be in it.
#[derive(Clone, Debug, Serialize)]
pub struct ExportedMail {
    recipient: String,
    template: String,
    created_at: Timestamp,
    sent_at: Option<Timestamp>,
}

impl From<QueuedEmail> for ExportedMail {
    fn from(mail: QueuedEmail) -> Self {
        Self {
            recipient: mail.recipient.into_inner(),
            template: mail.template,
            created_at: mail.created_at,
            sent_at: mail.sent_at,
        }
    }
}

impl AuthService {
    /// The account of `user`.
    ///
    /// # Errors
    ///
    /// [`AccountError`].
    pub async fn profile(&self, user: UserId) -> Result<Profile, AccountError> {
        let inner = self.inner();
        let user = inner.database.read(move |conn| active(user::find(conn, user)?)).await?;
        Ok(Profile::of(user, inner.clock.now()))
    }

    /// Changes the account of `user`.
    ///
    /// # Errors
    ///
    /// [`AccountError`]; nothing was changed then.
    pub async fn change_profile(&self, user: UserId, change: ProfileChange<'_>) -> Result<Profile, AccountError> {
        let inner = self.inner();
        let (change, handle) = (accept(change)?, inner.handle());
        let user = inner
            .database
            .write(move |conn| {
                active(user::find(conn, user)?)?;
                user::update_profile(conn, user, &change, handle.clock.now())?;
                active(user::find(conn, user)?)
            })
            .await?;
        Ok(Profile::of(user, inner.clock.now()))
    }

    /// Deletes the account of the user of `claims`: sessions and everything else of theirs go, the audit trail keeps
    /// the id alone.
    ///
    /// # Errors
    ///
    /// [`AccountError`]; nothing was deleted then.
    pub async fn delete_account(
        &self,
        claims: &AccessClaims,
        proof: FreshProof<'_>,
        client: &Client,
    ) -> Result<(), AccountError> {
        let inner = self.inner();
        let proven = inner.require_fresh_proof(claims, proof, client).await?;
        let (handle, user, client) = (inner.handle(), claims.user_id, client.clone());
        let news = inner.database.write(move |conn| handle.delete(conn, user, proven.as_ref(), &client)).await?;
        inner.apply(&news);
        Ok(())
    }

    /// Everything that is stored about the user of `claims`.
    ///
    /// # Errors
    ///
    /// [`AccountError`].
    pub async fn export(&self, claims: &AccessClaims) -> Result<Export, AccountError> {
        let inner = self.inner();
        let (id, now) = (claims.user_id, inner.clock.now());
        let (user, sessions, events, mails) = inner
            .database
            .read(move |conn| -> Result<_, AccountError> {
                let user = active(user::find(conn, id)?)?;
                let events = audit_event::list_for_user(conn, id)?;
                Ok((user, session::list(conn, id)?, events, email_outbox::list_for_user(conn, id)?))
            })
            .await?;
        Ok(Export {
            user: Profile::of(user, now),
            sessions: sessions.into_iter().map(|row| ExportedSession::of(row, claims.session_id)).collect(),
            events: events.into_iter().map(ExportedEvent::from).collect(),
            mails: mails.into_iter().map(ExportedMail::from).collect(),
        })
    }
}

impl Inner {
    /// A sign-in younger than [`FRESH_PROOF`], or a right password now: its hash, which has to be the same still when
    /// the call is carried out. A wrong one is refused however fresh the sign-in is.
    async fn require_fresh_proof(
        &self,
        claims: &AccessClaims,
        proof: FreshProof<'_>,
        client: &Client,
    ) -> Result<Option<PasswordHash>, AccountError> {
        if proof.code.is_some() {
            // Nobody has a second factor yet, so no code can be right.
            return Err(AccountError::InvalidCode);
        }
        let Some(password) = proof.password else {
            let age = self.clock.now().saturating_since(claims.auth_time);
            return if age < FRESH_PROOF { Ok(None) } else { Err(AccountError::ReauthRequired) };
        };
        let id = claims.user_id;
        let user = self.database.read(move |conn| active(user::find(conn, id)?)).await?;
        let matched = match Password::new(password) {
            Ok(password) => self.check_password(Some(user), &password).await?,
            Err(_) => None,
        };
        let Some(matched) = matched else {
            // On record before the refusal is answered, so that nobody guesses a password unseen.
            self.record_failed_login(Some(id), "wrong_proof", client).await?;
            return Err(AccountError::InvalidCredentials);
        };
        Ok(Some(matched.hash))
    }

    fn delete(
        &self,
        conn: &mut DbConnection,
        user: UserId,
        proven: Option<&PasswordHash>,
        client: &Client,
    ) -> Result<Vec<Revoked>, AccountError> {
        // A session that is being opened is either there to be ended, or finds no user.
        user::lock(conn, user)?;
        let row = active(user::find(conn, user)?)?;
        let stored = row.password_hash.as_ref().map(|hash| hash.expose().as_str());
        if proven.is_some_and(|hash| stored != Some(hash.as_str())) {
            return Err(AccountError::InvalidCredentials);
        }
        if row.role == auth_core::Role::Admin {
            user::lock_admins(conn)?;
            if user::count_active_admins(conn)? <= 1 {
                return Err(AccountError::LastAdmin);
            }
        }
        let news = self.revoke_all(conn, user, None, Reason::AccountDeleted)?;
        user::delete(conn, user)?;
        audit_event::forget_user(conn, user)?;
        let nobody = Client::default();
        let client = client.request_id().map_or(nobody.clone(), |id| nobody.with_request_id(id));
        self.record(conn, Event::AccountDeleted, Some(user), &client, json!({}))?;
        Ok(news)
    }
}

fn active(user: Option<User>) -> Result<User, AccountError> {
    match user {
        None => Err(AccountError::Gone),
        Some(user) if user.disabled_at.is_some() => Err(AccountError::Disabled),
        Some(user) => Ok(user),
    }
}

fn accept(change: ProfileChange<'_>) -> Result<UserChange, AccountError> {
    let mut errors = Vec::new();
    let accepted = UserChange {
        display_name: changed(change.display_name, |name| {
            kept(DisplayName::parse(name), "display_name", "invalid_display_name", &mut errors)
        }),
        avatar_url: changed(change.avatar_url, |url| {
            kept(avatar_url(url), "avatar_url", "invalid_avatar_url", &mut errors)
        }),
        username: changed(change.username, |name| {
            kept(Username::parse(name), "username", "invalid_username", &mut errors)
        }),
    };
    if errors.is_empty() { Ok(accepted) } else { Err(AccountError::Invalid(errors)) }
}

fn changed<T>(field: Option<Option<&str>>, parse: impl FnOnce(&str) -> Option<T>) -> Change<T> {
    match field {
        None => Change::Keep,
        Some(None) => Change::Clear,
        Some(Some(text)) => parse(text).map_or(Change::Keep, Change::Set),
    }
}

/// An https URL without credentials, at most 2 048 bytes: pages show it as a picture, this server never fetches it.
fn avatar_url(text: &str) -> Result<String, &'static str> {
    const RULE: &str = "an avatar is an https URL of at most 2048 characters";
    let url = Url::parse(text).map_err(|_| RULE)?;
    let is_plain = url.scheme() == "https" && url.has_host() && url.username().is_empty() && url.password().is_none();
    if is_plain && url.as_str().len() <= 2048 { Ok(url.into()) } else { Err(RULE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn avatars_are_https_urls() {
        assert_eq!(avatar_url("https://cdn.example.org/a.png?s=1").unwrap(), "https://cdn.example.org/a.png?s=1");
        for text in [
            "http://a.example/",
            "javascript:alert(1)",
            "data:image/png;base64,AA",
            "https://u:p@a.example/",
            "//a",
            "",
        ] {
            assert!(avatar_url(text).is_err(), "{text}");
        }
    }
}
