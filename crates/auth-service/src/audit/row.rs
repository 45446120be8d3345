//! What is the matter with one row of the trail.

use auth_core::{AuditChain, AuditFacts, AuditPersonal};
use auth_persistence::audit_chain::ChainedEvent;
use auth_persistence::audit_event::ERASED_DETAILS;

use super::Event;

/// The events that personal data may be erased for: the account is gone.
pub(super) const ERASING: [&str; 2] = [Event::AccountDeleted.as_str(), Event::AdminUserDeleted.as_str()];

/// What is the matter with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// It says what it was written with; this is its tag.
    Whole([u8; 32]),
    /// The same, but that its personal data are erased, completely.
    Erased([u8; 32]),
    /// It was never sealed.
    Untagged,
    /// It says something else.
    Changed,
}

impl Condition {
    pub(super) fn of(row: &ChainedEvent, chain: &AuditChain) -> Self {
        let Some(tag) = &row.tag else { return Self::Untagged };
        let (Some(tag), Some(digest)) = (fixed(Some(tag)), fixed(row.personal_digest.as_deref())) else {
            return Self::Changed;
        };
        if !chain.is_tag(&facts(row), &digest, &tag) {
            return Self::Changed;
        }
        let is_empty = row.ip.is_none() && row.user_agent.is_none() && row.details == ERASED_DETAILS;
        match fixed(row.salt.as_deref()) {
            Some(salt) if chain.personal_digest(&salt, &personal(row)) == digest => Self::Whole(tag),
            // A version without the chain leaves the salt when it erases.
            _ if is_empty => Self::Erased(tag),
            _ => Self::Changed,
        }
    }

    /// The tag, if the row is as it was written or was erased since.
    pub(super) const fn tag(self) -> Option<[u8; 32]> {
        match self {
            Self::Whole(tag) | Self::Erased(tag) => Some(tag),
            Self::Untagged | Self::Changed => None,
        }
    }
}

/// Bytes that have a fixed length wherever they are right.
pub(super) fn fixed<const N: usize>(bytes: Option<&[u8]>) -> Option<[u8; N]> {
    bytes?.try_into().ok()
}

fn facts(row: &ChainedEvent) -> AuditFacts<'_> {
    AuditFacts {
        id: row.id,
        at: row.at,
        event: &row.event,
        outcome: &row.outcome,
        user_id: row.user_id,
        actor_id: row.actor_id,
        request_id: row.request_id.as_deref(),
    }
}

fn personal(row: &ChainedEvent) -> AuditPersonal<'_> {
    AuditPersonal { ip: row.ip.as_deref(), user_agent: row.user_agent.as_deref(), details: &row.details }
}
