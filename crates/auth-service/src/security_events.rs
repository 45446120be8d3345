//! What happened to one's account, for its user to look at.

use auth_core::{AccessClaims, AuditEventId, Timestamp, UserId};
use auth_persistence::audit_event::AuditEvent;
use auth_persistence::audit_trail::{Events, Span};
use auth_persistence::{audit_trail, user};
use serde::Serialize;

use crate::account::{AccountError, active};
use crate::page::{Page, PageRequest};
use crate::service::AuthService;

/// An audit event, as those may see it who may see it at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SecurityEvent {
    /// The event's id.
    pub id: AuditEventId,
    /// When it happened.
    pub at: Timestamp,
    /// What happened: one of the names of the contract.
    pub event: String,
    /// `success` or `failure`.
    pub outcome: String,
    /// Whose account it concerns.
    pub user_id: Option<UserId>,
    /// Who did it, if known.
    pub actor_id: Option<UserId>,
    /// The address that it was done from: of somebody who failed to get in, too.
    pub ip: Option<String>,
    /// The program that it was done by, in its own words.
    pub user_agent: Option<String>,
    /// The request that it was done by.
    pub request_id: Option<String>,
    /// What else is worth knowing.
    pub details: serde_json::Value,
}

impl From<AuditEvent> for SecurityEvent {
    fn from(row: AuditEvent) -> Self {
        Self {
            id: row.id,
            at: row.at,
            event: row.event,
            outcome: row.outcome,
            user_id: row.user_id,
            actor_id: row.actor_id,
            ip: row.ip,
            user_agent: row.user_agent,
            request_id: row.request_id,
            details: row.details,
        }
    }
}

impl SecurityEvent {
    /// As its user may see it: from where an administrator worked is the administrator's.
    pub(crate) fn for_its_user(self) -> Self {
        match self.actor_id {
            Some(actor) if self.user_id != Some(actor) => Self { ip: None, user_agent: None, ..self },
            _ => self,
        }
    }
}

impl AuthService {
    /// What happened to the account of `claims`, the newest first.
    ///
    /// # Errors
    ///
    /// [`AccountError`].
    pub async fn security_events(
        &self,
        claims: &AccessClaims,
        page: PageRequest,
    ) -> Result<Page<SecurityEvent>, AccountError> {
        let (id, before) = (claims.user_id, page.after().map(AuditEventId::from_uuid));
        let rows = self
            .inner()
            .database
            .read(move |conn| -> Result<_, AccountError> {
                active(user::find(conn, id)?)?;
                let span = Span { before, ..Span::default() };
                Ok(audit_trail::newest(conn, Events::OfUser(id), span, page.one_more())?)
            })
            .await?;
        let page = Page::<SecurityEvent>::of(page, rows, |row| *row.id.as_uuid());
        let entries = page.entries.into_iter().map(SecurityEvent::for_its_user).collect();
        Ok(Page { entries, ..page })
    }
}
